"""Four small problems, solved once for all tests of this folder."""

from __future__ import annotations

import pytest
from verify_cases import ALPHA, BETA, DELTA, GAMMA, OPTIONS, Case, write_problem

from dcopt.pipeline.main_job import solve_into
from dcopt.problem.load import load


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """Return the solved cases by name."""
    base = tmp_path_factory.mktemp("cases")
    made = {}
    for name, tables in (("alpha", ALPHA), ("beta", BETA), ("gamma", GAMMA), ("delta", DELTA)):
        folder = write_problem(base / name, tables)
        finished = solve_into(load(folder), base / f"{name}-run", OPTIONS)
        assert finished.mismatches == ()
        assert finished.design.status == "optimal"
        as_json = finished.design.model_dump(mode="json", by_alias=True)
        made[name] = Case(folder, base / f"{name}-run", load(base / f"{name}-run" / "inputs"), finished.design, as_json)
    return made
