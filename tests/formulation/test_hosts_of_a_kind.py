"""The hosts of nodes that are alike, over their fabrics: counting them together excludes nothing.

The sum of the hosts of all pools of a node at a site is an integer of its own (formulation/strength.py). Services
whose ways lie on different fabrics need as many hosts as all of them together.
"""

from __future__ import annotations

from small import job, owned_site, service

from dcopt.candidates.generate import generate
from dcopt.candidates.lesser import with_ways
from dcopt.candidates.records import Candidates
from dcopt.formulation.build import build
from dcopt.formulation.expressions import whole
from dcopt.formulation.extract import load_values
from dcopt.problem.problem import Problem
from dcopt.solve.matrix import compile_model
from dcopt.solve.session import SolveOptions, solve


def two_services() -> Problem:
    """Two services that take several of the slow nodes each, and a job that needs some of them on a fabric."""
    services = [service("chat", peak_requests_per_s=6000), service("search", peak_requests_per_s=6000)]
    small = owned_site([job(deadline_days=6)], services, power_limit_kw=400, rack_positions=300)
    return small.drop("nodes", "quad").load()


def on_fabrics(problem: Problem, fabrics: dict[str, str]) -> Candidates:
    """Return the candidates with each service on one fabric only."""
    candidates = generate(problem)
    serving = {
        name: tuple(way for way in of_one if way.pool.fabric.name == fabrics[name])
        for name, of_one in candidates.serving.items()
    }
    training = {name: tuple(way for way in of_one if way.nodes > 1) for name, of_one in candidates.training.items()}
    return with_ways(problem, candidates, training, serving)


def hosts_of(problem: Problem, candidates: Candidates) -> dict[str, int]:
    """Return the hosts on each fabric in the cheapest solution."""
    program = build(problem, candidates)
    matrix = compile_model(program.model)
    outcome = solve(matrix, SolveOptions(gap=1e-6, time_limit_s=60, threads=1))
    assert outcome.verdict == "optimal"
    load_values(matrix.columns, outcome.values)
    hosts: dict[str, int] = {}
    for (key, _), variable in program.model.hosts.items():
        fabric = candidates.pools[key].fabric.name
        hosts[fabric] = max(hosts.get(fabric, 0), whole(variable))
    return hosts


def test_services_on_different_fabrics_have_room() -> None:
    problem = two_services()
    apart = hosts_of(problem, on_fabrics(problem, {"chat": "flat", "search": "none"}))
    together = hosts_of(problem, on_fabrics(problem, {"chat": "none", "search": "none"}))
    assert min(apart.values()) > 2  # more than what one pool may need and one for each pool
    assert sum(apart.values()) >= sum(together.values())
