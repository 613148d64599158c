"""Predictions that the next problem need not make again: scenarios of a study differ mostly in prices and limits.

What is kept are the results of the performance models, which see neither money nor load nor a site's limits (tested).
They are used again only where all that those models could see is the same, so candidates come out exactly as they would
without.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from dcopt.performance.expected import ServingExpectation, percent_each
from dcopt.performance.serving import Layout
from dcopt.performance.training import StepPrediction
from dcopt.problem.problem import Problem

_PLANT = ("racks", "power", "cooling", "storage", "protection", "codecs", "networks", "transceivers", "wan")
_BUSINESS = (
    "sites",
    "offers",
    "existing",
    "adders",
    "halls",
    "solar",
    "tariffs",
    "commitments",
    "scenarios",
    "uncertainty",
    "leads",
    "moves",
)
UNSEEN_TABLES = frozenset((*_PLANT, *_BUSINESS))
"""Tables of which no prediction follows."""
UNSEEN_COLUMNS = {
    "inference": frozenset(
        ("peak_requests_per_s", "mean_requests_per_s", "growth_pct_per_year", "headroom_pct", "availability_pct")
    ),
    "training": frozenset(("deadline_days", "due_day", "earliest_start_day", "runs_per_year", "overhead_factor")),
}
"""Columns of the other tables of which none follows, besides those that hold money."""
FILTERS = {
    "inference": frozenset(("ttft_ms", "tpot_ms", "latency_ms", "max_quality_loss_pct", "sites", "reload_s")),
    "training": frozenset(("max_quality_loss_pct", "sites")),
    "datasets": frozenset(("min_copies", "max_annual_loss_probability", "requires", "sites")),
}
"""Promises that choose among predictions, or that the results are kept by: other values leave the others valid."""
SEEN_SETTINGS = frozenset(("confidence_pct",))
"""Settings of which predictions follow."""

MOST_LICENCES = 8
"""Sets of licences whose choices are kept; the oldest go first."""


@dataclass
class Memory:
    """Results of the performance models for problems of one `seen_by_predictions`, by what else they follow from."""

    seen: str = ""
    rates: dict[tuple[object, ...], dict[int, float]] = field(default_factory=dict)
    """Requests/s of each replica (0: it keeps no promise), by how many share a balancer."""
    ways: dict[tuple[object, ...], list[tuple[Layout, float, ServingExpectation]]] = field(default_factory=dict)
    steps: dict[tuple[object, ...], list[dict[int, StepPrediction]]] = field(default_factory=dict)
    chosen: dict[tuple[object, ...], dict[tuple[object, ...], Any]] = field(default_factory=dict)
    """What `ServingGenerator.found` holds, by the licences that dominance compares."""

    def of(self, problem: Problem) -> Memory:
        """Return the memory for ``problem``: this one, emptied where its results would not hold."""
        seen = seen_by_predictions(problem)
        if seen != self.seen:
            self.seen, self.rates, self.ways, self.steps, self.chosen = seen, {}, {}, {}, {}
        return self

    def chosen_for(self, problem: Problem) -> dict[tuple[object, ...], Any]:
        """Return the replicas that services chose on pools where engines cost what they cost in ``problem``."""
        licences = tuple((name, row.licence_usd_per_accelerator_year) for name, row in problem.software.items())
        if licences not in self.chosen and len(self.chosen) >= MOST_LICENCES:
            del self.chosen[next(iter(self.chosen))]
        return self.chosen.setdefault(licences, {})


def seen_by_predictions(problem: Problem) -> str:
    """Return a hash of everything in ``problem`` that a prediction may depend on."""
    settings, tables, models = problem.content()
    seen: dict[str, Any] = {name: settings[name] for name in SEEN_SETTINGS}
    seen["percent_each"] = percent_each(problem)
    for table, rows in tables.items():
        if table not in UNSEEN_TABLES:
            hidden = UNSEEN_COLUMNS.get(table, frozenset()) | FILTERS.get(table, frozenset())
            seen[table] = {
                key: {c: v for c, v in row.model_dump(mode="json").items() if "usd" not in c and c not in hidden}
                for key, row in rows.items()
            }
    corrections = [repr(correction) for correction in problem.corrections]
    text = json.dumps([seen, models, corrections], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
