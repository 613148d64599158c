"""How good a design is proven to be: what binds, and what it is held against."""

from __future__ import annotations

from typing import Literal

from dcopt.design.record import Record

Status = Literal["optimal", "feasible", "infeasible", "no_solution"]


BINDING_PCT = 97.0
"""A limit of which at least this share is used counts as binding: whole units seldom use up a limit to the last."""


class Binding(Record):
    """A promise or limit that is (nearly) used up."""

    row: str
    sentence: str
    used_pct: float
    saving_usd: float | None = None


class Baseline(Record):
    """The cheapest design with one node and one fabric everywhere."""

    node: str
    fabric: str
    tco_usd: float
    objective_bound: float
    gap: float
    saving_usd: float
    saving_proven_usd: float


class RuleOfThumb(Record):
    """What a common rule of buying costs: the cheapest design that keeps it, with its own proof.

    ``extra_usd`` is what it costs beyond this design, ``extra_proven_usd`` the part of it that no such design can
    avoid. All None, with the ``reason``, where none exists or was found.
    """

    rule: str
    sentence: str
    tco_usd: float | None = None
    objective_bound: float | None = None
    gap: float | None = None
    extra_usd: float | None = None
    extra_proven_usd: float | None = None
    reason: str = ""


class Foresight(Record):
    """What it costs to decide each purchase knowing only ``years`` years ahead, beside knowing the whole horizon.

    ``perfect_tco_usd`` is the best design found with full knowledge; the price of not knowing lies between
    ``price_usd`` (against that design) and what the bound of the design allows.
    """

    years: int
    perfect_tco_usd: float
    price_usd: float


class ResidualCase(Record):
    """The same design when equipment is worth ``residual_pct`` of its book value at the end of the horizon.

    ``best_tco_usd`` is the best design found under that assumption, ``design_changes`` whether it buys or runs
    something else; both None where it was not solved within its time.
    """

    residual_pct: float
    tco_usd: float
    best_tco_usd: float | None
    design_changes: bool | None


class ConfidenceCase(Record):
    """What the asked confidence costs: the best design without a margin, None where it was not solved in its time."""

    confidence_pct: float
    without_tco_usd: float | None
    without_kept_pct: float | None
    design_changes: bool | None


class NightCase(Record):
    """What training at night saves: the best design with every job on nodes of its own all day.

    None where that was not solved in its time, or where there is none (``without_status`` says which).
    ``saving_proven_usd`` is what its bound leaves of the saving.
    """

    without_status: str
    without_tco_usd: float | None = None
    without_objective_bound: float | None = None
    without_nodes: int | None = None
    saving_usd: float | None = None
    saving_proven_usd: float | None = None


class ProgressPoint(Record):
    """Where the solver stood: objective of the incumbent (None: none yet) and proven bound, in the objective's unit."""

    seconds: float
    incumbent: float | None
    bound: float | None
