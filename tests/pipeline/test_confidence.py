"""Confidence and measurements through the whole job: laws, verification, and what the report says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from small import Small, design_of, job, owned_site, service, tco_of

from dcopt.cli.main import main
from dcopt.design.records import Design
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.report.content import build_report
from dcopt.report.markdown import render_sections
from dcopt.verify.verify import verify

BOTH = owned_site([job(deadline_days=6)], [service(peak_requests_per_s=3000, mean_requests_per_s=1000)])


def error(quantity: str, task: str, **cells: object) -> dict[str, object]:
    row = {"name": f"{quantity}-any", "task": task, "quantity": quantity, "rows": 50}
    return {**row, "group_sigma": 0.1, "candidate_sigma": 0.1, **cells}


ERRORS = [
    error("step_s", "training"),
    *(error(quantity, "inference") for quantity in ("ttft_ms", "tpot_ms", "latency_ms")),
]


def test_more_confidence_never_costs_less() -> None:
    small = BOTH.put("prediction_errors", ERRORS)
    costs = [tco_of(small.set(confidence_pct=percent)) for percent in (None, 50, 80, 95, 99)]
    assert costs == sorted(costs)
    assert costs[0] < costs[-1]


def test_wider_bands_never_cost_less() -> None:
    costs = []
    for sigma in (0.01, 0.1, 0.2):
        errors = [{**row, "candidate_sigma": sigma} for row in ERRORS]
        costs.append(tco_of(BOTH.put("prediction_errors", errors).set(confidence_pct=90)))
    assert costs == sorted(costs)
    assert costs[0] < costs[-1]


def test_a_bias_is_corrected_in_both_directions() -> None:
    def factor(bias: float) -> float:
        rows = [{**row, "bias": bias} for row in ERRORS]
        (record, *_) = design_of(owned_site([job()]).put("prediction_errors", rows).set(confidence_pct=90)).training
        return record.time_factor

    assert factor(-0.2) < factor(0.0) < factor(0.2)


@pytest.mark.parametrize("percent", [80, 90, 95])
def test_a_design_keeps_its_promises_as_likely_as_was_asked(percent: float) -> None:
    design = design_of(BOTH.put("prediction_errors", ERRORS).set(confidence_pct=percent))
    assert design.kept_pct is not None
    assert design.kept_pct >= percent
    plain = design_of(BOTH.put("prediction_errors", ERRORS))
    assert plain.kept_pct is not None
    assert plain.kept_pct < design.kept_pct
    assert {(promise.workload, promise.what) for promise in plain.promises} == {
        ("learn", "days"),
        ("chat", "first"),
        ("chat", "pace"),
    }


def test_the_report_says_what_confidence_costs() -> None:
    problem = BOTH.put("prediction_errors", ERRORS).set(confidence_pct=95).load()
    design = design_for(problem, RunOptions(gap=1e-6, threads=1))
    assert design.confidence is not None
    assert design.confidence.without_tco_usd is not None
    assert design.tco_usd is not None
    assert design.confidence.without_tco_usd <= design.tco_usd
    assert design.confidence.without_kept_pct is not None
    assert design.confidence.without_kept_pct < design.kept_pct
    text = render_sections(build_report(design, problem))
    assert "95 % was asked" in text
    assert "Confidence of 95 % costs USD" in text


def test_without_confidence_the_report_says_how_likely_promises_are_kept() -> None:
    problem = BOTH.put("prediction_errors", ERRORS).load()
    design = design_for(problem, RunOptions(gap=1e-6, threads=1, baseline=False))
    assert design.confidence is None
    text = render_sections(build_report(design, problem))
    assert "all promises are kept with a probability of" in text
    assert "no margin is taken" in text


RATE = {"id": "mine", "task": "inference", "model": "tiny", "node": "duo", "accelerators": 1}
RATE |= {"input_tokens": 128, "output_tokens": 64, "requests_per_s": 40.0}


def served(small: Small) -> tuple[Design, float]:
    design = design_of(small)
    return design, sum(part.replicas * part.accelerators_per_replica for part in design.inference)


def test_a_measured_rate_is_what_a_replica_carries() -> None:
    only_duos = owned_site([], [service()]).drop("nodes", "quad")
    design, _ = served(only_duos.add("measurements", **RATE).change("nodes", "duo", replica_sizes="1"))
    part = next(part for part in design.inference if part.year == 1)
    assert part.measured_by == "mine"
    assert part.capacity_requests_per_s == pytest.approx(40 * part.replicas)
    assert part.replicas == 8  # 300 requests/s at 40 each
    assert (part.ttft_ms, part.tpot_ms) == (200, 20)
    assert [promise for promise in design.promises if promise.what == "pace"] == []


def test_a_measured_step_decides_the_days() -> None:
    plain = owned_site([job()]).drop("nodes", "quad")
    before = design_of(plain).training[0]
    measured = {"id": "mine", "task": "training", "model": "tiny", "node": "duo", "fabric": before.fabric}
    measured |= {"accelerators": before.accelerators, "global_batch": 64, "sequence_length": 512}
    measured |= {"precision": before.precision, "software": before.software, "step_s": before.step_s * 1.5}
    design = design_of(plain.add("measurements", **measured))
    after = design.training[0]
    if after.nodes == before.nodes:
        assert after.step_s * after.time_factor == pytest.approx(before.step_s * 1.5)
    assert after.time_factor > 1.0
    assert design.promises[0].measured_by == ("mine",)


def test_too_much_confidence_is_named_as_a_way_out() -> None:
    wide = [{**row, "candidate_sigma": 2.0} for row in ERRORS]
    for small in (owned_site([job(deadline_days=6)]), owned_site([], [service()])):
        design = design_of(small.put("prediction_errors", wide).set(confidence_pct=99))
        assert design.status == "infeasible"
        assert "confidence_pct (99)" in " ".join(design.diagnosis)


def test_a_forged_factor_is_found() -> None:
    problem = BOTH.put("prediction_errors", ERRORS).set(confidence_pct=90).load()
    design = design_for(problem, RunOptions(gap=1e-6, threads=1, baseline=False))
    record = design.training[0]
    forged = design.model_copy(
        update={"training": (record.model_copy(update={"time_factor": 1.0}), *design.training[1:])}
    )
    _, mismatches = verify(problem, forged)
    assert any("time_factor" in str(mismatch) for mismatch in mismatches)


def test_a_bad_measurement_is_an_input_error(tmp_path: Path) -> None:
    folder = BOTH.add("measurements", **{**RATE, "requests_per_s": None, "tpot_ms": 9.0}).write(tmp_path)
    for command in (["check", str(folder)], ["solve", str(folder), "-o", str(tmp_path / "run")]):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 2, result.output
        assert "measurements.csv:2: batch" in result.output
    assert not (tmp_path / "run").exists()


def test_the_run_lists_what_measurements_changed(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    owned_site([], [service()]).add("measurements", **RATE).write(folder)
    run = tmp_path / "run"
    result = CliRunner().invoke(main, ["solve", str(folder), "-o", str(run), "--no-baseline"])
    assert result.exit_code == 0, result.output
    design = json.loads((run / "design.json").read_text(encoding="utf-8"))
    lines = (run / "inputs" / "corrections.csv").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("measurements,mine,requests_per_s,,40") for line in lines)
    assert design["kept_pct"] is not None
