"""Kill a study with SIGKILL at random moments and resume it, again and again, to the identical table.

    python tests/benchmarks/killed_studies.py [KILLS] [POINTS] [PROBLEM_FOLDER]

20 kills of a study of 60 points by default, in two processes; the problem is the example bert-question-answering.
On 2026-11-22 all 20 kills of the defaults (after 2 to 54 of the 60 outcomes) were resumed to the identical table, with
60 outcomes on disk; 229 s of CPU.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dcopt.problem.locate import examples_dir
from dcopt.study.grid import grid, parse_vary
from dcopt.study.records import SolveChoices
from dcopt.study.run import Study, run_study
from dcopt.study.store import RESULTS_FILE, read_outcomes


def study_of(path: Path, points: int) -> Study:
    """Return a sweep of node prices."""
    return Study("grid", path, grid([parse_vary(f"nodes.*.price_usd*=0.5:2:{points}")]), (), SolveChoices())


def lines(folder: Path) -> int:
    """Return how many outcomes are on disk."""
    results = folder / RESULTS_FILE
    return results.read_bytes().count(b"\n") if results.is_file() else 0


def main() -> None:
    """Kill and resume; exit with code 1 where the tables differ."""
    if sys.argv[1:2] == ["--run"]:
        path, folder, points = Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
        run_study(study_of(path, points), folder, jobs=2)
        return
    kills, points = (int(sys.argv[i]) if len(sys.argv) > i else default for i, default in ((1, 20), (2, 60)))
    path = Path(sys.argv[3]) if len(sys.argv) > 3 else examples_dir() / "bert-question-answering"
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "study"
        for number in range(kills):
            known, wanted = lines(folder), 1 + draw.randrange(max(1, points // kills))
            command = [sys.executable, __file__, "--run", str(path), str(folder), str(points)]
            running = subprocess.Popen(command, start_new_session=True)
            while lines(folder) < known + wanted and running.poll() is None:
                time.sleep(0.01)
            time.sleep(draw.random())
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            print(f"kill {number + 1}: {lines(folder)} of {points} on disk", flush=True)
        resumed = run_study(study_of(path, points), folder, jobs=2)
        whole = run_study(study_of(path, points), jobs=2)
        tables = [[o.model_dump(exclude={"solve_seconds"}) for o in one.outcomes] for one in (resumed, whole)]
        print(f"identical: {tables[0] == tables[1]}; {len(read_outcomes(folder))} outcomes on disk")
        sys.exit(0 if tables[0] == tables[1] else 1)


if __name__ == "__main__":
    main()
