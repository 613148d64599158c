"""The Python API: load, solve, the design and its tables; and a docstring on everything public."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
import types
from importlib.resources import files
from pathlib import Path

import pytest

import dcopt
from dcopt.design.records import Design
from dcopt.problem.problem import Problem

TABLES = {
    "settings.csv": "key,value\nname,api\nhorizon_years,2\n",
    "sites.csv": "name,power_limit_kw,electricity_usd_per_kwh\nhall,40,0.1\n",
    "inference.csv": "name,model,peak_requests_per_s,input_tokens,latency_ms\nask,bert-base,50,128,100\n",
    "offers.csv": "table,name\nnodes,t4-4\nfabrics,none\n",
}


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    folder = tmp_path_factory.mktemp("api") / "problem"
    folder.mkdir()
    for name, text in TABLES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return dcopt.load(folder)


@pytest.fixture(scope="module")
def design(problem: Problem) -> Design:
    return dcopt.solve(problem, time_limit_s=60, gap=1e-4, baseline=False)


def test_load_takes_a_path_or_text_and_changes(problem: Problem) -> None:
    assert isinstance(problem, dcopt.Problem)
    assert problem.name == "api"
    again = dcopt.load(str(problem.path), ["inference.ask.peak_requests_per_s*=2"])
    assert again.inference["ask"].peak_requests_per_s == 100


def test_load_raises_every_finding(tmp_path: Path) -> None:
    with pytest.raises(dcopt.InputError) as caught:
        dcopt.load(tmp_path)
    assert len(caught.value.findings) >= 2
    with pytest.raises(dcopt.InputError, match="does not exist"):
        dcopt.load(tmp_path / "nowhere")


def test_solve_is_a_function_and_a_room() -> None:
    assert callable(dcopt.solve)
    assert isinstance(dcopt.solve, types.ModuleType)
    from dcopt.solve import session

    assert session.SolveOptions().gap == 1e-4
    assert next(iter(inspect.signature(dcopt.solve).parameters)) == "problem"
    assert "cheapest design" in (inspect.getdoc(dcopt.solve) or "")


def test_solve_returns_a_frozen_design(design: Design) -> None:
    assert isinstance(design, dcopt.Design)
    assert design.status == "optimal"
    assert design.tco_usd is not None
    assert design.gap is not None
    assert design.gap <= 1e-4
    assert design.baseline is None
    with pytest.raises(Exception, match="frozen"):
        design.status = "feasible"


def test_the_bill_of_materials_is_a_table(design: Design) -> None:
    table = design.bom()
    assert list(table.columns) == [
        *("site", "year", "category", "table", "item"),
        *("quantity", "unit_price_usd", "total_usd", "order_by_day"),
    ]
    assert len(table) == len(design.bom_lines) > 0
    assert (table["quantity"] * table["unit_price_usd"]).sum() == pytest.approx(table["total_usd"].sum())
    assert "t4-4" in set(table["item"])


def test_a_design_shows_itself_in_a_notebook(design: Design) -> None:
    shown = design._repr_html_()
    assert shown.startswith("<table>")
    assert "t4-4" in shown
    assert "optimal" in shown


def test_a_design_is_its_json(design: Design) -> None:
    text = json.dumps(design.model_dump(mode="json", by_alias=True))
    assert Design.model_validate_json(text) == design
    assert "bom" in json.loads(text)


def test_no_design_is_an_answer_not_an_error(problem: Problem) -> None:
    strict = dcopt.load(problem.path, ["inference.ask.latency_ms=0.001"])
    none = dcopt.solve(strict)
    assert none.status == "infeasible"
    assert none.tco_usd is None
    assert any("inference.csv: ask" in line for line in none.diagnosis)
    assert none.bom().empty


def test_only_public_names_are_offered() -> None:
    for name in dcopt.__all__:
        assert getattr(dcopt, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'optimize'"):
        _ = dcopt.optimize  # type: ignore[attr-defined]


def test_the_api_works_in_a_fresh_interpreter(problem: Problem) -> None:
    """The order of imports does not matter: the room may be imported before the function is called."""
    program = (
        "import dcopt.solve.session, dcopt, sys\n"
        "problem = dcopt.load(sys.argv[1])\n"
        "print(dcopt.solve(problem, baseline=False).status, dcopt.InputError.__name__)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(problem.path)], capture_output=True, text=True, check=True
    )
    assert result.stdout == "optimal InputError\n"


def test_the_package_is_marked_as_typed() -> None:
    assert files("dcopt").joinpath("py.typed").is_file()


PACKAGE = Path(dcopt.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_shipped" not in path.parts)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_everything_public_has_a_docstring(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    if tree.body:
        assert ast.get_docstring(tree), "the module has none"
    missing = [node.name for node in _public(tree) if not ast.get_docstring(node)]
    assert not missing


def _public(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Return public functions and classes, and the public methods of public classes (properties included)."""
    found: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef] = []
    for node in getattr(tree, "body", []):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if not _is_overload(node):
                found.append(node)
            if isinstance(node, ast.ClassDef):
                found += _public(node)
    return found


def _is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "overload" for d in node.decorator_list)
