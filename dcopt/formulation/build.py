"""The whole program: every block declares, then every block links."""

from __future__ import annotations

from pyomo.common.gc_manager import PauseGC

from dcopt.candidates.records import Candidates
from dcopt.formulation import (
    adders,
    colocation,
    commitments,
    compute,
    cooling,
    cost,
    domains,
    energy,
    fabric,
    halls,
    ladders,
    lead,
    power,
    racks,
    rebuild,
    serving,
    side_networks,
    stocks,
    storage,
    strength,
    survival,
    training,
    transfer,
)
from dcopt.formulation.program import STATING, Program
from dcopt.formulation.shared import Inventory
from dcopt.problem.epochs import views_of
from dcopt.problem.problem import Problem

BLOCKS = (
    compute,
    training,
    serving,
    lead,
    survival,
    strength,
    fabric,
    rebuild,
    ladders,
    storage,
    transfer,
    side_networks,
    racks,
    cooling,
    power,
    domains,
    halls,
    energy,
    adders,
    cost,
)
"""In the order in which each needs what the ones before have put on the ledgers."""


def build(
    problem: Problem,
    candidates: Candidates,
    *,
    only_pair: bool = False,
    all_stays: bool = False,
    inventory: Inventory | None = None,
) -> Program:
    """State the program of ``problem``; ``only_pair`` is the baseline's rule, one (node, fabric) pair everywhere.

    Where equipment may be bought at several dates each epoch is a program of the same blocks, and block `stocks`
    links them; ``all_stays`` keeps stays that no optimum needs, for purchases that are given. ``inventory`` decides
    what is bought, at the first date where there are several.
    """
    with (
        STATING,
        PauseGC(),  # hundreds of thousands of objects that all stay: looking for cycles would take most of the time
    ):
        return _build(problem, candidates, only_pair=only_pair, all_stays=all_stays, inventory=inventory)


def _build(
    problem: Problem, candidates: Candidates, *, only_pair: bool, all_stays: bool, inventory: Inventory | None
) -> Program:
    program = Program(problem, candidates, only_pair=only_pair, inventory=inventory)
    program.all_stays = all_stays
    for index, (seen, of_epoch) in enumerate(zip(views_of(problem), candidates.epochs, strict=True)):
        _state(Program(seen, of_epoch, only_pair=only_pair, within=(program, index)))
    if program.epochs:
        commitments.link(program)
        colocation.link(program)
        stocks.link(program)
        if only_pair:
            compute.same_pair(program)
    else:
        _state(program)
    return program


def _state(program: Program) -> None:
    for block in BLOCKS:
        block.declare(program)
    for block in BLOCKS:
        block.link(program)
