"""Fabric islands: several smaller networks where jobs allow it, each with its own switches and its own calendar."""

from __future__ import annotations

import math

import pytest
from small import Small, design_of, job, owned_site, tco_of

from dcopt.design.records import Design
from dcopt.problem.findings import InputError
from dcopt.verify.verify import verify

TOLERANCE = 1e-7


def two_jobs(**cells: object) -> Small:
    """Return two jobs that each need a few of the nodes of one small switch, at the same time."""
    jobs = [job(name, tokens=1.2e12, deadline_days=25, due_day=26, **cells) for name in ("one", "two")]
    return owned_site(jobs, power_limit_kw=60).drop("nodes", "quad")


def with_islands(small: Small, islands: int) -> Small:
    return small.change("fabrics", "flat", islands=islands)


def networks(design: Design) -> list[tuple[str, int, int]]:
    return sorted((net.fabric, net.leaf, net.spine) for net in design.network if net.year == 1)


def test_two_switches_in_place_of_a_tree() -> None:
    whole, cut = design_of(two_jobs()), design_of(with_islands(two_jobs(), 2))
    assert [(leaf > 1, spine > 0) for _, leaf, spine in networks(whole)] == [(True, True)]
    assert networks(cut) == [("flat", 1, 0), ("flat~2", 1, 0)]
    assert (cut.tco_usd or 0) < (whole.tco_usd or 0)
    assert {(record.job, record.fabric) for record in cut.training} in (
        {("one", "flat"), ("two", "flat~2")},
        {("two", "flat"), ("one", "flat~2")},
    )
    assert all(entry.pool.endswith(("flat", "flat~2")) for entry in cut.calendar)


def test_islands_are_fabrics_that_are_written_twice() -> None:
    """An independent statement of the same problem: a second row that is the same fabric under another name."""
    row = next(row for row in two_jobs().tables["fabrics"] if row["name"] == "flat")
    twice = two_jobs().add("fabrics", **{**row, "name": "flat-too"})
    assert tco_of(with_islands(two_jobs(), 2)) == pytest.approx(tco_of(twice), rel=1e-9)


def test_more_islands_never_cost_more() -> None:
    costs = [tco_of(with_islands(two_jobs(), islands)) for islands in (1, 2, 3)]
    assert costs[0] * (1 + TOLERANCE) >= costs[1]
    assert costs[1] * (1 + TOLERANCE) >= costs[2]


def test_a_job_stays_on_one_island() -> None:
    """A job of more nodes than a switch joins needs a tree, however many islands there may be."""
    large = owned_site([job(tokens=2.6e12, deadline_days=25)], power_limit_kw=60).drop("nodes", "quad")
    design = design_of(with_islands(large, 3))
    (record,) = [record for record in design.training if record.year == 1]
    assert record.nodes > 8
    assert any(spine > 0 for _, _, spine in networks(design))
    assert (design.tco_usd or math.inf) <= tco_of(large) * (1 + TOLERANCE)


def test_verify_knows_how_many_islands_there_may_be() -> None:
    design = design_of(with_islands(two_jobs(), 2))
    assert verify(two_jobs().load(), design)[1]
    renamed = design.model_copy(
        update={"pools": tuple(p.model_copy(update={"fabric": "flat"}) for p in design.pools)},
    )
    assert verify(with_islands(two_jobs(), 2).load(), renamed)[1]


def test_a_fabric_without_a_switch_has_no_islands() -> None:
    with pytest.raises(InputError, match="islands"):
        owned_site([job()]).change("fabrics", "none", islands=2).load()
