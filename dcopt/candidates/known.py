"""Predictions kept from one question about a problem to the next.

Promises and loads only filter candidates, so questions that change nothing else ("what if the deadline were 44 days?")
share the step times of a job and the ways and rates of a service. Whatever else changes empties the memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dcopt.candidates.records import Pool
from dcopt.performance.expected import percent_each
from dcopt.problem.problem import Problem
from dcopt.problem.tables.problem_rows import Service, TrainingJob

Admits = Callable[[str, Pool, str], bool]
"""Whether a workload (its name) may run on a pool in a precision (a job) or as a compression (a service)."""


def everything(workload: str, pool: Pool, variant: str) -> bool:
    """Admit every way to run a workload."""
    return True


FILTERS = ("training", "inference", "sites", "offers", "datasets", "existing")
"""Tables whose rows may differ between questions: jobs and services are told apart row by row, the others decide what
is on offer where and how much of it, which a step or a replica does not see."""
PREDICTED_FROM = ("software", "compression", "speculation")
"""Offers of these tables decide which ways there are."""
_JOB: dict[str, Any] = {
    "deadline_days": 1.0,
    "due_day": 365.0,
    "earliest_start_day": 0.0,
    "max_quality_loss_pct": None,
    "sites": (),
}
_SERVICE: dict[str, Any] = {
    "peak_requests_per_s": 1.0,
    "mean_requests_per_s": None,
    "availability_pct": None,
    "survive_pct": 0.0,
    "reload_s": None,
}
"""What does not change a prediction: it is blanked out of the row by which predictions are found again."""


@dataclass
class OfService:
    """What is known of one service: cases by place, rates by replica (see `ServingGenerator`)."""

    cases: dict[Any, Any] = field(default_factory=dict)
    rates: dict[Any, Any] = field(default_factory=dict)


@dataclass
class Known:
    """Predictions by job and service, valid for one world of parts, engines, measurements and confidence."""

    jobs: dict[TrainingJob, dict[Any, Any]] = field(default_factory=dict)
    services: dict[Service, OfService] = field(default_factory=dict)
    world: Any = None

    def about(self, problem: Problem) -> None:
        """Make ready for ``problem``: forget everything where more than promises, loads and offers differ."""
        world = (
            {name: rows for name, rows in problem.tables.items() if name not in FILTERS},
            {key: offer for key, offer in problem.offers.items() if offer.table in PREDICTED_FROM},
            problem.models,
            problem.corrections,
            percent_each(problem),
        )
        if world != self.world:
            self.jobs.clear()
            self.services.clear()
        self.world = world

    def of_job(self, job: TrainingJob) -> dict[Any, Any]:
        """Return the step times of ``job`` that are known, to be added to."""
        return self.jobs.setdefault(job.model_copy(update=_JOB), {})

    def of_service(self, service: Service) -> OfService:
        """Return what is known of ``service``, to be added to."""
        return self.services.setdefault(service.model_copy(update=_SERVICE), OfService())
