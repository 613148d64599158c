"""Workloads that have no design by themselves: every question about why is then a smaller one.

A design of a problem is, without some of its workloads, one of what is left: what stands may stand idle. So workloads
without a design explain the whole. Where the program falls apart into parts that share no constraint (sites that
nothing binds together), the workloads of one infeasible part are such; a workload that nothing on offer can run is one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dcopt.candidates.memory import seen_by_predictions
from dcopt.candidates.records import Candidates
from dcopt.pipeline.conflict import Collision, Oracle, OutOfTimeError, collision_of
from dcopt.pipeline.precheck import Obstacle, precheck
from dcopt.pipeline.promises import Promise, changed
from dcopt.pipeline.ways_out import (
    LONGEST_CHAIN,
    WayOut,
    least_of,
    quickest_first,
    sentences,
    ways_of_some,
    ways_out_of,
)
from dcopt.problem.columns import Row
from dcopt.problem.problem import Problem
from dcopt.solve.parts import Part

Workload = tuple[str, str]
"""Table and name."""
TABLE_OF = {"train": "training", "carried_load": "inference"}
"""By the name of the variables that every candidate of a workload has; their index begins with its name."""


FOR_A_PART = 0.5
"""Share of the time that is left for asking about a part; the rest is for trying its ways out on the whole."""
OUT_OF_TIME = "the time was used up before everything that has no design was found: give more with --time-limit"


def workloads_of(problem: Problem) -> frozenset[Workload]:
    """Return all jobs and services."""
    return frozenset((table, name) for table in TABLE_OF.values() for name in problem.tables[table])


def only(problem: Problem, workloads: Iterable[Workload]) -> Problem:
    """Return ``problem`` with no other jobs and services than these."""
    kept = set(workloads)
    jobs = {name for table, name in kept if table == "training"}
    gone = {name for table, name in workloads_of(problem) - kept if table == "inference"}
    tables = {name: dict(rows) for name, rows in problem.tables.items()}
    for table in TABLE_OF.values():
        rows = {name: row for name, row in problem.tables[table].items() if (table, name) in kept}
        tables[table] = {name: _after_some(row, jobs) for name, row in rows.items()}
    tables["demand"] = {
        key: row for key, row in problem.demand.items() if row.name in problem.datasets or row.name not in gone
    }
    return replace(problem, tables=tables)


def of_fewer(oracle: Oracle, problem: Problem) -> Oracle:
    """Return the oracle for a problem with fewer workloads, which knows the predictions of those that it has.

    Each follows from the row of its own workload and from what all problems of the oracle share.
    """
    return replace(oracle, memory=replace(oracle.memory, seen=seen_by_predictions(problem)))


def _after_some(row: Row, jobs: set[str]) -> Row:
    after = tuple(getattr(row, "after", ()))
    kept = tuple(name for name in after if name in jobs)
    return row if kept == after else row.model_copy(update={"after": kept})


def by_parts(problem: Problem, oracle: Oracle, searching: Oracle | None = None) -> tuple[str, ...] | None:
    """Return collision and ways out of an infeasible ``problem`` in sentences, found on its infeasible parts alone.

    None where no part of it is known to be infeasible by itself. Each way out is verified on the whole problem; where
    several parts are infeasible each way cures all of them. Where the workloads of a part share its limits with others
    the whole needs more than the part, so its ways out are looked for on the whole at once. ``searching`` has the time
    until the first collision is found (default: all of it).

    Raises
    ------
    OutOfTimeError: the time was used up before the first collision was found.
    SolverError: HiGHS failed.
    """
    lines: list[str] = []
    before: list[WayOut] = []
    ways: tuple[WayOut, ...] = ()
    while len(before) < LONGEST_CHAIN:
        cured = changed(problem, _changes(before)) if before else problem
        asking = oracle if before or searching is None else searching
        try:
            part, shares = _part_of(cured, asking)
            asked = only(cured, part)
            of_part = of_fewer(asking, asked).with_less(FOR_A_PART)
            if not part or of_part.has_design(asked, f"of {_named(part)} alone") is not False:
                return None
            collision = collision_of(asked, of_part)
        except OutOfTimeError:
            if not lines:
                raise
            return (*lines, *(f"by themselves these would do with {way}" for way in ways), OUT_OF_TIME)
        lines += [("besides, " if lines else "") + sentences(collision, (), all_tried=True)[0]]
        of_part = of_fewer(oracle, asked).with_less(FOR_A_PART)
        if shares:
            helping = [p for p in collision.promises if of_part.known_without(asked, (p,)) is not False]
            works, all_tried = _on_the_whole(problem, before, collision, quickest_first(helping), oracle)
            if works:
                return (*lines, *sentences(collision, works, all_tried=all_tried)[1:])
        ways, all_tried = ways_out_of(asked, collision, of_part)
        works, all_asked = _that_work(problem, before, ways, oracle)
        if works or not ways or not collision.promises:
            return (*lines, *sentences(collision, works, all_tried=all_tried and all_asked)[1:])
        before.append(min(ways, key=_binds_more))
    return None


def _on_the_whole(
    problem: Problem, before: list[WayOut], collision: Collision, helping: list[Promise], oracle: Oracle
) -> tuple[list[WayOut], bool]:
    """Return ways that, with those before, make a design of the whole, and whether all were tried.

    Each is of one promise of ``helping``: what makes no design of the part makes none of the whole.
    """
    known = _changes(before)
    cured = changed(problem, known) if before else problem
    found, all_tried = ways_of_some(cured, collision, helping, oracle)
    least = all(way.least for way in before)
    together = [replace(way, changes=(*known.items(), *way.changes), least=way.least and least) for way in found]
    return together, all_tried


def _binds_more(way: WayOut) -> bool:
    """Whether a way out lets a workload go elsewhere, so that parts no longer fall apart."""
    return any(promise.rises is None for promise, _ in way.changes)


def _that_work(
    problem: Problem, before: list[WayOut], ways: Iterable[WayOut], oracle: Oracle
) -> tuple[list[WayOut], bool]:
    """Return the ways that, with those before, make a design of the whole problem, and whether all were tried."""
    works = []
    known = _changes(before)
    for way in ways:
        together = known | _changes([way])
        try:
            if oracle.has_design(changed(problem, together), "of the whole with a way out"):
                least = way.least and all(other.least for other in before)
                works.append(WayOut(tuple(together.items()), least, way.no_less))
            elif (more := _more_of(problem, known, way, oracle)) is not None:
                works.append(more)
        except OutOfTimeError:
            return works, False
    return works, True


def _more_of(problem: Problem, known: dict[Promise, object], way: WayOut, oracle: Oracle) -> WayOut | None:
    """Return the least of the changes of a way out that make a design of the whole, if any do."""
    promises = [promise for promise, _ in way.changes]
    lifted = known | {promise: promise.lifted for promise in promises}
    rows = " and ".join(promise.row for promise in promises)
    if not oracle.has_design(changed(problem, lifted), f"of the whole with {rows} lifted"):
        return None
    more = least_of(changed(problem, known), promises, oracle)
    return replace(more, changes=(*known.items(), *more.changes))


def _changes(ways: Iterable[WayOut]) -> dict[Promise, object]:
    return {promise: value for way in ways for promise, value in way.changes}


def _part_of(problem: Problem, oracle: Oracle) -> tuple[frozenset[Workload], bool]:
    """Return workloads that, fewer than all, have no design by themselves (none where none are known), and whether
    they share constraints with others."""
    obstacles = precheck(problem, oracle.candidates_of(problem))
    shares = False
    if obstacles:
        part = of_obstacles(problem, obstacles)
    else:
        part = of_infeasible_part(problem, oracle)
        if not part:
            part, shares = of_halves(problem, oracle), True
    every = workloads_of(problem)
    while grown := {("training", name) for table, key in part for name in _after(problem, table, key)} - part:
        part |= grown
    return (part if part < every else frozenset()), shares


def _after(problem: Problem, table: str, key: str) -> tuple[str, ...]:
    return tuple(getattr(problem.tables[table][key], "after", ()))


def of_obstacles(problem: Problem, obstacles: Iterable[Obstacle]) -> frozenset[Workload]:
    """Return the workload of the first obstacle that is about one; none where no obstacle is."""
    every = workloads_of(problem)
    for obstacle in obstacles:
        if (found := (obstacle.row.partition(".csv: ")[0], obstacle.workload)) in every:
            return frozenset({found})
    return frozenset()


def of_infeasible_part(problem: Problem, oracle: Oracle) -> frozenset[Workload]:
    """Return the workloads of an infeasible part of the program; none where it is one part, or nothing was proven.

    Raises
    ------
    OutOfTimeError: the time is used up.
    SolverError: HiGHS failed.
    """
    part = oracle.decide(problem, "part by part").part
    return frozenset() if part is None else workloads_in(part)


def of_halves(problem: Problem, oracle: Oracle) -> frozenset[Workload]:
    """Return workloads without a design by themselves: what is left when halves, quarters and so on are taken away.

    The smallest first, as few large ones ask about less. None where no half can be spared: then most take part.

    Raises
    ------
    OutOfTimeError: the time was used up before half of them were spared.
    SolverError: HiGHS failed.
    """
    candidates = oracle.candidates_of(problem)
    every = sorted(workloads_of(problem), key=lambda workload: (_least_kw(problem, candidates, workload), workload))
    spare = _Sparing(problem, oracle, every)
    middle = len(every) // 2
    try:
        if spare.without(every[:middle]):
            spare.some_of(every[middle:])
        elif spare.without(every[middle:]):
            spare.some_of(every[:middle])
    except OutOfTimeError:
        if len(spare.kept) == len(every):
            raise
    return frozenset(spare.kept) if len(spare.kept) < len(every) else frozenset()


@dataclass
class _Sparing:
    """Workloads that have no design by themselves, and that all of them are needed for it as far as was tried."""

    problem: Problem
    oracle: Oracle
    kept: list[Workload]

    def without(self, block: list[Workload]) -> bool:
        """Leave out a block where what is left still has no design, and return whether it was."""
        rest = [workload for workload in self.kept if workload not in block]
        if not rest or not block:
            return False
        asked = only(self.problem, rest)
        if of_fewer(self.oracle, asked).has_design(asked, f"without {_named(frozenset(block))}") is False:
            self.kept = rest
            return True
        return False

    def some_of(self, block: list[Workload]) -> None:
        """Leave out what can be of a block that cannot be left out whole."""
        middle = len(block) // 2
        for half in (block[:middle], block[middle:]) if middle else ():
            if not self.without(half):
                self.some_of(half)


def _least_kw(problem: Problem, candidates: Candidates, workload: Workload) -> float:
    """Return the peak power of the nodes of the smallest way to run a workload."""
    table, name = workload
    if table == "training":
        return min((c.nodes * c.pool.node.peak_kw for c in candidates.training[name]), default=0.0)
    peak = problem.inference[name].peak_requests_per_s
    return min(
        (
            peak / c.requests_per_s * c.accelerators / c.pool.node.accelerators * c.pool.node.peak_kw
            for c in candidates.serving[name]
        ),
        default=0.0,
    )


def _named(part: frozenset[Workload]) -> str:
    first, *others = sorted(name for _, name in part)
    return f"{first} and {len(others)} others" if others else first


def workloads_in(part: Part) -> frozenset[Workload]:
    """Return the workloads whose candidates a part decides on."""
    found = set()
    for variable in part.matrix.columns:
        table = TABLE_OF.get(variable.parent_component().local_name)
        if table is not None:
            found.add((table, str(variable.index()[0])))
    return frozenset(found)
