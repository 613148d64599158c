"""Stored volumes, protection and the probability of losing data."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcopt.infrastructure.storage import (
    annual_loss_probability,
    drive_tb,
    drives_of,
    is_rented,
    least_units,
    loss_probability,
    mean_hours_to_loss,
    nines,
    protection_problem,
    raw_tb,
    rebuild_load,
    rebuild_rate_gb_per_s,
    slowdown_of,
    stored_tb,
    tolerated_failures,
)
from dcopt.problem.tables.catalog_rows import Protection, Storage


def _protection(data: int, parity: int, name: str = "code", systems: str = "") -> Protection:
    return Protection(name=name, data=data, parity=parity, systems=systems)


def _storage(**changes: Any) -> Storage:
    row: dict[str, Any] = {
        "name": "box",
        "medium": "nvme",
        "system": "ceph",
        "raw_tb": 100,
        "read_gb_per_s": 10,
        "write_gb_per_s": 5,
        "max_kw": 1,
        "rack_units": 2,
        "price_usd": 1000,
    }
    return Storage(**{**row, **changes})


@pytest.mark.parametrize(
    ("growth", "retention", "expected"),
    [
        (0, None, [100, 100, 100, 100]),
        (100, None, [100, 200, 400, 800]),
        (100, 1, [100, 100, 200, 400]),
        (100, 2, [100, 200, 300, 600]),
        (0, 3, [100, 100, 100, 0]),
        (-50, None, [100, 50, 25, 12.5]),
        (-50, 2, [100, 50, 0, 0]),
        (-100, None, [100, 0, 0, 0]),
    ],
)
def test_stored_volume_by_year(growth: float, retention: float | None, expected: list[float]) -> None:
    assert [stored_tb(100, growth, retention, year) for year in (1, 2, 3, 4)] == pytest.approx(expected)


@given(
    growth=st.floats(-100, 1000),
    retention=st.one_of(st.none(), st.floats(0.1, 10)),
    year=st.integers(1, 20),
)
def test_dropping_data_never_stores_more(growth: float, retention: float | None, year: int) -> None:
    kept = stored_tb(7, growth, retention, year)
    assert 0 <= kept <= stored_tb(7, growth, None, year)
    assert stored_tb(7, growth, retention, 1) == 7


def test_years_count_from_one() -> None:
    with pytest.raises(ValueError, match="count from 1"):
        stored_tb(1, 0, None, 0)


def test_raw_capacity() -> None:
    assert raw_tb(120, _protection(8, 2)) == pytest.approx(150)
    assert raw_tb(120, _protection(1, 2), ratio=2) == pytest.approx(180)
    assert raw_tb(120, _protection(1, 0)) == 120
    assert tolerated_failures(_protection(8, 3)) == 3


RENTED: dict[str, Any] = {"price_usd": None, "rent_usd_per_tb_month": 20, "max_kw": 0, "rack_units": 0}


@pytest.mark.parametrize(
    ("storage", "protection", "sentence"),
    [
        ({}, _protection(4, 2), None),
        ({}, _protection(4, 2, systems="hdfs ceph"), None),
        ({}, _protection(4, 2, systems="hdfs"), "offered by hdfs, box is ceph"),
        ({}, _protection(1, 0), "no redundant part"),
        ({"write_gb_per_s": 0}, _protection(4, 2), "box writes nothing"),
        ({"write_gb_per_s": 0, "rebuild_gb_per_s": 0.1}, _protection(4, 2), None),
        ({}, _protection(1, 0, "provider-managed"), "is for rented storage; box is bought"),
        (RENTED, _protection(1, 0, "provider-managed"), None),
        (RENTED, _protection(4, 2), "box is rented, so its protection is provider-managed"),
    ],
)
def test_which_protection_a_storage_can_have(
    storage: dict[str, Any], protection: Protection, sentence: str | None
) -> None:
    problem = protection_problem(_storage(**storage), protection)
    assert (problem is None) if sentence is None else (problem is not None and sentence in problem)


def test_storage_that_may_be_bought_or_rented_is_asked_how() -> None:
    both = _storage(rent_usd_per_tb_month=20)
    managed = _protection(1, 0, "provider-managed")
    assert not is_rented(both)
    assert protection_problem(both, managed) is not None
    assert protection_problem(both, managed, rented=True) is None
    assert protection_problem(both, _protection(4, 2), rented=True) is not None


def test_drives_of_a_unit_and_of_rows_that_state_none() -> None:
    assert (drive_tb(_storage()), drives_of(_storage())) == (15.36, 7)
    assert (drive_tb(_storage(medium="hdd")), drives_of(_storage(medium="hdd", drive_tb=18))) == (20, 6)
    assert (drive_tb(_storage(raw_tb=8)), drives_of(_storage(raw_tb=8))) == (8, 1)


def test_parts_of_a_group_lie_apart() -> None:
    ceph, appliance = _storage(min_units=4), _storage(system="parallel-fs", drive_tb=10)
    assert [least_units(ceph, _protection(*code)) for code in ((1, 2), (4, 2), (8, 3))] == [4, 6, 11]
    assert least_units(appliance, _protection(8, 2)) == 1
    assert least_units(_storage(system="parallel-fs", failure_domain="unit"), _protection(8, 2)) == 10
    assert protection_problem(appliance, _protection(8, 2)) is None
    assert "needs 11 drives, a unit of box has 10" in (protection_problem(appliance, _protection(8, 3)) or "")
    assert protection_problem(_storage(drive_tb=10), _protection(8, 3)) is None


def test_loss_of_stored_data_follows_the_drives_that_it_fills() -> None:
    box, code = _storage(drive_tb=10, rebuild_gb_per_s=0.1, annual_failure_pct=2), _protection(4, 2)
    hours = 10_000 / 0.1 / 3600
    assert loss_probability(box, code, 1) == annual_loss_probability(6, code, 2, hours)
    assert loss_probability(box, code, 600) == annual_loss_probability(60, code, 2, hours)
    managed = _protection(1, 0, "provider-managed")
    assert loss_probability(_storage(**RENTED), managed, 600) == 0
    assert loss_probability(_storage(**RENTED, annual_loss_probability=1e-11), managed, 600) == 1e-11
    assert (nines(1e-5), nines(0.0)) == (pytest.approx(5), 30)


def test_rebuild_reads_the_data_parts_for_each_part_written() -> None:
    assert rebuild_load(_storage(rebuild_gb_per_s=0.2), _protection(8, 3)) == pytest.approx((1.6, 0.2))
    assert rebuild_load(_storage(rebuild_gb_per_s=0.2), _protection(1, 2)) == pytest.approx((0.2, 0.2))
    assert rebuild_load(_storage(**RENTED), _protection(1, 0, "provider-managed")) == (0, 0)
    assert rebuild_rate_gb_per_s(_storage()) == 0.5
    assert rebuild_rate_gb_per_s(_storage(medium="hdd")) == 0.05
    assert rebuild_rate_gb_per_s(_storage(write_gb_per_s=0.2)) == pytest.approx(0.02)
    with pytest.raises(ValueError, match="state rebuild_gb_per_s"):
        rebuild_rate_gb_per_s(_storage(write_gb_per_s=0))


def test_encryption_slows_only_what_requires_it() -> None:
    box = _storage(encryption_loss_pct=20)
    assert slowdown_of(box, ()) == 1
    assert slowdown_of(box, ("encryption-at-rest",)) == pytest.approx(1.25)


def _mean_hours_by_elimination(drives: int, parity: int, failure: Fraction, rebuild: Fraction) -> Fraction:
    """Solve T_j·(f_j + r_j) = 1 + f_j·T_{j+1} + r_j·T_{j−1} for T_0, by writing T_j as a_j + b_j·T_{j+1}."""
    constant, factor = Fraction(0), Fraction(0)
    constants, factors = [], []
    for failed in range(parity + 1):
        up, back = (drives - failed) * failure, failed * rebuild
        scale = up + back - back * factor
        constant, factor = (1 + back * constant) / scale, up / scale
        constants.append(constant)
        factors.append(factor)
    hours = Fraction(0)
    for constant, factor in zip(reversed(constants), reversed(factors), strict=True):
        hours = constant + factor * hours
    return hours


@pytest.mark.parametrize(("data", "parity"), [(1, 0), (1, 1), (1, 2), (4, 2), (8, 3), (10, 4)])
def test_mean_time_to_loss_is_the_markov_chains(data: int, parity: int) -> None:
    exact = _mean_hours_by_elimination(data + parity, parity, Fraction(2, 100) / 8760, Fraction(1, 12))
    assert mean_hours_to_loss(_protection(data, parity), 2, 12) == pytest.approx(float(exact), rel=1e-9)


def test_mean_time_to_loss_of_a_mirror_and_of_raid_5() -> None:
    failure, rebuild = 0.02 / 8760, 1 / 12
    mirror = (3 * failure + rebuild) / (2 * failure**2)
    raid = (9 * failure + rebuild) / (20 * failure**2)
    assert mean_hours_to_loss(_protection(1, 1), 2, 12) == pytest.approx(mirror)
    assert mean_hours_to_loss(_protection(4, 1), 2, 12) == pytest.approx(raid)


def test_loss_probability_laws() -> None:
    codes = [_protection(8, parity) for parity in (1, 2, 3)]
    losses = [annual_loss_probability(1100, code, 1.5, 24) for code in codes]
    assert 1 > losses[0] > losses[1] > losses[2] > 0
    assert annual_loss_probability(1100, codes[0], 1.5, 48) > losses[0]
    assert annual_loss_probability(1100, codes[0], 3, 24) > losses[0]
    assert annual_loss_probability(2200, codes[0], 1.5, 24) > losses[0]
    assert annual_loss_probability(1100, codes[0], 0, 24) == 0
    assert mean_hours_to_loss(codes[0], 0, 24) == math.inf
    assert annual_loss_probability(100, _protection(1, 0), 1, 24) == pytest.approx(-math.expm1(-1.0))


def test_bad_protection_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="needs at least 10 drives, there are 9"):
        annual_loss_probability(9, _protection(8, 2), 1, 24)
    with pytest.raises(ValueError, match="must be positive"):
        annual_loss_probability(10, _protection(8, 2), 1, 0)
    with pytest.raises(ValueError, match="must not be negative"):
        annual_loss_probability(10, _protection(8, 2), -1, 24)
