"""The reader and the cells: what is accepted, line numbers, and each cure for a number."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus_base import BASE, put, recode, swap, write_base

from dcopt.problem.cells import CellError, parse_cell
from dcopt.problem.findings import Finding, InputError, nearest
from dcopt.problem.load import load
from dcopt.problem.read import read_csv
from dcopt.problem.schema import columns_of
from dcopt.problem.tables.catalog_rows import Accelerator, Node
from dcopt.problem.tables.problem_rows import Site, TrainingJob


def read(text: str, tmp_path: Path) -> tuple[list[int], list[tuple[str, ...]], list[Finding]]:
    path = tmp_path / "regions.csv"
    path.write_bytes(text.encode())
    raw, findings = read_csv(path, "regions", "regions.csv")
    assert raw is not None
    return [raw.header.line, *(row.line for row in raw.rows)], [row.cells for row in raw.rows], findings


def test_comments_blank_lines_and_quotes_keep_their_lines(tmp_path: Path) -> None:
    text = '# a "comment\n\n region , site,rtt_ms\n"a, b", "c",1\n,,\n# more\n   \n'
    text += '"x\n# y",z,2\n"# quoted, comment",,\nq,r,3\n'
    lines, cells, findings = read(text, tmp_path)
    assert lines == [3, 4, 8, 11]
    assert cells == [("a, b", "c", "1"), ("x\n# y", "z", "2"), ("q", "r", "3")]
    assert findings == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end(end: str, tmp_path: Path) -> None:
    text = end.join(["region,site,rtt_ms", "# one", "a,b,1", 'c,"d', 'e",2', ""])
    lines, cells, _ = read(text, tmp_path)
    assert lines == [1, 3, 4]
    assert cells == [("a", "b", "1"), ("c", f"d{end}e", "2")]


def test_unusual_separators_are_no_line_ends(tmp_path: Path) -> None:
    lines, cells, _ = read("region,site,rtt_ms\na\u2028b,c\x0bd,1\n", tmp_path)
    assert lines == [1, 2]
    assert cells == [("a\u2028b", "c\x0bd", "1")]


def test_the_rest_of_a_file_is_read_after_a_broken_line(tmp_path: Path) -> None:
    lines, cells, findings = read('region,site,rtt_ms\na,"b"c,1\nd,e\nf,g,2\n', tmp_path)
    assert cells == [("f", "g", "2")]
    assert [finding.line for finding in findings] == [2, 3]
    assert lines == [1, 4]


def test_a_table_may_have_no_rows_and_trailing_commas(tmp_path: Path) -> None:
    folder = write_base(tmp_path)
    put("measurements.csv", b"id,task,model,node\n")(folder)
    put("regions.csv", b"region,site,rtt_ms,,\neurope,oslo,15,,\neurope,rented,30,,\n,,,,\n")(folder)
    problem = load(folder)
    assert problem.measurements == {}
    assert len(problem.regions) == 2


def test_windows_files_with_a_byte_order_mark_are_the_same_problem(tmp_path: Path) -> None:
    folder = write_base(tmp_path / "base")
    plain = load(folder)
    for name in BASE:
        recode(name, lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"))(folder)
    problem = load(folder)
    assert problem == plain
    assert sum("byte-order mark" in finding.message for finding in problem.warnings) == len(BASE)
    assert sum("Windows line ends" in finding.message for finding in problem.warnings) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [("8", 8.0), ("+8.50", 8.5), (".5", 0.5), ("5.", 5.0), ("3e11", 3e11), ("1E+3", 1000.0), ("007", 7.0)],
)
def test_numbers_that_are_read(text: str, value: float) -> None:
    assert parse_cell(columns_of(TrainingJob)["tokens"], text) == value


@pytest.mark.parametrize(("text", "value"), [("8", 8), ("8.0", 8), ("1e3", 1000), ("1.5e1", 15)])
def test_counts_that_are_read(text: str, value: int) -> None:
    found = parse_cell(columns_of(TrainingJob)["global_batch"], text)
    assert (found, type(found)) == (value, int)


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("1,000", "write 1000"),
        ("1,234,567.8", "write 1234567.8"),
        ("1'000", "write 1000"),
        ("1_000", "write 1000"),
        ("1\u00a0000", "write 1000"),
        ("1,5", "write 1.5"),
        ("1.234,5", "write 1234.5"),
        ("12%", "write 12"),
        ("12 %", "write 12"),
        ("$5", "write 5"),
        ("€1.234,50", "write 1234.50"),
        ("5 $", "write 5"),
        ("'5", "write 5"),
        ("1.5 kW", "unit ('kW')"),
        ("3M", "unit ('M')"),
        ("n/a", "leave the cell blank"),
        ("-", "leave the cell blank"),
        ("NaN", "not a number"),
        ("-Infinity", "not a number"),
        ("1e400", "too large"),
        ("=A1", "formula"),
        ("#DIV/0!", "formula"),
        ("１２", "not a number"),
        ("0x10", "unit"),
        ("ten", "not a number"),
        ("--5", "not a number"),
    ],
)
def test_cures_for_numbers(text: str, cure: str) -> None:
    with pytest.raises(CellError) as caught:
        parse_cell(columns_of(Site)["rack_positions"], text)
    assert cure in caught.value.message
    assert caught.value.expected == "a whole number ≥ 0"


@pytest.mark.parametrize(("text", "cure"), [("true", "write yes"), ("0", "write no"), ("maybe", "write yes or no")])
def test_cures_for_yes_and_no(text: str, cure: str) -> None:
    column = columns_of(Accelerator)["sparsity_2_4"]
    assert parse_cell(column, "Yes") is True
    with pytest.raises(CellError, match=cure):
        parse_cell(column, text)


def test_columns_are_declared_once_and_understood() -> None:
    columns = columns_of(Node)
    price = columns["price_usd"]
    assert (price.kind, price.required, price.default, price.unit, price.ge) == ("float", False, None, "USD", 0)
    assert columns["accelerator"].refers_to == "accelerators"
    assert columns["cooling"].choices == ("air", "liquid")
    assert list(columns)[-2:] == ["source", "as_of"]
    assert columns_of(TrainingJob)["runs_per_year"].unit == "per year"
    assert columns_of(TrainingJob)["precisions"].default_text == "bf16 fp8"


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("H100_SXM", ["h100-sxm", "h200-sxm"], "h100-sxm"),
        ("h100", ["dgx-h100", "a100"], "a100"),
        ("nvl72", ["gb200-nvl72", "hgx-h100"], "gb200-nvl72"),
        ("zzz", ["oslo", "paris"], None),
        ("", ["oslo"], None),
    ],
)
def test_nearest_name(name: str, known: list[str], meant: str | None) -> None:
    assert nearest(name, known) == meant


def test_references_into_a_broken_table_are_not_judged(tmp_path: Path) -> None:
    folder = write_base(tmp_path)
    put("datasets.csv", b"name;size_tb\nbooks;5\n")(folder)
    swap("sites.csv", "rented,cloud", "ren ted,cloud")(folder)
    with pytest.raises(InputError) as caught:
        load(folder)
    assert [(finding.file, finding.line) for finding in caught.value.errors] == [("datasets.csv", 1), ("sites.csv", 4)]


def test_input_error_prints_one_line_a_finding() -> None:
    warning = Finding("warning", "b.csv", "is odd", line=2)
    error = InputError([warning, Finding("error", "a.csv", "is bad", value="x\ny" * 40), warning])
    assert len(str(error).splitlines()) == 2
    assert error.errors[0].file == "a.csv"
    assert error.findings[0].as_dict()["severity"] == "error"
