"""One scenario: the problem with its changes, solved, verified and summed up. Runs in any process."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from dcopt.design.parts import headroom_pct, parts_of, racks_of
from dcopt.design.records import Design
from dcopt.economics.prices import Part
from dcopt.problem.findings import InputError
from dcopt.problem.load import load
from dcopt.problem.problem import Problem
from dcopt.study.records import AppliedChange, Outcome, Scenario, SolveChoices

if TYPE_CHECKING:
    from dcopt.formulation.program import Program
    from dcopt.pipeline.warmth import Warmth

STUDY_TABLES = ("scenarios", "uncertainty")
"""Tables that say what is studied; no answer follows from them."""
ASPECTS = ("node", "fabric", "site", "compression", "software")
"""What a switching map may follow; the compression of a training job is its precision."""


def content_hash(problem: Problem) -> str:
    """Return a hash of all that an answer to ``problem`` follows from."""
    settings, tables, models = problem.content()
    rows = {
        name: {key: row.model_dump(mode="json") for key, row in rows.items()}
        for name, rows in tables.items()
        if name not in STUDY_TABLES
    }
    text = json.dumps([settings, rows, models], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def outcome_key(base_hash: str, scenario: Scenario, choices: SolveChoices) -> str:
    """Return the hash by which an outcome is found again: of the problem, its changes and how it is solved."""
    text = json.dumps(
        [version("dcopt"), base_hash, scenario.model_dump(exclude={"name", "inputs"}), choices.model_dump()],
        sort_keys=True,
    )
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def evaluate(path: Path, sets: Sequence[str], scenario: Scenario, choices: SolveChoices, key: str) -> Outcome:
    """Return the outcome of one scenario; whatever goes wrong becomes a failed outcome with its reason.

    Parameters
    ----------
    sets: the study's own changes, applied before the scenario's.

    Raises
    ------
    KeyboardInterrupt: Ctrl-C was pressed; what was found by then is no answer of a study.
    """
    try:
        problem = load(path, (*sets, *scenario.sets))
        if scenario.bought is not None:
            return _on_bought(key, scenario, problem, scenario.bought, choices)
        design = solved_and_verified(problem, choices, scenario)
    except InputError as error:
        errors = [str(finding) for finding in error.findings if finding.severity == "error"]
        return _outcome(key, scenario, status="failed", reason="; ".join(errors))
    except Exception as error:  # a study goes on; the reason is kept beside the scenario
        return _outcome(key, scenario, status="failed", reason=f"{type(error).__name__}: {error}")
    if design.stopped_by == "interrupted":
        raise KeyboardInterrupt
    outcome = summary(key, scenario, design, problem.changes, _headroom(problem, design))
    slack = {**outcome.slack, **slack_of(problem, outcome.achieved)}
    return outcome.model_copy(update={"parts": by_name(units_bought(problem, design)), "slack": slack})


def units_bought(problem: Problem, design: Design) -> dict[Part, float]:
    """Return the units of every row that a design buys at first."""
    from dcopt.pipeline.stocked import parts_bought

    return parts_bought(problem, design) if design.cost is not None else {}


def by_name(parts: Mapping[Part, float]) -> dict[str, float]:
    """Return units by ``site/table/row``."""
    return {"/".join(part): units for part, units in parts.items()}


def by_part(names: Mapping[str, float]) -> dict[Part, float]:
    """Return the units of `by_name` by (site, table, row)."""
    found: dict[Part, float] = {}
    for name, units in names.items():
        site, table, row = name.split("/")
        found[site, table, row] = units
    return found


def _on_bought(
    key: str, scenario: Scenario, problem: Problem, bought: Mapping[str, float], choices: SolveChoices
) -> Outcome:
    """Return how a problem runs on what is bought."""
    from dcopt.pipeline.run import RunOptions
    from dcopt.pipeline.stocked import run_on

    warmth = warmth_of(choices)
    asked = RunOptions(choices.time_limit_s, choices.gap, choices.threads, choices.seed, warmth=warmth)
    found = run_on(problem, by_part(bought), asked.solve_options(problem), warmth.memory)
    if found.design is None:
        return _outcome(key, scenario, status=found.status, reason=found.reason)
    outcome = summary(key, scenario, found.design, problem.changes)
    figures = {**outcome.figures, "tco_usd": found.tco_usd, "objective_value": found.tco_usd}
    bound = {} if found.bound_usd is None else {"objective_bound": found.bound_usd}
    return outcome.model_copy(update={"status": found.status, "figures": {**figures, **bound}})


_KEPT = threading.local()
"""What this thread keeps from scenario to scenario (a Dask worker may have several)."""


def warmth_of(choices: SolveChoices) -> Warmth:
    """Return what this thread keeps from scenario to scenario: predictions, and with ``warm`` solutions."""
    from dcopt.pipeline.warmth import Warmth

    kept: Warmth | None = getattr(_KEPT, "warmth", None)
    if kept is None or kept.starts != choices.warm:
        kept = _KEPT.warmth = Warmth(starts=choices.warm)
    return kept


def solved_and_verified(problem: Problem, choices: SolveChoices, scenario: Scenario | None = None) -> Design:
    """Return the verified design of ``problem`` within the limits of a scenario, without baseline and residual cases.

    Raises
    ------
    RuntimeError: the verifier found a number that the inputs do not give.
    """
    from dcopt.pipeline.run import RunOptions, design_for
    from dcopt.pipeline.user_constraints import no_constraints
    from dcopt.verify.verify import verify

    limited = scenario is not None and bool(scenario.limits or scenario.without or scenario.unlike)
    options = RunOptions(
        time_limit_s=choices.time_limit_s,
        gap=choices.gap,
        threads=choices.threads,
        seed=choices.seed,
        baseline=False,
        user_constraints=_limits_of(scenario) if scenario is not None and limited else no_constraints,
        of_any_program=limited,
        warmth=warmth_of(choices),
    )
    design = design_for(problem, options)
    _, mismatches = verify(problem, design)
    if mismatches:
        raise RuntimeError(f"verification failed: {mismatches[0]}")
    return design


def _limits_of(scenario: Scenario) -> Callable[[Program], None]:
    """Return the constraints that keep a scenario's limits and forbid what it does without."""
    from dcopt.formulation.parts import forbid, not_all

    def keep(program: Program) -> None:
        for metric, most in scenario.limits.items():
            program.require(
                "study_limit",
                metric,
                program.objectives[metric] <= most,
                row=f"--trade {metric}",
                sentence=f"the {metric} of the whole horizon is at most {most:,.6g}",
            )
        forbid(program, scenario.without)
        for number, parts in enumerate(scenario.unlike):
            not_all(program, parts, str(number))

    return keep


