"""What a design says about itself: its proof, its baseline, what binds, what was rejected, and years that repeat."""

from __future__ import annotations

from collections import defaultdict

from dcopt.design.records import BINDING_PCT, SCHEMA_VERSION, Design
from dcopt.problem.day import windows_of_day
from dcopt.problem.epochs import epoch_years, limits_in
from dcopt.problem.problem import Problem
from dcopt.verify.assets import LISTS, slices, taken_in
from dcopt.verify.checker import Checker
from dcopt.verify.money import GAP_NOISE, parts_taken

STOPS = ("", "time limit", "interrupted")

EQUIPMENT = tuple(name for name in LISTS if name != "calendar")
"""The lists of a design that a design record without a design leaves empty, with ``bom`` and ``calendar``."""


def check(problem: Problem, design: Design, gap_target: float | None, checker: Checker) -> None:
    """Check the claims of a design; its records are held against the tables elsewhere.

    Parameters
    ----------
    gap_target: relative gap that was asked for; None where it is not known.
    """
    checker.same("schema_version", design.schema_version, SCHEMA_VERSION)
    checker.same("diagnosis", design.diagnosis, ())
    checker.holds("stopped_by", design.stopped_by in STOPS, repr(design.stopped_by), f"one of {STOPS}")
    if gap_target is not None:
        checker.equal("gap_target", design.gap_target, gap_target)
    for seen, part in slices(problem, design):
        _same_every_year(seen, part, checker)
    _baseline(problem, design, checker)
    _rules(design, checker)
    if design.foresight is not None:
        found = (design.tco_usd or 0.0) - design.foresight.perfect_tco_usd
        checker.equal("foresight price_usd", design.foresight.price_usd, found)
    _residual(problem, design, checker)
    _night(problem, design, checker)
    _binding(problem, design, checker)
    for record in design.rejected:
        names = (record.site in problem.sites, record.node in problem.nodes, record.fabric in problem.fabrics)
        known = all(names) and record.workload in {**problem.training, **problem.inference}
        place = f"rejected {record.workload} {record.node} on {record.fabric} at {record.site}"
        checker.holds(place, known and bool(record.description) and bool(record.reason), "a candidate", "no such names")


def check_absence(design: Design, checker: Checker) -> None:
    """Check that a record which says that there is no design, or that none was found, states none."""
    for name in (*EQUIPMENT, "bom_lines", "calendar", "binding", "rejected"):
        checker.same(name.removesuffix("_lines"), getattr(design, name), ())
    for name in ("tco_usd", "objective_value", "gap", "cost", "baseline"):
        checker.same(name, getattr(design, name), None)
    checker.same("schema_version", design.schema_version, SCHEMA_VERSION)
    checker.holds("diagnosis", bool(design.diagnosis), "no reason", "a record without a design says why")


def _same_every_year(problem: Problem, design: Design, checker: Checker) -> None:
    """What was bought once stands, and carries the same, in every year."""
    for name in ("network", "side_networks", "storage", "racks", "power", "cooling", "solar", "halls", "adders"):
        by_year: dict[int, list[str]] = {year: [] for year in problem.years}
        for record in getattr(design, name):
            if name == "storage" and record.rented:
                continue  # what is rented may change from year to year
            by_year.setdefault(record.year, []).append(repr(record.model_copy(update={"year": 0})))
        first = sorted(by_year.get(problem.years[0], []))
        for year, records in by_year.items():
            same = sorted(records) == first
            checker.holds(
                f"{name} year {year}", same, f"other equipment than in year {problem.years[0]}", "it is bought once"
            )


