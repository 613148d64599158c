"""Discrete-event simulation of encoder replicas with dynamic batching behind one balancer.

A free replica takes all requests that wait, up to its largest batch, and answers them together; those that arrive
meanwhile form its next batch. An event is an arrival or the end of a batch.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import inf

import numpy as np

from dcopt.performance.simulation_decoder import LAST, least_loaded
from dcopt.performance.simulation_records import Answers, Requests


@dataclass(frozen=True)
class Batcher:
    """One replica in seconds: a batch of b requests is answered after services[b] and frees it after cycles[b]."""

    services: tuple[float, ...]
    cycles: tuple[float, ...]

    @property
    def capacity(self) -> int:
        """Requests of the largest batch."""
        return len(self.services) - 1


def simulate(batcher: Batcher, requests: Requests, servers: int) -> Answers:
    """Return the times of all ``requests`` on ``servers`` replicas, each sent to the one that holds the fewest.

    Lengths are taken as they are on average: a batch is padded, and its time is that of its number.
    """
    arrivals = requests.arrivals_s.tolist()
    ended = np.empty(requests.count)
    loads, frees, dues = [0] * servers, [0.0] * servers, [inf] * servers
    queues: list[deque[int]] = [deque() for _ in range(servers)]
    answers: list[deque[tuple[float, int]]] = [deque() for _ in range(servers)]
    services, cycles, capacity = batcher.services, batcher.cycles, batcher.capacity

    def advance(until: float) -> None:
        """Process all starts and ends of batches up to ``until``."""
        while (now := min(dues)) <= until:
            index = dues.index(now)
            queue, answered = queues[index], answers[index]
            while answered and answered[0][0] <= now:
                loads[index] -= answered.popleft()[1]
            if queue and frees[index] <= now:
                size = min(len(queue), capacity)
                end = now + services[size]
                for _ in range(size):
                    ended[queue.popleft()] = end
                answered.append((end, size))
                frees[index] = now + cycles[size]
            begin = frees[index] if queue else inf
            dues[index] = min(begin, answered[0][0] if answered else inf)

    last = -1
    for request, arrival in enumerate(arrivals):
        advance(arrival)
        last = least_loaded(loads, last)
        loads[last] += 1
        queues[last].append(request)
        dues[last] = min(dues[last], max(arrival, frees[last]))
    advance(LAST)
    latency = ended - requests.arrivals_s
    span = max(float(ended.max() - requests.arrivals_s[0]), 1e-300)
    return Answers(latency, np.zeros(requests.count), latency, float(latency.sum()) / span / servers)
