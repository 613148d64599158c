"""Nodes that run at a power cap: what is to be set on them, what it saves, and what it costs in speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcopt.design.records import Design, PoolRecord
from dcopt.problem.tables.power_rows import CappedNode
from dcopt.report.blocks import Section, Text, table
from dcopt.report.numbers import merged_years, number

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem

_HEADERS = ("years", "site", "bought as", "cap", ">nodes")
_EFFECTS = (">kW each without", ">kW each", "speed kept: training · 8 bits · prompts · tokens", "source")


def caps_section(design: Design, problem: Problem | None) -> Section | None:
    """Return the pools at power caps; None where every node runs at full power."""
    pools = [pool for pool in design.pools if pool.power_cap]
    if not pools:
        return None

    def cells(pool: PoolRecord) -> tuple[str, ...]:
        names = (pool.site, pool.bought_as, pool.power_cap, number(pool.nodes))
        node = None if problem is None else problem.nodes.get(pool.node)
        if not isinstance(node, CappedNode):
            return (*names, "", "", "", "")
        speeds = node.cap.speeds
        shares = (speeds.training, speeds.training_8bit, speeds.prefill, speeds.decode)
        kept = " · ".join(f"{number(100 * share)} %" for share in shares)
        return (*names, number(node.whole.max_kw or 0.0), number(node.max_kw or 0.0), kept, node.cap.source)

    rows = [(years, *shown) for years, shown in merged_years(pools, cells)]
    text = (
        "These nodes are bought as any other and run with their chips held below the rated power. The cap must be set "
        "and kept by the operator: racks, feeds and the grid connection are sized for it, and the workloads on these "
        "nodes are planned at the speed that it leaves."
    )
    return Section("power-caps", "Power caps", (Text(text), table("Nodes at a cap", (*_HEADERS, *_EFFECTS), rows)))
