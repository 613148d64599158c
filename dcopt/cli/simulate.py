"""``dcopt simulate``: check the services of a solved design with a discrete-event simulation."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from dcopt.cli.inputs import exit_with, usage_error

PROMISE_MISSED = 5


@click.command("simulate")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--requests", type=click.IntRange(min=1000), default=20_000, show_default=True, help="Requests, at least."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the arrivals.")
@click.option("--trace", type=click.Path(path_type=Path), help="Arrivals and lengths of a recorded trace (CSV).")
@click.option("--json", "as_json", is_flag=True, help="Print the records as JSON.")
def command(run: Path, requests: int, seed: int, trace: Path | None, as_json: bool) -> None:
    """Simulate the replicas of every service in RUN at its peak load, request by request.

    Poisson arrivals (or a trace scaled so that its busiest minute is the peak), continuous batching, the KV cache, and
    the balancer. Writes RUN/simulation.json, which the report shows.

    Exit codes: 0 every promise is kept as far as the noise tells, 2 RUN or the trace cannot be read, 5 one is missed.

    \b
    Example: dcopt simulate chat-run --requests 100000
    """
    from dcopt.cli.text_table import text_table
    from dcopt.design.files import DesignFileError, read_design
    from dcopt.design.simulation import write_simulation
    from dcopt.pipeline.simulate import simulate_design
    from dcopt.pipeline.traces import TraceError, read_trace
    from dcopt.problem.findings import InputError
    from dcopt.problem.load import load
    from dcopt.report.context import read_beside
    from dcopt.report.html import render_html
    from dcopt.report.simulation import simulation_rows

    try:
        design = read_design(run)
        problem = load(run / "inputs")
        recorded = None if trace is None else read_trace(trace)
        found = simulate_design(problem, design, requests=requests, seed=seed, trace=recorded)
        write_simulation(found, run)
        (run / "report.html").write_text(render_html(design, problem, found, read_beside(run)), encoding="utf-8")
    except InputError as error:
        exit_with(error.findings)
    except (DesignFileError, TraceError, ValueError, LookupError) as error:
        usage_error(str(error))
    except OSError as error:
        usage_error(f"{run} cannot be written: {error.strerror or error}")
    if as_json:
        click.echo(json.dumps([row.model_dump(mode="json") for row in found], indent=1))
    elif not found:
        click.echo("this design serves nothing that can be simulated")
    else:
        headers, rows = simulation_rows(found)
        click.echo(text_table([name.removeprefix(">") for name in headers], rows))
    for name in sorted({row.service for row in design.inference} - {row.service for row in found}):
        click.echo(f"{name}: groups of prefill and decode workers, and measured rates, are not simulated", err=True)
    if not all(row.kept for row in found):
        sys.exit(PROMISE_MISSED)
