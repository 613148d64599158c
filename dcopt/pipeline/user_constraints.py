"""``--with file.py:function``: constraints of the user's own."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from dcopt.formulation.program import Program
from dcopt.problem.problem import Problem


class UserConstraintsError(Exception):
    """The file or function of ``--with`` cannot be used; the text says why."""


def no_constraints(program: Program) -> None:
    """Add nothing: the constraints of a user who has none."""


def user_constraints(reference: str, problem: Problem) -> Callable[[Program], None]:
    """Return what calls ``function(model, problem)`` on a program, for ``file.py:function``.

    Raises
    ------
    UserConstraintsError: the reference has another form, the file or function is missing or fails to load, or (when
        called) the function fails.
    """
    file, separator, name = reference.rpartition(":")
    path = Path(file)
    if not separator or not name.isidentifier() or not path.is_file():
        raise UserConstraintsError(f"--with needs FILE.py:FUNCTION of an existing file, not {reference!r}")
    specification = importlib.util.spec_from_file_location("dcopt_user_constraints", path)
    if specification is None or specification.loader is None:
        raise UserConstraintsError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        raise UserConstraintsError(f"{path} fails to load: {error}") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise UserConstraintsError(f"{path} has no function {name}")

    def add(program: Program) -> None:
        try:
            function(program.model, problem)
        except Exception as error:
            raise UserConstraintsError(f"{name} of {path} failed: {type(error).__name__}: {error}") from error

    return add
