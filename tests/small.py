"""Tiny complete problems: a catalogue of their own, a tiny dense model, and scenarios that tests vary.

A `Small` holds tables as rows of cells; its methods return changed copies, so a test reads as what it varies:

    problem = owned_site(jobs=[job()], services=[service()]).set(discount_rate_pct=0).load()
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcopt.candidates.records import Candidates, TrainingCandidate
from dcopt.design.records import Design
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.problem.load import load
from dcopt.problem.problem import Problem
from dcopt.problem.write import csv_text
from dcopt.verify.verify import verify

Rows = tuple[Mapping[str, Any], ...]

MODEL = {
    "model_type": "gpt2",
    "architectures": ["GPT2LMHeadModel"],
    "n_layer": 4,
    "n_embd": 512,
    "n_head": 8,
    "vocab_size": 8000,
    "n_positions": 1024,
    "n_ctx": 1024,
    "layer_norm_epsilon": 1e-5,
    "activation_function": "gelu_new",
    "initializer_range": 0.02,
}
"""A dense decoder of 17 million parameters."""

CATALOG: dict[str, Rows] = {
    "accelerators": (
        {"name": "slow", "memory_gb": 16, "memory_gb_per_s": 300, "fp16_tflops": 20, "bf16_tflops": 20},
        {"name": "fast", "memory_gb": 32, "memory_gb_per_s": 900, "fp16_tflops": 70, "bf16_tflops": 70},
    ),
    "nodes": (
        {
            "name": "duo",
            "accelerator": "slow",
            "accelerators": 2,
            "nics": 1,
            "nic_gbps": 100,
            "max_kw": 1.0,
            "idle_kw": 0.3,
            "rack_units": 4,
            "weight_kg": 40,
            "price_usd": 12000,
            "rent_usd_per_hour": 1.1,
            "support_pct_per_year": 3,
            "maintenance_pct_per_year": 2,
            "lifetime_years": 4,
        },
        {
            "name": "quad",
            "accelerator": "fast",
            "accelerators": 4,
            "nics": 2,
            "nic_gbps": 100,
            "max_kw": 3.2,
            "measured_peak_kw": 2.7,
            "rack_units": 6,
            "weight_kg": 60,
            "price_usd": 66000,
            "rent_usd_per_hour": 6.5,
            "maintenance_pct_per_year": 4,
            "lifetime_years": 5,
        },
    ),
    "switches": (
        {
            "name": "sw8",
            "technology": "ethernet",
            "ports": 8,
            "port_gbps": 100,
            "max_kw": 0.2,
            "rack_units": 1,
            "price_usd": 4000,
            "support_pct_per_year": 5,
            "maintenance_pct_per_year": 1,
            "lifetime_years": 6,
        },
    ),
    "links": (
        {"name": "dac", "technology": "ethernet", "gbps": 100, "kw": 0.001, "price_usd": 90},
        {"name": "aoc", "technology": "ethernet", "gbps": 100, "kind": "aoc", "kw": 0.004, "price_usd": 400},
    ),
    "fabrics": (
        {"name": "none"},
        {
            "name": "flat",
            "switch": "sw8",
            "topology": "leaf-spine",
            "nics_per_node": 1,
            "access_link": "dac",
            "trunk_link": "aoc",
        },
    ),
    "storage": (
        {
            "name": "flash",
            "medium": "nvme",
            "system": "ceph",
            "raw_tb": 8,
            "read_gb_per_s": 2.0,
            "write_gb_per_s": 1.0,
            "max_kw": 0.4,
            "rack_units": 2,
            "price_usd": 9000,
            "maintenance_pct_per_year": 3,
            "lifetime_years": 5,
        },
        {
            "name": "disk",
            "medium": "hdd",
            "system": "ceph",
            "raw_tb": 40,
            "read_gb_per_s": 0.3,
            "write_gb_per_s": 0.2,
            "max_kw": 0.3,
            "rack_units": 4,
            "price_usd": 11000,
            "min_units": 2,
            "lifetime_years": 4,
        },
    ),
    "protection": (
        {"name": "copies-3", "data": 1, "parity": 2},
        {"name": "ec-4-2", "data": 4, "parity": 2, "write_penalty": 4},
        {"name": "provider-managed", "data": 1, "parity": 0},
    ),
    "codecs": (
        {"name": "none"},
        {"name": "pack", "ratio_text": 2.5, "compress_gb_per_s_core": 0.1, "decompress_gb_per_s_core": 0.5},
    ),
    "racks": (
        {"name": "tall", "units": 20, "max_kw": 6, "max_kg": 300, "price_usd": 1500, "lifetime_years": 10},
        {"name": "short", "units": 8, "max_kw": 4, "price_usd": 700, "lifetime_years": 8},
    ),
    "power": (
        {"name": "pdu-2", "role": "pdu", "kw": 2, "efficiency_pct": 99, "price_usd": 400},
        {"name": "pdu-9", "role": "pdu", "kw": 9, "efficiency_pct": 98, "price_usd": 900, "lifetime_years": 3},
        {"name": "ups-5", "role": "ups", "kw": 5, "efficiency_pct": 94, "price_usd": 3000, "lifetime_years": 8},
        {"name": "ups-15", "role": "ups", "kw": 15, "efficiency_pct": 97, "price_usd": 9500, "lifetime_years": 8},
        {"name": "feed-20", "role": "transformer", "kw": 20, "efficiency_pct": 98.5, "price_usd": 5000},
        {"name": "diesel-25", "role": "generator", "kw": 25, "price_usd": 7000, "lifetime_years": 20},
    ),
    "cooling": (
        {"name": "crah-6", "kind": "air", "kw": 6, "kw_per_kw": 0.08, "max_rack_kw": 5, "price_usd": 2500},
        {"name": "dry-12", "kind": "heat-rejection", "kw": 12, "kw_per_kw": 0.15, "price_usd": 4000},
        {
            "name": "wet-30",
            "kind": "heat-rejection",
            "kw": 30,
            "kw_per_kw": 0.04,
            "water_l_per_kwh": 1.5,
            "price_usd": 6500,
            "lifetime_years": 10,
        },
    ),
    "software": (
        {"name": "trainer", "role": "training"},
        {"name": "engine", "role": "serving", "licence_usd_per_accelerator_year": 300},
    ),
    "compression": (
        {"name": "bf16", "method": "none"},
        {"name": "int8", "method": "quantization", "weight_bits": 8, "quality_loss_pct": 0.5},
    ),
}

WATER_COOLED: dict[str, Rows] = {
    "racks": ({"name": "cold", "units": 24, "max_kw": 14, "cooling": "liquid", "price_usd": 4000},),
    "cooling": (
        {"name": "crah-6", "kind": "air", "kw": 6, "kw_per_kw": 0.08, "price_usd": 2500},
        {"name": "cdu-10", "kind": "liquid", "kw": 10, "kw_per_kw": 0.03, "price_usd": 5200},
        {"name": "chiller-8", "kind": "heat-rejection", "kw": 8, "kw_per_kw": 0.2, "price_usd": 5000, "serves": "air"},
        {"name": "dry-12", "kind": "heat-rejection", "kw": 12, "kw_per_kw": 0.02, "price_usd": 3600},
    ),
}


@dataclass(frozen=True)
class Small:
    """The tables of a tiny problem and its settings; every method returns a changed copy."""

    tables: Mapping[str, Rows] = field(default_factory=lambda: dict(CATALOG))
    settings: Mapping[str, Any] = field(
        default_factory=lambda: {"name": "small", "catalog": "none", "horizon_years": 3, "mip_gap": 1e-9}
    )

    def set(self, **settings: Any) -> Small:
        """Change settings."""
        return Small(self.tables, {**self.settings, **settings})

    def put(self, table: str, rows: Iterable[Mapping[str, Any]]) -> Small:
        """Replace a table."""
        return Small({**self.tables, table: tuple(rows)}, self.settings)

    def add(self, table: str, /, **cells: Any) -> Small:
        """Add a row to a table."""
        return self.put(table, (*self.tables.get(table, ()), cells))

    def change(self, table: str, name: str | None = None, **cells: Any) -> Small:
        """Change cells of one row, or of all rows of a table."""
        rows = self.tables[table]
        assert name is None or any(row["name"] == name for row in rows), f"{table} has no row {name}"
        return self.put(table, ({**row, **cells} if name in (None, row["name"]) else row for row in rows))

    def scale(self, table: str, column: str, factor: float) -> Small:
        """Multiply a column of a table where it is given."""
        rows = self.tables.get(table, ())
        return self.put(
            table, ({**row, column: row[column] * factor} if row.get(column) is not None else row for row in rows)
        )

    def drop(self, table: str, name: str) -> Small:
        """Leave a row out."""
        return self.put(table, (row for row in self.tables[table] if row["name"] != name))

    def write(self, folder: Path) -> Path:
        """Write the problem as CSV files, its model included, and return the folder."""
        rows = [("key", "value"), *((key, "" if value is None else value) for key, value in self.settings.items())]
        (folder / "settings.csv").write_text(csv_text(rows[0], rows[1:]), encoding="utf-8")
        for table, content in self.tables.items():
            if content:
                header = list(dict.fromkeys(column for row in content for column in row))
                cells = [["" if row.get(column) is None else row[column] for column in header] for row in content]
                (folder / f"{table}.csv").write_text(csv_text(header, cells), encoding="utf-8")
        (folder / "models" / "tiny").mkdir(parents=True)
        (folder / "models" / "tiny" / "config.json").write_text(json.dumps(MODEL), encoding="utf-8")
        return folder

    def load(self) -> Problem:
        """Return the problem as dcopt reads it."""
        with tempfile.TemporaryDirectory() as folder:
            return load(self.write(Path(folder)))


def job(name: str = "learn", **cells: Any) -> dict[str, Any]:
    """Return a training job: some ten days on one duo."""
    row = {
        "name": name,
        "model": "tiny",
        "tokens": 1e11,
        "sequence_length": 512,
        "global_batch": 64,
        "deadline_days": 60,
        "precisions": "bf16",
    }
    return {**row, **cells}


def service(name: str = "chat", **cells: Any) -> dict[str, Any]:
    """Return a service: a short chat."""
    row = {
        "name": name,
        "model": "tiny",
        "peak_requests_per_s": 300,
        "mean_requests_per_s": 100,
        "input_tokens": 128,
        "output_tokens": 64,
        "ttft_ms": 200,
        "tpot_ms": 20,
        "max_quality_loss_pct": 1,
    }
    return {**row, **cells}


def dataset(name: str = "books", **cells: Any) -> dict[str, Any]:
    """Return a dataset of text, half of it cold."""
    return {"name": name, "size_tb": 5, "compressibility": "text", "hot_pct": 50, **cells}


OSLO: dict[str, Any] = {
    "name": "oslo",
    "kind": "owned",
    "power_limit_kw": 40,
    "rack_positions": 30,
    "electricity_usd_per_kwh": 0.1,
    "demand_charge_usd_per_kw_month": 5,
    "carbon_kg_per_kwh": 0.2,
    "build_usd_per_kw": 1000,
    "building_lifetime_years": 25,
    "water_usd_per_m3": 2,
}
ROME: dict[str, Any] = {**OSLO, "name": "rome", "electricity_usd_per_kwh": 0.25, "carbon_kg_per_kwh": 0.4}


def owned_site(jobs: Iterable[Any] = (), services: Iterable[Any] = (), **site: Any) -> Small:
    """Return a problem with one owned site."""
    small = Small().put("sites", [{**OSLO, **site}]).put("training", jobs).put("inference", services)
    return small.set(staff_usd_per_kw_year=50, carbon_price_usd_per_t=30)


def nodes_alone(services: Iterable[Any]) -> Small:
    """Return a problem at one owned site in which only nodes cost anything: its optimum can be enumerated by hand."""
    small = owned_site(
        services=services,
        build_usd_per_kw=0,
        demand_charge_usd_per_kw_month=0,
        electricity_usd_per_kwh=0,
        water_usd_per_m3=0,
        power_limit_kw=4000,
        rack_positions=None,
    )
    for table in ("power", "cooling", "racks"):
        small = small.change(table, price_usd=0)
    small = small.change("software", "engine", licence_usd_per_accelerator_year=0).drop("fabrics", "flat")
    small = small.change("nodes", mtbf_hours=10**9)
    return small.set(staff_usd_per_kw_year=0, carbon_price_usd_per_t=0, spare_target_pct=50)


def two_sites(jobs: Iterable[Any] = (), services: Iterable[Any] = (), **rome: Any) -> Small:
    """Return a problem with two owned sites, the second with dearer electricity."""
    return owned_site(jobs, services).add("sites", **{**ROME, **rome})


def with_cloud(jobs: Iterable[Any] = (), services: Iterable[Any] = ()) -> Small:
    """Return a problem with one owned site and a cloud."""
    small = owned_site(jobs, services).add("sites", name="sky", kind="cloud")
    small = small.add("fabrics", name="builtin", gbps=100)
    rented = {"name": "bucket", "medium": "ssd", "system": "object", "raw_tb": 1, "read_gb_per_s": 1}
    return small.add("storage", **rented, write_gb_per_s=1, max_kw=0, rack_units=0, rent_usd_per_tb_month=40)


def colocation(jobs: Iterable[Any] = (), services: Iterable[Any] = (), **site: Any) -> Small:
    """Return a problem with one colocation site."""
    landlord = {"kind": "colocation", "colocation_usd_per_kw_month": 150, "colocation_pue": 1.3}
    return owned_site(jobs, services, **{**landlord, **site})


def water_cooled(jobs: Iterable[Any] = (), services: Iterable[Any] = (), **site: Any) -> Small:
    """Return a problem whose quads need liquid for 70 % of their heat."""
    small = owned_site(jobs, services, **site).change("nodes", "quad", cooling="liquid", liquid_heat_pct=70)
    small = small.put("cooling", WATER_COOLED["cooling"])
    return small.put("racks", (*small.tables["racks"], *WATER_COOLED["racks"]))


def design_of(small: Small | Problem, gap: float = 1e-9) -> Design:
    """Return the design of a small problem, solved to ``gap`` and verified; the baseline is left out.

    Raises `AssertionError` where the verifier finds a difference.
    """
    problem = small.load() if isinstance(small, Small) else small
    design = design_for(problem, RunOptions(gap=gap, threads=1, baseline=False))
    _, mismatches = verify(problem, design)
    assert not mismatches, "\n".join(str(mismatch) for mismatch in mismatches[:10])
    return design


def left_out(candidates: Candidates, left: Candidates) -> list[tuple[str, TrainingCandidate]]:
    """Return the ways to run a job, with its name, that ``left`` no longer has."""
    return [
        (name, candidate)
        for name, of_job in candidates.training.items()
        for candidate in of_job
        if candidate not in left.training[name]
    ]


def tco_of(small: Small | Problem, gap: float = 1e-9) -> float:
    """Return the cheapest TCO of a small problem, USD, proven to ``gap``; inf where there is no design."""
    design = design_of(small, gap)
    if design.status == "infeasible":
        return float("inf")
    assert design.status == "optimal", design.status
    assert design.tco_usd is not None
    return design.tco_usd
