"""One purchase for hundreds of scenarios: a few of them whole in one program, of the others a bound on their TCO.

    V_s(X)   least TCO of scenario s where X is bought, infinite where X does not serve it
    bound  = min goal(V_s(X) of the whole scenarios, θ_s of the others)    over X, with θ_s ≥ the cuts of s at X
    best   = goal(V_1(X), ..., V_S(X)) of the best X that was tried

A round solves the program of the bound and runs every scenario alone on the purchase it finds. Where that does not
serve one, the dearest of these become whole and what they lack is bought besides; else every scenario whose cuts lie
below its TCO there gets another (`dcopt.pipeline.recourse`), and where that leaves too much between them the one that
adds most becomes whole. So a round makes a scenario whole or makes cuts tight; once all are whole the program is the
extensive form. Any number of rounds leaves a proven bound, since every cut holds for every purchase.

This is Benders' decomposition with several cuts a round (Birge and Louveaux 1988) whose program retains scenarios
(partial Benders decomposition: Crainic, Hewitt, Maggioni and Rei 2021); that those are added which a purchase does not
serve is the column-and-constraint generation of Zeng and Zhao (2013). A purchase must serve all scenarios, so few of
them decide most of it: retained, these replace the many cuts that would state what they need. Progressive hedging
(Rockafellar and Wets 1991) bounds such integer programs by the same Lagrangian minima that the cuts are (Gade et al.
2016), but needs many rounds of solves until its multipliers agree on units that only a few scenarios need.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dcopt.economics.prices import Part
from dcopt.pipeline.extensive import Purchased, solve_form
from dcopt.pipeline.recourse import ROOM, Prepared, Ran
from dcopt.pipeline.run import RunOptions
from dcopt.pipeline.shared_purchase import Cut, Form, Goal, Priced, block_name
from dcopt.problem.load import load
from dcopt.solve.session import SolveOptions
from dcopt.study.records import Scenario, SolveChoices
from dcopt.study.robust import goal_of
from dcopt.study.team import Team, case_of

INNER = 0.25
"""Share of the gap that is asked for which each solve within a round may leave."""
AHEAD = 0.9
"""How much of the gap that is left a bound may still gain from cuts without another whole scenario."""

MOST_ADDED = 4
"""Scenarios that a purchase does not serve, of which so many become whole in a round."""
INWARDS = 0.03
"""How far towards half of all that could be bought cuts take their slopes: 0 needs 25 rounds where 0.03 needs 3 (the
6 scenarios of `tests/benchmarks/robust_scale.py`)."""


class UnservedError(Exception):
    """No purchase serves all scenarios; says why."""


@dataclass(frozen=True)
class Round:
    """Where a decomposition stood after a round: best and bound in USD, and how many scenarios were whole."""

    best_usd: float
    bound_usd: float
    whole: int


@dataclass(frozen=True)
class Decomposed:
    """The purchase found, as the extensive form gives it, and the rounds."""

    purchased: Purchased
    rounds: tuple[Round, ...]


def decomposed(
    path: Path,
    sets: Sequence[str],
    scenarios: Sequence[Scenario],
    goal: Goal,
    choices: SolveChoices,
    *,
    rounds: int = 100,
    jobs: int = 1,
    on_round: Callable[[int, Round], None] = lambda number, round: None,
    on_step: Callable[[str], None] = lambda text: None,
) -> Decomposed:
    """Return the best purchase for equally likely scenarios with a proven bound, after at most ``rounds`` rounds.

    The gap and the time limit are those of the whole decomposition; ``jobs`` are processes; ``on_step`` is told what is
    being done. Ctrl-C ends it with what was found until then.

    Raises
    ------
    InputError: a scenario's changes cannot be applied.
    ValueError: the goal is to keep the promises of most scenarios.
    SolverError: HiGHS failed.
    """
    if goal.kind == "chance":
        raise ValueError("the decomposition keeps the promises of every scenario")
    problem = load(path, tuple(sets))
    options = RunOptions(choices.time_limit_s, choices.gap, choices.threads, choices.seed).solve_options(problem)
    with Team(path, sets, scenarios, choices, jobs) as team:
        search = _Search(team, goal, options, on_step)
        try:
            search.begin()
            for number in range(1, rounds + 1):
                search.round()
                on_round(number, search.history[-1])
                if search.ended():
                    break
        except UnservedError as error:
            return search.result("infeasible", str(error))
        except KeyboardInterrupt:
            return search.result("", "interrupted")
        return search.result("", "time limit" if search.left() <= 0 else f"{len(search.history)} rounds")


@dataclass
class _Search:
    team: Team
    goal: Goal
    options: SolveOptions
    say: Callable[[str], None]
    start: float = field(default_factory=time.monotonic)
    bound: float = -math.inf
    best: float = math.inf
    best_parts: dict[Part, float] = field(default_factory=dict)
    integers: dict[int, dict[str, float]] = field(default_factory=dict)
    """Of every scenario, those of the best purchase."""
    whole: list[int] = field(default_factory=list)
    cuts: list[list[Cut]] = field(default_factory=list)
    history: list[Round] = field(default_factory=list)
    variables: int = 0
    stuck: bool = False

    def begin(self) -> None:
        """Compile every scenario, take the dearest one whole, and bound the others."""
        self.say(f"what each of {len(self.team.scenarios)} scenarios could need")
        needs = self.team.needs()
        for scenario, (_, reason) in zip(self.team.scenarios, needs, strict=True):
            if reason:
                raise UnservedError(f"{scenario.name}: {reason}")
        self.most = _largest([parts for parts, _ in needs])
        self.say(f"the programs of {len(needs)} scenarios")
        self.prepared: list[Prepared] = self.team.compile(self.most)
        self.whole_units = frozenset.intersection(*(one.whole for one in self.prepared))
        alone = [one.relaxed_parts for one in self.prepared]
        for scenario, parts in zip(self.team.scenarios, alone, strict=True):
            if parts is None:
                raise UnservedError(f"{scenario.name}: no purchase serves it")
        self.demands = [self._spent(parts or {}) for parts in alone]
        everywhere = range(len(alone))
        self.whole = [max(everywhere, key=self.demands.__getitem__)]
        at_once = _largest([parts or {} for parts in alone])
        first = self.team.ask(everywhere, "cut_at", self._inwards(at_once, INWARDS), None)
        floor = self.team.ask([i for i in everywhere if first[i] is None], "cut_with", {}, None)
        self.cuts = [[first[i] or floor[i]] for i in everywhere]

    def round(self) -> None:
        """Solve for a purchase and a bound, try it, and learn from it."""
        self.stuck = True
        found = self._bounded()
        if found.objective_usd is None:
            return self._note()
        ran = self._tried(found.parts)
        failing = [index for index, one in ran.items() if one is None]
        parts: dict[Part, float] | None = found.parts
        if failing:
            parts, lacking = self._repaired(found.parts, failing)
            new = [index for index in lacking if index not in self.whole][:MOST_ADDED]
            self.whole += new
            self.stuck = not new
            if parts is not None and self.left() > 0:
                ran = self._tried(parts)
        if parts is not None and self._missing() > 0 and self.left() > 0 and all(ran.values()):
            self._learn(parts, {index: one for index, one in ran.items() if one is not None}, not failing)
        return self._note()

    def ended(self) -> bool:
        """Whether the gap is closed, the time is up, or nothing more can be learnt."""
        return self._missing() <= 0 or self.left() <= 0 or (bool(self.history) and self.stuck)

    def left(self) -> float:
        """Return the seconds that are left."""
        return self.options.time_limit_s - (time.monotonic() - self.start)

    def _missing(self) -> float:
        """Return by how much best and bound are farther apart than they may be, USD."""
        return self.best - self.bound - self.options.gap * abs(self.best) if math.isfinite(self.best) else math.inf

    def _inner(self) -> SolveOptions:
        return replace(self.options, gap=self.options.gap * INNER, time_limit_s=max(0.01, self.left()))

    def _spent(self, parts: Mapping[Part, float]) -> float:
        """Return what ``parts`` cost at the mean prices of all scenarios, running them not included, USD."""
        mean = 1.0 / len(self.prepared)
        return sum(mean * one.unit_usd.get(part, 0.0) * units for one in self.prepared for part, units in parts.items())

    def _note(self) -> None:
        self.history.append(Round(self.best, self.bound, len(self.whole)))

    def _bounded(self) -> Purchased:
        """Solve the program of the bound."""
        self.say(f"a purchase and a bound, with {len(self.whole)} scenarios whole")
        team = self.team
        weight = 1.0 / len(team.scenarios)
        prepared = [case_of(team.path, team.sets, team.scenarios[i], team.choices, weight) for i in self.whole]
        priced = [
            Priced(weight, self.prepared[i].most_usd, cuts) for i, cuts in enumerate(self.cuts) if i not in self.whole
        ]
        form = Form(prepared, self.goal, self.most, priced=priced, whole_units=self.whole_units)
        start = {
            f"{block_name(place)}.{name}": value
            for place, index in enumerate(self.whole)
            for name, value in self.integers.get(index, {}).items()
        }
        found = solve_form(form, replace(self._inner(), start=start or None), time.monotonic())
        self.variables = max(self.variables, found.variables)
        if found.status == "infeasible":
            raise UnservedError(found.reason)
        if found.bound_usd is not None:
            self.bound = max(self.bound, found.bound_usd)
        return found

    def _tried(self, parts: Mapping[Part, float]) -> dict[int, Ran | None]:
        """Run every scenario on ``parts``, and keep them if they are the best."""
        self.say(f"running {len(self.cuts)} scenarios on a purchase")
        ran: dict[int, Ran | None] = self.team.ask(range(len(self.cuts)), "run_on", dict(parts), self._inner())
        served = [one for one in ran.values() if one is not None]
        if len(served) == len(ran):
            value = goal_of(self.goal, [one.tco_usd for one in served])
            if value < self.best:
                self.best, self.best_parts = value, dict(parts)
                self.integers = {index: one.integers for index, one in ran.items() if one is not None}
        return ran

    def _repaired(
        self, parts: Mapping[Part, float], failing: Sequence[int]
    ) -> tuple[dict[Part, float] | None, list[int]]:
        """Return ``parts`` and what is bought besides so that every failing scenario is served; None where that fails.

        With it come the scenarios that something was bought for, the dearest first: what serves it serves most others.
        """
        self.say(f"what {len(failing)} scenarios lack")
        found = dict(parts)
        lacking: list[int] = []
        for index in sorted(failing, key=lambda index: -self.demands[index]):
            if self.left() <= 0:
                return None, lacking
            ran: Ran | None = self.team.ask([index], "run_on", found, self._inner(), more=True)[index]
            if ran is None:
                return None, [*lacking, index]
            larger = _largest([found, ran.needed])
            if any(units > found.get(part, 0.0) * (1 + ROOM) + ROOM for part, units in larger.items()):
                lacking.append(index)
            found = larger
        return {part: units for part, units in found.items() if units > 0}, lacking

    def _learn(self, parts: Mapping[Part, float], ran: Mapping[int, Ran], is_bound: bool) -> None:
        """Cut where the bounds lie below what scenarios cost; where cuts leave too much, take one scenario whole.

        Slopes of the purchase itself and whole scenarios only help at the purchase that the bound is at, ``is_bound``.
        """
        costs = {index: one.tco_usd for index, one in ran.items()}
        for inwards in (INWARDS, 0.0) if is_bound else (INWARDS,):
            low = self._low(costs, parts)
            if low and (inwards or self._lost(costs, parts) > AHEAD * self.options.gap * abs(self.best)):
                self._cut(low, parts, self._inwards(parts, inwards), costs)
        low = self._low(costs, parts)
        if is_bound and low and (self.stuck or self._lost(costs, parts) > AHEAD * self.options.gap * abs(self.best)):
            self.whole.append(max(low, key=lambda i: costs[i] - self._known(i, parts)))
            self.stuck = False

    def _low(self, costs: Mapping[int, float], parts: Mapping[Part, float]) -> list[int]:
        """Return the scenarios that are not whole and whose cuts lie too far below what they cost on ``parts``."""
        room = self.options.gap * INNER
        return [i for i in costs if i not in self.whole and costs[i] - self._known(i, parts) > room * abs(costs[i])]

    def _lost(self, costs: Mapping[int, float], parts: Mapping[Part, float]) -> float:
        """Return by how much the goal falls on ``parts`` where the cuts stand for the scenarios that are not whole."""
        known = {i: costs[i] if i in self.whole else min(costs[i], self._known(i, parts)) for i in costs}
        return goal_of(self.goal, list(costs.values())) - goal_of(self.goal, list(known.values()))

    def _cut(
        self, low: Sequence[int], parts: Mapping[Part, float], near: Mapping[Part, float], costs: Mapping[int, float]
    ) -> None:
        """Keep the cuts that scenarios have ``near`` a purchase, where they lie higher on it than what is known."""
        self.say(f"bounds on {len(low)} scenarios")
        room = self.options.gap * INNER
        found: dict[int, Cut | None] = self.team.ask(low, "cut_at", dict(near), self._inner())
        for index, cut in found.items():
            if cut is not None and cut.at(parts) > self._known(index, parts) + room * abs(costs[index]):
                self.cuts[index].append(cut)
                self.stuck = False

    def _inwards(self, parts: Mapping[Part, float], share: float) -> dict[Part, float]:
        """Return a purchase near ``parts`` with something of every row.

        Where nothing of a row is bought the slopes of a relaxation say what its first bit is worth, which often is much
        more than a unit. Slopes of a point near by hold for more purchases (Magnanti and Wong 1981, Papadakos 2008).
        """
        return {
            part: units + share * (most / 2 - units)
            for part, most in self.most.items()
            for units in (parts.get(part, 0.0),)
        }

    def _known(self, index: int, parts: Mapping[Part, float]) -> float:
        return max(cut.at(parts) for cut in self.cuts[index])

    def result(self, status: str, reason: str) -> Decomposed:
        """Return what was found."""
        seconds = time.monotonic() - self.start
        bound = self.bound if math.isfinite(self.bound) else None
        if not math.isfinite(self.best) or status:
            ended = Purchased(status or "no_solution", {}, None, bound, (), reason, seconds, self.variables)
            return Decomposed(ended, tuple(self.history))
        closed = self._missing() <= 1e-9
        bound = None if bound is None else min(bound, self.best)
        why = "" if closed else reason
        ended = Purchased(
            "optimal" if closed else "feasible", self.best_parts, self.best, bound, (), why, seconds, self.variables
        )
        return Decomposed(ended, tuple(self.history))


def _largest(each: Sequence[Mapping[Part, float]]) -> dict[Part, float]:
    """Return the most units of each row."""
    found: dict[Part, float] = {}
    for parts in each:
        for part, units in parts.items():
            found[part] = max(units, found.get(part, 0.0))
    return found
