"""The content of a report: every section of a design, as plain data.

The terminal, Markdown and HTML writers render the same sections, so nothing is written three times and no two formats
can disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dcopt.design.records import Design
from dcopt.design.simulation import SimulatedService
from dcopt.report.answer import answer_section, diagnosis_section, has_design, proof_section, title_of
from dcopt.report.assumptions import assumption_section, free_section
from dcopt.report.blocks import Items, Report, Section
from dcopt.report.equipment import equipment_sections
from dcopt.report.money import baseline_section, binding_section, bom_section, cost_section, rejected_section
from dcopt.report.promises import promises_section
from dcopt.report.simulation import simulation_section
from dcopt.report.why import why_section
from dcopt.report.workloads import calendar_section, services_section, training_section

if TYPE_CHECKING:
    from dcopt.design.explanation import Explanation
    from dcopt.problem.problem import Problem


Simulated = Sequence[SimulatedService]


def build_report(
    design: Design, problem: Problem | None, simulated: Simulated = (), explanation: Explanation | None = None
) -> Report:
    """Return the report of a design; ``problem`` adds promises, models, settings and sources where it is at hand.

    ``simulated`` is what a simulation of the services found, ``explanation`` what 'dcopt explain' did.

    Without a design (status infeasible or no_solution) the diagnosis is the answer, and only what is known follows.
    """
    sections: list[Section | None] = [answer_section(design), diagnosis_section(design), proof_section(design)]
    if has_design(design):
        buy, *rest = equipment_sections(design, problem)
        sections += [buy, training_section(design, problem), services_section(design, problem)]
        corrections = () if problem is None else problem.corrections
        sections += [promises_section(design), simulation_section(simulated, corrections), *rest]
        sections += [cost_section(design), binding_section(design), baseline_section(design), calendar_section(design)]
    why = why_section(design, explanation)
    sections += [why or rejected_section(design), _notes(design, problem), free_section(design, problem)]
    if has_design(design):
        sections.append(bom_section(design))
    sections.append(assumption_section(design, problem))
    return Report(title_of(design), design.status, tuple(section for section in sections if section is not None))


def _notes(design: Design, problem: Problem | None) -> Section | None:
    """Return the remarks of the solve and the warnings about the input."""
    warnings = () if problem is None else tuple(str(finding) for finding in problem.warnings)
    notes = design.notes + warnings
    return Section("notes", "Notes", (Items(notes),)) if notes else None
