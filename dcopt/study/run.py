"""Run the scenarios of a study: here, in processes or on a Dask cluster; resumable, and drained by Ctrl-C."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcopt.problem.load import load
from dcopt.solve.interrupt import deferred, heard
from dcopt.study.evaluate import content_hash, evaluate, outcome_key
from dcopt.study.order import spread
from dcopt.study.records import Outcome, Scenario, SolveChoices
from dcopt.study.store import Store, in_plan_order

ATTEMPTS = 3
"""How often a scenario is started whose process died under it; then it counts as failed."""
CONNECT_S = 10.0
"""How long a Dask scheduler may take to answer."""


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
        _Task(study, scenario, key)
        for key, scenario in dict(zip(keys, study.scenarios, strict=True)).items()
        if not (store is not None and store.is_done(key))
    ]
    if study.choices.warm:
        waiting = [waiting[place] for place in spread([task.scenario for task in waiting])]
    meter = _Meter(len(set(keys)), len(waiting), on_progress)
    meter.show(known)
    complete = True
    outcomes = _on_dask(waiting, dask) if dask else _in_processes(waiting, jobs) if jobs > 1 else _here(waiting)
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


@dataclass(frozen=True, eq=False)
class _Task:
    study: Study
    scenario: Scenario
    key: str

    def arguments(self) -> tuple[Path, tuple[str, ...], Scenario, SolveChoices, str]:
        return self.study.path, self.study.sets, self.scenario, self.study.choices, self.key

    def lost(self, why: str) -> Outcome:
        """Return the outcome of a scenario whose process did not live to tell."""
        scenario = self.scenario
        return Outcome(
            key=self.key,
            scenario=scenario.name,
            inputs=scenario.inputs,
            sets=scenario.sets,
            status="failed",
            reason=why,
        )


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


def _here(tasks: Sequence[_Task]) -> Iterator[Outcome]:
    """Solve in this process. Ctrl-C ends the scenario under way, which is then not done."""
    for task in tasks:
        with heard():
            pass
        yield evaluate(*task.arguments())


def _ignore_ctrl_c() -> None:
    """A worker leaves Ctrl-C to the process that hands out the work, which drains."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _in_processes(tasks: Sequence[_Task], jobs: int) -> Iterator[Outcome]:
    """Solve in processes; one that dies takes only the scenarios that it had, which are started again."""
    left = dict.fromkeys(tasks, 0)
    while left:
        context = multiprocessing.get_context("spawn")
        executor = ProcessPoolExecutor(jobs, mp_context=context, initializer=_ignore_ctrl_c)
        try:
            yield from _until_broken(executor, left, jobs)
        finally:
            executor.shutdown(wait=True, cancel_futures=True)


def _until_broken(executor: ProcessPoolExecutor, left: dict[_Task, int], jobs: int) -> Iterator[Outcome]:
    """Yield outcomes and take their tasks out of ``left``, until all are done or a process died.

    Only as many tasks as processes are handed out at once, so a death costs few of them an attempt, and Ctrl-C waits
    for few.
    """
    queue = list(left)
    running: dict[Future[Outcome], _Task] = {}
    interrupted = False
    while (queue and not interrupted) or running:
        try:
            while queue and len(running) < jobs and not interrupted:
                task = queue.pop(0)
                running[executor.submit(evaluate, *task.arguments())] = task
            with heard():
                done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                task = running[future]
                outcome = future.result()
                del running[future], left[task]
                yield outcome
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
        except BrokenProcessPool:
            for task in running.values():
                left[task] += 1
                if left[task] >= ATTEMPTS:
                    del left[task]
                    yield task.lost(f"its process died {ATTEMPTS} times")
            return
    if interrupted:
        raise KeyboardInterrupt


def _on_dask(tasks: Sequence[_Task], address: str) -> Iterator[Outcome]:
    """Solve on a Dask cluster, whose scheduler starts the scenarios of a lost worker again.

    Raises
    ------
    RuntimeError: Dask is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise RuntimeError("--dask needs the package 'distributed': pip install 'dcopt[dask]'") from None
    try:
        client = Client(address, timeout=CONNECT_S)
    except OSError as error:
        raise RuntimeError(f"no Dask scheduler answers at {address}: {error}") from None
    with client:
        yield from _by_window(client, as_completed, tasks)


def _by_window(client: Any, as_completed: Callable[..., Any], tasks: Sequence[_Task]) -> Iterator[Outcome]:
    """Hand out as many tasks as the cluster has threads, another for each that ends; Ctrl-C waits for those."""
    queue = list(tasks)
    running: dict[Any, _Task] = {}
    ended = as_completed()
    interrupted = False
    while (queue and not interrupted) or running:
        try:
            while queue and not interrupted and len(running) < max(1, sum(client.nthreads().values())):
                task = queue.pop(0)
                future = client.submit(evaluate, *task.arguments(), key=f"{task.key}-{task.scenario.name}", retries=0)
                running[future] = task
                ended.add(future)
            with heard():
                future = next(ended)
            task = running.pop(future)
            yield task.lost(f"{future.exception()}") if future.status == "error" else future.result()
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
    if interrupted:
        raise KeyboardInterrupt
