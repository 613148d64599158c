"""Room for the runs of jobs whose pools are decided: nodes with which a calendar was found, asked for at once.

The yearly sums of the program admit jobs that no calendar keeps. Where the jobs of a pool are chosen before its nodes
are counted, start days are looked for right then, on as few nodes as a list schedule manages; a row then asks for that
many as long as just these jobs (or such as take no less) run there. Its form is that of a conflict's (pipeline/calendar
`cut_off`). What is asked for may be more than the best calendar needs, so the row belongs in programs that only look
for designs, never in one whose bound counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from dcopt.candidates.records import Period
from dcopt.formulation.expressions import whole
from dcopt.formulation.night import Holding, holdings
from dcopt.formulation.program import Program
from dcopt.formulation.training import chosen
from dcopt.pipeline.calendar import Clash, Running, cut_off, on_nodes
from dcopt.solve.calendar import Conflict, Job, pack

NUMBERS = 1_000_000
"""Rows of room are numbered from here on, those of conflicts from 0."""


def rooms(program: Program) -> list[Clash]:
    """Return what the jobs of each pool ask for together, of a program whose choices of jobs hold a solution.

    A pool whose jobs ask together for no more than the largest of them is left out: a row of the program says that.
    """
    found = [(_fewest_nodes(program, holding, mine), of) for of, holding, mine in _together(program)]
    return [_asked(of, nodes) for nodes, of in found if nodes is not None]


def left_free(program: Program) -> list[Clash]:
    """Return the nodes that a solved program leaves free to the jobs of each pool, as what these ask for.

    A calendar for them, whatever else they share, is one wherever as many are free.
    """
    return [_asked(of, whole(holding.free(program))) for of, holding, _ in _together(program)]


_Of = tuple[str, tuple[Running, ...], Period]
"""The name of what is held, by whom and in which period."""


def _together(program: Program) -> Iterator[tuple[_Of, Holding, list[Job]]]:
    """Yield the jobs that are chosen on each pool, with what they hold of it."""
    for period in program.candidates.periods:
        here = [on_nodes(program, period, c) for c, variable in chosen(program, period) if whole(variable)]
        for key in dict.fromkeys(one.candidate.pool.key for one in here):
            for holding in holdings(program, key, period):
                mine = tuple(one for one in here if one.job.need_of(holding.name))
                if mine and holding.is_scarce(program):
                    yield (holding.name, mine, period), holding, [one.job for one in mine]


def _asked(of: _Of, nodes: int) -> Clash:
    name, mine, period = of
    return Clash(Conflict(tuple(one.job for one in mine), {name: float(nodes)}, proven=False), mine, period)


def _fewest_nodes(program: Program, holding: Holding, jobs: list[Job]) -> int | None:
    """Return the fewest nodes on which a list schedule keeps the windows of jobs; None where the largest is enough."""
    if len(jobs) < 2:
        return None
    largest = max(job.need_of(holding.name) for job in jobs)
    node_days = sum(job.need_of(holding.name) * job.days * job.runs for job in jobs)
    window = max(job.end_day for job in jobs) - min(job.start_day for job in jobs)
    most = sum(job.need_of(holding.name) * job.runs for job in jobs)
    nodes = max(largest, math.ceil(node_days / window - 1e-9) if window > 0 else largest)
    while nodes <= most and not _is_kept(jobs, holding, nodes):
        nodes += 1
    return round(nodes) if largest < nodes <= min(most, program.candidates.pools[holding.pool].max_nodes) else None


def _is_kept(jobs: list[Job], holding: Holding, nodes: float) -> bool:
    return pack(jobs, {holding.name: nodes}, exact=False).starts is not None


def make_room(program: Program, clashes: list[Clash], number: int = 0) -> None:
    """Ask for the nodes of `rooms`, in every period in which these jobs run and on whatever pool.

    ``number``: how many were asked for before.
    """
    for place, clash in enumerate(clashes):
        cut_off(program, clash, NUMBERS + number + place)
