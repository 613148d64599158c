"""What a simulation of the services found, against the promises and against the closed form that chose them."""

from __future__ import annotations

from collections.abc import Sequence

from dcopt.design.simulation import SimulatedService, SimulatedTime
from dcopt.problem.corrections import Correction
from dcopt.report.blocks import Block, Section, Text, table
from dcopt.report.numbers import number, years_text

HEADERS = (
    "service",
    "years",
    "site",
    ">replicas",
    ">requests/s each",
    ">percentile",
    "time",
    ">simulated (ms)",
    ">95 % interval",
    ">predicted (ms)",
    ">promise (ms)",
    "kept",
)


def simulation_rows(found: Sequence[SimulatedService]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return headers and cells, a row for each time of each service."""
    rows = []
    for part in found:
        for name, time in (("TTFT", part.ttft_ms), ("TPOT", part.tpot_ms), ("latency", part.latency_ms)):
            if time is not None:
                rows.append(_row(part, name, time))
    return HEADERS, rows


def _row(part: SimulatedService, name: str, time: SimulatedTime) -> tuple[str, ...]:
    return (
        part.service,
        years_text(list(part.years)),
        part.site,
        number(part.replicas),
        number(part.requests_per_s, 4),
        f"p{number(part.percentile, 4)}",
        name,
        number(time.simulated, 4),
        f"{number(time.low, 4)} to {number(time.high, 4)}",
        number(time.predicted, 4),
        "" if time.promise is None else number(time.promise, 4),
        "" if time.promise is None else ("yes" if time.kept else "NO"),
    )


def simulation_section(found: Sequence[SimulatedService], corrections: Sequence[Correction] = ()) -> Section | None:
    """Return the section of the report, with the rates that were corrected; None where there is neither."""
    corrected = table(
        "Rates that a simulation corrected (inputs/corrections.csv)",
        ("replica", ">predicted (requests/s)", ">corrected (requests/s)", "reason"),
        [(row.name, number(row.predicted, 4), number(row.corrected, 4), row.reason) for row in corrections],
        is_detail=True,
    )
    if not found:
        return Section("simulation", "Simulated services", (corrected,)) if corrections else None
    headers, rows = simulation_rows(found)
    arrivals = ", ".join(sorted({part.arrivals for part in found}))
    note = (
        f"Arrivals: {arrivals}. Each row of a service was simulated request by request at its peak load with the same "
        "step times as the prediction, so it checks the queues, not the times of a step. Kept means that the interval "
        f"reaches down to the promise. At most {max(part.servers for part in found)} replicas of one balancer were "
        "simulated together; more of them are no slower."
    )
    missed = [part.service for part in found if not part.kept]
    verdict = f"Missed: {', '.join(dict.fromkeys(missed))}." if missed else "Every promise is kept in the simulation."
    blocks: tuple[Block, ...] = (Text(verdict), table("Simulated times", headers, rows), Text(note))
    return Section("simulation", "Simulated services", (*blocks, corrected) if corrections else blocks)
