"""A study's folder: its plan, and every outcome appended the moment it is known, so that nothing is lost."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dcopt.study.records import Outcome, Scenario

PLAN_FILE = "study.json"
RESULTS_FILE = "results.jsonl"
ROBUST_FILE = "robust.json"
"""What `dcopt robust` writes, whose folder holds several studies."""
FLIP_FILE = "breakeven.json"


class StudyFolderError(Exception):
    """The folder cannot be used; the text says the cure."""


class Store:
    """The outcomes of a study, by key. One process appends; a line is whole or does not count."""

    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        """Open ``folder``, making it where it is missing; outcomes of an earlier, stopped run are taken up.

        Raises
        ------
        StudyFolderError: the folder holds something else, or a study of another plan.
        """
        self.folder = folder
        plan_path = folder / PLAN_FILE
        if folder.is_dir() and any(folder.iterdir()) and not plan_path.is_file():
            raise StudyFolderError(f"{folder} is not a folder that a study wrote; choose another with -o")
        if plan_path.is_file() and read_plan(folder) != plan:
            raise StudyFolderError(f"{folder} holds another study; choose another folder with -o")
        folder.mkdir(parents=True, exist_ok=True)
        if not plan_path.is_file():
            _write_whole(plan_path, json.dumps(plan, indent=2) + "\n")
        self.outcomes = {outcome.key: outcome for outcome in read_outcomes(folder)}
        self._cut_off_torn_line()

    def add(self, outcome: Outcome) -> None:
        """Append an outcome and wait until the disk has it."""
        self.outcomes[outcome.key] = outcome
        with (self.folder / RESULTS_FILE).open("a", encoding="utf-8") as file:
            file.write(outcome.model_dump_json() + "\n")
            file.flush()
            os.fsync(file.fileno())

    def is_done(self, key: str) -> bool:
        """Whether the scenario of ``key`` has its answer; failed ones are tried again."""
        return key in self.outcomes and self.outcomes[key].status != "failed"

    def _cut_off_torn_line(self) -> None:
        """Leave out what a killed process wrote of its last line."""
        path = self.folder / RESULTS_FILE
        if path.is_file() and path.read_bytes()[-1:] not in (b"", b"\n"):
            whole, _, _ = path.read_text(encoding="utf-8", errors="replace").rpartition("\n")
            _write_whole(path, whole + "\n" if whole else "")


def is_study(folder: Path) -> bool:
    """Whether ``folder`` is one that a study wrote."""
    return (folder / PLAN_FILE).is_file() or (folder / ROBUST_FILE).is_file()


def read_found(folder: Path, name: str) -> dict[str, Any]:
    """Return what a study wrote down as found (`ROBUST_FILE`, `FLIP_FILE`).

    Raises
    ------
    StudyFolderError: the file cannot be read.
    """
    try:
        found: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyFolderError(f"{folder / name} cannot be read ({error})") from None
    return found


def write_found(folder: Path, name: str, found: Mapping[str, Any]) -> None:
    """Write what a study found beside its outcomes, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_whole(folder / name, json.dumps(found, indent=1) + "\n")


def read_plan(folder: Path) -> dict[str, Any]:
    """Return a study's plan.

    Raises
    ------
    StudyFolderError: the folder has none that can be read.
    """
    try:
        plan: dict[str, Any] = json.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyFolderError(f"{folder} is not a folder that a study wrote ({error})") from None
    return plan


def read_outcomes(folder: Path) -> list[Outcome]:
    """Return the outcomes in the order in which they were known; a torn last line does not count."""
    path = folder / RESULTS_FILE
    if not path.is_file():
        return []
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            found.append(Outcome.model_validate_json(line))
        except ValidationError:
            continue
    return found


def in_plan_order(
    outcomes: Mapping[str, Outcome], keys: Sequence[str], scenarios: Sequence[Scenario]
) -> tuple[Outcome, ...]:
    """Return the known outcomes by key in the order of the plan, each under the name that its scenario has there."""
    return tuple(
        outcomes[key].model_copy(update={"scenario": scenario.name, "inputs": scenario.inputs})
        for key, scenario in zip(keys, scenarios, strict=True)
        if key in outcomes
    )


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    part = path.with_suffix(path.suffix + ".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