def _baseline(problem: Problem, design: Design, checker: Checker) -> None:
    baseline = design.baseline
    if baseline is None:
        checker.holds("baseline_reason", bool(design.baseline_reason), "neither a baseline nor a reason", "one of them")
        return
    checker.same("baseline_reason", design.baseline_reason, "")
    checker.holds("baseline node", baseline.node in problem.nodes, baseline.node, "no such node")
    checker.holds("baseline fabric", baseline.fabric in problem.fabrics, baseline.fabric, "no such fabric")
    mine = design.tco_usd or 0.0
    checker.equal("baseline saving_usd", baseline.saving_usd, baseline.tco_usd - mine)
    checker.same("baseline under the objective", problem.settings.objective, "tco")
    checker.equal("baseline saving_proven_usd", baseline.saving_proven_usd, baseline.objective_bound - mine)
    gap = (baseline.tco_usd - baseline.objective_bound) / baseline.tco_usd if baseline.tco_usd else 0.0
    checker.equal("baseline gap", baseline.gap, gap, near_zero=GAP_NOISE)
    checker.at_most("baseline objective_bound", baseline.objective_bound, baseline.tco_usd, "its tco_usd")
    checker.at_most("baseline tco_usd", design.objective_bound or 0.0, baseline.tco_usd, "it is a design as well")
    pairs = {(pool.node, pool.fabric) for pool in design.pools}
    if len(pairs) == 1:  # the design itself is one pair everywhere, so the cheapest such design costs no more
        checker.at_most("baseline objective_bound", baseline.objective_bound, mine, "the design is such a baseline")


def _night(problem: Problem, design: Design, checker: Checker) -> None:
    """Check what is said of a design without training at night: it is one that the program may choose as well."""
    case = design.night
    if case is None:
        return
    may = any(job.preemptible for job in problem.training.values()) and bool(windows_of_day(problem))
    checker.holds("night", may, "what it saves", "no job may run at night")
    if case.without_tco_usd is None or case.without_objective_bound is None or design.tco_usd is None:
        checker.same("night saving_usd", (case.saving_usd, case.saving_proven_usd), (None, None))
        known = case.without_status in ("no design exists", "not solved in its time")
        checker.holds("night without_status", known, case.without_status, "why there is no number")
        return
    left = (case.without_tco_usd - case.without_objective_bound) / abs(case.without_tco_usd)
    status = "optimal" if left <= design.gap_target * (1 + 1e-6) + 1e-9 else "feasible"
    checker.same("night without_status", case.without_status, status)
    checker.equal("night saving_usd", case.saving_usd, case.without_tco_usd - design.tco_usd)
    checker.equal("night saving_proven_usd", case.saving_proven_usd, case.without_objective_bound - design.tco_usd)
    checker.at_most("night without_objective_bound", case.without_objective_bound, case.without_tco_usd, "its tco_usd")
    checker.at_most("night without_tco_usd", design.objective_bound or 0.0, case.without_tco_usd, "it is a design too")


def _rules(design: Design, checker: Checker) -> None:
    """Check that the rules of thumb say the same in all their numbers, and are no better than what is proven."""
    mine = design.tco_usd or 0.0
    for rule in design.rules:
        place = f"rules {rule.rule}"
        checker.holds(f"{place} years", len(design.purchase_years) > 1, "a rule", "everything is bought once")
        if rule.tco_usd is None or rule.objective_bound is None:
            numbers = (rule.tco_usd, rule.objective_bound, rule.gap, rule.extra_usd, rule.extra_proven_usd)
            checker.same(f"{place} numbers", numbers, (None,) * 5)
            checker.holds(f"{place} reason", bool(rule.reason), "neither numbers nor a reason", "one of them")
            continue
        checker.same(f"{place} reason", rule.reason, "")
        checker.equal(f"{place} extra_usd", rule.extra_usd, rule.tco_usd - mine)
        checker.equal(f"{place} extra_proven_usd", rule.extra_proven_usd, rule.objective_bound - mine)
        gap = (rule.tco_usd - rule.objective_bound) / rule.tco_usd if rule.tco_usd else 0.0
        checker.equal(f"{place} gap", rule.gap, gap, near_zero=GAP_NOISE)
        checker.at_most(f"{place} objective_bound", rule.objective_bound, rule.tco_usd, "its tco_usd")
        checker.at_most(f"{place} tco_usd", design.objective_bound or 0.0, rule.tco_usd, "it is a design as well")


