"""``dcopt check``: read, validate and pre-check a problem, and say what was understood."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import click

from dcopt.cli.inputs import BAD_INPUT, NO_DESIGN, load_or_exit, load_usable
from dcopt.cli.text_table import terminal_width, text_table

if TYPE_CHECKING:
    from dcopt.pipeline.precheck import Obstacle
    from dcopt.problem.problem import Problem
    from dcopt.problem.tables.problem_rows import TrainingJob

_PROMISES = {"ttft_ms": "first", "tpot_ms": "then", "latency_ms": "whole"}


@click.command("check")
@click.argument("problem", type=click.Path(path_type=Path))
@click.option("--set", "sets", multiple=True, metavar="TABLE.NAME.COLUMN=VALUE", help="Change a cell first.")
@click.option("--no-precheck", is_flag=True, help="Only read and validate: do not look for promises out of reach.")
@click.option("--json", "as_json", is_flag=True, help="Write what was understood, and the findings, as JSON.")
def command(problem: Path, sets: tuple[str, ...], no_precheck: bool, as_json: bool) -> None:
    """Read and validate PROBLEM, a folder of CSV tables or an .xlsx workbook, and say what was understood; then
    pre-check it: is there anything on offer that could keep each promise?

    Exit codes: 0 nothing stands in the way so far, 1 no design exists (and why), 2 bad input.

    \b
    Example: dcopt check bert --set 'inference.sentiment.latency_ms=20'
    """
    if as_json:
        sys.exit(_check_json(problem, sets, no_precheck))
    loaded = load_or_exit(problem, sets)
    click.echo(_as_text(understood(loaded)))
    if no_precheck:
        return
    obstacles = _obstacles(loaded)
    click.echo(f"\n{_verdict(obstacles)}")
    sys.exit(NO_DESIGN if obstacles else 0)


def _check_json(path: Path, sets: tuple[str, ...], no_precheck: bool) -> int:
    """Print the answer as JSON and return the exit code."""
    from dcopt.problem.findings import InputError

    try:
        problem = load_usable(path, sets)
    except InputError as error:
        answer: dict[str, Any] = {"ok": False, "findings": [finding.as_dict() for finding in error.findings]}
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return BAD_INPUT
    obstacles = None if no_precheck else [asdict(obstacle) for obstacle in _obstacles(problem)]
    answer = {
        "ok": not obstacles,
        "findings": [finding.as_dict() for finding in problem.warnings],
        "obstacles": obstacles,
        **understood(problem),
    }
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    return NO_DESIGN if obstacles else 0


def _obstacles(problem: Problem) -> tuple[Obstacle, ...]:
    """Return what stands in the way of every design, as far as the candidates tell."""
    if sys.stderr.isatty():
        click.echo("pre-check: looking for a way to keep each promise ...", err=True)
    from dcopt.candidates.generate import generate
    from dcopt.pipeline.precheck import precheck

    return precheck(problem, generate(problem))


def _verdict(obstacles: Sequence[Obstacle]) -> str:
    if not obstacles:
        return "pre-check: every promise can be kept by something on offer; whether by all at once, 'dcopt solve' says"
    return "\n".join(["pre-check: no design exists", *(f"- {obstacle}" for obstacle in obstacles)])


def understood(problem: Problem) -> dict[str, Any]:
    """Return what was read, as plain values: settings, sites, jobs, services, datasets, offers and changes."""
    from dcopt.problem.tables import TABLES

    settings = problem.settings
    return {
        "problem": problem.name,
        "horizon_years": settings.horizon_years,
        "discount_rate_pct": settings.discount_rate_pct,
        "objective": settings.objective,
        "sites": [_site(name, problem) for name in problem.sites],
        "training": [_job(name, problem) for name in problem.training],
        "inference": [_service(name, problem) for name in problem.inference],
        "datasets": [{"name": name, "size_tb": row.size_tb} for name, row in problem.datasets.items()],
        "existing": [
            {"site": row.site, "table": row.table, "name": row.name, "units": row.units}
            for row in problem.existing.values()
        ],
        "commitments": [
            {
                "name": name,
                "node": row.node,
                "site": row.site,
                "years": row.years,
                "usd_per_hour": row.usd_per_hour,
                "discount_pct": row.discount_pct,
                "upfront_pct": row.upfront_pct,
            }
            for name, row in problem.commitments.items()
        ],
        "choice": {
            name: {"offered": offered, "known": len(problem.tables[name])}
            for name, table in TABLES.items()
            if table.is_catalog and (offered := _offered(problem, name)) is not None
        },
        "rows": {name: len(rows) for name, rows in problem.tables.items() if rows and not TABLES[name].is_catalog},
        "changes": [
            {"table": change.table, "key": change.key, "column": change.column, "old": change.old, "new": change.new}
            for change in problem.changes
        ],
    }


def _offered(problem: Problem, table: str) -> int | None:
    """Return how many rows of a table `offers.csv` leaves, or None for a table that is only looked up."""
    if table in ("accelerators", "switches", "links", "transceivers", "prediction_errors"):
        return None
    names = {offer.name for offer in problem.offers.values() if offer.table == table}
    return len(names) if names else len(problem.tables[table])


def _site(name: str, problem: Problem) -> dict[str, Any]:
    site = problem.sites[name]
    return {
        "name": name,
        "kind": site.kind,
        "power_limit_kw": site.power_limit_kw,
        "electricity_usd_per_kwh": site.electricity_usd_per_kwh,
        "redundancy": None if site.kind == "cloud" else site.redundancy,
    }


def _job(name: str, problem: Problem) -> dict[str, Any]:
    from dcopt.performance.arithmetic import parameters
    from dcopt.performance.workloads import run_of

    job = problem.training[name]
    run = run_of(job, problem)
    return {
        "name": name,
        "model": job.model,
        "parameters": parameters(problem.models[job.model]),
        "tokens": run.tokens,
        "steps": run.steps,
        "deadline_days": job.deadline_days,
        "runs_per_year": job.runs_per_year,
        "by_year": _by_year(job, problem),
        "after": list(job.after),
        "preemptible": job.preemptible,
        "sites": list(job.sites),
    }


def _by_year(job: TrainingJob, problem: Problem) -> list[dict[str, Any]]:
    """Return what a job asks from each year on in which that changes; [] where every year asks the same."""
    from dcopt.performance.workloads import run_of
    from dcopt.problem.demand import asked_in

    asked = asked_in(problem, job, range(1, problem.settings.horizon_years + 1))
    return [
        {"year": years[0], "tokens": run_of(row, problem).tokens, "runs_per_year": row.runs_per_year}
        for row, years in (asked if len(asked) > 1 else ())
    ]


def _service(name: str, problem: Problem) -> dict[str, Any]:
    from dcopt.performance.arithmetic import parameters
    from dcopt.performance.workloads import serving_task_of
    from dcopt.problem.demand import mean_requests_per_s

    service = problem.inference[name]
    return {
        "name": name,
        "model": service.model,
        "parameters": parameters(problem.models[service.model]),
        "peak_requests_per_s": service.peak_requests_per_s,
        "mean_requests_per_s": mean_requests_per_s(problem, service),
        "profile": service.profile,
        "input_tokens": serving_task_of(service, problem).input_tokens,
        "output_tokens": service.output_tokens,
        "ttft_ms": service.ttft_ms,
        "tpot_ms": service.tpot_ms,
        "latency_ms": service.latency_ms,
        "percentile": service.percentile,
        "sites": list(service.sites),
    }


def _as_text(facts: dict[str, Any]) -> str:
    """Return the summary for a terminal."""
    head = (
        f"{facts['problem']}: {facts['horizon_years']} years at {facts['discount_rate_pct']:g} %, "
        f"objective {facts['objective']}"
    )
    parts = [head]
    for title in ("sites", "training", "inference", "datasets", "existing", "commitments", "changes"):
        rows = [_narrow(row) for row in facts[title]]
        if rows:
            cells = [[_shown(column, value) for column, value in row.items()] for row in rows]
            parts.append(f"{title} ({len(rows)})\n{text_table(list(rows[0]), cells)}")
    if said := _day(facts):
        parts.append(fill(said, terminal_width()))
    choice = [
        f"{name} {counts['offered']}" + (f" of {counts['known']}" if counts["offered"] < counts["known"] else "")
        for name, counts in facts["choice"].items()
    ]
    parts.append(fill("to choose from: " + ", ".join(choice), terminal_width()))
    return "\n\n".join(parts)


def _narrow(row: dict[str, Any]) -> dict[str, Any]:
    """Put a service's tokens and promises into one column each; what is said of the day stands below the tables."""
    if "runs_per_year" in row:
        return {name: value for name, value in row.items() if name not in ("by_year", "after", "preemptible")}
    if "percentile" not in row:
        return row
    promises = ", ".join(f"{word} {row[name]:g} ms" for name, word in _PROMISES.items() if row[name] is not None)
    return {
        "name": row["name"],
        "model": row["model"],
        "parameters": row["parameters"],
        "requests/s": row["peak_requests_per_s"],
        "tokens": f"{row['input_tokens']:,} in, {row['output_tokens']:,} out",
        "promises": f"{promises} at p{row['percentile']:g}" if promises else "none",
        "sites": row["sites"],
    }


