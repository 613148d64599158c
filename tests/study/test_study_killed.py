"""A study that is killed at any moment, again and again, ends with the identical table."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from small import owned_site, service

from dcopt.study.grid import grid, parse_vary
from dcopt.study.lanes import Lanes
from dcopt.study.processes import in_processes
from dcopt.study.records import SolveChoices
from dcopt.study.run import Study, StudyProgress, run_study
from dcopt.study.store import RESULTS_FILE, read_outcomes
from dcopt.study.task import Task

SCENARIOS = grid([parse_vary("nodes.*.price_usd*=0.5:2:6"), parse_vary("sites.*.electricity_usd_per_kwh=0.05,0.3")])


def study_of(path: Path) -> Study:
    return Study("grid", path, SCENARIOS, (), SolveChoices(gap=1e-9))


def start(path: Path, folder: Path, jobs: int) -> subprocess.Popen[bytes]:
    program = (
        "from pathlib import Path\n"
        "from test_study_killed import study_of\n"
        "from dcopt.study.run import run_study\n"
        "if __name__ == '__main__':\n"
        f"    run_study(study_of(Path({str(path)!r})), Path({str(folder)!r}), jobs={jobs})\n"
    )
    places = os.pathsep.join([*sys.path, str(Path(__file__).parent)])
    command = [sys.executable, "-c", program]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": places}, start_new_session=True)


def lines(folder: Path) -> int:
    results = folder / RESULTS_FILE
    return results.read_bytes().count(b"\n") if results.is_file() else 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_at_random_moments_it_ends_with_the_identical_table(tmp_path: Path, jobs: int) -> None:
    """Each run is killed with all its processes (SIGKILL) after some more scenarios and a random part of one."""
    problem = tmp_path / "small"
    problem.mkdir()
    path = owned_site(services=[service()]).write(problem)
    draw = random.Random(jobs)
    folder = tmp_path / "study"
    for _ in range(2):
        known = lines(folder)
        running = start(path, folder, jobs)
        while lines(folder) < known + 2 and running.poll() is None:
            time.sleep(0.01)
        time.sleep(draw.random() * 0.3)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        assert lines(folder) >= known + 2 or running.returncode == 0
    resumed = run_study(study_of(path), folder)
    whole = run_study(study_of(path))
    told = [[o.model_dump(exclude={"solve_seconds"}) for o in result.outcomes] for result in (resumed, whole)]
    assert told[0] == told[1]
    assert len(told[0]) == len(SCENARIOS) == 12
    assert len(read_outcomes(folder)) == len(SCENARIOS)
    for line in (folder / RESULTS_FILE).read_text(encoding="utf-8").splitlines():
        json.loads(line)


def test_a_process_that_dies_costs_only_the_scenario_that_it_had(tmp_path: Path) -> None:
    path = owned_site(services=[service()]).write(tmp_path)
    study = study_of(path)
    killed: list[int] = []

    def kill_one(progress: StudyProgress) -> None:
        children = multiprocessing.active_children()
        if progress.done == 3 and not killed and children:
            killed.append(children[0].pid or 0)
            os.kill(killed[0], signal.SIGKILL)

    result = run_study(study, jobs=2, on_progress=kill_one)
    assert killed
    assert result.complete
    whole = run_study(study)
    told = [[o.model_dump(exclude={"solve_seconds"}) for o in one.outcomes] for one in (result, whole)]
    assert told[0] == told[1]


def test_a_scenario_that_kills_its_process_again_and_again_counts_as_failed(tmp_path: Path) -> None:
    """The others are answered all the same."""
    path = owned_site(services=[service()]).write(tmp_path)
    study = Study("grid", path, SCENARIOS[:3], (), SolveChoices(gap=1e-9))
    tasks = [Task(path, (), one, study.choices, key) for one, key in zip(study.scenarios, study.keys(), strict=True)]
    tasks[1] = Deadly(path, (), tasks[1].scenario, study.choices, tasks[1].key)
    found = {outcome.key: outcome for outcome in in_processes(Lanes(tasks, 2, apart=False))}
    assert [found[task.key].status for task in tasks] == ["optimal", "failed", "optimal"]
    assert "died" in found[tasks[1].key].reason


class Deadly(Task):
    """Its arguments cannot be read without ending the process that reads them."""

    def arguments(self) -> Any:
        return (End(), *super().arguments()[1:])


class End:
    def __reduce__(self) -> Any:
        return os._exit, (9,)
