"""``dcopt evaluate``: what a given purchase would cost and keep, and how far from the optimum it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcopt.cli.inputs import NO_DESIGN, load_or_exit, usage_error
from dcopt.cli.study_options import ProgressLine, millions
from dcopt.cli.text_table import text_table

if TYPE_CHECKING:
    from dcopt.design.records import Design
    from dcopt.pipeline.proposal import Evaluation


@click.command("evaluate")
@click.argument("problem", type=click.Path(path_type=Path))
@click.option(
    "--fix",
    "proposal",
    required=True,
    type=click.Path(path_type=Path, exists=True),
    help="A RUN folder, a design.json, or a CSV with the columns site, table, item, quantity.",
)
@click.option("--set", "sets", multiple=True, metavar="TABLE.NAME.COLUMN=VALUE", help="Change cells first.")
@click.option("--time-limit", type=click.FloatRange(min=0, min_open=True), help="Seconds of each of the two solves.")
@click.option("--gap", type=click.FloatRange(min=0, max=1), help="Relative gap of each.")
@click.option("--json", "as_json", is_flag=True, help="Print the evaluation as JSON.")
def command(
    problem: Path,
    proposal: Path,
    sets: tuple[str, ...],
    time_limit: float | None,
    gap: float | None,
    as_json: bool,
) -> None:
    """Judge a purchase, such as a vendor's proposal, against the optimum of PROBLEM.

    The nodes are taken exactly as proposed; dcopt runs the workloads on them and completes the rest at the least cost.
    Where equipment may be bought at several dates, a column year says when each line is bought (blank: year 1).

    \b
    Example: dcopt evaluate chat --fix vendor-bom.csv

    Exit codes: 0 judged, 1 the proposal cannot keep the promises (and which), 2 bad input.
    """
    loaded = load_or_exit(problem, sets)
    from dcopt.pipeline.proposal import ProposalError, evaluate_proposal, read_later, read_proposal
    from dcopt.pipeline.run import RunOptions

    try:
        proposed, later = read_proposal(proposal, loaded), read_later(proposal, loaded)
    except ProposalError as error:
        usage_error(str(error))
    options = RunOptions(time_limit, gap, threads=1)
    line = ProgressLine()
    try:
        found = evaluate_proposal(
            loaded, proposed, options, later=later, on_phase=lambda text: line.write(f"  {text} ...")
        )
    finally:
        line.clear()
    click.echo(_json(found) if as_json else _text(found))
    sys.exit(NO_DESIGN if found.design is None else 0)


def _json(found: Evaluation) -> str:
    import json
    from dataclasses import asdict

    document = {
        "tco_usd": found.tco_usd,
        "surplus_usd": found.surplus_usd,
        "optimum_tco_usd": found.optimum.tco_usd,
        "optimum_bound_usd": found.optimum.objective_bound,
        "excess_usd": found.excess_usd,
        "reasons": found.reasons,
        "parts": [asdict(part) for part in found.parts],
        "design": None if found.design is None else found.design.model_dump(mode="json", by_alias=True),
    }
    return json.dumps(document, indent=1)


def _proof(design: Design) -> str:
    """Return how far a design is proven, where that is not to its gap."""
    if design.status == "optimal" or design.gap is None or design.objective_bound is None:
        return ""
    return f" (proven to {design.gap:.1%} only: none costs less than USD {millions(design.objective_bound)})"


def _text(found: Evaluation) -> str:
    lines = []
    if found.design is None:
        lines.append("The proposal cannot keep the promises:")
        lines += [f"  - {reason}" for reason in found.reasons]
    else:
        lines.append(f"TCO of the proposal, completed: USD {millions(found.tco_usd)}{_proof(found.design)}")
        if found.surplus_usd:
            lines.append(f"  of it for parts that nothing needs: USD {millions(found.surplus_usd)}")
    if found.optimum.tco_usd is not None:
        lines.append(f"TCO of the cheapest design:     USD {millions(found.optimum.tco_usd)}{_proof(found.optimum)}")
    if found.excess_usd is not None:
        share = found.excess_usd / (found.optimum.tco_usd or 1.0)
        lines.append(f"The proposal is dearer by:      USD {millions(found.excess_usd)} ({share:.1%})")
    differing = [part for part in found.parts if part.proposed != part.needed]
    if differing:
        rows = [
            [
                str(part.year),
                part.site,
                part.table,
                part.item,
                f"{part.proposed:g}",
                f"{part.needed:g}",
                "missing" if part.needed > part.proposed else "not needed",
                millions(None if part.difference_usd is None else abs(part.difference_usd)),
            ]
            for part in differing
        ]
        header = ["year", "site", "table", "item", "proposed", "needed", "", "USD"]
        if all(part.year == 1 for part in found.parts):
            header, rows = header[1:], [row[1:] for row in rows]
        lines += ["", "Parts of which the proposal has too few or too many:", text_table(header, rows)]
    return "\n".join(lines)
