"""Discrete-event simulation of decoder replicas with continuous batching behind one balancer.

A replica reads one prompt after the other as soon as the KV cache has room for its request (prefill first); while it
reads, the requests in flight decode at the share of their speed that `dcopt.performance.decoder_engine` leaves them.
The prefill makes the first token, which comes one step later than it ends: a prompt waits for the step that runs.
Steps between two changes of the batch are taken together: with n requests in flight the count of tokens V that each of
them has been given grows at 1/step(n), so a request that joins at V leaves at V + its further tokens, and an event is
an arrival, the end of a prefill, a join or a departure.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from dcopt.performance.simulation_records import Answers, Floats, Requests

LAST = 1e300
"""A time in s after all events, of which inf is none."""

SLOWEST = 1e-9
"""Share of its speed that decoding keeps at least: a prefill that stops it altogether has no finite event times."""


@dataclass(frozen=True)
class Station:
    """One replica in seconds.

    steps: of one decode step with n requests in flight, for n = 0 … the most that the engine admits. room: requests of
    mean length whose KV cache fits. service_s: the replica is occupied by a
    prompt of mean length; prefill_s: until that prompt is read. stall: share of the service in which decoding stands
    still. overhead_s: constant part of every answer. tokens: of an answer of mean length. late_steps: decode steps by
    which a first token comes after its prompt is read.
    """

    steps: tuple[float, ...]
    prefill_s: float
    service_s: float
    stall: float
    overhead_s: float
    tokens: float
    room: float
    late_steps: float = 1.0


class _Replica:
    """State of one replica; ``due`` is the time of its next event."""

    __slots__ = (
        "admitted",
        "clock",
        "delay",
        "due",
        "due_join",
        "due_leave",
        "due_read",
        "flight",
        "held",
        "joined",
        "joining",
        "left",
        "load",
        "most",
        "now",
        "reading",
        "room",
        "slow",
        "speed",
        "station",
        "waiting",
    )

    def __init__(self, station: Station) -> None:
        self.station = station
        self.now = self.clock = self.held = 0.0
        self.load = 0
        self.due = self.due_read = self.due_join = self.due_leave = inf
        self.reading = -1
        self.slow = max(SLOWEST, 1.0 - station.stall)
        self.speed = 1.0
        self.delay = station.prefill_s - station.service_s
        self.room = station.room + 1e-9
        self.admitted = 0
        self.most = len(station.steps) - 1
        self.waiting: deque[int] = deque()
        self.joining: deque[tuple[float, int]] = deque()
        self.flight: list[tuple[float, int]] = []
        self.joined: list[tuple[int, float, float]] = []
        self.left: list[tuple[int, float]] = []


def _advance(replica: _Replica, until: float, work: _Work) -> None:
    """Process all events of ``replica`` up to the time ``until``."""
    steps, flight, joining = replica.station.steps, replica.flight, replica.joining
    while replica.due <= until:
        now = replica.due
        if flight:
            replica.clock += (now - replica.now) * replica.speed / steps[len(flight)]
        replica.now = now
        if now == replica.due_leave:
            leaves, request = heapq.heappop(flight)
            replica.clock = leaves
            replica.left.append((request, now))
            replica.load -= 1
            replica.admitted -= 1
            replica.held -= work.size[request]
        elif now == replica.due_read:
            joining.append((now + replica.delay, replica.reading))
            replica.reading, replica.due_read, replica.speed = -1, inf, 1.0
            replica.due_join = joining[0][0]
        else:
            _, request = joining.popleft()
            heapq.heappush(flight, (replica.clock + work.further[request], request))
            replica.joined.append((request, now, steps[len(flight)]))
            replica.due_join = joining[0][0] if joining else inf
        if replica.reading < 0:
            _read_next(replica, work)
        _next_due(replica)


def _read_next(replica: _Replica, work: _Work) -> None:
    """Begin to read the first prompt that waits, if the KV cache has room for its request."""
    if not replica.waiting:
        return
    request = replica.waiting[0]
    if replica.admitted and (replica.admitted >= replica.most or replica.held + work.size[request] > replica.room):
        return
    replica.waiting.popleft()
    replica.admitted += 1
    replica.held += work.size[request]
    replica.reading = request
    replica.due_read = replica.now + replica.station.service_s * work.inputs[request]
    replica.speed = replica.slow


def _next_due(replica: _Replica) -> None:
    flight = replica.flight
    if flight:
        step = replica.station.steps[len(flight)]
        replica.due_leave = replica.now + max(0.0, flight[0][0] - replica.clock) * step / replica.speed
    else:
        replica.due_leave = inf
    replica.due = min(replica.due_leave, replica.due_read, replica.due_join)


@dataclass(frozen=True)
class _Work:
    """What the requests ask: shares of the mean prefill, further tokens, shares of a mean request's KV cache."""

    inputs: Sequence[float]
    further: Sequence[float]
    size: Sequence[float]


