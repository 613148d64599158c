"""Random purchases through `evaluate`: none may cost less than the proven bound (formulation.md, "False proof").

Run it from the repository: ``python tests/benchmarks/false_proof.py [PURCHASES [SEED]]`` (default 1,000 from seed
0 on). It prints how many were completed, and the smallest ratio of cost to bound; it ends with 1 where one lies below
the bound.
"""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "formulation")]

from proposals import below_the_bound  # noqa: E402

EACH = 10
NOISE = 1e-7


def main(purchases: int, first: int = 0) -> int:
    """Try so many purchases from seed ``first`` on; return the exit code."""
    completed, least = 0, float("inf")
    for number, seed in enumerate(range(first, first - (-purchases // EACH)), start=1):
        for tco_usd, bound_usd in below_the_bound(seed, EACH):
            completed += 1
            least = min(least, tco_usd / bound_usd)
            if tco_usd < bound_usd * (1 - NOISE):
                print(f"seed {seed}: {tco_usd:,.2f} is below the bound {bound_usd:,.2f}")
                return 1
        print(f"\r{completed} completed of {EACH * number} tried, least cost / bound {least:.9f}", end="", flush=True)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in sys.argv[1:] or ["1000"])))
