"""One purchase for a hundred scenarios and more: the decomposition beside the extensive form, and on fresh samples.

    python tests/benchmarks/robust_scale.py decompose [SCENARIOS ...]    (20 60 120 by default)
    python tests/benchmarks/robust_scale.py fresh [SEEDS] [SAMPLES]      (20 seeds, 40 fresh samples each)

The problem is the two-site service of `tests/small.py` with uncertain load, prices of nodes and of electricity. The
extensive form may take 120 s of HiGHS. On 6 scenarios both find 68,901 USD with a gap of 0.000 %, the decomposition in
three rounds and 2.8 s of CPU, the extensive form in 1.0 s.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from small import service, two_sites

from dcopt.pipeline.extensive import Goal
from dcopt.study.decompose import decomposed
from dcopt.study.distributions import sample_scenarios
from dcopt.study.records import Scenario, SolveChoices
from dcopt.study.regret import Purchase, held_fixed
from dcopt.study.robust import NOMINAL, ROBUST, goal_value, purchase_named, robust_purchase
from dcopt.study.run import Study, run_study

CHOICES = SolveChoices(gap=1e-4, time_limit_s=120.0, warm=True)
GOALS = (Goal("expected"), Goal("worst"), Goal("cvar", 0.8), Goal("chance", 0.9))


def main() -> None:
    """Do what the first word asks for."""
    what, *numbers = sys.argv[1:] or ["decompose"]
    with tempfile.TemporaryDirectory() as place:
        small = two_sites(services=[service(peak_requests_per_s=3000)])
        small = small.add("uncertainty", table="inference", name="chat", column="peak_requests_per_s", low=0.5, high=3)
        small = small.add("uncertainty", table="nodes", name="*", column="price_usd", low=0.6, high=1.5)
        small = small.add("uncertainty", table="sites", name="*", column="electricity_usd_per_kwh", low=0.3, high=3)
        path = small.write(Path(place))
        cells = tuple(small.load().uncertainty.values())
        if what == "fresh":
            seeds, samples = (int(numbers[i]) if len(numbers) > i else default for i, default in ((0, 20), (1, 40)))
            out_of_sample(path, cells, seeds, samples)
            return
        for count in [int(number) for number in numbers] or [20, 60, 120]:
            side_by_side(path, sample_scenarios(cells, count, "lhs", 0))


def side_by_side(path: Path, scenarios: tuple[Scenario, ...]) -> None:
    """Print cost, bound and CPU seconds of both methods."""

    def value(parts: Mapping[tuple[str, str, str], float]) -> float:
        fixed = held_fixed([purchase_named("tried", parts)], scenarios)
        return goal_value(Goal("expected"), run_study(Study("robust", path, fixed, (), CHOICES)).outcomes, "tried")

    start = time.process_time()
    found = decomposed(path, (), scenarios, CHOICES, value, rounds=8)
    spent = time.process_time() - start
    rounds = "; ".join(f"{bound:,.0f} to {best:,.0f}" for bound, best in found.rounds)
    _say(len(scenarios), "decomposition", found.expected_usd, found.bound_usd, spent, rounds)
    start = time.process_time()
    whole = robust_purchase(path, (), scenarios, Goal("expected"), CHOICES)
    words = f"{whole.variables:,} variables, {whole.status}"
    _say(len(scenarios), "extensive", whole.objective_usd, whole.bound_usd, time.process_time() - start, words)


def _say(count: int, method: str, cost: float | None, bound: float | None, seconds: float, words: str) -> None:
    numbers = "no solution"
    if cost is not None and bound is not None:
        numbers = f"{cost:10,.0f} USD, bound {bound:10,.0f}, gap {1 - bound / cost:7.3%}"
    print(f"{count:4} scenarios  {method:13} {numbers}, CPU {seconds:6.1f} s  ({words})", flush=True)


def out_of_sample(path: Path, cells: tuple[object, ...], seeds: int, samples: int) -> None:
    """Print for each goal in how many seeds the robust purchase is no worse than the nominal one on fresh samples.

    On what was asked: the share of samples whose promises are kept, then the goal's cost where both keep them.
    """
    (nominal,) = run_study(Study("grid", path, (Scenario(name=NOMINAL),), (), CHOICES)).outcomes
    for goal in GOALS:
        kept_more = no_dearer = worse = 0
        for seed in range(seeds):
            found = robust_purchase(path, (), sample_scenarios(cells, 12, "lhs", seed), goal, CHOICES)  # type: ignore[arg-type]
            purchases = [purchase_named(ROBUST, found.parts), Purchase(NOMINAL, 1, nominal.parts, "")]
            fresh = sample_scenarios(cells, samples, "random", 1000 + seed)  # type: ignore[arg-type]
            outcomes = run_study(Study("robust", path, held_fixed(purchases, fresh), (), CHOICES)).outcomes
            solved = {
                name: {o.inputs["scenario"] for o in outcomes if o.inputs["purchase"] == name and o.solved}
                for name in (ROBUST, NOMINAL)
            }
            both = solved[ROBUST] & solved[NOMINAL]
            value = {
                name: goal_value(goal, [o for o in outcomes if o.inputs["scenario"] in both], name)
                for name in (ROBUST, NOMINAL)
            }
            more = len(solved[ROBUST]) > len(solved[NOMINAL])
            fewer = len(solved[ROBUST]) < len(solved[NOMINAL])
            cheaper = not fewer and not more and value[ROBUST] <= value[NOMINAL] * (1 + 1e-4)
            kept_more += more
            no_dearer += cheaper
            worse += not (more or cheaper)
        print(
            f"{goal.kind:9} of {seeds} seeds: keeps promises in more of {samples} fresh samples {kept_more}, "
            f"in as many and costs no more {no_dearer}, worse {worse}",
            flush=True,
        )


if __name__ == "__main__":
    main()
