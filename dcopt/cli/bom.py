"""``dcopt bom``: the bill of materials of a solved design."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from dcopt.cli.inputs import NO_DESIGN, usage_error
from dcopt.cli.report import design_of, problem_of


@click.command("bom")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write FILE.xlsx or FILE.csv instead of a table on screen."
)
def command(run: Path, output: Path | None) -> None:
    """Show or write the bill of materials of the design in RUN, the folder that 'dcopt solve' wrote.

    \b
    Example: dcopt bom bert-run -o bert.xlsx
    """
    from dcopt.report.answer import has_design
    from dcopt.report.bom import bom_table, write_bom_csv
    from dcopt.report.bom_workbook import write_bom_xlsx
    from dcopt.report.terminal import format_table

    if output is not None and output.suffix.lower() not in (".xlsx", ".csv"):
        usage_error(f"{output}: give a file that ends in .xlsx or .csv")
    design = design_of(run)
    if not has_design(design):
        click.echo(f"{run} holds no design (status {design.status}), so there is nothing to buy", err=True)
        sys.exit(NO_DESIGN)
    if output is None:
        width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 120
        if not design.bom_lines:
            click.echo("nothing to buy: all that this design uses is rented or there already")
            return
        click.echo("\n".join(format_table(bom_table(design), max(width, 60))))
        return
    try:
        if output.suffix.lower() == ".csv":
            write_bom_csv(design, output)
        else:
            write_bom_xlsx(design, output, problem_of(run))
    except OSError as error:
        usage_error(f"{output} cannot be written: {error.strerror or error}")
    click.echo(f"wrote {output}", err=True)
