"""dcopt designs AI data centres: the cheapest design that keeps every promise, with its proof.

import dcopt
problem = dcopt.load("data/problems/bert-question-answering")
design = dcopt.solve(problem, time_limit_s=60)
design.bom()
"""

from __future__ import annotations

import sys
from importlib import import_module
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import dcopt.solve as _solve_room

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcopt.design.records import Design
    from dcopt.problem.problem import Problem

__all__ = ["Design", "InputError", "Problem", "load", "solve"]

_LAZY = {
    "Design": "dcopt.design.records",
    "Problem": "dcopt.problem.problem",
    "InputError": "dcopt.problem.findings",
}


def load(path: str | PathLike[str], sets: Sequence[str] = ()) -> Problem:
    """Read a problem: a folder of CSV tables or an ``.xlsx`` workbook.

    Parameters
    ----------
    sets: changes of cells, as ``--set`` takes them: ``training.gpt3.deadline_days=30``.

    Raises
    ------
    dcopt.InputError: with every finding at once, in ``findings``.
    """
    from dcopt.problem.load import load as read

    return read(Path(path), sets)


def _solve(
    problem: Problem,
    *,
    time_limit_s: float | None = None,
    gap: float | None = None,
    threads: int = 0,
    seed: int = 0,
    baseline: bool = True,
) -> Design:
    """Return the cheapest design of ``problem`` that keeps every promise, verified against the inputs.

    Parameters
    ----------
    time_limit_s, gap: seconds and relative gap; default: the problem's settings.
    threads, seed: of the solver.
    baseline: also solve for one node and one fabric everywhere.

    Returns
    -------
    A design; where there is none its ``status`` is ``infeasible`` or ``no_solution`` and ``diagnosis`` says why.

    Raises
    ------
    RuntimeError: the verifier found a number that the inputs do not give, or the solver failed.
    """
    from dcopt.pipeline.run import RunOptions, design_for
    from dcopt.verify.verify import verify

    design = design_for(problem, RunOptions(time_limit_s, gap, threads, seed, baseline=baseline))
    _, mismatches = verify(problem, design)
    if mismatches:
        raise RuntimeError("verification failed: " + "; ".join(str(mismatch) for mismatch in mismatches[:5]))
    return design


class _SolveRoom(ModuleType):
    """The room ``dcopt.solve``, which can also be called: Python binds a subpackage's name to the module, and the
    function of the public API has the same name."""

    __call__ = staticmethod(_solve)


_solve_room.__class__ = _SolveRoom
_solve_room.__doc__ = _solve.__doc__ or ""
vars(_solve_room)["__wrapped__"] = _solve  # what `inspect.signature` and notebooks show
if TYPE_CHECKING:
    solve = _solve
else:
    solve = sys.modules["dcopt.solve"]


def __getattr__(name: str) -> Any:
    """Import the public classes when they are first asked for."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'dcopt' has no attribute {name!r}")
