"""One scenario of a study that is to be solved, by whoever it is handed to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dcopt.study.records import Outcome, Scenario, SolveChoices


@dataclass(frozen=True, eq=False)
class Task:
    """A scenario of the problem at ``path`` with the study's own changes ``sets``; ``key`` is its outcome's."""

    path: Path
    sets: tuple[str, ...]
    scenario: Scenario
    choices: SolveChoices
    key: str

    def arguments(self) -> tuple[Path, tuple[str, ...], Scenario, SolveChoices, str]:
        """Return what `dcopt.study.evaluate.evaluate` takes."""
        return self.path, self.sets, self.scenario, self.choices, self.key

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
