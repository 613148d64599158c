"""The power chain: which parts stand in series, how many units carry a load, and what they lose."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from dcopt.problem.tables.catalog_rows import PowerPart

CHAIN: tuple[str, ...] = ("pdu", "ups", "transformer")
"""Roles in series, from the racks to the grid: the input of one is the load of the next."""

PARALLEL = "generator"
"""The role that stands beside the chain and replaces the grid: it carries what the transformer gives out."""

INDOORS: tuple[str, ...] = ("pdu", "ups")
"""Roles whose losses are heat in the building; transformers and generators stand outdoors."""

REDUNDANCIES: tuple[str, ...] = ("N", "N+1", "2N", "4N/3")

FEWEST_BLOCKS = 4
"""Blocks of a distributed redundant plant (4N/3): each is loaded to three quarters, so that three carry it all."""

CARRYING_SHARE = 0.75
"""Share of the capacity of a distributed redundant plant that may carry load."""

_ROUNDING = 1e-9


def feeds_are_doubled(redundancy: str) -> bool:
    """Whether every node hangs on two feeds, so that the loss of one loses no node."""
    return redundancy in ("2N", "4N/3")


def units_needed(load_kw: float, unit_kw: float, redundancy: str, max_parallel: int | None = None) -> int:
    """Return the fewest units of ``unit_kw`` that carry ``load_kw`` (both kW).

    N: those that carry it. N+1: one more in each parallel block of up to ``max_parallel`` carrying units (None: one
    block), so that any block does without one. 2N: twice as many. 4N/3: four or more, loaded to three quarters, so
    that it is carried without any one of them. No load needs no unit. A load that exceeds whole units by less than
    1e-9 of itself counts as rounding.

    Raises ValueError for a negative load, a unit without capacity or an unknown redundancy.
    """
    if not 0 <= load_kw < math.inf:
        raise ValueError(f"a load must be a finite number of kW and not negative, not {load_kw:g}")
    if not unit_kw > 0:
        raise ValueError(f"a unit must carry more than 0 kW, not {unit_kw:g}")
    if redundancy not in REDUNDANCIES:
        raise ValueError(f"unknown redundancy '{redundancy}': it must be one of {', '.join(REDUNDANCIES)}")
    if load_kw == 0:
        return 0
    if redundancy == "4N/3":
        return max(FEWEST_BLOCKS, _whole(load_kw / (CARRYING_SHARE * unit_kw)))
    units = max(1, _whole(load_kw / unit_kw))
    if redundancy == "N+1":
        return units + (1 if max_parallel is None else math.ceil(units / max_parallel))
    return 2 * units if redundancy == "2N" else units


def _whole(units: float) -> int:
    return math.ceil(units * (1.0 - _ROUNDING))


def usable_kw(part: PowerPart, ups_minutes: float) -> float:
    """Return the load in kW that one unit may carry so that its batteries last ``ups_minutes`` (a UPS; else its kW).

    The energy of the batteries is what carries the full load for ``battery_minutes``; that they give more at a lower
    current is not counted. 0 where a time is asked of a UPS without batteries.
    """
    if part.role != "ups" or ups_minutes <= 0:
        return part.kw
    return part.kw * min(1.0, (part.battery_minutes or 0.0) / ups_minutes)


@dataclass(frozen=True)
class LossLine:
    """A lower bound on losses: ``fixed`` kW for each kW of rating that runs, and ``slope`` kW for each kW of load."""

    fixed: float
    slope: float


def loss_lines(part: PowerPart) -> tuple[LossLine, ...]:
    """Return the lines whose upper envelope is the part's loss at every load.

    Losses in kW are linear between the loads at which an efficiency is given. With a single efficiency they are
    proportional to the load. Else the first piece goes on down to no load, where it leaves the no-load loss; where it
    would end below zero, the efficiency of the lowest load holds below it. Losses of units that share a load equally
    are those of one, times their number, so both terms are linear in units and load.
    """
    points = [(load, load * (100.0 / pct - 1.0)) for load, pct in part.efficiency_points]
    first_load, first_loss = points[0]
    lines = [
        LossLine(before[1] - before[0] * slope, slope)
        for before, after in pairwise(points)
        for slope in [(after[1] - before[1]) / (after[0] - before[0])]
    ]
    if not lines or lines[0].fixed < 0:
        lines.insert(0, LossLine(0.0, first_loss / first_load))
    return tuple(lines)


def losses_kw(part: PowerPart, units: int, load_kw: float) -> float:
    """Return what ``units`` lose in kW while they share ``load_kw``; no units lose nothing."""
    if units == 0:
        return 0.0
    return max(line.fixed * part.kw * units + line.slope * load_kw for line in loss_lines(part))
