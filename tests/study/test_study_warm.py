"""What one solve leaves for the next: predictions change nothing, a start changes nothing beyond the gap."""

from __future__ import annotations

import ast
import itertools
import random
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import Small, job, owned_site, service, two_sites

import dcopt.performance
from dcopt.candidates.generate import generate
from dcopt.candidates.memory import UNSEEN_COLUMNS, UNSEEN_TABLES, Memory, seen_by_predictions
from dcopt.candidates.records import Candidates
from dcopt.formulation.build import build
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.pipeline.warmth import Warmth
from dcopt.solve import neighbours, together
from dcopt.solve.matrix import compile_model
from dcopt.solve.session import SolveOptions, solve
from dcopt.study.grid import grid, parse_vary
from dcopt.study.lanes import Lanes
from dcopt.study.order import spread
from dcopt.study.records import Scenario, SolveChoices
from dcopt.study.run import Study, run_study


def small() -> Small:
    return two_sites([job()], [service()])


def told(candidates: Candidates) -> str:
    return repr(candidates)


VARIED = {
    "prices": small().scale("nodes", "price_usd", 1.7).change("sites", None, electricity_usd_per_kwh=0.3),
    "licences": small().change("software", "engine", licence_usd_per_accelerator_year=5000),
    "load": small().change("inference", None, peak_requests_per_s=900),
    "limits": small().change("sites", "oslo", power_limit_kw=12),
    "deadline": small().change("training", None, deadline_days=20),
    "promise": small().change("inference", None, tpot_ms=5),
    "chips": small().change("accelerators", "slow", memory_gb_per_s=200),
    "fewer": small().change("training", None, sites="oslo"),
    "offers": small().add("offers", table="nodes", name="duo", max_units=3),
}


@pytest.mark.parametrize("varied", VARIED)
def test_candidates_are_the_same_with_the_memory_of_another_problem(varied: str) -> None:
    memory = Memory()
    generate(small().load(), memory=memory)
    problem = VARIED[varied].load()
    assert told(generate(problem, memory=memory)) == told(generate(problem))
    assert told(generate(small().load(), memory=memory)) == told(generate(small().load()))


@pytest.mark.parametrize(
    ("varied", "kept"), [("prices", True), ("load", True), ("limits", True), ("promise", True), ("chips", False)]
)
def test_predictions_are_kept_where_only_what_they_do_not_see_changes(varied: str, kept: bool) -> None:
    memory = Memory()
    generate(small().load(), memory=memory)
    before = {key: dict(rates) for key, rates in memory.rates.items()}
    assert before
    generate(VARIED[varied].load(), memory=memory)
    assert all(memory.rates.get(key, {}).items() >= rates.items() for key, rates in before.items()) == kept


def test_the_performance_models_read_nothing_that_the_memory_does_not_see() -> None:
    """No module of theirs reads a column of money, a hidden column, or a table that is taken as unseen."""
    hidden = {column for columns in UNSEEN_COLUMNS.values() for column in columns}
    folder = Path(dcopt.performance.__path__[0])
    cells = dict(itertools.chain.from_iterable(_attributes(path) for path in folder.glob("*.py")))
    read = {name: where for name, where in cells.items() if "usd" in name or name in hidden}
    assert {name: where for name, where in read.items() if not where.startswith("packing.py")} == {}
    tables = {name: where for name, where in cells.items() if name in UNSEEN_TABLES}
    assert not {name: where for name, where in tables.items() if "problem" in where}


def _attributes(path: Path) -> list[tuple[str, str]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        (node.attr, f"{path.name}:{node.lineno} {ast.unparse(node.value)}")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
    ]


def test_what_predictions_see_does_not_depend_on_prices_but_on_hardware() -> None:
    base = seen_by_predictions(small().load())
    assert seen_by_predictions(VARIED["prices"].load()) == base
    assert seen_by_predictions(VARIED["chips"].load()) != base


def test_highs_takes_the_start_as_its_first_incumbent() -> None:
    problem = small().load()
    program = build(problem, generate(problem))
    matrix = compile_model(program.model)
    first = solve(matrix, SolveOptions(gap=1e-9, threads=1))
    start = {name: round(float(first.values[column])) for name, column in matrix.integers_by_name().items()}
    said: list[str] = []
    again = solve(matrix, SolveOptions(gap=1e-9, threads=1, start=start), log=said.append)
    assert "MIP start solution is feasible" in "".join(said)
    assert again.objective == pytest.approx(first.objective, rel=1e-8)
    bad = solve(matrix, SolveOptions(gap=1e-9, threads=1, start=dict.fromkeys(start, 7)), log=said.append)
    assert bad.objective == pytest.approx(first.objective, rel=1e-8)
    unknown = solve(matrix, SolveOptions(gap=1e-9, threads=1, start={"nothing": 1}))
    assert unknown.objective == pytest.approx(first.objective, rel=1e-8)


def test_warm_and_fresh_sweeps_agree_within_the_gap(tmp_path: Path) -> None:
    path = small().write(tmp_path)
    scenarios = tuple(
        Scenario(
            name=f"{price}-{load}", sets=(f"nodes.*.price_usd*={price}", f"inference.*.peak_requests_per_s={load}")
        )
        for price, load in itertools.product((0.6, 1.4), (250, 700))
    )
    fresh = run_study(Study("grid", path, scenarios, (), SolveChoices(gap=1e-6))).outcomes
    warm = run_study(Study("grid", path, scenarios, (), SolveChoices(gap=1e-6, warm=True))).outcomes
    for a, b in zip(fresh, warm, strict=True):
        assert a.status == b.status == "optimal"
        assert b.figures["objective_bound"] <= a.figures["tco_usd"] * (1 + 1e-9)
        assert b.figures["tco_usd"] == pytest.approx(a.figures["tco_usd"], rel=2e-6)
        assert a.key != b.key


