"""Errors of predictions by group, and the table of them that ships with the catalogue."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from dcopt.performance.error_groups import fit_errors
from dcopt.pipeline.accuracy import FABRIC_PARTS, Comparison
from dcopt.problem.locate import catalog_dir
from dcopt.problem.schema import cell_text, columns_of
from dcopt.problem.tables.error_rows import PredictionError
from dcopt.problem.write import csv_text

KEYS = ("task", "quantity", "mode", "model_class", "accelerator", "software", "precision", "model", "table", "flag")
"""By what errors can be grouped."""
SUMMARY_KEYS = ("task", "quantity", "mode")
DETAIL_KEYS = ("task", "quantity", "mode", "model_class", "accelerator", "software")
ERRORS_FILE = "prediction_errors.csv"
SOURCE = "derived: dcopt accuracy --write, from the rows of data/published/ that carry no flag"
AS_OF = "2026-11"
HEADER = (
    "# How wrong predictions tend to be, by group: written by 'dcopt accuracy --write', do not edit. "
    "bias and sigmas are of ln(measured ÷ predicted time).\n"
)


@dataclass(frozen=True)
class ErrorGroup:
    """The errors of one group: relative errors, predicted ÷ measured − 1, in the published unit.

    ``keys`` are (key, value) pairs; ``rows`` have a prediction, ``unpredicted`` have none.
    """

    keys: tuple[tuple[str, str], ...]
    rows: int
    unpredicted: int
    mean_abs: float
    median_abs: float
    p90_abs: float
    bias: float

    def record(self) -> dict[str, Any]:
        """Return the group as a flat record; errors in percent."""
        return {
            **dict(self.keys),
            "rows": self.rows,
            "unpredicted": self.unpredicted,
            "mean_error_pct": 100 * self.mean_abs,
            "median_error_pct": 100 * self.median_abs,
            "p90_error_pct": 100 * self.p90_abs,
            "bias_pct": 100 * self.bias,
        }


def key_of(comparison: Comparison, key: str) -> str:
    """Return the value of one of `KEYS`; the parts of a fabric count as one quantity."""
    if key == "quantity" and comparison.quantity in FABRIC_PARTS:
        return "parts"
    return str(getattr(comparison, key) if key in ("quantity", "table", "flag") else getattr(comparison.subject, key))


def grouped(comparisons: Iterable[Comparison], keys: Sequence[str]) -> list[ErrorGroup]:
    """Return the errors by group, in the order of the first row of each."""
    members: dict[tuple[str, ...], list[Comparison]] = defaultdict(list)
    for comparison in comparisons:
        members[tuple(key_of(comparison, key) for key in keys)].append(comparison)
    return [_group(tuple(zip(keys, values, strict=True)), found) for values, found in members.items()]


def _group(keys: tuple[tuple[str, str], ...], members: list[Comparison]) -> ErrorGroup:
    errors = [member.error for member in members if member.error is not None]
    sizes = sorted(abs(error) for error in errors) or [0.0]
    return ErrorGroup(
        keys=keys,
        rows=len(errors),
        unpredicted=len(members) - len(errors),
        mean_abs=fmean(sizes),
        median_abs=median(sizes),
        p90_abs=sizes[min(len(sizes) - 1, int(0.9 * len(sizes)))],
        bias=fmean(errors) if errors else 0.0,
    )


def reasons(comparisons: Iterable[Comparison]) -> list[tuple[str, str, int]]:
    """Return (table, why there is no prediction, rows), most rows first."""
    rows = {(c.table, c.id): c.reason for c in comparisons if c.predicted is None}
    counts = Counter((table, reason) for (table, _), reason in rows.items())
    return [(table, reason, count) for (table, reason), count in counts.most_common()]


def row_record(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as a flat record for a CSV file."""
    record = asdict(comparison)
    return {**{name: record[name] for name in ("table", "id")}, **record.pop("subject"), **record} | {
        "error_pct": None if comparison.error is None else 100 * comparison.error
    }


def prediction_errors(comparisons: Iterable[Comparison]) -> list[PredictionError]:
    """Return the rows of the catalogue table `prediction_errors`, from the rows without a flag."""
    residuals = [c.residual for c in comparisons if not c.flag]
    return fit_errors([r for r in residuals if r is not None], source=SOURCE, as_of=AS_OF)


def errors_text(errors: Iterable[PredictionError]) -> str:
    """Return the text of `prediction_errors.csv`."""
    columns = tuple(columns_of(PredictionError))
    return HEADER + csv_text(columns, ([cell_text(getattr(row, column)) for column in columns] for row in errors))


def errors_path() -> Path:
    """Return where the shipped table lies."""
    return catalog_dir() / ERRORS_FILE
