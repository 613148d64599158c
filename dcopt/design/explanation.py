"""Why a design is as it is: what its rivals would have cost, what each promise costs, and ``explanation.json``.

All amounts are differences of the objective (``unit``: USD where money is minimized) between the best design with a
change and the best design without it, each known to lie between its bound and its incumbent.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from dcopt.design.records import Record

EXPLANATION_FILE = "explanation.json"


class Extra(Record):
    """What a change adds to the objective of the best design.

    ``found`` is by how much the design found with the change differs from the best one known without it; the true
    difference lies from ``least`` to ``most`` (None: not bounded). ``impossible``: no design is left, and ``reason``
    says why where that is known. ``undecided``: no design was found in the time.
    """

    status: Literal["priced", "impossible", "undecided"]
    found: float | None = None
    least: float | None = None
    most: float | None = None
    reason: str = ""

    @property
    def is_exact(self) -> bool:
        """Whether the difference is known to 1 % of itself, or to one unit."""
        if self.status != "priced" or self.found is None or self.least is None or self.most is None:
            return False
        return self.most - self.least <= max(1.0, 0.01 * abs(self.found))


class Trade(Record):
    """How another design differs from this one: discounted USD, peak kW, racks, tonnes a year in the last year.

    ``headroom_pct`` is the share of the tightest site's grid power that the other design leaves free; None where no
    site has a limit.
    """

    capital_usd: float
    running_usd: float
    facility_kw: float
    racks: int
    carbon_t_per_year: float
    headroom_pct: float | None


class Rival(Record):
    """The best design in which a workload runs in another way, ``what`` it must differ in."""

    workload: str
    what: str
    runs: tuple[str, ...]
    extra: Extra
    trade: Trade | None = None


class Unable(Record):
    """Where a workload cannot run whatever is paid, and why."""

    workload: str
    node: str
    fabric: str
    site: str
    reason: str


class Change(Record):
    """A promise changed to ``to``, and what that does to the objective."""

    to: str
    extra: Extra


class PromisePrice(Record):
    """The price of one promise: a step tighter, a step looser, and without it; None where there is no such step.

    ``value`` is the cell as written, ``used`` what the design takes of it ('' where that is no single figure).
    """

    row: str
    value: str
    used: str
    tighter: Change | None = None
    looser: Change | None = None
    lifted: Change | None = None


class NextDesign(Record):
    """The cheapest design that does without at least one of the parts that this one uses."""

    without: tuple[str, ...]
    with_: tuple[str, ...]
    extra: Extra
    trade: Trade | None = None


class Explanation(Record):
    """All that was found about one design; ``open_questions`` are those for which the time did not suffice.

    ``design`` is a hash of what the design decides, so that an explanation is not shown with another one.
    ``best`` and ``bound`` enclose the best objective of the problem as it stands; ``value`` is that of this design.
    """

    schema_version: int = 1
    design: str
    objective: str
    unit: str
    value: float
    best: float
    bound: float | None
    rivals: tuple[Rival, ...] = ()
    unable: tuple[Unable, ...] = ()
    prices: tuple[PromisePrice, ...] = ()
    next_design: NextDesign | None = None
    open_questions: tuple[str, ...] = ()
    seconds: float = 0.0


def savings_usd(explanation: Explanation) -> dict[str, float]:
    """Return what one step more of each promise saves, by row, where money is minimized and it is known."""
    if explanation.unit != "USD":
        return {}
    found = {price.row: price.looser.extra for price in explanation.prices if price.looser is not None}
    return {
        row: max(0.0, -extra.found)
        for row, extra in found.items()
        if extra.status == "priced" and extra.found is not None
    }


def write_explanation(explanation: Explanation, folder: Path) -> Path:
    """Write ``explanation.json`` into ``folder``, whole or not at all, and return its path."""
    path = folder / EXPLANATION_FILE
    temporary = path.with_suffix(".json.tmp")
    temporary.write_text(explanation.model_dump_json(indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)
    return path


def read_explanation(folder: Path) -> Explanation | None:
    """Return what ``explanation.json`` of ``folder`` holds; None where it is not there or cannot be read."""
    try:
        return explanation_in(json.loads((folder / EXPLANATION_FILE).read_bytes()))
    except (OSError, ValueError):
        return None


def explanation_in(document: object) -> Explanation | None:
    """Return the explanation that a JSON document holds; None where it holds none."""
    try:
        return Explanation.model_validate(document)
    except ValidationError:
        return None
