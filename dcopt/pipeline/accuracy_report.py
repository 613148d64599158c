"""The page of ``dcopt accuracy``: errors by group, predicted against measured, and the rows without a prediction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from dcopt.pipeline.accuracy import FABRIC_PARTS, Comparison
from dcopt.pipeline.accuracy_groups import DETAIL_KEYS, SUMMARY_KEYS, ErrorGroup, grouped, reasons
from dcopt.report.blocks import Block, Report, ScatterChart, Section, Table, Text, table
from dcopt.report.html import render_page

UNITS = {"step_s": "s", "ttft_ms": "ms", "tpot_ms": "ms", "latency_ms": "ms", "requests_per_s": "requests/s"}


def accuracy_page(comparisons: Sequence[Comparison]) -> str:
    """Return a self-contained HTML page."""
    return render_page(accuracy_report(comparisons), f"{len(comparisons):,} published figures")


def accuracy_report(comparisons: Sequence[Comparison]) -> Report:
    """Return the errors as a report: a summary, charts, the groups, and what could not be predicted."""
    plain = [comparison for comparison in comparisons if not comparison.flag]
    flagged = [comparison for comparison in comparisons if comparison.flag]
    what = Text(
        "Errors are predicted ÷ measured − 1, in the unit that was published. A few constants of the models are "
        "fitted on these rows; data/published/README.md says which groups were held out, and how much larger their "
        "errors are."
    )
    summary: tuple[Block, ...] = (
        what,
        group_table("Rows without a flag", grouped(plain, SUMMARY_KEYS), SUMMARY_KEYS),
        group_table("Rows that their collectors flag", grouped(flagged, SUMMARY_KEYS), SUMMARY_KEYS),
    )
    missing = table("Why", (">rows", "table", "why"), [(str(n), name, why) for name, why, n in reasons(comparisons)])
    details = group_table("By group", grouped(plain, DETAIL_KEYS), DETAIL_KEYS)
    return Report(
        "Accuracy of dcopt's predictions",
        "measured",
        (
            Section("answer", "Errors", summary),
            Section("charts", "Predicted against measured", tuple(_charts(plain))),
            Section("groups", "Errors by group", (details,)),
            Section("unpredicted", "Rows without a prediction", (missing,)),
        ),
    )


def group_table(caption: str, groups: Sequence[ErrorGroup], keys: Sequence[str]) -> Table:
    """Return groups as a table, errors in percent."""
    headers = (*keys, ">rows", ">without", ">mean %", ">median %", ">90th pct %", ">bias %")
    rows = []
    for group in groups:
        values = dict(group.keys)
        errors = (group.mean_abs, group.median_abs, group.p90_abs, group.bias)
        numbers = [f"{100 * error:.1f}" for error in errors] if group.rows else [""] * len(errors)
        rows.append((*(values[key] for key in keys), f"{group.rows:,}", str(group.unpredicted or ""), *numbers))
    return table(caption, headers, rows)


def _charts(comparisons: Sequence[Comparison]) -> list[ScatterChart]:
    """Return a chart for each quantity and mode, coloured by the class of the model and the chip."""
    panels: dict[tuple[str, str], dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for found in comparisons:
        if found.quantity in FABRIC_PARTS or not found.predicted or not found.measured:
            continue
        of_mode = panels[found.quantity, found.subject.mode]
        of_mode[f"{found.subject.model_class}, {found.subject.accelerator}"].append((found.measured, found.predicted))
    return [
        ScatterChart(
            f"{quantity}, {mode}: lines at equality and at a factor of 1.25",
            UNITS[quantity],
            tuple((name, tuple(points)) for name, points in sorted(series.items())),
        )
        for (quantity, mode), series in panels.items()
    ]