def simulate(station: Station, requests: Requests, servers: int, size: Floats | None = None) -> Answers:
    """Return the times of all ``requests`` on ``servers`` replicas, each sent to the one that holds the fewest.

    Parameters
    ----------
    size: KV cache of each request as a share of the mean (None: all alike).
    """
    inputs = requests.inputs.tolist()
    further = np.maximum(0.0, requests.outputs * station.tokens - 1.0)
    work = _Work(inputs, further.tolist(), [1.0] * requests.count if size is None else size.tolist())
    replicas = [_Replica(station) for _ in range(servers)]
    loads = [0] * servers
    dues = [inf] * servers
    last = -1
    for request, arrival in enumerate(requests.arrivals_s.tolist()):
        soonest = min(dues)
        while soonest <= arrival:
            index = dues.index(soonest)
            replica = replicas[index]
            _advance(replica, soonest, work)
            loads[index], dues[index] = replica.load, replica.due
            soonest = min(dues)
        index = least_loaded(loads, last)
        last = index
        replica = replicas[index]
        _arrive(replica, request, arrival, work)
        loads[index], dues[index] = replica.load, replica.due
    for replica in replicas:
        _advance(replica, LAST, work)
    return _answers(station, requests, replicas, further)


def least_loaded(loads: list[int], last: int) -> int:
    """Return the first replica after ``last`` (round and round) that holds the fewest requests."""
    least = min(loads)
    try:
        return loads.index(least, last + 1)
    except ValueError:
        return loads.index(least)


def _arrive(replica: _Replica, request: int, arrival: float, work: _Work) -> None:
    if replica.flight:
        replica.clock += (arrival - replica.now) * replica.speed / replica.station.steps[len(replica.flight)]
    replica.now = arrival
    replica.load += 1
    replica.waiting.append(request)
    if replica.reading < 0:
        _read_next(replica, work)
    _next_due(replica)


def _answers(station: Station, requests: Requests, replicas: list[_Replica], further: Floats) -> Answers:
    """Put the times of all replicas together in the order of arrival."""
    joined = np.empty((requests.count, 2))
    left = np.empty(requests.count)
    for replica in replicas:
        if replica.joined:
            table = np.asarray(replica.joined)
            joined[table[:, 0].astype(np.int64)] = table[:, 1:]
            table = np.asarray(replica.left)
            left[table[:, 0].astype(np.int64)] = table[:, 1]
    late = joined[:, 1] * station.late_steps + station.overhead_s
    decoding = left - joined[:, 0]
    tpot = np.divide(decoding, further, out=np.zeros(requests.count), where=further > 0)
    span = max(float(left.max() - requests.arrivals_s[0]), 1e-300)
    held = float((left - requests.arrivals_s).sum()) / span / len(replicas)
    return Answers(joined[:, 0] - requests.arrivals_s + late, tpot, left - requests.arrivals_s + late, held)
