"""Why this way to run each workload: the best designs that run it in another one, each proven by a solve.

The first rival differs in node, site, fabric or variant (precision of a job, compression of a service), whichever
costs least; the second in the node at least, or, where no other node can do it, in whatever the first one did too.
Where equipment is bought at several dates and a workload changes its node over the years, each of these runs of years
has a rival of its own: another node in those years, and the best for the others.
"""

from __future__ import annotations

from dataclasses import dataclass

from dcopt.candidates.admitted import Admits
from dcopt.candidates.records import Candidates, Pool, Verdict
from dcopt.design.explanation import Rival, Trade, Unable
from dcopt.design.parts import headroom_pct, racks_of
from dcopt.design.records import Design, ServiceRecord, TrainingRecord
from dcopt.design.words import runs_in_words, years_in_words
from dcopt.formulation.parts import off_nodes
from dcopt.formulation.program import Program
from dcopt.pipeline.questions import Answered, Questions
from dcopt.pipeline.why_not import why_not
from dcopt.problem.epochs import epochs_of
from dcopt.problem.islands import listed_name
from dcopt.problem.power_caps import bought_as
from dcopt.problem.problem import Problem

ASPECTS = ("site", "node", "fabric", "variant")


@dataclass(frozen=True)
class Way:
    """What tells two ways to run a workload apart; ``fabric`` is '' for work within a node, which sees none."""

    site: str
    node: str
    fabric: str
    variant: str


def ways_of(design: Design, workload: str) -> frozenset[Way]:
    """Return the ways in which ``design`` runs a job or service, in any year."""
    jobs = {Way(r.site, bought_as(r.node), _between(r), r.precision) for r in design.training if r.job == workload}
    mine = (r for r in design.inference if r.service == workload)
    return frozenset(jobs | {Way(r.site, bought_as(r.node), _spanned(r, design), r.compression) for r in mine})


def _between(record: TrainingRecord) -> str:
    """Return the fabric between the nodes of a job, '' where it runs on one."""
    return listed_name(record.fabric) if record.nodes > 1 else ""


