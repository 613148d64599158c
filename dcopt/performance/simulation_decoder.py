"""Discrete-event simulation of decoder replicas with continuous batching behind one balancer.

A replica reads one prompt after the other as soon as the KV cache has room for its request (prefill first); while it
reads, the requests in flight decode at the share of their speed that `dcopt.performance.decoder_engine` leaves them.
The prefill makes the first token, which comes one step later than it ends: a prompt waits for the step that runs.
Steps between two changes of the batch are taken together: with n requests in flight the count of tokens V that each of
them has been given grows at 1/step(n), so a request that joins at V leaves at V + its further tokens, and an event is
an arrival, the end of a prefill, a join or a departure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
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


@dataclass(frozen=True)
class _Work:
    """What the requests ask: shares of the mean prefill, further tokens, shares of a mean request's KV cache."""

    inputs: Sequence[float]
    further: Sequence[float]
    size: Sequence[float]


class _Times:
    """Of each request: when it joins those in flight, in s, the step that runs then, and when it leaves."""

    def __init__(self, count: int) -> None:
        self.joined_s, self.step_s, self.left_s = [0.0] * count, [0.0] * count, [0.0] * count


Replica = Generator[tuple[int, float], tuple[float, int], None]
"""Takes (time, request that arrives then or -1); gives the requests that it holds and the time of its next event."""


def _replica(station: Station, work: _Work, times: _Times) -> Replica:
    """Process all events of one replica up to the time that is sent, and the arrival of a request at it.

    A generator, because its state in local variables makes the millions of events of a run several times faster.
    """
    steps, most, room = station.steps, len(station.steps) - 1, station.room + 1e-9
    service, delay = station.service_s, station.prefill_s - station.service_s
    slow = max(SLOWEST, 1.0 - station.stall)
    inputs, further, size = work.inputs, work.further, work.size
    waiting: deque[int] = deque()
    joining: deque[tuple[float, int]] = deque()
    flight: list[tuple[float, int]] = []
    now = clock = held = 0.0
    load = admitted = 0
    due = due_read = due_join = due_leave = inf
    reading, speed = -1, 1.0
    until, arriving = yield load, due
    while True:
        if due > until and arriving < 0:
            until, arriving = yield load, due
            continue
        event = due if due <= until else until
        if flight:
            clock += (event - now) * speed / steps[len(flight)]
        now = event
        if due > until:
            waiting.append(arriving)
            load += 1
            arriving = -1
        elif now == due_leave:
            clock, request = heappop(flight)
            times.left_s[request] = now
            load -= 1
            admitted -= 1
            held -= size[request]
        elif now == due_read:
            joining.append((now + delay, reading))
            reading, due_read, speed = -1, inf, 1.0
            due_join = joining[0][0]
        else:
            _, request = joining.popleft()
            heappush(flight, (clock + further[request], request))
            times.joined_s[request], times.step_s[request] = now, steps[len(flight)]
            due_join = joining[0][0] if joining else inf
        if reading < 0 and waiting:  # read the first prompt that waits, if the KV cache has room for its request
            request = waiting[0]
            if not admitted or (admitted < most and held + size[request] <= room):
                reading = waiting.popleft()
                admitted += 1
                held += size[request]
                due_read, speed = now + service * inputs[request], slow
        due_leave = inf
        if flight:
            ahead = flight[0][0] - clock
            due_leave = now + (ahead if ahead > 0.0 else 0.0) * steps[len(flight)] / speed
        due = due_leave if due_leave <= due_read else due_read
        if due_join < due:
            due = due_join


def simulate(station: Station, requests: Requests, servers: int, size: Floats | None = None) -> Answers:
    """Return the times of all ``requests`` on ``servers`` replicas, each sent to the one that holds the fewest.

    Parameters
    ----------
    size: KV cache of each request as a share of the mean (None: all alike).
    """
    further = np.maximum(0.0, requests.outputs * station.tokens - 1.0)
    sizes = [1.0] * requests.count if size is None else size.tolist()
    work, times = _Work(requests.inputs.tolist(), further.tolist(), sizes), _Times(requests.count)
    replicas = [_replica(station, work, times) for _ in range(servers)]
    loads, dues = [0] * servers, [inf] * servers
    for replica in replicas:
        next(replica)
    sends = [replica.send for replica in replicas]
    last = -1
    for request, arrival in enumerate(requests.arrivals_s.tolist()):
        while (soonest := min(dues)) <= arrival:
            index = dues.index(soonest)
            loads[index], dues[index] = sends[index]((arrival, -1))
        last = least_loaded(loads, last)
        loads[last], dues[last] = sends[last]((arrival, request))
    for send in sends:
        send((LAST, -1))
    return _answers(station, requests, times, further, servers)


def least_loaded(loads: list[int], last: int) -> int:
    """Return the first replica after ``last`` (round and round) that holds the fewest requests."""
    least = min(loads)
    try:
        return loads.index(least, last + 1)
    except ValueError:
        return loads.index(least)


def _answers(station: Station, requests: Requests, times: _Times, further: Floats, servers: int) -> Answers:
    """Return what the requests saw of the times at which their replicas served them."""
    joined, left = np.array(times.joined_s), np.array(times.left_s)
    late = np.array(times.step_s) * station.late_steps + station.overhead_s
    decoding = left - joined
    tpot = np.divide(decoding, further, out=np.zeros(requests.count), where=further > 0)
    span = max(float(left.max() - requests.arrivals_s[0]), 1e-300)
    held = float((left - requests.arrivals_s).sum()) / span / servers
    return Answers(joined - requests.arrivals_s + late, tpot, left - requests.arrivals_s + late, held)
