"""``dcopt accuracy``: predicted against published, by group."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcopt.cli.inputs import exit_with, usage_error

if TYPE_CHECKING:
    from dcopt.pipeline.accuracy import Comparison
    from dcopt.pipeline.accuracy_groups import ErrorGroup


@click.command("accuracy")
@click.option("--by", default="", help="Keys to group by, separated by commas; blank: those of the bands.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Write every comparison to this CSV file.")
@click.option("--html", "html_file", type=click.Path(path_type=Path), help="Write a page with charts to this file.")
@click.option("--write", is_flag=True, help="Write the shipped table of prediction errors anew (for developers).")
def command(by: str, as_json: bool, csv_file: Path | None, html_file: Path | None, write: bool) -> None:
    """Hold predictions against every published result in data/published/.

    Errors are predicted ÷ measured − 1, in the unit that was published. Rows without a prediction are counted, with
    the reason.

    \b
    Example: dcopt accuracy --by quantity,accelerator
    """
    from dcopt.pipeline.accuracy import compare
    from dcopt.pipeline.accuracy_groups import DETAIL_KEYS, KEYS, errors_path, errors_text, prediction_errors
    from dcopt.problem.findings import InputError

    keys = tuple(key.strip() for key in by.split(",") if key.strip()) or DETAIL_KEYS
    unknown = [key for key in keys if key not in KEYS]
    if unknown:
        usage_error(f"--by: '{unknown[0]}' is not one of {', '.join(KEYS)}")
    try:
        comparisons = compare()
    except InputError as error:
        exit_with(error.findings)
    if csv_file is not None:
        _write_csv(csv_file, comparisons)
    if html_file is not None:
        from dcopt.pipeline.accuracy_report import accuracy_page

        _write(html_file, accuracy_page(comparisons))
    if write:
        _write(errors_path(), errors_text(prediction_errors(comparisons)))
    if as_json:
        click.echo(json.dumps(_record(comparisons, keys), indent=1))
    elif sys.stdout.isatty() or not (csv_file or html_file or write):
        _show(comparisons, keys)


def _record(comparisons: list[Comparison], keys: tuple[str, ...]) -> dict[str, object]:
    from dcopt.pipeline.accuracy_groups import SUMMARY_KEYS, grouped, reasons

    plain = [comparison for comparison in comparisons if not comparison.flag]
    flagged = [comparison for comparison in comparisons if comparison.flag]
    return {
        "summary": [group.record() for group in grouped(plain, SUMMARY_KEYS)],
        "flagged": [group.record() for group in grouped(flagged, (*SUMMARY_KEYS, "flag"))],
        "groups": [group.record() for group in grouped(plain, keys)],
        "unpredicted": [
            {"table": table, "reason": reason, "rows": count} for table, reason, count in reasons(comparisons)
        ],
    }


def _show(comparisons: list[Comparison], keys: tuple[str, ...]) -> None:
    from dcopt.cli.text_table import text_table
    from dcopt.pipeline.accuracy_groups import SUMMARY_KEYS, grouped, reasons

    plain = [comparison for comparison in comparisons if not comparison.flag]
    flagged = [comparison for comparison in comparisons if comparison.flag]
    for title, members, by in (
        ("All published rows without a flag", plain, SUMMARY_KEYS),
        ("Rows that their collectors flag", flagged, (*SUMMARY_KEYS, "flag")),
        ("By group", plain, keys),
    ):
        found = [group for group in grouped(members, by) if group.rows]
        used = tuple(key for key in by if any(dict(group.keys)[key] for group in found))
        click.echo(f"\n{title}\n")
        header = (*used, "rows", "without", "mean %", "median %", "p90 %", "bias %")
        click.echo(text_table(header, [_cells(group, used) for group in found]))
    missing = reasons(comparisons)
    click.echo(f"\n{sum(count for _, _, count in missing)} rows without a prediction\n")
    for table, why, count in missing:
        click.echo(f"{count:5d}  {table}: {why}")


def _cells(group: ErrorGroup, keys: tuple[str, ...]) -> tuple[str, ...]:
    values = dict(group.keys)
    errors = (group.mean_abs, group.median_abs, group.p90_abs, group.bias)
    numbers = [f"{100 * error:.1f}" for error in errors] if group.rows else [""] * 4
    return (*(values[key] or "-" for key in keys), str(group.rows), str(group.unpredicted), *numbers)


def _write_csv(path: Path, comparisons: list[Comparison]) -> None:
    from dcopt.pipeline.accuracy_groups import row_record

    rows = [row_record(comparison) for comparison in comparisons]
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        usage_error(f"{path} cannot be written: {error.strerror or error}")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        usage_error(f"{path} cannot be written: {error.strerror or error}")
    click.echo(f"wrote {path}", err=True)
