"""The corpus of bad input: named ways to break one small valid problem, each with the finding that it must give."""

from __future__ import annotations

from corpus_base import Broken, Mutation
from corpus_day import DAY
from corpus_meaning import REFERENCES, ROWS, TOGETHER
from corpus_plant import PLANT
from corpus_text import CELLS, FILES, SHAPES

CORPUS: tuple[Broken, ...] = (*FILES, *SHAPES, *CELLS, *ROWS, *REFERENCES, *TOGETHER, *PLANT, *DAY)

TEN_AT_ONCE: tuple[tuple[str, Mutation], ...] = tuple(
    (broken.file, broken.mutate)
    for broken in CORPUS
    if broken.name
    in (
        "unknown-file",
        "too-few-cells",
        "negative",
        "dollar-sign",
        "unknown-region",
        "unknown-model",
        "unknown-dataset",
        "sold-without-rack-units",
        "unknown-setting",
        "aged-kit",
    )
)
"""Ten errors of different kinds, in different places."""
