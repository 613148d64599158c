"""Model configurations and what is counted from them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from perf_inputs import model

from dcopt.performance import arithmetic
from dcopt.problem.locate import models_dir
from dcopt.problem.model_config import ModelConfigError, gpt_style, load_model


def published_parameters() -> list[tuple[str, float]]:
    path = models_dir() / "published_parameters.csv"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [(row["model"], float(row["parameters"])) for row in csv.DictReader(lines)]


@pytest.mark.parametrize(("name", "count"), published_parameters())
def test_parameters_agree_with_the_published_checkpoint(name: str, count: float) -> None:
    assert arithmetic.parameters(model(name)) == pytest.approx(count, rel=0.01)


def test_every_shipped_model_has_a_published_count() -> None:
    shipped = {path.parent.name for path in models_dir().glob("*/config.json")}
    assert shipped == {name for name, _ in published_parameters()}


@pytest.mark.parametrize(
    ("name", "billions"),
    [("deepseek-v3", 37.5), ("mixtral-8x7b", 12.9), ("qwen3-235b-a22b", 22.0), ("qwen3.5-397b-a17b", 17.3)],
)
def test_parameters_that_a_token_uses_are_those_of_the_model_cards(name: str, billions: float) -> None:
    """What products use of a token, and the embedding that it is looked up in (these models tie none)."""
    used = arithmetic.multiplied_parameters(model(name)) + arithmetic.parts(model(name)).embedding
    assert used / 1e9 == pytest.approx(billions, rel=0.02)


def test_training_flops_are_those_of_megatron() -> None:
    layers, hidden, heads, vocab, tokens = 96, 12288, 96, 51200, 2048
    gpt = gpt_style(layers, hidden, heads, vocab=vocab)
    expected = 72 * tokens * layers * hidden**2 * (1 + tokens / (6 * hidden) + vocab / (12 * layers * hidden))
    assert arithmetic.training_flops_per_sequence(gpt, tokens) == pytest.approx(expected, rel=1e-3)


def test_training_flops_of_gpt3_are_those_of_its_paper() -> None:
    per_token = arithmetic.training_flops_per_sequence(model("gpt-3-175b"), 2048) / 2048
    assert per_token * 300e9 == pytest.approx(3.14e23, rel=0.04)


def test_kv_bytes_of_latent_grouped_and_sliding_attention() -> None:
    assert arithmetic.kv_bytes(model("llama-3.1-70b"), 1000) == pytest.approx(2 * 80 * 8 * 128 * 2 * 1000)
    assert arithmetic.kv_bytes(model("deepseek-v3"), 1000) == pytest.approx(61 * 576 * 2 * 1000)
    windowed = model("gpt-oss-120b")
    long, short = arithmetic.kv_bytes(windowed, 8000), arithmetic.kv_bytes(windowed, 4000)
    assert long - short == pytest.approx(18 * 2 * 8 * 64 * 2 * 4000)
    assert arithmetic.kv_bytes(model("bert-large"), 512) == 0


def test_published_weights_that_are_quantized_stay_so() -> None:
    dense, experts = arithmetic.weight_bytes(model("gpt-oss-120b"), 4.25)
    assert (dense + experts) / 1e9 == pytest.approx(65.2, rel=0.05)  # 65 GB on disk


def _write(folder: Path, config: object) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return str(folder)


def test_a_config_is_found_as_file_folder_or_name(tmp_path: Path) -> None:
    path = models_dir() / "bert-base" / "config.json"
    by_name = load_model("bert-base", [tmp_path, models_dir()])
    assert load_model(str(path)) == by_name
    assert load_model(str(path.parent)) == by_name


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_type": "mamba"}, "understood are"),
        ({"hidden_size": 10}, "model_type is missing"),
        ({"model_type": "bert", "hidden_size": 768, "num_attention_heads": 12}, "'num_hidden_layers'"),
        ({"model_type": "llama", "hidden_size": "wide", "num_attention_heads": 12}, "whole number"),
        ({"model_type": "gpt2", "n_embd": 100, "n_head": 12, "n_layer": 2, "vocab_size": 10}, "not a multiple"),
        ([], "JSON object"),
    ],
)
def test_what_is_wrong_with_a_config_is_said(tmp_path: Path, config: object, words: str) -> None:
    with pytest.raises(ModelConfigError, match=words):
        load_model(_write(tmp_path / "m", config))


def test_text_that_is_not_json_and_unknown_names_are_said(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{broken", encoding="utf-8")
    with pytest.raises(ModelConfigError, match="not JSON"):
        load_model(str(tmp_path))
    with pytest.raises(ModelConfigError, match=r"known models: .*bert-base"):
        load_model("no-such-model", [models_dir()])
