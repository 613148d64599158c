"""Totals of a design against its parts: money, bill of materials, power, heat, ports, replicas."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import pytest
from small import Small, colocation, dataset, design_of, job, owned_site, service, two_sites, water_cooled, with_cloud

from dcopt.design.records import Design
from dcopt.problem.problem import Problem

BUSY: dict[str, Any] = {"peak_requests_per_s": 2500, "mean_requests_per_s": 900}
JOBS = [job(deadline_days=2, dataset="books"), job("tune", tokens=4e11)]
SERVICES = [service(**BUSY), service("search", max_quality_loss_pct=0)]


def _with_data(small: Small) -> Small:
    return small.put("datasets", [dataset(size_tb=12)]).set(horizon_years=4)


CASES = {
    "owned": _with_data(owned_site(JOBS, SERVICES)),
    "2N": _with_data(owned_site(JOBS, SERVICES, redundancy="2N")),
    "colocation": _with_data(colocation(JOBS, SERVICES)),
    "two sites": _with_data(two_sites(JOBS, SERVICES)).change("datasets", min_copies=2),
    "cloud": _with_data(with_cloud(JOBS, SERVICES)),
    "liquid": _with_data(water_cooled(JOBS, SERVICES)).drop("nodes", "duo"),
}
Solved = tuple[Problem, Design]


@pytest.fixture(scope="module", params=CASES)
def solved(request: pytest.FixtureRequest) -> Solved:
    """Return a problem and its design."""
    problem = CASES[request.param].load()
    return problem, design_of(problem)


def at(records: Any, site: str, year: int = 1) -> list[Any]:
    """Return the records of a site and year."""
    return [record for record in records if (record.site, record.year) == (site, year)]


def test_costs_add_up_to_the_tco_and_the_objective(solved: Solved) -> None:
    _, design = solved
    assert design.cost is not None
    total = sum(design.cost.capital.values()) + sum(design.cost.running.values())
    assert design.tco_usd == pytest.approx(total, rel=1e-12)
    assert design.objective_value == pytest.approx(total, rel=1e-9)
    assert design.objective_bound is not None
    assert design.objective_bound <= total * (1 + 1e-9)


def test_bill_of_materials_is_the_capital_at_purchase_price(solved: Solved) -> None:
    _, design = solved
    assert design.cost is not None
    by_year: dict[int, float] = defaultdict(float)
    for line in design.bom_lines:
        assert line.total_usd == pytest.approx(line.quantity * line.unit_price_usd, rel=1e-12)
        by_year[line.year] += line.total_usd
    for cash in design.cost.cash_by_year:
        assert cash.capital_usd == pytest.approx(by_year[cash.year], rel=1e-9)
        assert cash.total_usd == pytest.approx(cash.capital_usd + cash.running_usd, rel=1e-12)


def test_bill_of_materials_lists_what_stands(solved: Solved) -> None:
    problem, design = solved
    counted: dict[tuple[str, str], float] = defaultdict(float)
    for line in design.bom_lines:
        if line.year == 1:
            counted[line.table, line.item] += line.quantity
    for name in problem.nodes:
        stood = sum(p.bought for p in design.pools if (p.node, p.year) == (name, 1))
        assert counted["nodes", name] == stood
    standing: dict[str, Any] = {"racks": design.racks, "cooling": design.cooling, "power": design.power}
    for table, records in standing.items():
        stands: dict[str, int] = defaultdict(int)
        for record in records:
            if record.year == 1:
                stands[record.name] += record.count if table == "racks" else record.units
        assert stands == {name: n for (of, name), n in counted.items() if of == table}


def test_power_of_the_parts_is_the_power_of_the_site(solved: Solved) -> None:
    problem, design = solved
    for record in design.sites:
        site, year = record.site, record.year
        kw = sum(p.nodes * problem.nodes[p.node].peak_kw for p in at(design.pools, site, year))
        units = {r.name: r.site_units for r in at(design.storage, site, year)}
        kw += sum(n * problem.storage[name].max_kw for name, n in units.items())
        for net in at(design.network, site, year):
            fabric = problem.fabrics[net.fabric]
            kw += (net.leaf + net.spine + net.core) * problem.switches[net.switch].max_kw
            kw += net.access_links * problem.links[fabric.access_link or ""].kw
            kw += (net.leaf_spine_links + net.spine_core_links) * problem.links[fabric.trunk_link or ""].kw
        assert record.it_kw == pytest.approx(kw, rel=1e-9)
        assert record.facility_kw >= record.it_kw
        assert record.facility_kw <= (record.power_limit_kw or 0.0) * (1 + 1e-9)


def test_all_power_becomes_heat_that_units_take(solved: Solved) -> None:
    problem, design = solved
    for record in design.sites:
        if problem.sites[record.site].kind == "colocation":
            continue
        units = at(design.cooling, record.site, record.year)
        lost = sum(p.loss_kw for p in at(design.power, record.site, record.year) if p.role in ("pdu", "ups"))
        collectors = [u for u in units if problem.cooling[u.name].kind != "heat-rejection"]
        fans = sum(u.kw * problem.cooling[u.name].kw_per_kw for u in collectors)
        rejected = sum(u.kw for u in units if problem.cooling[u.name].kind == "heat-rejection")
        assert sum(u.kw for u in collectors) == pytest.approx(record.it_kw + lost, rel=1e-9)
        assert sum(u.room_kw for u in collectors) == pytest.approx(lost, rel=1e-9)
        assert rejected == pytest.approx(record.it_kw + lost + fans, rel=1e-9)
        for unit in units:
            assert unit.units * problem.cooling[unit.name].kw >= unit.kw * (1 - 1e-9)


def test_power_chain_carries_what_the_next_part_draws(solved: Solved) -> None:
    problem, design = solved
    for record in design.sites:
        parts = {p.role: p for p in at(design.power, record.site, record.year)}
        if not parts:
            continue
        units = at(design.cooling, record.site, record.year)
        rejection = sum(u.kw * problem.cooling[u.name].kw_per_kw for u in units if u.serves)
        fans = sum(u.kw * problem.cooling[u.name].kw_per_kw for u in units if not u.serves)
        drawn = {role: p.kw + p.loss_kw for role, p in parts.items()}
        assert parts["pdu"].kw == pytest.approx(record.it_kw, rel=1e-9)
        assert parts["ups"].kw == pytest.approx(drawn["pdu"] + fans, rel=1e-9)
        assert parts["transformer"].kw == pytest.approx(drawn["ups"] + rejection, rel=1e-9)
        assert parts["generator"].kw == pytest.approx(parts["transformer"].kw, rel=1e-9)
        assert record.facility_kw == pytest.approx(drawn["transformer"], rel=1e-9)


def test_every_unit_of_every_rack_is_known(solved: Solved) -> None:
    """The elevations hold what stands at a site, in as many racks as are bought, within their height."""
    problem, design = solved
    for site in problem.sites:
        stood: dict[str, int] = defaultdict(int)
        for pool in at(design.pools, site):
            stood[pool.node] += 0 if pool.rented else pool.nodes
        for net in at(design.network, site):
            stood[net.switch] += net.leaf + net.spine + net.core
        if problem.sites[site].kind != "cloud":
            for name, units in {r.name: r.site_units for r in at(design.storage, site)}.items():
                stood[name] += units
        shown: dict[str, int] = defaultdict(int)
        racks = 0
        for record in at(design.elevations, site):
            racks += record.count
            top = 1.0
            for slot in record.slots:
                shown[slot.item] += record.count
                assert slot.from_unit >= top
                top = slot.from_unit + slot.units
            assert top - 1 <= problem.racks[record.rack].units
        assert shown == {name: count for name, count in stood.items() if count}
        assert racks == sum(record.count for record in at(design.racks, site))


def test_pdus_are_sized_for_the_nameplate(solved: Solved) -> None:
    problem, design = solved
    for record in design.sites:
        if problem.sites[record.site].kind == "colocation":
            continue
        peak = rated = 0.0
        for pool in at(design.pools, record.site, record.year):
            peak += pool.nodes * problem.nodes[pool.node].peak_kw
            rated += pool.nodes * (problem.nodes[pool.node].max_kw or 0.0)
        for part in at(design.power, record.site, record.year):
            more = rated - peak if part.role == "pdu" else 0.0
            assert part.sized_kw == pytest.approx(part.kw + more, rel=1e-9)


def test_every_node_has_its_ports_and_every_replica_its_accelerators(solved: Solved) -> None:
    problem, design = solved
    for net in design.network:
        (pool,) = [p for p in at(design.pools, net.site, net.year) if (p.node, p.fabric) == (net.node, net.fabric)]
        assert net.access_links == pool.nodes * (problem.fabrics[net.fabric].nics_per_node or 0)
        ends = net.access_links + 2 * (net.leaf_spine_links + net.spine_core_links)
        assert ends <= (net.leaf + net.spine + net.core) * problem.switches[net.switch].ports
    for pool in design.pools:
        parts = [
            s for s in at(design.inference, pool.site, pool.year) if (s.node, s.fabric) == (pool.node, pool.fabric)
        ]
        chips = sum(s.replicas * s.accelerators_per_replica for s in parts)
        assert math.ceil(chips / problem.nodes[pool.node].accelerators) <= pool.service_nodes <= pool.nodes


def test_nodes_stand_in_racks(solved: Solved) -> None:
    _, design = solved
    for pool in design.pools:
        if not pool.rented:
            alike = [p for p in at(design.pools, pool.site, pool.year) if p.node == pool.node]
            racks = [r for r in at(design.racks, pool.site, pool.year) if r.node == pool.node]
            assert sum(r.nodes for r in racks) == sum(p.nodes for p in alike)


def test_services_are_served_and_jobs_are_run(solved: Solved) -> None:
    problem, design = solved
    for year in range(1, design.horizon_years + 1):
        for name, row in problem.inference.items():
            parts = [s for s in design.inference if (s.service, s.year) == (name, year)]
            assert sum(s.requests_per_s for s in parts) == pytest.approx(row.peak_requests_per_s, rel=1e-9)
            assert all(s.requests_per_s <= s.capacity_requests_per_s * (1 + 1e-9) for s in parts)
        assert sorted(j.job for j in design.training if j.year == year) == sorted(problem.training)
