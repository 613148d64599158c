"""An infeasible problem that falls apart is explained on its infeasible part: the same answer, for the whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from small import Small, design_of, job, owned_site, service, two_sites

from dcopt.candidates.generate import generate
from dcopt.pipeline import fewer
from dcopt.pipeline.conflict import Oracle, OutOfTimeError, collision_of
from dcopt.pipeline.explain import explain_problem
from dcopt.pipeline.fewer import by_parts, of_fewer, of_halves, of_infeasible_part, only, workloads_of
from dcopt.pipeline.ways_out import sentences, ways_out_of
from dcopt.problem.load import load
from dcopt.problem.problem import Problem

TOO_MUCH = 90_000
ROW = "inference.csv: {} peak_requests_per_s"


def two_plants(oslo: float = 300, rome: float = 300) -> Small:
    """Return two sites that nothing binds together, each with a service of its own."""
    there: dict[str, Any] = {"mean_requests_per_s": None}
    services = [
        service("north", sites="oslo", peak_requests_per_s=oslo, **there),
        service("south", sites="rome", peak_requests_per_s=rome, **there),
    ]
    return two_sites(services=services, power_limit_kw=20).change("sites", power_limit_kw=20)


def oracle() -> Oracle:
    return Oracle(seconds=600)


def cells_of(sentence: str) -> list[str]:
    """Return TABLE.ROW.COLUMN=VALUE of every 'TABLE.csv: ROW COLUMN from A to B' of a way out; no value: any site."""
    cells = []
    for part in sentence.partition(" with ")[2].split(" and "):
        table, _, rest = part.partition(".csv: ")
        name, column, word, *_, value = rest.split()
        if word == "with":
            column, value = "sites", ""
        cells.append(f"{table}.{name}.{column}={value.replace(',', '')}")
    return cells


def has_design_with(small: Small, cells: list[str]) -> bool | None:
    with TemporaryDirectory() as folder:
        changed = load(small.write(Path(folder)), cells)
    return oracle().has_design(changed, "with a way out")


def whole_answer(problem: Problem) -> tuple[str, ...]:
    collision = collision_of(problem, oracle())
    ways, all_tried = ways_out_of(problem, collision, oracle())
    return sentences(collision, ways, all_tried=all_tried)


def test_the_infeasible_part_is_found() -> None:
    problem = two_plants(rome=TOO_MUCH).load()
    assert of_infeasible_part(problem, oracle()) == {("inference", "south")}
    feasible = two_plants().load()
    assert of_infeasible_part(feasible, oracle()) == frozenset()


def test_the_part_alone_gives_the_answer_of_the_whole() -> None:
    small = two_plants(rome=TOO_MUCH)
    problem = small.load()
    found = by_parts(problem, oracle())
    assert found is not None
    assert found == whole_answer(problem)
    assert ROW.format("south") in found[0]
    assert "north" not in " ".join(found)
    assert len(found) >= 2
    assert all(has_design_with(small, cells_of(way)) for way in found[1:])


def test_where_two_parts_are_infeasible_each_way_out_cures_both() -> None:
    small = two_plants(oslo=TOO_MUCH, rome=TOO_MUCH)
    found = by_parts(small.load(), oracle())
    assert found is not None
    collisions = [line for line in found if "collide" in line or "alone excludes" in line]
    assert len(collisions) == 2
    assert collisions[1].startswith("besides, ")
    assert {name for name in ("north", "south") if any(ROW.format(name) in line for line in collisions)} == {
        "north",
        "south",
    }
    ways = [line for line in found if line.startswith("a design exists")]
    assert ways
    for way in ways:
        cells = cells_of(way)
        assert has_design_with(small, cells)
        assert not has_design_with(small, cells[:1])


def test_without_time_for_the_whole_the_ways_out_of_a_part_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_time(*_: object) -> object:
        raise OutOfTimeError

    monkeypatch.setattr(fewer, "_that_work", lambda *_: ([], False))
    parts = iter([(frozenset({("inference", "south")}), False)])
    monkeypatch.setattr(fewer, "_part_of", lambda *_: next(parts, None) or no_time())
    found = by_parts(two_plants(rome=TOO_MUCH).load(), oracle())
    assert found is not None
    assert found[-1] == fewer.OUT_OF_TIME
    ways = [line for line in found if line.startswith("by themselves these would do with ")]
    assert ways
    assert all(has_design_with(two_plants(rome=TOO_MUCH), cells_of(way)) for way in ways)


def test_a_workload_that_nothing_can_run_is_a_part_by_itself() -> None:
    small = two_plants().change("inference", "south", ttft_ms=0.001)
    found = by_parts(small.load(), oracle())
    assert found is not None
    assert "inference.csv: south ttft_ms" in found[0]
    assert has_design_with(small, cells_of(found[1]))


def test_what_one_workload_alone_exceeds_is_told_of_it_and_cured_for_all() -> None:
    small = two_plants().set(capex_limit_usd=100)
    problem = small.load()
    assert of_infeasible_part(problem, oracle()) == frozenset()
    assert len(of_halves(problem, oracle())) == 1
    found = by_parts(problem, oracle())
    assert found is not None
    assert found[0] == "this alone excludes every design: settings.csv: capex_limit_usd = 100"
    (way,) = [line for line in found[1:] if "capex_limit_usd" in line]
    assert way in whole_answer(problem)


def test_what_a_part_shares_with_others_is_loosened_for_all_of_them_at_once() -> None:
    """One of two services alone draws too much; the limit that does for it alone is of no use."""
    loads = [service("big", peak_requests_per_s=40_000), service("small", peak_requests_per_s=6_000)]
    small = owned_site(services=loads, power_limit_kw=4)
    problem = small.load()
    assert of_halves(problem, oracle()) == {("inference", "big")}
    asked: list[str] = []
    found = by_parts(problem, replace(oracle(), on_question=asked.append))
    assert found is not None
    assert "small" not in found[0]
    (way,) = [line for line in found[1:] if "sites.csv: oslo power_limit_kw" in line]
    assert way in whole_answer(problem)
    assert has_design_with(small, cells_of(way))
    assert sum(question.endswith("as low as can be") for question in asked) == 1


def test_where_no_half_can_be_spared_nothing_is_left_out() -> None:
    small = two_plants(oslo=6000, rome=6000)
    problem = small.load()
    least = min(cost_of_purchases(only(problem, [workload])) for workload in workloads_of(problem))
    both = cost_of_purchases(problem)
    problem = small.set(capex_limit_usd=round(0.5 * (both + max(least, 0.6 * both)))).load()
    assert oracle().has_design(problem, "as it stands") is False
    assert of_halves(problem, oracle()) == frozenset()


def cost_of_purchases(problem: Problem) -> float:
    """Return the least purchases of any design."""
    settings = problem.settings.model_copy(update={"objective": "capex"})
    value = design_of(replace(problem, settings=settings)).objective_value
    assert value is not None
    return value


@pytest.mark.parametrize(
    "small",
    [
        owned_site([job()], power_limit_kw=0.5),
        owned_site([job(deadline_days=0.001)]),
    ],
    ids=["one workload", "one workload that nothing can run"],
)
def test_what_does_not_fall_apart_is_left_to_the_whole(small: Small) -> None:
    assert by_parts(small.load(), oracle()) is None


def test_the_explanation_uses_it_and_asks_less_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = two_plants(rome=TOO_MUCH).load()
    asked: list[str] = []
    possible, text = explain_problem(problem, 600, asked.append)
    monkeypatch.setattr(fewer, "of_infeasible_part", lambda *arguments: frozenset())
    on_the_whole: list[str] = []
    assert explain_problem(problem, 600, on_the_whole.append) == (possible, text)
    assert possible is False
    assert sum(why in ("as it stands", "of the whole with a way out") for why in asked) < len(on_the_whole) / 2


def test_fewer_workloads_keep_what_they_need() -> None:
    small = owned_site([job(), job("tune", after="learn")], [service(after="tune")])
    problem = small.load()
    assert workloads_of(only(problem, workloads_of(problem))) == workloads_of(problem)
    alone = only(problem, [("training", "tune")])
    assert workloads_of(alone) == {("training", "tune")}
    assert alone.training["tune"].after == ()
    assert oracle().has_design(alone, "one alone") is True


def test_predictions_of_the_whole_hold_for_fewer_workloads() -> None:
    small = two_sites(
        [job(), job("tune", tokens=2e11)],
        [service(), service("search", peak_requests_per_s=900, ttft_ms=250)],
        power_limit_kw=20,
    )
    problem = small.load()
    asking = oracle()
    asking.candidates_of(problem)
    for workloads in (
        [("training", "tune"), ("inference", "chat")],
        [("inference", "search")],
        [("training", "learn")],
    ):
        fewer = only(problem, workloads)
        known, afresh = of_fewer(asking, fewer), generate(fewer)
        assert known.memory.steps or known.memory.rates
        found = known.candidates_of(fewer)
        assert (found.training, found.serving, found.pools) == (afresh.training, afresh.serving, afresh.pools)
        assert [str(one) for one in found.verdicts] == [str(one) for one in afresh.verdicts]
