"""How wrong a prediction tends to be: its band, from the measured group that is nearest to it.

    ln(measured ÷ predicted time) = bias + group error + candidate error,   both normal with mean 0

The group error is common to all that a group holds (a model on a chip under an engine), the candidate error differs
between the layouts and loads within it. Rates count as times (inverted), so a positive number is always slower than
predicted. The table `prediction_errors` holds the groups; blank keys match anything. All functions are pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dcopt.performance.queueing import normal_quantile
from dcopt.performance.variants import Variant
from dcopt.problem.model_config import ModelConfig
from dcopt.problem.tables.error_rows import ERROR_KEYS, PredictionError

KEY_WORDS = {
    "model_class": "models of the class",
    "accelerator": "the accelerator",
    "software": "the engine",
    "precision": "arithmetic in",
}
"""Keys whose every value needs a measured relative, and how a sentence names them."""

SAME = {"fp16": "bf16"}
"""Values that count as another where it is asked what was measured: both 16-bit forms run at one rate."""


def class_of(model: ModelConfig) -> str:
    """Return the class of a model as errors are grouped: encoder, vision, encoder-decoder, latent, experts or dense."""
    if model.kind != "decoder":
        return model.kind
    if model.kv_lora_rank:
        return "latent"
    return "experts" if model.experts else "dense"


@dataclass(frozen=True)
class Subject:
    """What is predicted, by the keys of the groups (`ERROR_KEYS`); '' is not known."""

    task: str
    mode: str
    model_class: str
    accelerator: str
    software: str
    precision: str
    model: str


@dataclass(frozen=True)
class Band:
    """The error of a prediction, in logarithms of measured ÷ predicted time.

    ``outside`` says which of its keys has no measured relative ('' where all have one); then the band is the widest.
    """

    bias: float
    group_sigma: float
    candidate_sigma: float
    rows: int
    group: str
    outside: str = ""

    @property
    def sigma(self) -> float:
        """Standard deviation of one prediction."""
        return math.hypot(self.group_sigma, self.candidate_sigma)

    def factor(self, percent: float) -> float:
        """Return by what a predicted time is multiplied so that it is kept with that probability, %.

        50 gives the median: the prediction corrected by the bias of its group.

        Raises `statistics.StatisticsError` unless ``percent`` is above 0 and below 100.
        """
        return math.exp(self.bias + normal_quantile(percent) * self.sigma)


@dataclass(frozen=True)
class Known:
    """The groups of one task and quantity.

    given: which keys some group has, all others blank. places: where the groups of some keys are among the rows.
    measured: the values of every key that some group has.
    """

    rows: tuple[PredictionError, ...]
    given: tuple[tuple[bool, ...], ...]
    places: Mapping[tuple[str, ...], tuple[int, ...]]
    measured: Mapping[str, frozenset[str]]

    def matching(self, asked: tuple[str, ...]) -> list[PredictionError]:
        """Return the groups whose keys are blank or as ``asked``, in order."""
        found = [
            place
            for given in self.given
            for place in self.places.get(tuple(v if g else "" for v, g in zip(asked, given, strict=True)), ())
        ]
        return [self.rows[place] for place in sorted(found)]


def known_of(errors: Iterable[PredictionError], task: str, quantity: str) -> Known:
    """Return what the table of errors holds for a task and a quantity."""
    rows = tuple(row for row in errors if row.quantity == quantity and row.task == task)
    measured = {
        key: frozenset(SAME.get(getattr(row, key), getattr(row, key)) for row in rows) - {""} for key in KEY_WORDS
    }
    places: dict[tuple[str, ...], tuple[int, ...]] = {}
    for place, row in enumerate(rows):
        keys = tuple(getattr(row, key) or "" for key in ERROR_KEYS)
        places[keys] = (*places.get(keys, ()), place)
    given = dict.fromkeys(tuple(bool(key) for key in keys) for keys in places)
    return Known(rows, tuple(given), places, measured)


def band_of(errors: Iterable[PredictionError], subject: Subject, quantity: str) -> Band | None:
    """Return `band_among` the groups of a quantity in a table of errors."""
    return band_among(known_of(errors, subject.task, quantity), subject)


def band_among(known: Known, subject: Subject) -> Band | None:
    """Return the band of a prediction, or None where the table knows nothing of that task and quantity.

    The most specific group that matches counts (of equals, that with most rows). Where an accelerator, a class of
    models, an engine or a precision was never measured, it is the widest of all groups of that mode.
    """
    matching = known.matching(tuple(getattr(subject, key) for key in ERROR_KEYS))
    if not matching:
        return None
    nearest = max(matching, key=lambda row: (_keys(row), row.rows))
    band = Band(nearest.bias, nearest.group_sigma, nearest.candidate_sigma, nearest.rows, nearest.name)
    outside = _outside(known, subject)
    if not outside:
        return band
    alike = [row for row in known.rows if row.mode in ("", nearest.mode)]
    return replace(
        band,
        group_sigma=max(row.group_sigma for row in alike),
        candidate_sigma=max(row.candidate_sigma for row in alike),
        outside=outside,
    )


def _keys(row: PredictionError) -> int:
    return sum(bool(getattr(row, key)) for key in ERROR_KEYS)


def _outside(known: Known, subject: Subject) -> str:
    """Return a sentence on the keys of ``subject`` that no measured group has; '' where there are none."""
    missing = []
    for key, words in KEY_WORDS.items():
        value, measured = getattr(subject, key), known.measured[key]
        if value and measured and SAME.get(value, value) not in measured:
            missing.append(f"{words} {value}")
    return f"no published measurement of {' or '.join(missing)}" if missing else ""


def quantity_of(quantity: str, *, generates: bool) -> str:
    """Return under which quantity a band is looked up: what answers in one pass is measured by its rate."""
    return quantity if generates or quantity != "latency_ms" else "requests_per_s"


def precision_of(variant: Variant) -> str:
    """Return the arithmetic by which errors are grouped: 4-bit weights count as fp4 wherever they are multiplied."""
    return "fp4" if variant.weight_bits <= 4 else variant.precision
