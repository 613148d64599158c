"""``dcopt fit``: a service row from a log of requests."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcopt.cli.inputs import exit_with

if TYPE_CHECKING:
    from dcopt.problem.fit import Fitted, TokenStatistics

STATISTICS = ("mean", "p50", "p95", "p99")


@click.command("fit")
@click.argument("trace", type=click.Path(path_type=Path))
@click.option("--name", default="service", show_default=True, help="Name of the service.")
@click.option("--model", default="", help="Its model, a name in models/ (blank: to be filled in).")
@click.option("--time-column", default="TIMESTAMP", show_default=True, help="Column of the arrival times.")
@click.option("--input-column", default="ContextTokens", show_default=True, help="Column of the input tokens.")
@click.option(
    "--output-column", default="GeneratedTokens", show_default=True, help="Column of the output tokens ('': none)."
)
@click.option("--tokens", type=click.Choice(STATISTICS), default="mean", show_default=True, help="Which of the tokens.")
@click.option("--json", "as_json", is_flag=True, help="Print all statistics as JSON.")
def command(
    trace: Path,
    name: str,
    model: str,
    time_column: str,
    input_column: str,
    output_column: str,
    tokens: str,
    as_json: bool,
) -> None:
    """Fit a row of inference.csv to TRACE, a CSV of arrival times and token counts (by default an Azure LLM trace).

    Prints the row, and a row of profiles.csv where the trace spans a day; says on stderr what was assumed. Promises
    (ttft_ms, tpot_ms, latency_ms) are yours to add.

    \b
    Example: dcopt fit trace.csv --name chat --model llama-2-70b > inference.csv
    """
    from dcopt.problem.findings import InputError
    from dcopt.problem.fit import Columns, fit, read_trace

    try:
        fitted = fit(*read_trace(trace, Columns(time_column, input_column, output_column)))
    except InputError as error:
        exit_with(error.findings)
    if as_json:
        click.echo(json.dumps(asdict(fitted), indent=1))
        sys.exit(0)
    click.echo(_rows(fitted, name, model, tokens), nl=False)
    for line in _assumed(fitted, tokens):
        click.echo(line, err=True)


def _rows(fitted: Fitted, name: str, model: str, tokens: str) -> str:
    from dcopt.problem.schema import number_text
    from dcopt.problem.write import csv_text

    out = fitted.output_tokens
    row = {
        "name": name,
        "model": model,
        "peak_requests_per_s": number_text(float(f"{fitted.peak_requests_per_s:.4g}")),
        "mean_requests_per_s": "" if fitted.hourly else number_text(float(f"{fitted.mean_requests_per_s:.4g}")),
        "input_tokens": str(max(1, round(getattr(fitted.input_tokens, tokens)))),
        "output_tokens": "0" if out is None else str(round(getattr(out, tokens))),
        "profile": f"{name}-day" if fitted.hourly else "",
    }
    shown = {key: value for key, value in row.items() if value or key == "model"}
    text = csv_text(tuple(shown), [tuple(shown.values())])
    if fitted.hourly:
        hourly = " ".join(number_text(share) for share in fitted.hourly)
        day = csv_text(("name", "hourly"), [(f"{name}-day", hourly)])
        text += "# profiles.csv:\n" + "".join(f"# {line}\n" for line in day.splitlines())
    return text


def _assumed(fitted: Fitted, tokens: str) -> list[str]:
    lines = [
        f"{fitted.requests:,} requests in {fitted.span_s / 3600:,.4g} hours: mean {fitted.mean_requests_per_s:.4g}/s",
        f"assumed: the peak is the busiest {min(60.0, fitted.span_s):.4g} s of the trace; growth and busier days than "
        "these are not in it",
        f"assumed: every request has the {tokens} of tokens; {_spread('input', fitted.input_tokens)}"
        + ("" if fitted.output_tokens is None else f"; {_spread('output', fitted.output_tokens)}"),
    ]
    if fitted.hourly:
        lines.append(
            "assumed: the hours of the profile are those of the trace's clock, and its busiest hour is the peak; move "
            "the row behind '# profiles.csv:' to profiles.csv"
        )
    else:
        lines.append("the trace spans less than a day: no daily profile, the mean stands in mean_requests_per_s")
    return lines


def _spread(what: str, found: TokenStatistics) -> str:
    return (
        f"{what} mean {found.mean:.4g}, p50 {found.p50:.4g}, p95 {found.p95:.4g}, p99 {found.p99:.4g}, "
        f"largest {found.largest:.4g}"
    )
