"""Runs of even growth: together they are the step function, and they are few."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcopt.infrastructure.segments import segments_of
from dcopt.infrastructure.topology import Shape, fabric_steps, max_nodes


@given(
    st.sampled_from(["leaf-spine", "fat-tree", "rail-optimized"]),
    st.sampled_from([8, 16, 32, 48, 64]),
    st.sampled_from([1.0, 2.0, 3.0]),
    st.integers(1, 1500),
)
def test_segments_are_the_steps(topology: str, ports: int, ratio: float, most: int) -> None:
    shape = Shape(topology, ports, 1, ratio)
    steps = fabric_steps(shape, min(most, max_nodes(shape)))
    rebuilt = [
        tuple(base + k * each for base, each in zip(run.base, run.each, strict=True))
        for run in segments_of(steps)
        for k in range(run.more + 1)
    ]
    assert rebuilt == [(step.max_nodes, step.switches, step.trunk_links) for step in steps]


@pytest.mark.parametrize(("ports", "most", "runs"), [(64, 2000, 12), (32, 500, 10)])
def test_they_are_few(ports: int, most: int, runs: int) -> None:
    steps = fabric_steps(Shape("leaf-spine", ports, 1, 1.0), most)
    assert len(segments_of(steps)) <= runs < len(steps)


def test_no_steps_no_segments() -> None:
    assert segments_of(()) == ()
