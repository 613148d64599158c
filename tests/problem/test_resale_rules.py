"""Resale values that no market pays are remarked, with the row and the prices that show it."""

from __future__ import annotations

import pytest
from small import Small, owned_site, service


def remarks(small: Small) -> list[str]:
    """Return the warnings about resale of a problem."""
    return [str(w) for w in small.load().warnings if w.column == "resale_pct"]


def staged(**ages: float) -> Small:
    """Return a staged problem whose nodes bring these shares at the ages of one, two and three years."""
    small = owned_site(services=[service()]).set(horizon_years=4, purchase_years="all")
    for age, pct in enumerate(ages.values(), 1):
        small = small.add("ageing", table="nodes", age_years=age, resale_pct=pct)
    return small


def falling(small: Small, pct: float) -> Small:
    """Let the price of the nodes change by so much a year."""
    rows = [{"table": "nodes", "name": name, "price_change_pct_per_year": pct} for name in ("duo", "quad")]
    return small.put("offers", rows)


def test_usual_values_are_not_remarked() -> None:
    assert remarks(staged(one=60, two=40, three=25)) == []
    assert remarks(falling(staged(one=60, two=40, three=25), -12)) == []


def test_what_brings_more_than_a_new_one_costs_is_remarked() -> None:
    (found,) = remarks(falling(staged(one=60, two=20, three=10), -45))
    assert "ageing.csv:2" in found
    assert "new one costs" in found
    assert "duo" in found or "quad" in found


@pytest.mark.parametrize("year", [2, 3])
def test_steps_of_prices_count(year: int) -> None:
    small = staged(one=50, two=45, three=40).add("prices", table="nodes", name="duo", year=year, price_usd=100)
    assert all("duo" in text for text in remarks(small))
    assert len(remarks(small)) == min(3, 4 - 1)


def test_what_rises_with_age_is_remarked() -> None:
    (found,) = remarks(staged(one=30, two=35, three=20))
    assert "35" in found
    assert "30 %" in found


def test_a_row_of_its_own_goes_before_the_table() -> None:
    small = falling(staged(one=60), -45).add("ageing", table="nodes", name="duo", age_years=1, resale_pct=10)
    (found,) = remarks(small)
    assert "quad" in found
