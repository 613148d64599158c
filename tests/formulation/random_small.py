"""Random tiny problems: every scenario, limits, growth, existing equipment and prices drawn from a seed."""

from __future__ import annotations

import random
from typing import Any

from small import Small, colocation, dataset, job, owned_site, service, two_sites, water_cooled, with_cloud

PRICED = {
    "nodes": ("price_usd", "rent_usd_per_hour", "support_pct_per_year", "max_kw", "mtbf_hours"),
    "switches": ("price_usd", "max_kw"),
    "storage": ("price_usd", "raw_tb", "max_kw"),
    "racks": ("price_usd", "max_kw"),
    "power": ("price_usd", "kw"),
    "cooling": ("price_usd", "kw", "kw_per_kw"),
}


def random_small(seed: int) -> Small:
    """Return the problem of a seed."""
    dice = random.Random(seed)
    small = _scenario(dice)
    for table, columns in PRICED.items():
        for column in columns:
            for row in small.tables[table]:
                if row.get(column) is not None and dice.random() < 0.5:
                    value = row[column] * dice.uniform(0.6, 1.6)
                    if column == "max_kw" and "measured_peak_kw" in row:
                        value = max(value, row["measured_peak_kw"])
                    if column == "kw_per_kw":
                        value = min(value, 0.5)
                    small = small.change(table, row["name"], **{column: round(value, 3)})
    grows = any(row["growth_pct_per_year"] or row["last_year"] for row in small.tables["inference"])
    small = small.set(
        horizon_years=2 if grows else dice.choice((1, 3, 5)),
        discount_rate_pct=dice.choice((0, 4, 8)),
        residual_pct=dice.choice((0, 40, 100)),
        cost_inflation_pct=dice.choice((0, 2)),
        energy_inflation_pct=dice.choice((None, 5)),
        schedulable_pct=dice.choice((60, 85, 100)),
        spare_target_pct=dice.choice((90, 99, 99.9)),
    )
    return _limits(dice, _existing(dice, small))


def _job(dice: random.Random, name: str) -> dict[str, Any]:
    start = dice.choice((0, 0, 0, 50, 200))
    return job(
        name,
        tokens=dice.choice((5e10, 2e11, 6e11, 1.5e12)),
        deadline_days=dice.choice((3, 20, 100)),
        runs_per_year=dice.choice((1, 1, 2, 3)),
        overhead_factor=dice.choice((1, 1.5)),
        earliest_start_day=start,
        due_day=dice.choice((365, 365, start + 90)),
    )


def _service(dice: random.Random, name: str) -> dict[str, Any]:
    peak = dice.choice((300, 1500, 2500))
    return service(
        name,
        peak_requests_per_s=peak,
        mean_requests_per_s=dice.choice((None, peak / 4)),
        max_quality_loss_pct=dice.choice((0, 1)),
        availability_pct=dice.choice((None, None, 99.99)),
        headroom_pct=dice.choice((0, 20)),
        growth_pct_per_year=dice.choice((0, 0, 60)),
        first_year=1,
        last_year=dice.choice((None, 1)),
    )


def _scenario(dice: random.Random) -> Small:
    jobs = [_job(dice, name) for name in ("learn", "tune")[: dice.choice((0, 1, 1, 2))]]
    services = [_service(dice, "chat")] if not jobs or dice.random() < 0.5 else []
    build = dice.choice((owned_site, two_sites, with_cloud, colocation, water_cooled))
    small = build(jobs, services)
    stored = bool(jobs) and dice.random() < 0.5
    if stored:
        small = small.change("training", "learn", dataset="books")
        copies = dice.choice((1, 2)) if build is two_sites else 1
        size = dice.choice((1, 4, 15))
        small = small.put("datasets", [dataset(size_tb=size, hot_pct=dice.choice((0, 50, 100)), min_copies=copies)])
    if build in (two_sites, with_cloud) or stored or len(jobs) + len(services) > 1:
        small = small.drop(*dice.choice((("fabrics", "flat"), ("nodes", "quad"))))
    if dice.random() < 0.4:
        small = small.put("offers", _offers(dice, small))
    return small.change("sites", "oslo", redundancy=dice.choice(("N", "N+1", "2N")))


def _offers(dice: random.Random, small: Small) -> list[dict[str, Any]]:
    table = dice.choice(("nodes", "racks", "power", "cooling", "storage"))
    rows: list[dict[str, Any]] = []
    for row in small.tables[table]:
        if len(rows) and dice.random() < 0.2:
            continue
        limit = dice.choice((None, None, 1, 3, 6))
        price = None if row.get("price_usd") is None else round(row["price_usd"] * dice.uniform(0.5, 1.5))
        rows.append({"table": table, "name": row["name"], "price_usd": price, "max_units": limit})
    return rows


def _existing(dice: random.Random, small: Small) -> Small:
    rows = []
    for table in ("nodes", "switches", "storage", "racks", "power", "cooling"):
        if dice.random() < 0.25:
            name = dice.choice(small.tables[table])["name"]
            if name != "bucket":
                rows.append({"site": "oslo", "table": table, "name": name, "units": dice.choice((1, 2, 5))})
    return small.put("existing", rows)


def _limits(dice: random.Random, small: Small) -> Small:
    limit = dice.choice((None, None, None, "power", "positions", "water", "capex", "carbon"))
    if limit == "power":
        return small.change("sites", "oslo", power_limit_kw=dice.choice((2.5, 5, 10)))
    if limit == "positions":
        return small.change("sites", "oslo", rack_positions=dice.choice((2, 3)))
    if limit == "water":
        return small.change("sites", "oslo", water_limit_m3_per_year=dice.choice((5, 20)))
    if limit == "capex":
        return small.set(capex_limit_usd=dice.choice((40_000, 80_000)))
    return small.set(carbon_limit_t_per_year=dice.choice((2, 5))) if limit else small
