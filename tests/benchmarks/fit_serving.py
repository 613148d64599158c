"""Refit the constants of the serving model on the published rows and print the errors by group.

    python tests/benchmarks/fit_serving.py [--leave model accelerator software] [--no-fit]

Fitted together: the marked fields of `DecoderConstants`, and for each engine its `overhead_ms`, `admission_steps` and
`kernel_us` in data/catalog/software.csv. On unflagged rows: mean TPOT and TTFT of closed loops, mean TPOT of
disaggregated groups whose workers hold the model as recorded, saturated throughput. Errors are logarithms, damped so
that single odd rows do not steer (soft L1 for TPOT and throughput; Cauchy for TTFT, whose repeats differ by 50 % at the
90th percentile). Larger groups weigh less (the fourth root of their rows). Needs scipy; takes minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

sys.path.insert(0, str(Path(__file__).parents[1] / "performance"))

from perf_inputs import published, request

from dcopt.performance import decoder, decoder_disaggregated
from dcopt.performance.cluster import Cluster
from dcopt.performance.decoder_build import build
from dcopt.performance.decoder_engine import DECODER, DecoderConstants
from dcopt.performance.request_inference import question_of
from dcopt.performance.serving_records import Disaggregated, ReplicaLayout, ServingTask
from dcopt.performance.variants import Variant
from dcopt.problem.tables.catalog_rows import Software

GLOBAL = (
    "memory",
    "memory_fall",
    "activations",
    "conversion_kernels",
    "one_shot",
    "ring_s",
    "bus",
    "front_s",
)
BY_ENGINE = ("overhead_ms", "admission_steps", "kernel_us")
ENGINES = ("tensorrt-llm", "vllm", "sglang")
NAMES = (*GLOBAL, *(f"{engine}.{column}" for engine in ENGINES for column in BY_ENGINE))
TTFT_WEIGHT = 0.4


@dataclass(frozen=True)
class Row:
    """One measured point: what was run, and what was measured (seconds; tokens/s where saturated)."""

    kind: str
    group: tuple[str, str, str, str]
    task: ServingTask
    cluster: Cluster
    layout: ReplicaLayout | Disaggregated
    variant: Variant
    software: Software
    concurrency: float
    measured: tuple[float, ...]


def rows() -> list[Row]:
    """Return the unflagged rows of both tables."""
    found = []
    for table in ("serving_public", "serving_max_throughput_public"):
        for cells in published(table):
            if "flag" in cells:
                continue
            question, layouts = question_of(request(**cells))
            kind = cells.get("mode", "saturated")
            if kind == "saturated":
                measured: tuple[float, ...] = (float(cells["out_tok_s_total"]),)
            elif kind == "disaggregated":
                measured = (float(cells["tpot_ms"]) / 1e3,)
            else:
                measured = (float(cells["tpot_ms"]) / 1e3, float(cells["ttft_ms"]) / 1e3)
            chip = question.cluster.accelerator.name
            group = (question.task.model.name, chip, question.software.name, question.variant.precision)
            load = float(cells.get("concurrency", "0"))
            for layout in layouts:
                found.append(
                    Row(
                        kind,
                        group,
                        question.task,
                        question.cluster,
                        layout,
                        question.variant,
                        question.software,
                        load,
                        measured,
                    )
                )
    return [row for row in found if predicted(row, DECODER) is not None]


def predicted(row: Row, constants: DecoderConstants, software: Software | None = None) -> tuple[float, ...] | None:
    """Return the prediction in the units of what was measured; None where a worker cannot hold the model."""
    engine = software or row.software

    def made(layout: ReplicaLayout):  # type: ignore[no-untyped-def]
        return build(row.task, row.cluster, layout, row.variant, engine, constants)

    if isinstance(row.layout, Disaggregated):
        reader, writer = made(row.layout.prefill), made(row.layout.decode)
        capacity = writer.largest_batch(engine.memory_fraction)
        if capacity < 1.0 or reader.largest_batch(engine.memory_fraction) < 1.0:
            return None
        moved = decoder_disaggregated.transfer_s(row.task, row.cluster, row.layout, row.variant)
        times = decoder_disaggregated.closed_times(row.layout, reader, writer, capacity, moved, row.concurrency)
        return (times[2],)
    replica = made(row.layout)
    capacity = replica.largest_batch(engine.memory_fraction)
    if row.kind == "saturated":
        return (decoder.saturated_rate(replica, capacity) * replica.outputs,) if capacity >= 1.0 else None
    _, ttft, tpot = decoder.closed_times(replica, capacity, row.concurrency)
    return tpot, ttft


def settings(values: Sequence[float]) -> tuple[DecoderConstants, dict[str, dict[str, float]]]:
    """Return the constants and the columns of the engines that a vector of ``NAMES`` stands for."""
    given = dict(zip(NAMES, values, strict=True))
    engines = {name: {column: given[f"{name}.{column}"] for column in BY_ENGINE} for name in ENGINES}
    return replace(DECODER, **{name: given[name] for name in GLOBAL}), engines


def logs(found: Sequence[Row], values: Sequence[float]) -> list[NDArray[np.float64]]:
    """Return ln(predicted ÷ measured) of each row."""
    constants, columns = settings(values)
    changed: dict[str, Software] = {}
    answer = []
    for row in found:
        name = row.software.name
        if name in columns and name not in changed:
            changed[name] = row.software.model_copy(update=columns[name])
        times = predicted(row, constants, changed.get(name))
        answer.append(np.log(np.array(times or (np.nan,)) / np.array(row.measured[: len(times or (0,))])))
    return answer


def damped(found: Sequence[Row], values: Sequence[float]) -> NDArray[np.float64]:
    """Return weighted, damped residuals whose squares are summed."""
    counts = Counter((row.kind, row.group) for row in found)
    parts = []
    for row, log in zip(found, logs(found, values), strict=True):
        log = np.nan_to_num(log, nan=1.0)
        weight = 2.5 * counts[row.kind, row.group] ** -0.25
        soft = np.sign(log[:1]) * 0.08 * np.sqrt(2.0 * (np.sqrt(1.0 + (log[:1] / 0.08) ** 2) - 1.0))
        cauchy = np.sign(log[1:]) * 0.25 * np.sqrt(np.log1p((log[1:] / 0.25) ** 2))
        parts += [weight * soft, weight * TTFT_WEIGHT * cauchy]
    return np.concatenate(parts)


def fit(found: Sequence[Row], start: Sequence[float], steps: int) -> list[float]:
    """Return the vector of ``NAMES`` that fits the rows, searched in logarithms from ``start``."""
    result = least_squares(
        lambda x: damped(found, np.exp(x)), np.log(np.maximum(start, 1e-9)), max_nfev=steps, diff_step=1e-4, xtol=1e-4
    )
    return [float(value) for value in np.exp(result.x)]


def slopes(found: Sequence[Row], values: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the damped residuals and how they change with the logarithm of each value."""
    middle, step = damped(found, values), 1e-3
    columns = []
    for place in range(len(values)):
        moved = [value * (1.0 + step * (index == place)) for index, value in enumerate(values)]
        columns.append((damped(found, moved) - middle) / np.log1p(step))
    return middle, np.stack(columns, axis=1)


