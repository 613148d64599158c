"""Refit the constants of a training step and print the error left, groups held out in turn.

    python tests/benchmarks/fit_training.py            fit on every fitted row, show errors by group
    python tests/benchmarks/fit_training.py --hold     also leave out whole models, chips and clusters in turn
    python tests/benchmarks/fit_training.py --score    errors of the constants as they are

Fused constants are fitted on the FSDP rows of `training_public.csv`, unfused ones on `training_steps_public.csv`;
every other row is never fitted. The fit minimizes the mean absolute error of the logarithm, every group of rows
(cluster and chip) weighing the same.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from statistics import mean, median
from typing import Any

from scipy.optimize import minimize

from dcopt.performance.layouts import Layout
from dcopt.performance.model_names import find_by_name
from dcopt.performance.request import Request
from dcopt.performance.request_training import Asked, asked_of, layout_of
from dcopt.performance.training import predict_step
from dcopt.performance.training_rates import CONSTANTS, TrainingConstants
from dcopt.problem.load import load_catalog
from dcopt.problem.locate import models_dir

PUBLISHED = Path(__file__).parents[2] / "data" / "published"
UNFUSED = ("products", "traffic", "launch_s")
FUSED = ("products_fused", "traffic_fused", "portable")


@dataclass(frozen=True)
class Case:
    """A published row, ready to be predicted: its layout is fixed (searched once where the row leaves it open)."""

    group: str
    model: str
    asked: Asked
    layout: Layout
    measured_s: float

    def error(self, constants: TrainingConstants) -> float:
        """Return predicted ÷ measured step time − 1."""
        asked = self.asked
        step = predict_step(asked.task, asked.cluster, self.layout, asked.precision, asked.software, constants)
        return step.step_s / self.measured_s - 1.0


@lru_cache
def _catalog() -> Any:
    return load_catalog()


def _rows(name: str) -> list[dict[str, str]]:
    with (PUBLISHED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [{key: value for key, value in row.items() if value} for row in csv.DictReader(file)]


def _group(row: dict[str, str]) -> str:
    if "step_ms" in row:
        return "vTrain multi-node A100" if "params_b" in row else "vTrain single-node A100"
    if "llm-foundry" in row["source"]:
        return f"FSDP {row['accelerator']}"
    return f"{row['source'].split(' ')[0].rstrip(',')} {row['accelerator']}"


def _measured_s(row: dict[str, str], asked: Asked, chips: int) -> float:
    """Return the measured seconds of a step."""
    if "step_ms" in row:
        return float(row["step_ms"]) / 1e3
    if "tokens_per_s_per_accelerator" in row:
        return asked.task.tokens_per_step / (float(row["tokens_per_s_per_accelerator"]) * chips)
    rate = float(row["tflops_per_accelerator"]) * 1e12 * chips
    passes = 4.0 / 3.0 if row["flops_convention"].startswith("hardware") else 1.0
    return asked.flops * passes / rate


def cases() -> list[Case]:
    """Return every published training row."""
    found = []
    for row in [*_rows("training_steps_public"), *_rows("training_public")]:
        request = Request(row, _catalog(), lambda name: find_by_name(name, [models_dir()]))
        asked = asked_of(request)
        layout = layout_of(asked)
        model = row.get("model") or f"{row['layers']}x{row['hidden']}"
        found.append(Case(_group(row), model, asked, layout, _measured_s(row, asked, layout.accelerators)))
    return found


def _fit(rows: Sequence[Case], names: Sequence[str], start: TrainingConstants) -> TrainingConstants:
    groups = {case.group: [other for other in rows if other.group == case.group] for case in rows}

    def at(point: Iterable[float]) -> TrainingConstants:
        values = {name: getattr(start, name) * math.exp(x) for name, x in zip(names, point, strict=True)}
        return replace(start, **values)

    def loss(point: Iterable[float]) -> float:
        constants = at(point)
        return mean(mean(abs(math.log1p(case.error(constants))) for case in group) for group in groups.values())

    best = minimize(loss, [0.0] * len(names), method="Nelder-Mead", options={"xatol": 2e-3, "fatol": 1e-5})
    best = minimize(loss, best.x, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-6})
    return at(best.x)


def _print(title: str, rows: Sequence[Case], constants: TrainingConstants) -> None:
    print(f"\n{title}")
    for group in sorted({case.group for case in rows}):
        errors = [case.error(constants) for case in rows if case.group == group]
        sizes = [abs(error) for error in errors]
        print(
            f"  {group:44s} rows {len(errors):4d}  mean {100 * mean(sizes):5.1f} %  median {100 * median(sizes):5.1f} %"
            f"  bias {100 * mean(errors):+5.1f} %"
        )


def _hold_out(rows: Sequence[Case], names: Sequence[str], key: str) -> None:
    """Fit without each value of ``key`` in turn and score what was left out."""
    for value in sorted({getattr(case, key) for case in rows}):
        kept = [case for case in rows if getattr(case, key) != value]
        if kept:
            left = [case for case in rows if getattr(case, key) == value]
            _print(f"held out {key} {value}", left, _fit(kept, names, CONSTANTS))


def main() -> None:
    """Fit, and print."""
    every = cases()
    if "--score" in sys.argv:
        _print("constants as they are", every, CONSTANTS)
        return
    fused = [case for case in every if case.group.startswith("FSDP")]
    multi = [case for case in every if case.group.startswith("vTrain")]
    constants = _fit(multi, UNFUSED, _fit(fused, FUSED, CONSTANTS))
    print({name: round(getattr(constants, name), 6) for name in (*UNFUSED, *FUSED)})
    _print("fitted (rows outside FSDP and vTrain were never fitted)", every, constants)
    if "--hold" in sys.argv:
        _hold_out(fused, FUSED, "group")
        _hold_out(fused, FUSED, "model")
        _hold_out(multi, UNFUSED, "group")
        _hold_out([case for case in multi if "multi" in case.group], UNFUSED, "model")


if __name__ == "__main__":
    main()
