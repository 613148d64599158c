"""The money of every year: depreciation, leases and loans, unit costs."""

from __future__ import annotations

from itertools import pairwise

import pytest
from small import design_of, job, owned_site, service

from dcopt.economics.finance import Finance
from dcopt.economics.yearly import depreciation, financing_cases, yearly
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.problem.tables.problem_rows import Settings
from dcopt.verify.verify import verify


@pytest.mark.parametrize("method", ["straight-line", "declining"])
@pytest.mark.parametrize("years", [1, 3, 5, 8])
def test_depreciation_writes_off_the_price(method: str, years: int) -> None:
    settings = Settings.model_validate({"depreciation": method, "depreciation_years": years})
    parts = depreciation(settings, 900.0)
    assert len(parts) == years
    assert sum(parts) == pytest.approx(900)
    assert all(after <= before + 1e-9 for before, after in pairwise(parts))
    assert parts[0] == pytest.approx(900 / years if method == "straight-line" else 900 * min(1, 2 / years))


def test_a_loan_at_the_discount_rate_is_worth_its_price_and_tax_shares_every_cost() -> None:
    small = owned_site([job()], [service()]).set(horizon_years=6, tax_rate_pct=0, residual_pct=0)
    small = small.change("nodes", lifetime_years=6)
    bought = yearly(small.load(), design_of(small))
    loan = small.set(financing="loan", financing_years=1)
    borrowed = yearly(loan.load(), design_of(loan))
    assert borrowed[-1].after_tax_npv_usd == pytest.approx(bought[-1].after_tax_npv_usd)
    assert bought[-1].after_tax_npv_usd == pytest.approx(bought[-1].npv_usd)
    taxed = small.set(tax_rate_pct=25)
    after = yearly(taxed.load(), design_of(taxed))
    for one in after:
        assert one.after_tax_cash_usd is not None
        assert one.depreciation_usd is not None
        saved = 0.25 * (one.running_usd + one.depreciation_usd)
        assert one.after_tax_cash_usd == pytest.approx(one.cash_usd - saved)


@pytest.mark.parametrize("financing", ["lease", "loan"])
@pytest.mark.parametrize("term", [2, 5, 9])
def test_at_the_discount_rate_every_term_is_worth_the_price(financing: str, term: int) -> None:
    small = owned_site([job()], [service(growth_pct_per_year=30)]).set(horizon_years=4, purchase_years="1 3")
    small = small.set(tax_rate_pct=0, residual_pct=0, financing=financing, financing_years=term, lease_residual_pct=15)
    design = design_of(small)
    rows = yearly(small.load(), design)
    assert rows[-1].after_tax_npv_usd == pytest.approx(rows[-1].npv_usd)
    dearer = yearly(small.set(financing_rate_pct=12).load(), design)
    assert (dearer[-1].after_tax_npv_usd or 0) > (rows[-1].after_tax_npv_usd or 0)


def test_all_that_is_bought_is_written_off_and_cases_stand_beside_each_other() -> None:
    small = owned_site([job()], [service(growth_pct_per_year=60)]).set(horizon_years=4, purchase_years="all")
    small = small.set(tax_rate_pct=30, depreciation="declining", depreciation_years=6, financing_rate_pct=3)
    problem, design = small.load(), design_of(small)
    rows = yearly(problem, design)
    assert sum(row.depreciation_usd or 0 for row in rows) == pytest.approx(sum(b.total_usd for b in design.bom_lines))
    cases = {case.financing: case for case in financing_cases(problem, design)}
    assert set(cases) == {"buy", "lease", "loan"}
    assert cases["buy"].after_tax_npv_usd == pytest.approx(rows[-1].after_tax_npv_usd)
    assert cases["loan"].after_tax_npv_usd < cases["buy"].after_tax_npv_usd, "money at 3 % that is worth 8 %"
    assert financing_cases(small.set(tax_rate_pct=None).load(), design) == ()


def test_a_design_states_its_cases_and_they_are_checked() -> None:
    problem = owned_site([job()]).set(tax_rate_pct=20).load()
    design = design_for(problem, RunOptions(gap=1e-9, threads=1, baseline=False))
    assert [case.financing for case in design.financing] == ["buy", "lease", "loan"]
    assert verify(problem, design)[1] == ()
    forged = tuple(case.model_copy(update={"after_tax_npv_usd": 1.0}) for case in design.financing)
    assert verify(problem, design.model_copy(update={"financing": forged}))[1]


def test_the_present_value_is_the_tco_where_nothing_is_worth_anything_at_the_end() -> None:
    small = owned_site([job()], [service()]).set(horizon_years=5, residual_pct=0, purchase_years="all")
    design = design_of(small)
    rows = yearly(small.load(), design)
    assert rows[-1].npv_usd == pytest.approx(design.tco_usd)
    assert sum(row.cash_usd for row in rows) == pytest.approx(
        sum(row.total_usd for row in design.cost.cash_by_year if design.cost is not None)
    )


def test_unit_costs_share_the_cost_of_a_year() -> None:
    small = owned_site([job(runs_per_year=2)], [service()]).set(horizon_years=3)
    problem, design = small.load(), design_of(small)
    row = yearly(problem, design)[0]
    pool = sum(p.nodes * problem.nodes[p.node].accelerators for p in design.pools if p.year == 1)
    assert row.accelerator_hours == pool * 8760
    assert row.usd_per_accelerator_hour == pytest.approx((row.charge_usd + row.running_usd) / row.accelerator_hours)
    mine = next(r for r in design.training if r.year == 1)
    hours = mine.days * 24 * mine.accelerators
    assert row.usd_per_training_run == pytest.approx(row.usd_per_accelerator_hour * hours)
    assert row.usd_per_million_tokens is not None
    assert Finance.of(problem.settings).horizon_years == 3
