"""A hand-made problem and designs with every kind of record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dcopt.design.records import (
    Baseline,
    Binding,
    BomLine,
    CalendarEntry,
    CashYear,
    CoolingRecord,
    Cost,
    Design,
    ElevationRecord,
    NetworkRecord,
    PoolRecord,
    PowerRecord,
    ProgressPoint,
    RackRecord,
    Rejected,
    ServiceRecord,
    SiteRecord,
    Slot,
    StorageRecord,
    TrainingRecord,
)
from dcopt.problem.problem import Problem
from dcopt.problem.tables import TABLES
from dcopt.problem.tables.problem_rows import Settings

YEARS = (1, 2, 3)
NODE = "dgx-h100"
FABRIC = "ndr-rail"

ROWS: dict[str, list[dict[str, Any]]] = {
    "sites": [
        {"name": "oslo", "power_limit_kw": 500, "electricity_usd_per_kwh": 0.05, "rack_positions": 20},
        {"name": "cloud", "kind": "cloud"},
    ],
    "training": [
        {
            "name": "gpt3",
            "model": "gpt-3",
            "tokens": 3e11,
            "global_batch": 1536,
            "deadline_days": 45,
            "runs_per_year": 2,
        }
    ],
    "inference": [
        {
            "name": "chat",
            "model": "llama-2-70b",
            "peak_requests_per_s": 80,
            "input_tokens": 500,
            "output_tokens": 200,
            "ttft_ms": 500,
            "tpot_ms": 50,
            "latency_ms": 9000,
            "max_quality_loss_pct": 1,
        }
    ],
    "accelerators": [
        {"name": "h100-sxm", "memory_gb": 80, "memory_gb_per_s": 3350, "bf16_tflops": 989, "source": "h100 datasheet"}
    ],
    "nodes": [
        {
            "name": NODE,
            "accelerator": "h100-sxm",
            "accelerators": 8,
            "max_kw": 10.2,
            "rack_units": 8,
            "price_usd": 300000,
            "rent_usd_per_hour": 20,
            "support_pct_per_year": 5,
            "source": "dgx datasheet, https://example.org/dgx",
            "as_of": "2025-02",
        }
    ],
    "switches": [
        {
            "name": "qm9700",
            "technology": "infiniband",
            "ports": 64,
            "port_gbps": 400,
            "max_kw": 1.7,
            "rack_units": 1,
            "price_usd": 35000,
            "support_pct_per_year": 5,
            "maintenance_pct_per_year": 2,
            "source": "switch list",
            "as_of": "2024-11",
        }
    ],
    "links": [
        {"name": "ndr-aoc", "technology": "infiniband", "gbps": 400, "price_usd": 1200, "source": "cable list"},
    ],
    "fabrics": [
        {
            "name": FABRIC,
            "switch": "qm9700",
            "topology": "rail-optimized",
            "access_link": "ndr-aoc",
            "trunk_link": "ndr-aoc",
            "source": "reference architecture",
        }
    ],
    "racks": [{"name": "air-40kw", "units": 48, "max_kw": 40, "price_usd": 0, "source": "rack quote"}],
    "software": [{"name": "megatron", "role": "training", "source": "paper"}],
}


def make_problem() -> Problem:
    """Return a small problem whose rows the designs below use."""
    tables: dict[str, dict[str, Any]] = {name: {} for name in TABLES if name != "settings"}
    for name, rows in ROWS.items():
        table = TABLES[name]
        made = [table.row.model_validate(row) for row in rows]
        tables[name] = {table.key_of(row): row for row in made}
    settings = Settings(name="small", horizon_years=3, staff_usd_per_kw_year=100)
    return Problem(path=Path("small"), settings=settings, tables=tables, models={}, model_files={})


def _pools() -> list[PoolRecord]:
    common = {"node": NODE, "fabric": FABRIC, "spares": 1, "service_nodes": 3, "existing": 2}
    owned = [
        PoolRecord(site="oslo", year=y, nodes=34, accelerators=272, bought=32, rented=False, **common) for y in YEARS
    ]
    common |= {"fabric": "builtin", "spares": 0, "existing": 0}
    return [*owned, PoolRecord(site="cloud", year=3, nodes=4, accelerators=32, bought=0, rented=True, **common)]


def _training(year: int) -> TrainingRecord:
    return TrainingRecord(
        job="gpt3",
        site="oslo",
        node=NODE,
        fabric=FABRIC,
        year=year,
        nodes=30,
        accelerators=240,
        tensor=8,
        pipeline=5,
        data=6,
        expert=1,
        context=1,
        virtual_stages=2,
        micro_batch=2,
        recompute="selective",
        sharding="optimizer",
        precision="bf16",
        software="megatron",
        days=41.25,
        deadline_days=45,
        runs_per_year=2,
        tokens=3e11,
        step_s=18.5,
        tflops_per_accelerator=431.7,
        mfu=0.4365,
        memory_gb=66.2,
        goodput=0.951,
        checkpoint_gb=2450,
        checkpoint_gb_per_s=20,
        checkpoint_interval_s=3600,
        ingest_gb_per_s=0.0123,
        breakdown_s={"compute": 15.0, "tensor_parallel": 2.5, "bubble": 1.0},
        start_day=3,
    )


def _service(year: int) -> ServiceRecord:
    return ServiceRecord(
        service="chat",
        site="oslo",
        node=NODE,
        fabric=FABRIC,
        year=year,
        replicas=12,
        accelerators_per_replica=2,
        tensor=2,
        pipeline=1,
        expert=1,
        precision="fp8",
        compression="fp8",
        software="vllm",
        batch=48,
        ttft_ms=312.5,
        tpot_ms=41.75,
        latency_ms=8621,
        rtt_ms=12,
        percentile=95,
        requests_per_s=80,
        capacity_requests_per_s=91.5,
        saturated_requests_per_s=130,
        utilization=80 / 91.5,
        quality_loss_pct=0.25,
        memory_gb=71,
        breakdown_ms={"prefill": 210, "queue": 90.5},
    )


def _bom() -> list[BomLine]:
    rows = [
        (1, "nodes", "nodes", NODE, 32, 300000.0),
        (1, "network", "switches", "qm9700", 12, 35000.0),
        (1, "network", "links", "ndr-aoc", 400, 1199.5),
        (1, "storage", "storage", "flash", 2, 290000.0),
        (1, "racks", "racks", "air-40kw", 9, 0.0),
        (1, "building", "sites", "oslo", 431.25, 9000.0),
        (3, "network", "links", "ndr-aoc", 400, 1199.5),
    ]
    return [
        BomLine(site="oslo", year=y, category=c, table=t, item=i, quantity=q, unit_price_usd=p, total_usd=float(q) * p)
        for y, c, t, i, q, p in rows
    ]


def _cost(lines: list[BomLine]) -> Cost:
    capital = {"nodes": 7000000.0, "network": 400000.25, "storage": 300000.0, "racks": 0.0, "building": 1000000.0}
    running = {"energy": 600000.0, "staff": 120000.5, "rent": 70000.0}
    cash = []
    for year in YEARS:
        bought = sum(line.total_usd for line in lines if line.year == year)
        cash.append(CashYear(year=year, capital_usd=bought, running_usd=280000, total_usd=bought + 280000))
    return Cost(capital=capital, running=running, cash_by_year=tuple(cash))


def _facility() -> dict[str, Any]:
    return {
        "network": [
            NetworkRecord(
                site="oslo",
                node=NODE,
                fabric=FABRIC,
                year=y,
                switch="qm9700",
                leaf=8,
                spine=4,
                core=0,
                access_links=272,
                leaf_spine_links=256,
                spine_core_links=0,
            )
            for y in YEARS
        ],
        "storage": [
            StorageRecord(
                site="oslo",
                name="flash",
                dataset="text",
                part="hot",
                year=y,
                units=1.25,
                site_units=2,
                protection="ec-8-2",
                codec="zstd",
                stored_tb=50 + y,
                usable_tb=60.5,
                rented=False,
            )
            for y in YEARS
        ],
        "racks": [
            RackRecord(
                site="oslo",
                name="air-40kw",
                node=NODE,
                year=y,
                count=9,
                nodes=4,
                kw_each=40.8,
                cooling="air",
                air_cooling="crah-100",
            )
            for y in YEARS
        ],
        "elevations": [
            ElevationRecord(
                site="oslo",
                rack="air-40kw",
                content=NODE,
                cooling="air",
                year=1,
                count=count,
                slots=tuple(Slot(from_unit=1 + 8 * k, units=8, item=NODE) for k in range(nodes)),
            )
            for count, nodes in ((8, 4), (1, 2))
        ],
        "power": [
            PowerRecord(site="oslo", name="ups-250", role="ups", year=y, units=2, kw=395.5, loss_kw=5.25) for y in YEARS
        ],
        "cooling": [
            CoolingRecord(site="oslo", name=name, year=y, units=5, kw=kw, serves=serves, room_kw=room)
            for name, kw, serves, room in (("crah-100", 393.75, "", 5.25), ("chiller-500", 400.75, "chilled", 0.0))
            for y in YEARS
        ],
        "sites": [
            SiteRecord(
                site="oslo",
                year=y,
                it_kw=388.5,
                facility_kw=431.25,
                power_limit_kw=500,
                pue=1.11,
                energy_mwh_per_year=2900 + y,
                carbon_t_per_year=87.5,
                water_m3_per_year=1200,
                rack_positions_used=10,
            )
            for y in YEARS
        ],
    }


def make_design(**changes: Any) -> Design:
    """Return a design with every kind of record; ``changes`` replace fields."""
    lines = _bom()
    cost = _cost(lines)
    tco = sum(cost.capital.values()) + sum(cost.running.values())
    runs = [(1, 3.0, 44.25), (2, 60.5, 101.75)]
    fields: dict[str, Any] = {
        "problem": "small",
        "status": "optimal",
        "tco_usd": tco,
        "objective_value": tco,
        "objective_bound": tco - 500,
        "gap": 500 / tco,
        "solve_seconds": 12.5,
        "horizon_years": 3,
        "cost": cost,
        "pools": _pools(),
        "training": [_training(y) for y in YEARS],
        "inference": [_service(y) for y in YEARS],
        **_facility(),
        "bom": lines,
        "binding": [Binding(row="sites.csv: oslo power_limit_kw", sentence="oslo draws at most 500 kW", used_pct=99.5)],
        "baseline": Baseline(
            node=NODE,
            fabric=FABRIC,
            tco_usd=tco + 90000,
            objective_bound=tco + 80000,
            gap=0.001,
            saving_usd=90000,
            saving_proven_usd=80000,
        ),
        "calendar": [
            CalendarEntry(job="gpt3", run=r, year=y, start_day=a, end_day=b, pool=f"oslo/{NODE}/{FABRIC}", nodes=30)
            for y in YEARS
            for r, a, b in runs
        ],
        "rejected": [
            Rejected(
                workload="gpt3",
                site="oslo",
                node="dgx-a100",
                fabric="hdr-rail",
                description="60 nodes",
                reason="needs 520 kW",
            )
        ],
        "notes": ("prices are estimates",),
        "progress": [
            ProgressPoint(seconds=0.5, incumbent=None, bound=tco - 900000),
            ProgressPoint(seconds=2.0, incumbent=tco + 70000, bound=tco - 200000),
            ProgressPoint(seconds=12.5, incumbent=tco, bound=tco - 500),
        ],
        "size": {"variables": 1234, "constraints": 987},
        "timings_s": {"building": 1.25},
    }
    return Design.model_validate(fields | changes)


def make_infeasible() -> Design:
    """Return the word that there is no design."""
    return Design(
        problem="small",
        status="infeasible",
        diagnosis=("training.csv: gpt3 deadline_days: no candidate is faster than 51.5 days",),
        notes=("the pre-check took 0.2 s",),
    )


HOSTILE = ("=cmd|'/C calc'!A0", "+1+1", "-2", "@SUM(A1)", "\t=1", "<script>alert(1)</script>", "a|b*_`[x](y)\x1b[2J")


def make_hostile() -> Design:
    """Return a design whose texts try to be formulas, markup and terminal escapes."""
    lines = [
        BomLine(
            site=text, year=1, category="nodes", table="nodes", item=text, quantity=2, unit_price_usd=5, total_usd=10
        )
        for text in HOSTILE
    ]
    pools = [pool.model_copy(update={"site": "<img src=x onerror=1>", "node": '"&<b>'}) for pool in _pools()]
    return make_design(
        problem="<script>alert(0)</script>",
        bom=lines,
        notes=HOSTILE,
        pools=pools,
        baseline=None,
        baseline_reason="=1<2",
    )


@pytest.fixture(scope="session")
def problem() -> Problem:
    return make_problem()


@pytest.fixture(scope="session")
def design() -> Design:
    return make_design()


@pytest.fixture(scope="session")
def infeasible() -> Design:
    return make_infeasible()


@pytest.fixture(scope="session")
def hostile() -> Design:
    return make_hostile()
