"""Large programs by the numbers of nodes (pipeline/by_numbers.py): nothing that could be better is lost."""

from __future__ import annotations

import _thread
import math
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from random_small import random_small
from small import job, service, two_sites

from dcopt.candidates.generate import generate
from dcopt.candidates.priced import with_numbers
from dcopt.candidates.records import Candidates
from dcopt.pipeline.bounding import Bounding
from dcopt.pipeline.known_design import holds_nodes, numbers_of
from dcopt.pipeline.left import Left
from dcopt.pipeline.ranges import most_nodes
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.problem.problem import Problem
from dcopt.solve.derived import Row, with_cost, with_integers, with_rows, within_cost
from dcopt.solve.extremes import largest
from dcopt.solve.interrupt import deferred, heard
from dcopt.solve.session import SolveOptions, solve
from dcopt.solve.side_by_side import side_by_side

OPTIONS = SolveOptions(gap=1e-7, time_limit_s=60, threads=1)
ROOM = 1.02
"""What is searched reaches above the optimum by so much, so that there is something to split."""


def _random(seed: int) -> tuple[Problem, Candidates]:
    problem = random_small(seed).set(objective="tco").load()
    return problem, generate(problem)


def _two_sites() -> tuple[Problem, Candidates]:
    busy = {"peak_requests_per_s": 3000, "mean_requests_per_s": 900}
    problem = two_sites(jobs=[job()], services=[service(**busy), service("far", **busy)]).load()
    return problem, generate(problem)


CASES = [*range(12), "two sites"]


def _optimum(case: int | str) -> tuple[Problem, Candidates, Solved, float]:
    problem, candidates = _two_sites() if isinstance(case, str) else _random(case)
    if any(not of_workload for of_workload in (*candidates.training.values(), *candidates.serving.values())):
        pytest.skip("a workload has no candidate")
    solved = solve_program(problem, candidates, OPTIONS, Listener())
    if solved.design is None:
        pytest.skip("there is no design")
    return problem, candidates, solved, solved.design.objective_value or 0.0


