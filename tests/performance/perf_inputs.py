"""What the tests of this room share: catalogue rows, models, and published rows."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path
from typing import Any

from dcopt.performance.cluster import Cluster, cluster_from_numbers
from dcopt.performance.model_names import find_by_name
from dcopt.performance.request import Request
from dcopt.problem.load import load_catalog
from dcopt.problem.locate import models_dir
from dcopt.problem.model_config import ModelConfig
from dcopt.problem.tables.catalog_rows import Accelerator, Software

PUBLISHED = Path(__file__).parents[2] / "data" / "published"
TRAINER = Software(name="reference", role="training")
ENGINE = Software(name="reference", role="serving")


@lru_cache
def catalog() -> dict[str, dict[str, Any]]:
    return load_catalog()


@lru_cache
def model(name: str) -> ModelConfig:
    return find_by_name(name, [models_dir()])


def chip(name: str) -> Accelerator:
    return catalog()["accelerators"][name]


def cluster(name: str = "h100-sxm", gbps: float = 3200.0, per_node: int = 8) -> Cluster:
    return cluster_from_numbers(chip(name), per_node, gbps)


def request(**cells: Any) -> Request:
    return Request(cells, catalog(), model)


@lru_cache
def published(table: str) -> list[dict[str, str]]:
    with (PUBLISHED / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return [{key: value for key, value in row.items() if value} for row in csv.DictReader(file)]
