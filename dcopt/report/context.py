"""What a section of a report may look at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dcopt.design.records import Design
from dcopt.design.simulation import SimulatedService

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem

OWN_DOCUMENTS = frozenset({"design", "simulation"})
"""JSON documents of a RUN folder that are read as records."""


@dataclass(frozen=True)
class Context:
    """The design, its problem (None where its tables are not at hand), and what else the RUN folder holds."""

    design: Design
    problem: Problem | None = None
    simulated: tuple[SimulatedService, ...] = ()
    beside: Mapping[str, object] = field(default_factory=dict)


def read_beside(run: Path) -> dict[str, object]:
    """Return the other JSON documents of a RUN folder by their stem; one that cannot be read is left out."""
    found: dict[str, object] = {}
    for path in sorted(run.glob("*.json")):
        if path.stem in OWN_DOCUMENTS:
            continue
        try:
            found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
    return found
