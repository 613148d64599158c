"""A family of seeded planning problems, for the strength and speed of the program (issue 6 of the project).

Parts, chips and models are the shipped ones; what a planner would bring (prices, sizes, promises, sites) is drawn
around real values. Four sizes: S (1 site, 6 node types, 2 fabrics, 1 year, 3 jobs, 3 services), M (2 sites, 8 × 3,
5 years, 6 + 6), L (3 sites, 12 × 4, 5 years, 12 + 12) and XL (4 sites, 12 × 4, 7 years, 20 + 20); M10 and L10, which
are asked for ten times as much as M and L: a dozen nodes become a hundred, of which each counts less and the fabric
more; and XS, an S that is cut down until every design can be enumerated (1 site, 2 node types, 1 fabric, 1 + 1, little
of the plant). Instances with an odd seed are *restricted*: each job and service is allowed at about half of the sites
only and electricity differs by a factor of up to 2.7 between sites, which spoils the interchangeability that makes the
even ones easy (formulation.md, "Strength").
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Size:
    """How large an instance is."""

    sites: int
    nodes: int
    fabrics: int
    years: int
    jobs: int
    services: int
    scale: float
    """By how much tokens and requests exceed those of the tables below."""
    compressibility: str = "text"
    room: float = 1
    """By how much power and rack positions of the sites exceed those that the work of scale 5 or less is given."""


SIZES = {
    "XS": Size(1, 2, 1, 1, 1, 1, 0.7, "none"),
    "S": Size(1, 6, 2, 1, 3, 3, 1),
    "M": Size(2, 8, 3, 5, 6, 6, 5),
    "L": Size(3, 12, 4, 5, 12, 12, 5),
    "XL": Size(4, 12, 4, 7, 20, 20, 5),
    "M10": Size(2, 8, 3, 5, 6, 6, 50, room=10),
    "L10": Size(3, 12, 4, 5, 12, 12, 50, room=10),
}
SEEDS = {
    "XS": range(1, 11),
    "S": range(1, 11),
    "M": range(1, 11),
    "L": range(1, 4),
    "XL": range(1, 4),
    "M10": range(1, 5),
    "L10": range(1, 4),
}

# In the order in which sizes take them. Every size can train and serve all models below on some of its nodes.
NODES = (
    "hgx-h100-8",
    "hgx-a100-80-8",
    "mi300x-8",
    "l40s-8",
    "hgx-h200-8",
    "gaudi3-8",
    "dgx-b200",
    "h100-pcie-4",
    "hgx-a100-40-8",
    "a100-pcie-4",
    "gaudi2-8",
    "mi325x-8",
)
FABRICS = ("eth400-leafspine-3to1", "ndr400-rail", "eth400-rail", "hdr200-rail")
STORAGE = ("flash-fs-368", "ceph-nvme-154", "object-hdd-432")
RACKS = ("air-20kw", "air-40kw", "rear-door-50kw")

# All that is offered of the plant in XS, so that every design can be enumerated.
PLANT_OF_XS = (
    ("storage", "ceph-nvme-154"),
    ("racks", "air-40kw"),
    *(("cooling", row) for row in ("crah-100", "chiller-air-100")),
    *(("power", row) for row in ("transformer-250", "generator-100", "ups-100", "pdu-60")),
)

# model, method, tokens (billions) around which a job is drawn, sequence length, global batch, deadline days
JOBS = (
    ("llama-3.1-8b", "pretrain", 60.0, 4096, 256, 40),
    ("llama-3.1-70b", "finetune", 2.0, 4096, 128, 12),
    ("llama-2-13b", "pretrain", 40.0, 4096, 256, 45),
    ("qwen3-32b", "finetune", 4.0, 4096, 128, 10),
    ("llama-3.1-8b", "finetune", 3.0, 2048, 128, 4),
    ("llama-2-7b", "pretrain", 80.0, 4096, 512, 60),
)
# model, requests/s around which a service is drawn, input and output tokens, TTFT ms, TPOT ms, loss allowed in percent
SERVICES = (
    ("llama-3.1-8b", 60.0, 500, 200, 600, 45, 1.0),
    ("llama-3.1-70b", 12.0, 800, 250, 1200, 60, 0.9),
    ("qwen3-32b", 15.0, 600, 400, 1200, 60, 1.0),
    ("llama-2-13b", 25.0, 400, 200, 800, 50, 1.0),
    ("llama-3.1-8b", 30.0, 1500, 300, 1500, 60, 2.5),
    ("llama-2-7b", 40.0, 300, 150, 500, 40, 1.0),
)


def write_instance(folder: Path, size: str, seed: int) -> Path:
    """Write the instance of ``size`` and ``seed`` as a problem folder under ``folder`` and return its path."""
    shape, draw = SIZES[size], random.Random(f"{size}-{seed}")
    name = f"{size.lower()}-{seed:02d}"
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    sites = [f"site{number + 1}" for number in range(shape.sites)]
    restricted = seed % 2 == 1 and shape.sites > 1
    _write(target / "settings.csv", ("key", "value"), _settings(name, shape))
    _write(target / "sites.csv", _SITE_COLUMNS, (_site(draw, site, shape, restricted) for site in sites))
    jobs = [_job(draw, number, sites, shape.scale, restricted) for number in range(shape.jobs)]
    _write(target / "training.csv", _JOB_COLUMNS, jobs)
    services = [_service(draw, number, sites, shape.scale, restricted) for number in range(shape.services)]
    _write(target / "inference.csv", _SERVICE_COLUMNS, services)
    _write(target / "datasets.csv", ("name", "size_tb", "compressibility"), [("corpus", 40, shape.compressibility)])
    _write(target / "offers.csv", ("table", "name", "price_usd"), _offers(draw, shape))
    return target


def _settings(name: str, shape: Size) -> list[tuple[str, object]]:
    return [
        ("name", name),
        ("horizon_years", shape.years),
        ("discount_rate_pct", 8),
        ("staff_usd_per_kw_year", 300),
    ]


_SITE_COLUMNS = (
    "name",
    "kind",
    "power_limit_kw",
    "rack_positions",
    "electricity_usd_per_kwh",
    "demand_charge_usd_per_kw_month",
    "carbon_kg_per_kwh",
    "build_usd_per_kw",
    "wet_bulb_c",
    "redundancy",
)


def _site(draw: random.Random, site: str, shape: Size, restricted: bool) -> tuple[object, ...]:
    work = (shape.jobs + shape.services) / shape.sites
    electricity = 0.09 * (draw.uniform(0.6, 1.6) if restricted else draw.uniform(0.97, 1.03))
    return (
        site,
        "owned",
        round(250 * shape.room * work * draw.uniform(0.9, 1.2)),
        round(16 * shape.room * work),
        round(electricity, 4),
        12,
        0.35,
        4000,
        22,
        draw.choice(("N", "N+1")),
    )


_JOB_COLUMNS = (
    "name",
    "model",
    "tokens",
    "sequence_length",
    "global_batch",
    "deadline_days",
    "runs_per_year",
    "precisions",
    "dataset",
    "method",
    "sites",
)


def _job(draw: random.Random, number: int, sites: list[str], scale: float, restricted: bool) -> tuple[object, ...]:
    model, method, billions, sequence, batch, days = JOBS[number % len(JOBS)]
    tokens = round(scale * billions * draw.uniform(0.5, 1.8), 2) * 1e9
    deadline = round(days * draw.uniform(0.8, 1.5))
    runs = draw.choice((1, 2, 3)) if method == "pretrain" else draw.choice((4, 6, 12))
    return (
        f"job{number + 1}-{model}",
        model,
        f"{tokens:.0f}",
        sequence,
        batch,
        deadline,
        runs,
        "bf16 fp8",
        "corpus",
        method,
        _allowed(draw, sites, restricted),
    )


_SERVICE_COLUMNS = (
    "name",
    "model",
    "peak_requests_per_s",
    "mean_requests_per_s",
    "input_tokens",
    "output_tokens",
    "ttft_ms",
    "tpot_ms",
    "max_quality_loss_pct",
    "growth_pct_per_year",
    "availability_pct",
    "sites",
)


def _service(draw: random.Random, number: int, sites: list[str], scale: float, restricted: bool) -> tuple[object, ...]:
    model, rate, prompt, answer, ttft, tpot, loss = SERVICES[number % len(SERVICES)]
    peak = scale * rate * draw.uniform(0.5, 2.0)
    return (
        f"service{number + 1}-{model}",
        model,
        round(peak, 2),
        round(peak * draw.uniform(0.3, 0.5), 2),
        prompt,
        answer,
        ttft,
        tpot,
        loss,
        draw.choice((0, 10, 25)),
        draw.choice((99, 99.5)),
        _allowed(draw, sites, restricted),
    )


def _allowed(draw: random.Random, sites: list[str], restricted: bool) -> str:
    return " ".join(sorted(draw.sample(sites, max(1, len(sites) // 2)))) if restricted else ""


def _offers(draw: random.Random, shape: Size) -> list[tuple[str, str, object]]:
    prices = _catalogue_prices()
    nodes = [("nodes", node, round(prices[node] * draw.uniform(0.8, 1.25))) for node in NODES[: shape.nodes]]
    fabrics = [("fabrics", fabric, "") for fabric in ("none", *FABRICS[: shape.fabrics])]
    rest = [("storage", row) for row in STORAGE] + [("racks", row) for row in RACKS]
    plant = PLANT_OF_XS if shape == SIZES["XS"] else rest
    return [*nodes, *fabrics, *((table, row, "") for table, row in plant)]


def _catalogue_prices() -> dict[str, float]:
    path = Path(__file__).parents[2] / "data" / "catalog" / "nodes.csv"
    with path.open(encoding="utf-8") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return {row["name"]: float(row["price_usd"]) for row in rows if row["price_usd"]}


def _write(path: Path, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
