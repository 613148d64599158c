"""Bands of pooled replicas: rated at their smallest number, and exactly where a peak is carried alone."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcopt.candidates.bands import FINE, bands_of, least_replicas


def rate(replicas: int) -> float:
    """Square-root staffing: what is lost to the queue falls with the square root of the number."""
    return 10.0 * (1.0 - 0.5 / math.sqrt(replicas))


@given(peaks=st.lists(st.floats(0.1, 3000.0), min_size=1, max_size=4))
def test_bands_tile_the_numbers_and_rate_each_at_its_smallest(peaks: list[float]) -> None:
    bands = bands_of(rate, peaks)
    assert bands[0].low == 1
    assert all(after.low == before.high + 1 for before, after in pairwise(bands))
    assert all(band.requests_per_s == rate(band.low) for band in bands)
    for band in bands:
        assert (
            band.high == band.low or rate(band.high + 1) <= FINE * band.requests_per_s * (1 + 1e-9) or band is bands[-1]
        )
    for peak in peaks:
        assert any(band.low == least_replicas(rate, peak) for band in bands)


@given(peak=st.floats(0.1, 3000.0))
def test_the_fewest_replicas_are_enough_and_one_less_is_not(peak: float) -> None:
    fewest = least_replicas(rate, peak)
    assert fewest * rate(fewest) >= peak * (1 - 1e-8)
    assert fewest == 1 or (fewest - 1) * rate(fewest - 1) < peak


def test_replicas_that_gain_nothing_share_one_band() -> None:
    (band,) = bands_of(lambda replicas: 7.0, [70.0, 30.0])
    assert (band.low, band.high, band.requests_per_s) == (1, 10, pytest.approx(7.0))
