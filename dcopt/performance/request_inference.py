"""``predict inference``: one replica's operating point from columns, with what is not given chosen best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dcopt.performance import serving
from dcopt.performance.cluster import Cluster
from dcopt.performance.request import Request, RequestError, cluster_for, model_of, software_of
from dcopt.performance.serving_records import Disaggregated, Layout, ReplicaLayout, ServingPrediction, ServingTask
from dcopt.performance.variants import Variant, variant_of, variant_of_precision
from dcopt.problem.model_config import ModelConfig
from dcopt.problem.tables.catalog_rows import Accelerator, Compression, Software

SQUAD_TOKENS = 177
"""Mean tokens of a SQuAD question with its paragraph, which MLPerf's BERT reads without padding (from memory of the
published distribution; at most 384)."""
MLPERF_MODELS = {"bert-99": "int8", "bert-99.9": "fp8"}
"""Arithmetic that reaches MLPerf's accuracy targets of BERT-large (fp16 where a chip has no fp8)."""
MLPERF_WIDE = ("l4", "l40", "l40s")
"""Chips with fp8 whose submissions reached bert-99.9 in fp16: the published rates are half of bert-99's."""


@dataclass(frozen=True)
class Question:
    """A resolved request."""

    request: Request
    task: ServingTask
    cluster: Cluster
    variant: Variant
    software: Software

    def point(self, layout: Layout) -> ServingPrediction | None:
        """Return the operating point that is asked for, or None where the replica cannot reach it."""
        ask = self.request
        arguments = (self.task, self.cluster, layout, self.variant, self.software)
        load = ask.number("concurrency", "batch")
        if load:
            return serving.predict_closed(*arguments, concurrency=load)
        percentile = ask.number("percentile") or 95.0
        if not 50.0 <= percentile < 100.0:
            raise RequestError(f"percentile: from 50 to below 100, not {percentile:g}")
        if self.saturates:
            return serving.saturated(*arguments)
        if isinstance(layout, Disaggregated):
            raise RequestError("concurrency: must be given for mode disaggregated")
        rate = ask.number("requests_per_s")
        where = (self.task, self.cluster, layout, self.variant, self.software)
        if rate:
            return serving.at_rate(*where, rate, percentile)
        return serving.largest_rate(
            *where,
            percentile=percentile,
            ttft_ms=ask.number("ttft_ms"),
            tpot_ms=ask.number("tpot_ms"),
            latency_ms=ask.number("latency_ms"),
        )

    @property
    def saturates(self) -> bool:
        """Whether the largest throughput is asked for."""
        ask = self.request
        wish = ask.text("max_throughput").lower() in ("true", "yes", "1", "1.0")
        return wish or ask.text("scen").lower() == "offline" or ask.has("out_tok_s_total")


def inference_model(request: Request) -> ModelConfig:
    """Return the model that a row names; MLPerf's names for BERT are understood."""
    if request.text("model") in MLPERF_MODELS:
        return request.find_model("bert-large")
    return model_of(request)


def _task(request: Request, model: ModelConfig) -> ServingTask:
    """Return the shape of the requests; measured means take precedence over nominal lengths."""
    inputs = request.number("mean_input_tokens") or request.number("input_tokens", "isl")
    outputs = request.number("mean_output_tokens")
    if outputs is None:
        outputs = request.number("output_tokens", "osl")
    if inputs is None and request.text("model") in MLPERF_MODELS:
        inputs = SQUAD_TOKENS
    if inputs is None and model.kind in ("vision", "encoder"):
        inputs = model.default_tokens
    if inputs is None:
        raise RequestError("input_tokens: must be given")
    if outputs is None:
        if model.generates:
            raise RequestError("output_tokens: must be given")
        outputs = 0
    if model.generates and outputs < 1:
        raise RequestError("output_tokens: a model that generates needs at least 1")
    return ServingTask(model, max(1, round(inputs)), round(outputs))


def split_measured(request: Request) -> Request:
    """Return the request with the max-throughput table's 'H100 FP8' read as an accelerator and a precision.

    That table is TensorRT-LLM's.
    """
    both = request.text("gpu_precision")
    if not both:
        return request
    chip, _, precision = both.rpartition(" ")
    return Request(
        {"software": "tensorrt-llm", **request.cells, "accelerator": chip, "precision": precision.lower()},
        request.catalog,
        request.find_model,
    )


def _mlperf_precision(precision: str, chip: Accelerator) -> str:
    """Return the arithmetic in which a chip reached a target of MLPerf's BERT."""
    if precision == "fp8" and (chip.peak_tflops("fp8") is None or chip.name in MLPERF_WIDE):
        return "fp16"
    return precision if chip.peak_tflops(precision) is not None else "fp8"


def _variant(request: Request, chip: Accelerator, software: Software) -> Variant:
    """Return how weights are kept and multiplied: by ``compression`` (rows), ``precision`` (arithmetic), or both."""
    precision = request.text("precision").lower() or MLPERF_MODELS.get(request.text("model"), "")
    names = request.text("compression").split()
    try:
        if precision and not names:
            if request.text("model") in MLPERF_MODELS:
                precision = _mlperf_precision(precision, chip)
            return variant_of_precision(precision, chip)
    except ValueError as error:
        raise RequestError(f"precision: {error}") from None
    rows = []
    for name in names:
        row = Request({"compression": name}, request.catalog, request.find_model).row(
            "compression", "compression", Compression
        )
        assert row is not None
        rows.append(row)
    variant = variant_of(rows, chip, software)
    if variant is None:
        raise RequestError(
            f"compression: '{chip.name}' with {software.name} lacks the arithmetic of {' '.join(names) or '16 bits'}"
        )
    if precision and precision != variant.precision:
        if chip.peak_tflops(precision) is None:
            raise RequestError(f"precision: accelerator '{chip.name}' has no {precision} arithmetic")
        return Variant(
            precision,
            variant.weight_bits,
            variant.activation_bits,
            variant.size_factor,
            variant.compute_factor,
            variant.sparse_2_4,
        )
    return variant