def refit(
    found: Sequence[Row], kept: Sequence[int], values: Sequence[float], slope: NDArray[np.float64]
) -> list[float]:
    """Return the fit of the ``kept`` rows alone: two Gauss-Newton steps from the fit of all, with its slopes."""
    some = [found[index] for index in kept]
    ends = np.cumsum([len(row.measured) for row in found])
    lines = [line for index in kept for line in range(ends[index] - len(found[index].measured), ends[index])]
    for _ in range(2):
        step = np.linalg.lstsq(slope[lines], -damped(some, values), rcond=None)[0]
        values = [float(value) for value in values * np.exp(np.clip(step, -1.0, 1.0))]
    return list(values)


def unknown_engine(values: Sequence[float], engine: str) -> list[float]:
    """Return the values with those of ``engine`` as if it had never been measured: geometric means of the others'."""
    given = dict(zip(NAMES, values, strict=True))
    for column in BY_ENGINE:
        others = [given[f"{name}.{column}"] for name in ENGINES if name != engine]
        given[f"{engine}.{column}"] = float(np.exp(np.mean(np.log(others))))
    return list(given.values())


def current(found: Iterable[Row]) -> list[float]:
    """Return the vector that the program uses now."""
    engines = {row.software.name: row.software for row in found}
    by_engine = [getattr(engines[name], column) for name in ENGINES for column in BY_ENGINE]
    return [getattr(DECODER, name) for name in GLOBAL] + by_engine


def report(found: Sequence[Row], errors: Sequence[NDArray[np.float64]], *, by_group: bool = True) -> None:
    """Print mean and median absolute errors in percent, by kind and group."""
    table: dict[tuple[str, str], list[NDArray[np.float64]]] = defaultdict(list)
    for row, log in zip(found, errors, strict=True):
        share = np.expm1(log)
        table[row.kind, "all"].append(share)
        if by_group:
            table[row.kind, " ".join(row.group)].append(share)
    for (kind, group), values in sorted(table.items()):
        stacked = np.array(values)
        cells = [
            f"{name} {100 * np.mean(abs(part)):6.1f} {100 * np.median(abs(part)):6.1f} {100 * np.median(part):+6.1f}"
            for name, part in zip(("tpot/rate", "ttft"), stacked.T, strict=False)
        ]
        print(f"{kind:14} {group:48} {len(values):5d}  {'  '.join(cells)}", flush=True)


def main() -> None:
    """Refit, and print constants, errors, and errors with groups left out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leave", nargs="*", default=[], choices=("model", "accelerator", "software", "group"))
    parser.add_argument("--no-fit", action="store_true")
    parser.add_argument("--steps", type=int, default=12)
    asked = parser.parse_args()
    found = rows()
    values = current(found)
    if not asked.no_fit:
        values = fit(found, values, asked.steps)
    for name, value in zip(NAMES, values, strict=True):
        print(f"{name:32} {value:.4g}")
    print("kind, group, rows; mean and median absolute error, median error, %")
    report(found, logs(found, values))
    places = {"model": (0,), "accelerator": (1,), "software": (2,), "group": (0, 1, 2)}
    _, slope = slopes(found, values) if asked.leave else (None, np.zeros(0))
    for kind in asked.leave:
        keys = [tuple(row.group[place] for place in places[kind]) for row in found]
        errors: dict[int, NDArray[np.float64]] = {}
        for key in sorted(set(keys)):
            refitted = refit(found, [index for index, own in enumerate(keys) if own != key], values, slope)
            if kind == "software" and key[0] in ENGINES:
                refitted = unknown_engine(refitted, key[0])
            out = [index for index, own in enumerate(keys) if own == key]
            errors.update(zip(out, logs([found[index] for index in out], refitted), strict=True))
        print(f"each {kind} left out of the fit in turn")
        report(found, [errors[index] for index in range(len(found))], by_group=False)


if __name__ == "__main__":
    main()
