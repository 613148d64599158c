"""Screening: elementary effects against known answers."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from small import owned_site, service

from dcopt.cli.main import main
from dcopt.problem.tables.study_rows import UncertainCell
from dcopt.study.records import Outcome, Scenario
from dcopt.study.screening import MOST_INPUTS, ScreeningError, effects, morris_scenarios

pytest.importorskip("SALib", reason="the extra 'screen' is not installed")


def cells(count: int) -> tuple[UncertainCell, ...]:
    return tuple(
        UncertainCell(table="nodes", name=f"n{i}", column="price_usd", low=i, high=i + 2.0) for i in range(1, count + 1)
    )


def solved(scenario: Scenario, tco: float, design: str = "a") -> Outcome:
    known = {"key": scenario.name, "scenario": scenario.name, "inputs": scenario.inputs, "status": "optimal"}
    return Outcome.model_validate({**known, "figures": {"tco_usd": tco}, "design": design})


def test_each_step_moves_one_input_within_its_range() -> None:
    asked = cells(5)
    scenarios = morris_scenarios(asked, 7, seed=3)
    assert len(scenarios) == 7 * 6
    assert scenarios == morris_scenarios(asked, 7, seed=3)
    assert scenarios != morris_scenarios(asked, 7, seed=4)
    for before, after in itertools.pairwise(scenarios):
        moved = [cell.path for cell in asked if before.inputs[cell.path] != after.inputs[cell.path]]
        if after.inputs["step"]:
            assert moved == [after.inputs["moved"]]
    for cell in asked:
        values = {float(scenario.inputs[cell.path]) for scenario in scenarios}
        assert cell.low is not None
        assert min(values) >= cell.low
        assert max(values) <= cell.low + 2
        assert len([s for s in scenarios if s.inputs["moved"] == cell.path]) == 7


def test_effects_are_those_that_salib_computes() -> None:
    from SALib.analyze import morris

    asked = cells(4)
    scenarios = morris_scenarios(asked, 12, seed=1)
    points = np.array([[(float(s.inputs[c.path]) - c.low) / 2 for c in asked] for s in scenarios])  # type: ignore[operator]
    costs = 100 + points @ np.array([10.0, 0.0, -30.0, 5.0]) + 40 * points[:, 0] * points[:, 3]
    found = {e.cell: e for e in effects([solved(s, cost) for s, cost in zip(scenarios, costs, strict=True)])}
    problem = {"num_vars": 4, "names": list("abcd"), "bounds": [[0, 1]] * 4}
    known = morris.analyze(problem, points, costs, num_levels=4)
    for index, cell in enumerate(asked):
        effect = found[cell.path]
        assert effect.mu_star_usd == pytest.approx(known["mu_star"][index], abs=1e-9)
        assert effect.sigma_usd == pytest.approx(known["sigma"][index], abs=1e-9)
        assert (effect.steps, effect.changes, effect.broken) == (12, 0, 0)


def test_steps_without_a_design_are_counted_and_failed_ones_left_out() -> None:
    asked = cells(2)
    scenarios = morris_scenarios(asked, 6, seed=1)
    limit = float(np.median([float(s.inputs[asked[0].path]) for s in scenarios]))
    outcomes = []
    for scenario in scenarios:
        one = solved(scenario, 5.0, "b" if float(scenario.inputs[asked[1].path]) > 3 else "a")
        if float(scenario.inputs[asked[0].path]) > limit:
            one = one.model_copy(update={"status": "infeasible", "figures": {}})
        outcomes.append(one)
    first, second = sorted(effects(outcomes), key=lambda e: e.cell)
    assert first.broken > 0
    assert second.changes > 0
    assert second.mu_star_usd in (0.0, None)
    failed = [one.model_copy(update={"status": "failed"}) for one in outcomes]
    assert effects(failed) == ()


def test_thirty_inputs_are_screened_each_moved_once_a_trajectory() -> None:
    asked = cells(MOST_INPUTS)
    scenarios = morris_scenarios(asked, 4, seed=2)
    assert len(scenarios) == 4 * (MOST_INPUTS + 1)
    weights = {cell.path: float(place) for place, cell in enumerate(asked)}
    outcomes = []
    for scenario in scenarios:
        shares = {c.path: (float(scenario.inputs[c.path]) - c.low) / (c.high - c.low) for c in asked}  # type: ignore[operator]
        outcomes.append(solved(scenario, 100 + sum(weights[path] * share for path, share in shares.items()), "a"))
    found = effects(outcomes)
    assert [effect.cell for effect in found] == sorted(weights, key=lambda path: -weights[path])
    for effect in found:
        assert effect.mu_star_usd == pytest.approx(weights[effect.cell], abs=1e-6)
        assert effect.sigma_usd == pytest.approx(0.0, abs=1e-6)
        assert effect.steps == 4


def test_too_many_inputs_are_an_error() -> None:
    with pytest.raises(ScreeningError, match="31"):
        morris_scenarios(cells(MOST_INPUTS + 1), 3, seed=0)
    with pytest.raises(ScreeningError, match=r"uncertainty\.csv"):
        morris_scenarios((), 3, seed=0)


def test_the_command_screens_and_ranks(tmp_path: Path) -> None:
    small = owned_site(services=[service()])
    small = small.add("uncertainty", table="nodes", name="*", column="price_usd", low=0.5, high=1.5)
    small = small.add("uncertainty", table="sites", name="oslo", column="water_usd_per_m3", low=0.9, high=1.1)
    arguments = [str(small.write(tmp_path)), "--screen", "morris", "--trajectories", "2", "--gap", "1e-7"]
    result = CliRunner().invoke(main, ["sensitivity", *arguments])
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if line.startswith(("nodes", "sites"))]
    assert [line.split()[0] for line in lines] == ["nodes.*.price_usd", "sites.oslo.water_usd_per_m3"]
    assert "2 of 2" in result.stdout or "of 2" in result.stdout
