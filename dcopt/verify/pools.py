"""Pools: purchases, existing nodes, offers and spares."""

from __future__ import annotations

from collections import defaultdict

from dcopt.design.records import Design, PoolRecord, pool_key
from dcopt.infrastructure.spares import spares_needed, tail_probability
from dcopt.problem.offered import existing_units, offered
from dcopt.problem.problem import Problem
from dcopt.problem.tables.power_rows import CappedNode
from dcopt.verify.checker import Checker


def check(problem: Problem, design: Design, checker: Checker) -> None:
    """Check every pool."""
    for pool in design.pools:
        _pool(problem, design, pool, checker)
    _spares_together(problem, design, checker)
    _available(problem, design, checker)
    _constant(problem, design, checker)
    if problem.window is None:  # over several epochs the stocks are what offers and existing units limit
        _units(problem, design, checker)


def _pool(problem: Problem, design: Design, pool: PoolRecord, checker: Checker) -> None:
    place = f"pool {pool_key(pool)} year {pool.year}"
    node = problem.nodes[pool.node]
    rented = problem.sites[pool.site].kind == "cloud"
    checker.same(f"{place} rented", pool.rented, rented)
    cap = node.cap.name if isinstance(node, CappedNode) else ""
    checker.same(f"{place} power_cap", pool.power_cap, cap)
    checker.same(f"{place} accelerators", pool.accelerators, pool.nodes * node.accelerators)
    checker.holds(
        f"{place} node", pool.node in offered(problem, "nodes", pool.site), pool.node, "it is not offered there"
    )
    checker.holds(
        f"{place} fabric", pool.fabric in offered(problem, "fabrics", pool.site), pool.fabric, "it is not offered there"
    )
    if rented:
        checker.same(f"{place} bought", (pool.bought, pool.existing, pool.spares), (0, 0, 0))
        held = pool.service_nodes + _at_once(design, pool)
        checker.same(f"{place} nodes", pool.nodes, held)
        return
    checker.same(f"{place} nodes", pool.nodes, pool.bought + pool.existing)
    target = _target(problem, design, pool.site, (pool.node,), pool.fabric)
    working = pool.nodes - pool.spares
    needed = spares_needed(working, node.mtbf_hours, node.repair_hours, target)
    checker.at_most(f"{place} spares", needed, pool.spares, "spares for the target")
    checker.at_most(f"{place} service_nodes", pool.service_nodes, working, "working nodes")


def _at_once(design: Design, pool: PoolRecord) -> int:
    """Return the most nodes that runs of jobs hold at the same time on a pool."""
    key = pool_key(pool)
    runs = [entry for entry in design.calendar if (entry.pool, entry.year) == (key, pool.year)]
    held = [
        sum(r.nodes for r in runs if r.start_day <= start + 1e-9 and r.end_day > start + 1e-9)
        for start in {run.start_day for run in runs}
    ]
    return max(held, default=0)


def _target(problem: Problem, design: Design, site: str, nodes: tuple[str, ...], fabric: str | None) -> float:
    """Return the spare target of a pool (of all pools of nodes at a site where ``fabric`` is None), %."""
    return max(
        [problem.settings.spare_target_pct]
        + [
            problem.inference[record.service].availability_pct or 0.0
            for record in design.inference
            if record.site == site and record.node in nodes and fabric in (None, record.fabric)
        ]
    )


def _available(problem: Problem, design: Design, checker: Checker) -> None:
    """All owned pools that a service uses are whole at once as often as it is to be available (the union bound)."""
    pools = {(p.site, p.node, p.fabric, p.year): p for p in design.pools if not p.rented}
    used: dict[tuple[str, int], set[tuple[str, str, str, int]]] = defaultdict(set)
    for record in design.inference:
        key = (record.site, record.node, record.fabric, record.year)
        if key in pools:
            used[record.service, record.year].add(key)
    for (name, year), keys in sorted(used.items()):
        asked = problem.inference[name].availability_pct
        if asked is None:
            continue
        missed = 0.0
        for key in sorted(keys):
            pool, node = pools[key], problem.nodes[key[1]]
            down = node.repair_hours / (node.mtbf_hours + node.repair_hours)
            missed += tail_probability(pool.nodes, pool.spares, down)
        place = f"service {name} year {year} availability_pct on {len(keys)} pool(s)"
        checker.at_most(place, missed / (1.0 - asked / 100.0), 1.0, "times the unavailability that is allowed")


def _spares_together(problem: Problem, design: Design, checker: Checker) -> None:
    """The spares of all pools of one node at a site, at whatever power, cover all their working nodes."""
    counts: dict[tuple[str, str, int], tuple[int, int]] = {}
    for pool in design.pools:
        if not pool.rented:
            key = (pool.site, pool.bought_as, pool.year)
            nodes, spares = counts.get(key, (0, 0))
            counts[key] = (nodes + pool.nodes, spares + pool.spares)
    for (site, name, year), (nodes, spares) in counts.items():
        node = problem.nodes[name]
        alike = tuple(other for other, row in problem.nodes.items() if row.uncapped.name == name)
        target = _target(problem, design, site, alike, None)
        needed = spares_needed(nodes - spares, node.mtbf_hours, node.repair_hours, target)
        place = f"pools of {name} at {site} year {year} spares"
        checker.at_most(place, needed, spares, "spares for the target")


def _constant(problem: Problem, design: Design, checker: Checker) -> None:
    """What was bought once stands in every year."""
    bought: dict[tuple[str, str, str], set[tuple[int, int, int]]] = defaultdict(set)
    years: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for pool in design.pools:
        if not pool.rented:
            key = (pool.site, pool.node, pool.fabric)
            counts = (pool.nodes, pool.bought if problem.window is None else 0, pool.spares)
            bought[key].add(counts)
            years[key].append(pool.year)
    for key, values in bought.items():
        place = f"pool {'/'.join(key)}"
        checker.same(f"{place} over the years", len(values), 1)
        checker.same(f"{place} years", sorted(years[key]), list(problem.years))


def _units(problem: Problem, design: Design, checker: Checker) -> None:
    used: dict[tuple[str, str], int] = defaultdict(int)
    taken: dict[tuple[str, str], int] = defaultdict(int)
    year_one = [pool for pool in design.pools if pool.year == 1 and not pool.rented]
    rented: dict[tuple[str, str], int] = {}
    for pool in design.pools:
        if pool.rented:
            at = sum(
                p.nodes
                for p in design.pools
                if (p.site, p.node, p.year, p.rented) == (pool.site, pool.node, pool.year, True)
            )
            rented[pool.site, pool.node] = max(at, rented.get((pool.site, pool.node), 0))
    for pool in year_one:
        used[pool.site, pool.bought_as] += pool.existing
        taken[pool.site, pool.bought_as] += pool.bought
    for (site, name), units in used.items():
        there = existing_units(problem, site, "nodes", name)
        checker.at_most(f"pool {site}/{name} existing", units, there, "existing.csv")
    for offer in problem.offers.values():
        if offer.table != "nodes":
            continue
        bought, at_once = (
            sum(n for (site, name), n in units.items() if name == offer.name and offer.site in (None, site))
            for units in (taken, rented)
        )
        place = f"nodes {offer.name} at {offer.site or 'all sites'}"
        if offer.max_units is not None:
            checker.at_most(place, bought + at_once, offer.max_units, "max_units of offers.csv")
        if offer.min_units and bought:  # an order minimum is for purchases
            checker.at_most(place, offer.min_units, bought, "min_units of offers.csv")
