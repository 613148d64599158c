"""Do designs keep their promises as often as `confidence_pct` says, although the cheapest one picks flattering errors?

    python tests/benchmarks/confidence_on_synthetic_truth.py [EXAMPLE …]

Truth is what the models predict. In each draw the predictions are off by a group error (a chip under an engine in one
arithmetic) and a candidate error (variant and layout; node count for a job) of the shipped bands; every workload takes
the alternative that is cheapest on these predictions with the margin (accelerators bought in whole replicas or nodes,
and their energy), and a promise is kept where what was bought does it in truth. Printed: the share of draws in which
all promises are kept, with the margin and with the same one as if there were nothing to choose (`SELECTED_FROM` = 1).
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from dcopt.candidates.pools import pools_of
from dcopt.candidates.records import Pool, ServingCandidate
from dcopt.candidates.serving import ServingGenerator
from dcopt.candidates.training import TrainingGenerator
from dcopt.performance.compatibility import cluster_for
from dcopt.performance.errors import Band
from dcopt.performance.expected import SELECTED_FROM, promises_of
from dcopt.performance.serving_expected import largest_expected
from dcopt.performance.workloads import promise_of, run_of, serving_task_of
from dcopt.problem.demand import days_allowed
from dcopt.problem.load import load
from dcopt.problem.locate import examples_dir
from dcopt.problem.problem import Problem

DRAWS = 200
CONFIDENCES = (50.0, 80.0, 90.0, 95.0)
SLOWDOWNS = np.linspace(-1.6, 2.4, 25)
YEARS, USD_PER_KWH = 5, 0.1


@dataclass(frozen=True)
class Way:
    """An alternative of a workload: what it costs and does at each of `SLOWDOWNS`, and where its errors come from."""

    cost_usd: float
    does: NDArray[np.float64]
    """Requests/s of a replica at each slowdown; for a job 1 where it is in time, else 0."""
    needed: float
    band: Band
    group: object
    candidate: object

    def bought(self, log_slowdown: float) -> int:
        """Replicas that carry the load at that slowdown (0: none can)."""
        rate = float(np.interp(log_slowdown, SLOWDOWNS, self.does))
        return math.ceil(self.needed / rate - 1e-9) if rate > 0 else 0


def chip_usd(pool: Pool) -> float:
    """Return the price of a chip with its energy over the horizon."""
    hours = 8760 * YEARS
    price = pool.rent_usd_per_hour * hours if pool.rented else pool.price_usd or 0.0
    return (price + pool.node.peak_kw * hours * USD_PER_KWH) / pool.node.accelerators


def ways_of_services(problem: Problem) -> dict[str, list[Way]]:
    """Return the alternatives of every service."""
    pools = tuple(pools_of(problem).values())
    found: dict[str, list[Way]] = {}
    for service in problem.inference.values():
        task, ways, seen = serving_task_of(service, problem), [], set()
        loose = service.model_copy(update={"ttft_ms": None, "tpot_ms": None, "latency_ms": None})
        generator = ServingGenerator(problem, pools)
        for pool in pools:
            if service.sites and pool.site not in service.sites:
                continue
            for candidate in generator._on_pool(loose, pool):
                key = (pool.node.name, candidate.software, candidate.variant, candidate.layout)
                if key not in seen:
                    seen.add(key)
                    ways.append(_service_way(problem, candidate, task, service))
        found[service.name] = ways
    return found


def _service_way(problem: Problem, candidate: ServingCandidate, task: object, service: object) -> Way:
    pool, rates = candidate.pool, []
    cluster = cluster_for(problem, pool.node.name, pool.fabric.name)
    promise = promise_of(service, candidate.rtt_ms)  # type: ignore[arg-type]
    for log in SLOWDOWNS:
        slow = {
            name: replace(getattr(candidate.expected, name), factor=math.exp(log))
            for name in ("ttft", "tpot", "latency")
        }
        point = largest_expected(
            replace(candidate.expected, **slow),
            (task, cluster, candidate.layout, candidate.variant, problem.software[candidate.software]),  # type: ignore[arg-type]
            service.percentile,  # type: ignore[attr-defined]
            promise,
        )
        rates.append(point.requests_per_s if point else 0.0)
    chip = pool.node.accelerator
    return Way(
        chip_usd(pool) * candidate.accelerators,
        np.array(rates),
        service.peak_requests_per_s,  # type: ignore[attr-defined]
        candidate.expected.latency.band,
        (chip, candidate.software, candidate.variant.precision),
        (chip, candidate.software, candidate.variant, candidate.layout),
    )


def ways_of_jobs(problem: Problem) -> dict[str, list[Way]]:
    """Return the alternatives of every job."""
    generator = TrainingGenerator(problem, tuple(pools_of(problem).values()))
    found: dict[str, list[Way]] = {}
    for job in problem.training.values():
        run, ways = run_of(job, problem), []
        for pool in generator.pools:
            for candidate in generator._possible(job, run, pool):
                share = candidate.days / candidate.expected.factor / days_allowed(job)
                cost = chip_usd(pool) * candidate.step.accelerators * (min(1.0, share) if pool.rented else 1.0)
                group = (pool.node.accelerator, candidate.software, candidate.step.precision)
                in_time = np.where(SLOWDOWNS + math.log(share) <= 1e-9, 1.0, 0.0)
                ways.append(Way(cost, in_time, 1.0, candidate.expected.band, group, (*group, candidate.nodes)))
        found[job.name] = [way for way in ways if way.does[0] > 0]
    return found


def share_kept(ways: dict[str, list[Way]], z: float, draws: int = DRAWS) -> float:
    """Return the share of draws in which every workload keeps its promises."""
    source, kept = np.random.default_rng(1), 0
    for _ in range(draws):
        every = True
        for of_workload in ways.values():
            errors: dict[object, float] = {}
            best: tuple[float, bool] | None = None
            for way in of_workload:
                for key in (way.group, way.candidate):
                    if key not in errors:
                        errors[key] = float(source.standard_normal())
                own = way.band.candidate_sigma * errors[way.candidate]
                error = way.band.group_sigma * errors[way.group] + own
                replicas = way.bought(z * way.band.sigma - error)
                if replicas and (best is None or way.cost_usd * replicas < best[0]):
                    best = (way.cost_usd * replicas, 0 < way.bought(0.0) <= replicas)
            every &= best is None or best[1]
        kept += every
    return kept / draws


def main() -> None:
    """Print a line for each example and confidence."""
    names = sys.argv[1:] or [
        "bert-question-answering",
        "customer-service-chat",
        "hospital-and-bank",
        "gpt3-pretraining",
    ]
    for name in names:
        problem = load(examples_dir() / name)
        ways = {**ways_of_services(problem), **ways_of_jobs(problem)}
        promises = promises_of(problem)
        for confidence in CONFIDENCES:
            shares = []
            for selected in (SELECTED_FROM, 1):
                missed = (1 - confidence / 100) / (promises * selected)
                shares.append(share_kept(ways, NormalDist().inv_cdf(1 - missed)))
            print(f"{name} asked {confidence:g} %: kept {shares[0]:.1%}, without the choice {shares[1]:.1%}")


if __name__ == "__main__":
    main()