def _headroom(problem: Problem, design: Design) -> dict[str, float]:
    limits = {name: site.power_limit_kw for name, site in problem.sites.items() if site.power_limit_kw}
    free = headroom_pct(design, limits)
    return {} if free is None else {"headroom_pct": free}


def summary(
    key: str,
    scenario: Scenario,
    design: Design,
    changes: Sequence[object] = (),
    figures: Mapping[str, float] | None = None,
) -> Outcome:
    """Return what a study keeps of a design, and ``figures`` besides its own."""
    applied = tuple(AppliedChange.model_validate(change, from_attributes=True) for change in changes)
    if design.cost is None:
        reason = "; ".join(design.diagnosis)
        return _outcome(key, scenario, status=design.status, reason=reason, changes=applied)
    used = uses_of(design)
    return _outcome(
        key,
        scenario,
        status=design.status,
        changes=applied,
        design=fingerprint(design),
        choices={aspect: _in_words(by_workload) for aspect, by_workload in used.items()},
        kinds=parts_of(design),
        used={aspect: tuple(sorted(set().union(*users.values()))) for aspect, users in used.items()},
        figures=figures_of(design) | dict(figures or {}),
        achieved=achieved_by(design),
        slack={binding.row: 100.0 - binding.used_pct for binding in design.binding},
        solve_seconds=design.solve_seconds,
    )


