"""Failure domains within a site: what is left of a service when any one rack, or any one power feed, is lost.

The replicas of a candidate c of such a service stand on nodes of their own, and are dealt evenly over D racks (feeds)
or more, D one of a few numbers:

    Σ_D r_D = replicas,   r_D ≤ most·spread_D,   Σ_D spread_D ≤ open[p]
    Σ_D D·spread_D ≤ racks of the node at the site (power distribution units of the site)
    lost ≥ Σ_D r_D/D, whole                                             replicas in the rack that holds most of them
    Σ_D ⌊accelerators_p/accelerators⌋·q_D ≥ lost,   q_D ≤ most·spread_D, whole                       nodes in a domain
    Σ_{all} rate·replicas − Σ_{c on this node at this site (at this site)} rate·lost ≥ share·peak
    Σ accelerators of other replicas + Σ accelerators_p·Σ_D D·q_D ≤ accelerators_p·hosts[p]

Racks that nodes are dealt over are of one kind: dealing node by node, the fullest first, each candidate going on where
the one before ended, no rack holds more than ``lost`` replicas of a candidate nor more nodes than it has room for. What
spans several nodes counts as lost. With 2N and 4N/3 every node hangs on two feeds and loses none.
At cloud sites nodes are taken to be spread by the provider.
"""

from __future__ import annotations

from typing import Any

from dcopt.candidates.records import MOST_DOMAINS, Period, ServingCandidate
from dcopt.formulation.expressions import total, upper_bound
from dcopt.formulation.program import Program
from dcopt.formulation.survival import keep_warm
from dcopt.infrastructure.power import feeds_are_doubled
from dcopt.problem.tables.problem_rows import Service

SPREADS = (2, 3, 4, 6, 8, 12, 16, 24, MOST_DOMAINS)
"""Numbers of racks or feeds over which nodes may be dealt; over more than the largest they lose no more than that."""

Dealt = tuple[ServingCandidate, tuple[str, int, int], Any, Any]
"""A candidate, its key, the replicas that are lost with a domain, and the nodes of its own (0.0: it has none)."""


def declare(program: Program) -> None:
    """Domains are counted by blocks racks and power; everything is declared in `link`."""


def link(program: Program) -> None:
    """Spread the services that ask for it, and keep what is left of them."""
    for period in program.candidates.periods:
        apart: dict[str, list[Dealt]] = {}
        for name, peak, _ in period.loads:
            service = program.problem.inference[name]
            if service.failure_domains == "none":
                continue
            keep_warm(program, name, peak, period)
            mine = _spread(program, service, period)
            for one in mine:
                apart.setdefault(one[0].pool.key, []).append(one)
            _surviving(program, service, period, peak, mine)
        for pool, found in apart.items():
            _hosting(program, pool, period, found)


def _at_risk(program: Program, service: Service, candidate: ServingCandidate) -> bool:
    """Whether one rack or feed can take replicas of a candidate with it."""
    site = program.problem.sites[candidate.pool.site]
    if candidate.pool.rented:
        return False
    return service.failure_domains == "rack" or not feeds_are_doubled(site.redundancy)


