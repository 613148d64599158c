"""Designs in the words of engines, frameworks and schedulers."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from dcopt.design.records import Design
from dcopt.problem.locate import models_dir
from dcopt.problem.model_config import ModelConfig
from dcopt.problem.models import read_model
from dcopt.problem.problem import Problem
from dcopt.report.export_commands import megatron_arguments, tensorrt_llm_commands, vllm_commands
from dcopt.report.export_inventory import groups_of, kubernetes_nodes, slurm_conf


def model(name: str) -> ModelConfig:
    return read_model(models_dir() / name / "config.json")[0]


@pytest.fixture(scope="module")
def known(problem: Problem) -> Problem:
    """The problem of the reports with its models and the engine that its service runs on."""
    models = {"gpt-3": model("gpt-3-175b"), "llama-2-70b": model("llama-2-70b")}
    software = dict(problem.software)
    software["vllm"] = software["megatron"].model_copy(update={"name": "vllm", "memory_fraction": 0.9})
    chips = {"h100-sxm": problem.accelerators["h100-sxm"].model_copy(update={"vendor": "nvidia"})}
    nodes = {"dgx-h100": problem.nodes["dgx-h100"].model_copy(update={"host_cpu_cores": 112, "host_memory_gb": 2048})}
    tables = {**problem.tables, "software": software, "accelerators": chips, "nodes": nodes}
    return replace(problem, tables=tables, models=models)


def options(script: str) -> dict[str, str]:
    """Return the options of the only command of a script."""
    lines = [line for line in script.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    (line,) = lines
    words = shlex.split(line)
    found: dict[str, str] = {}
    for i, word in enumerate(words):
        if word.startswith("--"):
            value = words[i + 1] if i + 1 < len(words) else ""
            found[word] = "" if value.startswith("--") or value.startswith("$") else value
    return found


def test_a_service_as_a_command_of_vllm(design: Design, known: Problem) -> None:
    script = vllm_commands(design, known)
    assert script.count("vllm serve llama-2-70b") == 1  # the years that read the same are one command
    assert "12 replicas of 2 chips on dgx-h100" in script
    found = options(script)
    assert found["--tensor-parallel-size"] == "2"
    assert found["--max-num-seqs"] == "48"
    assert found["--max-model-len"] == "700"
    assert found["--gpu-memory-utilization"] == "0.9"
    assert "--kv-cache-dtype" not in found


def test_what_a_service_uses_is_in_its_command(design: Design, known: Problem) -> None:
    part = design.inference[0].model_copy(
        update={"kv_bits": 8.0, "prefix_cached_pct": 40.0, "expert": 8, "attention_data": 4, "speculation": "eagle"}
    )
    changed = design.model_copy(update={"inference": (part,)})
    found = options(vllm_commands(changed, known))
    assert found["--kv-cache-dtype"] == "fp8"
    assert found["--data-parallel-size"] == "4"
    assert {"--enable-prefix-caching", "--enable-expert-parallel"} <= set(found)
    script = tensorrt_llm_commands(changed, known)
    found = options(script)
    assert (found["--tp_size"], found["--ep_size"], found["--max_seq_len"]) == ("8", "8", "700")
    assert "kv_cache_config: {dtype: fp8}" in script
    assert "drafts of further tokens (eagle)" in script


def test_a_layout_as_arguments_of_megatron(design: Design, known: Problem) -> None:
    script = megatron_arguments(design, known)
    found = options(script)
    assert (found["--nnodes"], found["--nproc-per-node"]) == ("30", "8")
    assert (found["--tensor-model-parallel-size"], found["--pipeline-model-parallel-size"]) == ("8", "5")
    assert found["--num-virtual-stages-per-pipeline-rank"] == "2"  # 96 layers are no multiple of 5 × 2 stages
    assert (found["--num-layers"], found["--hidden-size"]) == ("96", "12288")
    assert found["--recompute-granularity"] == "selective"
    assert {"--use-distributed-optimizer", "--sequence-parallel", "--bf16"} <= set(found)
    assert int(found["--train-samples"]) * int(found["--seq-length"]) == pytest.approx(3e11, rel=1e-6)
    assert found["--global-batch-size"] == "1536"


def test_designs_without_such_work_say_so(known: Problem) -> None:
    empty = Design(problem="p", status="optimal")
    assert "serves nothing" in vllm_commands(empty, known)
    assert "trains nothing" in megatron_arguments(empty, known)
    assert groups_of(empty, known) == []


def test_nodes_for_slurm(design: Design, known: Problem) -> None:
    text = slurm_conf(design, known)
    assert "NodeName=oslo-dgx-h100-[001-034] CPUs=112 RealMemory=1953125 Gres=gpu:h100-sxm:8" in text
    assert "PartitionName=oslo Nodes=oslo-dgx-h100-[001-034] State=UP" in text
    assert "NodeName=cloud-dgx-h100-[001-004] Name=gpu Type=h100-sxm Count=8" in text


def test_nodes_for_kubernetes(design: Design, known: Problem) -> None:
    items = json.loads(kubernetes_nodes(design, known))["items"]
    assert len(items) == 34 + 4
    assert len({item["metadata"]["name"] for item in items}) == 38
    assert items[0]["status"]["capacity"] == {"nvidia.com/gpu": "8", "cpu": "112", "memory": "1953125Mi"}


def test_every_script_is_shell(design: Design, known: Problem, tmp_path: Path) -> None:
    for write in (vllm_commands, tensorrt_llm_commands, megatron_arguments):
        path = tmp_path / "script.sh"
        path.write_text(write(design, known), encoding="utf-8")
        subprocess.run(["sh", "-n", str(path)], check=True)


def test_experts_and_dense_layers_are_told_to_megatron(design: Design, known: Problem) -> None:
    moved = replace(known, models={**known.models, "gpt-3": model("deepseek-v3")})
    script = megatron_arguments(design, moved)
    found = options(script)
    assert (found["--num-experts"], found["--moe-router-topk"], found["--moe-ffn-hidden-size"]) == ("256", "8", "2048")
    assert found["--moe-layer-freq"] == "([0]*3+[1]*58)"
    assert "latent attention" in script
