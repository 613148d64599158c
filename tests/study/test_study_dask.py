"""A study on a real Dask cluster of two workers, one of which is killed in the middle."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small import owned_site, service

from dcopt.study.records import Outcome, Scenario, SolveChoices
from dcopt.study.run import Study, StudyProgress, run_study
from dcopt.study.store import read_outcomes

distributed = pytest.importorskip("distributed", reason="the extra 'dask' is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")

SCENARIOS = tuple(
    Scenario(name=f"x{factor}", sets=(f"nodes.*.price_usd*={factor}",), inputs={"factor": factor})
    for factor in (0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8)
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    ) as running:
        yield running


@pytest.fixture
def study(tmp_path: Path) -> Study:
    folder = tmp_path / "small"
    folder.mkdir()
    path = owned_site(services=[service()]).write(folder)
    return Study("grid", path, SCENARIOS, (), SolveChoices(gap=1e-9))


def comparable(outcome: Outcome) -> dict[str, object]:
    return outcome.model_dump(exclude={"solve_seconds"})


def test_a_killed_worker_loses_nothing_and_the_answers_are_those_of_one_process(
    study: Study, cluster: Any, tmp_path: Path
) -> None:
    alone = run_study(study)
    killed: list[int] = []

    def kill_one(progress: StudyProgress) -> None:
        if progress.done == 3 and not killed:
            with distributed.Client(cluster.scheduler_address) as client:
                pid = next(iter(client.run(os.getpid).values()))
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)

    folder = tmp_path / "study"
    together = run_study(study, folder, dask=cluster.scheduler_address, on_progress=kill_one)
    assert killed
    assert together.complete
    assert [comparable(o) for o in together.outcomes] == [comparable(o) for o in alone.outcomes]
    assert all(outcome.status == "optimal" for outcome in together.outcomes)
    assert len(read_outcomes(folder)) == len(SCENARIOS)


def test_ctrl_c_waits_for_what_runs_and_keeps_it(study: Study, cluster: Any, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def press(progress: StudyProgress) -> None:
        if progress.done == 2:
            signal.raise_signal(signal.SIGINT)

    try:
        result = run_study(study, tmp_path / "study", dask=cluster.scheduler_address, on_progress=press)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not result.complete
    assert 2 <= len(result.outcomes) < len(SCENARIOS)
    assert len(read_outcomes(tmp_path / "study")) == len(result.outcomes)


def test_no_scheduler_is_an_error_that_says_so(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcopt.study.cluster.CONNECT_S", 1.0)
    with pytest.raises(RuntimeError, match="no Dask scheduler answers"):
        run_study(study, dask="tcp://127.0.0.1:1")
