"""One purchase for a hundred scenarios and more: the decomposition beside the extensive form, and on fresh samples.

    python tests/benchmarks/robust_scale.py decompose [SCENARIOS ...] [--goal GOAL] [--example NAME] [--gap G]
    python tests/benchmarks/robust_scale.py fresh [SEEDS] [SAMPLES] [--goal GOAL] [--sure-load]

``fresh`` takes 20 seeds and 40 fresh samples each where nothing else is said. The problem is the two-site service of
`tests/small.py` with uncertain load, prices of nodes and of electricity, or the example NAME with its own (load × 0.6
to 1.8, nodes × 0.7 to 1.3, electricity × 0.5 to 2); with --sure-load the load is as it stands. The extensive form may
take 120 s of HiGHS and is left out with --no-extensive. What was measured is in README.md beside this file.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from small import service, two_sites
from study_speed import cpu_seconds

from dcopt.pipeline.extensive import Purchased
from dcopt.pipeline.shared_purchase import Goal
from dcopt.problem.load import load
from dcopt.problem.locate import examples_dir
from dcopt.problem.tables.study_rows import UncertainCell
from dcopt.study.decompose import decomposed
from dcopt.study.distributions import sample_scenarios
from dcopt.study.records import Scenario, SolveChoices
from dcopt.study.regret import Purchase, held_fixed
from dcopt.study.robust import NOMINAL, ROBUST, goal_value, purchase_named, robust_purchase
from dcopt.study.run import Study, run_study

CHOICES = SolveChoices(gap=1e-4, time_limit_s=120.0, warm=True)
GOALS = (Goal("expected"), Goal("worst"), Goal("cvar", 0.8), Goal("chance", 0.9))
IN_SAMPLE = 12
"""Scenarios that a robust purchase is chosen for, to be judged on fresh samples."""


def main() -> None:
    """Do what the first word asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["decompose", "fresh"], nargs="?", default="decompose")
    parser.add_argument("numbers", type=int, nargs="*")
    parser.add_argument("--goal", choices=["expected", "worst", "cvar", "chance"])
    parser.add_argument("--example")
    parser.add_argument("--gap", type=float, default=1e-4)
    parser.add_argument("--limit", type=float, default=120.0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--no-extensive", action="store_true")
    parser.add_argument("--sure-load", action="store_true", help="prices alone are uncertain")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        path = uncertain_example(asked.example, Path(place)) if asked.example else uncertain_service(Path(place))
        cells = tuple(
            one for one in load(path).uncertainty.values() if not (asked.sure_load and one.table == "inference")
        )
        if asked.what == "fresh":
            seeds, samples, *_ = [*asked.numbers, *(20, 40)[len(asked.numbers) :]]
            goals = [goal for goal in GOALS if asked.goal in (None, goal.kind)]
            out_of_sample(path, cells, goals, seeds, samples)
            return
        goal = next(goal for goal in GOALS if goal.kind == (asked.goal or "expected"))
        choices = SolveChoices(gap=asked.gap, time_limit_s=asked.limit)
        for count in asked.numbers or [20, 60, 120]:
            scenarios = sample_scenarios(cells, count, "lhs", 0)
            side_by_side(path, scenarios, goal, choices, asked.jobs, extensive=not asked.no_extensive)


def uncertain_service(place: Path) -> Path:
    """Write the two-site service with its uncertainty and return its folder."""
    small = two_sites(services=[service(peak_requests_per_s=3000)])
    small = small.add("uncertainty", table="inference", name="chat", column="peak_requests_per_s", low=0.5, high=3)
    small = small.add("uncertainty", table="nodes", name="*", column="price_usd", low=0.6, high=1.5)
    small = small.add("uncertainty", table="sites", name="*", column="electricity_usd_per_kwh", low=0.3, high=3)
    return small.write(place)


def uncertain_example(name: str, place: Path) -> Path:
    """Write an example with uncertain load, prices of nodes and of electricity, and return its folder."""
    path = place / name
    shutil.copytree(examples_dir() / name, path)
    cells = (
        "table,name,column,distribution,low,high",
        "inference,*,peak_requests_per_s,uniform,0.6,1.8",
        "nodes,*,price_usd,uniform,0.7,1.3",
        "sites,*,electricity_usd_per_kwh,uniform,0.5,2",
    )
    (path / "uncertainty.csv").write_text("\n".join(cells) + "\n", encoding="utf-8")
    return path


def side_by_side(
    path: Path, scenarios: tuple[Scenario, ...], goal: Goal, choices: SolveChoices, jobs: int, *, extensive: bool
) -> None:
    """Print cost, bound and CPU seconds of both methods."""
    start = cpu_seconds()
    found = decomposed(path, (), scenarios, goal, choices, jobs=jobs)
    rounds = "; ".join(f"{one.bound_usd:,.0f} to {one.best_usd:,.0f}, {one.whole} whole" for one in found.rounds)
    _say(len(scenarios), "decomposition", found.purchased, cpu_seconds() - start, f"{goal.kind}; {rounds}")
    if extensive:
        start = cpu_seconds()
        whole = robust_purchase(path, (), scenarios, goal, choices)
        _say(len(scenarios), "extensive", whole, cpu_seconds() - start, f"{goal.kind}; {whole.status}")


def _say(count: int, method: str, found: Purchased, seconds: float, words: str) -> None:
    numbers, cost, bound = "no solution", found.objective_usd, found.bound_usd
    if cost is not None and bound is not None:
        numbers = f"{cost:10,.0f} USD, bound {bound:10,.0f}, gap {1 - bound / cost:7.3%}"
    took = f"{found.seconds:.0f} s, CPU {seconds:.1f} s, {found.variables:,} variables"
    print(f"{count:4} scenarios  {method:13} {numbers}, {took}  ({words})", flush=True)


def out_of_sample(
    path: Path, cells: tuple[UncertainCell, ...], goals: Sequence[Goal], seeds: int, samples: int
) -> None:
    """Print for each goal in how many seeds the robust purchase is no worse than the nominal one on fresh samples.

    First by the share of samples whose promises are kept, then by the goal's cost where both keep them. Where it is
    worse on fresh samples the line below says how the two compare on the scenarios it was chosen for: a robust purchase
    that is worse there too was not the best one, and one that is not was unlucky with its sample.
    """
    (nominal,) = run_study(Study("grid", path, (Scenario(name=NOMINAL),), (), CHOICES)).outcomes
    own = Purchase(NOMINAL, 1, nominal.parts, "")
    for goal in goals:
        verdicts = {"keeps more": 0, "no dearer": 0, "worse": 0}
        wrong, saved = 0, []
        for seed in range(seeds):
            chosen_for = sample_scenarios(cells, IN_SAMPLE, "lhs", seed)
            found = robust_purchase(path, (), chosen_for, goal, CHOICES)
            purchases = [purchase_named(ROBUST, found.parts), own]
            fresh = compared(path, purchases, sample_scenarios(cells, samples, "random", 1000 + seed), goal)
            verdicts[fresh.verdict] += 1
            saved += [] if fresh.saved is None else [fresh.saved]
            if fresh.verdict == "worse":
                before = compared(path, purchases, chosen_for, goal)
                wrong += before.verdict == "worse"
                print(f"  {goal.kind} seed {seed}: fresh {fresh.words}; chosen for {before.words}", flush=True)
        counts = ", ".join(f"{verdict} {count}" for verdict, count in verdicts.items())
        mean = f"{sum(saved) / len(saved):.1%}" if saved else "-"
        print(
            f"{goal.kind:9} {seeds} seeds, chosen for {IN_SAMPLE} scenarios, {samples} fresh ones: {counts}; worse on "
            f"its own scenarios {wrong}; saves {mean} on average where both keep the promises",
            flush=True,
        )


@dataclass(frozen=True)
class Compared:
    """The robust purchase beside the nominal one: the verdict, the share it saves where both serve, and in words."""

    verdict: str
    saved: float | None
    words: str


def compared(path: Path, purchases: Sequence[Purchase], scenarios: Sequence[Scenario], goal: Goal) -> Compared:
    """Hold both purchases fixed in each scenario and compare them."""
    outcomes = run_study(Study("robust", path, held_fixed(purchases, scenarios), (), CHOICES)).outcomes
    solved = {
        name: {o.inputs["scenario"] for o in outcomes if o.inputs["purchase"] == name and o.solved}
        for name in (ROBUST, NOMINAL)
    }
    both = solved[ROBUST] & solved[NOMINAL]
    of_both = [o for o in outcomes if o.inputs["scenario"] in both]
    robust, nominal = (goal_value(goal, of_both, name) for name in (ROBUST, NOMINAL))
    saved = 1.0 - robust / nominal if both else None
    more, fewer = (len(solved[ROBUST]) > len(solved[NOMINAL]), len(solved[ROBUST]) < len(solved[NOMINAL]))
    verdict = "keeps more" if more else "worse" if fewer or robust > nominal * (1 + 1e-4) else "no dearer"
    words = f"{len(solved[ROBUST])} kept, {robust:,.0f} USD against {len(solved[NOMINAL])}, {nominal:,.0f}"
    return Compared(verdict, saved, words)


if __name__ == "__main__":
    main()
