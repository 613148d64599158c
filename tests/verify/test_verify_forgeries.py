"""Designs whose numbers agree with each other, and are wrong all the same: solved for other inputs, or made up."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from verify_cases import OPTIONS, Case

from dcopt.design.records import Design, Status
from dcopt.pipeline.run import design_for
from dcopt.problem.load import load
from dcopt.verify.checker import Checker
from dcopt.verify.verify import verify

CHEATS = {
    "cheaper nodes": "offers.nodes/hgx-a100-80-8/*.price_usd=70000",
    "cheaper switches": "switches.qm9790-ndr.price_usd*=0.9",
    "nodes that draw less": "nodes.hgx-a100-80-8.measured_peak_kw=5",
    "idle nodes that draw less": "nodes.hgx-a100-80-8.idle_kw*=0.5",
    "fewer tokens": "training.llm.tokens*=0.5",
    "fewer runs": "training.llm.runs_per_year=1",
    "less overhead": "training.llm.overhead_factor=1",
    "a later deadline": "training.llm.deadline_days=60",
    "a faster framework": "software.megatron.efficiency*=1.1",
    "nodes that never fail": "nodes.*.mtbf_hours=1000000",
    "fewer requests": "inference.answers.peak_requests_per_s=400",
    "no headroom": "inference.answers.headroom_pct=0",
    "a worse model": "inference.answers.max_quality_loss_pct=6",
    "an easier percentile": "inference.answers.percentile=50",
    "no redundancy": "sites.hall.redundancy=N",
    "cheap electricity": "sites.hall.electricity_usd_per_kwh*=0.99",
    "a cheap building": "sites.hall.build_usd_per_kw*=0.5",
    "no carbon price": "settings.carbon_price_usd_per_t=0",
    "another discount rate": "settings.discount_rate_pct=8.01",
    "a higher residual": "settings.residual_pct=100",
    "no inflation": "settings.cost_inflation_pct=0",
    "fewer spares": "settings.spare_target_pct=90",
    "less data": "datasets.text.size_tb=1",
    "longer lives": "power.ups-50.lifetime_years=20",
    "cheaper racks": "racks.*.price_usd*=0.5",
    "efficient cooling": "cooling.chiller-air-50.kw_per_kw=0.1",
    "efficient power": "power.ups-50.efficiency_50_pct=96.3",
    "more there already": "existing.hall/nodes/l4-4.units=3",
}
"""Changes of alpha's inputs; the design for each is held against the true inputs."""


@pytest.mark.parametrize("cheat", CHEATS)
def test_design_for_easier_inputs_is_found(cases: dict[str, Case], cheat: str) -> None:
    case = cases["alpha"]
    easier = load(case.folder, (CHEATS[cheat],))
    forged = design_for(easier, OPTIONS)
    assert forged.status == "optimal"
    assert verify(easier, forged)[1] == ()
    assert verify(case.problem, forged)[1]


@pytest.mark.parametrize("table", ["racks", "power", "cooling", "storage", "nodes"])
def test_parts_that_are_not_offered_are_found(cases: dict[str, Case], table: str) -> None:
    case = cases["alpha"]
    used = next(line.item for line in case.design.bom_lines if line.table == table)
    offers = {key: row for key, row in case.problem.offers.items() if (row.table, row.name) != (table, used)}
    assert any(row.table == table for row in offers.values())
    without = replace(case.problem, tables={**case.problem.tables, "offers": offers, "existing": {}})
    found = [str(mismatch) for mismatch in verify(without, case.design)[1]]
    assert any("not offered" in text and used in text for text in found)


def _scaled_prices(design: dict[str, Any], share: float) -> dict[str, Any]:
    """Return the design with every amount of money, and what follows from it, times ``share``."""
    cost = design["cost"]
    money = {
        "tco_usd": design["tco_usd"] * share,
        "objective_value": design["objective_value"] * share,
        "objective_bound": design["objective_bound"] * share,
        "baseline": None,
        "baseline_reason": "none",
        "bom": [{**b, "unit_price_usd": b["unit_price_usd"] * share, "total_usd": b["total_usd"] * share}
                for b in design["bom"]],
        "cost": {
            "capital": {key: value * share for key, value in cost["capital"].items()},
            "running": {key: value * share for key, value in cost["running"].items()},
            "cash_by_year": [
                {key: value if key == "year" else value * share for key, value in cash.items()}
                for cash in cost["cash_by_year"]
            ],
            "by_year": [
                {**row, "usd": row["usd"] * share, "discounted_usd": row["discounted_usd"] * share}
                for row in cost["by_year"]
            ],
        },
    }  # fmt: skip
    return {**design, **money}


