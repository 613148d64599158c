"""Why a design is as it is: rivals of every choice, the price of every promise, the next different design."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dcopt.candidates.records import Candidates
from dcopt.design.explanation import (
    Explanation,
    NextDesign,
    Rival,
    Unable,
    read_explanation,
    savings_usd,
    write_explanation,
)
from dcopt.design.files import read_design, write_design
from dcopt.design.parts import parts_of
from dcopt.design.records import Design
from dcopt.design.simulation import read_simulation
from dcopt.formulation.parts import not_all
from dcopt.pipeline.large import is_large
from dcopt.pipeline.prices import Pricing
from dcopt.pipeline.questions import Answered, NoTimeError, Questions
from dcopt.pipeline.rivals import in_years, rival_of_span, rivals_of, spans_of, trade_of, unable_of
from dcopt.pipeline.run_folder import INPUTS, LOCK_FILE
from dcopt.pipeline.user_constraints import no_constraints, user_constraints
from dcopt.problem.load import load
from dcopt.problem.problem import Problem
from dcopt.report.context import read_beside
from dcopt.report.html import render_html
from dcopt.solve.interrupt import deferred, heard
from dcopt.solve.session import SolveOptions

UNITS = {"tco": "USD", "capex": "USD", "energy": "kWh", "carbon": "t"}


class ShortSightError(ValueError):
    """The design is no optimum, so that nothing follows from other optima; the text says so."""


def explain_design(questions: Questions, design: Design, earlier: Explanation | None = None) -> Explanation:
    """Return why ``design`` is as it is; what the time did not suffice for is named, and asked again another time.

    Parameters
    ----------
    earlier: an explanation whose answers are kept where it is one of the same design.

    Raises
    ------
    ValueError: there is no design to explain.
    ShortSightError: its purchases were decided without knowing the whole horizon.
    SolverError: HiGHS failed.
    """
    if design.objective_value is None or design.cost is None:
        raise ValueError("there is no design to explain")
    if design.foresight is not None:
        years = design.foresight.years
        raise ShortSightError(
            f"each purchase of this design was decided knowing {years} year{'' if years == 1 else 's'} ahead, so it is "
            "not the best answer to any one question: explain a RUN that was solved without --foresight"
        )
    known = earlier if earlier is not None and earlier.design == fingerprint(design) else None
    start = time.monotonic()
    questions.best, questions.bound = design.objective_value, design.objective_bound
    found = _Found(questions, design, known)
    found.look()
    return Explanation(
        design=fingerprint(design),
        objective=design.objective,
        unit=UNITS[design.objective],
        value=design.objective_value,
        best=questions.best,
        bound=questions.bound,
        rivals=tuple(found.rivals),
        unable=tuple(found.unable),
        prices=found.prices,
        next_design=found.next_design,
        open_questions=tuple(dict.fromkeys(found.open)),
        seconds=time.monotonic() - start + (0.0 if known is None else known.seconds),
    )


def fingerprint(design: Design) -> str:
    """Return a hash of what a design decides and what it costs."""
    return hashlib.sha256(repr((design.choices(), design.objective, design.objective_value)).encode()).hexdigest()[:16]


class _Found:
    """What has been found so far."""

    def __init__(self, questions: Questions, design: Design, known: Explanation | None) -> None:
        self.questions = questions
        self.design = design
        self.known = known
        self.rivals: list[Rival] = []
        self.unable: list[Unable] = []
        self.prices = () if known is None else known.prices
        self.next_design: NextDesign | None = None if known is None else known.next_design
        self.open: list[str] = []

    def look(self) -> None:
        """Ask everything, the most telling first."""
        base = self._base()
        for workload in self._workloads():
            self._rivals(workload, base)
        self._next()
        pricing = Pricing(self.questions, self.design, None if base is None else base.program)
        self.prices = pricing.run({price.row: price for price in self.prices})
        self.open += pricing.open

    def _workloads(self) -> list[str]:
        jobs = (record.job for record in self.design.training)
        return list(dict.fromkeys((*jobs, *(record.service for record in self.design.inference))))

    def _base(self) -> Answered | None:
        """Solve the problem as it stands to the finer gap, which encloses the best objective.

        What is large took its time for the gap that the design has: there the time is better spent on other questions.
        """
        if (candidates := self._candidates()) is not None and is_large(candidates):
            return Answered(self.questions.best, self.questions.bound, self.design, None, candidates)
        try:
            answer = self.questions.ask("the design itself, to a finer gap")
        except NoTimeError:
            self.open.append("the design itself, to a finer gap")
            return None
        if answer.bound is not None:
            self.questions.bound = max(answer.bound, self.questions.bound or answer.bound)
        if answer.value is not None:
            self.questions.best = min(answer.value, self.questions.best)
        if self.questions.bound is not None:
            self.questions.bound = min(self.questions.bound, self.questions.best)
        return answer

    def _candidates(self) -> Candidates | None:
        try:
            with heard():
                return self.questions.candidates_of(self.questions.problem)
        except KeyboardInterrupt:
            self.questions.interrupted = True
            return None

    def _rivals(self, workload: str, base: Answered | None) -> None:
        spans = spans_of(self.questions.problem, self.design, workload)
        of_spans = {in_years(years) for years, _ in spans}
        known = () if self.known is None else tuple(r for r in self.known.rivals if r.workload == workload)
        before = tuple(rival for rival in known if rival.what not in of_spans)
        if before and all(rival.extra.status != "undecided" for rival in before):
            self.rivals += before
        else:
            try:
                self.rivals += rivals_of(self.questions, self.design, workload)
            except NoTimeError:
                self.rivals += before
                self.open.append(f"{workload} in another way")
        for years, nodes in spans:
            self._span(workload, years, nodes, known)
        if base is not None:
            self.unable += unable_of(self.questions, base.candidates, workload)

    def _span(self, workload: str, years: tuple[int, ...], nodes: frozenset[str], known: tuple[Rival, ...]) -> None:
        """Ask what another node in some years only would add."""
        before = tuple(rival for rival in known if rival.what == in_years(years))
        if before and before[0].extra.status != "undecided":
            self.rivals += before
            return
        try:
            self.rivals.append(rival_of_span(self.questions, self.design, workload, years, nodes))
        except NoTimeError:
            self.rivals += before
            self.open.append(f"{workload} on {in_years(years)}")

    def _next(self) -> None:
        if self.next_design is not None and self.next_design.extra.status != "undecided":
            return
        parts = parts_of(self.design)
        try:
            answer = self.questions.ask(
                "the next best design of other parts", cutoffs=lambda program: not_all(program, parts, "next")
            )
        except NoTimeError:
            self.open.append("the next best design of other parts")
            return
        others = () if answer.design is None else parts_of(answer.design)
        self.next_design = NextDesign(
            without=tuple(part for part in parts if part not in others) if others else parts,
            with_=tuple(part for part in others if part not in parts),
            extra=self.questions.extra(answer, "tighter"),
            trade=None if answer.design is None else trade_of(self.questions.problem, self.design, answer.design),
        )


def with_savings(design: Design, explanation: Explanation) -> Design:
    """Return ``design`` with what one unit more of each promise that binds would save, where that is known."""
    saved = savings_usd(explanation)
    binding = tuple(entry.model_copy(update={"saving_usd": saved.get(entry.row)}) for entry in design.binding)
    return design.model_copy(update={"binding": binding})


def _questions(problem: Problem, folder: Path, seconds: float) -> Questions:
    """Return what asks about the problem of a RUN with the threads, the seed and the constraints of its own solve."""
    lock = json.loads((folder / INPUTS / LOCK_FILE).read_text(encoding="utf-8"))["options"]
    function = lock.get("with")
    return Questions(
        problem,
        seconds,
        each_s=max(10.0, seconds / 4),
        options=SolveOptions(gap=lock["gap"], threads=lock["threads"], seed=lock["seed"]),
        user_constraints=no_constraints if function is None else user_constraints(function, problem),
    )


def explain_run(
    folder: Path,
    seconds: float,
    *,
    afresh: bool = False,
    on_question: Callable[[str], None] = lambda text: None,
) -> Explanation:
    """Explain the design of a RUN folder; write ``explanation.json``, and what binding promises cost and the report.

    Ctrl-C ends the questions; what was answered until then is kept.

    Raises
    ------
    DesignFileError: the folder holds no design.
    InputError: its inputs cannot be read.
    UserConstraintsError: the function that it was solved with cannot be found.
    ValueError: there is no design to explain.
    OSError: the folder cannot be written.
    """
    design = read_design(folder)
    problem = load(folder / INPUTS)
    with deferred():
        questions = replace(_questions(problem, folder, seconds), on_question=on_question)
        explanation = explain_design(questions, design, None if afresh else read_explanation(folder))
        write_explanation(explanation, folder)
        design = with_savings(design, explanation)
        write_design(design, folder)
        page = render_html(design, problem, read_simulation(folder), read_beside(folder))
        (folder / "report.html").write_text(page, encoding="utf-8")
    return explanation
