"""Bands of prediction errors: what the fit recovers, which group a prediction finds, and how often a band holds."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from statistics import fmean

import pytest
from perf_inputs import model

from dcopt.performance.error_groups import Residual, fit_errors
from dcopt.performance.errors import Band, Subject, band_of, class_of, quantity_of
from dcopt.problem.tables.error_rows import PredictionError

ANYTHING = Subject("inference", "aggregated", "dense", "chip-0", "engine-0", "fp8", "model-0")


def synthetic(bias: float, between: float, within: float, atoms: int, rows: int, seed: int) -> list[Residual]:
    source = random.Random(seed)
    found = []
    for atom in range(atoms):
        common = source.gauss(bias, between)
        subject = replace(ANYTHING, accelerator=f"chip-{atom % 4}", software=f"engine-{atom % 3}", model=f"m-{atom}")
        found += [
            Residual(subject, "tpot_ms", common + source.gauss(0, within), f"configuration-{row}")
            for row in range(rows)
        ]
    return found


def fitted(residuals: list[Residual]) -> list[PredictionError]:
    return fit_errors(residuals, source="test", as_of="2026-01")


def test_the_fit_recovers_bias_and_both_spreads() -> None:
    top = fitted(synthetic(0.1, 0.2, 0.1, atoms=60, rows=20, seed=1))[0]
    assert (top.rows, top.groups, top.mode) == (1200, 60, "")
    assert top.bias == pytest.approx(0.1, abs=0.06)
    assert top.group_sigma == pytest.approx(0.2 * 1.16, rel=0.2)
    assert top.candidate_sigma == pytest.approx(0.1, rel=0.05)


def test_few_rows_are_drawn_towards_the_wider_group() -> None:
    strange = [
        Residual(replace(ANYTHING, model="strange"), "tpot_ms", 1.0 + 0.1 * (-1) ** row, f"c{row}") for row in range(8)
    ]
    rows = {row.name: row for row in fitted(synthetic(0.0, 0.1, 0.1, 40, 20, 2) + strange)}
    single = next(row for row in rows.values() if row.model == "strange")
    assert 0.5 < single.bias < 1.0
    assert single.group_sigma < rows["tpot"].group_sigma


def test_bands_of_what_was_left_out_hold_as_often_as_they_say() -> None:
    """Leave each model out of the fit: its rows lie below the factor of 90 % about nine times in ten."""
    residuals = synthetic(0.05, 0.15, 0.1, atoms=24, rows=12, seed=3)
    kept = []
    for name in sorted({r.subject.model for r in residuals}):
        errors = fitted([r for r in residuals if r.subject.model != name])
        for residual in residuals:
            if residual.subject.model == name:
                band = band_of(errors, residual.subject, "tpot_ms")
                assert band is not None
                kept.append(math.exp(residual.log_ratio) <= band.factor(90))
    assert 0.85 <= fmean(kept) <= 0.98


def row(name: str, **cells: object) -> PredictionError:
    sigmas = {"group_sigma": 0.1, "candidate_sigma": 0.1}
    return PredictionError.model_validate(
        {"name": name, "task": "inference", "quantity": "tpot_ms", "rows": 10, **sigmas, **cells}
    )


def test_the_most_specific_group_counts() -> None:
    errors = [
        row("any", rows=100),
        row("dense", model_class="dense", rows=50),
        row("chip", model_class="dense", accelerator="chip-0", bias=0.2),
        row("other", model_class="dense", accelerator="chip-1", bias=0.3),
    ]
    found = band_of(errors, ANYTHING, "tpot_ms")
    assert found is not None
    assert (found.group, found.bias, found.outside) == ("chip", 0.2, "")
    assert band_of(errors, ANYTHING, "ttft_ms") is None
    assert band_of([], ANYTHING, "tpot_ms") is None


@pytest.mark.parametrize(
    ("key", "value"), [("accelerator", "new"), ("model_class", "latent"), ("software", "x"), ("precision", "fp4")]
)
def test_what_was_never_measured_has_the_widest_band_and_says_so(key: str, value: str) -> None:
    errors = [
        row("any", group_sigma=0.2),
        row("all", model_class="dense", accelerator="chip-0", software="engine-0", precision="fp8"),
        row("wide", model_class="dense", accelerator="chip-1", candidate_sigma=0.5),
        row("mode", mode="disaggregated", group_sigma=0.9),
    ]
    inside = band_of(errors, ANYTHING, "tpot_ms")
    outside = band_of(errors, replace(ANYTHING, **{key: value}), "tpot_ms")
    assert inside is not None
    assert outside is not None
    assert inside.outside == ""
    assert value in outside.outside
    assert (outside.group_sigma, outside.candidate_sigma) == (0.2, 0.5)
    assert outside.factor(90) > inside.factor(90)


def test_factors_of_a_band() -> None:
    band = Band(0.1, 0.3, 0.4, 10, "g")
    assert band.sigma == pytest.approx(0.5)
    assert band.factor(50) == pytest.approx(math.exp(0.1))
    assert band.factor(84.1345) == pytest.approx(math.exp(0.6), rel=1e-4)
    assert band.factor(10) < 1 < band.factor(90)


def test_classes_of_models_and_quantities() -> None:
    names = {"bert-large": "encoder", "t5-11b": "encoder-decoder", "vit-l": "vision", "deepseek-v3": "latent"}
    names |= {"mixtral-8x7b": "experts", "llama-3.1-8b": "dense"}
    assert {name: class_of(model(name)) for name in names} == names
    assert quantity_of("latency_ms", generates=False) == "requests_per_s"
    assert quantity_of("latency_ms", generates=True) == "latency_ms"
