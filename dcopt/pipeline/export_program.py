"""The program of a problem as a file that other solvers read (MPS or LP), with speaking names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import highspy

from dcopt.candidates.generate import generate
from dcopt.formulation.build import build
from dcopt.problem.problem import Problem
from dcopt.solve.matrix import Matrix, compile_model
from dcopt.solve.session import SolverError

LONGEST_NAME = 200


def write_program(problem: Problem, path: Path) -> tuple[int, int]:
    """Write the program to ``path`` (.mps or .lp) and return its numbers of columns and rows.

    It minimizes the problem's own objective; calendars that the relaxed capacity admits are not cut off yet.

    Raises
    ------
    SolverError: HiGHS could not write the file.
    """
    return write_matrix(compile_model(build(problem, generate(problem)).model), path)


def write_matrix(matrix: Matrix, path: Path) -> tuple[int, int]:
    """Write a compiled program to ``path`` (.mps or .lp) and return its numbers of columns and rows.

    Raises
    ------
    SolverError: HiGHS could not write the file.
    """
    lp = matrix.lp
    lp.col_names_ = list(plain_names((str(column.name) for column in matrix.columns), "x"))
    lp.row_names_ = list(plain_names((f"{row.name}.{side}" for row, side in matrix.rows), "r"))
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    if highs.passModel(lp) == highspy.HighsStatus.kError or highs.writeModel(str(path)) == highspy.HighsStatus.kError:
        raise SolverError(f"HiGHS could not write {path}")
    return int(lp.num_col_), int(lp.num_row_)


def plain_names(names: Iterable[str], prefix: str) -> Iterable[str]:
    """Yield names that both formats take: letters, digits, '_' and '.', begun by ``prefix``, each only once."""
    seen: dict[str, int] = {}
    for name in names:
        plain = f"{prefix}_{re.sub(r'[^A-Za-z0-9_.]+', '_', name)}"[:LONGEST_NAME].rstrip("_.")
        count = seen.get(plain, 0)
        seen[plain] = count + 1
        yield plain if not count else f"{plain}.n{count}"
