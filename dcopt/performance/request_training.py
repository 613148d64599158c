"""``predict training``: one step from columns, with what is not given chosen best."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from dcopt.performance import arithmetic
from dcopt.performance.cluster import Cluster
from dcopt.performance.errors import Subject, class_of
from dcopt.performance.layouts import check
from dcopt.performance.request import Request, RequestError, cluster_for, model_of, software_of
from dcopt.performance.request_errors import error_bands
from dcopt.performance.roofline import training_roofline
from dcopt.performance.training import StepPrediction, TrainingTask, best_step, predict_step
from dcopt.performance.training_records import RECOMPUTE, SHARDING, Layout
from dcopt.problem.tables.catalog_rows import Software

DEGREES = ("tensor", "pipeline", "data", "expert", "context", "virtual_stages", "micro_batch")
SPELLINGS = {
    "full_shard": "full",
    "fsdp": "full",
    "zero3": "full",
    "shard_grad_op": "gradients",
    "zero2": "gradients",
    "zero1": "optimizer",
    "no_shard": "none",
    "parameter-server": "servers",
}
"""How frameworks spell the sharding of states over data ranks."""
FSDP_WORDS = ("full_shard", "shard_grad_op", "no_shard")
"""Words that only PyTorch's FSDP uses: a row that has them and names no software ran PyTorch."""
PREFERRED = ("bf16", "fp16", "tf32", "fp32")
SECONDS_PER_DAY = 86_400.0


def precision_of(request: Request, cluster: Cluster) -> str:
    """Return the arithmetic that is named ('fp8-cs' and the like count as fp8), or the chip's usual one."""
    given = request.text("precision").lower()
    if not given:
        return next(name for name in (*PREFERRED, "fp8", "int8") if cluster.peak_flops(name) is not None)
    plain = given.split("-")[0]
    if plain not in ("fp32", "tf32", "fp16", "bf16", "fp8", "fp4"):
        raise RequestError(f"precision: '{given}' is not one of fp32, tf32, fp16, bf16, fp8, fp4")
    return plain


def _fixed(request: Request) -> dict[str, int | str]:
    """Return the degrees and choices that are given.

    A pipeline that is given without virtual stages is a plain one; the source of a published row may say that it
    recomputes in full.
    """
    fixed: dict[str, int | str] = {}
    for name in DEGREES:
        value = request.whole(name)
        if value is not None:
            fixed[name] = value
    for name, known in (("recompute", RECOMPUTE), ("sharding", SHARDING)):
        word = request.text(name).lower()
        if not word:
            continue
        word = SPELLINGS.get(word, word)
        if word not in known:
            raise RequestError(f"{name}: '{word}' is not one of {', '.join(known)}")
        fixed[name] = word
    if "pipeline" in fixed:
        fixed.setdefault("virtual_stages", 1)
    if "recompute" not in fixed and "full recomputation" in request.text("source").lower():
        fixed["recompute"] = "full"
    return fixed


def _accelerators(request: Request, fixed: dict[str, int | str], per_node: int | None) -> int:
    """Return the chips: given, or the product of the degrees, or one node."""
    given = request.whole("accelerators")
    if given is not None:
        return given
    product = 1
    for name in ("tensor", "pipeline", "context", "data"):
        product *= int(fixed.get(name, 1))
    return product if "data" in fixed or per_node is None else max(product, per_node)


@dataclass(frozen=True)
class Asked:
    """A request for a training step, resolved: what is given of the layout is in ``fixed``."""

    task: TrainingTask
    cluster: Cluster
    accelerators: int
    precision: str
    software: Software
    fixed: dict[str, int | str]

    @property
    def flops(self) -> float:
        """Model FLOPs of the step."""
        length = self.task.sequence_length
        return arithmetic.training_flops_per_sequence(self.task.model, length) * self.task.global_batch


def asked_of(request: Request) -> Asked:
    """Return what a request asks.

    Raises `RequestError` where a column is missing or impossible.
    """
    fixed = _fixed(request)
    task = _task_of(request, fixed)
    accelerators = _accelerators(request, fixed, None)
    cluster = cluster_for(request, accelerators)
    if not request.has("accelerators") and "data" not in fixed:
        accelerators = _accelerators(request, fixed, cluster.accelerators_per_node)
    precision = precision_of(request, cluster)
    return Asked(task, cluster, accelerators, precision, _software(request), fixed)


