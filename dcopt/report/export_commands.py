"""What a design chose, as the command lines of the engines and frameworks that run it.

Option names were read in the projects' own documents: vLLM's engine arguments (``vllm serve``, v0.8.5 and later:
docs.vllm.ai/en/v0.8.5/serving/engine_args.html), TensorRT-LLM's ``trtllm-serve`` (0.18.2 and 1.1:
nvidia.github.io/TensorRT-LLM/0.18.2/commands/trtllm-serve.html) and Megatron-LM's ``pretrain_gpt.py`` (core 0.9 and
later: megatron/training/arguments.py, examples/mixtral). What an option cannot say stands in a comment.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable

from dcopt.design.records import Design, ServiceRecord, TrainingRecord
from dcopt.problem.model_config import ModelConfig
from dcopt.problem.problem import Problem

Words = list[str]


def vllm_commands(design: Design, problem: Problem) -> str:
    """Return a shell script with one ``vllm serve`` for a replica of each service row of the design."""
    return _services(design, problem, _vllm)


def tensorrt_llm_commands(design: Design, problem: Problem) -> str:
    """Return a shell script with one ``trtllm-serve`` for a replica of each service row of the design."""
    return _services(design, problem, _tensorrt_llm)


def _services(design: Design, problem: Problem, command: Callable[[ServiceRecord, Problem], list[str]]) -> str:
    lines = ["#!/bin/sh", f"# {design.problem}: one replica of each service; start as many as its comment says."]
    seen = set()
    for part in design.inference:
        key = part.model_copy(update={"year": 1, "replicas": 0, "requests_per_s": 0.0, "utilization": 0.0})
        if str(key) not in seen:
            seen.add(str(key))
            lines += ["", *_about(part, problem), *command(part, problem)]
    if not design.inference:
        lines.append("# This design serves nothing.")
    return "\n".join(lines) + "\n"


def _about(part: ServiceRecord, problem: Problem) -> list[str]:
    chips = f"{part.accelerators_per_replica} chip{'s' if part.accelerators_per_replica > 1 else ''}"
    lines = [
        f"# {part.service} at {part.site}, from year {part.year}: {part.replicas} replicas of {chips} on {part.node}",
        f"# predicted for {part.software}, {part.precision}, weights of the variant '{part.compression}', up to "
        f"{part.capacity_requests_per_s:.4g} requests/s together",
    ]
    config = problem.models[problem.inference[part.service].model]
    if config.kind != "decoder":
        lines.append("# an encoder: these engines serve decoders first; check that the version at hand takes it")
    if part.speculation != "none":
        lines.append(f"# drafts of further tokens ({part.speculation}) are to be configured as the engine asks")
    if part.mode == "disaggregated":
        lines.append(
            f"# prompts, answers apart: {part.prefill_workers} prefill workers of tensor {part.prefill_tensor} and"
            f" {part.decode_workers} decode workers, below; the transfer of the KV cache is to be configured"
        )
    return lines


def _tokens(part: ServiceRecord, problem: Problem) -> int:
    asked = problem.inference[part.service]
    return (asked.input_tokens or 0) + asked.output_tokens


def _vllm(part: ServiceRecord, problem: Problem) -> list[str]:
    words: Words = ["vllm", "serve", problem.inference[part.service].model]
    words += ["--tensor-parallel-size", str(part.tensor), "--pipeline-parallel-size", str(part.pipeline)]
    if part.attention_data > 1:
        words += ["--data-parallel-size", str(part.attention_data)]
    if part.expert > 1:
        words += ["--enable-expert-parallel"]
    words += ["--max-num-seqs", str(part.batch), "--max-model-len", str(_tokens(part, problem))]
    words += ["--gpu-memory-utilization", f"{problem.software[part.software].memory_fraction:g}"]
    if part.precision in ("bf16", "fp16"):
        words += ["--dtype", {"bf16": "bfloat16", "fp16": "float16"}[part.precision]]
    if part.kv_bits == 8:
        words += ["--kv-cache-dtype", "fp8"]
    if part.prefix_cached_pct:
        words += ["--enable-prefix-caching"]
    return [_wrapped(words)]


def _tensorrt_llm(part: ServiceRecord, problem: Problem) -> list[str]:
    words: Words = ["trtllm-serve", problem.inference[part.service].model, "--backend", "pytorch"]
    words += ["--tp_size", str(part.tensor * part.attention_data), "--pp_size", str(part.pipeline)]
    if part.expert > 1:
        words += ["--ep_size", str(part.expert)]
    words += ["--max_batch_size", str(part.batch), "--max_seq_len", str(_tokens(part, problem))]
    words += ["--kv_cache_free_gpu_memory_fraction", f"{problem.software[part.software].memory_fraction:g}"]
    options = []
    if part.kv_bits == 8:
        options.append("kv_cache_config: {dtype: fp8}")
    if part.attention_data > 1:
        options.append("enable_attention_dp: true")
    notes = [f"# in the file of --extra_llm_api_options: {option}" for option in options]
    vendor = problem.accelerators[problem.nodes[part.node].accelerator].vendor
    if vendor != "nvidia":
        notes.append(f"# TensorRT-LLM runs on chips of NVIDIA; those of {part.node} are of {vendor}")
    return [*notes, _wrapped(words)]


def megatron_arguments(design: Design, problem: Problem) -> str:
    """Return a shell script with the arguments of ``pretrain_gpt.py`` for each training job of the design.

    Data, tokenizer, learning rate and checkpoint paths are the user's: the script takes them from ``$@``.
    """
    lines = ["#!/bin/sh", f"# {design.problem}: layouts of the training jobs; add data, tokenizer and optimizer as $@."]
    jobs = {record.job: record for record in design.training}
    for job in jobs.values():
        lines += ["", *_megatron(job, problem)]
    if not jobs:
        lines.append("# This design trains nothing.")
    return "\n".join(lines) + "\n"


def _megatron(job: TrainingRecord, problem: Problem) -> list[str]:
    asked = problem.training[job.job]
    config = problem.models[asked.model]
    per_node = problem.nodes[job.node].accelerators
    notes = [
        f"# {job.job} at {job.site}: {job.accelerators} chips on {job.nodes} × {job.node}, {job.fabric}; "
        f"data parallel {job.data} follows; predicted for {job.software}",
    ]
    if config.kind != "decoder":
        notes.append("# not a decoder: use pretrain_bert.py or pretrain_t5.py, whose arguments of layout are the same")
    if job.sharding in ("gradients", "full"):
        notes.append(f"# sharding '{job.sharding}' goes beyond the distributed optimizer: Megatron's FSDP is needed")
    if config.kv_lora_rank:
        notes.append("# latent attention: --multi-latent-attention and its ranks are to be added from config.json")
    words: Words = ["torchrun", "--nnodes", str(job.nodes), "--nproc-per-node", str(min(per_node, job.accelerators))]
    words += ["pretrain_gpt.py", *_model(config), *_layout(job, config), *_numbers(job)]
    length = asked.sequence_length or config.max_positions
    words += ["--seq-length", str(length), "--max-position-embeddings", str(max(length, config.max_positions))]
    words += ["--micro-batch-size", str(job.micro_batch), "--global-batch-size", str(asked.global_batch)]
    words += ["--train-samples", str(round(job.tokens / length))]
    return [*notes, f'{_wrapped(words)} "$@"']


def _model(config: ModelConfig) -> Words:
    words = ["--num-layers", str(config.layers), "--hidden-size", str(config.hidden)]
    words += ["--num-attention-heads", str(config.heads), "--ffn-hidden-size", str(config.ffn)]
    if config.head_dim * config.heads != config.hidden:
        words += ["--kv-channels", str(config.head_dim)]
    if config.kv_heads != config.heads:
        words += ["--group-query-attention", "--num-query-groups", str(config.kv_heads)]
    if config.gated:
        words.append("--swiglu")
    if not config.biases:
        words.append("--disable-bias-linear")
    if not config.tied_embeddings:
        words.append("--untie-embeddings-and-output-weights")
    if config.experts:
        words += ["--num-experts", str(config.experts), "--moe-router-topk", str(config.experts_per_token)]
        words += ["--moe-ffn-hidden-size", str(config.expert_ffn)]
        if config.dense_layers:
            words += ["--moe-layer-freq", f"([0]*{config.dense_layers}+[1]*{config.layers - config.dense_layers})"]
        if config.shared_ffn:
            words += ["--moe-shared-expert-intermediate-size", str(config.shared_ffn)]
    return words


def _layout(job: TrainingRecord, config: ModelConfig) -> Words:
    words = ["--tensor-model-parallel-size", str(job.tensor), "--pipeline-model-parallel-size", str(job.pipeline)]
    if job.virtual_stages > 1:
        stages = job.pipeline * job.virtual_stages
        if config.layers % stages == 0:
            words += ["--num-layers-per-virtual-pipeline-stage", str(config.layers // stages)]
        else:
            words += ["--num-virtual-stages-per-pipeline-rank", str(job.virtual_stages)]
    if job.context > 1:
        words += ["--context-parallel-size", str(job.context)]
    if job.expert > 1:
        words += ["--expert-model-parallel-size", str(job.expert)]
    if job.tensor > 1:
        words.append("--sequence-parallel")
    if job.sharding != "none":
        words.append("--use-distributed-optimizer")
    if job.recompute == "selective":
        words += ["--recompute-granularity", "selective"]
    elif job.recompute == "full":
        words += ["--recompute-granularity", "full", "--recompute-method", "uniform", "--recompute-num-layers", "1"]
    return words


def _numbers(job: TrainingRecord) -> Words:
    kinds = {"bf16": ["--bf16"], "fp16": ["--fp16"], "fp8": ["--bf16", "--fp8-format", "hybrid"]}
    return kinds.get(job.precision, [])


def _wrapped(words: Words) -> str:
    """Return a command over several lines, an option with its value on one."""
    lines: list[str] = []
    for word in words:
        if word.startswith("--") or word.endswith(".py") or not lines:
            lines.append(shlex.quote(word))
        else:
            lines[-1] += f" {shlex.quote(word)}"
    return " \\\n    ".join(lines)
