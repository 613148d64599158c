"""Users in several regions: the longest way counts, and every region needs its way to every allowed site."""

from __future__ import annotations

import pytest
from small import Small, service, two_sites

from dcopt.performance.workloads import rtt_ms
from dcopt.problem.findings import InputError

TRIPS = [
    {"region": "near", "site": "oslo", "rtt_ms": 3},
    {"region": "near", "site": "rome", "rtt_ms": 20},
    {"region": "far", "site": "oslo", "rtt_ms": 40},
    {"region": "far", "site": "rome", "rtt_ms": 9},
]


def problem_of(region: str, trips: list[dict[str, object]] | None = None) -> Small:
    return two_sites(services=[service(region=region)]).put("regions", TRIPS if trips is None else trips)


@pytest.mark.parametrize(
    ("region", "oslo", "rome"), [("near", 3, 20), ("far", 40, 9), ("near far", 40, 20), ("far near", 40, 20)]
)
def test_the_longest_way_counts(region: str, oslo: float, rome: float) -> None:
    problem = problem_of(region).load()
    [chat] = problem.inference.values()
    assert (rtt_ms(chat, "oslo", problem), rtt_ms(chat, "rome", problem)) == (oslo, rome)


def test_without_a_region_there_is_no_way() -> None:
    problem = two_sites(services=[service()]).put("regions", TRIPS).load()
    assert rtt_ms(next(iter(problem.inference.values())), "oslo", problem) == 0


def test_each_region_is_checked() -> None:
    with pytest.raises(InputError, match=r"no region 'farr'.*far"):
        problem_of("near farr").load()
    with pytest.raises(InputError, match="no round trip from 'far' to rome"):
        problem_of("near far", TRIPS[:3]).load()
