"""Random purchases for random tiny problems, and what `evaluate` makes of them."""

from __future__ import annotations

import random
from collections.abc import Iterator

from random_small import random_small

from dcopt.design.records import Design
from dcopt.pipeline.proposal import Part, nodes_fixed
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.problem.problem import Problem

ANY_DESIGN = 1.0
"""Gap at which the first design that a proposal completes to is as good as the best: each must cost the bound."""


def random_purchase(dice: random.Random, problem: Problem, best: Design) -> dict[Part, float]:
    """Return nodes near those of the best design: some more, some fewer, some of another kind."""
    bought = {(line.site, "nodes", line.item): line.quantity for line in best.bom_lines if line.table == "nodes"}
    sites = [name for name, site in problem.sites.items() if site.kind != "cloud"]
    purchase = {part: max(0.0, units + dice.choice((-1, 0, 0, 1, 2))) for part, units in bought.items()}
    if dice.random() < 0.6 and sites:
        part = (dice.choice(sites), "nodes", dice.choice(sorted(problem.nodes)))
        purchase[part] = purchase.get(part, 0.0) + dice.choice((1, 1, 2, 3))
    return {part: units for part, units in purchase.items() if units}


def below_the_bound(seed: int, purchases: int) -> Iterator[tuple[float, float]]:
    """Yield (TCO of a completed purchase, proven bound on every design) for the problem of a seed."""
    dice, problem = random.Random(seed), random_small(seed).set(objective="tco").load()
    best = design_for(problem, RunOptions(gap=1e-6, threads=1, baseline=False))
    if best.objective_bound is None or best.cost is None:
        return
    for _ in range(purchases):
        fix = nodes_fixed(random_purchase(dice, problem, best))
        options = RunOptions(gap=ANY_DESIGN, time_limit_s=20, threads=1, baseline=False, user_constraints=fix)
        completed = design_for(problem, options)
        if completed.tco_usd is not None:
            yield completed.tco_usd, best.objective_bound