@pytest.mark.parametrize("share", [0.9, 1 - 1e-5, 1.1])
def test_money_rescaled_throughout_is_found(cases: dict[str, Case], share: float) -> None:
    for case in cases.values():
        assert verify(case.problem, Design.model_validate(_scaled_prices(case.json, share)))[1]
        assert not verify(case.problem, Design.model_validate(_scaled_prices(case.json, 1.0)))[1]


def test_cost_moved_between_categories_is_found(cases: dict[str, Case]) -> None:
    case = cases["alpha"]
    running = case.json["cost"]["running"]
    moved = {**running, "energy": running["energy"] - 100, "staff": running["staff"] + 100}
    forged = {**case.json, "cost": {**case.json["cost"], "running": moved}}
    assert [m.place for m in verify(case.problem, Design.model_validate(forged))[1]] == [
        "cost running energy",
        "cost running staff",
    ]


def test_swapped_starts_that_collide_are_found(cases: dict[str, Case]) -> None:
    case = cases["alpha"]
    runs = [entry for entry in case.design.calendar if entry.job == "llm" and entry.year == 1]
    start = runs[0].start_day
    calendar = [
        {**entry, "start_day": start, "end_day": start + (entry["end_day"] - entry["start_day"])}
        if entry["year"] == 1
        else entry
        for entry in case.json["calendar"]
    ]
    training = [{**record, "start_day": start} for record in case.json["training"]]
    forged = Design.model_validate({**case.json, "calendar": calendar, "training": training})
    assert any("nodes of the pool" in str(mismatch) for mismatch in verify(case.problem, forged)[1])


@pytest.mark.parametrize("status", ["infeasible", "no_solution"])
def test_word_that_there_is_no_design_beside_a_design_is_found(cases: dict[str, Case], status: Status) -> None:
    case = cases["alpha"]
    assert verify(case.problem, Design.model_validate({**case.json, "status": status}))[1]
    honest = Design(problem="alpha", status=status, horizon_years=2, diagnosis=("no node is fast enough",))
    assert verify(case.problem, honest)[1] == ()
    assert verify(case.problem, honest.model_copy(update={"diagnosis": ()}))[1]
    assert verify(case.problem, honest.model_copy(update={"problem": "beta"}))[1]


def test_looser_bound_than_gap_says_is_found(cases: dict[str, Case]) -> None:
    case = cases["alpha"]
    value = case.json["objective_value"]
    for bound, gap, status, right in (
        (value * (1 - 5e-5), 5e-5, "optimal", True),
        (value * (1 - 5e-5), 4.99e-5, "optimal", False),
        (value * (1 - 5e-4), 5e-4, "optimal", False),
        (value * (1 - 5e-4), 5e-4, "feasible", True),
        (value * (1 + 1e-4), -1e-4, "optimal", False),
        (None, None, "optimal", False),
        (None, None, "feasible", True),
    ):
        baseline = {"baseline": None, "baseline_reason": "not asked for"}
        forged = {**case.json, **baseline, "objective_bound": bound, "gap": gap, "status": status}
        assert (verify(case.problem, Design.model_validate(forged))[1] == ()) is right


def test_mismatch_names_place_and_both_values(cases: dict[str, Case]) -> None:
    case = cases["alpha"]
    forged = case.design.model_copy(update={"tco_usd": 1.5})
    (mismatch,) = (m for m in verify(case.problem, forged)[1] if m.place == "tco_usd")
    assert str(mismatch) == f"tco_usd: the design says 1.5, the inputs give {mismatch.found}"
    assert float(mismatch.found) == pytest.approx(case.design.tco_usd, rel=1e-6)


def test_tolerances_of_the_checker() -> None:
    checker = Checker()
    checker.equal("large", 1e9, 1e9 * (1 + 9e-7))
    checker.equal("small", 1e-12, 0.0)
    checker.equal("none", None, None)
    checker.at_most("limit", 100.0 + 5e-5, 100.0, "limit")
    assert (checker.checks, checker.mismatches) == (4, [])
    checker.equal("large", 1e9, 1e9 * (1 + 1.1e-6))
    checker.equal("small", 1e-6, 1.1e-6)
    checker.equal("one", None, 0.0)
    checker.equal("not a number", float("nan"), float("nan"))
    checker.at_most("limit", 100.1, 100.0, "limit")
    checker.at_most("limit", float("nan"), 100.0, "limit")
    checker.same("name", "a", "b")
    checker.holds("word", False, "yes", "no")
    assert len(checker.mismatches) == 8


def test_verifier_loads_nothing_that_built_the_design() -> None:
    code = "import sys, dcopt.verify.verify; print(*sorted(sys.modules), sep=' ')"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for module in ("dcopt.candidates", "dcopt.formulation", "dcopt.solve", "pyomo", "highspy"):
        assert f" {module}." not in out
