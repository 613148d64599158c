"""The whole program: every block declares, then every block links."""

from __future__ import annotations

from dcopt.candidates.records import Candidates
from dcopt.formulation import (
    adders,
    compute,
    cooling,
    cost,
    domains,
    energy,
    fabric,
    halls,
    ladders,
    power,
    racks,
    serving,
    side_networks,
    storage,
    strength,
    survival,
    training,
    transfer,
)
from dcopt.formulation.program import Inventory, Program
from dcopt.problem.problem import Problem

BLOCKS = (
    compute,
    training,
    serving,
    survival,
    strength,
    fabric,
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
    problem: Problem, candidates: Candidates, *, only_pair: bool = False, inventory: Inventory | None = None
) -> Program:
    """State the program of ``problem``.

    ``only_pair`` is the baseline's rule, one (node, fabric) pair everywhere; ``inventory`` decides what is bought.
    """
    program = Program(problem, candidates, only_pair=only_pair, inventory=inventory)
    for block in BLOCKS:
        block.declare(program)
    for block in BLOCKS:
        block.link(program)
    return program
