"""Each idea that makes the program smaller or stronger, switched off: the optimum must stay.

    python tests/benchmarks/ideas.py [SIZE] [SEEDS] [TIME_LIMIT_S]

S, all ten seeds and 60 s for each solve by default; XS is solved by brute force as well. It prints for each instance
and idea the optimum (or incumbent and bound, where the time did not suffice), and ends with 1 where two of them
contradict each other.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(folder) for folder in (TESTS / "benchmarks", TESTS, TESTS / "formulation")]

from instances import write_instance  # noqa: E402
from naive import PLANT_LINKS, naive, switch_off, without  # noqa: E402

from dcopt.candidates import generate as generate_module  # noqa: E402
from dcopt.candidates import pruning, serving, storage, training  # noqa: E402
from dcopt.candidates.generate import generate  # noqa: E402
from dcopt.formulation import ladders, strength  # noqa: E402
from dcopt.formulation.build import build  # noqa: E402
from dcopt.formulation.program import Program  # noqa: E402
from dcopt.problem.load import load  # noqa: E402
from dcopt.problem.problem import Problem  # noqa: E402
from dcopt.solve import session, together  # noqa: E402
from dcopt.solve.matrix import Matrix, compile_model  # noqa: E402
from dcopt.solve.session import Outcome, SolveOptions, relative_gap  # noqa: E402

Solver = Callable[[Matrix, SolveOptions], Outcome]


@dataclass(frozen=True)
class Ways:
    """How a problem is stated and solved; by default with every idea."""

    patched: Callable[[], AbstractContextManager[Any]] = nullcontext
    """What is different while candidates are generated and the program is built."""
    only_needed: bool = True
    weaken: Callable[[Program], Any] = lambda program: None
    solver: Solver = field(default=together.solve)


@contextmanager
def _everything_is_kept() -> Iterator[None]:
    """No candidate is left out because another one beats it."""
    with ExitStack() as stack:
        for module in (training, storage, pruning):
            stack.enter_context(patch.object(module, "undominated", lambda items, merits: list(items)))
        stack.enter_context(patch.object(serving, "undominated", lambda candidates: list(candidates)))
        yield


def _unpruned() -> AbstractContextManager[Any]:
    return patch.object(generate_module, "prune", lambda problem, admissible, options, reloads: admissible)


def _without_presolve(matrix: Matrix, options: SolveOptions) -> Outcome:
    return session.solve(matrix, options, presolve="off")


def _no_plant_links(program: Program) -> None:
    for part in program.parts:
        switch_off(part, PLANT_LINKS)


WITHOUT = {
    "nothing": Ways(),
    "strength": Ways(patched=lambda: without(strength)),
    "ladders": Ways(patched=lambda: without(ladders)),
    "plant links": Ways(weaken=_no_plant_links),
    "dominance": Ways(patched=_everything_is_kept),
    "pruning": Ways(patched=_unpruned),
    "pools as large as needed": Ways(only_needed=False),
    "presolve": Ways(solver=_without_presolve),
    "parts": Ways(solver=session.solve),
}
"""By what is switched off."""


def matrix_without(problem: Problem, ways: Ways) -> Matrix:
    """Return the program of ``problem`` as it is stated so."""
    with ways.patched():
        program = build(problem, generate(problem, only_needed=ways.only_needed))
    ways.weaken(program)
    return compile_model(program.model)


def outcome_without(problem: Problem, ways: Ways, options: SolveOptions) -> Outcome:
    """Return what the solver makes of ``problem`` as it is stated and solved so."""
    return ways.solver(matrix_without(problem, ways), options)


def contradictions(found: dict[str, Outcome], tolerance: float = 1e-6) -> list[str]:
    """Return every pair of which one's incumbent lies below the other's bound, or one alone has no solution."""
    lines = []
    for one, mine in found.items():
        for other, its in found.items():
            if "infeasible" in (mine.verdict, its.verdict):
                if mine.verdict == "infeasible" and its.objective is not None:
                    lines.append(f"without {one} infeasible, without {other} {its.objective:,.2f}")
                continue
            if mine.objective is None or its.bound is None:
                continue
            if mine.objective < its.bound - tolerance * abs(its.bound):
                lines.append(f"without {one} {mine.objective:,.2f}, without {other} at least {its.bound:,.2f}")
    return lines


def by_brute_force(problem: Problem) -> Outcome:
    """Return the cheapest of all designs, every one of them counted and priced without Pyomo (XS takes seconds)."""
    from oracle import cheapest

    begun = time.monotonic()
    least = cheapest(problem, generate(problem))
    found = None if math.isinf(least) else least
    verdict: session.Verdict = "infeasible" if found is None else "optimal"
    return Outcome(verdict, None, found, found, relative_gap(found, found), 0, time.monotonic() - begun)


def main(size: str, seeds: Iterable[int], limit_s: float) -> int:
    """Solve every instance without each idea; return the exit code."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            problem = load(write_instance(Path(folder), size, seed))
            options = SolveOptions(gap=1e-6, time_limit_s=limit_s, threads=1)
            found: dict[str, Outcome] = {}
            for name, ways in WITHOUT.items():
                found[name] = _told(size, seed, name, outcome_without(problem, ways, options))
            plain = compile_model(naive(problem, generate(problem)).model)
            found["all of them"] = _told(size, seed, "all of them", session.solve(plain, options))
            if size == "XS":
                found["any solver"] = _told(size, seed, "any solver", by_brute_force(problem))
            for line in contradictions(found):
                wrong += 1
                print(f"WRONG: {size} {seed}: {line}", flush=True)
    return 1 if wrong else 0


def _told(size: str, seed: int, name: str, outcome: Outcome) -> Outcome:
    value = "none" if outcome.objective is None else f"{outcome.objective:,.2f}"
    gap = "" if outcome.gap is None else f" gap {outcome.gap:.4%}"
    print(
        f"{size} {seed:2} without {name:24} {outcome.verdict:11} {value:>14}{gap}"
        f" {outcome.nodes} nodes {outcome.seconds:.1f} s",
        flush=True,
    )
    return outcome


if __name__ == "__main__":
    numbers = [int(n) for n in sys.argv[2].split(",")] if len(sys.argv) > 2 else list(range(1, 11))
    sys.exit(
        main(sys.argv[1] if len(sys.argv) > 1 else "S", numbers, float(sys.argv[3]) if len(sys.argv) > 3 else 60.0)
    )
