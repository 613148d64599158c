"""Night training: in hours of lower load services stand on fewer nodes, and jobs may hold the others.

In each slice d (a band of the day) in which some service that leaves nodes free is below its peak:

    Σ_c then[i,c,d] = share[i,d]·peak[i],   then[i,c,d] ≤ Σ_b rate_cb·awake_b[i,c,b,d]
    Σ_b awake_b = awake[i,c,d] ≤ replicas[i,c,t],   lo_b·w_b ≤ awake_b ≤ hi_b·w_b,   Σ_b w_b ≤ open[p]
    Σ_{i, c in p} accelerators_c·awake[i,c,d] ≤ accelerators_p·awake_hosts[p,d],   awake_hosts[p,d] ≤ hosts[p,t]

``share`` is the largest of the hours of the band, so that what stands is enough in each of them. Services that keep
their nodes (no profile, or weights on shared storage) count with all their replicas. Only owned pools on which some job
may be confined to such hours, and pools of elastic cloud sites, have these variables; elsewhere all replicas stand all
day. A job that runs in a band holds its nodes in all of its hours; what it loses by stopping and starting is in its
days (`performance.night`). What an elastic site is given back in a band costs no rent there (block commitments).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dcopt.candidates.records import Band, Period, ServingCandidate, TrainingCandidate
from dcopt.formulation.expressions import linear, number, total, whole
from dcopt.formulation.program import Program
from dcopt.formulation.shared import Slice
from dcopt.problem.day import Hours, largest_share, mean_share, releases_nodes, shares_of
from dcopt.problem.tables.building_rows import HOURS_PER_DAY

Key = tuple[str, int, int]
"""Service, number of its candidate, index of a period or slice."""


@dataclass(frozen=True)
class Holding:
    """Nodes of a pool that services hold in some hours of the day.

    ``hours`` are () where they hold the same all day, and for the hours of full load of a pool with night training.
    ``kept`` are nodes of a cloud pool that are kept for jobs under commitments, which have a room of their own.
    """

    name: str
    pool: str
    hours: Hours
    hosts: Any
    kept: Any = None

    def free(self, program: Program) -> Any:
        """Return the nodes that services leave to jobs."""
        return program.model.work[self.pool] - self.hosts if self.kept is None else self.kept

    def is_scarce(self, program: Program) -> bool:
        """Whether jobs can be in each other's way there."""
        return self.kept is not None or program.candidates.pools[self.pool].limited

    def covers(self, candidate: TrainingCandidate) -> bool:
        """Whether a job that runs so holds nodes of the pool in these hours."""
        if self.kept is not None:
            return candidate.committed
        return candidate.runs_in(self.hours) if self.hours else not candidate.hours


def pools_at_night(program: Program, period: Period) -> set[str]:
    """Return the pools whose nodes services may leave in some hours of a period: for jobs, or given back."""
    sites = program.problem.sites
    elastic = {pool.key for pool in program.candidates.pools.values() if pool.rented and sites[pool.site].elastic}
    return elastic | {pool for pool, index in program.hours_at_night if index == period.index}


def slices_at_night(program: Program, period: Period) -> tuple[Slice, ...]:
    """Return the slices in which nodes may be left free for jobs that are confined to some hours."""
    if not pools_at_night(program, period):
        return ()
    names = [service for service, _, _ in period.loads]
    return tuple(
        piece for piece in program.slices_of(period) if any(share_of(program, name, piece) < 1 for name in names)
    )


def share_of(program: Program, service: str, piece: Slice) -> float:
    """Return the share of its peak for which a service must stand in a slice."""
    row = program.problem.inference[service]
    shares = shares_of(program.problem, row)
    if shares is None or not releases_nodes(program.problem, row):
        return 1.0
    return largest_share(shares, piece.hours)


def declare_load(program: Program, candidate: ServingCandidate, key: Key, piece: Slice, bands: list[Band]) -> Any:
    """Declare what a candidate carries in a slice of lower load, and its replicas that stand then where some may rest.

    ``bands`` are those of the replicas that are wanted then. Returns (load, mean ÷ the load that must be carried).
    """
    service, index, _ = key
    period = piece.period
    share = share_of(program, service, piece)
    at = (service, index, piece.index)
    load = program.var("then", at, ub=share * (period.peak_of(service) or 0.0))
    if candidate.pool.key in pools_at_night(program, period):
        most = min(float(program.model.replicas[key].ub), float(bands[-1].high)) if share > 0 else 0.0
        program.var("awake", at, ub=most, integer=True)
        for place, band in enumerate(bands if len(bands) > 1 else ()):
            program.var("awake_banded", (*at, place), ub=band.high, integer=True)
            program.var("awake_band", (*at, place), ub=1, binary=True)
    row = program.problem.inference[service]
    shares = shares_of(program.problem, row)
    assert shares is not None
    mean = mean_share(shares, piece.hours) / share / (1 + row.headroom_pct / 100) if share > 0 else 0.0
    return load, mean


def declare_hosts(program: Program, pool: str, piece: Slice, hosts: Any) -> Any:
    """Declare the nodes that services hold in a slice; ``hosts`` itself where they hold the same all day."""
    if pool not in pools_at_night(program, piece.period) or piece not in slices_at_night(program, piece.period):
        return hosts
    return program.var("awake_hosts", (pool, piece.index), ub=hosts.ub, integer=True)


