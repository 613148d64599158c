"""Racks and power feeds that may be lost: services stand over several, and what is left carries what it must."""

from __future__ import annotations

from typing import Any

import pytest
from small import Small, design_of, owned_site, service, two_sites

from dcopt.design.records import Design
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.report.content import build_report
from dcopt.verify.verify import verify


def spread(domains: str = "rack", share: float = 50, peak: float = 300, **site: Any) -> Small:
    chat = service(failure_domains=domains, domain_survive_pct=share, peak_requests_per_s=peak)
    return owned_site(services=[chat], **site)


def cost(small: Small) -> float:
    return design_of(small).tco_usd or 0.0


def parts(design: Design) -> list[Any]:
    return [part for part in design.inference if part.year == 1]


@pytest.mark.parametrize("domains", ["rack", "feed"])
def test_a_service_stands_over_two_domains(domains: str) -> None:
    design = design_of(spread(domains))
    found = parts(design)
    assert sum(part.own_nodes for part in found) >= 2
    assert all(part.domains >= 2 for part in found)
    if domains == "rack":
        assert sum(rack.count for rack in design.racks if rack.year == 1 and rack.node != "network-storage") >= 2
    else:
        assert sum(part.units for part in design.power if part.year == 1 and part.role == "pdu") >= 2


def test_nothing_asked_is_todays_answer() -> None:
    plain = owned_site(services=[service(peak_requests_per_s=300)])
    assert cost(spread("none", 90)) == pytest.approx(cost(plain), rel=1e-9)
    assert all((part.own_nodes, part.domains) == (0, 0) for part in design_of(plain).inference)


def test_more_that_must_survive_never_costs_less() -> None:
    costs = [cost(spread("none")), *(cost(spread("rack", share)) for share in (10, 50, 80, 100))]
    assert costs == sorted(costs)
    assert costs[0] < costs[2]


def test_doubled_feeds_lose_no_node() -> None:
    doubled = {"redundancy": "2N", "power_limit_kw": 60}
    assert cost(spread("feed", 100, **doubled)) == pytest.approx(cost(spread("none", **doubled)), rel=1e-6)


def test_verify_finds_a_rack_too_few_and_a_share_too_small() -> None:
    small = spread("rack")
    problem, design = small.load(), design_of(small)
    assert verify(problem, design, gap_target=1e-9)[1] == ()
    for change in ({"lost_replicas": 0}, {"domains": 99}, {"own_nodes": 0}):
        forged = design.model_copy(
            update={"inference": tuple(part.model_copy(update=change) for part in design.inference)}
        )
        assert any("inference chat" in str(wrong) for wrong in verify(problem, forged)[1]), change
    large = spread("rack", 10, 1500)
    strict = large.change("inference", "chat", domain_survive_pct=100).load()
    assert any("domain_survive_pct" in str(wrong) for wrong in verify(strict, design_of(large))[1])


def test_one_rack_alone_is_no_design() -> None:
    design = design_for(spread("rack", rack_positions=1).load(), RunOptions(baseline=False))
    assert design.status == "infeasible"
    assert "room for a second rack" in " ".join(design.diagnosis)


def test_feeds_without_distribution_units_are_an_obstacle() -> None:
    small = spread("feed").drop("power", "pdu-2").drop("power", "pdu-9")
    design = design_for(small.load(), RunOptions(baseline=False))
    assert design.status == "infeasible"
    assert "distribution unit (pdu) on offer" in " ".join(design.diagnosis)


def test_the_report_says_what_is_lost() -> None:
    small = spread("rack")
    titles = [section.title for section in build_report(design_of(small), small.load()).sections]
    assert "Failure domains" in titles


def test_what_stands_by_at_another_site_carries_something() -> None:
    small = two_sites(services=[service(survive_pct=100, peak_requests_per_s=300)])
    small = small.change("sites", "rome", electricity_usd_per_kwh=2.0)
    design = design_of(small)
    assert {part.site for part in parts(design)} == {"oslo", "rome"}
    assert all(part.requests_per_s > 0 for part in parts(design))
