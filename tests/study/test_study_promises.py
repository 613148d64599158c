"""Fronts of TCO against a promise: complete by brute force over every value that candidates allow."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from small import job, owned_site, service

from dcopt.candidates.pools import pools_of
from dcopt.candidates.training import TrainingGenerator
from dcopt.cli.main import main
from dcopt.problem.load import load
from dcopt.study.ask import Asker
from dcopt.study.pareto import CLOSE, promise_front, range_of
from dcopt.study.records import Outcome, Scenario, SolveChoices

TIGHT = SolveChoices(gap=1e-9)


def test_days_of_a_job_brute_force(tmp_path: Path) -> None:
    """Every number of days that some candidate takes, promised one by one, gives the same front."""
    path = owned_site([job(deadline_days=365, tokens=4e11)]).write(tmp_path)
    ask = Asker(path, (), TIGHT)
    cell = "training.learn.deadline_days"
    problem = load(path)
    ways = TrainingGenerator(problem, tuple(pools_of(problem).values())).admissible(problem.training["learn"])
    days = sorted({candidate.days for of_pool in ways.values() for candidate in of_pool})
    assert len(days) > 4
    expected: list[tuple[float, float]] = []
    for value in days:
        outcome = ask(Scenario(name=f"{value}", sets=(f"{cell}={value * (1 + 1e-9):.12g}",)))
        if outcome.solved and (not expected or outcome.figures["tco_usd"] < expected[-1][0] * (1 - 1e-6)):
            expected.append((outcome.figures["tco_usd"], value))
    points = promise_front(cell, ask, *range_of(load(path), cell))
    assert len(points) > 1
    found = sorted((point.tco_usd, point.other) for point in points)
    assert found == [pytest.approx(pair, rel=1e-6) for pair in sorted(expected)]


def test_quality_brute_force(tmp_path: Path) -> None:
    small = owned_site(services=[service(peak_requests_per_s=6000)])
    small = small.add("compression", name="int4", method="quantization", weight_bits=4, quality_loss_pct=2.5)
    small = small.add("compression", name="slim", method="pruning", size_factor=0.6, quality_loss_pct=1.5)
    path = small.write(tmp_path)
    ask, cell = Asker(path, (), TIGHT), "inference.chat.max_quality_loss_pct"
    expected: list[tuple[float, float]] = []
    for loss in (0.0, 0.5, 1.5, 2.0, 2.5, 4.0, 100.0):
        outcome = ask(Scenario(name=f"{loss}", sets=(f"{cell}={loss}",)))
        if outcome.solved and (not expected or outcome.figures["tco_usd"] < expected[-1][0] * (1 - 1e-6)):
            expected.append((outcome.figures["tco_usd"], outcome.achieved[cell]))
    points = promise_front(cell, ask, *range_of(load(path), cell))
    assert sorted(p.tco_usd for p in points) == pytest.approx(sorted(cost for cost, _ in expected), rel=1e-6)
    assert sorted(p.other for p in points) == pytest.approx(sorted(loss for _, loss in expected), abs=1e-6)


def steps(scenario: Scenario) -> Outcome:
    """A service whose cost falls in known steps as its time is loosened; below 7 ms there is no design."""
    (value,) = (float(v) for v in scenario.inputs.values())
    base = {"key": scenario.name, "scenario": scenario.name, "inputs": scenario.inputs}
    if value < 7:
        return Outcome.model_validate({**base, "status": "infeasible"})
    cost = 100.0 - 10 * sum(value >= edge for edge in (9, 9.5, 40, 41, 333))
    return Outcome.model_validate({**base, "status": "optimal", "figures": {"tco_usd": cost}})


def test_every_step_in_latency_is_found() -> None:
    points = promise_front("inference.chat.ttft_ms", steps, 1, 1000)
    assert [point.tco_usd for point in points] == [50, 60, 70, 80, 90, 100]
    for point, edge in zip(points, (333, 41, 40, 9.5, 9, 7), strict=True):
        assert edge <= point.other <= edge * (1 + 2 * CLOSE)


def test_a_tighter_latency_never_costs_less(tmp_path: Path) -> None:
    path = owned_site(services=[service(peak_requests_per_s=4000)]).write(tmp_path)
    points = promise_front("inference.chat.tpot_ms", Asker(path, (), TIGHT), 2, 10)
    assert len(points) > 1
    for cheap, dear in pairwise(points):
        assert cheap.tco_usd < dear.tco_usd
        assert cheap.other > dear.other


def test_what_cannot_be_traded_is_an_error(tmp_path: Path) -> None:
    path = owned_site(services=[service()]).write(tmp_path)
    problem = load(path)
    assert range_of(problem, "inference.chat.ttft_ms") == (20, 2000)
    for cell in ("inference.chat.peak_requests_per_s", "inference.nobody.ttft_ms", "sites.oslo.power_limit_kw"):
        with pytest.raises(ValueError, match="no promise"):
            range_of(problem, cell)
    with pytest.raises(ValueError, match="not promised"):
        range_of(problem, "inference.chat.latency_ms")
    arguments = ["pareto", str(path), "--trade", "tco", "inference.chat.max_quality_loss_pct"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "TCO, USD" in result.stdout
    assert CliRunner().invoke(main, [*arguments[:-1], "inference.chat.latency_ms"]).exit_code == 2
    assert CliRunner().invoke(main, [*arguments, "--between", "3:1"]).exit_code == 2
    assert CliRunner().invoke(main, [*arguments, "--points", "3"]).exit_code == 2
