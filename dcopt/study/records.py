"""A scenario and its outcome: plain records that travel between processes and into a study's files."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

NOTHING_UNCERTAIN = (
    "nothing is uncertain: write uncertainty.csv into the problem, such as the two lines 'table,name,column,low,high' "
    "and 'nodes,*,price_usd,0.8,1.2' (all its columns: data/README.md)"
)
OutcomeStatus = Literal["optimal", "feasible", "infeasible", "no_solution", "failed"]


class StudyRecord(BaseModel):
    """A frozen record without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Scenario(StudyRecord):
    """A named set of changes. ``sets`` are applied after the study's own, left to right, as ``--set`` writes them.

    ``limits`` bound what a design may cost in an objective that is not minimized (tco, capex: USD, carbon: t, energy:
    kWh, all over the horizon). ``without`` forbids parts, as ``node:NAME``, ``fabric:NAME``, ``cooling:NAME`` or
    ``site:NAME``; a design must do without at least one part of each set of ``unlike``. ``bought`` are the units of
    everything that is bought (at several dates: at the first), by ``site/table/row``, where that is given: then nothing
    else may be needed, and all of it is paid; None where it is not. ``inputs`` are the columns that describe the
    scenario in the study's table: what was varied, and to which value.
    """

    name: str
    sets: tuple[str, ...] = ()
    limits: dict[str, float] = {}
    without: tuple[str, ...] = ()
    unlike: tuple[tuple[str, ...], ...] = ()
    bought: dict[str, float] | None = None
    inputs: dict[str, float | str] = {}


class SolveChoices(StudyRecord):
    """How each scenario is solved; None takes the problem's own setting. One thread repeats bit for bit.

    ``warm`` uses the solves before, as bounds and as starts: the same to the gap, but not bit for bit.
    """

    time_limit_s: float | None = None
    gap: float | None = None
    threads: int = 1
    seed: int = 0
    warm: bool = False


class AppliedChange(StudyRecord):
    """A cell that a scenario changed, with its text before and after."""

    table: str
    key: str
    column: str
    old: str
    new: str


class Outcome(StudyRecord):
    """What became of a scenario. ``failed`` says why in ``reason`` and is never counted as solved.

    Attributes
    ----------
    key: hash of all that the outcome follows from (problem, changes, solver choices, version).
    design: hash of everything the design decides; equal for designs that buy and run the same.
    choices: by aspect (node, fabric, site, compression, software) what each workload uses, in words, without counts.
    used: by the same aspects, what the design uses.
    kinds: nodes, fabrics, cooling units and sites that it uses, as ``aspect:name``.
    figures: results by name with their unit in it (tco_usd, capital_usd, it_kw, ...).
    achieved: by the cell of a promise (``TABLE.NAME.COLUMN``), the largest value that the design reaches in any year.
    slack: by promise or limit, percent of it that is left.
    parts: units of everything that is bought at first, by ``site/table/row``.
    """

    key: str
    scenario: str
    inputs: dict[str, float | str] = {}
    sets: tuple[str, ...] = ()
    changes: tuple[AppliedChange, ...] = ()
    status: OutcomeStatus
    reason: str = ""
    design: str = ""
    choices: dict[str, str] = {}
    used: dict[str, tuple[str, ...]] = {}
    kinds: tuple[str, ...] = ()
    figures: dict[str, float] = {}
    achieved: dict[str, float] = {}
    slack: dict[str, float] = {}
    parts: dict[str, float] = {}
    solve_seconds: float = 0.0

    @property
    def solved(self) -> bool:
        """Whether there is a design."""
        return self.status in ("optimal", "feasible")

    @property
    def choice(self) -> str:
        """What runs on which node, fabric and site: the unit of a switching map."""
        return "; ".join(self.choices[aspect] for aspect in ("node", "fabric", "site") if aspect in self.choices)

    def row(self) -> dict[str, Any]:
        """Return the outcome as one row of the study's tidy table."""
        return {
            "scenario": self.scenario,
            **self.inputs,
            "status": self.status,
            **self.figures,
            **{f"choice.{aspect}": words for aspect, words in self.choices.items()},
            "design": self.design,
            **{f"achieved.{cell}": value for cell, value in self.achieved.items()},
            **{f"slack_pct.{name}": value for name, value in self.slack.items()},
            "solve_seconds": self.solve_seconds,
            "reason": self.reason,
            "changes": "; ".join(f"{c.table}.{c.key}.{c.column}: {c.old} -> {c.new}" for c in self.changes),
            "key": self.key,
        }
