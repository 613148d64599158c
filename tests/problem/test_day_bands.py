"""The bands of the day: the cut that wastes least, found by trying every cut."""

from __future__ import annotations

import itertools
import random

import pytest

from dcopt.problem.day import ALL_DAY, Hours, largest_share, mean_share, merged_hours
from dcopt.problem.load import load_catalog

Shape = tuple[float, ...]


def waste(shapes: tuple[Shape, ...], bands: tuple[Hours, ...]) -> float:
    """Return what is kept ready in vain: the largest share of the band less that of the hour, over all."""
    return sum(largest_share(s, hours) - s[hour] for s in shapes for hours in bands for hour in hours)


def cut_at(begins: tuple[int, ...]) -> tuple[Hours, ...]:
    """Return the bands that begin at some hours."""
    ends = [*begins[1:], begins[0] + 24]
    return tuple(tuple(hour % 24 for hour in range(a, b)) for a, b in zip(begins, ends, strict=True))


def random_shape(dice: random.Random) -> Shape:
    return tuple(dice.choice((0.1, 0.3, 0.7, 1.0)) for _ in ALL_DAY)


@pytest.mark.parametrize("seed", range(4))
def test_no_cut_into_as_many_bands_wastes_less(seed: int) -> None:
    dice = random.Random(seed)
    shapes = tuple(random_shape(dice) for _ in range(dice.choice((1, 2))))
    bands = merged_hours(shapes, 3)
    best = min(waste(shapes, cut_at(begins)) for n in (1, 2, 3) for begins in itertools.combinations(ALL_DAY, n))
    assert waste(shapes, bands) == pytest.approx(best, abs=1e-9)
    assert sorted(hour for hours in bands for hour in hours) == list(ALL_DAY)
    assert all((b - a) % 24 == 1 for hours in bands for a, b in itertools.pairwise(hours))


def test_hours_that_are_alike_make_one_band() -> None:
    assert merged_hours(((1.0,) * 24,)) == (ALL_DAY,)
    day = tuple(1.0 if 8 <= hour < 20 else 0.2 for hour in ALL_DAY)
    assert merged_hours((day,)) == (tuple(range(8, 20)), (20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6, 7))


def test_the_mean_over_bands_is_that_of_the_day() -> None:
    shape = random_shape(random.Random(7))
    bands = merged_hours((shape,))
    over_bands = sum(len(hours) * mean_share(shape, hours) for hours in bands) / 24
    assert over_bands == pytest.approx(mean_share(shape, ALL_DAY))


@pytest.mark.parametrize(("name", "mean", "valley"), [("llm-conversation", 1.7, 3.3), ("llm-coding", 2.8, 34.6)])
def test_the_shipped_shapes_have_the_published_ratios(name: str, mean: float, valley: float) -> None:
    profile = load_catalog()["profiles"][name]
    shares = profile.shares  # type: ignore[attr-defined]
    assert max(shares) / (sum(shares) / 24) == pytest.approx(mean, rel=5e-3)
    assert max(shares) / min(shares) == pytest.approx(valley, rel=5e-2)
