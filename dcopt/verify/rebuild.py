"""Rebuilds of fabrics: every link of one that grows past a tier between two purchase dates is paid for."""

from __future__ import annotations

import itertools

from dcopt.design.records import Design, NetworkRecord
from dcopt.economics.ledger import Ledger, RunningLine
from dcopt.problem.epochs import epochs_of
from dcopt.problem.problem import Problem


def tiers_of(record: NetworkRecord) -> int:
    """Return the tiers of switches that a pool's fabric has."""
    return 1 + (record.spine > 0) + (record.core > 0)


def pay(problem: Problem, design: Design, ledger: Ledger) -> None:
    """Put the rebuilds of every epoch on the ledger."""
    by_key = {(r.site, r.node, r.fabric, r.year): r for r in design.network}
    epochs = epochs_of(problem)
    for before, now in itertools.pairwise(epochs):
        for (site, node, fabric, year), record in by_key.items():
            if year != now.first_year:
                continue
            old = by_key.get((site, node, fabric, before.first_year))
            if old is not None and tiers_of(record) > tiers_of(old):
                links = old.access_links + old.leaf_spine_links + old.spine_core_links
                usd = problem.settings.recabling_usd_per_link
                ledger.pay(RunningLine(site, "moving", links, usd, (year,)))
