"""Scenarios a minute of a sweep: nothing kept, predictions kept, warm, two processes, Dask with two workers.

    python tests/benchmarks/study_speed.py [--points 40] [--warm-points 200] [--vary CELL=LOW:HIGH] [--ways fresh,warm]
                                           [--time-limit S] [PROBLEM | SIZE-SEED]

A 12-point sweep of an M instance: --points 12 --warm-points 12 --ways fresh,warm --time-limit 60 M-1; of one that is
cut down to its first 2 jobs and 2 services, whose proofs end in seconds: --workloads 2 --gap 0.02 besides

PROBLEM is a folder or the name of an example (customer-service-chat by default); M-1 is the instance of that size and
seed that `instances.py` writes. --vary is a range without its count (node prices × 0.7 to 1.4 by default). Says whether
the answers are identical, or by how much the costs of warm solves differ. CPU seconds include those of the processes;
scenarios a minute mean something only on a machine that does nothing else.

What was measured is in README.md beside this file.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from instances import write_instance

from dcopt.problem.locate import examples_dir
from dcopt.study import evaluate
from dcopt.study.grid import grid, parse_vary
from dcopt.study.records import Outcome, SolveChoices
from dcopt.study.run import Study, run_study

WAYS = ("nothing", "fresh", "warm", "fresh-2", "warm-2", "fresh-dask", "warm-dask")
"""Nothing kept; predictions kept; started from neighbours; the same in two processes; on Dask with two workers."""


def main() -> None:
    """Run the sweep in every way and print a line for each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("problem", nargs="?", default="customer-service-chat")
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--warm-points", type=int, default=200)
    parser.add_argument("--vary", default="nodes.*.price_usd*=0.7:1.4")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--time-limit", type=float, default=None)
    parser.add_argument("--gap", type=float, default=None)
    parser.add_argument("--workloads", type=int, help="keep so many jobs and services of the instance")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        path = folder_of(asked.problem, Path(place))
        if asked.workloads is not None:
            cut(path, asked.workloads)
        found: dict[str, tuple[Outcome, ...]] = {}
        for way in asked.ways.split(","):
            warm = way.startswith("warm")
            scenarios = grid([parse_vary(f"{asked.vary}:{asked.warm_points if warm else asked.points}")])
            choices = SolveChoices(warm=warm, gap=asked.gap, time_limit_s=asked.time_limit)
            found[way] = timed(way, Study("grid", path, scenarios, (), choices), runner(way))
        compare(found)


def folder_of(problem: str, place: Path) -> Path:
    """Return the folder of a problem, writing an instance of the benchmark where one is named."""
    size, _, seed = problem.partition("-")
    if seed.isdigit() and size in ("S", "M", "L", "XL"):
        return write_instance(place / problem, size, int(seed))
    return Path(problem) if Path(problem).is_dir() else examples_dir() / problem


def cut(path: Path, workloads: int) -> None:
    """Leave the first so many jobs and services of an instance."""
    for table in ("training.csv", "inference.csv"):
        lines = (path / table).read_text(encoding="utf-8").splitlines(keepends=True)
        (path / table).write_text("".join(lines[: 1 + workloads]), encoding="utf-8")


def runner(way: str) -> Callable[[Study], tuple[Outcome, ...]]:
    """Return what runs a study in that way."""
    if way == "nothing":
        return one_by_one
    if way.endswith("-2"):
        return lambda study: run_study(study, jobs=2).outcomes
    if way.endswith("-dask"):
        return on_dask
    return lambda study: run_study(study).outcomes


def one_by_one(study: Study) -> tuple[Outcome, ...]:
    """Solve each scenario as if it were the first."""
    found: list[Outcome] = []
    for scenario in study.scenarios:
        forget()
        found += run_study(Study(study.kind, study.path, (scenario,), study.sets, study.choices)).outcomes
    return tuple(found)


def on_dask(study: Study) -> tuple[Outcome, ...]:
    """Solve on a local cluster of two workers with a thread each, started and stopped for it."""
    import distributed

    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        return run_study(study, dask=cluster.scheduler_address).outcomes


def forget() -> None:
    """Drop what this process keeps from scenario to scenario."""
    evaluate._KEPT.__dict__.clear()


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of those that it has ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def timed(way: str, study: Study, run: Callable[[Study], tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
    """Run, print how long it took, and return the outcomes."""
    forget()
    wall, cpu = time.perf_counter(), cpu_seconds()
    outcomes = run(study)
    seconds, used = time.perf_counter() - wall, cpu_seconds() - cpu
    points = len(outcomes)
    searched = sum(outcome.solve_seconds > 0.2 for outcome in outcomes)
    print(
        f"{way:11} {points:4} scenarios {seconds:7.1f} s {60 * points / seconds:6.1f} a minute  "
        f"CPU {used / points:5.2f} s each, {60 * points / used:6.1f} a CPU minute  "
        f"HiGHS over 0.2 s in {searched}",
        flush=True,
    )
    return outcomes


def compare(found: dict[str, tuple[Outcome, ...]]) -> None:
    """Say whether fresh answers are identical, and how far apart the costs of warm ones are."""
    fresh = {way: outcomes for way, outcomes in found.items() if not way.startswith("warm")}
    bare = {way: [o.model_dump(exclude={"solve_seconds"}) for o in outcomes] for way, outcomes in fresh.items()}
    if len(bare) > 1:
        print(f"fresh answers identical: {all(one == next(iter(bare.values())) for one in bare.values())}")
    known: dict[str, float] = {}
    apart = 0.0
    for outcomes in found.values():
        for outcome in outcomes:
            if outcome.solved:
                cost = outcome.figures["tco_usd"]
                apart = max(apart, abs(cost / known.setdefault(outcome.scenario, cost) - 1))
    print(f"largest relative difference of TCO between ways: {apart:.1e}")
    print(f"scenarios whose bound in one way passes the cost in another: {crossed(found)}")
    statuses = sorted({outcome.status for outcomes in found.values() for outcome in outcomes})
    print(f"statuses: {', '.join(statuses)}")


def crossed(found: dict[str, tuple[Outcome, ...]]) -> int:
    """Return in how many scenarios the intervals from bound to cost of the ways do not overlap."""
    bounds: dict[str, float] = {}
    costs: dict[str, float] = {}
    for outcome in [outcome for outcomes in found.values() for outcome in outcomes if outcome.solved]:
        name, cost = outcome.scenario, outcome.figures["tco_usd"]
        costs[name] = min(cost, costs.get(name, cost))
        bound = outcome.figures.get("objective_bound", cost)
        bounds[name] = max(bound, bounds.get(name, bound))
    return sum(bounds[name] > cost + 1e-9 * abs(cost) for name, cost in costs.items())


if __name__ == "__main__":
    sys.exit(main())
