"""Strength: rows that every integer solution keeps and that the linear relaxation does not.

    alike[i,g,t] = Σ replicas of service i that differ only in the fabric or site of their pool    (integer)
    kind[s,k,t] = Σ_f hosts[s,k,f,t]                                                              (integer)
    Σ_g ρ_g·alike ≥ peak, divided by each ρ_d and rounded (mixed-integer rounding):
        Σ_g (f·⌊ρ_g/ρ_d⌋ + min(f, frac(ρ_g/ρ_d)))·alike ≥ f·⌈peak/ρ_d⌉,   f = frac(peak/ρ_d)

    Σ_{c on node k at s} y[j,c,t] ≤ kind_open[s,k],   Σ_{c at s} y[j,c,t] ≤ active[s]      the same for shares of a load
    open[p] ≤ kind_open[s,k] ≤ Σ_f open[s,k,f],   kind_open[s,k] ≤ active[s]

    open[p] ≤ Σ_{work on p that spans nodes} y + r + Σ open[p'] of such nodes at other power caps
                                                        where the same nodes can be had without a fabric

The last row is a rule of design as well: a fabric is bought only for work that spans nodes (moving everything else to
the pool without one costs no more). Where such nodes stand at other power caps too the rule is not kept: they may hold
some of the spares that all of them share, and the pool without a fabric might then need a spare more of its own.

What a workload has at a site, all its ways together, needs the site: without that, a job that is split in the
relaxation pays for half a site, half a generator and half of each pool.

Sums over pools that are alike let the solver branch on what matters, not on which of many equal pools is used
(formulation.md, "Strength"; the rounding is that of Nemhauser and Wolsey 1990).
"""

from __future__ import annotations

import math
from typing import Any

from dcopt.candidates.records import Period, ServingCandidate
from dcopt.formulation.compute import pools_alike
from dcopt.formulation.expressions import linear, total
from dcopt.formulation.program import Program
from dcopt.formulation.serving import rated_replicas
from dcopt.formulation.training import chosen

_TINY = 1e-6
"""Fractions closer to a whole number than this give rows that only add noise."""


def declare(program: Program) -> None:
    """Sums of what other blocks declare; everything is declared in `link`."""


def link(program: Program) -> None:
    """Add the sums and the rounded demand rows."""
    for (site, node), keys in pools_alike(program).items():
        kind = program.var("kind_open", (site, node), ub=1, binary=True)
        program.require("kind_open_some", (site, node), kind <= total(program.model.open[key] for key in keys))
        for key in keys:
            program.require("kind_open", key, program.model.open[key] <= kind)
        program.require("kind_active", (site, node), kind <= program.model.active_site[site])
    for period in program.candidates.periods:
        for service, peak, _ in period.loads:
            _service(program, period, service, peak)
        _hosts(program, period)
        _everything_stands(program, period)
    _fabrics(program)


def _service(program: Program, period: Period, service: str, peak: float) -> None:
    groups: dict[tuple[Any, ...], list[Any]] = {}
    rates: dict[tuple[Any, ...], float] = {}
    for index, candidate in enumerate(program.candidates.serving[service]):
        for rate, variable in rated_replicas(program, service, index, period):
            key = (*_what(candidate), rate)
            groups.setdefault(key, []).append(variable)
            rates[key] = rate
    sums = []
    for number, (key, variables) in enumerate(groups.items()):
        if len(variables) == 1:
            sums.append((rates[key], variables[0]))
            continue
        most = sum(int(variable.ub) for variable in variables)
        alike = program.var("alike", (service, number, period.index), ub=most, integer=True)
        program.require("alike", (service, number, period.index), total(variables) == alike)
        sums.append((rates[key], alike))
    for divisor in sorted({rate for rate, _ in sums}):
        fraction = peak / divisor - math.floor(peak / divisor)
        if not _TINY < fraction < 1 - _TINY:
            continue
        rounded = {rate: _rounded(rate / divisor, fraction) for rate in {rate for rate, _ in sums}}
        weights = [rounded[rate] for rate, _ in sums]
        program.require(
            "rounded_demand",
            (service, period.index, divisor),
            linear(weights, [variable for _, variable in sums]) >= fraction * math.ceil(peak / divisor) - _TINY,
        )


