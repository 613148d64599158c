"""``dcopt alternatives``: the next best designs that differ where it matters."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dcopt.cli.inputs import NO_DESIGN, load_or_exit, usage_error
from dcopt.cli.study_options import Asked, ProgressLine, millions, study_command
from dcopt.cli.text_table import text_table

if TYPE_CHECKING:
    from dcopt.study.alternatives import Alternative


@study_command("alternatives")
@click.option("--count", type=click.IntRange(min=1), default=5, show_default=True, help="Designs beside the cheapest.")
@click.option("--within", default="10%", show_default=True, help="Most extra TCO, as a share of the least.")
@click.option(
    "--differ",
    "aspect",
    type=click.Choice(["node", "fabric", "site"]),
    default="node",
    show_default=True,
    help="In what the designs must differ.",
)
def command(asked: Asked, count: int, within: str, aspect: str) -> None:
    """Show the next best designs of PROBLEM that use other nodes, fabrics or sites, and what each trades.

    Each is the cheapest that does without what it leaves out, to the gap.

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
        asker = Asker(asked.problem, asked.sets, asked.choices(), asked.output, plan, line.outcome)
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

        rows = [{"extra_usd": one.extra_usd, **one.outcome.row()} for one in found]
        click.echo(json.dumps(rows, indent=1))
        return
    click.echo(_text(found, aspect))
    if len(found) <= count:
        click.echo(f"no other design within {share:.3g} of the least TCO", err=True)


def _text(found: tuple[Alternative, ...], aspect: str) -> str:
    least = found[0].outcome.figures["tco_usd"]
    rows = [
        [
            str(number),
            millions(one.outcome.figures["tco_usd"]),
            f"{one.extra_usd / least:.2%}",
            f"{one.outcome.figures['nodes']:g}",
            f"{one.outcome.figures['it_kw']:,.4g}",
            millions(one.outcome.figures["capex_usd"]),
            f"{one.outcome.figures['carbon_t_per_year']:,.4g}",
            ", ".join(one.without) or "-",
        ]
        for number, one in enumerate(found)
    ]
    header = ["", "TCO USD", "extra", "nodes", "IT kW", "capex USD", "t CO2/year", "without"]
    words = [f"  {number}  {one.outcome.choices[aspect]}" for number, one in enumerate(found)]
    return "\n".join([text_table(header, rows), "", f"What runs on which {aspect}:", *words])
