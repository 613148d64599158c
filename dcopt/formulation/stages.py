"""Which integers decide a design, and which follow: what a large program is solved by (pipeline/large.py).

Left whole alone, the strategic ones (pools, their nodes, spares and fabrics, whole nodes of services) leave a
relaxation that is solved many times faster than the program and lies a few percent below it; what is left is rounding
of the plant, of replicas and of the ways in which jobs run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

STRATEGIC = frozenset(
    {
        "active_site",
        "open",
        "kind_open",
        "work",
        "bought",
        "reused",
        "spare_step",
        "spare_together",
        "uses",
        "fabric_step",
        "hosts",
        "kind",
        "bought_anywhere",
        "work_anywhere",
        "hosts_anywhere",
    }
)
"""Variables that say what is bought where."""

ANYWHERE = frozenset({"bought_anywhere", "work_anywhere", "hosts_anywhere"})
"""Those that say how many nodes of each type, at all sites together. They follow from the others."""

SUMS = frozenset({"alike", "kind", "spare_together"}) | ANYWHERE
"""Sums over what is alike, numbered or stated by what else there is: they follow from the others."""

WORKLOADS = STRATEGIC | {"train", "replicas", "banded", "band", "alike"}
"""These and the ways in which the workloads run: everything but storage, racks and plant."""

PURCHASES = STRATEGIC - {"hosts", "kind"} - ANYWHERE
"""Those that do not change from year to year."""

HELD = PURCHASES - {"spare_step", "spare_together", "uses"}
"""Those that fix a purchase. How spares are counted follows from the numbers of nodes, in steps that depend on what
else there is."""

STORED = HELD | {"units", "place", "copy", "codec", "use", "kept_at"}
"""Those that fix a purchase, storage included, and where data lies."""

EQUIPMENT = STORED | {"plant_units", "choice", "racks", "rack_choice"}
"""Those that fix all that is bought, the plant and racks included."""

DESIGN = (
    STRATEGIC | EQUIPMENT | {"plant_half", "plant_blocks", "collector", "in_room", "standing", "fill_used", "halls"}
)
"""Everything but how the workloads run: the strategic ones, storage, racks and plant."""

OF_ONE_PERIOD = frozenset(
    {
        "train",
        "replicas",
        "hosts",
        "carried_load",
        "activity",
        "through_on_average",
        "loss_on_average",
        "room_heat_on_average",
        "room_taken_on_average",
    }
)
"""Variables whose key ends with the period that they belong to. What a period costs by itself is paid on these."""


def name_of(variable: Any) -> str:
    """Return the name under which a block declared a variable."""
    return str(variable.parent_component().local_name)


def stays(names: frozenset[str] | None) -> Callable[[Any], bool]:
    """Return which variables stay whole: those declared under ``names``, all where that is None."""
    return lambda variable: names is None or name_of(variable) in names


LINEAR = stays(frozenset())
"""No variable stays whole."""
