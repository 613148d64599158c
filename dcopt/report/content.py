"""The content of a report: every section of a design, as plain data.

The terminal, Markdown and HTML writers render the same sections, so nothing is written three times and no two formats
can disagree.

**To add a section** write, in a file of your own in this folder, one function that takes a `Context` and returns a
`Section` of blocks (`dcopt.report.blocks`: text, lists, figures, tables, charts), or None where it has nothing to say.
Then add one line to `SECTIONS` where the section is to stand:

    def dependency_section(context: Context) -> Section | None:
        if not context.design.calendar:
            return None
        return Section("dependencies", "What waits for what", (table("Jobs and what they wait for", …),))

A `Context` holds the design, the problem where its tables are at hand, what a simulation found, and the other JSON
documents of the RUN folder by their stem: ``context.beside.get("explanation")`` is ``explanation.json``. Functions
are only called where there is a design; those of `ALWAYS` are called without one too. A chart brings its own table of
data (`dcopt.report.chart_data`), so a section needs no second one. Keys of sections are unique: links go to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dcopt.design.records import Design
from dcopt.design.simulation import SimulatedService
from dcopt.report.answer import answer_section, diagnosis_section, has_design, proof_section, title_of
from dcopt.report.assumptions import assumption_section, free_section
from dcopt.report.blocks import Items, Report, Section
from dcopt.report.calendar import calendar_section
from dcopt.report.caps import caps_section
from dcopt.report.context import Context
from dcopt.report.day import day_section
from dcopt.report.domains import domains_section
from dcopt.report.equipment import (
    extra_sections,
    network_section,
    pools_section,
    storage_section,
    transfers_section,
)
from dcopt.report.facility import cooling_section, power_section, racks_section, sites_section
from dcopt.report.money import baseline_section, binding_section, bom_section, cost_section, rejected_section
from dcopt.report.orders import orders_section
from dcopt.report.promises import promises_section
from dcopt.report.rents import rents_section
from dcopt.report.simulation import simulation_section
from dcopt.report.spare_room import room_section
from dcopt.report.why import why_section
from dcopt.report.workloads import services_section, training_section
from dcopt.report.years import finance_section, rules_section, years_section

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem


Simulated = Sequence[SimulatedService]
Made = Section | Iterable[Section] | None


def _notes(context: Context) -> Section | None:
    """Return the remarks of the solve and the warnings about the input."""
    warnings = () if context.problem is None else tuple(str(finding) for finding in context.problem.warnings)
    notes = context.design.notes + warnings
    return Section("notes", "Notes", (Items(notes),)) if notes else None


def _simulation(context: Context) -> Section | None:
    corrections = () if context.problem is None else context.problem.corrections
    return simulation_section(context.simulated, corrections)


SECTIONS: tuple[Callable[[Context], Made], ...] = (
    lambda c: answer_section(c.design),
    lambda c: diagnosis_section(c.design),
    lambda c: cost_section(c.design),
    lambda c: years_section(c.design),
    lambda c: orders_section(c.design, c.problem),
    lambda c: room_section(c.design, c.problem),
    lambda c: rules_section(c.design),
    lambda c: rents_section(c.design, c.problem),
    lambda c: finance_section(c.design),
    lambda c: pools_section(c.design, c.problem),
    lambda c: caps_section(c.design, c.problem),
    lambda c: training_section(c.design, c.problem),
    lambda c: services_section(c.design, c.problem),
    lambda c: domains_section(c.design, c.problem),
    lambda c: promises_section(c.design),
    _simulation,
    calendar_section,
    day_section,
    lambda c: binding_section(c.design),
    lambda c: network_section(c.design),
    lambda c: storage_section(c.design),
    lambda c: transfers_section(c.design),
    lambda c: racks_section(c.design, c.problem),
    lambda c: power_section(c.design),
    lambda c: cooling_section(c.design, c.problem),
    lambda c: sites_section(c.design, c.problem),
    lambda c: extra_sections(c.design, c.problem),
    lambda c: baseline_section(c.design),
    lambda c: why_section(c.design, c.explanation) or rejected_section(c.design),
    _notes,
    lambda c: free_section(c.design, c.problem),
    lambda c: proof_section(c.design),
    lambda c: bom_section(c.design),
    lambda c: assumption_section(c.design, c.problem),
)
"""The sections of a design in their order."""

ALWAYS: tuple[Callable[[Context], Made], ...] = (
    lambda c: answer_section(c.design),
    lambda c: diagnosis_section(c.design),
    lambda c: proof_section(c.design),
    lambda c: rejected_section(c.design),
    _notes,
    lambda c: assumption_section(c.design, c.problem),
)
"""The sections where there is no design."""


def with_studies(report: Report, studies: Sequence[Report]) -> Report:
    """Return the report of a design with the sections of studies of it, before what it is held against."""
    added = [
        replace(section, key=f"study-{number}-{section.key}", title=f"{study.title}: {section.title}")
        for number, study in enumerate(studies, 1)
        for section in study.sections
    ]
    keys = [section.key for section in report.sections]
    place = keys.index("baseline") if "baseline" in keys else len(keys)
    return replace(report, sections=(*report.sections[:place], *added, *report.sections[place:]))


def build_report(
    design: Design,
    problem: Problem | None,
    simulated: Simulated = (),
    beside: Mapping[str, object] | None = None,
) -> Report:
    """Return the report of a design; ``problem`` adds promises, models, settings and sources where it is at hand.

    ``simulated`` is what a simulation of the services found, ``beside`` the other JSON documents of the RUN folder.

    Without a design (status infeasible or no_solution) the diagnosis is the answer, and only what is known follows.
    """
    context = Context(design, problem, tuple(simulated), beside or {})
    sections: list[Section] = []
    for make in SECTIONS if has_design(design) else ALWAYS:
        made = make(context)
        sections += [made] if isinstance(made, Section) else made or ()
    return Report(title_of(design), design.status, tuple(sections))
