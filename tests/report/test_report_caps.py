"""Nodes at power caps and fabric islands in what an operator is handed: the report, the bill, the inventories."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import openpyxl
from small import design_of, job, owned_site, service

from dcopt.design.records import Design
from dcopt.problem.problem import Problem
from dcopt.report.assumptions import used_rows
from dcopt.report.bom_workbook import write_bom_xlsx
from dcopt.report.content import build_report
from dcopt.report.export_inventory import kubernetes_nodes, slurm_conf
from dcopt.report.markdown import render_sections


@cache
def capped() -> tuple[Problem, Design]:
    """Return a problem whose nodes have to run at a cap, on one of the islands of a fabric, and its design."""
    small = owned_site([job(tokens=4e11, deadline_days=20)], [service()], power_limit_kw=5).drop("nodes", "quad")
    small = small.change("fabrics", "flat", islands=2).set(power_caps="yes")
    cap = {"accelerator": "slow", "name": "low", "saved_kw": 0.2, "training_speed_pct": 97, "source": "our own bench"}
    problem = small.put("power_caps", [cap]).load()
    design = design_of(problem)
    assert any(pool.power_cap for pool in design.pools)
    return problem, design


def test_the_report_says_what_is_to_be_set_and_what_it_costs() -> None:
    problem, design = capped()
    text = render_sections(build_report(design, problem))
    assert "Power caps" in text
    assert "97 %" in text
    assert "our own bench" in text
    assert used_rows(design, problem)["power_caps"] == ("slow/low",)
    assert used_rows(design, problem)["nodes"] == ("duo",)
    assert all("~" not in name for name in used_rows(design, problem)["fabrics"])


def test_the_workbook_names_the_caps_and_buys_the_node(tmp_path: Path) -> None:
    problem, design = capped()
    write_bom_xlsx(design, tmp_path / "bom.xlsx", problem)
    book = openpyxl.load_workbook(tmp_path / "bom.xlsx")
    facts = {row[0].value: row[1].value for row in book["summary"].iter_rows(max_col=2)}
    assert facts["power cap to be set"] == "duo at oslo: low"
    assert {line.item for line in design.bom_lines if line.table == "nodes"} == {"duo"}


def test_the_inventories_carry_the_cap_and_no_character_that_they_refuse() -> None:
    problem, design = capped()
    assert "power-cap-low" in slurm_conf(design, problem)
    assert "@" not in slurm_conf(design, problem)
    items = json.loads(kubernetes_nodes(design, problem))["items"]
    labels = [item["metadata"]["labels"] for item in items]
    assert "low" in {label.get("dcopt/power-cap") for label in labels}
    assert all(
        set(value) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-_") for label in labels for value in label.values()
    )
