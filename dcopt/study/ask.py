"""Studies whose next scenario depends on the last: every answer is kept, and asked for only once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dcopt.problem.load import load
from dcopt.study.evaluate import content_hash, evaluate, outcome_key
from dcopt.study.records import Outcome, Scenario, SolveChoices
from dcopt.study.store import Store


class Asker:
    """Answers scenarios one by one from its store, or by solving them."""

    def __init__(
        self,
        path: Path,
        sets: Sequence[str],
        choices: SolveChoices,
        folder: Path | None = None,
        plan: dict[str, Any] | None = None,
        on_outcome: Callable[[Outcome], None] = lambda outcome: None,
    ) -> None:
        """Read the problem once, for the keys of its answers.

        Raises
        ------
        InputError: the problem cannot be read.
        StudyFolderError: the folder holds another study.
        """
        self.path, self.sets, self.choices, self.on_outcome = path, tuple(sets), choices, on_outcome
        self.base = content_hash(load(path, sets))
        head = {"problem": str(path), "sets": list(sets), "choices": choices.model_dump(), "base": self.base}
        self.store = None if folder is None else Store(folder, {**head, **(plan or {})})
        self.known: dict[str, Outcome] = {} if self.store is None else dict(self.store.outcomes)

    def __call__(self, scenario: Scenario) -> Outcome:
        """Return the outcome of ``scenario``; failed ones are tried again."""
        key = outcome_key(self.base, scenario, self.choices)
        if key not in self.known or self.known[key].status == "failed":
            outcome = evaluate(self.path, self.sets, scenario, self.choices, key)
            self.known[key] = outcome
            if self.store is not None:
                self.store.add(outcome)
        named = {"scenario": scenario.name, "inputs": scenario.inputs}
        self.on_outcome(self.known[key].model_copy(update=named))
        return self.known[key].model_copy(update=named)
