"""Peak memory of candidates and program of an instance, phase by phase, without solving it.

    python tests/benchmarks/memory_use.py [SIZE] [SEED]

XL and 1 by default. The peak is that of the process (resource.getrusage), Python and its libraries included.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent)]

from instances import write_instance  # noqa: E402

from dcopt.candidates.generate import generate  # noqa: E402
from dcopt.formulation.build import build  # noqa: E402
from dcopt.problem.load import load  # noqa: E402
from dcopt.solve.matrix import compile_model  # noqa: E402


def said(phase: str, more: str = "") -> None:
    """Print the peak so far."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{phase:12} peak {peak_mb:7,.0f} MB   CPU {time.process_time():7.1f} s   {more}", flush=True)


def main(size: str, seed: int) -> None:
    """Generate, build and compile one instance."""
    with tempfile.TemporaryDirectory() as folder:
        problem = load(write_instance(Path(folder), size, seed))
    said("loaded")
    candidates = generate(problem)
    ways = sum(map(len, (*candidates.training.values(), *candidates.serving.values())))
    said("candidates", f"{ways:,} ways, {len(candidates.verdicts):,} verdicts")
    program = build(problem, candidates)
    said("built")
    matrix = compile_model(program.model)
    said("compiled", f"{matrix.lp.num_col_:,} columns, {matrix.lp.num_row_:,} rows")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "XL", int(sys.argv[2]) if len(sys.argv) > 2 else 1)
