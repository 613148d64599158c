"""How long `dcopt explain` takes on problems that were made impossible, and how many questions it asks.

    python tests/benchmarks/explain_speed.py [CASE,…] [TIME_LIMIT_S]

Each case is a shipped example with some cells changed. It prints the explanation's first lines, the questions asked and
the CPU seconds of the whole.
"""

from __future__ import annotations

import sys
import time

from dcopt.pipeline.explain import explain_problem
from dcopt.problem.load import load
from dcopt.problem.locate import examples_dir

LOAD = "inference.inspect-{}.peak_requests_per_s=20000"
CASES = {
    "edge-load": ("edge-inspection", (LOAD.format("de-03"),)),
    "edge-two-loads": ("edge-inspection", (LOAD.format("de-03"), LOAD.format("pl-06"))),
    "edge-latency": ("edge-inspection", ("inference.inspect-pl-04.latency_ms=2",)),
    "edge-budget": ("edge-inspection", ("settings.capex_limit_usd=300000",)),
    "hospital-budget": ("hospital-and-bank", ("settings.capex_limit_usd=300000",)),
    "hospital-power": ("hospital-and-bank", ("sites.hospital.power_limit_kw=4",)),
}
LINES = 12


def main() -> None:
    """Explain every case that is asked for."""
    names = sys.argv[1].split(",") if len(sys.argv) > 1 else list(CASES)
    limit_s = float(sys.argv[2]) if len(sys.argv) > 2 else 600.0
    for name in names:
        example, sets = CASES[name]
        asked: list[str] = []
        wall, cpu = time.perf_counter(), time.process_time()
        _, text = explain_problem(load(examples_dir() / example, sets), limit_s, asked.append)
        used, took = time.process_time() - cpu, time.perf_counter() - wall
        print(f"{name}: {len(asked)} questions, CPU {used:.1f} s, {took:.1f} s", flush=True)
        print("\n".join(f"    {line[:160]}" for line in text.split("\n\n")[0].splitlines()[:LINES]), flush=True)


if __name__ == "__main__":
    main()
