"""The table of how wrong predictions tend to be, by group."""

from __future__ import annotations

from typing import Literal

from dcopt.problem.columns import CatalogRow, column

ERROR_KEYS = ("mode", "model_class", "accelerator", "software", "precision", "model")
"""The keys of a group; a blank one matches anything."""


class PredictionError(CatalogRow):
    """How wrong the predictions of a group are: normal in ln(measured ÷ predicted time); rates count as times."""

    task: Literal["training", "inference"] = column("What is predicted.")
    quantity: Literal["step_s", "ttft_ms", "tpot_ms", "latency_ms", "requests_per_s"] = column(
        "The predicted figure. requests_per_s is the saturated rate; whole latencies of encoders use it too."
    )
    mode: str = column("single-node, multi-node, aggregated, disaggregated or saturated; blank: any.", default="")
    model_class: str = column("dense, experts, latent, encoder, encoder-decoder or vision; blank: any.", default="")
    accelerator: str = column("The chip; blank: any.", default="")
    software: str = column("The framework or engine; blank: any.", default="")
    precision: str = column("Arithmetic; blank: any.", default="")
    model: str = column("The model; blank: any of the class.", default="")
    rows: int = column("Measured rows that it rests on.", default=0, ge=0)
    groups: int = column("Models on chips under engines that these rows are of.", default=0, ge=0)
    bias: float = column("Mean of the logarithm; positive: slower than predicted.", default=0.0, ge=-5, le=5)
    group_sigma: float = column(
        "Standard deviation of the error that is common to a model on a chip under an engine.", ge=0, le=5
    )
    candidate_sigma: float = column("Standard deviation that differs between layouts and loads.", ge=0, le=5)