def _residual(problem: Problem, design: Design, checker: Checker) -> None:
    """Check what is said of other residual values; the design's own TCO at them is recomputed with the money."""
    checker.same("residual", [case.residual_pct for case in design.residual], [0.0, 100.0])
    for case in design.residual:
        place = f"residual {case.residual_pct:g} %"
        if case.best_tco_usd is None or case.design_changes is None:
            checker.same(f"{place} best_tco_usd", (case.best_tco_usd, case.design_changes), (None, None))
            continue
        checker.at_most(f"{place} best_tco_usd", case.best_tco_usd, case.tco_usd, "the design's own tco_usd")
        if case.residual_pct == problem.settings.residual_pct:
            checker.equal(f"{place} best_tco_usd", case.best_tco_usd, case.tco_usd)
        saving = case.tco_usd - case.best_tco_usd
        better = saving > design.gap_target * case.tco_usd
        checker.holds(f"{place} design_changes", better or not case.design_changes, "yes", f"a saving of {saving!r}")


def _binding(problem: Problem, design: Design, checker: Checker) -> None:
    """Check that ``binding`` holds exactly what is (nearly) used up, with the share that is used."""
    used = _used_pct(problem, design)
    stated = {binding.row: binding for binding in design.binding}
    checker.same("binding: one record a row", len(stated), len(design.binding))
    for row, binding in stated.items():
        checker.equal(f"binding {row} used_pct", binding.used_pct, used.get(row))
        checker.holds(f"binding {row} sentence", bool(binding.sentence), "no sentence", "what it limits")
        checker.same(f"binding {row} saving_usd", binding.saving_usd, None)
    missing = [row for row, share in used.items() if share > BINDING_PCT * (1 + 1e-6) and row not in stated]
    checker.same("binding: limits that are used up and not named", missing, [])


def _used_pct(problem: Problem, design: Design) -> dict[str, float]:
    """Return the share in % that the design uses of every limit and promise, by row; the largest over the years."""
    shares: dict[str, float] = defaultdict(float)

    def use(row: str, value: float, limit: float | None) -> None:
        if limit:
            shares[row] = max(shares[row], value / limit * 100)

    settings = problem.settings
    for site in design.sites:
        row = problem.sites[site.site]
        power_kw, positions = limits_in(problem, site.site, epoch_years(problem, site.year))
        use(f"sites.csv: {site.site} power_limit_kw", site.facility_kw, power_kw)
        use(f"sites.csv: {site.site} rack_positions", site.rack_positions_used, positions)
        use(f"sites.csv: {site.site} water_limit_m3_per_year", site.water_m3_per_year, row.water_limit_m3_per_year)
    for year in range(1, design.horizon_years + 1):
        carbon = sum(site.carbon_t_per_year for site in design.sites if site.year == year)
        use("settings.csv: carbon_limit_t_per_year", carbon, settings.carbon_limit_t_per_year)
    bought = sum(line.total_usd for line in design.bom_lines)
    use("settings.csv: capex_limit_usd", bought, settings.capex_limit_usd)
    for offer in problem.offers.values():
        units = units_taken(design, offer.table, offer.name, offer.site)
        use(f"offers.csv: {offer.table}/{offer.name}/{offer.site or '*'} max_units", units, offer.max_units)
    for job in design.training:
        use(f"training.csv: {job.job} deadline_days", job.days, job.deadline_days)
    for part in design.inference:
        asked = problem.inference[part.service]
        for column in ("ttft_ms", "tpot_ms", "latency_ms"):
            value = getattr(part, column)
            if value is not None:
                use(f"inference.csv: {part.service} {column}", value, getattr(asked, column))
        row_name = f"inference.csv: {part.service} max_quality_loss_pct"
        use(row_name, part.quality_loss_pct, asked.max_quality_loss_pct)
    return dict(shares)


def units_taken(design: Design, table: str, name: str, site: str | None) -> float:
    """Return the units of a row that the design buys, or of a node rents at once, at ``site`` (None: everywhere)."""
    if len(design.purchase_years) > 1:
        return max((taken_in(design, table, name, site, y) for y in range(1, design.horizon_years + 1)), default=0.0)
    if table != "nodes":
        return parts_taken(design, table, name, site)
    most: dict[tuple[str, str, str], int] = defaultdict(int)
    for pool in design.pools:
        if pool.bought_as == name and site in (None, pool.site):
            units = pool.nodes if pool.rented else pool.bought
            most[pool.site, pool.node, pool.fabric] = max(most[pool.site, pool.node, pool.fabric], units)
    return float(sum(most.values()))
