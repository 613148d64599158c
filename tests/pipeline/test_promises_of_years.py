"""Limits and demand by year are promises that an explanation may lift."""

from __future__ import annotations

from small import design_of, owned_site, service

from dcopt.pipeline.promises import changed, promises_of


def test_limits_and_demand_by_year_can_be_lifted() -> None:
    small = owned_site(services=[service()]).set(horizon_years=2, purchase_years="all")
    small = small.add("limits", site="oslo", year=2, power_kw=0.01)
    small = small.add("demand", name="chat", year=2, peak_requests_per_s=900, mean_requests_per_s=300)
    problem = small.load()
    assert design_of(problem, 1e-4).status == "infeasible"
    of_years = {p.table: p for p in promises_of(problem) if p.table in ("limits", "demand")}
    assert of_years["limits"].row == "limits.csv: oslo/2 power_kw"
    loosened = changed(problem, {of_years["limits"]: 40.0})
    assert design_of(loosened, 1e-4).status == "optimal"
    halved = changed(problem, {of_years["demand"]: 450.0})
    row = halved.demand["chat/2"]
    assert (row.peak_requests_per_s, row.mean_requests_per_s) == (450.0, 150.0)
