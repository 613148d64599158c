"""The day: how loads follow the hours, which nodes services leave at night, and what training on them saves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcopt.design.records import Design, PoolRecord, TrainingRecord, pool_key
from dcopt.report.blocks import Block, Section, StackedChart, Text, table
from dcopt.report.calendar import hours_text
from dcopt.report.context import Context
from dcopt.report.numbers import named_years, number, percent, usd

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem

HOURS = range(24)


def day_section(context: Context) -> Section | None:
    """Return the loads by hour, the nodes of services and jobs by hour, and what the night saves.

    None where no service has a profile and no job may run at night.
    """
    design, problem = context.design, context.problem
    blocks: list[Block] = []
    if (saved := _saving(design)) is not None:
        blocks.append(Text(saved))
    if shaped := _shapes(problem):
        blocks.append(shaped)
        columns = ("service", "profile", ">clock ahead of UTC (h)", ">mean ÷ peak", ">lowest ÷ peak", "busiest (UTC)")
        blocks.append(table("Daily profiles", columns, _profile_rows(problem)))
    for pool in _first_years(design):
        blocks.append(_nodes_by_hour(design, pool))
        held = ("hours (UTC)", ">nodes of services", ">nodes of jobs at once", ">of jobs that run all day", ">left")
        blocks.append(table(f"Nodes by hour: {pool_key(pool)}, year {pool.year}", held, _pool_rows(design, pool)))
    at_night = named_years(_confined(design), _night_cells)
    if at_night:
        headers = (
            "job",
            "years",
            "hours (UTC)",
            ">nights",
            ">elapsed days",
            ">alone (days)",
            ">lost a night (s)",
            ">lost",
        )
        blocks.append(table("Jobs that run at night", headers, at_night))
    return Section("day", "The day", tuple(blocks)) if blocks else None


def _saving(design: Design) -> str | None:
    case = design.night
    if case is None:
        return None
    if case.without_tco_usd is None or case.saving_usd is None or design.tco_usd is None:
        if case.without_status == "no design exists":
            return (
                "No design exists in which every job has nodes of its own all day: only the night makes room for them."
            )
        return "What training at night saves was not found out in its time."
    nodes = sum(pool.nodes for pool in design.pools if pool.year == 1)
    proven = max(0.0, case.saving_proven_usd or 0.0)
    if not _confined(design):
        return "Jobs may run at night on the nodes that services leave free, but that saves nothing here."
    return (
        f"Training on the nodes that services leave at night saves {usd(case.saving_usd)} "
        f"({percent(case.saving_usd / case.without_tco_usd)}) against the best design in which every job runs all day: "
        f"{nodes:,} nodes instead of {case.without_nodes or 0:,}. At least {usd(proven)} of it is proven."
    )


def _confined(design: Design) -> list[TrainingRecord]:
    return [record for record in design.training if record.hours]


def _night_cells(record: TrainingRecord) -> tuple[str, ...]:
    return (
        record.job,
        hours_text(record.hours),
        number(record.nights),
        number(record.days, 4),
        number(record.alone_days, 4),
        number(record.lost_s),
        percent(record.lost_s / (3600 * len(record.hours))),
    )


def _shapes(problem: Problem | None) -> StackedChart | None:
    """Return the mean load of every service with a profile by hour, requests/s."""
    rows = [] if problem is None else [row for row in problem.inference.values() if row.profile is not None]
    if problem is None or not rows:
        return None
    series = []
    for row in rows:
        shares = problem.profiles[row.profile or ""].shares
        moved = tuple(row.peak_requests_per_s * shares[(hour + row.utc_offset_hours) % 24] for hour in HOURS)
        series.append((row.name, moved))
    labels = tuple(str(hour) for hour in HOURS)
    return StackedChart("Load by hour of the day (UTC), year 1", "requests/s", "hour", labels, tuple(series))


def _profile_rows(problem: Problem | None) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for row in () if problem is None else problem.inference.values():
        if problem is None or row.profile is None:
            continue
        profile = problem.profiles[row.profile]
        busiest = (profile.shares.index(1.0) - row.utc_offset_hours) % 24
        rows.append(
            (
                row.name,
                profile.name,
                number(row.utc_offset_hours) if row.utc_offset_hours else "",
                percent(profile.mean_share),
                percent(min(profile.shares)),
                f"{busiest} h",
            )
        )
    return rows


def _first_years(design: Design) -> list[PoolRecord]:
    """Return the pools that services share with the night, in the first year of each way of sharing."""
    seen: dict[tuple[str, tuple[int, ...], int], PoolRecord] = {}
    for pool in sorted(design.pools, key=lambda pool: pool.year):
        if pool.service_nodes_by_hour:
            seen.setdefault((pool_key(pool), pool.service_nodes_by_hour, pool.nodes), pool)
    return list(seen.values())


def jobs_by_hour(design: Design, pool: PoolRecord) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the most nodes that jobs hold at once in each hour of the day, UTC: all of them, and those of all day."""
    here = [r for r in design.training if (pool_key(r), r.year) == (pool_key(pool), pool.year)]
    hours = {record.job: record.hours for record in here}
    entries = [e for e in design.calendar if (e.pool, e.year) == (pool_key(pool), pool.year)]
    every, all_day = [0] * 24, [0] * 24
    for moment in {entry.start_day for entry in entries}:
        running = [e for e in entries if e.start_day <= moment + 1e-9 < e.end_day]
        for hour in HOURS:
            held = [e for e in running if not hours.get(e.job) or hour in hours[e.job]]
            every[hour] = max(every[hour], sum(e.nodes for e in held))
            all_day[hour] = max(all_day[hour], sum(e.nodes for e in held if not hours.get(e.job)))
    return tuple(every), tuple(all_day)


def _nodes_by_hour(design: Design, pool: PoolRecord) -> StackedChart:
    """Return the nodes of services and of jobs in each hour, and the rest of the pool."""
    jobs, _ = jobs_by_hour(design, pool)
    services = pool.service_nodes_by_hour
    rest = [pool.nodes - pool.spares - held - busy for held, busy in zip(services, jobs, strict=True)]
    series = (
        ("services", tuple(float(held) for held in services)),
        ("jobs, at most at once", tuple(float(busy) for busy in jobs)),
        ("left", tuple(float(max(0, nodes)) for nodes in rest)),
        ("spares", tuple(float(pool.spares) for _ in HOURS)),
    )
    title = f"Nodes by hour of the day (UTC): {pool_key(pool)}, year {pool.year}"
    return StackedChart(title, "nodes", "hour", tuple(str(hour) for hour in HOURS), series)


def _pool_rows(design: Design, pool: PoolRecord) -> list[tuple[str, ...]]:
    jobs, all_day = jobs_by_hour(design, pool)
    alike: list[tuple[list[int], tuple[int, int, int]]] = []
    for hour in HOURS:
        cells = (pool.service_nodes_by_hour[hour], jobs[hour], all_day[hour])
        if alike and alike[-1][1] == cells:
            alike[-1][0].append(hour)
        else:
            alike.append(([hour], cells))
    return [
        (
            hours_text(hours),
            number(held),
            number(busy),
            number(whole),
            number(pool.nodes - pool.spares - held - busy),
        )
        for hours, (held, busy, whole) in alike
    ]
