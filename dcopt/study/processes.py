"""Scenarios in processes of this machine; one that dies takes only the scenario that it had, which is started again."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from dcopt.solve.interrupt import heard
from dcopt.study.evaluate import evaluate
from dcopt.study.lanes import Lanes
from dcopt.study.records import Outcome
from dcopt.study.task import Task

ATTEMPTS = 3
"""How often a scenario is started whose process died under it; then it counts as failed."""


def ignore_ctrl_c() -> None:
    """A worker leaves Ctrl-C to the process that hands out the work, which drains."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def in_processes(lanes: Lanes[Task]) -> Iterator[Outcome]:
    """Solve what waits in ``lanes``, each in a process of its own; Ctrl-C waits for what runs, and is raised then.

    A process gets its next scenario when it has ended the one before, so Ctrl-C waits for few.
    """
    workers = [_Worker() for _ in range(lanes.count)]
    running: dict[Future[Outcome], tuple[int, Task]] = {}
    lost: dict[str, int] = {}
    interrupted = False
    try:
        while True:
            try:
                for lane in set(range(lanes.count)) - {lane for lane, _ in running.values()}:
                    task = lanes.take(lane)
                    if task is not None:
                        running[workers[lane].start(task)] = (lane, task)
                if not running:
                    break
                with heard():
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    lane, task = running.pop(future)
                    try:
                        outcome = future.result()
                    except BrokenProcessPool:
                        workers[lane].renew()
                        lost[task.key] = lost.get(task.key, 0) + 1
                        if lost[task.key] < ATTEMPTS and not interrupted:
                            lanes.put_back(lane, task)
                            continue
                        if lost[task.key] < ATTEMPTS:
                            continue
                        outcome = task.lost(f"its process died {ATTEMPTS} times")
                    yield outcome
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True
                lanes.clear()
    finally:
        for worker in workers:
            worker.end()
    if interrupted:
        raise KeyboardInterrupt


class _Worker:
    """One process, started again where it died."""

    def __init__(self) -> None:
        self.executor = self._new()

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=ignore_ctrl_c)

    def start(self, task: Task) -> Future[Outcome]:
        try:
            return self.executor.submit(evaluate, *task.arguments())
        except BrokenProcessPool:  # it died between two scenarios
            self.renew()
            return self.executor.submit(evaluate, *task.arguments())

    def renew(self) -> None:
        self.end()
        self.executor = self._new()

    def end(self) -> None:
        self.executor.shutdown(wait=True, cancel_futures=True)
