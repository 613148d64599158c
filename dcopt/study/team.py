"""The scenarios of a decomposition, each in the process that keeps its compiled program.

With one job they are here; with several each process has a block of them for as long as the decomposition lasts, since
what makes a scenario quick to solve again is what its process remembers of it.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from dcopt.candidates.records import Candidates
from dcopt.economics.prices import Part
from dcopt.pipeline.shared_purchase import Case
from dcopt.study.processes import ignore_ctrl_c
from dcopt.study.records import Scenario, SolveChoices

_CASES: dict[int, tuple[Case, Candidates]] = {}
_RECOURSES: dict[int, Any] = {}
"""Of this process, by the place of the scenario."""


class Team:
    """Who solves the scenarios. To be closed, by ``with``."""

    def __init__(
        self, path: Path, sets: Sequence[str], scenarios: Sequence[Scenario], choices: SolveChoices, jobs: int
    ) -> None:
        self.path, self.sets, self.scenarios, self.choices = path, tuple(sets), tuple(scenarios), choices
        self.jobs = max(1, min(jobs, len(self.scenarios)))
        self.executors: list[ProcessPoolExecutor] = []
        self._open = ExitStack()

    def __enter__(self) -> Team:
        forget()
        if self.jobs > 1:
            context = multiprocessing.get_context("spawn")
            self.executors = [
                self._open.enter_context(ProcessPoolExecutor(1, mp_context=context, initializer=ignore_ctrl_c))
                for _ in range(self.jobs)
            ]
        return self

    def __exit__(self, *error: object) -> None:
        for executor in self.executors:
            executor.shutdown(wait=True, cancel_futures=True)
        self._open.close()
        forget()

    def needs(self) -> list[tuple[dict[Part, float], str]]:
        """Return of each scenario the units of every row that it could need, and why it cannot be served at all."""
        weight = 1.0 / len(self.scenarios)
        return self.each(
            [
                partial(_needs, index, self.path, self.sets, scenario, self.choices, weight)
                for index, scenario in enumerate(self.scenarios)
            ]
        )

    def compile(self, most: Mapping[Part, float]) -> list[Any]:
        """Compile every scenario with up to ``most`` units of each row; return their `Recourse.prepared`."""
        return self.each([partial(_compile, index, dict(most)) for index in range(len(self.scenarios))])

    def ask(self, places: Sequence[int], method: str, *arguments: Any, **options: Any) -> dict[int, Any]:
        """Return what a method of `Recourse` returns for some of the scenarios."""
        asked: list[Callable[[], Any] | None] = [None] * len(self.scenarios)
        for index in places:
            asked[index] = partial(_ask, index, method, arguments, options)
        found = self.each(asked)
        return {index: found[index] for index in places}

    def each(self, asked: Sequence[Callable[[], Any] | None]) -> list[Any]:
        """Return what each call returns, in the process of its scenario; None for a scenario without a call."""
        if not self.executors:
            return [None if call is None else call() for call in asked]
        futures: list[Future[Any] | None] = [
            None if call is None else self.executors[index * self.jobs // len(asked)].submit(call)
            for index, call in enumerate(asked)
        ]
        return [None if future is None else future.result() for future in futures]


def case_of(
    path: Path, sets: Sequence[str], scenario: Scenario, choices: SolveChoices, weight: float
) -> tuple[Case, Candidates]:
    """Return a scenario that minimizes the TCO, and its candidates.

    Raises
    ------
    InputError: its changes cannot be applied.
    """
    from dcopt.candidates.generate import generate
    from dcopt.problem.load import load
    from dcopt.study.evaluate import warmth_of
    from dcopt.study.robust import for_tco

    problem = for_tco(load(path, (*sets, *scenario.sets)))
    candidates = generate(problem, any_price=True, memory=warmth_of(choices).memory)
    return Case(scenario.name, problem, weight), candidates


def forget() -> None:
    """Drop the scenarios that this process keeps."""
    _CASES.clear()
    _RECOURSES.clear()


def _needs(
    index: int, path: Path, sets: Sequence[str], scenario: Scenario, choices: SolveChoices, weight: float
) -> tuple[dict[Part, float], str]:
    from dcopt.pipeline.precheck import precheck
    from dcopt.pipeline.shared_purchase import most_needed

    case, candidates = _CASES[index] = case_of(path, sets, scenario, choices, weight)
    for obstacle in precheck(case.problem, candidates):
        return {}, str(obstacle)
    return most_needed([(case, candidates)]), ""


def _compile(index: int, most: Mapping[Part, float]) -> Any:
    from dcopt.pipeline.recourse import Recourse

    recourse = _RECOURSES[index] = Recourse(*_CASES.pop(index), most)
    return recourse.prepared()


def _ask(index: int, method: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    return getattr(_RECOURSES[index], method)(*arguments, **options)
