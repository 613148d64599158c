"""What is written is read back: any valid row, and whole problems, floats and models included."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from corpus_base import BASE, append, put, swap, write_base
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rows_strategy import rows

from dcopt.problem.findings import Finding, InputError
from dcopt.problem.load import load, load_catalog
from dcopt.problem.locate import examples_dir
from dcopt.problem.parse import parse_table
from dcopt.problem.read import read_csv
from dcopt.problem.schema import cell_text, columns_of, number_text
from dcopt.problem.tables import TABLES
from dcopt.problem.write import csv_text, write_tables

quick = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much, HealthCheck.too_slow],
)
EXAMPLES = sorted(path.name for path in examples_dir().iterdir() if path.is_dir())


def errors_of(folder: Path) -> tuple[Finding, ...]:
    """The errors of a problem; whatever else goes wrong is a failure of the test."""
    try:
        load(folder)
    except InputError as error:
        return error.errors
    return ()


@pytest.mark.parametrize("name", [name for name in TABLES if name != "settings"])
@quick
@given(data=st.data())
def test_any_valid_row_is_read_back(name: str, data: st.DataObject, tmp_path: Path) -> None:
    table = TABLES[name]
    row = data.draw(rows(table))
    columns = list(columns_of(table.row))
    path = tmp_path / table.file
    text = csv_text(columns, [[cell_text(getattr(row, column)) for column in columns]])
    path.write_bytes(text.encode("utf-8"))
    raw, findings = read_csv(path, name, path.name)
    assert findings == []
    assert raw is not None
    parsed = parse_table(raw, warn=False)
    assert parsed.findings == ()
    assert [each.row for each in parsed.rows.values()] == [row]
    assert list(parsed.rows) == [table.key_of(row)]


@quick
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_text_is_exact(value: float) -> None:
    assert float(number_text(value)) == value


@quick
@given(data=st.binary(max_size=300), name=st.sampled_from([*BASE, "fabrics.csv", "measurements.csv"]))
def test_garbage_is_an_input_error(data: bytes, name: str, tmp_path: Path) -> None:
    write_base(tmp_path)
    (tmp_path / name).write_bytes(data)
    errors = errors_of(tmp_path)
    (tmp_path / name).unlink()
    assert all(str(finding).startswith("error: ") for finding in errors)


@quick
@given(
    cells=st.lists(st.text(alphabet=st.sampled_from("ab1.,;\"'#\n\r\t -%$=é\u2028\x1c"), max_size=12), max_size=12),
    name=st.sampled_from(sorted(BASE)),
)
def test_strange_cells_are_an_input_error(cells: list[str], name: str, tmp_path: Path) -> None:
    write_base(tmp_path)
    with (tmp_path / name).open("a", encoding="utf-8", newline="") as stream:
        stream.write(",".join(cells) + "\n")
    assert all(len(str(finding).splitlines()) == 1 for finding in errors_of(tmp_path))


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_read_back(example: str, tmp_path: Path) -> None:
    problem = load(examples_dir() / example)
    write_tables(problem, tmp_path / "inputs")
    again = load(tmp_path / "inputs")
    assert again == problem
    assert again.settings.catalog == "none"
    assert again.models == problem.models
    for name, table in problem.tables.items():
        assert list(again.tables[name]) == list(table), name


def test_the_same_problem_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = write_base(tmp_path / "base")
    for run in ("one", "two"):
        write_tables(load(folder, ["nodes.*.price_usd*=1.1"]), tmp_path / run)
    write_tables(load(tmp_path / "one"), tmp_path / "three")
    texts = [
        {
            str(path.relative_to(tmp_path / run)): path.read_bytes()
            for path in (tmp_path / run).rglob("*")
            if path.is_file()
        }
        for run in ("one", "two", "three")
    ]
    assert texts[0] == texts[1] == texts[2]
    assert "sites.csv" in texts[0]


def test_changes_travel(tmp_path: Path) -> None:
    folder = write_base(tmp_path / "base")
    changed = load(folder, ["sites.oslo.power_limit_kw=123.456789012345678", "settings.discount_rate_pct=0.1"])
    write_tables(changed, tmp_path / "inputs")
    again = load(tmp_path / "inputs")
    assert again == changed
    assert again != load(folder)
    assert again.sites["oslo"].power_limit_kw == 123.456789012345678


def test_models_given_as_paths_become_names(tmp_path: Path) -> None:
    folder = write_base(tmp_path / "base")
    config = (Path(__file__).parents[2] / "models" / "bert-base" / "config.json").read_bytes()
    other = json.dumps({**json.loads(config), "num_hidden_layers": 6}).encode()
    put("own/bert-base/config.json", other)(folder)
    put("elsewhere/small.json", other)(tmp_path)
    swap("inference.csv", "llama-3.1-8b,20,8,500,200,500,50,", "own/bert-base,20,8,500,0,,,90")(folder)
    append("inference.csv", f"third,{tmp_path / 'elsewhere' / 'small.json'},5,,64,0,,,90,")(folder)
    problem = load(folder)
    assert problem.models["own/bert-base"].layers == 6
    assert problem.models["bert-base"].layers == 12
    write_tables(problem, tmp_path / "inputs")
    again = load(tmp_path / "inputs")
    assert again == problem
    assert again.inference["chat"].model == "bert-base-2" or again.inference["search"].model == "bert-base-2"
    assert again.inference["third"].model == "small"
    layers = [again.models[service.model].layers for service in again.inference.values()]
    assert layers == [problem.models[service.model].layers for service in problem.inference.values()]


def test_merging_with_the_catalogue(tmp_path: Path) -> None:
    folder = write_base(tmp_path)
    shipped = load_catalog()
    problem = load(folder)
    assert set(problem.nodes) == {*shipped["nodes"], "mine"}
    assert problem.nodes["dgx-h100"] == shipped["nodes"]["dgx-h100"]
    swap("offers.csv", "nodes,dgx-h100,rented,,,,,\n", "")(folder)
    append("nodes.csv", "dgx-h100,h100-sxm,8,,9,7,1")(folder)
    replaced = load(folder).nodes["dgx-h100"]
    assert (replaced.max_kw, replaced.price_usd, replaced.rent_usd_per_hour) == (9, 1, None)
    assert list(problem.nodes)[:-1] == list(shipped["nodes"])
    append("settings.csv", "catalog,none,")(folder)
    with pytest.raises(InputError, match=r"accelerators\.csv has no rows"):
        load(folder)


def test_shipped_catalogue_is_right() -> None:
    catalog = load_catalog()
    assert set(catalog) == {name for name, table in TABLES.items() if table.is_catalog}
    assert all(catalog.values())
    assert catalog is not load_catalog()
