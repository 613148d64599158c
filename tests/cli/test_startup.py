"""Starting up: a command imports only what it needs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("pandas", "numpy", "scipy", "pyomo", "highspy", "openpyxl", "pydantic", "networkx", "rich")
PROGRAM = """
import json, sys
from dcopt.cli.main import main
sys.argv = ["dcopt", *json.loads({arguments!r})]
try:
    main()
except SystemExit:
    pass
print(json.dumps(sorted(name for name in sys.modules if "." not in name)), file=sys.stderr)
"""


def imported_by(*arguments: str) -> set[str]:
    program = PROGRAM.format(arguments=json.dumps(arguments))
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(result.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert not imported_by(*arguments) & set(HEAVY)


@pytest.mark.parametrize("command", ["init", "check", "solve", "report", "bom", "explain", "verify", "predict"])
def test_help_of_a_command_imports_nothing_heavy(command: str) -> None:
    assert not imported_by(command, "--help") & set(HEAVY)


def test_the_package_imports_nothing_heavy() -> None:
    program = "import sys, dcopt; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(result.stdout.split()) & set(HEAVY)


def test_the_catalogue_needs_no_solver() -> None:
    found = imported_by("catalog", "list")
    assert "pydantic" in found
    assert not found & {"pyomo", "highspy", "pandas", "scipy"}
