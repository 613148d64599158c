"""Average power of a node at work: idle + (peak − idle)·activity."""

from __future__ import annotations

from dcopt.problem.tables.catalog_rows import Node
from dcopt.problem.tables.power_rows import work_share_of

TRAINING_ACTIVITY = 0.63
"""Activity of a node that trains: 8×H100 nodes measured 6.9 to 7.9 kW of 10.2 kW nameplate (MLPerf power logs). With
the measured mean of 7.4 kW and an idle draw of 2.7 kW that is (7.4 − 2.7)/(10.2 − 2.7)."""
SERVING_FLOOR = 0.18
"""Activity of a node whose model is loaded and that answers nothing: clocks and memory stay up."""
SERVING_CEILING = 0.80
"""Activity of a saturated node: fleet measurements of 0.43 + 0.43·load of the nameplate reach 0.86 of it, which is
(0.86 − 0.3)/(1 − 0.3); at no load 0.43 is (0.43 − 0.3)/(1 − 0.3), the floor above, with idle at 0.3 of the peak."""


def training_node_kw(node: Node) -> float:
    """Return the average power in kW of a node that trains."""
    return _active_kw(node, TRAINING_ACTIVITY)


def serving_node_kw(node: Node, utilization: float) -> float:
    """Return the average power in kW of a node whose replicas run at ``utilization`` of their saturated rate.

    Utilization outside 0 to 1 is clipped.
    """
    load = min(1.0, max(0.0, utilization))
    activity = SERVING_FLOOR + (SERVING_CEILING - SERVING_FLOOR) * load
    return _active_kw(node, activity)


def _active_kw(node: Node, activity: float) -> float:
    """Activities were measured against the nameplate; a measured peak only caps the result.

    A power cap cuts what is above it, and takes off the mean what its row says (`work_power_pct`).
    """
    whole = node.uncapped
    nameplate_kw = whole.max_kw or whole.peak_kw
    kw = min(whole.peak_kw, whole.standby_kw + (nameplate_kw - whole.standby_kw) * activity)
    return max(node.standby_kw, min(node.peak_kw, kw * work_share_of(node)))
