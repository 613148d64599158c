"""Scenarios on a Dask cluster that is running."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from dcopt.solve.interrupt import heard
from dcopt.study.evaluate import evaluate
from dcopt.study.lanes import Lanes
from dcopt.study.records import Outcome
from dcopt.study.task import Task

CONNECT_S = 10.0
"""How long a Dask scheduler may take to answer."""


def on_dask(tasks: Sequence[Task], address: str, *, apart: bool) -> Iterator[Outcome]:
    """Solve on a Dask cluster, whose scheduler starts the scenarios of a lost worker again.

    ``apart`` gives each worker a block of scenarios that lie together; another may take one over where it is lost.

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
        yield from _by_window(client, as_completed, tasks, apart)


def _by_window(client: Any, as_completed: Callable[..., Any], tasks: Sequence[Task], apart: bool) -> Iterator[Outcome]:
    """Hand out as many tasks as the cluster has threads, another for each that ends; Ctrl-C waits for those."""
    workers = sorted(client.nthreads())
    lanes = Lanes(tasks, len(workers), apart=apart)
    running: dict[Any, tuple[int, Task]] = {}
    ended = as_completed()
    interrupted = False
    while (lanes and not interrupted) or running:
        try:
            threads = client.nthreads()
            while lanes and not interrupted and len(running) < max(1, sum(threads.values())):
                busy = [lane for lane, _ in running.values()]
                lane = min(range(lanes.count), key=busy.count)
                task = lanes.take(lane)
                assert task is not None
                pinned = {"workers": [workers[lane]], "allow_other_workers": True} if apart and workers else {}
                key = f"{task.key}-{task.scenario.name}"
                future = client.submit(evaluate, *task.arguments(), key=key, retries=0, **pinned)
                running[future] = lane, task
                ended.add(future)
            with heard():
                future = next(ended)
            _, task = running.pop(future)
            yield task.lost(f"{future.exception()}") if future.status == "error" else future.result()
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
    if interrupted:
        raise KeyboardInterrupt
