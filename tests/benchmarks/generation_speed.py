"""CPU seconds of everything but HiGHS, phase by phase: ``python tests/benchmarks/generation_speed.py PROBLEM…``.

A problem is a folder, or an instance of the family such as ``m-01`` (written to a temporary folder). The smallest of
``--repeat`` runs counts, each with empty caches. With ``--limit SECONDS`` HiGHS looks for a design that long, so that
writing a run folder and verifying it are measured too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parent))

import instances

START = time.process_time()
T = TypeVar("T")


class Phases:
    """CPU seconds by phase: the least of several runs."""

    def __init__(self) -> None:
        self.least: dict[str, float] = {}

    def run(self, name: str, work: Callable[[], T]) -> T:
        """Do some work and note how long it took."""
        start = time.process_time()
        result = work()
        spent = time.process_time() - start
        self.least[name] = min(spent, self.least.get(name, spent))
        return result


def folder_of(name: str, into: Path) -> Path:
    """Return the folder of a problem, or write the instance of that name."""
    if Path(name).exists():
        return Path(name)
    size, _, seed = name.partition("-")
    return instances.write_instance(into, size.upper(), int(seed))


def forget() -> None:
    """Empty every cache of the program's functions."""
    for name, module in list(sys.modules.items()):
        if name.startswith("dcopt"):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def measure(path: Path, phases: Phases, limit_s: float) -> None:
    """Take one problem through the program once."""
    from dcopt.candidates.generate import generate
    from dcopt.formulation.build import build
    from dcopt.pipeline.precheck import precheck
    from dcopt.problem.load import load
    from dcopt.solve.matrix import compile_model

    forget()
    problem = phases.run("read", lambda: load(path))
    candidates = phases.run("candidates", lambda: generate(problem))
    phases.run("precheck", lambda: precheck(problem, candidates))
    program = phases.run("build", lambda: build(problem, candidates))
    phases.run("compile", lambda: compile_model(program.model))
    if limit_s > 0:
        _solved(path, phases, limit_s)


def _solved(path: Path, phases: Phases, limit_s: float) -> None:
    from dcopt.pipeline.run import RunOptions, design_for
    from dcopt.pipeline.run_folder import RunFolder
    from dcopt.problem.load import load
    from dcopt.verify.verify import verify_folder

    problem = load(path)
    design = design_for(problem, RunOptions(time_limit_s=limit_s, threads=1, baseline=False))
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder) / "run")
        phases.run("write", lambda: (run.write_inputs(problem, {}), run.write_results(design, problem, ())))
        phases.run("verify", lambda: verify_folder(run.path))


def main() -> None:
    """Print the phases of every problem that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problems", nargs="+")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--limit", type=float, default=0.0)
    asked = parser.parse_args()
    import dcopt.pipeline.main_job

    print(f"start-up {time.process_time() - START:6.2f} s ({dcopt.pipeline.main_job.__name__} imported)")
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.problems:
            phases = Phases()
            for _ in range(asked.repeat):
                measure(folder_of(name, Path(folder)), phases, asked.limit)
            print(name, "  ".join(f"{phase} {seconds:.2f}" for phase, seconds in phases.least.items()), flush=True)


if __name__ == "__main__":
    main()
