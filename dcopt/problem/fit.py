"""A service row from a log of requests: peak, mean, tokens and the shape of the day.

Reads the Azure LLM inference traces (github.com/Azure/AzurePublicDataset: columns TIMESTAMP, ContextTokens,
GeneratedTokens) and any other CSV of timestamps and token counts.
"""

from __future__ import annotations

import csv
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dcopt.problem.findings import Finding, InputError, nearest

MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 86400.0
MOST_SHOWN_ERRORS = 5


@dataclass(frozen=True)
class TokenStatistics:
    """Tokens of a request: mean and percentiles."""

    mean: float
    p50: float
    p95: float
    p99: float
    largest: float


@dataclass(frozen=True)
class Fitted:
    """What a trace says of a service.

    Attributes
    ----------
    peak_requests_per_s: requests of the busiest 60 seconds, ÷ 60 (of the whole trace where it is shorter).
    mean_requests_per_s: all requests ÷ the span from the first to the last.
    hourly: load of each hour of the day as a share of the busiest hour's, () where the trace spans less than a day.
    """

    requests: int
    span_s: float
    peak_requests_per_s: float
    mean_requests_per_s: float
    input_tokens: TokenStatistics
    output_tokens: TokenStatistics | None
    hourly: tuple[float, ...]


@dataclass(frozen=True)
class Columns:
    """The names of the columns of a trace; ``output`` '' where requests generate nothing."""

    time: str = "TIMESTAMP"
    input: str = "ContextTokens"
    output: str = "GeneratedTokens"


def read_trace(path: Path, columns: Columns) -> tuple[list[float], list[float], list[float]]:
    """Return times (seconds, sorted), input tokens and output tokens of each request.

    Raises
    ------
    InputError: the file, a column or a cell cannot be read; the first few cells are named.
    """
    findings: list[Finding] = []
    rows: list[tuple[float, float, float]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = [name for name in (columns.time, columns.input, columns.output) if name]
            known = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = known
            for name in names:
                if name not in known:
                    message = "is not a column of the trace: name it with the option of the command"
                    findings.append(Finding("error", path.name, message, 1, name, nearest=nearest(name, known)))
            if findings:
                raise InputError(findings)
            for cells in reader:
                row = _row(cells, columns, path.name, reader.line_num, findings)
                if row is not None:
                    rows.append(row)
                if len(findings) >= MOST_SHOWN_ERRORS:
                    break
    except (OSError, UnicodeDecodeError) as error:
        raise InputError([Finding("error", str(path), f"cannot be read ({error}): give a UTF-8 CSV file")]) from None
    if not findings and len(rows) < 2:
        findings.append(Finding("error", path.name, "holds fewer than two requests: a rate cannot be told from it"))
    if findings:
        raise InputError(findings)
    rows.sort()
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows] if columns.output else []


def _row(
    cells: dict[str, str], columns: Columns, file: str, line: int, findings: list[Finding]
) -> tuple[float, float, float] | None:
    values = []
    for name in (columns.time, columns.input, columns.output):
        text = (cells.get(name) or "").strip() if name else "0"
        value = _seconds(text) if name == columns.time else _count(text)
        if value is None:
            what = "a time: ISO 8601, or seconds" if name == columns.time else "a count of tokens"
            findings.append(Finding("error", file, "cannot be read", line, name, text, expected=what))
            return None
        values.append(value)
    return values[0], values[1], values[2]


def _seconds(text: str) -> float | None:
    """Return a time in seconds: of a number (milliseconds above 1e11) or an ISO date, UTC where it names no zone."""
    try:
        value = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(value):
        return None
    return value / 1000 if value > 1e11 else value


def _count(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def fit(times: Sequence[float], inputs: Sequence[float], outputs: Sequence[float]) -> Fitted:
    """Return what sorted ``times`` (seconds; at least two) and their token counts say."""
    span = times[-1] - times[0]
    window = min(MINUTE_S, span) or 1.0
    most = 0
    inside: deque[float] = deque()
    for time in times:
        inside.append(time)
        while inside[0] <= time - window:
            inside.popleft()
        most = max(most, len(inside))
    return Fitted(
        requests=len(times),
        span_s=span,
        peak_requests_per_s=most / window,
        mean_requests_per_s=min(len(times) / (span or 1.0), most / window),
        input_tokens=statistics(inputs),
        output_tokens=statistics(outputs) if outputs else None,
        hourly=_hourly(times) if span >= DAY_S - HOUR_S else (),
    )


def statistics(values: Sequence[float]) -> TokenStatistics:
    """Return mean and percentiles (the smallest value that at least that share does not exceed)."""
    ordered = sorted(values)

    def percentile(share: float) -> float:
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    return TokenStatistics(
        sum(ordered) / len(ordered), percentile(0.5), percentile(0.95), percentile(0.99), ordered[-1]
    )


def _hourly(times: Sequence[float]) -> tuple[float, ...]:
    """Return the mean load of each hour of the day (of the trace's clock) as a share of the largest."""
    first, last = int(times[0] // HOUR_S), int(times[-1] // HOUR_S)
    counts = [0] * 24
    for time in times:
        counts[int(time // HOUR_S) % 24] += 1
    seen = [0] * 24
    for hour in range(first, last + 1):
        seen[hour % 24] += 1
    loads = [count / max(1, days) for count, days in zip(counts, seen, strict=True)]
    most = max(loads)
    return tuple(round(load / most, 3) for load in loads)
