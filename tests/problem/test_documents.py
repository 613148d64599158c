"""The generated reference, `dcopt init` and `dcopt catalog`: all from the same declarations."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dcopt.cli.main import main
from dcopt.cli.text_table import text_table
from dcopt.problem.document import documentation
from dcopt.problem.findings import InputError
from dcopt.problem.load import load, load_catalog
from dcopt.problem.locate import examples_dir, shipped_dir
from dcopt.problem.schema import columns_of
from dcopt.problem.tables import TABLES
from dcopt.problem.tables.problem_rows import Settings


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


def test_the_reference_is_in_step_with_the_declarations() -> None:
    text = (shipped_dir() / "data" / "README.md").read_text(encoding="utf-8")
    assert text == documentation(), "run: python -m dcopt.problem.document"


def test_the_reference_names_every_column() -> None:
    text = documentation()
    for row in (*(table.row for table in TABLES.values()), Settings):
        for column in columns_of(row).values():
            assert column.description
            assert f"| {column.name} |" in text or f"| **{column.name}** |" in text


def test_init_writes_a_skeleton_that_only_lacks_rows(tmp_path: Path) -> None:
    code, out, _ = invoke("init", str(tmp_path / "new"))
    assert code == 0
    assert "dcopt check" in out
    for name, table in TABLES.items():
        path = tmp_path / "new" / table.file
        assert path.exists() is not table.is_catalog
        if not table.is_catalog and name != "settings":
            lines = path.read_text(encoding="ascii").splitlines()
            assert [line for line in lines if not line.startswith("#")] == [",".join(columns_of(table.row))]
    with pytest.raises(InputError) as caught:
        load(tmp_path / "new")
    assert {finding.file for finding in caught.value.findings} == {"sites.csv", "training.csv"}
    defaults = Settings(name="new")
    for table_name, line in (
        ("sites", "oslo,owned,500,,0.1"),
        ("training", "tune,bert-base,1e9,,,128,256,3"),
    ):
        path = tmp_path / "new" / f"{table_name}.csv"
        width = len(columns_of(TABLES[table_name].row))
        cells = line.split(",")
        with path.open("a", encoding="ascii") as stream:
            stream.write(",".join(cells + [""] * (width - len(cells))) + "\n")
    assert load(tmp_path / "new").settings == defaults


@pytest.mark.parametrize("example", sorted(path.name for path in examples_dir().iterdir() if path.is_dir()))
def test_init_copies_an_example_that_checks(example: str, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    assert invoke("init", str(folder), "--example", example)[0] == 0
    code, out, err = invoke("check", str(folder), "--no-precheck")
    assert (code, err) == (0, "")
    assert out.startswith(example)


def test_init_refuses(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for target in (tmp_path, tmp_path / "notes.txt"):
        code, out, err = invoke("init", str(target))
        assert (code, out) == (2, "")
        assert "not an empty folder" in err
    code, _, err = invoke("init", str(tmp_path / "new"), "--example", "gpt3-pretrainin")
    assert code == 2
    assert "did you mean 'gpt3-pretraining'?" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt"]
    assert "gpt3-pretraining" in invoke("init", str(tmp_path / "new"), "--example", "list")[1]


def test_catalog_lists_and_shows() -> None:
    catalog = load_catalog()
    assert all(name in invoke("catalog", "list")[1] for name in catalog)
    assert json.loads(invoke("catalog", "list", "--json")[1])["nodes"] == len(catalog["nodes"])
    out = invoke("catalog", "list", "nodes")[1]
    assert all(name in out for name in catalog["nodes"])
    assert max(len(line) for line in out.splitlines()[:3]) <= 120
    assert len(json.loads(invoke("catalog", "list", "racks", "--json")[1])) == len(catalog["racks"])
    out = invoke("catalog", "show", "nodes", "dgx-h100")[1]
    assert "rack_units" in out
    assert " kW" in out
    (row,) = json.loads(invoke("catalog", "show", "nodes", "dgx-h100", "--json")[1])
    assert row["accelerator"] == "h100-sxm"
    assert invoke("catalog", "show", "protection")[1].count("\n\n") == len(catalog["protection"]) - 1


def test_catalog_names_the_nearest() -> None:
    code, _, err = invoke("catalog", "show", "nodes", "dgx-h10")
    assert code == 2
    assert "did you mean 'dgx-h100'?" in err
    code, _, err = invoke("catalog", "list", "node")
    assert code == 2
    assert "did you mean 'nodes'?" in err


def test_text_table_leaves_out_what_does_not_fit() -> None:
    rows = [("a", "1", "x" * 30), ("bcd", "20", "y")]
    assert text_table(("name", "units", "remark"), rows, width=20).splitlines() == [
        "name  units",
        "----  -----",
        "a         1",
        "bcd      20",
        "(not shown: remark)",
    ]
    assert "x" * 30 in text_table(("name", "units", "remark"), rows, width=80)
    assert text_table(("name",), [], width=3).splitlines() == ["name", "----"]


def test_reading_imports_nothing_heavy() -> None:
    code = (
        "import sys; import dcopt.problem.load, dcopt.cli.main, dcopt.cli.check, dcopt.cli.init, dcopt.cli.catalog; "
        "print([name for name in ('pandas', 'numpy', 'openpyxl', 'pyomo', 'highspy') if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert result.stdout.strip() == "[]"
