"""Services with a daily profile: brute force by the hour, and the laws that profiles keep."""

from __future__ import annotations

from typing import Any

import pytest
from oracle import cheapest
from small import Small, colocation, design_of, job, owned_site, service, tco_of, two_sites

from dcopt.candidates.generate import generate
from dcopt.problem.load import InputError

DAY = "0.2 0.2 0.2 0.2 0.2 0.2 0.6 0.6 1 1 1 1 1 1 1 1 1 1 0.6 0.6 0.6 0.6 0.2 0.2"
NIGHT_OWLS = " ".join(["1"] * 5 + ["0.3"] * 19)
BUSY: dict[str, Any] = {"peak_requests_per_s": 2500, "mean_requests_per_s": None}
TARIFF = {"site": "oslo", "from_hour": 8, "to_hour": 20, "band_usd_per_kwh": 0.31}
PANEL = {
    "name": "roof",
    "kw": 1,
    "hourly_yield": " ".join(str(max(0, 6 - abs(12 - hour)) / 8) for hour in range(24)),
    "max_units": 2,
    "price_usd": 500,
}


def shaped(small: Small, **profiles: str) -> Small:
    """Add profiles to a problem, and leave the switched fabric out."""
    rows = [{"name": name, "hourly": hourly} for name, hourly in profiles.items()]
    return small.put("profiles", rows).drop("fabrics", "flat")


CASES: dict[str, Small] = {
    "by the tariff": shaped(owned_site([], [service(**BUSY, profile="day")]), day=DAY).put("tariffs", [TARIFF]),
    "by the sun": shaped(owned_site([], [service(**BUSY, profile="day")]), day=DAY).put("solar", [PANEL]),
    "two clocks": shaped(
        owned_site([], [service(**BUSY, profile="day", utc_offset_hours=7)], utc_offset_hours=-3), day=DAY
    )
    .put("tariffs", [TARIFF])
    .put("solar", [PANEL]),
    "two shapes": shaped(
        owned_site(
            [],
            [
                service(**BUSY, profile="day", headroom_pct=20),
                service("search", profile="owls", mean_requests_per_s=None),
            ],
        ),
        day=DAY,
        owls=NIGHT_OWLS,
    )
    .put("tariffs", [TARIFF])
    .drop("nodes", "quad"),
    "two sites": shaped(two_sites([], [service(**BUSY, profile="day")]), day=DAY)
    .put("tariffs", [TARIFF])
    .drop("nodes", "quad"),
    "colocation beside a job": shaped(colocation([job()], [service(**BUSY, profile="day")]), day=DAY).put(
        "tariffs", [TARIFF]
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_optimum_is_that_of_brute_force_by_the_hour(name: str) -> None:
    problem = CASES[name].load()
    assert tco_of(problem) == pytest.approx(cheapest(problem, generate(problem)), rel=1e-6)


def priced(hourly: str, **cells: Any) -> Small:
    """Return one service of a profile under a tariff and under the sun."""
    small = owned_site([], [service(**{**BUSY, "profile": "day", **cells})])
    return shaped(small, day=hourly).put("tariffs", [TARIFF]).put("solar", [PANEL])


def test_a_flat_profile_is_no_profile() -> None:
    flat = priced(" ".join(["1"] * 24))
    assert tco_of(flat) == pytest.approx(tco_of(priced(DAY, profile=None)), rel=1e-12)


def test_a_profile_without_hourly_prices_is_its_mean() -> None:
    small = shaped(owned_site([], [service(**BUSY, profile="day")]), day=DAY)
    mean = 2500 * sum(map(float, DAY.split())) / 24
    stated = small.change("inference", profile=None, mean_requests_per_s=mean)
    assert tco_of(small) == pytest.approx(tco_of(stated), rel=1e-9)


def test_lower_demand_in_some_hours_never_costs_more_energy() -> None:
    used, paid = [], []
    for night in (1.0, 0.6, 0.3, 0.0):
        design = design_of(priced(" ".join([str(night)] * 8 + ["1"] * 16)))
        used.append(design.sites[0].energy_mwh_per_year)
        assert design.cost is not None
        paid.append(design.cost.running["energy"])
    assert used == sorted(used, reverse=True)
    assert paid == sorted(paid, reverse=True)
    assert used[0] > used[-1]


def test_moving_all_clocks_together_changes_nothing() -> None:
    moved = priced(DAY, utc_offset_hours=5).change("sites", "oslo", utc_offset_hours=5)
    assert tco_of(moved) == pytest.approx(tco_of(priced(DAY)), rel=1e-9)


def test_a_load_that_follows_the_cheap_hours_costs_less() -> None:
    cheap = " ".join(["1"] * 8 + ["0.2"] * 12 + ["1"] * 4)
    dear = " ".join(["0.2"] * 8 + ["1"] * 12 + ["0.2"] * 4)
    small = priced(cheap).put("solar", [])
    assert tco_of(small) < tco_of(priced(dear).put("solar", []))


@pytest.mark.parametrize("stated", [2500, 1200])
def test_a_mean_that_is_not_that_of_the_profile_is_an_error(stated: float) -> None:
    with pytest.raises(InputError, match="the mean of the profile 'day' is"):
        priced(DAY, mean_requests_per_s=stated).load()


def test_a_mean_that_agrees_is_taken_from_the_profile() -> None:
    mean = 2500 * sum(map(float, DAY.split())) / 24
    assert tco_of(priced(DAY, mean_requests_per_s=round(mean))) == pytest.approx(tco_of(priced(DAY)), rel=1e-12)
