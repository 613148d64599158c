"""``predict training``: one step from columns, with what is not given chosen best."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

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
}
"""How frameworks spell the sharding of states over data ranks."""
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


def predict_training(request: Request, *, explain: bool = False) -> dict[str, Any]:
    """Return one step as a flat record: the times, the layout used, and ``breakdown`` (a mapping, seconds).

    With ``explain`` also ``roofline`` (by class of operations), ``errors`` (the range of each figure) and ``outside``
    (what has no measured relative; '' where all has).

    Raises
    ------
    RequestError: a column is missing or impossible, or no legal layout exists.
    """
    model = model_of(request)
    task = TrainingTask(
        model=model,
        sequence_length=request.whole("sequence_length") or model.default_tokens,
        global_batch=request.needed("global_batch"),
        optimizer=request.text("optimizer") or "adam",
        method=request.text("method") or "pretrain",
    )
    fixed = _fixed(request)
    accelerators = _accelerators(request, fixed, None)
    cluster = cluster_for(request, accelerators)
    if not request.has("accelerators") and "data" not in fixed:
        accelerators = _accelerators(request, fixed, cluster.accelerators_per_node)
    precision = precision_of(request, cluster)
    software = software_of(request, "training")
    try:
        step = _chosen(task, cluster, accelerators, precision, software, fixed)
    except ValueError as error:
        raise RequestError(str(error)) from None
    record = _record(request, step)
    return {**record, **_explanation(request, task, cluster, step, software)} if explain else record


def _explanation(
    request: Request, task: TrainingTask, cluster: Cluster, step: StepPrediction, software: Software
) -> dict[str, Any]:
    """Return where the operations stand under the roofline, and how wrong such predictions tend to be."""
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


def _chosen(
    task: TrainingTask,
    cluster: Cluster,
    accelerators: int,
    precision: str,
    software: Software,
    fixed: dict[str, int | str],
) -> StepPrediction:
    """Return the best step that fits; else, where the layout is fully given, that one although it does not fit."""
    step = best_step(task, cluster, accelerators, precision, software, fixed)
    if step is not None:
        return step
    named = {name: value for name, value in fixed.items() if name in Layout.__dataclass_fields__}
    others = int(named.get("tensor", 1)) * int(named.get("pipeline", 1)) * int(named.get("context", 1))
    if "data" not in named and accelerators % others == 0:
        named["data"] = accelerators // others
    layout = Layout(**named)  # type: ignore[arg-type]
    check(task, cluster, replace(layout, data=1, micro_batch=1, expert=1, sharding="none"))
    if layout.accelerators != accelerators:
        raise RequestError(
            f"accelerators: no legal layout uses {accelerators}; tensor × pipeline × context × data must give it"
        )
    rough = Layout(**{**asdict(layout), "recompute": named.get("recompute", "full")})
    return predict_step(task, cluster, rough, precision, software)


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