def _layouts(request: Request, task: ServingTask, cluster: Cluster) -> tuple[ReplicaLayout, ...]:
    """Return the layouts to compare: the one that is given, or all of the replica's size, or of all sizes in a node."""
    tensor = request.whole("tensor", "tp")
    pipeline = request.whole("pipeline") or 1
    groups = request.whole("attention_data") or 1
    if tensor is not None:
        expert = request.whole("expert") or 1
        if task.model.heads % tensor:
            raise RequestError(f"tensor: {tensor} does not divide {task.model.heads} attention heads")
        return (ReplicaLayout(tensor, pipeline, expert, groups),)
    accelerators = request.whole("accelerators")
    if accelerators is None:
        sizes = [2**k for k in range(12) if 2**k <= cluster.accelerators_per_node]
    else:
        sizes = [accelerators]
    if request.has("n"):
        sizes = [1]
    return tuple(layout for size in sizes for layout in serving.layouts_of(task, cluster, size))


def predict_inference(request: Request) -> dict[str, Any]:
    """Return an operating point as a flat record: times, rates, the layout used, and ``breakdown`` (a mapping, ms).

    Times are means with ``concurrency`` or ``batch``, percentiles with ``requests_per_s``; without these and with a
    promise the largest rate of one replica that keeps it; with ``max_throughput`` the saturated rate.

    Raises
    ------
    RequestError: a column is missing or impossible, or no layout reaches what is asked.
    """
    question, layouts = question_of(request)
    try:
        layout, point = _best(question, layouts)
    except ValueError as error:
        raise RequestError(str(error)) from None
    return _record(question.request, point, layout, question)


def question_of(request: Request) -> tuple[Question, tuple[Layout, ...]]:
    """Return a request resolved, and the layouts to compare; raises `RequestError` (see `predict_inference`)."""
    request = split_measured(request)
    model = inference_model(request)
    task = _task(request, model)
    disaggregated = request.text("mode").lower() == "disaggregated"
    tensor = request.whole("tensor", "tp")
    chips = request.whole("accelerators")
    if chips is None and tensor is not None:
        chips = tensor * (request.whole("pipeline") or 1) * (request.whole("attention_data") or 1)
    cluster = cluster_for(request, None if disaggregated else chips)
    software = software_of(request, "serving")
    question = Question(request, task, cluster, _variant(request, cluster.accelerator, software), software)
    return question, (_pools(request),) if disaggregated else _layouts(request, task, cluster)


def _best(question: Question, layouts: tuple[Layout, ...]) -> tuple[Layout, ServingPrediction]:
    """Return the layout with the most requests a chip (with a given load: the fastest that fits) and its point."""
    found = [(layout, point) for layout in layouts if (point := question.point(layout)) is not None]
    if not found:
        raise RequestError("no layout of these accelerators holds the model and reaches what is asked")
    loaded = bool(question.request.number("concurrency", "batch", "requests_per_s"))
    merit: Callable[[tuple[Layout, ServingPrediction]], tuple[float, ...]]
    merit = _fastest if loaded else _thriftiest
    return min(found, key=merit)


def _fastest(found: tuple[Layout, ServingPrediction]) -> tuple[float, ...]:
    return (not found[1].fits, found[1].latency_ms, found[0].accelerators)


def _thriftiest(found: tuple[Layout, ServingPrediction]) -> tuple[float, ...]:
    return (-found[1].requests_per_s / found[0].accelerators, found[0].accelerators)


def _pools(request: Request) -> Disaggregated:
    """Return the pools of prefill and decode workers that the columns state."""

    def pool(name: str) -> tuple[ReplicaLayout, int]:
        layout = ReplicaLayout(
            tensor=request.needed(f"{name}_tensor"),
            expert=request.whole(f"{name}_expert") or 1,
            attention_data=request.whole(f"{name}_attention_data") or 1,
        )
        return layout, request.whole(f"{name}_workers") or 1

    return Disaggregated(*pool("prefill"), *pool("decode"))


def _record(request: Request, point: ServingPrediction, layout: Layout, question: Question) -> dict[str, Any]:
    one = layout if isinstance(layout, ReplicaLayout) else None
    chips = layout.accelerators if one else request.whole("accelerators") or layout.accelerators
    copies = (request.whole("n", least=0) or 1) * (request.whole("nodes") or 1) if request.has("n") else 1
    return {
        "ttft_ms": point.ttft_ms,
        "tpot_ms": point.tpot_ms,
        "latency_ms": point.latency_ms,
        "statistic": "saturated" if question.saturates else point.statistic,
        "batch": point.batch,
        "requests_per_s": point.requests_per_s * copies,
        "tokens_per_s": point.requests_per_s * copies * (question.task.output_tokens or question.task.input_tokens),
        "tokens_per_s_per_accelerator": point.tokens_per_s_per_accelerator,
        "memory_gb": point.memory_gb,
        "fits": point.fits,
        "utilization": point.utilization,
        "accelerators": chips,
        "tensor": one.tensor if one else None,
        "pipeline": one.pipeline if one else None,
        "expert": one.expert if one else None,
        "attention_data": one.attention_data if one else None,
        "precision": question.variant.precision,
        "breakdown": dict(point.breakdown),
    }
