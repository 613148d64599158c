"""What a solved program tells: what binds, what lost, and which limits exclude every design."""

from __future__ import annotations

from collections.abc import Callable

import pyomo.environ as pyo

from dcopt.candidates.records import Candidates
from dcopt.design.records import BINDING_PCT, Binding, Design, Rejected, pool_key
from dcopt.formulation.program import Program
from dcopt.solve.matrix import compile_model
from dcopt.solve.session import SolveOptions
from dcopt.solve.together import solve

LIMITS = (
    "power_limit",
    "positions",
    "capex_limit",
    "carbon_limit",
    "water_limit",
    "offer_most",
    "offer_least",
    "offer_limit",
    "vendor_share",
    "surviving",
    "embodied_limit",
    "hall_kw",
    "hall_positions",
    "copies",
    "durability",
    "data_there",
    "checkpoints_there",
    "window",
    "calendar",
)
"""Constraints that keep a limit which the planner wrote, and that a design could do without."""


def binding_of(program: Program, design: Design) -> tuple[Binding, ...]:
    """Return the limits and promises that the design uses up (nearly): rows of the planner, with the largest share."""
    found: dict[str, Binding] = {}

    def keep(row: str, sentence: str, used_pct: float) -> None:
        if used_pct >= BINDING_PCT and (row not in found or used_pct > found[row].used_pct):
            found[row] = Binding(row=row, sentence=sentence, used_pct=used_pct)

    for part in program.parts:
        _rent_what_is_used(part, design)
    for _, constraint in limits_of(program):
        group = program.groups.get(constraint.name)
        upper = pyo.value(constraint.upper) if constraint.has_ub() else None
        if group is not None and upper and not constraint.has_lb():
            keep(group.row, group.sentence, pyo.value(constraint.body) / upper * 100)
    for record in design.training:
        sentence = f"a run of {record.job} takes {record.days:.4g} of {record.deadline_days:g} days"
        keep(f"training.csv: {record.job} deadline_days", sentence, record.days / record.deadline_days * 100)
    for service in design.inference:
        asked = program.problem.inference[service.service]
        for column in ("ttft_ms", "tpot_ms", "latency_ms"):
            limit, value = getattr(asked, column), getattr(service, column)
            if limit is not None and value is not None:
                sentence = f"{service.service} on {service.node} takes {value:.4g} of {limit:g} ms"
                keep(f"inference.csv: {service.service} {column}", sentence, value / limit * 100)
        limit, value = asked.max_quality_loss_pct, service.quality_loss_pct
        if limit > 0:
            sentence = f"{service.service} ({service.compression}) loses {value:.4g} of {limit:g} %"
            keep(f"inference.csv: {service.service} max_quality_loss_pct", sentence, value / limit * 100)
    return tuple(sorted(found.values(), key=lambda binding: (-binding.used_pct, binding.row)))


def limits_of(program: Program) -> list[tuple[str, pyo.Constraint]]:
    """Return (name, constraint) of everything in `LIMITS`, of all epochs and of the purchases over them."""
    return [
        (name, constraint)
        for name in LIMITS
        for part in dict.fromkeys((program, *program.parts))
        if (component := part.model.component(f"keep_{name}")) is not None
        for constraint in component.values()
    ]


def _rent_what_is_used(program: Program, design: Design) -> None:
    """Give rented pools the nodes that the calendar holds at once: room is free there, so the solver may leave more."""
    most: dict[str, int] = {}
    for pool in design.pools:
        key = pool_key(pool)
        most[key] = max(pool.nodes, most.get(key, 0))
    for key, candidate in program.candidates.pools.items():
        if candidate.rented:
            program.model.work[key].set_value(most.get(key, 0), skip_validation=True)


def rejected_of(candidates: Candidates, design: Design) -> tuple[Rejected, ...]:
    """Return for each workload the two nearest (site, node, fabric) that the design does not use, and why."""
    used = {(r.job, r.site, r.node, r.fabric) for r in design.training}
    used |= {(r.service, r.site, r.node, r.fabric) for r in design.inference}
    rejected = []
    for workload in (*candidates.training, *candidates.serving):
        nodes_used = {node for name, _, node, _ in used if name == workload}
        mine = [v for v in candidates.verdicts if v.workload == workload and v.shortfall < 1e9]
        others = [v for v in mine if (workload, v.site, v.node, v.fabric) not in used]
        others.sort(key=lambda v: (v.node in nodes_used, v.shortfall, v.site, v.node, v.fabric))
        seen: set[str] = set()
        for verdict in others:
            if verdict.node in seen or len(seen) == 2:
                continue
            seen.add(verdict.node)
            rejected.append(
                Rejected(
                    workload=workload,
                    site=verdict.site,
                    node=verdict.node,
                    fabric=verdict.fabric,
                    description=verdict.best,
                    reason=verdict.reason or "keeps its promises, but no design with it was cheaper",
                )
            )
    return tuple(rejected)


def ways_out(
    program: Program,
    options: SolveOptions,
    log: Callable[[str], None],
    *,
    more: Callable[[], tuple[str, ...]] = lambda: (),
) -> tuple[str, ...]:
    """Return for an infeasible program the limits without which (one at a time) there would be a design.

    ``more`` is asked for further ways where no limit of the program is one.
    """
    groups: dict[str, list[pyo.Constraint]] = {}
    for _, constraint in limits_of(program):
        if constraint.name in program.groups:
            groups.setdefault(program.groups[constraint.name].row, []).append(constraint)
    found: list[str] = []
    undecided: list[str] = []
    for row, constraints in groups.items():
        for constraint in constraints:
            constraint.deactivate()
        outcome = solve(compile_model(program.model), options, log=log)
        for constraint in constraints:
            constraint.activate()
        if outcome.values is not None:
            sentence = program.groups[constraints[0].name].sentence
            found.append(f"{row}: without this limit ({sentence}) there is a design")
        elif outcome.verdict == "interrupted":
            return (*found, "the search for limits that exclude every design was interrupted")
        elif outcome.verdict != "infeasible":
            undecided.append(row)
    if undecided:
        found.append(f"not decided in the time that was left: whether there is a design without {', '.join(undecided)}")
    if not found:
        found.extend(more())
    if not found:
        found.append("no single limit excludes every design: at least two of the limits collide")
    return tuple(found)
