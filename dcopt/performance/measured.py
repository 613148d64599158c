"""What the user measured, held against what would have been predicted for it (`measurements.csv`)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dcopt.performance.request import Request, RequestError
from dcopt.performance.request_inference import predict_inference
from dcopt.performance.request_training import predict_training
from dcopt.performance.serving_records import Disaggregated, ReplicaLayout, ServingTask
from dcopt.performance.training_records import Layout, sequence_length_of
from dcopt.problem.findings import Finding, InputError
from dcopt.problem.model_config import ModelConfig
from dcopt.problem.problem import Problem
from dcopt.problem.tables.measurement_rows import Measurement
from dcopt.problem.tables.problem_rows import Service, TrainingJob

LAYOUT_COLUMNS = ("tensor", "pipeline", "data", "expert", "micro_batch")
REPLICA_COLUMNS = ("tensor", "pipeline", "expert")


@dataclass(frozen=True)
class Measured:
    """One measured figure.

    Attributes
    ----------
    quantity: step_s, ttft_ms, tpot_ms, latency_ms, or requests_per_s (a rate within promises).
    value: in the unit of the quantity. predicted: what the models say (0 for a rate, which stands for itself).
    """

    row: Measurement
    model: ModelConfig
    quantity: str
    value: float
    predicted: float
    replica_accelerators: int

    @property
    def id(self) -> str:
        """The user's name of the row."""
        return self.row.id

    @property
    def task(self) -> str:
        """'training' or 'inference'."""
        return self.row.task

    @property
    def family(self) -> str:
        """The family of its model."""
        return self.model.family

    @property
    def log_ratio(self) -> float:
        """ln(measured ÷ predicted time)."""
        return math.log(self.value / self.predicted)

    def on(self, node: str, software: str) -> bool:
        """Whether it was measured on that node under that framework or engine (a blank one: any)."""
        return self.row.node == node and self.row.software in (None, software)

    def is_step_of(self, job: TrainingJob, model: ModelConfig, fabric: str, precision: str, layout: Layout) -> bool:
        """Whether it is the step of that job in that layout; blank columns match anything."""
        row = self.row
        return (
            (self.model.name, row.global_batch) == (model.name, job.global_batch)
            and row.sequence_length in (None, sequence_length_of(job, model))
            and row.precision in (None, precision)
            and row.fabric in (None, fabric)
            and row.accelerators == layout.accelerators
            and all(getattr(row, name) in (None, getattr(layout, name)) for name in LAYOUT_COLUMNS)
        )

    def is_replica_of(
        self, task: ServingTask, compression: Sequence[str], layout: ReplicaLayout | Disaggregated
    ) -> bool:
        """Whether it is a replica of that model, variant and size on requests of that shape."""
        row = self.row
        return (
            (self.model.name, row.input_tokens, row.output_tokens or 0)
            == (task.model.name, task.input_tokens, task.output_tokens)
            and (row.compression is None or row.compression == "+".join(compression))
            and self.replica_accelerators == layout.accelerators
            and all(getattr(row, name) in (None, getattr(layout, name, None)) for name in REPLICA_COLUMNS)
        )

    def keeps(self, service: Service) -> bool:
        """Whether a measured rate keeps the promises: its own times are within them (blank ones count as kept)."""
        times = ("ttft_ms", "tpot_ms", "latency_ms")
        pairs = [(getattr(self.row, name), getattr(service, name)) for name in times]
        return all(value is None or promise is None or value <= promise for value, promise in pairs)


def measured_of(problem: Problem) -> tuple[Measured, ...]:
    """Return every measured figure of ``problem`` with its prediction.

    Raises
    ------
    InputError: measurements that no prediction can be compared with, each with its line and the cure.
    """
    found: list[Measured] = []
    findings: list[Finding] = []
    for row in problem.measurements.values():
        try:
            found += _of_row(problem, row)
        except RequestError as error:
            findings.append(_finding(problem, row, str(error)))
    if findings:
        raise InputError(findings)
    return tuple(found)


def _finding(problem: Problem, row: Measurement, message: str) -> Finding:
    file, _, line = problem.user_lines.get(("measurements", row.id), "measurements.csv:").rpartition(":")
    column, _, rest = message.partition(": ")
    known = column in Measurement.model_fields
    value = getattr(row, column) if known else None
    return Finding(
        "error",
        file or "measurements.csv",
        f"the measurement '{row.id}' cannot be compared with a prediction: {rest if known else message}",
        line=int(line) if line.isdigit() else None,
        column=column if known else None,
        value=None if value is None else str(value),
    )


def _of_row(problem: Problem, row: Measurement) -> Iterator[Measured]:
    model = problem.models[row.model]
    cells: dict[str, Any] = {name: cell for name, cell in row.model_dump().items() if cell is not None}
    measured = {name: cells.pop(name, None) for name in ("step_s", "tokens_per_s", "ttft_ms", "tpot_ms", "latency_ms")}
    rate = cells.pop("requests_per_s", None)
    request = Request(cells, problem.tables, lambda name: problem.models[name])
    if row.task == "training":
        yield from _steps(row, model, request, measured)
        return
    chips = row.accelerators or (row.tensor or 0) * (row.pipeline or 1) or problem.nodes[row.node].accelerators
    if rate is not None:
        yield Measured(row, model, "requests_per_s", rate, 0.0, chips)
        return
    times = {name: measured[name] for name in ("ttft_ms", "tpot_ms", "latency_ms") if measured[name] is not None}
    if not times:
        raise RequestError("ttft_ms: give ttft_ms, tpot_ms, latency_ms or requests_per_s")
    if row.batch is None:
        raise RequestError("batch: say how many requests were in flight")
    _needs_software(row)
    point = predict_inference(request)
    if "ttft_ms" in times and "tpot_ms" in times and "latency_ms" not in times:
        times["latency_ms"] = times["ttft_ms"] + max(0, (row.output_tokens or 0) - 1) * times["tpot_ms"]
    for name, value in times.items():
        yield Measured(row, model, name, value, point[name], int(point["accelerators"]))


def _steps(
    row: Measurement, model: ModelConfig, request: Request, measured: dict[str, float | None]
) -> Iterator[Measured]:
    if row.accelerators is None:
        raise RequestError("accelerators: say how many ran the step")
    _needs_software(row)
    step = predict_training(request)
    value = measured["step_s"]
    if value is None:
        rate = measured["tokens_per_s"]
        if rate is None:
            raise RequestError("step_s: give step_s or tokens_per_s")
        value = step["step_s"] * step["tokens_per_s"] / rate
    yield Measured(row, model, "step_s", value, step["step_s"], row.accelerators)


def _needs_software(row: Measurement) -> None:
    if row.software is None:
        raise RequestError("software: say under which framework or engine it was measured")
