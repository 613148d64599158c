"""Rows that only strengthen: without them the optimum is the same, and the relaxation is weaker or equal."""

from __future__ import annotations

import pytest
from random_small import random_small
from small import Small, dataset, job, owned_site

from dcopt.candidates.generate import generate
from dcopt.formulation import build as build_module
from dcopt.formulation import ladders
from dcopt.formulation.build import build
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.solve.matrix import compile_model


def large() -> Small:
    """Return a job of many nodes with spares, a fabric and a network beside it."""
    small = owned_site([job(tokens=4e12, deadline_days=20, dataset="books")], power_limit_kw=100, networks="hands")
    row = {"switch": "sw8", "access_link": "dac", "trunk_link": "aoc", "ports_per_node": 1}
    return small.put("datasets", [dataset()]).put("networks", [{"name": "hands", **row}])


def optimum(small: Small) -> float | None:
    return design_for(small.load(), RunOptions(gap=1e-6, threads=1, baseline=False)).objective_value


def test_ladders_are_stated() -> None:
    problem = large().load()
    program = build(problem, generate(problem))
    for name in ("spare_ladder", "fabric_ladder", "side_ladder"):
        assert len(program.model.component(f"keep_{name}")) > 0


@pytest.mark.parametrize("seed", range(6))
def test_ladders_change_no_optimum(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    small = large() if seed == 0 else random_small(seed)
    full = optimum(small)
    monkeypatch.setattr(build_module, "BLOCKS", tuple(block for block in build_module.BLOCKS if block is not ladders))
    assert optimum(small) == (full if full is None else pytest.approx(full, rel=1e-5))


def test_ladders_only_add_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = large().load()
    candidates = generate(problem)
    full = compile_model(build(problem, candidates).model)
    monkeypatch.setattr(build_module, "BLOCKS", tuple(block for block in build_module.BLOCKS if block is not ladders))
    plain = compile_model(build(problem, candidates).model)
    assert full.lp.num_col_ == plain.lp.num_col_
    assert full.lp.num_row_ > plain.lp.num_row_
