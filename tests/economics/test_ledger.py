"""The ledgers: totals, cash, bill of materials and replacements come from the same lines."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcopt.design.records import CAPITAL_CATEGORIES, RUNNING_CATEGORIES
from dcopt.economics.finance import Finance
from dcopt.economics.ledger import (
    CapitalLine,
    Ledger,
    RunningLine,
    bill_of_materials,
    capex_terms,
    cost_of,
    tco_terms,
    tco_usd,
)

FINANCE = Finance(5, 0.08, 1.0, 0.02, 0.03, 0.0)


def _line(quantity: float = 2, price: float = 100.0, life: float = 5, item: str = "a", **changes: str) -> CapitalLine:
    line = CapitalLine("oslo", "nodes", "nodes", item, quantity, price, life)
    return replace(line, **changes)  # type: ignore[arg-type]


def _ledger(*capital: CapitalLine, running: tuple[RunningLine, ...] = ()) -> Ledger:
    ledger = Ledger()
    for line in capital:
        ledger.buy(line)
    for paid in running:
        ledger.pay(paid)
    return ledger


def test_hand_sum_of_a_small_ledger() -> None:
    ledger = _ledger(
        _line(quantity=3, price=1000, life=5),
        _line(quantity=1, price=500, life=2, category="racks", table="racks", row="r"),
        running=(RunningLine("oslo", "energy", 10.0, 0.1, (1, 2)),),
    )
    cost = cost_of(ledger, FINANCE)
    a = 0.08 / (1 - 1.08**-2)
    racks = 500 * (1 + 1.08**-2 + 1.08**-4 - a / 1.08 * 1.08**-5)
    energy = 1.0 / 1.08 + 1.03 / 1.08**2
    assert cost.capital["nodes"] == pytest.approx(3000)
    assert cost.capital["racks"] == pytest.approx(racks)
    assert cost.running["energy"] == pytest.approx(energy)
    assert tco_usd(cost) == pytest.approx(3000 + racks + energy)
    cash = {c.year: (c.capital_usd, c.running_usd) for c in cost.cash_by_year}
    assert cash[1] == pytest.approx((3500, 1.0))
    assert cash[2] == pytest.approx((0, 1.03))
    assert cash[3] == pytest.approx((500, 0))
    assert cash[5] == pytest.approx((500, 0))


def test_every_category_is_listed_even_at_zero() -> None:
    cost = cost_of(Ledger(), FINANCE)
    assert tuple(cost.capital) == CAPITAL_CATEGORIES
    assert tuple(cost.running) == RUNNING_CATEGORIES
    assert tco_usd(cost) == 0
    assert [c.year for c in cost.cash_by_year] == [1, 2, 3, 4, 5]
    assert bill_of_materials(Ledger(), FINANCE) == ()


def test_unknown_category_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown capital category 'energy'"):
        Ledger().buy(_line(category="energy"))
    with pytest.raises(ValueError, match="unknown running category 'nodes'"):
        Ledger().pay(RunningLine("oslo", "nodes", 1.0, 1.0, (1,)))


def test_free_running_costs_leave_no_line() -> None:
    ledger = _ledger(running=(RunningLine("oslo", "water", 5.0, 0.0, (1,)),))
    assert ledger.running == []


def test_bill_merges_the_same_item_and_price_only() -> None:
    ledger = _ledger(
        _line(2),
        _line(3),
        _line(1, price=90.0),
        _line(4, item="b"),
        _line(5, site="bergen"),
        _line(0, item="none"),
    )
    lines = {(b.site, b.item, b.unit_price_usd): (b.quantity, b.total_usd) for b in bill_of_materials(ledger, FINANCE)}
    assert lines == {
        ("oslo", "a", 100.0): (5, 500.0),
        ("oslo", "a", 90.0): (1, 90.0),
        ("oslo", "b", 100.0): (4, 400.0),
        ("bergen", "a", 100.0): (5, 500.0),
    }


def test_bill_lists_replacements_in_their_year() -> None:
    lines = bill_of_materials(_ledger(_line(2, life=2)), FINANCE)
    assert [(b.year, b.quantity) for b in lines] == [(1, 2), (3, 2), (5, 2)]
    fractions = bill_of_materials(_ledger(_line(1, life=1.5)), FINANCE)
    assert [b.year for b in fractions] == [1, 2, 4, 5]  # bought at 0, 1.5, 3 and 4.5 years
    half_years = bill_of_materials(_ledger(_line(1, life=0.5)), FINANCE)
    assert [(b.year, b.quantity) for b in half_years] == [(year, 2) for year in range(1, 6)]


def test_bill_is_sorted_by_year_site_and_category() -> None:
    ledger = _ledger(
        _line(1, life=3, category="cooling", table="cooling", row="c"),
        _line(1, site="bergen"),
        _line(1, category="network", table="links", row="l"),
        _line(1),
    )
    order = [(b.year, b.site, b.category) for b in bill_of_materials(ledger, FINANCE)]
    assert order == [
        (1, "bergen", "nodes"),
        (1, "oslo", "nodes"),
        (1, "oslo", "network"),
        (1, "oslo", "cooling"),
        (4, "oslo", "cooling"),
    ]


def test_evaluated_turns_quantities_into_numbers() -> None:
    ledger = _ledger(_line("x"), running=(RunningLine("oslo", "rent", "y", 2.0, (1,)),))  # type: ignore[arg-type]
    values = {"x": 3.0, "y": 4.0}
    numbers = ledger.evaluated(values.__getitem__)
    assert numbers.capital[0].quantity == 3.0
    assert numbers.running[0].quantity == 4.0
    assert ledger.capital[0].quantity == "x"


CAPITAL = st.builds(
    CapitalLine,
    site=st.sampled_from(["oslo", "bergen"]),
    category=st.sampled_from(CAPITAL_CATEGORIES),
    table=st.sampled_from(["nodes", "racks"]),
    row=st.sampled_from("abc"),
    quantity=st.integers(0, 50),
    unit_price_usd=st.sampled_from([0.0, 1.5, 1e3, 2.5e5]),
    lifetime_years=st.sampled_from([0.5, 1, 2, 2.5, 3, 5, 7, 20]),
)
RUNNING = st.builds(
    RunningLine,
    site=st.just("oslo"),
    category=st.sampled_from(RUNNING_CATEGORIES),
    quantity=st.floats(0, 1e4),
    rate_usd=st.floats(0, 100),
    years=st.sampled_from([(1,), (1, 2, 3), (3,), (2, 4)]),
)
FINANCES = st.builds(
    Finance,
    horizon_years=st.integers(4, 9),
    rate=st.floats(0, 0.3),
    residual=st.floats(0, 1),
    inflation=st.floats(-0.05, 0.1),
    energy_inflation=st.floats(-0.05, 0.1),
    rent_inflation=st.floats(-0.05, 0.1),
)


@given(st.lists(CAPITAL, max_size=8), st.lists(RUNNING, max_size=8), FINANCES)
def test_ledger_identities(capital: list[CapitalLine], running: list[RunningLine], finance: Finance) -> None:
    ledger = _ledger(*capital, running=tuple(running))
    cost = cost_of(ledger, finance)
    bill = bill_of_materials(ledger, finance)
    purchases = sum(capex_terms(ledger, finance))
    assert tco_usd(cost) == pytest.approx(sum(tco_terms(ledger, finance)), rel=1e-9, abs=1e-6)
    assert sum(b.total_usd for b in bill) == pytest.approx(purchases, rel=1e-9, abs=1e-6)
    assert sum(c.capital_usd for c in cost.cash_by_year) == pytest.approx(purchases, rel=1e-9, abs=1e-6)
    for year in cost.cash_by_year:
        bought = sum(b.total_usd for b in bill if b.year == year.year)
        assert year.capital_usd == pytest.approx(bought, rel=1e-9, abs=1e-6)
        assert year.total_usd == pytest.approx(year.capital_usd + year.running_usd, rel=1e-12)
    assert len({(b.site, b.year, b.category, b.table, b.item, b.unit_price_usd) for b in bill}) == len(bill)
