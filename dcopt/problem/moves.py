"""Moving equipment between sites: what it costs, and where it may go."""

from __future__ import annotations

from dcopt.problem.problem import Problem
from dcopt.problem.tables.year_rows import Move


def move_of(problem: Problem, table: str, name: str, origin: str, goal: str) -> Move | None:
    """Return the row of `moves.csv` by which units come from one site to another, the most exact one, or None."""
    for row_name in (name, "*"):
        for begin in (origin, "*"):
            for end in (goal, "*"):
                found = problem.moves.get(f"{table}/{row_name}/{begin}/{end}")
                if found is not None:
                    return found
    return None


def can_be_moved_to(problem: Problem, table: str, name: str, goal: str) -> bool:
    """Whether units of a row may come to a site from another."""
    if problem.sites[goal].kind == "cloud":
        return False
    return any(
        move_of(problem, table, name, origin, goal) is not None
        for origin, site in problem.sites.items()
        if origin != goal and site.kind != "cloud"
    )


def usd_each(move: Move, price_usd: float) -> float:
    """Return what moving one unit costs that was paid ``price_usd`` for, USD at the prices of year 1."""
    return move.usd_per_unit + price_usd * move.price_pct / 100
