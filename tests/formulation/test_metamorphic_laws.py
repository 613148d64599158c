"""Laws that every optimum keeps: tighter promises, more demand, more offers, dearer prices, other names and orders."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import Any

import pytest
from small import Small, colocation, dataset, design_of, job, owned_site, service, tco_of, two_sites, with_cloud

TOLERANCE = 1e-7
BUSY: dict[str, Any] = {"peak_requests_per_s": 2500, "mean_requests_per_s": 900}


def base() -> Small:
    """Return the problem that most laws vary."""
    small = owned_site([job(tokens=4e11, dataset="books")], [service(**BUSY)])
    return small.put("datasets", [dataset()])


def never_falls(problems: list[Small]) -> list[float]:
    """Assert that no problem is cheaper than the one before it, and return the costs (inf: no design)."""
    costs = [tco_of(small) for small in problems]
    assert costs[0] < math.inf
    for before, after in pairwise(costs):
        assert after >= before * (1 - TOLERANCE)
    return costs


TIGHTENED: dict[str, tuple[str, str, list[Any]]] = {
    "deadline": ("training", "deadline_days", [300, 40, 12, 5, 1]),
    "due day": ("training", "due_day", [365, 60, 20, 9]),
    "runs": ("training", "runs_per_year", [1, 3, 9, 30]),
    "overhead": ("training", "overhead_factor", [1, 2, 8]),
    "tokens": ("training", "tokens", [1e11, 4e11, 3e12]),
    "ttft": ("inference", "ttft_ms", [500, 60, 12, 6]),
    "tpot": ("inference", "tpot_ms", [50, 12, 3, 1]),
    "latency": ("inference", "latency_ms", [2000, 700, 250, 120]),
    "percentile": ("inference", "percentile", [90, 99, 99.9]),
    "quality": ("inference", "max_quality_loss_pct", [5, 0.5, 0.1, 0]),
    "availability": ("inference", "availability_pct", [None, 99.9, 99.9999]),
    "peak": ("inference", "peak_requests_per_s", [1000, 3000, 9000]),
    "mean": ("inference", "mean_requests_per_s", [100, 1000, 2500]),
    "growth": ("inference", "growth_pct_per_year", [0, 30, 120]),
    "reload": ("inference", "reload_s", [None, 60, 0.01, 0.002]),
    "headroom": ("inference", "headroom_pct", [0, 25, 150]),
    "data": ("datasets", "size_tb", [1, 9, 40]),
    "durability": ("datasets", "max_annual_loss_probability", [1, 1e-6, 1e-9, 1e-16]),
    "hot data": ("datasets", "hot_pct", [0, 30, 100]),
    "power": ("sites", "power_limit_kw", [40, 12, 7, 5]),
    "positions": ("sites", "rack_positions", [None, 2, 1]),
    "water": ("sites", "water_limit_m3_per_year", [None, 40, 1, 0]),
    "redundancy": ("sites", "redundancy", ["N", "N+1", "2N"]),
    "node failures": ("nodes", "mtbf_hours", [50_000, 2000, 300]),
}


PREPARED = {
    "percentile": base().change("inference", ttft_ms=None, tpot_ms=None, latency_ms=125),
    "hot data": base().change("datasets", size_tb=300),
    "water": base().drop("cooling", "dry-12"),
}
"""Problems in which the promise of a law matters, where it does not in `base`."""


@pytest.mark.parametrize("law", TIGHTENED)
def test_a_tighter_promise_never_costs_less(law: str) -> None:
    table, column, values = TIGHTENED[law]
    small = PREPARED.get(law, base())
    costs = never_falls([small.change(table, **{column: value}) for value in values])
    assert costs[-1] > costs[0], "the last value was meant to matter"


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("capex_limit_usd", [None, 75_000, 70_000, 40_000]),
        ("carbon_limit_t_per_year", [None, 9, 7, 4]),
        ("carbon_price_usd_per_t", [0, 30, 300]),
        ("spare_target_pct", [50, 99, 99.9999]),
        ("schedulable_pct", [100, 40, 5, 2]),
        ("staff_usd_per_kw_year", [0, 50]),
        ("cost_inflation_pct", [0, 5]),
        ("residual_pct", [100, 50, 0]),
        ("survive_failures", [1, 2, 3]),
    ],
)
def test_a_tighter_setting_never_costs_less(setting: str, values: list[Any]) -> None:
    costs = never_falls([base().set(**{setting: value}) for value in values])
    assert costs[-1] > costs[0]


def test_copies_at_more_sites_never_cost_less() -> None:
    small = two_sites([job(dataset="books")]).put("datasets", [dataset()])
    never_falls([small.change("datasets", min_copies=copies) for copies in (1, 2)])


def test_more_sites_allowed_never_cost_more() -> None:
    small = two_sites([job()], [service()])
    never_falls([small.change("inference", sites=sites) for sites in ("", "rome")])
    never_falls([small.change("training", sites=sites) for sites in ("", "oslo")])


def test_encryption_never_costs_less_and_its_loss_of_speed_counts() -> None:
    small = base().change("storage", "flash", features="encryption-at-rest", read_gb_per_s=0.6)
    asked = small.change("datasets", hot_pct=100, size_tb=1, dataset_tokens=2e8, requires="encryption-at-rest")
    plain = asked.change("datasets", requires="")
    never_falls([plain, *(asked.change("storage", "flash", encryption_loss_pct=loss) for loss in (0, 17, 90))])
    assert tco_of(asked) == pytest.approx(tco_of(plain), rel=1e-9)
    assert tco_of(asked.change("storage", "flash", encryption_loss_pct=90)) > tco_of(plain)


@pytest.mark.parametrize(
    ("table", "name"),
    [
        *(("nodes", "quad"), ("racks", "short"), ("storage", "disk"), ("codecs", "pack"), ("cooling", "wet-30")),
        *(
            ("power", "ups-5"),
            ("power", "pdu-9"),
            ("protection", "ec-4-2"),
            ("fabrics", "flat"),
            ("compression", "int8"),
        ),
    ],
)
def test_an_extra_offer_never_costs_more(table: str, name: str) -> None:
    small = base().change("training", deadline_days=6)
    never_falls([small, small.drop(table, name)])


def test_a_cloud_never_costs_more() -> None:
    small = with_cloud([job(last_year=1)], [service()])
    rented = tco_of(small)
    owned = tco_of(owned_site([job(last_year=1)], [service()]))
    assert rented <= owned * (1 + TOLERANCE)


@pytest.mark.parametrize("factor", [1.3, 3.0])
def test_dearer_prices_never_cost_less_and_at_most_in_proportion(factor: float) -> None:
    cheap = tco_of(base())
    dear = base()
    for table in ("nodes", "switches", "links", "storage", "racks", "power", "cooling"):
        dear = dear.scale(table, "price_usd", factor)
    for column in ("electricity_usd_per_kwh", "demand_charge_usd_per_kw_month", "build_usd_per_kw", "water_usd_per_m3"):
        some = dear.scale("sites", column, factor)
        assert cheap * (1 - TOLERANCE) <= tco_of(some) <= cheap * factor * (1 + TOLERANCE)
        dear = some
    dear = dear.scale("software", "licence_usd_per_accelerator_year", factor)
    dear = dear.set(staff_usd_per_kw_year=50 * factor, carbon_price_usd_per_t=30 * factor)
    dear = dear.set(cpu_usd_per_core_hour=0.0248 * factor)
    assert tco_of(dear) == pytest.approx(cheap * factor, rel=1e-6)


def test_a_job_run_once_pays_its_rents_once_of_nodes_and_of_storage() -> None:
    small = with_cloud([job(sites="sky", last_year=1)])
    rents = set()
    for horizon in (1, 3, 6):
        design = design_of(small.set(horizon_years=horizon))
        assert design.cost is not None
        rents.add(round(sum(year.running_usd for year in design.cost.cash_by_year), 6))
    assert len(rents) == 1


def test_equal_years_cost_the_same_cash() -> None:
    design = design_of(base().set(horizon_years=2, discount_rate_pct=0))
    assert design.cost is not None
    first, second = design.cost.cash_by_year
    packing = design.cost.running["processing"]
    assert first.running_usd - second.running_usd == pytest.approx(0, abs=packing + 1e-6)
    assert second.capital_usd == 0


@pytest.mark.parametrize("residual", [0, 100])
def test_without_discount_the_tco_is_the_cash_less_the_residual(residual: int) -> None:
    horizon = 3
    design = design_of(base().set(discount_rate_pct=0, residual_pct=residual, horizon_years=horizon))
    assert design.cost is not None
    lives = {"sites": 25.0}
    left = 0.0
    for line in design.bom_lines:
        rows = base().load().tables[line.table]
        life = lives.get(line.table) or rows[line.item].lifetime_years  # type: ignore[attr-defined]
        assert line.year == 1 or life < horizon
        left += max(0.0, line.total_usd * (1 - (horizon - line.year + 1) / life))
    cash = sum(year.total_usd for year in design.cost.cash_by_year)
    assert design.tco_usd == pytest.approx(cash - left * residual / 100, rel=1e-9)


RENAMED = {"duo": "zz", "quad": "aa", "flash": "z-flash", "tall": "a-tall", "ups-5": "x", "learn": "zzz", "chat": "AAA"}


def renamed(small: Small) -> Small:
    """Return the same problem under other names."""
    tables = {
        table: tuple(
            {column: RENAMED.get(cell, cell) if isinstance(cell, str) else cell for column, cell in row.items()}
            for row in rows
        )
        for table, rows in small.tables.items()
    }
    return Small(tables, small.settings)


@pytest.mark.parametrize("build", [base, lambda: colocation([job()], [service()])])
def test_names_and_order_of_rows_change_nothing(build: Any) -> None:
    small = build()
    cost = tco_of(small)
    assert tco_of(renamed(small)) == pytest.approx(cost, rel=1e-9)
    dice = random.Random(7)
    tables = {table: tuple(dice.sample(rows, len(rows))) for table, rows in small.tables.items()}
    assert tco_of(Small(tables, small.settings)) == pytest.approx(cost, rel=1e-9)


@pytest.mark.parametrize(
    ("table", "name"),
    [
        *(("nodes", "duo"), ("nodes", "quad"), ("switches", "sw8"), ("storage", "flash"), ("racks", "tall")),
        *(("power", "ups-15"), ("power", "diesel-25"), ("cooling", "crah-6"), ("cooling", "dry-12")),
    ],
)
def test_existing_equipment_never_costs_more(table: str, name: str) -> None:
    small = base().change("training", deadline_days=6)
    there = [small.put("existing", [{"site": "oslo", "table": table, "name": name, "units": n}]) for n in (9, 2, 1)]
    costs = never_falls([*there, small])
    if (table, name) not in (("nodes", "quad"), ("racks", "tall"), ("power", "ups-15"), ("switches", "sw8")):
        assert costs[0] < costs[-1]
