"""``dcopt alternatives``: the next best designs that differ where it matters."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dcopt.cli.inputs import NO_DESIGN, load_or_exit, usage_error
from dcopt.cli.study_options import TIGHT_GAP, Asked, ProgressLine, millions, study_command
from dcopt.cli.text_table import text_table

if TYPE_CHECKING:
    from dcopt.study.alternatives import Alternative, Found


@study_command("alternatives")
@click.option("--count", type=click.IntRange(min=1), default=5, show_default=True, help="Designs beside the cheapest.")
@click.option("--within", default="10%", show_default=True, help="Most extra TCO, as a share of the least.")
@click.option(
    "--differ",
    "aspect",
    type=click.Choice(["any", "node", "fabric", "cooling", "site"]),
    default="any",
    show_default=True,
    help="In what the designs must differ.",
)
def command(asked: Asked, count: int, within: str, aspect: str) -> None:
    """Show the next best designs of PROBLEM that use other nodes, fabrics, cooling or sites, and what each trades.

    Each does without at least one part of every design before it and is the cheapest that does (to the gap), so none
    merely adds parts to a cheaper one, and none in between is missed. Of a large problem one that is found in the time
    without that proof says so.

    \b
    Example: dcopt alternatives chat --count 3 --within 5%

    Exit codes: 0 answered, 1 no design exists, 2 bad input.
    """
    from dcopt.study.alternatives import alternatives
    from dcopt.study.ask import Asker
    from dcopt.study.store import StudyFolderError

    try:
        share = float(within.removesuffix("%")) / (100 if within.endswith("%") else 1)
    except ValueError:
        usage_error(f"--within {within}: write a share such as 5% or 0.05")
    load_or_exit(asked.problem, asked.sets)
    line = ProgressLine()
    try:
        plan = {"kind": "alternatives", "details": {"aspect": aspect}}
        asker = Asker(asked.problem, asked.sets, asked.choices(TIGHT_GAP), asked.output, plan, line.outcome)
        found = alternatives(aspect, asker, count=count, within=share)
    except StudyFolderError as error:
        usage_error(str(error))
    except ValueError as error:
        line.clear()
        click.echo(str(error), err=True)
        sys.exit(NO_DESIGN)
    finally:
        line.clear()
    if asked.as_json:
        import json

        rows = [{**one.outcome.row(), **_row(one)} for one in found.designs]
        click.echo(json.dumps(rows, indent=1))
        return
    click.echo(_text(found))
    if found.ended:
        line_end = "" if found.ended.startswith("no other") else " was not found"
        click.echo(f"{found.ended} ({share:.3g} of the least TCO){line_end}", err=True)


def _row(one: Alternative) -> dict[str, object]:
    return {
        "extra_usd": one.extra_usd,
        "extra_proven_usd": one.proven_usd,
        "without": " ".join(one.without),
        "with": " ".join(one.with_),
        **{f"trade.{name}": value for name, value in one.trades.items()},
    }


def _text(found: Found) -> str:
    least = found.designs[0].outcome.figures["tco_usd"]
    rows = [
        [
            str(number),
            millions(one.outcome.figures["tco_usd"]),
            f"{one.extra_usd / least:.2%}",
            _signed(one.trades["capital_usd"]),
            _signed(one.trades["running_usd"]),
            _signed(one.trades["facility_kw"], 1),
            _signed(one.trades["racks"]),
            _signed(one.trades["carbon_t_per_year"], 1),
            f"{one.trades['headroom_pct']:.1f}" if "headroom_pct" in one.trades else "",
        ]
        for number, one in enumerate(found.designs)
    ]
    header = ["", "TCO USD", "extra", "capital", "running", "kW", "racks", "t CO2/year", "kW free %"]
    words = [f"  {number}  {_words(one, first=number == 0)}" for number, one in enumerate(found.designs)]
    return "\n".join([text_table(header, rows), "", "What each buys against the cheapest (0):", *words])


def _signed(value: float, digits: int = 0) -> str:
    text = f"{value:+,.{digits}f}"
    return "0" if float(text.replace(",", "")) == 0 else text


def _words(one: Alternative, *, first: bool) -> str:
    if first:
        return ", ".join(part.replace(":", " ") for part in one.outcome.kinds)
    doubt = "" if one.outcome.status == "optimal" else " (not proven: a cheaper one may lie between)"
    gone = f"without {', '.join(part.replace(':', ' ') for part in one.without)}"
    more = f", with {', '.join(part.replace(':', ' ') for part in one.with_)}" if one.with_ else ""
    return gone + more + doubt
