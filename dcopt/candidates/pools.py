"""Which pools a site can have, and how large each can become."""

from __future__ import annotations

import math

from dcopt.candidates.records import Pool, PoolFacility
from dcopt.infrastructure.cabling import cabling_of, rack_fills
from dcopt.infrastructure.spares import spare_steps
from dcopt.infrastructure.topology import max_nodes, shape_of, steps_for, usable
from dcopt.problem.lead import DAYS_PER_YEAR, start_day
from dcopt.problem.offered import Offered, offered, shared_limits
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import Fabric, Node
from dcopt.problem.tables.problem_rows import Site

LARGEST_POOL = 4096
"""Nodes of a pool that nothing else limits (a cloud site without ``max_units``): the reach of this version."""


def pools_of(problem: Problem) -> dict[str, Pool]:
    """Return every pool that some site can have, by key."""
    pools: dict[str, Pool] = {}
    for site in problem.sites.values():
        nodes = offered(problem, "nodes", site.name)
        fabrics = offered(problem, "fabrics", site.name)
        for node in nodes.values():
            for fabric in fabrics.values():
                pool = _pool(problem, site, node, fabric.row)
                if pool is not None and pool.max_nodes > 0:
                    pools[pool.key] = pool
    return pools


def _pool(problem: Problem, site: Site, node: Offered, fabric: Fabric) -> Pool | None:
    rented = site.kind == "cloud"
    if rented != (fabric.name == "builtin"):
        return None
    row: Node = node.row
    switch = problem.switches[fabric.switch] if fabric.switch else None
    if usable(row, fabric, switch, problem.links) is not None:
        return None
    if all(start_day(problem, site.name, row.name, fabric.name, year) >= DAYS_PER_YEAR for year in problem.years):
        return None  # ordered on the first day it stands only after the years that are looked at
    limits = [LARGEST_POOL, *_offer_limits(problem, node)]
    limited = rented and len(limits) > 1
    if switch is not None:
        limits.append(max_nodes(shape_of(row, fabric, switch)))
    if not rented:
        limited = True
        limits.append(_site_limit(site, row))
    return Pool(
        site=site.name,
        node=row,
        fabric=fabric,
        rented=rented,
        price_usd=None if rented else node.price_usd,
        rent_usd_per_hour=(row.rent_usd_per_hour or 0.0) if rented else 0.0,
        max_nodes=min(limits),
        existing_nodes=0 if rented else node.existing_units,
        limited=limited,
    )


def _offer_limits(problem: Problem, node: Offered) -> list[int]:
    limits = []
    shared = shared_limits(problem, "nodes").get(node.row.uncapped.name)
    for limit in (node.max_units, shared):
        if limit is not None:
            limits.append(limit + node.existing_units)
    if node.price_usd is None and node.row.rent_usd_per_hour is None:
        limits.append(node.existing_units)
    return limits


def _site_limit(site: Site, node: Node) -> int:
    """Return the nodes whose peak alone would use up the site's grid power."""
    usable_kw = (site.power_limit_kw or 0.0) / (site.colocation_pue or 1.0 if site.kind == "colocation" else 1.0)
    return math.floor(usable_kw / node.peak_kw + 1e-9) if node.peak_kw > 0 else LARGEST_POOL


def pool_facility(problem: Problem, pool: Pool, targets_pct: set[float]) -> PoolFacility:
    """Return the spares (for each target) and the fabric of ``pool`` as step functions of its nodes."""
    node = pool.node
    spares: dict[float, tuple[tuple[int, int], ...]] = {
        target: ((0, pool.max_nodes),)
        if pool.rented
        else spare_steps(pool.max_nodes, node.mtbf_hours, node.repair_hours, target)
        for target in sorted(targets_pct)
    }
    if pool.fabric.switch is None:
        return PoolFacility(spares, (), None)
    cabling = cabling_of(problem, pool.site, node, pool.fabric)
    fills = rack_fills(problem, pool.site, node)
    steps = tuple(
        (step, reach)
        for step in steps_for(node, pool.fabric, problem.switches[pool.fabric.switch], pool.max_nodes)
        for reach in cabling.reaches("trunk")
        if reach in {cabling.trunk_reach(step, fill) for fill in fills}
    )
    return PoolFacility(spares, steps, cabling)
