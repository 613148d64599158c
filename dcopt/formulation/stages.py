"""Which integers decide a design, and which follow: what a large program is solved by (pipeline/large.py).

Left whole alone, the strategic ones (pools, their nodes, spares and fabrics, whole nodes of services) leave a
relaxation that is solved many times faster than the program and lies a few percent below it; what is left is rounding
of the plant, of replicas and of the ways in which jobs run.
"""

from __future__ import annotations

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
    }
)
"""Variables that say what is bought where."""

WORKLOADS = STRATEGIC | {"train", "replicas", "banded", "band", "alike"}
"""These and the ways in which the workloads run: everything but storage, racks and plant."""

PURCHASES = STRATEGIC - {"hosts", "kind"}
"""Those that do not change from year to year."""


def name_of(variable: Any) -> str:
    """Return the name under which a block declared a variable."""
    return str(variable.parent_component().local_name)