def held_by_day(program: Program, pool: str, period: Period, hosts: Any) -> list[tuple[int, Any]]:
    """Declare what services hold of a rented pool over the day: (hours, nodes), one entry where it is the same."""
    by_piece = [(len(piece.hours), declare_hosts(program, pool, piece, hosts)) for piece in program.slices_of(period)]
    if all(held is hosts for _, held in by_piece):
        return [(HOURS_PER_DAY, hosts)]
    return by_piece


def declared_hosts(program: Program, pool: str, piece: Slice) -> Any:
    """Return the nodes that services hold in a slice, None where they hold the same all day."""
    awake = program.model.component("awake_hosts")
    return awake[pool, piece.index] if awake is not None and (pool, piece.index) in awake else None


def link_service(program: Program, piece: Slice, service: str, rooms: list[Any], bands: list[list[Band]]) -> None:
    """Carry the load of a service in a slice, with replicas that stand at its peak.

    ``rooms`` are what all replicas of each candidate carry, ``bands`` those of the replicas that are wanted then.
    """
    model, period = program.model, piece.period
    candidates = program.candidates.serving[service]
    loads = [model.then[service, index, piece.index] for index in range(len(candidates))]
    needed = share_of(program, service, piece) * (period.peak_of(service) or 0.0)
    program.require(
        "served_then",
        (service, piece.index),
        total(loads) == needed,
        row=f"inference.csv: {service} profile",
        sentence=f"service {service} is served in the hours {_hours(piece.hours)} within its promises",
    )
    for index, candidate in enumerate(candidates):
        at = (service, index, piece.index)
        awake = model.component("awake")
        if awake is None or at not in awake:
            program.require("rate_then", at, loads[index] <= rooms[index])
            continue
        program.require("awake", at, awake[at] <= model.replicas[service, index, period.index])
        mine = bands[index]
        if len(mine) == 1:
            program.require("rate_then", at, loads[index] <= mine[0].requests_per_s * awake[at])
            continue
        count = range(len(mine))
        banded, chosen = model.awake_banded, model.awake_band
        room = linear([band.requests_per_s for band in mine], [banded[*at, place] for place in count])
        program.require("rate_then", at, loads[index] <= room)
        program.require("awake_banded", at, total(banded[*at, place] for place in count) == awake[at])
        program.require("awake_one_band", at, total(chosen[*at, p] for p in count) <= model.open[candidate.pool.key])
        for place, band in enumerate(mine):
            program.require("awake_least", (*at, place), band.low * chosen[*at, place] <= banded[*at, place])
            program.require("awake_most", (*at, place), banded[*at, place] <= band.high * chosen[*at, place])


def standing(program: Program, key: Key, piece: Slice) -> Any:
    """Return the replicas of a candidate that stand in a slice."""
    awake = program.model.component("awake")
    at = (*key[:2], piece.index)
    return awake[at] if awake is not None and at in awake else program.model.replicas[key]


def holdings(program: Program, pool: str, period: Period) -> list[Holding]:
    """Return the nodes of a pool that services hold in a period: the same all day, or by bands in which jobs run.

    Every band in which some job may be confined is one of them, whether a service rests in it in that period or not.
    """
    hosts = program.model.component("hosts")
    all_day = hosts[pool, period.index] if hosts is not None and (pool, period.index) in hosts else 0.0
    confined = program.hours_at_night.get((pool, period.index), set())
    of_pool = program.candidates.pools[pool]
    banded = of_pool.limited or not of_pool.rented
    found, rest = [], False
    for piece in program.slices_of(period):
        awake = declared_hosts(program, pool, piece) if banded else None
        if awake is None and piece.hours[0] not in confined:
            rest = True
            continue
        found.append(Holding(f"{pool} {_hours(piece.hours)}", pool, piece.hours, all_day if awake is None else awake))
    kept = program.model.component("kept")
    if kept is not None and (pool, period.index) in kept:
        found.append(Holding(f"{pool} committed", pool, (), 0.0, kept[pool, period.index]))
    return [Holding(pool, pool, (), all_day), *found] if rest else found


def by_hour(program: Program, key: Key, load: float) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the replicas of a candidate that stand, and the load that they must carry, in each hour of the day, UTC.

    Two empty tuples where all stand all day.
    """
    then = program.model.component("then")
    period = program.candidates.periods[key[2]]
    if then is None or not slices_at_night(program, period):
        return (), ()
    awake, loads = [0] * HOURS_PER_DAY, [0.0] * HOURS_PER_DAY
    for piece in program.slices_of(period):
        at = (*key[:2], piece.index)
        for hour in piece.hours:
            awake[hour] = whole(standing(program, key, piece))
            loads[hour] = number(then[at]) if at in then else load
    return tuple(awake), tuple(loads)


def hosts_by_hour(program: Program, pool: str, period: Period) -> tuple[int, ...]:
    """Return the nodes of a pool that services hold in each hour of the day, UTC; () where the same all day."""
    resting = [p for p in program.slices_of(period) if declared_hosts(program, pool, p) is not None]
    if not resting:
        return ()
    found = [whole(program.model.hosts[pool, period.index])] * HOURS_PER_DAY
    for piece in resting:
        for hour in piece.hours:
            found[hour] = whole(declared_hosts(program, pool, piece))
    return tuple(found)


def _hours(hours: Hours) -> str:
    return f"{hours[0]} to {(hours[-1] + 1) % 24 or 24} h UTC"
