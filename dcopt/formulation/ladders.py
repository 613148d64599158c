"""Ladders: a job that takes many nodes needs a step that reaches as many, of spares and of networks.

    Σ_{c of j in p, n_c ≥ n} y[j,c,t] ≤ Σ_{k: reach_k ≥ n} spares[p,k]                     each size n of the job
    Σ_{c of j in p, n_c ≥ n} y[j,c,t] ≤ Σ_{g: reach_g ≥ n + fewest spares of n} step[p,g]
    Σ_{c of j at s, n_c ≥ n} y[j,c,t] ≤ Σ_{g: reach_g ≥ ports of these nodes} step[s,network,g]

Every integer solution keeps them. The relaxation does not: it mixes the smallest step with one far beyond what is
needed, each for a part of the nodes.
"""

from __future__ import annotations

from typing import Any

from dcopt.candidates.records import TrainingCandidate
from dcopt.formulation.compute import spare_variables
from dcopt.formulation.expressions import total
from dcopt.formulation.program import Program
from dcopt.formulation.training import chosen
from dcopt.infrastructure.segments import segments_of

Steps = list[tuple[int, Any]]
"""(reach, variable) of each step."""


def declare(program: Program) -> None:
    """Ladders are of variables that other blocks declare."""


def link(program: Program) -> None:
    """Add the ladders of every job, on every pool and at every site where nodes are bought."""
    for period in program.candidates.periods:
        by_pool: dict[tuple[str, str], list[tuple[TrainingCandidate, Any]]] = {}
        for job, variable in chosen(program, period):
            if not job.pool.rented:
                by_pool.setdefault((job.job, job.pool.key), []).append((job, variable))
        for (name, key), mine in by_pool.items():
            spares = [(reach, variable) for _, _, reach, variable in spare_variables(program, key)]
            _ladder(program, "spare_ladder", (name, key, period.index), [(c.nodes, v) for c, v in mine], spares)
            fabric = [
                (step.max_nodes, program.model.fabric_step[key, g])
                for g, (step, _) in enumerate(program.candidates.facilities[key].fabric_steps)
            ]
            if fabric:
                sizes = _with_spares(program, key, mine)
                _ladder(program, "fabric_ladder", (name, key, period.index), sizes, fabric)
        _side_networks(program, period.index, by_pool)


def _side_networks(
    program: Program, period: int, by_pool: dict[tuple[str, str], list[tuple[TrainingCandidate, Any]]]
) -> None:
    for (site, network), (_, steps) in program.side_networks.items():
        ports = program.problem.networks[network].ports_per_node
        reaches = [
            (steps[run.first + run.more].max_nodes, program.model.side_step[site, network, g])
            for g, run in enumerate(segments_of(steps))
        ]
        sizes: dict[str, list[tuple[int, Any]]] = {}
        for (name, key), mine in by_pool.items():
            if program.candidates.pools[key].site == site and ports:
                needed = [(ports * nodes, variable) for nodes, variable in _with_spares(program, key, mine)]
                sizes.setdefault(name, []).extend(needed)
        for name, of_job in sizes.items():
            _ladder(program, "side_ladder", (name, site, network, period), of_job, reaches)


def _with_spares(program: Program, key: str, mine: list[tuple[TrainingCandidate, Any]]) -> list[tuple[int, Any]]:
    """Return the nodes of each candidate on a pool, with the fewest spares that cover them."""
    steps = program.candidates.facilities[key].spare_steps.values()
    fewest = {
        nodes: min(next((spares for spares, reach in of_target if reach >= nodes), 0) for of_target in steps)
        for nodes in {candidate.nodes for candidate, _ in mine}
    }
    return [(candidate.nodes + fewest[candidate.nodes], variable) for candidate, variable in mine]


def _ladder(program: Program, name: str, key: tuple[Any, ...], sizes: list[tuple[int, Any]], steps: Steps) -> None:
    for size in sorted({size for size, _ in sizes}):
        above = [variable for reach, variable in steps if reach >= size]
        if len(above) < len(steps):
            larger = [variable for other, variable in sizes if other >= size]
            program.require(name, (*key, size), total(larger) <= total(above))
