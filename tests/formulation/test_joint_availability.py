"""A service on several pools is available only while all of them are whole: their spares keep it together."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import Small, design_of, owned_site, service, two_sites

from dcopt.design.records import Design
from dcopt.infrastructure.spares import joint_targets, spares_needed, tail_probability
from dcopt.problem.problem import Problem
from dcopt.verify.verify import verify

BUSY: dict[str, Any] = {"peak_requests_per_s": 16000, "mean_requests_per_s": 900}


def limited(availability_pct: float | None, **cells: Any) -> Small:
    """Return a service for which no one kind of node is enough: few of each are offered, and they fail often."""
    small = owned_site(services=[service(**BUSY, availability_pct=availability_pct, **cells)])
    small = small.change("nodes", mtbf_hours=2500, repair_hours=48)
    return small.put("offers", [{"table": "nodes", "name": name, "max_units": most} for name, most in LIMITS.items()])


LIMITS = {"duo": 8, "quad": 2}


def missed(problem: Problem, design: Design) -> float:
    """Return the probability that some pool of the service is short of nodes, by the binomial itself."""
    kept = 1.0
    for pool in design.pools:
        if pool.year == 1:
            node = problem.nodes[pool.node]
            down = node.repair_hours / (node.mtbf_hours + node.repair_hours)
            kept *= sum(
                math.comb(pool.nodes, k) * down**k * (1 - down) ** (pool.nodes - k) for k in range(pool.spares + 1)
            )
    return 1.0 - kept


@pytest.mark.parametrize("availability_pct", [99, 99.5, 99.9])
def test_pools_together_keep_what_is_promised(availability_pct: float) -> None:
    problem = limited(availability_pct).load()
    design = design_of(problem)
    assert design.status == "optimal"
    used = {(part.node, part.fabric) for part in design.inference}
    assert len(used) > 1, "the limits were meant to need several kinds of nodes"
    assert 100 * (1 - missed(problem, design)) >= availability_pct * (1 - 1e-12)


def test_more_pools_never_ask_for_less_and_one_asks_for_what_it_did() -> None:
    assert joint_targets(99.9, 1) == {1: 99.9}
    assert joint_targets(99.9, 2) == {1: 99.9, 2: pytest.approx(99.95)}
    assert list(joint_targets(99.9, 7)) == [1, 2, 7]


@given(
    availability=st.floats(50, 99.999),
    pools=st.lists(st.tuples(st.integers(1, 60), st.floats(0.0001, 0.05)), min_size=1, max_size=5),
)
def test_pools_at_the_joint_target_keep_the_availability(availability: float, pools: list[tuple[int, float]]) -> None:
    count = len(pools)
    target = joint_targets(availability, count)[count]
    chance = 1.0
    for working, down in pools:
        mtbf = (1 - down) / down
        spares = spares_needed(working, mtbf, 1.0, target)
        chance *= 1.0 - tail_probability(working + spares, spares, down)
    assert chance >= availability / 100 - 1e-9


def test_a_higher_availability_never_costs_less() -> None:
    costs = [design_of(limited(asked)).tco_usd or math.inf for asked in (None, 99.5, 99.9, 99.99)]
    assert all(after >= before * (1 - 1e-7) for before, after in pairwise(costs))


def test_verify_adds_up_the_pools() -> None:
    """Each pool alone would keep 99.9 %; on two sites together they do not."""
    small = two_sites(services=[service(**BUSY, survive_pct=40)]).drop("nodes", "quad")
    small = small.change("nodes", mtbf_hours=2500, repair_hours=48).set(spare_target_pct=99.9)
    design = design_of(small)
    assert len({part.site for part in design.inference}) == 2
    problem = small.load()
    lost = 100 * missed(problem, design)

    def asked(times_lost: float) -> Problem:
        rows = [{**row, "availability_pct": 100 - times_lost * lost} for row in small.tables["inference"]]
        return small.put("inference", rows).load()

    assert not [m for m in verify(asked(1.01), design)[1] if "availability" in m.place]
    assert [m for m in verify(asked(0.99), design)[1] if "availability" in m.place]
