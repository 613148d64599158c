"""The RUN folder: the exact inputs, the design, the bill of materials, the report, and the lock that repeats it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dcopt.design.files import DESIGN_FILE, write_design
from dcopt.design.records import Design
from dcopt.design.simulation import SimulatedService, write_simulation
from dcopt.pipeline.corrections import measurement_corrections
from dcopt.problem.corrections import FILE, HEADER, correction_rows
from dcopt.problem.problem import Problem
from dcopt.problem.write import csv_text, write_tables

INPUTS = "inputs"
LOCK_FILE = "lock.json"
LOG_FILE = "solver.log"
FLUSH_S = 0.5
"""Seconds between writes to the disk: HiGHS logs some thousand lines, each of which would be one."""
LOCKED_PACKAGES = ("dcopt", "highspy", "numpy", "openpyxl", "pandas", "pydantic", "pyomo", "scipy")


class RunFolderError(Exception):
    """The folder cannot be written; the text says the cure."""


def check_target(folder: Path, *, force: bool) -> None:
    """Refuse a target that exists, unless ``force`` is given and it is a RUN folder (or empty).

    Raises
    ------
    RunFolderError: with what to do instead.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise RunFolderError(f"{folder} is a file; choose another folder with -o")
    if not any(folder.iterdir()):
        return
    is_run = (folder / DESIGN_FILE).is_file() or (folder / INPUTS / LOCK_FILE).is_file()
    if not force:
        raise RunFolderError(f"{folder} exists; choose another folder with -o, or replace it with --force")
    if not is_run:
        raise RunFolderError(f"{folder} is not a folder that dcopt wrote, so --force does not replace it")


class RunFolder:
    """A RUN folder in the making: built beside its target, and moved there whole at the end."""

    def __init__(self, target: Path) -> None:
        self.target = target
        target.parent.mkdir(parents=True, exist_ok=True)
        self.path = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        self.path.chmod(0o755)
        self._log = (self.path / LOG_FILE).open("w", encoding="utf-8")
        self._flushed = -FLUSH_S

    def log(self, text: str) -> None:
        """Append to ``solver.log``, which a reader sees within `FLUSH_S` of the next word of the solver."""
        self._log.write(text)
        now = time.monotonic()
        if now - self._flushed >= FLUSH_S:
            self._log.flush()
            self._flushed = now

    def write_inputs(self, problem: Problem, options: Mapping[str, Any]) -> Path:
        """Write the exact tables and the lock; return their folder."""
        inputs = self.path / INPUTS
        write_tables(problem, inputs)
        (inputs / FILE).write_text(_corrections(problem), encoding="utf-8")
        hashes = {
            file.relative_to(inputs).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(inputs.rglob("*"))
            if file.is_file()
        }
        lock = {
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "problem": problem.name,
            "read_from": str(problem.path),
            "python": sys.version.split()[0],
            "platform": platform.platform(),
            "versions": {name: version(name) for name in LOCKED_PACKAGES},
            "options": dict(options),
            "changes": [
                {"table": c.table, "key": c.key, "column": c.column, "old": c.old, "new": c.new}
                for c in problem.changes
            ],
            "sha256": hashes,
        }
        text = json.dumps(lock, indent=1, ensure_ascii=False, default=str)
        (inputs / LOCK_FILE).write_text(text + "\n", encoding="utf-8")
        return inputs

    def write_corrections(self, problem: Problem) -> None:
        """Write the rates that a simulation of ``problem`` corrected, and their hash into the lock."""
        if not problem.corrections:
            return
        inputs = self.path / INPUTS
        path = inputs / FILE
        path.write_text(_corrections(problem), encoding="utf-8")
        lock = json.loads((inputs / LOCK_FILE).read_text(encoding="utf-8"))
        lock["sha256"][FILE] = hashlib.sha256(path.read_bytes()).hexdigest()
        text = json.dumps(lock, indent=1, ensure_ascii=False)
        (inputs / LOCK_FILE).write_text(text + "\n", encoding="utf-8")

    def write_results(self, design: Design, problem: Problem, simulated: tuple[SimulatedService, ...] = ()) -> None:
        """Write ``design.json``, the bill of materials, the report, and what was simulated."""
        from dcopt.report.bom import write_bom_csv
        from dcopt.report.bom_workbook import write_bom_xlsx
        from dcopt.report.context import read_beside
        from dcopt.report.html import render_html

        write_design(design, self.path)
        if simulated:
            write_simulation(simulated, self.path)
        if design.cost is not None:
            write_bom_csv(design, self.path / "bom.csv")
            write_bom_xlsx(design, self.path / "bom.xlsx", problem)
        page = render_html(design, problem, simulated, read_beside(self.path))
        (self.path / "report.html").write_text(page, encoding="utf-8")

    def finish(self) -> None:
        """Move the folder to its target, in place of an old one; if that fails, the old one stays.

        Raises
        ------
        OSError: the folder cannot be moved; what was built is removed.
        """
        self._log.close()
        old = None
        try:
            if self.target.exists():
                old = Path(tempfile.mkdtemp(prefix=f".{self.target.name}-old-", dir=self.target.parent))
                os.replace(self.target, old / "run")
            os.replace(self.path, self.target)
        except OSError:
            if old is not None and (old / "run").exists():
                os.replace(old / "run", self.target)
            self.discard()
            raise
        finally:
            if old is not None:
                shutil.rmtree(old, ignore_errors=True)

    def discard(self) -> None:
        """Remove what was built."""
        self._log.close()
        shutil.rmtree(self.path, ignore_errors=True)


def _corrections(problem: Problem) -> str:
    """Return the text of ``corrections.csv``: what measurements replace, and the rates that a simulation corrected."""
    return csv_text(HEADER, [*measurement_corrections(problem), *correction_rows(problem.corrections)])