def _spanned(record: ServiceRecord, design: Design) -> str:
    """Return the fabric that a replica of several nodes needs, '' where it fits into one."""
    per_node = next(
        (p.accelerators // p.nodes for p in design.pools if (p.site, p.node) == (record.site, record.node)), 0
    )
    return listed_name(record.fabric) if per_node and record.accelerators_per_replica > per_node else ""


def rivals_of(questions: Questions, design: Design, workload: str) -> tuple[Rival, ...]:
    """Return the best rivals of the way in which ``design`` runs a workload.

    Raises
    ------
    NoTimeError: the time is used up.
    """
    used = ways_of(design, workload)
    nodes = {way.node for way in used}
    first = questions.ask(f"{workload} in another way?", admits=_without(workload, used))
    if first.design is None:
        return (_rival(questions, design, workload, "any other way", first),)
    found = [_rival(questions, design, workload, _differs(used, ways_of(first.design, workload)), first)]
    also = ways_of(first.design, workload)
    others = {way.node for way in also} - nodes
    second = questions.ask(f"{workload} on another node?", admits=_not_on(workload, nodes | others))
    if second.design is None and others:  # the first was the only other node
        return tuple(found)
    if second.design is None:
        second = questions.ask(f"{workload} in yet another way?", admits=_without(workload, used | also))
        more = "any third way" if second.design is None else _differs(used | also, ways_of(second.design, workload))
        return (*found, _rival(questions, design, workload, more, second))
    return (*found, _rival(questions, design, workload, "a third node" if others else "another node", second))


def spans_of(problem: Problem, design: Design, workload: str) -> list[tuple[tuple[int, ...], frozenset[str]]]:
    """Return (years, nodes) of each run of epochs in which a workload runs on the same kinds of nodes.

    () where that is the same in all its years: then `rivals_of` has asked.
    """
    spans: list[tuple[tuple[int, ...], frozenset[str]]] = []
    for epoch in epochs_of(problem):
        jobs = {bought_as(r.node) for r in design.training if r.job == workload and r.year in epoch.years}
        nodes = frozenset(
            jobs | {bought_as(r.node) for r in design.inference if r.service == workload and r.year in epoch.years}
        )
        if not nodes:
            continue
        if spans and spans[-1][1] == nodes:
            spans[-1] = (spans[-1][0] + epoch.years, nodes)
        else:
            spans.append((epoch.years, nodes))
    return spans if len(spans) > 1 else []


def rival_of_span(
    questions: Questions, design: Design, workload: str, years: tuple[int, ...], nodes: frozenset[str]
) -> Rival:
    """Return the best design that runs a workload on none of ``nodes`` in some years, whatever it does in the others.

    Raises
    ------
    NoTimeError: the time is used up.
    """
    what = in_years(years)

    def elsewhere(program: Program) -> None:
        for part in program.parts:
            if part.problem.years[0] in years:
                off_nodes(part, workload, nodes)

    return _rival(questions, design, workload, what, questions.ask(f"{workload} on {what}?", cutoffs=elsewhere))


def in_years(years: tuple[int, ...]) -> str:
    """Return the name of a rival that differs in some years only."""
    return f"another node in {years_in_words(years)}"


def _differs(used: frozenset[Way], other: frozenset[Way]) -> str:
    """Return in what another way to run a workload differs, first of all."""
    for aspect in ASPECTS:
        if {getattr(way, aspect) for way in other} - {getattr(way, aspect) for way in used}:
            return f"another {aspect}"
    return "another combination"


def _without(workload: str, ways: frozenset[Way]) -> Admits:
    def admits(name: str, pool: Pool, variant: str) -> bool:
        if name != workload:
            return True
        node, fabrics = pool.node.uncapped.name, ("", pool.fabric.listed.name)
        here = {Way(pool.site, node, fabric, variant) for fabric in fabrics}
        return not here & ways

    return admits


def _not_on(workload: str, nodes: set[str]) -> Admits:
    return lambda name, pool, variant: name != workload or pool.node.uncapped.name not in nodes


def _rival(questions: Questions, design: Design, workload: str, what: str, answer: Answered) -> Rival:
    other = answer.design
    return Rival(
        workload=workload,
        what=what,
        runs=() if other is None else runs_in_words(other, workload),
        extra=questions.extra(answer, "tighter"),
        trade=None if other is None else trade_of(questions.problem, design, other),
    )


def trade_of(problem: Problem, design: Design, other: Design) -> Trade:
    """Return how ``other`` differs from ``design``."""
    assert design.cost is not None
    assert other.cost is not None
    return Trade(
        capital_usd=sum(other.cost.capital.values()) - sum(design.cost.capital.values()),
        running_usd=sum(other.cost.running.values()) - sum(design.cost.running.values()),
        facility_kw=_at_end(other, "facility_kw") - _at_end(design, "facility_kw"),
        racks=racks_of(other) - racks_of(design),
        carbon_t_per_year=_at_end(other, "carbon_t_per_year") - _at_end(design, "carbon_t_per_year"),
        headroom_pct=headroom_pct(other, power_limits_kw(problem)),
    )


def power_limits_kw(problem: Problem) -> dict[str, float]:
    """Return the grid power of each site that has a limit."""
    return {name: site.power_limit_kw for name, site in problem.sites.items() if site.power_limit_kw}


def _at_end(design: Design, figure: str) -> float:
    last = max((site.year for site in design.sites), default=1)
    return float(sum(getattr(site, figure) for site in design.sites if site.year == last))


def unable_of(questions: Questions, candidates: Candidates, workload: str) -> tuple[Unable, ...]:
    """Return for each node on which a workload cannot run at all where it came nearest, and why it cannot."""
    able = {v.node for v in candidates.verdicts if v.workload == workload and v.candidates}
    nearest: dict[str, Verdict] = {}
    for verdict in sorted(candidates.verdicts, key=lambda v: (v.shortfall, v.fabric)):
        if verdict.workload == workload and verdict.node not in able:
            nearest.setdefault(verdict.node, verdict)
    return tuple(
        Unable(
            workload=workload,
            node=v.node,
            fabric=v.fabric,
            site=v.site,
            reason=why_not(questions.problem, v) or v.reason,
        )
        for v in nearest.values()
    )
