"""How long what stands at a site stands: bought once for all periods, or rented at a cloud site anew in each."""

from __future__ import annotations

from dcopt.formulation.program import Program, all_years

ALL_YEARS = -1
"""The stay of what is bought once."""


def stays(program: Program, site: str) -> list[tuple[int, tuple[int, ...]]]:
    """Return (stay, years) of a site: each period where storage is rented, one for all years elsewhere."""
    if program.problem.sites[site].kind == "cloud":
        return [(period.index, period.years) for period in program.candidates.periods]
    return [(ALL_YEARS, tuple(all_years(program)))]


def stay_of(program: Program, site: str, period: int) -> int:
    """Return the stay of ``site`` that holds a period."""
    return period if program.problem.sites[site].kind == "cloud" else ALL_YEARS
