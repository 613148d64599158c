"""Spares against the binomial distribution in exact fractions, and their steps against the direct search."""

from __future__ import annotations

from bisect import bisect_left
from fractions import Fraction
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcopt.infrastructure.spares import spare_steps, spares_needed, tail_probability


def _exact_tail(trials: int, allowed: int, chance: Fraction) -> Fraction:
    return 1 - sum(
        (comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(min(allowed, trials) + 1)),
        Fraction(0),
    )


def _is_smallest(spares: int, working: int, mtbf: int, repair: int, target: str) -> bool:
    chance, missed = Fraction(repair, mtbf + repair), 1 - Fraction(target) / 100
    enough = _exact_tail(working + spares, spares, chance) <= missed
    return enough and (spares == 0 or _exact_tail(working + spares - 1, spares - 1, chance) > missed)


@pytest.mark.parametrize(("mtbf", "repair"), [(6337, 24), (500, 100), (50, 50), (30, 70), (100_000, 8)])
@pytest.mark.parametrize("target", ["50", "90", "99", "99.9", "99.9999"])
def test_spares_are_those_of_exact_arithmetic(mtbf: int, repair: int, target: str) -> None:
    for working in (0, 1, 2, 3, 7, 20, 61):
        spares = spares_needed(working, mtbf, repair, float(target))
        assert _is_smallest(spares, working, mtbf, repair, target)


def test_spares_of_a_large_pool_are_those_of_exact_arithmetic() -> None:
    assert _is_smallest(spares_needed(2000, 6337, 24, 99), 2000, 6337, 24, "99")


@pytest.mark.parametrize(("trials", "allowed", "share"), [(200, 0, 1), (200, 5, 1), (200, 30, 5), (300, 200, 90)])
def test_tail_keeps_its_relative_precision(trials: int, allowed: int, share: int) -> None:
    exact = _exact_tail(trials, allowed, Fraction(share, 100))
    assert tail_probability(trials, allowed, share / 100) == pytest.approx(float(exact), rel=1e-10)


def test_certain_tails() -> None:
    assert tail_probability(5, 5, 0.3) == 0
    assert tail_probability(5, 2, 0.0) == 0
    assert tail_probability(5, 2, 1.0) == 1


@pytest.mark.parametrize(
    ("mtbf", "repair", "target"), [(6337.5, 24, 99), (500, 100, 99.9), (40, 60, 90), (6337.5, 24, 30), (1000, 0, 99)]
)
def test_steps_agree_with_the_direct_search_for_every_size(mtbf: float, repair: float, target: float) -> None:
    steps = spare_steps(400, mtbf, repair, target)
    ends = [most for _, most in steps]
    assert ends == sorted(set(ends))
    assert [spares for spares, _ in steps] == sorted({spares for spares, _ in steps})
    assert ends[-1] == 400
    for working in range(1, 401):
        assert steps[bisect_left(ends, working)][0] == spares_needed(working, mtbf, repair, target)


@settings(max_examples=60, deadline=None)
@given(
    working=st.integers(0, 3000),
    mtbf=st.floats(10, 1e5),
    repair=st.floats(0.1, 500),
    target=st.floats(1, 99.99),
)
def test_spares_grow_with_nodes_failures_and_the_target(
    working: int, mtbf: float, repair: float, target: float
) -> None:
    spares = spares_needed(working, mtbf, repair, target)
    assert spares_needed(working + 1, mtbf, repair, target) >= spares
    assert spares_needed(working, mtbf * 2, repair, target) <= spares
    assert spares_needed(working, mtbf, repair, target / 2) <= spares


def test_ten_thousand_nodes() -> None:
    steps = spare_steps(10_000, 6337.5, 24.0, 99.0)
    assert steps[:3] == ((0, 2), (1, 38), (2, 114))
    assert steps[-1] == (spares_needed(10_000, 6337.5, 24.0, 99.0), 10_000)
    assert spare_steps(0, 6337.5, 24.0, 99.0) == ()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((-1, 100.0, 1.0, 99.0), "-1 working nodes"),
        ((1, 0.0, 1.0, 99.0), "must be positive"),
        ((1, 100.0, -1.0, 99.0), "not negative"),
        ((1, 100.0, 1.0, 100.0), "cannot be promised"),
        ((1, 100.0, 1.0, float("nan")), "cannot be promised"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple[int, float, float, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        spares_needed(*arguments)
    with pytest.raises(ValueError, match=sentence):
        spare_steps(*arguments)