def _what(candidate: ServingCandidate) -> tuple[Any, ...]:
    """Return what makes two candidates of a service interchangeable for its demand."""
    return (
        candidate.pool.node.name,
        candidate.layout,
        candidate.compression,
        candidate.software,
        candidate.speculation,
        candidate.requests_per_s,
    )


def _rounded(ratio: float, fraction: float) -> float:
    return fraction * math.floor(ratio) + min(fraction, ratio - math.floor(ratio))


def _everything_stands(program: Program, period: Period) -> None:
    """What a job or service has at a site, all its candidates together, stands at an active site and on open pools."""
    model = program.model
    parts: dict[tuple[str, str], list[tuple[str, float, Any]]] = {}
    for candidate, choice in chosen(program, period):
        parts.setdefault(("job", candidate.job), []).append((candidate.pool.key, 1.0, choice))
    for service, peak, _ in period.loads:
        for index, replica in enumerate(program.candidates.serving[service]):
            load = model.carried_load[service, index, period.index]
            parts.setdefault(("service", service), []).append((replica.pool.key, 1.0 / peak, load))
    for workload, of_workload in parts.items():
        by_pool: dict[str, list[tuple[float, Any]]] = {}
        by_kind: dict[tuple[str, str], list[tuple[float, Any]]] = {}
        by_site: dict[str, list[tuple[float, Any]]] = {}
        for key, share, variable in of_workload:
            pool = program.candidates.pools[key]
            by_pool.setdefault(key, []).append((share, variable))
            if not pool.rented:
                by_kind.setdefault((pool.site, pool.node.uncapped.name), []).append((share, variable))
                by_site.setdefault(pool.site, []).append((share, variable))
        where = (*workload, period.index)
        if workload[0] == "service":
            for key, terms in by_pool.items():
                program.require("load_opens", (*where, key), _sum(terms) <= model.open[key])
        for kind, terms in by_kind.items():
            program.require("kind_stands", (*where, *kind), _sum(terms) <= model.kind_open[kind])
        for site, terms in by_site.items():
            program.require("site_stands", (*where, site), _sum(terms) <= model.active_site[site])


def _sum(terms: list[tuple[float, Any]]) -> Any:
    return linear([share for share, _ in terms], [variable for _, variable in terms])


def _hosts(program: Program, period: Period) -> None:
    hosts = program.model.component("hosts")
    if hosts is None:
        return
    for (site, node), keys in pools_alike(program).items():
        of_kind = [hosts[key, period.index] for key in keys if (key, period.index) in hosts]
        if len(of_kind) > 1:
            most = sum(int(variable.ub) for variable in of_kind)
            kind = program.var("kind", (site, node, period.index), ub=most, integer=True)
            program.require("kind", (site, node, period.index), total(of_kind) == kind)


def _fabrics(program: Program) -> None:
    spanning: dict[str, list[Any]] = {}
    for period in program.candidates.periods:
        for job, variable in chosen(program, period):
            if job.nodes > 1:
                spanning.setdefault(job.pool.key, []).append(variable)
        for service, _, _ in period.loads:
            for index, replica in enumerate(program.candidates.serving[service]):
                if replica.accelerators > replica.pool.node.accelerators:
                    variable = program.model.replicas[service, index, period.index]
                    spanning.setdefault(replica.pool.key, []).append(variable)
    for keys in pools_alike(program).values():
        pools = {key: program.candidates.pools[key] for key in keys}
        plain = {pool.node.name for pool in pools.values() if pool.fabric.switch is None}
        for key, pool in pools.items():
            if pool.fabric.switch is not None and pool.node.name in plain:
                others = [program.model.open[k] for k, other in pools.items() if other.node.name != pool.node.name]
                needed = total([*spanning.get(key, []), *others])
                program.require("fabric_needed", key, program.model.open[key] <= needed)
