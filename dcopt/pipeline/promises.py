"""What a planner promised or limited, row by row, and how to lift or loosen it in a problem."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dcopt.performance.workloads import rtt_ms
from dcopt.problem.power_caps import capped
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import PRECISIONS
from dcopt.problem.tables.problem_rows import Offer

MOST_POWER = 32.0
"""Times a site's power that counts as lifting its limit: pools grow with it, so it stays finite."""
MOST_POSITIONS = 1_000_000
"""Rack positions that count as no limit."""
LEAST_LOAD = 0.001
"""Share of a service's load that counts as lifting the promise to serve it."""


OFFERED = "offered"
"""The column of a promise that stands for all rows of a table in `offers.csv`: what they name, and nothing else."""


CAPS = "power_caps"
"""The column of `settings.csv` that allows the caps of `power_caps.csv`."""


@dataclass(frozen=True)
class Promise:
    """One cell that a design must respect.

    Attributes
    ----------
    value, lifted: the cell as written, and without the promise.
    rises: whether a larger value is looser; None where the cell is no number.
    """

    table: str
    key: str
    column: str
    value: Any
    lifted: Any
    rises: bool | None

    @property
    def row(self) -> str:
        """The cell in the planner's words, such as ``training.csv: gpt3 deadline_days``."""
        column = "" if self.column == OFFERED else self.column
        return " ".join(filter(None, (f"{self.table}.csv:", self.key, column)))

    @property
    def group(self) -> tuple[str, str]:
        """What it belongs to: promises of one row are lifted together first."""
        return self.table, self.key

    @property
    def others(self) -> tuple[Any, ...]:
        """Values between the one written and the lifted one, where those are choices and no numbers: one more each."""
        if self.column in CHOICES:
            return tuple((*self.value, more) for more in self.lifted if more not in self.value)
        return ()

    @property
    def whole(self) -> bool:
        """Whether the cell is a whole number."""
        return isinstance(self.value, int) and not isinstance(self.value, bool)


SITES = "sites"
"""The column that names the sites where a workload may run, or data lie."""


CHOICES = ("precisions", SITES, OFFERED)
"""Columns that list what may be chosen; more of it is looser."""
_LIFTED: dict[str, tuple[tuple[str, Any, bool | None], ...]] = {
    "training": (
        ("deadline_days", 365.0, True),
        ("due_day", 365.0, True),
        ("earliest_start_day", 0.0, False),
        ("after", (), None),
        ("max_quality_loss_pct", None, True),
        ("precisions", PRECISIONS, None),
        ("requires", (), None),
    ),
    "inference": (
        ("ttft_ms", None, True),
        ("tpot_ms", None, True),
        ("latency_ms", None, True),
        ("max_quality_loss_pct", 100.0, True),
        ("availability_pct", None, False),
        ("survive_pct", 0.0, False),
        ("failure_domains", "none", None),
        ("requires", (), None),
        ("domain_survive_pct", 50.0, False),
        ("reload_s", None, True),
        ("first_day", None, True),
    ),
    "datasets": (
        ("min_copies", 1, False),
        ("max_annual_loss_probability", 1.0, True),
        ("requires", (), None),
    ),
    "sites": (
        ("rack_positions", None, True),
        ("water_limit_m3_per_year", None, True),
        ("floor_kg_per_m2", None, True),
        ("ups_minutes", 0.0, False),
        ("requires", (), None),
    ),
    "offers": (("max_units", None, True), ("min_units", None, False)),
}
"""By table: column, value without the promise, and whether larger is looser."""
RESTRICTED = ("training", "inference", "datasets")
"""Tables whose rows may be restricted to some sites."""
OPENED = ("nodes", "fabrics", "storage", "racks", "cooling", "power", "compression", "software")
"""Tables of which more may be offered than `offers.csv` names."""
_SETTINGS = (
    ("capex_limit_usd", None, True),
    ("carbon_limit_t_per_year", None, True),
    ("embodied_limit_t", None, True),
    ("max_vendor_pct", 100.0, True),
    ("order_day", None, False),
)


def promises_of(problem: Problem) -> tuple[Promise, ...]:
    """Return everything in ``problem`` that could be loosened, in the order of the tables."""
    return tuple(promise for promise in _all(problem) if promise.value != promise.lifted)


