"""Scenarios a minute of a price sweep: nothing kept, predictions kept, warm, two processes, Dask with two workers.

    python tests/benchmarks/study_speed.py [POINTS] [PROBLEM]

POINTS is 20 by default, PROBLEM customer-service-chat. Says also whether the answers are identical; CPU seconds are of
this process alone, and wall times mean something only on a machine that does nothing else.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from dcopt.problem.locate import examples_dir
from dcopt.study import evaluate
from dcopt.study.grid import grid, parse_vary
from dcopt.study.records import Outcome, Scenario, SolveChoices
from dcopt.study.run import Study, run_study


def main() -> None:
    """Run the sweep in every way and print a line for each."""
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    path = examples_dir() / (sys.argv[2] if len(sys.argv) > 2 else "customer-service-chat")
    scenarios = grid([parse_vary(f"nodes.*.price_usd*=0.7:1.4:{points}")])

    def study(some: tuple[Scenario, ...], *, warm: bool = False) -> Study:
        return Study("grid", path, some, (), SolveChoices(warm=warm))

    def one_by_one() -> tuple[Outcome, ...]:
        found: list[Outcome] = []
        for scenario in scenarios:
            forget()
            found += run_study(study((scenario,))).outcomes
        return tuple(found)

    plain = timed("nothing kept", points, one_by_one)
    kept = timed("predictions kept", points, lambda: run_study(study(scenarios)).outcomes)
    print(f"  identical: {kept == plain}")
    timed("warm", points, lambda: run_study(study(scenarios, warm=True)).outcomes)
    two = timed("two processes", points, lambda: run_study(study(scenarios), jobs=2).outcomes)
    print(f"  identical: {two == plain}")
    try:
        import distributed
    except ImportError:
        print("Dask is not installed: pip install 'dcopt[dask]'")
        return
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        dask = timed("Dask, two workers", points, lambda: run_study(study(scenarios), dask=address).outcomes)
        print(f"  identical: {dask == plain}")


def forget() -> None:
    """Drop what this process keeps from scenario to scenario."""
    evaluate._KEPT.__dict__.clear()


def timed(name: str, points: int, run: Callable[[], tuple[Outcome, ...]]) -> list[dict[str, object]]:
    """Run, print how long it took, and return the outcomes without their times."""
    forget()
    wall, cpu = time.perf_counter(), time.process_time()
    outcomes = run()
    seconds, used = time.perf_counter() - wall, time.process_time() - cpu
    solver = sum(outcome.solve_seconds for outcome in outcomes)
    rate = 60 * points / seconds
    print(
        f"{name:20} {seconds:7.1f} s  {rate:6.1f} scenarios/min  CPU {used:6.1f} s  HiGHS {solver:6.1f} s", flush=True
    )
    return [outcome.model_dump(exclude={"solve_seconds"}) for outcome in outcomes]


if __name__ == "__main__":
    main()