@pytest.mark.parametrize("case", CASES)
def test_what_is_left_in_the_end_still_holds_the_optimum(case: int | str) -> None:
    problem, candidates, plain, optimum = _optimum(case)
    bounding = Bounding(problem, OPTIONS, lambda text: None, only_pair=False)
    left = bounding.further(Left(candidates), plain, ROOM * optimum, time.monotonic() + 60)
    assert left.bound is not None
    assert left.bound <= optimum * (1 + 1e-7)
    if bounding.by_numbers is None:
        pytest.skip("something earns money")
    assert left.is_settled
    assert not bounding.by_numbers.boxes
    assert bounding.by_numbers.holds(numbers_of(plain))
    narrow = solve_program(problem, left.candidates, OPTIONS, Listener())
    assert narrow.design is not None
    assert narrow.design.objective_value == pytest.approx(optimum, rel=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_the_numbers_of_nodes_of_the_optimum_are_within_their_bounds(case: int | str) -> None:
    problem, candidates, plain, optimum = _optimum(case)
    bounding = Bounding(problem, OPTIONS, lambda text: None, only_pair=False)
    one = bounding._stated(candidates)
    most = most_nodes(one, optimum * (1 + 1e-9), 60.0)
    assert most
    assert holds_nodes(most, plain)
    there = {kind: nodes for kind, nodes in numbers_of(plain).items() if nodes}
    assert not holds_nodes({kind: nodes - 1 for kind, nodes in there.items()}, plain) or not there


def test_the_numbers_that_are_asked_for_are_bought() -> None:
    problem, candidates, plain, optimum = _optimum("two sites")
    there = {kind: nodes for kind, nodes in numbers_of(plain).items() if nodes and kind[0] != "*"}
    ((site, node), nodes) = next(iter(there.items()))
    more = with_numbers(problem, candidates, {(site, node): (nodes + 1, nodes + 1)})
    found = solve_program(problem, more, OPTIONS, Listener())
    assert found.design is not None
    assert numbers_of(found)[site, node] == nodes + 1
    assert (found.design.objective_value or 0.0) > optimum
    fewer = with_numbers(problem, candidates, {("*", node): (0, nodes - 1)})
    other = solve_program(problem, fewer, OPTIONS, Listener())
    assert other.design is None or numbers_of(other).get(("*", node), 0) < nodes


def test_lanes_change_nothing() -> None:
    problem, candidates, plain, optimum = _optimum("two sites")
    found = []
    for lanes in (1, 3):
        bounding = Bounding(problem, OPTIONS, lambda text: None, only_pair=False, lanes=lanes)
        left = bounding.further(Left(candidates), plain, ROOM * optimum, time.monotonic() + 60)
        assert bounding.by_numbers is not None
        found.append((left.bound, bounding.by_numbers.hull(), sorted(p.bound for p in bounding.by_numbers.points)))
    assert found[0] == found[1]


def test_rows_that_are_added_hold() -> None:
    problem, candidates, _plain, _optimum_usd = _optimum("two sites")
    matrix = Bounding(problem, OPTIONS, lambda text: None, only_pair=False)._stated(candidates).matrix
    before = solve(matrix, OPTIONS)
    bought = [i for i, variable in enumerate(matrix.columns) if variable.name.startswith("bought[")]
    nodes = float(before.values[bought].sum())
    more = solve(with_rows(matrix, [Row(bought, nodes + 1, math.inf), Row(bought, 0.0, nodes + 2)]), OPTIONS)
    assert nodes + 1 - 1e-6 <= float(more.values[bought].sum()) <= nodes + 2 + 1e-6
    assert (more.objective or 0.0) > (before.objective or 0.0)
    none = solve(with_rows(matrix, [Row(bought, 1.0, math.inf), Row(bought, 0.0, 0.0)]), OPTIONS, second_opinion=False)
    assert none.verdict == "infeasible"


def test_the_largest_values_are_those_of_a_solve_for_each() -> None:
    problem, candidates, _plain, optimum = _optimum("two sites")
    matrix = Bounding(problem, OPTIONS, lambda text: None, only_pair=False)._stated(candidates).matrix
    linear = within_cost(with_integers(matrix, lambda variable: False), 1.1 * optimum)
    bought = [i for i, variable in enumerate(matrix.columns) if variable.name.startswith("bought[")]
    found = largest(linear, {place: [place] for place in bought}, seconds=60.0)
    assert set(found) == set(bought)
    for place in bought:
        cost = np.zeros(matrix.lp.num_col_)
        cost[place] = -1.0
        alone = solve(with_cost(linear, cost, 0.0), OPTIONS)
        assert found[place] == pytest.approx(-(alone.objective or 0.0), abs=1e-6)
    assert largest(linear, {0: [0]}, seconds=0.0) == {}


def test_work_side_by_side_keeps_its_order() -> None:
    together = threading.Barrier(2, timeout=20)

    def piece(number: int) -> int:
        if number < 2:
            together.wait()  # both are being done at once
        return number * number

    assert side_by_side([lambda n=n: piece(n) for n in range(7)], 2) == [n * n for n in range(7)]  # type: ignore[misc]
    assert side_by_side([lambda: 1, lambda: 2], 1) == [1, 2]
    assert side_by_side([], 4) == []


def test_what_fails_side_by_side_is_raised_once_all_have_ended() -> None:
    ended: list[int] = []

    def fails() -> int:
        raise ValueError("this one")

    with pytest.raises(ValueError, match="this one"):
        side_by_side([fails, lambda: ended.append(1) or 1, lambda: ended.append(2) or 2], 2)
    assert sorted(ended) == [1, 2]


def test_ctrl_c_is_passed_on_to_every_lane() -> None:
    """Each piece hears of it once, where it may be interrupted, and ends as it likes."""
    begun = threading.Barrier(3, timeout=20)

    def piece() -> str:
        begun.wait()
        try:
            for _ in range(2000):
                with heard():
                    time.sleep(0.01)
        except KeyboardInterrupt:
            with heard():
                return "told once"
        return "not told"

    def press() -> None:
        begun.wait()
        _thread.interrupt_main()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it
    try:
        threading.Thread(target=press, daemon=True).start()
        with deferred():
            assert side_by_side([piece, piece], 2) == ["told once", "told once"]
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_program_is_solved_alike_in_another_lane() -> None:
    problem, candidates, plain, _optimum_usd = _optimum("two sites")
    matrix = Bounding(problem, OPTIONS, lambda text: None, only_pair=False)._stated(candidates).matrix
    alone = solve(matrix, OPTIONS)
    both = side_by_side([lambda: solve(matrix, OPTIONS), lambda: solve(matrix, replace(OPTIONS, seed=0))], 2)
    assert plain.design is not None
    assert [outcome.objective for outcome in both] == [alone.objective] * 2
