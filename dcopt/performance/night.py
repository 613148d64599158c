"""Training in some hours of the day only: what a run loses every night, and how long it takes.

A run that may use nodes for H hours a day restarts when they begin and stops with a checkpoint before they end:

    lost each night = restart + reload of the checkpoint (as long as its write) + its write + handover to the services
    useful each night U = 3600·H − lost,   nights N = ⌈work ÷ U⌉
    elapsed days = (N − 1) + (work − (N − 1)·U + lost) ÷ 86400

``work`` is the time of the run on nodes of its own, failures and checkpoints within it included. The last checkpoint
is written in order, so no work is lost but that time. The handover is what a service needs to stand again: its engine
starts and reads its weights from the drives of the node, all nodes at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dcopt.performance.goodput import RESTART_S
from dcopt.performance.workloads import weights_gb
from dcopt.problem.day import releases_nodes
from dcopt.problem.problem import Problem

SECONDS_PER_DAY = 86_400.0
SERVICE_START_S = 300.0
"""Seconds in which a serving engine starts, without reading weights: compiling, profiling, capturing graphs. An
estimate: starts of vLLM of up to five minutes, local reads included, are reported (arXiv 2606.07362; route179.dev,
2026-06)."""
LOCAL_READ_GB_PER_S = 5.0
"""GB/s at which a node reads weights from its own drives: one PCIe 4 NVMe drive reads 7, file system and copies to the
accelerators leave less. An estimate."""


@dataclass(frozen=True)
class NightRun:
    """A run in some hours of the day. ``days`` is elapsed; ``running_days`` the time in which it holds nodes."""

    nights: int
    days: float
    running_days: float


def handover_s(problem: Problem) -> float:
    """Return the seconds before their end in which nodes that train at night must be back with the services."""
    waking = [service for service in problem.inference.values() if releases_nodes(problem, service)]
    return max(
        (SERVICE_START_S + weights_gb(service, problem) / LOCAL_READ_GB_PER_S for service in waking), default=0.0
    )


def lost_s(checkpoint_write_s: float, handover_s: float) -> float:
    """Return the seconds that a run loses every night."""
    return RESTART_S + 2.0 * checkpoint_write_s + handover_s


def night_run(alone_days: float, hours: int, lost_s: float) -> NightRun | None:
    """Return how a run of ``alone_days`` goes in so many hours a day; None where nothing is left of them."""
    useful_s = 3600.0 * hours - lost_s
    if useful_s <= 0:
        return None
    work_s = alone_days * SECONDS_PER_DAY
    nights = max(1, math.ceil(work_s / useful_s - 1e-9))
    last_s = work_s - (nights - 1) * useful_s + lost_s
    return NightRun(nights, nights - 1 + last_s / SECONDS_PER_DAY, alone_days + nights * lost_s / SECONDS_PER_DAY)


def most_work_days(limit_days: float, hours: int, lost_s: float) -> float:
    """Return the days of work on nodes of its own that a run in so many hours a day can do in ``limit_days`` days."""
    useful_s = max(0.0, 3600.0 * hours - lost_s)
    whole = math.floor(limit_days)
    last_s = min(useful_s, max(0.0, (limit_days - whole) * SECONDS_PER_DAY - lost_s))
    return (whole * useful_s + last_s) / SECONDS_PER_DAY