def achieved_by(design: Design) -> dict[str, float]:
    """Return what a design reaches of each promise on time and quality, by cell."""
    found: dict[str, float] = {}

    def reach(cell: str, value: float | None) -> None:
        if value is not None:
            found[cell] = max(value, found.get(cell, 0.0))

    for job in design.training:
        reach(f"training.{job.job}.deadline_days", job.days)
    for one in design.inference:
        for column in ("ttft_ms", "tpot_ms", "latency_ms"):
            reach(f"inference.{one.service}.{column}", getattr(one, column))
        reach(f"inference.{one.service}.max_quality_loss_pct", one.quality_loss_pct)
    return found


def slack_of(problem: Problem, achieved: Mapping[str, float]) -> dict[str, float]:
    """Return the percent of each promise that is left, by its row and column, where it was made."""
    found = {}
    for cell, value in achieved.items():
        table, name, column = cell.split(".", 1)[0], cell.split(".", 1)[1].rpartition(".")[0], cell.rpartition(".")[2]
        asked = getattr(problem.tables[table][name], column)
        if asked:
            found[f"{table}.csv: {name} {column}"] = 100.0 * (1.0 - value / asked)
    return found


def _outcome(key: str, scenario: Scenario, **results: object) -> Outcome:
    return Outcome.model_validate(
        {"key": key, "scenario": scenario.name, "inputs": scenario.inputs, "sets": scenario.sets, **results}
    )


def fingerprint(design: Design) -> str:
    """Return a hash of everything that ``design`` decides."""
    return hashlib.sha256(repr(design.choices()).encode()).hexdigest()[:12]


def uses_of(design: Design) -> dict[str, dict[str, set[str]]]:
    """Return, by aspect and workload, what it uses: without counts, so that more of the same is equal."""
    fabrics = {(pool.site, pool.node): pool.fabric for pool in design.pools}
    used: dict[str, dict[str, set[str]]] = {aspect: {} for aspect in ASPECTS}

    def note(workload: str, *words: str) -> None:
        for aspect, word in zip(ASPECTS, words, strict=True):
            used[aspect].setdefault(workload, set()).add(word)

    for job in design.training:
        note(job.job, job.node, job.fabric, job.site, job.precision, job.software)
    for one in design.inference:
        fabric = fabrics.get((one.site, one.node), "none")
        note(one.service, one.node, fabric, one.site, one.compression, one.software)
    return used


def _in_words(by_workload: Mapping[str, set[str]]) -> str:
    """Return who uses what: the one answer where all agree, else each answer with its workloads."""
    users: dict[str, list[str]] = {}
    for workload, words in sorted(by_workload.items()):
        users.setdefault(" + ".join(sorted(words)), []).append(workload)
    if len(users) == 1:
        return next(iter(users))
    return ", ".join(f"{answer} ({' '.join(workloads)})" for answer, workloads in sorted(users.items()))


def figures_of(design: Design) -> dict[str, float]:
    """Return the figures of a design that a study compares."""
    assert design.cost is not None
    last = max((site.year for site in design.sites), default=1)
    at_end = [site for site in design.sites if site.year == last]
    found: dict[str, float | None] = {
        "tco_usd": design.tco_usd,
        "objective_value": design.objective_value,
        "objective_bound": design.objective_bound,
        "gap": design.gap,
        "capex_usd": sum(line.total_usd for line in design.bom_lines),
        "capital_usd": sum(design.cost.capital.values()),
        "running_usd": sum(design.cost.running.values()),
        "nodes": float(sum(p.nodes for p in design.pools if p.year == min(q.year for q in design.pools))),
        "racks": float(racks_of(design)),
        "it_kw": sum(site.it_kw for site in at_end),
        "facility_kw": sum(site.facility_kw for site in at_end),
        "energy_mwh_per_year": sum(site.energy_mwh_per_year for site in at_end),
        "carbon_t_per_year": sum(site.carbon_t_per_year for site in at_end),
        "energy_mwh": sum(site.energy_mwh_per_year for site in design.sites),
        "carbon_t": sum(site.carbon_t_per_year for site in design.sites),
        "water_m3_per_year": sum(site.water_m3_per_year for site in at_end),
    }
    if len(design.purchase_years) > 1:
        found["later_capex_usd"] = sum(line.total_usd for line in design.bom_lines if line.year > 1)
    return {name: float(value) for name, value in found.items() if value is not None}
