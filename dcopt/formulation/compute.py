"""Compute: pools of nodes, bought once, with spares.

    nodes[p] = bought[p] + reused[p] = work[p] + Σ_k k·spares[p,k]      (owned)
    work[p] ≤ Σ_k reach_k·spares[p,k],   Σ_k spares[p,k] = open[p]
    Σ_f work[s,k,f] ≤ Σ_k reach_k·together[s,k],   Σ_f spares ≥ Σ_k k·together[s,k]   (splitting pools saves no spare)
    Σ_f reused[s,k,f] ≤ existing[s,k]

    least ≤ Σ_f nodes[s,k,f] ≤ most        (where a search of a large program has found these: `Candidates.numbers`)

    open[p] ≤ nodes[p],   open[p] ≤ active[s]     (an open pool stands somewhere: see block stage)

At cloud sites ``work`` is the largest number of nodes rented at once; it costs nothing by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from dcopt.candidates.records import Pool
from dcopt.design.records import PoolRecord
from dcopt.economics.ledger import CapitalLine
from dcopt.formulation import commitments, night
from dcopt.formulation.expressions import total, upper_bound, whole
from dcopt.formulation.program import Program
from dcopt.infrastructure.spares import spare_steps
from dcopt.problem.islands import island_names
from dcopt.problem.offered import shared_limits
from dcopt.problem.tables.power_rows import CappedNode


def declare(program: Program) -> None:
    """Declare the pools, their purchases and their standby power."""
    for site, row in program.problem.sites.items():
        if row.kind != "cloud":
            program.var("active_site", site, ub=1, binary=True)
    for key, pool in program.candidates.pools.items():
        program.var("open", key, ub=1, binary=True)
        program.var("work", key, ub=pool.max_nodes, integer=True)
        if pool.rented:
            continue
        bought_most = pool.max_nodes if pool.price_usd is not None else 0
        bought = program.var("bought", key, ub=bought_most, integer=True)
        reused = program.var("reused", key, ub=min(pool.existing_nodes, pool.max_nodes), integer=True)
        for target, steps in program.candidates.facilities[key].spare_steps.items():
            for spares, reach in steps:
                if reach > 0:
                    program.var("spare_step", (key, target, spares), ub=1, binary=True)
        _costs(program, pool, bought, bought + reused)


def _costs(program: Program, pool: Pool, bought: Any, nodes: Any) -> None:
    node = pool.node
    balance = program.balances[pool.site]
    price = (node.price_usd or 0.0) if pool.price_usd is None else pool.price_usd
    program.ledger.buy(CapitalLine(pool.site, "nodes", "nodes", node.uncapped.name, bought, price, node.lifetime_years))
    balance.it_peak_kw.append(node.peak_kw * nodes)
    balance.it_rated_kw.append((node.max_kw or 0.0) * nodes)
    for piece in program.slices:
        balance.add_average(balance.it_average_kw, piece.index, node.standby_kw * nodes)
    program.keep(pool.site, nodes, price, node.support_pct_per_year, node.maintenance_pct_per_year)


def nodes_of(program: Program, key: str) -> Any:
    """Return the nodes of a pool, spares included (at a cloud site: the nodes rented at once)."""
    model = program.model
    if program.candidates.pools[key].rented:
        return model.work[key]
    return model.bought[key] + model.reused[key]


def spare_variables(program: Program, key: str) -> list[tuple[float, int, int, Any]]:
    """Return (target, spares, reach, variable) of every spare step of an owned pool."""
    steps = program.candidates.facilities[key].spare_steps
    return [
        (target, spares, reach, program.model.spare_step[key, target, spares])
        for target, of_target in steps.items()
        for spares, reach in of_target
        if reach > 0
    ]


def link(program: Program) -> None:
    """Link purchases, spares, offers and existing nodes."""
    model = program.model
    for key, pool in program.candidates.pools.items():
        if pool.rented:
            program.require("rented_open", key, model.work[key] <= pool.max_nodes * model.open[key])
            continue
        steps = spare_variables(program, key)
        program.require("one_spare_step", key, total(v for *_, v in steps) == model.open[key])
        program.require("spares_reach", key, model.work[key] <= total(reach * v for _, _, reach, v in steps))
        program.require(
            "nodes", key, nodes_of(program, key) == model.work[key] + total(spares * v for _, spares, _, v in steps)
        )
        program.require("open_has_nodes", key, nodes_of(program, key) >= model.open[key])
        program.require("open_is_active", key, model.open[key] <= model.active_site[pool.site])
        for name, most in (("bought", upper_bound(model.bought[key])), ("reused", upper_bound(model.reused[key]))):
            variable = getattr(model, name)[key]
            if most > 0:
                program.require(f"{name}_open", key, variable <= most * model.open[key])
    _numbers(program)
    _islands_in_order(program)
    _spares_together(program)
    _existing(program)
    _offers(program)
    _vendors(program)
    _embodied(program)
    if program.only_pair:
        _one_pair(program)


def _numbers(program: Program) -> None:
    """As many nodes of a type as are worth looking for stand at a site, or (``*``) at all of them together."""
    pools = program.candidates.pools
    for kind, (least, most) in program.candidates.numbers.items():
        keys = [
            key
            for key, pool in pools.items()
            if not pool.rented and pool.node.name == kind[1] and kind[0] in ("*", pool.site)
        ]
        there = total(nodes_of(program, key) for key in keys)
        if keys and least > 0:
            program.require("least_nodes", kind, there >= least)
        if len(keys) > 1 and most < sum(pools[key].max_nodes for key in keys):
            program.require("most_nodes", kind, there <= most)


def _islands_in_order(program: Program) -> None:
    """Islands of a fabric are alike, so the first of them may be the largest: work[i] ≥ work[i+1]."""
    pools = program.candidates.pools
    for key, pool in pools.items():
        for before, after in pairwise(island_names(pool.fabric.listed)):
            ahead, behind = (f"{pool.site}/{pool.node.name}/{name}" for name in (before, after))
            if key == ahead and behind in pools:
                program.require("islands", behind, program.model.work[behind] <= program.model.work[ahead])


def known_most(program: Program, site: str, nodes: Iterable[str]) -> float:
    """Return how many nodes of some types a site is known to have at most over all fabrics; infinite: not known."""
    known = program.candidates.numbers
    return sum(
        min(known.get((where, node), (0, math.inf))[1] for where in (site, "*")) for node in dict.fromkeys(nodes)
    )


def pools_alike(program: Program) -> dict[tuple[str, str], list[str]]:
    """Return the owned pools of each (site, node), those at power caps with those at full power."""
    alike: dict[tuple[str, str], list[str]] = {}
    for key, pool in program.candidates.pools.items():
        if not pool.rented:
            alike.setdefault((pool.site, pool.node.uncapped.name), []).append(key)
    return alike


def _spares_together(program: Program) -> None:
    """The spares of all pools of one node at a site cover all their working nodes, as those of one pool would."""
    model = program.model
    for (site, node), keys in pools_alike(program).items():
        if len(keys) < 2:
            continue
        pools = [program.candidates.pools[key] for key in keys]
        known = known_most(program, site, (pool.node.name for pool in pools))
        most = int(min(sum(pool.max_nodes for pool in pools), known))
        hours = (pools[0].node.mtbf_hours, pools[0].node.repair_hours)
        steps = []
        targets = sorted({target for key in keys for target in program.candidates.facilities[key].spare_steps})
        for target in targets:
            for spares, reach in spare_steps(most, *hours, target):
                if reach > 0:
                    step = program.var("spare_together", (site, node, target, spares), ub=1, binary=True)
                    steps.append((target, spares, reach, step))
        program.spares_together[site, node] = steps
        work = total(model.work[key] for key in keys)
        there = total(nodes_of(program, key) for key in keys) - work
        program.require("one_step_together", (site, node), total(v for *_, v in steps) <= 1)
        program.require("reach_together", (site, node), work <= total(reach * v for _, _, reach, v in steps))
        program.require("spares_together", (site, node), there >= total(spares * v for _, spares, _, v in steps))


def spares_together(program: Program, key: str) -> list[tuple[float, Any]]:
    """Return (target, variable) of the steps that a pool shares with the other pools of its node (none if alone)."""
    pool = program.candidates.pools[key]
    steps = program.spares_together.get((pool.site, pool.node.uncapped.name), [])
    return [(target, variable) for target, _, _, variable in steps]


def _existing(program: Program) -> None:
    by_node: dict[tuple[str, str], list[str]] = {}
    for key, pool in program.candidates.pools.items():
        if pool.existing_nodes:
            by_node.setdefault((pool.site, pool.node.uncapped.name), []).append(key)
    for (site, node), keys in by_node.items():
        there = program.candidates.pools[keys[0]].existing_nodes
        program.require(
            "reuse",
            (site, node),
            total(program.model.reused[key] for key in keys) <= there,
            row=f"existing.csv: {site}/nodes/{node} units",
            sentence=f"no more than the {there} existing {node} at {site} are reused",
        )


def _offers(program: Program) -> None:
    model = program.model
    for offer in program.problem.offers.values():
        if offer.table != "nodes":
            continue
        keys = [
            key
            for key, pool in program.candidates.pools.items()
            if pool.node.uncapped.name == offer.name and offer.site in (None, pool.site)
        ]
        units = total(model.work[key] if program.candidates.pools[key].rented else model.bought[key] for key in keys)
        where = f"at {offer.site}" if offer.site else "at all sites together"
        row = f"offers.csv: nodes/{offer.name}/{offer.site or '*'}"
        limit = shared_limits(program.problem, "nodes").get(offer.name) if offer.site is None else offer.max_units
        if keys and limit is not None:
            program.require(
                "offer_most",
                (offer.name, offer.site or "*"),
                units <= limit,
                row=f"{row} max_units",
                sentence=f"no more than {limit} {offer.name} {where}",
            )
        keys = [key for key in keys if not program.candidates.pools[key].rented]  # an order minimum is for purchases
        if keys and offer.min_units:
            units = total(model.bought[key] for key in keys)
            some = program.var("some", (offer.name, offer.site or "*"), ub=1, binary=True)
            program.require(
                "offer_least",
                (offer.name, offer.site or "*"),
                units >= offer.min_units * some,
                row=f"{row} min_units",
                sentence=f"at least {offer.min_units} {offer.name} {where}, if any",
            )
            program.require("offer_some", (offer.name, offer.site or "*"), units <= upper_bound(units) * some)


def _vendors(program: Program) -> None:
    """No vendor delivers more than its share of all bought nodes."""
    share = program.problem.settings.max_vendor_pct / 100
    if share >= 1:
        return
    by_vendor: dict[str, list[Any]] = {}
    for key, pool in program.candidates.pools.items():
        if not pool.rented:
            by_vendor.setdefault(program.problem.vendor_of(pool.node.name), []).append(program.model.bought[key])
    everything = total(bought for of_vendor in by_vendor.values() for bought in of_vendor)
    for vendor, of_vendor in by_vendor.items():
        program.require(
            "vendor_share",
            vendor,
            total(of_vendor) <= share * everything,
            row="settings.csv: max_vendor_pct",
            sentence=f"{vendor or 'no vendor'} delivers no more than {100 * share:g} % of the bought nodes",
        )


def _embodied(program: Program) -> None:
    """The carbon of making the bought nodes stays within its limit."""
    limit = program.problem.settings.embodied_limit_t
    pools = [(key, pool.node) for key, pool in program.candidates.pools.items() if not pool.rented]
    carbon = total(node.embodied_kgco2 / 1000 * program.model.bought[key] for key, node in pools)
    if limit is not None:
        program.require(
            "embodied_limit",
            "all",
            carbon <= limit,
            row="settings.csv: embodied_limit_t",
            sentence=f"making the bought nodes emits no more than {limit:g} t",
        )


def _one_pair(program: Program) -> None:
    """The baseline: one (node, fabric) pair everywhere."""
    model = program.model
    for key, pool in program.candidates.pools.items():
        pair = (pool.node.name, pool.fabric.name)
        if model.component("pair") is None or pair not in model.pair:
            program.var("pair", pair, ub=1, binary=True)
        program.require("pool_of_pair", key, model.open[key] <= model.pair[pair])
    if model.component("pair") is not None:
        program.require("one_pair", "all", total(model.pair.values()) <= 1)


def same_pair(root: Program) -> None:
    """The baseline over several epochs: the same pair in all of them."""
    pairs = dict.fromkeys(pair for part in root.epochs for pair in (part.model.component("pair") or ()))
    for pair in pairs:
        chosen = root.var("pair", pair, ub=1, binary=True)
        for index, part in enumerate(root.epochs):
            of_epoch = part.model.component("pair")
            if of_epoch is not None and pair in of_epoch:
                root.require("same_pair", (*pair, index), of_epoch[pair] <= chosen)
    root.require("one_pair", "all", total(root.model.component("pair").values() if pairs else ()) <= 1)


def _fewest_spares(program: Program, key: str, nodes: int) -> int:
    """Return the smallest number of spares that covers the rest of a pool at its target.

    Where nodes are left over the program may call more of them spares than it needs. The spares of several pools of
    one node also count together, so those stay as the program has them.
    """
    pool = program.candidates.pools[key]
    alike = pools_alike(program)[pool.site, pool.node.uncapped.name]
    if sum(whole(nodes_of(program, other)) > 0 for other in alike) > 1:
        return nodes - whole(program.model.work[key])
    target = next(target for target, _, _, variable in spare_variables(program, key) if whole(variable))
    steps = program.candidates.facilities[key].spare_steps[target]
    return next(spares for spares, reach in steps if reach >= nodes - spares)


def extract(program: Program) -> list[PoolRecord]:
    """Return the pools that hold nodes. A cloud pool's nodes are set from the calendar by the pipeline."""
    records = []
    for key, pool in program.candidates.pools.items():
        nodes = whole(nodes_of(program, key))
        if nodes == 0:
            continue
        bought = 0 if pool.rented else whole(program.model.bought[key])
        for period in program.candidates.periods:
            held = program.model.component("hosts")
            serving = 0 if held is None or (key, period.index) not in held else whole(held[key, period.index])
            records += [
                PoolRecord(
                    site=pool.site,
                    node=pool.node.name,
                    fabric=pool.fabric.name,
                    year=year,
                    nodes=nodes,
                    spares=0 if pool.rented else _fewest_spares(program, key, nodes),
                    accelerators=nodes * pool.node.accelerators,
                    bought=bought,
                    existing=0 if pool.rented else nodes - bought,
                    service_nodes=serving,
                    service_nodes_by_hour=night.hosts_by_hour(program, key, period),
                    rented=pool.rented,
                    **commitments.of_pool(program.root, program, key, period, year),
                    power_cap=pool.node.cap.name if isinstance(pool.node, CappedNode) else "",
                )
                for year in period.years
            ]
    return records
