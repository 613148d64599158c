"""How long `dcopt explain` takes on problems that were made impossible, and how many questions it asks.

    python tests/benchmarks/explain_speed.py [CASE,…] [TIME_LIMIT_S]

Each case is a shipped example, or an instance of `instances.py`, with some cells changed. It prints the explanation's
first lines, the questions asked and the CPU seconds of the whole.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent)]

from instances import SIZES, write_instance  # noqa: E402

from dcopt.pipeline.explain import explain_problem  # noqa: E402
from dcopt.problem.load import load  # noqa: E402
from dcopt.problem.locate import examples_dir  # noqa: E402

LOAD = "inference.inspect-{}.peak_requests_per_s=20000"
CASES = {
    "edge-load": ("edge-inspection", (LOAD.format("de-03"),)),
    "edge-two-loads": ("edge-inspection", (LOAD.format("de-03"), LOAD.format("pl-06"))),
    "edge-latency": ("edge-inspection", ("inference.inspect-pl-04.latency_ms=2",)),
    "edge-budget": ("edge-inspection", ("settings.capex_limit_usd=300000",)),
    "hospital-budget": ("hospital-and-bank", ("settings.capex_limit_usd=300000",)),
    "hospital-power": ("hospital-and-bank", ("sites.hospital.power_limit_kw=4",)),
    "M-budget": ("M-2", ("settings.capex_limit_usd=3000000",)),
    "M-power": ("M-2", ("sites.site1.power_limit_kw=20", "sites.site2.power_limit_kw=20")),
    "M-positions": ("M-2", ("sites.site1.rack_positions=1", "sites.site2.rack_positions=1")),
}
LINES = 12


def main() -> None:
    """Explain every case that is asked for."""
    names = sys.argv[1].split(",") if len(sys.argv) > 1 else list(CASES)
    limit_s = float(sys.argv[2]) if len(sys.argv) > 2 else 600.0
    for name in names:
        source, sets = CASES[name]
        asked: list[str] = []
        wall, cpu = time.perf_counter(), time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            problem = load(_path_of(source, Path(folder)), sets)
        _, text = explain_problem(problem, limit_s, asked.append)
        used, took = time.process_time() - cpu, time.perf_counter() - wall
        print(f"{name}: {len(asked)} questions, CPU {used:.1f} s, {took:.1f} s", flush=True)
        print("\n".join(f"    {line[:160]}" for line in text.split("\n\n")[0].splitlines()[:LINES]), flush=True)


def _path_of(source: str, folder: Path) -> Path:
    """Return the folder of an example, or write that of an instance, SIZE-SEED."""
    size, _, seed = source.partition("-")
    return write_instance(folder, size, int(seed)) if size in SIZES else examples_dir() / source


if __name__ == "__main__":
    main()