def test_a_neighbour_leaves_its_integers() -> None:
    warmth = Warmth(starts=True)
    assert warmth.start_of() is None
    problem = owned_site(services=[service()]).load()
    design_for(problem, RunOptions(gap=1e-9, threads=1, baseline=False, warmth=warmth))
    assert warmth.incumbent["bought[oslo/duo/none]"] == 1
    assert warmth.start_of() == warmth.incumbent
    cold = Warmth()
    design_for(problem, RunOptions(gap=1e-9, threads=1, baseline=False, warmth=cold))
    assert cold.start_of() is None


def test_what_lies_between_two_prices_is_proven_without_a_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small().write(tmp_path)
    searches: list[int] = []

    def counted(*args: object, **named: object) -> object:
        searches.append(1)
        return together.solve(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(neighbours, "together", type("Counted", (), {"solve": staticmethod(counted)}))
    scenarios = grid([parse_vary("nodes.*.price_usd*=0.6:1.4:17")])
    warm = run_study(Study("grid", path, scenarios, (), SolveChoices(gap=1e-6, warm=True))).outcomes
    assert [outcome.scenario for outcome in warm] == [scenario.name for scenario in scenarios]
    assert 2 <= len(searches) <= 8
    fresh = run_study(Study("grid", path, scenarios, (), SolveChoices(gap=1e-6))).outcomes
    for a, b in zip(fresh, warm, strict=True):
        assert b.status == "optimal"
        assert b.figures["tco_usd"] == pytest.approx(a.figures["tco_usd"], rel=2e-6)
        assert b.figures["objective_bound"] <= a.figures["tco_usd"] * (1 + 1e-9)


def test_a_sweep_is_solved_from_its_ends_inwards() -> None:
    one = grid([parse_vary("nodes.*.price_usd*=1:9:9")])
    assert spread(one)[:5] == [0, 8, 4, 2, 6]
    two = grid([parse_vary("nodes.*.price_usd*=1:3:3"), parse_vary("sites.*.pue=1.1:1.3:3")])
    assert sorted(spread(two)) == list(range(9))
    assert set(spread(two)[:4]) == {0, 2, 6, 8}
    words = grid([parse_vary("nodes.*.cooling=air,liquid,none")])
    assert spread(words) == [0, 2, 1]
    bare = [Scenario(name=name) for name in "abc"]
    assert spread(bare) == [0, 1, 2]
    assert spread([]) == []


@dataclass(frozen=True)
class Waiting:
    scenario: Scenario


def sweep(points: int) -> list[Waiting]:
    inputs = [{"price": float(place + 1)} for place in range(points)]
    return [Waiting(Scenario(name=f"{one['price']}", inputs=dict(one))) for one in inputs]


def number(task: Waiting | None) -> float:
    assert task is not None
    return float(next(iter(task.scenario.inputs.values())))


@settings(deadline=None)
@given(points=st.integers(0, 30), count=st.integers(1, 5), apart=st.booleans(), seed=st.integers(0, 10**6))
def test_each_scenario_is_taken_once_whoever_asks(points: int, count: int, apart: bool, seed: int) -> None:
    tasks, draw = sweep(points), random.Random(seed)
    lanes = Lanes(tasks, count, apart=apart)
    taken = []
    while lanes:
        task = lanes.take(draw.randrange(count))
        assert task is not None, "whoever is free gets what waits"
        taken.append(task)
        if draw.random() < 0.1:
            lanes.put_back(0, taken.pop())
    assert lanes.take(0) is None
    assert sorted(map(number, taken)) == sorted(map(number, tasks))


def test_warm_lanes_hold_neighbours_and_fresh_ones_what_is_next() -> None:
    apart = Lanes(sweep(10), 2, apart=True)
    assert [[number(apart.take(lane)) for _ in range(5)] for lane in (0, 1)] == [[1, 5, 3, 2, 4], [6, 10, 8, 7, 9]]
    together = Lanes(sweep(4), 2, apart=False)
    assert [number(together.take(lane)) for lane in (0, 1, 1, 0)] == [1, 2, 3, 4]
    uneven = Lanes(sweep(5), 2, apart=True)
    mine = [number(uneven.take(0)) for _ in range(4)]
    assert mine == [1, 2, 4, 5], "its own block, then the last of the other's"


def test_warm_sweeps_in_two_processes_agree_with_fresh_ones_within_the_gap(tmp_path: Path) -> None:
    """Each process solves a block of the sweep; answers and bounds are those of fresh solves to the gap."""
    path = owned_site(services=[service()]).write(tmp_path)
    scenarios = grid([parse_vary("nodes.*.price_usd*=0.6:1.4:10")])
    fresh = run_study(Study("grid", path, scenarios, (), SolveChoices(gap=1e-6))).outcomes
    warm = run_study(Study("grid", path, scenarios, (), SolveChoices(gap=1e-6, warm=True)), jobs=2).outcomes
    assert [outcome.scenario for outcome in warm] == [scenario.name for scenario in scenarios]
    for a, b in zip(fresh, warm, strict=True):
        assert b.status == "optimal"
        assert b.figures["tco_usd"] == pytest.approx(a.figures["tco_usd"], rel=2e-6)
        assert b.figures["objective_bound"] <= a.figures["tco_usd"] * (1 + 1e-9)
        assert a.figures["objective_bound"] <= b.figures["tco_usd"] * (1 + 1e-9)