def _all(problem: Problem) -> Iterator[Promise]:
    for table, columns in _LIFTED.items():
        for key, row in problem.tables[table].items():
            for column, lifted, rises in columns:
                value = getattr(row, column)
                if value is not None:
                    yield Promise(table, key, column, value, lifted, rises)
            if elsewhere := _elsewhere(problem, table, key):
                here = getattr(row, SITES)
                yield Promise(table, key, SITES, here, (*here, *elsewhere), None)
    for name, service in problem.inference.items():
        peak = service.peak_requests_per_s
        yield Promise("inference", name, "peak_requests_per_s", peak, peak * LEAST_LOAD, False)
    for name, site in problem.sites.items():
        limit = site.power_limit_kw
        if limit is not None:
            yield Promise("sites", name, "power_limit_kw", limit, limit * MOST_POWER, True)
    for key, step in problem.limits.items():
        if step.power_kw is not None:
            yield Promise("limits", key, "power_kw", step.power_kw, step.power_kw * MOST_POWER, True)
        if step.positions is not None:
            yield Promise("limits", key, "positions", step.positions, MOST_POSITIONS, True)
    for key, asked in problem.demand.items():
        peak_then = asked.peak_requests_per_s
        if peak_then is not None:
            yield Promise("demand", key, "peak_requests_per_s", peak_then, peak_then * LEAST_LOAD, False)
    for column, lifted, rises in _SETTINGS:
        value = getattr(problem.settings, column)
        if value is not None:
            yield Promise("settings", "", column, value, lifted, rises)


def _elsewhere(problem: Problem, table: str, key: str) -> tuple[str, ...]:
    """Return the sites that a row's list leaves out, what promises most first: near its users, with much power."""
    allowed = getattr(problem.tables[table][key], SITES, ()) if table in RESTRICTED else ()
    service = problem.inference.get(key) if table == "inference" else None

    def merits(site: str) -> tuple[float, float]:
        limit = problem.sites[site].power_limit_kw
        return 0.0 if service is None else rtt_ms(service, site, problem), -math.inf if limit is None else -limit

    return tuple(sorted((site for site in problem.sites if site not in allowed), key=merits)) if allowed else ()


def caps_of(problem: Problem) -> tuple[Promise, ...]:
    """Return that no node runs at a power cap, where caps of nodes are known and `settings.csv` leaves them off."""
    if problem.settings.power_caps:
        return ()
    known = any(capped(node, cap) for node in problem.nodes.values() for cap in problem.power_caps.values())
    return (Promise("settings", "", CAPS, False, True, None),) if known else ()


def value_of(problem: Problem, promise: Promise) -> Any:
    """Return what ``problem`` has in the cell of a promise."""
    row = problem.settings if promise.table == "settings" else problem.tables[promise.table][promise.key]
    return getattr(row, promise.column)


def offers_of(problem: Problem) -> tuple[Promise, ...]:
    """Return, for each table that `offers.csv` restricts, that nothing else of it is offered; lifted: all of it is."""
    found = []
    for table in OPENED:
        named = tuple(dict.fromkeys(offer.name for offer in problem.offers.values() if offer.table == table))
        if named and set(named) != set(problem.tables[table]):
            rest = tuple(name for name in problem.tables[table] if name not in named)
            found.append(Promise("offers", table, OFFERED, named, named + rest, None))
    return tuple(found)


def changed(problem: Problem, values: Mapping[Promise, Any]) -> Problem:
    """Return ``problem`` with the cells of promises replaced; a service's mean load follows its peak."""
    settings: dict[str, Any] = {}
    offered: dict[str, tuple[str, ...]] = {}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for promise, value in values.items():
        if promise.table == "settings":
            settings[promise.column] = value
            continue
        if promise.column == OFFERED:
            offered[promise.key] = value
            continue
        cells = rows.setdefault((promise.table, promise.key), {})
        cells[promise.column] = int(value) if promise.whole and value is not None else value
        if promise.column == "peak_requests_per_s":
            mean = problem.tables[promise.table][promise.key].mean_requests_per_s  # type: ignore[attr-defined]
            if mean is not None:
                cells["mean_requests_per_s"] = mean * value / promise.value
    tables = {name: dict(of_table) for name, of_table in problem.tables.items()}
    for (table, key), cells in rows.items():
        tables[table][key] = tables[table][key].model_copy(update=cells)
    for table, names in offered.items():
        there = {offer.name for offer in tables["offers"].values() if offer.table == table}  # type: ignore[attr-defined]
        tables["offers"] |= {
            f"{table}/{name}/*": Offer.model_validate({"table": table, "name": name})
            for name in names
            if name not in there
        }
    return replace(problem, settings=problem.settings.model_copy(update=settings), tables=tables)
