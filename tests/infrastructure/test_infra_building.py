"""Adders, tariffs and on-site solar: quantities and hours."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcopt.infrastructure.adders import adders_at, quantity_needed
from dcopt.infrastructure.solar import hourly_prices, overlapping_hours, solar_rows_at, used_kw
from dcopt.problem.tables.building_rows import Adder, Solar, Tariff


def _adder(**cells: Any) -> Adder:
    return Adder(**{"name": "a", "driver": "nodes", "ratio": 0.1, "price_usd": 1, **cells})


def _band(start: int, end: int, price: float = 0.3) -> Tariff:
    return Tariff(site="s", from_hour=start, to_hour=end, band_usd_per_kwh=price)


def _solar(hours: dict[int, float], **cells: Any) -> Solar:
    day = tuple(str(hours.get(hour, 0)) for hour in range(24))
    return Solar(**{"name": "p", "kw": 10, "hourly_yield": day, "max_units": 5, "price_usd": 1, **cells})


@pytest.mark.parametrize(
    ("cells", "driver", "quantity"),
    [
        ({}, 25, 2.5),
        ({"step": 1}, 25, 3),
        ({"step": 1}, 30, 3),
        ({"step": 4}, 25, 4),
        ({"minimum": 5}, 25, 5),
        ({"minimum": 5, "step": 2}, 0, 6),
        ({"ratio": 0, "minimum": 0}, 25, 0),
        ({"ratio": 0.1, "step": 0.1}, 3, pytest.approx(0.3)),
    ],
)
def test_quantities_follow_their_driver(cells: dict[str, float], driver: float, quantity: float) -> None:
    assert quantity_needed(_adder(**cells), driver) == quantity


@given(ratio=st.floats(0, 10), minimum=st.floats(0, 100), step=st.floats(0.01, 10), driver=st.floats(0, 1e4))
def test_laws_of_quantities(ratio: float, minimum: float, step: float, driver: float) -> None:
    adder = _adder(ratio=ratio, minimum=minimum, step=step)
    quantity = quantity_needed(adder, driver)
    assert quantity >= max(ratio * driver, minimum) * (1 - 2e-9) - 1e-300  # of denormal numbers nothing is bought
    assert quantity < max(ratio * driver, minimum) + step * (1 + 1e-9)
    assert quantity_needed(adder, 2 * driver) >= quantity


def test_a_negative_driver_is_named() -> None:
    with pytest.raises(ValueError, match="negative"):
        quantity_needed(_adder(), -1)


def test_a_blank_site_means_every_site() -> None:
    here, there, everywhere = _adder(site="a"), _adder(site="b"), _adder()
    assert adders_at([here, there, everywhere], "a") == [here, everywhere]


def test_bands_replace_the_price_of_their_hours_and_may_pass_midnight() -> None:
    prices = hourly_prices(0.1, [_band(8, 20), _band(22, 6, 0.05)])
    assert prices[7:9] == (0.1, 0.3)
    assert prices[19:22] == (0.3, 0.1, 0.1)
    assert [prices[hour] for hour in (22, 23, 0, 5, 6)] == [0.05, 0.05, 0.05, 0.05, 0.1]
    assert hourly_prices(0.1, [_band(0, 24)]) == (0.3,) * 24


def test_hours_in_two_bands_are_found() -> None:
    assert overlapping_hours([_band(8, 20), _band(20, 8)]) == ()
    assert overlapping_hours([_band(8, 20), _band(19, 9)]) == (8, 19)


def test_solar_serves_the_load_of_its_hour_and_no_more() -> None:
    panel = _solar({11: 0.5, 12: 0.9})
    assert used_kw([(panel, 2)], [12.0] * 24)[11:13] == (10.0, 12.0)
    assert sum(used_kw([], [12.0] * 24)) == 0


def test_solar_stands_on_own_ground() -> None:
    anywhere, bound = _solar({}), _solar({}, site="b")
    assert solar_rows_at([anywhere, bound], "a", "owned") == [anywhere]
    assert solar_rows_at([anywhere, bound], "b", "edge") == [anywhere, bound]
    assert solar_rows_at([anywhere, bound], "b", "colocation") == []