def _day(facts: dict[str, Any]) -> str:
    """Return what follows the hours of the day, waits for something, or may stop; '' where nothing does."""
    said = [
        f"{row['name']} follows {row['profile']} (mean {row['mean_requests_per_s']:,.4g} requests/s)"
        for row in facts["inference"]
        if row["profile"] is not None
    ]
    said += [f"{row['name']} comes after {' and '.join(row['after'])}" for row in facts["training"] if row["after"]]
    at_night = [row["name"] for row in facts["training"] if row["preemptible"]]
    if at_night:
        said.append(f"{' and '.join(at_night)} may run at night on nodes that services leave free")
    for row in facts["training"]:
        if row["by_year"]:
            first, last = row["by_year"][0], row["by_year"][-1]
            words = [f"{of['runs_per_year']} × {of['tokens']:.3g} tokens in year {of['year']}" for of in (first, last)]
            said.append(f"{row['name']} asks {' and '.join(words)}")
    return f"the day and the calendar: {'; '.join(said)}" if said else ""


def _shown(column: str, value: Any) -> str:
    if value is None:
        return "-"
    if column in ("parameters", "tokens") and isinstance(value, int | float):
        return _scaled(float(value))
    if isinstance(value, list):
        return " ".join(value) or "all"
    return f"{value:,.10g}" if isinstance(value, int | float) else str(value)


def _scaled(value: float) -> str:
    for factor, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if value >= factor:
            return f"{value / factor:,.4g} {word}"
    return f"{value:,.4g}"
