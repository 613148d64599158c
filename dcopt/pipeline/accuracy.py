"""Predicted against published: every row of ``data/published/``, one comparison for each figure that it measures."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dcopt.performance.error_groups import Residual
from dcopt.performance.errors import Subject, class_of
from dcopt.performance.model_names import find_by_name
from dcopt.performance.request import Request, RequestError, accelerator_of, model_of, node_of
from dcopt.performance.request_inference import inference_model, predict_inference, split_measured
from dcopt.performance.request_training import predict_training
from dcopt.pipeline.request_fabric import predict_fabric
from dcopt.problem.load import load_catalog
from dcopt.problem.locate import models_dir, published_dir

FABRIC_PARTS = ("leaf", "spine", "core", "leaf_spine_links", "spine_core_links")
RECOMPUTED = 0.75
"""Model ÷ hardware FLOPs of a step that recomputes in full: one forward pass of four is done twice (arXiv 2104.04473
counts 4 passes where 3 train)."""


@dataclass(frozen=True)
class Comparison:
    """One published figure and what dcopt says of it.

    Attributes
    ----------
    table, id: the file in data/published/ (without its ending) and the row (its id, or its number from 1).
    measured, predicted: in the unit of ``quantity`` (step_s, ttft_ms, tpot_ms, latency_ms, requests_per_s; parts of a
        fabric by their count). predicted is None where there is no prediction, and ``reason`` says why.
    cluster: the configuration that rows at other loads share.
    flag: why the source or the collector weighs the row down ('' mostly).
    """

    table: str
    id: str
    subject: Subject
    quantity: str
    measured: float
    predicted: float | None
    cluster: str = ""
    flag: str = ""
    reason: str = ""

    @property
    def error(self) -> float | None:
        """Predicted ÷ measured − 1; None without a prediction."""
        if self.predicted is None:
            return None
        return 0.0 if self.predicted == self.measured else self.predicted / self.measured - 1 if self.measured else 1.0

    @property
    def residual(self) -> Residual | None:
        """The logarithm of measured ÷ predicted time, for the bands; None for fabrics and without a prediction."""
        if not self.predicted or not self.measured or self.subject.task == "fabric":
            return None
        log = math.log(self.measured / self.predicted)
        return Residual(self.subject, self.quantity, -log if self.quantity == "requests_per_s" else log, self.cluster)


def compare() -> list[Comparison]:
    """Return all comparisons, in the order of the files and their rows.

    Raises
    ------
    InputError: the shipped catalogue cannot be read. OSError: a published table cannot be read.
    """
    catalog = load_catalog()
    find_model = lru_cache(maxsize=64)(lambda name: find_by_name(name, [models_dir()]))
    found: list[Comparison] = []
    for table, reader in READERS.items():
        for number, row in enumerate(_rows(published_dir() / f"{table}.csv"), 1):
            found += reader(table, row.get("id", str(number)), Request(row, catalog, find_model))
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: cell for name, cell in row.items() if cell} for row in csv.DictReader(file)]


def _training(table: str, row_id: str, request: Request) -> Iterator[Comparison]:
    """A step: its measured time, or the time that its measured rate means."""
    predicted, reason = _answer(predict_training, request)
    subject = _subject(request, "training", _extent(request))
    cluster = " ".join(request.text(name) for name in ("tensor", "pipeline", "sequence_length", "accelerators"))
    measured = request.number("step_ms")
    if measured is not None:
        step = measured / 1e3
    elif not predicted:
        step = 0.0
    elif request.has("tokens_per_s_per_accelerator"):
        rate = float(request.number("tokens_per_s_per_accelerator") or 0.0)
        step = predicted["step_s"] * predicted["tokens_per_s_per_accelerator"] / rate
    else:
        share = RECOMPUTED if "recompute" in request.text("flops_convention") else 1.0
        rate = float(request.number("tflops_per_accelerator") or 0.0) * share
        step = predicted["step_s"] * predicted["tflops_per_accelerator"] / rate
    yield Comparison(
        table, row_id, subject, "step_s", step, predicted.get("step_s"), cluster, request.text("flag"), reason
    )


def _extent(request: Request) -> str:
    chips = request.whole("accelerators") or 1
    return "multi-node" if chips > (request.whole("accelerators_per_node") or 8) else "single-node"


def _serving(table: str, row_id: str, request: Request) -> Iterator[Comparison]:
    """Means of a closed loop: first token, further tokens, and the whole request that both make.

    Where the workers as recorded cannot hold the model, the record is wrong and nothing is compared (GB200 rows of
    SGLang record workers of one chip for a model of 400 to 700 GB).
    """
    predicted, reason = _answer(predict_inference, request)
    if predicted and request.text("mode") == "disaggregated" and not predicted["fits"]:
        predicted, reason = {}, "the workers as recorded cannot hold the model"
    subject = _subject(request, "inference", request.text("mode"))
    names = ("input_tokens", "output_tokens", "tensor", "expert", "attention_data", "decode_tensor", "decode_workers")
    cluster = " ".join(request.text(name) for name in names)
    ttft, tpot = request.number("ttft_ms") or 0.0, request.number("tpot_ms") or 0.0
    tokens = request.number("mean_output_tokens", "output_tokens") or 1.0
    for quantity, measured in (("ttft_ms", ttft), ("tpot_ms", tpot), ("latency_ms", ttft + (tokens - 1.0) * tpot)):
        yield Comparison(
            table, row_id, subject, quantity, measured, predicted.get(quantity), cluster, request.text("flag"), reason
        )


def _saturated(table: str, row_id: str, request: Request) -> Iterator[Comparison]:
    """The largest rate of TensorRT-LLM, published as tokens/s."""
    request = split_measured(request)
    request = Request({**request.cells, "software": "tensorrt-llm"}, request.catalog, request.find_model)
    predicted, reason = _answer(predict_inference, request)
    subject = _subject(request, "inference", "saturated")
    measured = (request.number("out_tok_s_total") or 0.0) / (request.number("osl") or 1.0)
    yield Comparison(
        table,
        row_id,
        subject,
        "requests_per_s",
        measured,
        predicted.get("requests_per_s"),
        request.text("tp"),
        "",
        reason,
    )


def _bert(table: str, row_id: str, request: Request) -> Iterator[Comparison]:
    """Offline samples/s of a whole system."""
    predicted, reason = _answer(predict_inference, request)
    subject = _subject(request, "inference", "saturated", precision=str(predicted.get("precision", "")))
    measured = request.number("result") or 0.0
    cluster = " ".join(request.text(name) for name in ("org", "system"))
    yield Comparison(
        table, row_id, subject, "requests_per_s", measured, predicted.get("requests_per_s"), cluster, "", reason
    )


def _network(table: str, row_id: str, request: Request) -> Iterator[Comparison]:
    """Switches and links of a published bill of materials."""
    predicted, reason = _answer(predict_fabric, request)
    subject = Subject("fabric", "", "", "", "", "", "")
    for part in FABRIC_PARTS:
        measured = request.number(part) or 0.0
        yield Comparison(table, row_id, subject, part, measured, predicted.get(part), reason=reason)


READERS: Mapping[str, Callable[[str, str, Request], Iterator[Comparison]]] = {
    "training_steps_public": _training,
    "training_public": _training,
    "serving_public": _serving,
    "serving_max_throughput_public": _saturated,
    "mlperf_bert_offline_public": _bert,
    "network_public": _network,
}
"""The published tables, and how each is read."""


def _answer(predict: Callable[[Request], dict[str, Any]], request: Request) -> tuple[dict[str, Any], str]:
    """Return the prediction, or nothing and why."""
    try:
        return predict(request), ""
    except RequestError as error:
        return {}, str(error)


def _subject(request: Request, task: str, mode: str, precision: str = "") -> Subject:
    """Return the keys of a row; what cannot be resolved is kept as the row spells it."""
    try:
        chip = accelerator_of(request, node_of(request)).name
    except RequestError:
        chip = request.text("accelerator", "acc") or "not stated"
    model = inference_model(request) if task == "inference" else model_of(request)
    name = model.name
    if not request.has("model"):
        name = f"gpt-{request.text('layers')}x{request.text('hidden')}"
    words = precision or request.text("precision").lower().split("-")[0]
    return Subject(task, mode, class_of(model), chip, request.text("software"), words, name)
