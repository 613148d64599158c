"""Rows that a planner may start from: what comes with most data centres by rule.

They are estimates that say so, offered as comments by ``dcopt init`` and never used unasked.
"""

from __future__ import annotations

from typing import Any

POST = 5
"""People that one post staffed day and night takes: 8,760 hours over some 1,750 working hours of a person."""

SUGGESTED_ADDERS: tuple[dict[str, Any], ...] = (
    {
        "name": "control-plane",
        "driver": "site",
        "ratio": 0,
        "minimum": 3,
        "step": 1,
        "price_usd": 14000,
        "kw_each": 0.5,
        "rack_units_each": 1,
        "note": "three so that two agree when one fails; a two-socket server",
    },
    {
        "name": "login-node",
        "driver": "nodes",
        "ratio": 0.01,
        "minimum": 2,
        "step": 1,
        "price_usd": 14000,
        "kw_each": 0.5,
        "rack_units_each": 1,
        "note": "two and one for each 100 nodes",
    },
    {
        "name": "data-mover",
        "driver": "nodes",
        "ratio": 0.02,
        "minimum": 1,
        "step": 1,
        "price_usd": 18000,
        "kw_each": 0.6,
        "rack_units_each": 1,
        "note": "one for each 50 nodes",
    },
    {
        "name": "fabric-manager",
        "driver": "site",
        "ratio": 0,
        "minimum": 2,
        "step": 1,
        "price_usd": 16000,
        "kw_each": 0.6,
        "rack_units_each": 1,
        "note": "a pair",
    },
    {
        "name": "spare-parts",
        "driver": "capital",
        "ratio": 0.02,
        "price_usd": 1,
        "note": "stock of 2 % of the purchases",
    },
    {"name": "freight-and-duty", "driver": "capital", "ratio": 0.02, "price_usd": 1, "note": "2 %; duty by country"},
    {"name": "installation", "driver": "racks", "ratio": 1, "price_usd": 4000, "note": "racking, cabling, tests"},
    {"name": "contingency", "driver": "capital", "ratio": 0.05, "price_usd": 1, "note": "5 % of the purchases"},
    {"name": "insurance", "driver": "capital", "ratio": 0.004, "usd_per_year": 1, "note": "0.4 % of the value a year"},
    {
        "name": "post-day-and-night",
        "driver": "it_kw",
        "ratio": POST / 2000,
        "minimum": 0,
        "step": 0.5,
        "usd_per_year": 120000,
        "note": "a post of five people for each 2 MW, shared with other work where less than one",
    },
)
"""Cells of `adders.csv` by column; every figure is an estimate (low confidence)."""
