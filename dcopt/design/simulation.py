"""What a simulation found about the services of a design: its records and ``simulation.json``."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import TypeAdapter

from dcopt.design.records import Record

SIMULATION_FILE = "simulation.json"


class SimulatedTime(Record):
    """One time of a service at its percentile, ms, the round trip included.

    ``simulated`` with its 95 % confidence interval ``low`` to ``high``; ``predicted`` is that of the design's closed
    form and ``promise`` the limit, None where nothing is promised.
    """

    simulated: float
    low: float
    high: float
    predicted: float
    promise: float | None

    @property
    def kept(self) -> bool:
        """Whether the promise is kept as far as the noise of the simulation tells."""
        return self.promise is None or self.low <= self.promise


class SimulatedService(Record):
    """The replicas of one row of the design, simulated at the peak load that they carry.

    ``servers`` of the ``replicas`` were simulated behind one balancer, each at ``requests_per_s``; ``arrivals`` says
    how requests came.
    """

    service: str
    site: str
    node: str
    fabric: str
    years: tuple[int, ...]
    replicas: int
    servers: int
    requests: int
    seed: int
    arrivals: str
    requests_per_s: float
    percentile: float
    in_service: float
    ttft_ms: SimulatedTime | None
    tpot_ms: SimulatedTime | None
    latency_ms: SimulatedTime

    @property
    def kept(self) -> bool:
        """Whether every promise is kept as far as the noise of the simulation tells."""
        return all(time.kept for time in (self.ttft_ms, self.tpot_ms, self.latency_ms) if time is not None)


_LIST = TypeAdapter(tuple[SimulatedService, ...])


def write_simulation(found: tuple[SimulatedService, ...], folder: Path) -> Path:
    """Write ``simulation.json`` into ``folder``, whole or not at all, and return its path."""
    path = folder / SIMULATION_FILE
    temporary = path.with_suffix(".json.tmp")
    temporary.write_bytes(_LIST.dump_json(found, indent=1) + b"\n")
    os.replace(temporary, path)
    return path


def read_simulation(folder: Path) -> tuple[SimulatedService, ...]:
    """Return what ``simulation.json`` of ``folder`` holds; nothing where it is not there or cannot be read."""
    path = folder / SIMULATION_FILE
    try:
        return _LIST.validate_json(path.read_bytes())
    except (OSError, ValueError):
        return ()
