"""Recorded traces of inference requests: a CSV file with when each came and how many tokens it had."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

from dcopt.pipeline.simulate import Trace, trace_of

COLUMNS = {
    "time": ("timestamp", "time", "time_s", "arrived_at", "arrival_time"),
    "input": ("input_tokens", "contexttokens", "context_tokens", "prompt_tokens", "num_prefill_tokens"),
    "output": ("output_tokens", "generatedtokens", "generated_tokens", "completion_tokens", "num_decode_tokens"),
}
"""Names of the columns, in small letters; ``TIMESTAMP, ContextTokens, GeneratedTokens`` are those of the traces that
Azure publishes of its language models (github.com/Azure/AzurePublicDataset)."""


class TraceError(Exception):
    """A trace that cannot be read; the text says the cure."""


def read_trace(path: Path) -> Trace:
    """Return the trace in a CSV file: timestamps in seconds or ISO 8601, tokens in and out.

    Raises
    ------
    TraceError: no such file, a missing column, a cell that is no number, or fewer than two requests.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = {name.strip().lower(): name for name in reader.fieldnames or ()}
            place = {role: _column(path, role, names) for role in COLUMNS}
            rows = [_row(path, number, row, place) for number, row in enumerate(reader, start=2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TraceError(f"{path} cannot be read: {error}") from None
    if len(rows) < 2:
        raise TraceError(f"{path} holds {len(rows)} requests; a trace needs at least two")
    return trace_of(path.name, rows)


def _column(path: Path, role: str, names: dict[str, str]) -> str:
    for name in COLUMNS[role]:
        if name in names:
            return names[name]
    raise TraceError(f"{path} has no column for the {role}; name it one of {', '.join(COLUMNS[role])}")


def _row(path: Path, number: int, row: dict[str, str], place: dict[str, str]) -> tuple[float, float, float]:
    try:
        tokens = [float(row[place[role]]) for role in ("input", "output")]
        seconds = _seconds(row[place["time"]])
    except (TypeError, ValueError):
        raise TraceError(f"{path}:{number}: a timestamp and two numbers of tokens are needed") from None
    if not all(0 <= count < float("inf") for count in tokens) or not abs(seconds) < float("inf"):
        raise TraceError(f"{path}:{number}: tokens must be finite and not negative")
    return seconds, tokens[0], tokens[1]


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text.strip()).timestamp()
