"""What each promise costs: the best design with the promise a step tighter, a step looser, and without it.

A tighter promise that the design keeps anyway costs nothing, and one without which nothing is saved is worth nothing
at any looser value: neither needs a solve. Offers, sites, data and jobs are lifted together first, table by table, as
most of their promises are of no effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyomo.environ as pyo

from dcopt.design.explanation import Change, Extra, PromisePrice
from dcopt.design.records import Design
from dcopt.formulation.program import Program
from dcopt.pipeline.findings import limits_of
from dcopt.pipeline.promises import Promise, changed, promises_of
from dcopt.pipeline.questions import Direction, NoTimeError, Questions
from dcopt.pipeline.steps import steps_of

TOGETHER = ("offers", "sites", "datasets", "training")
"""Tables whose promises are lifted all at once before each is."""
PRICED_FIRST = ("training", "inference", "sites", "limits", "settings", "demand", "datasets", "offers")
LOAD = "peak_requests_per_s"
DOUBLED = 2.0
"""A site's power is never lifted: twice as much stands for it."""
WORTHLESS = 1e-6
"""Share of the objective below which a promise without which so little is saved has no price."""
TIMES = ("ttft_ms", "tpot_ms", "latency_ms")


def used_of(design: Design, program: Program | None) -> dict[str, float]:
    """Return how much of each promise a design takes, by row: of limits as the solved ``program`` has them."""
    used: dict[str, float] = {}

    def note(row: str, value: float) -> None:
        used[row] = max(used.get(row, value), value)

    for job in design.training:
        note(f"training.csv: {job.job} deadline_days", job.days)
    for entry in design.calendar:
        note(f"training.csv: {entry.job} due_day", entry.end_day)
    for service in design.inference:
        for column in (*TIMES, "quality_loss_pct"):
            value = getattr(service, column)
            row = "max_quality_loss_pct" if column == "quality_loss_pct" else column
            if value is not None:
                note(f"inference.csv: {service.service} {row}", value)
    for row, value in _of_limits(program) if program is not None else ():
        note(row, value)
    return used


def _of_limits(program: Program) -> Iterator[tuple[str, float]]:
    """Yield (row, what is used) of limits that are stated as they are written: body ≤ the cell's number."""
    stated = {promise.row: promise.value for promise in promises_of(program.problem)}
    for _, constraint in limits_of(program):
        group = program.groups.get(constraint.name)
        if group is None or not constraint.has_ub() or constraint.has_lb():
            continue
        limit = stated.get(group.row)
        if isinstance(limit, int | float) and abs(pyo.value(constraint.upper) - limit) <= 1e-9 * max(1.0, limit):
            yield group.row, pyo.value(constraint.body)


class Pricing:
    """Prices the promises of a problem one by one; ``found`` grows, so that what is done is not lost."""

    def __init__(self, questions: Questions, design: Design, program: Program | None) -> None:
        self.questions = questions
        self.problem = questions.problem
        self.used = used_of(design, program)
        self.binding = {binding.row for binding in design.binding}
        self.promises = sorted(
            promises_of(self.problem), key=lambda p: (p.row not in self.binding, PRICED_FIRST.index(p.table))
        )
        self.found: dict[str, PromisePrice] = {}
        self.together: dict[str, Extra | None] = {}
        """By table: what lifting all of its promises adds, where that is next to nothing."""
        self.open: list[str] = []

    def run(self, known: Mapping[str, PromisePrice]) -> tuple[PromisePrice, ...]:
        """Return the price of every promise; ``known`` are answers of an earlier explanation of the same design."""
        for promise in self.promises:
            self.found[promise.row] = known.get(promise.row) or self._unpriced(promise)
        for step in (self._tighten, self._lift, self._loosen):
            for promise in self.promises:
                try:
                    step(promise)
                except NoTimeError:
                    self.open.append(promise.row)
        return tuple(self.found.values())

    def _unpriced(self, promise: Promise) -> PromisePrice:
        used = self.used.get(promise.row)
        return PromisePrice(row=promise.row, value=shown(promise.value), used="" if used is None else f"{used:,.4g}")

    def _keep(self, promise: Promise, word: str, value: Any, extra: Extra) -> None:
        change = Change(to="without it" if value == promise.lifted and word == "lifted" else shown(value), extra=extra)
        self.found[promise.row] = self.found[promise.row].model_copy(update={word: change})

    def _price(self, values: Mapping[Promise, Any], direction: Direction, why: str) -> Extra:
        return self.questions.extra(self.questions.ask(why, changed(self.problem, values)), direction)

    def _tighten(self, promise: Promise) -> None:
        used = self.used.get(promise.row)
        value, _ = steps_of(self.problem, promise, used)
        if value is None or _decided(self.found[promise.row].tighter):
            return
        if used is not None and promise.rises and used <= value and not self.problem.corrections:
            extra = self.questions.kept()
        else:
            extra = self._price({promise: value}, "tighter", f"{promise.row} {shown(value)}?")
        self._keep(promise, "tighter", value, extra)

    def _lift(self, promise: Promise) -> None:
        if promise.column == LOAD or _decided(self.found[promise.row].lifted):
            return
        extra = self._lifted_together(promise.table)
        if extra is None:
            extra = self._price({promise: loosest(promise)}, "looser", f"without {promise.row}?")
        self._keep(promise, "lifted", loosest(promise), extra)

    def _lifted_together(self, table: str) -> Extra | None:
        """Return what lifting all promises of a table adds if that is next to nothing: no single one adds more."""
        mine = [promise for promise in self.promises if promise.table == table]
        if table not in TOGETHER or len(mine) == 1:
            return None
        if table not in self.together:
            values = {promise: loosest(promise) for promise in mine}
            extra = self._price(values, "looser", f"without any promise of {table}.csv?")
            self.together[table] = extra if self._is_worthless(extra) else None
        return self.together[table]

    def _is_worthless(self, extra: Extra) -> bool:
        return extra.least is not None and -extra.least <= WORTHLESS * abs(self.questions.best)

    def _loosen(self, promise: Promise) -> None:
        _, value = steps_of(self.problem, promise)
        found = self.found[promise.row]
        if value is None or _decided(found.looser):
            return
        if found.lifted is not None and self._is_worthless(found.lifted.extra):
            extra = found.lifted.extra
        else:
            extra = self._price({promise: value}, "looser", f"{promise.row} {shown(value)}?")
        self._keep(promise, "looser", value, extra)


def loosest(promise: Promise) -> Any:
    """Return the value that stands for a promise lifted."""
    return promise.value * DOUBLED if promise.column == "power_limit_kw" else promise.lifted


def shown(value: Any) -> str:
    """Write a cell's value."""
    return " ".join(value) if isinstance(value, tuple) else f"{value:,.12g}" if value is not None else "blank"


def _decided(change: Change | None) -> bool:
    return change is not None and change.extra.status != "undecided"