def _task_of(request: Request, fixed: dict[str, int | str]) -> TrainingTask:
    """Return the step that is asked; naming a teacher makes it a distillation, servers allow their aggregation."""
    model = model_of(request)
    teacher = request.text("teacher")
    method = request.text("method") or ("distill" if teacher else "pretrain")
    dense = request.number("dense_pct")
    try:
        return TrainingTask(
            model=model,
            sequence_length=request.whole("sequence_length") or model.default_tokens,
            global_batch=request.needed("global_batch"),
            optimizer=request.text("optimizer") or "adam",
            method=method,
            teacher=request.find_model(teacher) if teacher else None,
            sparse_share=1.0 - (50.0 if dense is None else dense) / 100.0 if method == "prune" else 0.0,
            aggregations=("all-reduce", "parameter-server") if fixed.get("sharding") == "servers" else ("all-reduce",),
        )
    except RequestError:
        raise
    except ValueError as error:
        raise RequestError(str(error)) from None


def _software(request: Request) -> Software:
    """Return the framework that is named; else PyTorch where the sharding is spelled as its FSDP does."""
    if request.text("software") or request.text("sharding").lower() not in FSDP_WORDS:
        return software_of(request, "training")
    return software_of(replace(request, cells={**request.cells, "software": "pytorch"}), "training")


def layout_of(asked: Asked) -> Layout:
    """Return the layout that answers a request: as given, else the fastest that fits.

    Raises `RequestError` where there is none.
    """
    return _answer(asked).layout


def predict_training(request: Request, *, explain: bool = False) -> dict[str, Any]:
    """Return one step as a flat record: the times, the layout used, and ``breakdown`` (a mapping, seconds).

    With ``explain`` also ``roofline`` (by class of operations), ``errors`` (the range of each figure) and ``outside``
    (what has no measured relative; '' where all has).

    Raises
    ------
    RequestError: a column is missing or impossible, or no legal layout exists.
    """
    asked = asked_of(request)
    step = _answer(asked)
    record = _record(request, step)
    return {**record, **_explanation(request, asked, step)} if explain else record


def _answer(asked: Asked) -> StepPrediction:
    try:
        return _chosen(asked)
    except ValueError as error:
        raise RequestError(str(error)) from None


def _explanation(request: Request, asked: Asked, step: StepPrediction) -> dict[str, Any]:
    """Return where the operations stand under the roofline, and how wrong such predictions tend to be."""
    task, cluster, software = asked.task, asked.cluster, asked.software
    operations = training_roofline(task, cluster, step.layout, step.precision)
    extent = "multi-node" if step.accelerators > cluster.accelerators_per_node else "single-node"
    chip, name = cluster.accelerator.name, "" if software.name == "reference" else software.name
    subject = Subject("training", extent, class_of(task.model), chip, name, step.precision, task.model.name)
    figures = {
        figure: ("step_s", getattr(step, figure))
        for figure in ("step_s", "tokens_per_s", "tokens_per_s_per_accelerator", "tflops_per_accelerator", "mfu")
    }
    figures["days"] = ("step_s", _days(request, step))
    bands, outside = error_bands(request, subject, figures)
    roofline = {name: operation.record() for name, operation in operations.items()}
    return {"roofline": roofline, "errors": bands, "outside": outside}


def _chosen(asked: Asked) -> StepPrediction:
    """Return the best step that fits; else, where the layout is fully given, that one although it does not fit."""
    accelerators, fixed = asked.accelerators, asked.fixed
    step = best_step(asked.task, asked.cluster, accelerators, asked.precision, asked.software, fixed)
    if step is not None:
        return step
    named = {name: value for name, value in fixed.items() if name in Layout.__dataclass_fields__}
    others = int(named.get("tensor", 1)) * int(named.get("pipeline", 1)) * int(named.get("context", 1))
    if "data" not in named and accelerators % others == 0:
        named["data"] = accelerators // others
    layout = Layout(**named)  # type: ignore[arg-type]
    check(asked.task, asked.cluster, replace(layout, data=1, micro_batch=1, expert=1, sharding="none"), uneven=True)
    if layout.accelerators != accelerators:
        raise RequestError(
            f"accelerators: no legal layout uses {accelerators}; tensor × pipeline × context × data must give it"
        )
    rough = Layout(**{**asdict(layout), "recompute": named.get("recompute", "full")})
    return predict_step(asked.task, asked.cluster, rough, asked.precision, asked.software, uneven=True)


def _record(request: Request, step: StepPrediction) -> dict[str, Any]:
    return {
        "step_s": step.step_s,
        "tokens_per_s": step.tokens_per_s,
        "tokens_per_s_per_accelerator": step.tokens_per_s_per_accelerator,
        "tflops_per_accelerator": step.tflops_per_accelerator,
        "mfu": step.mfu,
        "memory_gb": step.memory_gb,
        "fits": step.fits,
        "days": _days(request, step),
        "accelerators": step.accelerators,
        "precision": step.precision,
        **asdict(step.layout),
        "breakdown": dict(step.breakdown),
    }


def _days(request: Request, step: StepPrediction) -> float | None:
    """Return the days of ``tokens``, None where they are not given."""
    tokens = request.number("tokens")
    return tokens / step.tokens_per_s / SECONDS_PER_DAY if tokens else None