def _spread(program: Program, service: Service, period: Period) -> list[Dealt]:
    """Deal the replicas of every candidate of a service that a rack or feed can take with it."""
    found: list[Dealt] = []
    for index, candidate in enumerate(program.candidates.serving[service.name]):
        if not _at_risk(program, service, candidate):
            continue
        key = (service.name, index, period.index)
        replicas, pool = program.model.replicas[key], candidate.pool
        on_node = pool.node.accelerators // candidate.accelerators
        if on_node == 0:
            found.append((candidate, key, replicas, 0.0))
            continue
        most = int(replicas.ub)
        spreads = {n: program.var("spread", (*key, n), ub=1, binary=True) for n in SPREADS}
        dealt = {n: program.var("dealt", (*key, n), ub=most) for n in SPREADS}
        each = {n: program.var("nodes_each", (*key, n), ub=-(-most // on_node), integer=True) for n in SPREADS}
        lost = program.var("lost", key, ub=most, integer=True)
        for n in SPREADS:
            program.require("dealt_chosen", (*key, n), dealt[n] <= most * spreads[n])
            program.require("nodes_chosen", (*key, n), each[n] <= -(-most // on_node) * spreads[n])
        program.require("all_dealt", key, total(dealt.values()) == replicas)
        program.require("one_spread", key, total(spreads.values()) <= program.model.open[pool.key])
        program.require("lost", key, lost >= total(part / n for n, part in dealt.items()))
        program.require("nodes_hold", key, on_node * total(each.values()) >= lost)
        program.require(
            "domains",
            key,
            total(n * spread for n, spread in spreads.items()) <= _domains(program, service, candidate),
            row=f"inference.csv: {service.name} failure_domains",
            sentence=f"{service.name} stands in several {service.failure_domains}s at {pool.site}",
        )
        if service.failure_domains == "rack":
            _one_kind(program, pool.site, pool.node.name, key, total(spreads.values()))
        found.append((candidate, key, lost, total(n * q for n, q in each.items())))
    return found


def _domains(program: Program, service: Service, candidate: ServingCandidate) -> Any:
    """Return the racks of the node, or the distribution units, at the site of a candidate."""
    site, node = candidate.pool.site, candidate.pool.node.name
    if service.failure_domains == "rack":
        return total(variable for _, variable in _racks(program, site, node))
    units = program.model.component("plant_units")
    if units is None:
        return 0.0
    return total(variable for key, variable in units.items() if key[:2] == (site, "pdu"))


def _racks(program: Program, site: str, node: str) -> list[tuple[str, Any]]:
    """Return (rack, how many) of each option of a node at a site."""
    options = program.candidates.sites[site].racks[node]
    return [(option.rack.name, program.model.racks[site, node, option.key]) for option in options]


def _one_kind(program: Program, site: str, node: str, key: tuple[Any, ...], spread: Any) -> None:
    """Where nodes are dealt over racks, all racks of that node are of one kind."""
    racks = _racks(program, site, node)
    kinds = sorted({name for name, _ in racks})
    if len(kinds) < 2:
        return
    declared = program.model.component("rack_kind")
    if declared is None or (site, node, kinds[0]) not in declared:
        for kind in kinds:
            there = total(variable for name, variable in racks if name == kind)
            used = program.var("rack_kind", (site, node, kind), ub=1, binary=True)
            program.require("rack_kind", (site, node, kind), there <= upper_bound(there) * used)
    used = total(program.model.rack_kind[site, node, kind] for kind in kinds)
    program.require("one_rack_kind_apart", key, used <= len(kinds) - (len(kinds) - 1) * spread)


def _surviving(
    program: Program,
    service: Service,
    period: Period,
    peak: float,
    mine: list[Dealt],
) -> None:
    model = program.model
    needed = service.domain_survive_pct / 100 * peak / (1 + service.headroom_pct / 100)
    everything = total(
        candidate.requests_per_s * model.replicas[service.name, index, period.index]
        for index, candidate in enumerate(program.candidates.serving[service.name])
    )
    groups: dict[tuple[str, ...], list[Any]] = {}
    for candidate, _, replicas, _ in mine:
        pool = candidate.pool
        group: tuple[str, ...] = (pool.site,)
        if service.failure_domains == "rack":
            group = (pool.site, pool.node.name)
        groups.setdefault(group, []).append(candidate.requests_per_s * replicas)
    for group, lost in groups.items():
        program.require(
            "domain_surviving",
            (service.name, period.index, *group),
            everything - total(lost) >= needed,
            row=f"inference.csv: {service.name} failure_domains",
            sentence=f"without any one {service.failure_domains} of {' at '.join(group[::-1])} "
            f"{service.domain_survive_pct:g} % of {service.name} are carried",
        )


def _hosting(program: Program, pool: str, period: Period, found: list[Dealt]) -> None:
    """The nodes that are dealt over domains host nothing else."""
    model = program.model
    own = {key for _, key, _, nodes in found if not isinstance(nodes, float)}
    chips = program.candidates.pools[pool].node.accelerators
    others = total(
        candidate.accelerators * model.replicas[name, index, period.index]
        for name, _, _ in period.loads
        for index, candidate in enumerate(program.candidates.serving[name])
        if candidate.pool.key == pool and (name, index, period.index) not in own
    )
    apart = total(nodes for *_, nodes in found)
    program.require(
        "hosting_apart", (pool, period.index), others + chips * apart <= chips * model.hosts[pool, period.index]
    )
