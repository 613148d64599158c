"""Variants: what each leaves of bytes, arithmetic and quality, where its loss is published, and what stacks."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perf_inputs import catalog, chip, model
from pydantic import ValidationError

from dcopt.performance.compatibility import applies, stack_together, stacked_loss_pct
from dcopt.performance.variants import Variant, variant_of
from dcopt.problem.locate import models_dir
from dcopt.problem.tables.catalog_rows import Compression

ROWS: dict[str, Compression] = catalog()["compression"]
MODELS = {path.parent.name: model(path.parent.name) for path in sorted(models_dir().glob("*/config.json"))}


def row(**cells: Any) -> Compression:
    return Compression.model_validate({"name": "made", "method": "quantization", "quality_loss_pct": 1, **cells})


def test_a_variant_without_a_published_loss_is_never_free() -> None:
    unknown = row(quality_loss_pct=None)
    assert not any(applies(unknown, config) for config in MODELS.values())
    with pytest.raises(ValueError, match="no loss is published for the variant 'made'"):
        stacked_loss_pct([unknown])
    assert row(quality_loss_pct=-2).published_loss_pct == 0.0  # a gain pays for nothing else
    assert row(method="none", quality_loss_pct=None).published_loss_pct == 0.0


@pytest.mark.parametrize(
    ("least", "most", "names"),
    [
        (None, None, {"llama-3.1-8b", "llama-3.1-70b", "llama-3.1-405b"}),
        (60, 75, {"llama-3.1-70b"}),
        (9, None, {"llama-3.1-70b", "llama-3.1-405b"}),
        (None, 9, {"llama-3.1-8b"}),
        (400, 401, set()),
    ],
)
def test_a_loss_holds_for_the_sizes_that_it_was_published_for(least: Any, most: Any, names: set[str]) -> None:
    variant = row(applies_to="llama", min_params_b=least, max_params_b=most)
    assert {
        name for name, config in MODELS.items() if name.startswith("llama-3.1") and applies(variant, config)
    } == names
    assert not applies(variant, MODELS["qwen3-32b"])


def test_every_shipped_loss_is_for_someone_and_every_stack_is_mutual_sense() -> None:
    for name, variant in ROWS.items():
        assert any(applies(variant, config) for config in MODELS.values()) or name == "fp8-mixtral-8x22b", name
    for a, b in combinations(ROWS.values(), 2):
        if stack_together([a, b]):
            assert any(applies(a, config) and applies(b, config) for config in MODELS.values()), (a.name, b.name)


@pytest.mark.parametrize("name", [name for name, config in MODELS.items() if config.kind == "decoder"])
def test_language_models_have_an_eight_bit_or_native_variant_where_a_loss_is_published(name: str) -> None:
    found = {v.name for v in ROWS.values() if applies(v, MODELS[name]) and v.weight_bits <= 8}
    assert found or name in ("glm-10b", "gpt-1"), "no loss was found in print for these two"


def test_known_losses_by_size() -> None:
    """More parameters lose less to 2:4 pruning (SparseGPT, Wanda) and to 4-bit weights."""
    pruned = [
        min(v.published_loss_pct for v in ROWS.values() if v.pattern == "2-4" and applies(v, MODELS[name]))
        for name in ("llama-2-7b", "llama-2-13b", "llama-2-70b")
    ]
    assert pruned == sorted(pruned, reverse=True)
    four = [
        min(v.published_loss_pct for v in ROWS.values() if v.weight_bits == 4 and applies(v, MODELS[name]))
        for name in ("llama-3.1-8b", "llama-3.1-70b", "llama-3.1-405b")
    ]
    assert four == sorted(four, reverse=True)


@given(st.lists(st.floats(-5, 60), min_size=1, max_size=5))
def test_stacked_losses_grow_and_stay_below_their_sum(losses: list[float]) -> None:
    stack = [row(quality_loss_pct=loss) for loss in losses]
    total = stacked_loss_pct(stack)
    assert total == pytest.approx(stacked_loss_pct(stack[::-1]))
    assert max(0.0, *losses) - 1e-9 <= total <= sum(max(0.0, loss) for loss in losses) + 1e-9
    assert stacked_loss_pct(stack[:-1]) <= total + 1e-9


def test_only_its_own_row_narrows_the_kv_cache() -> None:
    fp8, kv, nvfp4 = ROWS["fp8-llama-3.1-70b"], ROWS["fp8-kv-llama"], ROWS["fp4-llama-3.1-70b"]
    for stack, value in (([fp8], 2.0), ([nvfp4], 2.0), ([kv], 1.0), ([fp8, kv], 1.0)):
        variant = variant_of(stack, chip("b200-sxm"))
        assert variant is not None
        assert variant.kv_bytes_per_value == value
    assert variant_of([kv], chip("a100-sxm-80")) is None  # no fp8 there: nothing published, nothing fused
    four = ROWS["fp4-kv-deepseek"]
    assert variant_of([four], chip("h200-sxm")) is None
    narrow = variant_of([four], chip("b200-sxm"))
    assert narrow is not None
    assert narrow.kv_bytes_per_value == pytest.approx(4.5 / 8)  # with the scales of its blocks
    assert Variant("fp8", 8, 8).kv_bytes_per_value == 1.0  # nothing said: as measured engines do
    assert stack_together([fp8, kv])
    assert not stack_together([ROWS["int4-awq-llama"], kv])  # nobody published that


def test_unstructured_pruning_shrinks_files_and_nothing_else() -> None:
    for name in ("h100-sxm", "a100-sxm-80", "xeon-8480-2s"):
        dense, pruned = variant_of([], chip(name)), variant_of([ROWS["prune-70-bert"]], chip(name))
        assert dense == pruned


def test_an_engine_picks_the_arithmetic_that_it_shares_with_the_chip() -> None:
    eight = row(weight_bits=8, activation_bits=8)
    engine = catalog()["software"]["onnx-runtime"]
    shared = variant_of([eight], chip("h100-sxm"), engine)
    assert shared is not None
    assert shared.precision == "int8"  # the chip prefers fp8, which this engine lacks
    assert variant_of([row(weight_bits=4, activation_bits=4)], chip("b200-sxm"), engine) is None


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"sparsity": "2-4"}, "only pruning leaves a pattern"),
        ({"method": "kv-cache"}, "needed for the method kv-cache"),
        ({"min_params_b": 8, "max_params_b": 7}, "must not exceed max_params_b"),
        ({"kv_bits": 0}, "greater than 0"),
    ],
)
def test_rows_that_contradict_themselves_are_refused(cells: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        row(**cells)
