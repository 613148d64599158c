"""The tables that a planner writes, by topic: what is wanted, where, and within which limits."""

from __future__ import annotations

from dcopt.problem.tables.market_rows import Existing, Offer
from dcopt.problem.tables.settings_rows import Setting, Settings
from dcopt.problem.tables.site_rows import Redundancy, Region, Site, WanLink
from dcopt.problem.tables.workload_rows import Dataset, Service, TrainingJob

__all__ = [
    "Dataset",
    "Existing",
    "Offer",
    "Redundancy",
    "Region",
    "Service",
    "Setting",
    "Settings",
    "Site",
    "TrainingJob",
    "WanLink",
]
