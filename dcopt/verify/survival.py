"""Surviving capacity: for each site that is lost, what the other sites carry of each service."""

from __future__ import annotations

from dcopt.design.records import Design
from dcopt.problem.demand import is_alive, load_in
from dcopt.problem.problem import Problem
from dcopt.verify.checker import Checker


def check(problem: Problem, design: Design, checker: Checker) -> None:
    """Check that every service keeps its ``survive_pct`` without any one of its sites."""
    for name, service in problem.inference.items():
        for year in problem.years:
            if not service.survive_pct or not is_alive(service, year, design.horizon_years):
                continue
            peak = load_in(problem, service, year)[0] / (1 + service.headroom_pct / 100)
            records = [r for r in design.inference if (r.service, r.year) == (name, year)]
            for lost in sorted({record.site for record in records}):
                left = sum(record.capacity_requests_per_s for record in records if record.site != lost)
                place = f"service {name} year {year} without {lost}"
                checker.at_most(f"{place}: survive_pct", service.survive_pct / 100 * peak, left, "what is left")
