"""Run the scenarios of a study: here, in processes or on a Dask cluster; resumable, and drained by Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcopt.problem.load import load
from dcopt.solve.interrupt import deferred, heard
from dcopt.study.cluster import on_dask
from dcopt.study.evaluate import content_hash, evaluate, outcome_key
from dcopt.study.lanes import Lanes, inwards
from dcopt.study.processes import in_processes
from dcopt.study.records import Outcome, Scenario, SolveChoices
from dcopt.study.store import Store, in_plan_order
from dcopt.study.task import Task


@dataclass(frozen=True)
class Study:
    """What is to be run. ``sets`` apply to every scenario; ``kind`` and ``details`` say what its report shows."""

    kind: str
    path: Path
    scenarios: tuple[Scenario, ...]
    sets: tuple[str, ...] = ()
    choices: SolveChoices = field(default_factory=SolveChoices)
    details: dict[str, Any] = field(default_factory=dict)

    def keys(self) -> tuple[str, ...]:
        """Return the key of each scenario, in order."""
        base = content_hash(load(self.path, self.sets))
        return tuple(outcome_key(base, scenario, self.choices) for scenario in self.scenarios)

    def plan(self, keys: Sequence[str]) -> dict[str, Any]:
        """Return what the study's folder keeps of it."""
        return {
            "kind": self.kind,
            "problem": str(self.path),
            "sets": list(self.sets),
            "choices": self.choices.model_dump(),
            "details": self.details,
            "scenarios": [
                {"key": key, **s.model_dump(mode="json")} for key, s in zip(keys, self.scenarios, strict=True)
            ],
        }


@dataclass(frozen=True)
class StudyProgress:
    """How far a study is; ``eta_s`` is None until a scenario has ended in this run."""

    done: int
    total: int
    failed: int
    eta_s: float | None
    best: Outcome | None
    worst: Outcome | None


@dataclass(frozen=True)
class StudyResult:
    """The outcomes in the plan's order; ``complete`` is False where Ctrl-C stopped the study."""

    outcomes: tuple[Outcome, ...]
    complete: bool


def run_study(
    study: Study,
    folder: Path | None = None,
    *,
    jobs: int = 1,
    dask: str | None = None,
    on_progress: Callable[[StudyProgress], None] = lambda progress: None,
) -> StudyResult:
    """Run what is not done yet; each outcome is in ``folder`` (if given) before the next is asked for.

    Parameters
    ----------
    jobs: processes. dask: address of a running Dask scheduler, used instead.

    Raises
    ------
    InputError: the problem itself cannot be read.
    StudyFolderError: the folder holds another study.
    """
    keys = study.keys()
    store = None if folder is None else Store(folder, study.plan(keys))
    known: dict[str, Outcome] = {} if store is None else dict(store.outcomes)
    waiting = [
        Task(study.path, study.sets, scenario, study.choices, key)
        for key, scenario in dict(zip(keys, study.scenarios, strict=True)).items()
        if not (store is not None and store.is_done(key))
    ]
    warm = study.choices.warm
    meter = _Meter(len(set(keys)), len(waiting), on_progress)
    meter.show(known)
    complete = True
    if dask:
        outcomes = on_dask(waiting, dask, apart=warm)
    elif jobs > 1:
        outcomes = in_processes(Lanes(waiting, jobs, apart=warm))
    else:
        outcomes = _here(inwards(waiting) if warm else waiting)
    with deferred():
        try:
            for outcome in outcomes:
                known[outcome.key] = outcome
                if store is not None:
                    store.add(outcome)
                meter.ended += 1
                meter.show(known)
        except KeyboardInterrupt:
            complete = False
    return StudyResult(in_plan_order(known, keys, study.scenarios), complete)


@dataclass
class _Meter:
    total: int
    waiting: int
    tell: Callable[[StudyProgress], None]
    ended: int = 0
    start: float = field(default_factory=time.monotonic)

    def show(self, known: dict[str, Outcome]) -> None:
        solved = sorted((o for o in known.values() if o.solved), key=lambda o: o.figures.get("objective_value", 0.0))
        spent = time.monotonic() - self.start
        eta = spent / self.ended * (self.waiting - self.ended) if self.ended else None
        failed = sum(o.status == "failed" for o in known.values())
        done = self.total - (self.waiting - self.ended)
        best, worst = (solved[0], solved[-1]) if solved else (None, None)
        self.tell(StudyProgress(done, self.total, failed, eta, best, worst))


def _here(tasks: Sequence[Task]) -> Iterator[Outcome]:
    """Solve in this process. Ctrl-C ends the scenario under way, which is then not done."""
    for task in tasks:
        with heard():
            pass
        yield evaluate(*task.arguments())
