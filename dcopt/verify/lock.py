"""The lock of a RUN: the inputs are those that were solved, and the gap is the one that was asked for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from dcopt.verify.checker import Checker

LOCK_FILE = "lock.json"


def check(inputs: Path, checker: Checker) -> float | None:
    """Hold the files of ``inputs`` against the hashes of their lock; return the gap that was asked for, if any."""
    try:
        lock = json.loads((inputs / LOCK_FILE).read_text(encoding="utf-8"))
        locked, gap = dict(lock["sha256"]), lock["options"]["gap"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        checker.holds(f"inputs/{LOCK_FILE}", False, "a lock of the inputs", f"none that can be read ({error!r})")
        return None
    files = {
        file.relative_to(inputs).as_posix(): file
        for file in inputs.rglob("*")
        if file.is_file() and file != inputs / LOCK_FILE
    }
    checker.same(f"inputs/{LOCK_FILE}: files", sorted(locked), sorted(files))
    for name in sorted(set(locked) & set(files)):
        found = hashlib.sha256(files[name].read_bytes()).hexdigest()
        checker.same(f"inputs/{name} sha256", locked[name], found)
    return float(gap) if isinstance(gap, int | float) else None
