"""Offers and existing equipment: limits of every table, rows that are not for sale, smallest orders."""

from __future__ import annotations

from typing import Any

import pytest
from small import Small, dataset, design_of, job, owned_site, service, tco_of, with_cloud

BUSY: dict[str, Any] = {"peak_requests_per_s": 6000, "mean_requests_per_s": 3000}


def busy() -> Small:
    """Return a service that needs several duos."""
    return owned_site(services=[service(**BUSY)]).drop("fabrics", "flat").drop("nodes", "quad")


def bought(small: Small, table: str) -> dict[str, float]:
    """Return what a design buys of a table in year 1."""
    lines = [line for line in design_of(small).bom_lines if (line.table, line.year) == (table, 1)]
    return {line.item: line.quantity for line in lines}


def there(small: Small, table: str, name: str, units: int) -> Small:
    """Put existing equipment at the site."""
    return small.put("existing", [{"site": "oslo", "table": table, "name": name, "units": units}])


@pytest.mark.parametrize(
    ("table", "existing", "for_sale"),
    [
        ("racks", "short", ["tall"]),
        ("power", "ups-5", ["pdu-9", "ups-15", "feed-20", "diesel-25"]),
        ("cooling", "dry-12", ["crah-6", "wet-30"]),
    ],
)
def test_what_exists_but_is_not_for_sale_is_not_bought(table: str, existing: str, for_sale: list[str]) -> None:
    small = there(busy(), table, existing, 1).put("offers", [{"table": table, "name": name} for name in for_sale])
    assert existing not in bought(small, table)


def test_existing_storage_that_is_not_for_sale_keeps_its_upkeep() -> None:
    small = owned_site([job(dataset="books")]).put("datasets", [dataset(size_tb=4)])
    small = there(small, "storage", "flash", 3).put("offers", [{"table": "storage", "name": "disk"}])
    design = design_of(small)
    assert {record.name for record in design.storage} == {"flash"}
    assert design.cost is not None
    assert design.cost.capital["storage"] == 0
    sold = there(small, "storage", "flash", 3).put(
        "offers", [{"table": "storage", "name": n} for n in ("flash", "disk")]
    )
    assert tco_of(sold) == pytest.approx(tco_of(small), rel=1e-9)
    more = small.change("datasets", size_tb=40, hot_pct=100)
    assert design_of(more).status == "infeasible"


def test_an_existing_rack_is_used_though_a_new_one_is_cheaper_to_buy() -> None:
    racks: list[dict[str, Any]] = [
        {"name": name, "units": 8, "max_kw": 4, "price_usd": usd} for name, usd in (("cheap", 100), ("dear", 900))
    ]
    small = busy().put("racks", racks)
    assert bought(small, "racks").keys() == {"cheap"}
    assert bought(there(small, "racks", "dear", 9), "racks") == {}


def test_dearer_racks_stand_beside_the_cheap_ones_that_can_be_had() -> None:
    racks: list[dict[str, Any]] = [
        {"name": name, "units": 8, "max_kw": 4, "price_usd": usd} for name, usd in (("cheap", 100), ("dear", 900))
    ]
    offers: list[dict[str, Any]] = [
        {"table": "racks", "name": "cheap", "max_units": 1},
        {"table": "racks", "name": "dear"},
    ]
    assert bought(busy().put("racks", racks).put("offers", offers), "racks") == {"cheap": 1, "dear": 2}


@pytest.mark.parametrize(
    ("table", "names", "least"),
    [
        ("racks", ["short"], 7),
        ("power", ["pdu-2", "ups-5", "feed-20", "diesel-25"], 9),
        ("cooling", ["crah-6", "dry-12"], 4),
    ],
)
@pytest.mark.parametrize("redundancy", ["N", "2N"])
def test_a_smallest_order_is_kept(table: str, names: list[str], least: int, redundancy: str) -> None:
    small = busy().change("sites", "oslo", redundancy=redundancy)
    rows: list[dict[str, Any]] = [{"table": table, "name": name} for name in names]
    free = bought(small.put("offers", rows), table)
    rows[0] = {**rows[0], "min_units": least}
    assert free[names[0]] < least
    assert bought(small.put("offers", rows), table)[names[0]] in (least, least + 1)


def test_a_smallest_order_of_storage_and_nodes_is_kept() -> None:
    small = owned_site([job(dataset="books")]).put("datasets", [dataset()])
    offers = [{"table": "storage", "name": "flash", "min_units": 5}, {"table": "nodes", "name": "duo", "min_units": 4}]
    design = design_of(small.put("offers", offers))
    assert {record.site_units for record in design.storage} == {5}
    assert {pool.nodes for pool in design.pools} == {4}


def test_a_limit_holds_for_rented_storage() -> None:
    small = with_cloud([job(dataset="books", sites="sky")]).put("datasets", [dataset(size_tb=6, hot_pct=100)])
    enough = small.put("offers", [{"table": "storage", "name": "bucket", "max_units": 3}])
    assert {record.site_units for record in design_of(enough).storage} == {3}
    design = design_of(small.put("offers", [{"table": "storage", "name": "bucket", "max_units": 2}]))
    assert design.status == "infeasible"
    assert "offers.csv: storage/bucket/* max_units" in design.diagnosis[0]


@pytest.mark.parametrize("units", [1, 3, 20])
def test_existing_nodes_are_used_first_and_never_exceeded(units: int) -> None:
    design = design_of(there(busy(), "nodes", "duo", units))
    year = [pool for pool in design.pools if pool.year == 1]
    assert sum(pool.existing for pool in year) == min(units, sum(pool.nodes for pool in year))


def test_rented_nodes_keep_their_limit_at_once() -> None:
    jobs = [job(name, tokens=4e11, sites="sky", due_day=30) for name in ("a", "b")]
    small = with_cloud(jobs).drop("nodes", "quad")
    for most in (3, 2):
        design = design_of(small.put("offers", [{"table": "nodes", "name": "duo", "max_units": most}]))
        assert max(pool.nodes for pool in design.pools) <= most


def test_a_service_that_shrinks_to_nothing_costs_its_first_year_only() -> None:
    small = with_cloud(services=[service(sites="sky", growth_pct_per_year=-100)]).set(horizon_years=3)
    design = design_of(small)
    assert {record.year for record in design.inference} == {1}
    assert design.cost is not None
    assert [year.total_usd > 0 for year in design.cost.cash_by_year] == [True, False, False]
