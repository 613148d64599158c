"""Every broken folder of the corpus gives its one finding, exit code 2, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_inputs import CORPUS, TEN_AT_ONCE
from click.testing import CliRunner
from corpus_base import Broken, append, put, recode, swap, write_base

from dcopt.cli.main import main
from dcopt.problem.findings import InputError
from dcopt.problem.load import load

NUMBER_OF_ERRORS = {"unreached-site": 2, "jobs-in-a-circle": 2}
"""Where one mistake concerns two rows."""


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_base_problem_is_right(tmp_path: Path) -> None:
    problem = load(write_base(tmp_path / "base"))
    assert problem.name == "base"
    assert problem.warnings == ()
    assert problem.sites["oslo"].power_limit_kw == 500
    assert problem.user_lines["sites", "oslo"] == "sites.csv:3"
    assert problem.user_lines["offers", "nodes/mine/*"] == "offers.csv:4"


def test_corpus_is_large_and_its_names_are_unique() -> None:
    assert len(CORPUS) >= 50
    assert len({broken.name for broken in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("broken", CORPUS, ids=lambda broken: broken.name)
def test_broken_folder(broken: Broken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_base(tmp_path / "problem")
    broken.mutate(folder)
    with pytest.raises(InputError) as caught:
        load(folder)
    errors = caught.value.errors
    places = {(finding.file, finding.line, finding.column) for finding in errors}
    assert (broken.file, broken.line, broken.column) in places, str(caught.value)
    assert len(errors) == NUMBER_OF_ERRORS.get(broken.name, 1), str(caught.value)
    (finding,) = [each for each in errors if (each.line, each.column) == (broken.line, broken.column)]
    for word in broken.words:
        assert word in str(finding)
    assert "\n" not in str(finding)

    before = snapshot(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["check", str(folder), "--no-precheck"])
    assert result.exit_code == 2
    assert result.stdout == ""
    place = finding.file if finding.line is None else f"{finding.file}:{finding.line}"
    assert f"error: {place}" in result.stderr
    printable = "".join(char if char.isprintable() else repr(char)[1:-1] for char in finding.message)
    assert printable in result.stderr
    assert snapshot(tmp_path) == before


def test_ten_errors_at_once(tmp_path: Path) -> None:
    folder = write_base(tmp_path)
    for _, mutate in TEN_AT_ONCE:
        mutate(folder)
    with pytest.raises(InputError) as caught:
        load(folder)
    assert len(TEN_AT_ONCE) == 10
    assert sorted(finding.file for finding in caught.value.errors) == sorted(file for file, _ in TEN_AT_ONCE)
    order = [(finding.file, finding.line or 0) for finding in caught.value.findings]
    assert order == sorted(order)
    result = CliRunner().invoke(main, ["check", str(folder), "--no-precheck"])
    assert result.exit_code == 2
    assert "10 errors" in result.stderr


@pytest.mark.parametrize(
    ("mutate", "file", "line", "words"),
    [
        (recode("sites.csv", lambda data: b"\xef\xbb\xbf" + data), "sites.csv", 1, ("byte-order mark", "without BOM")),
        (recode("sites.csv", lambda data: data.replace(b"\n", b"\r\n")), "sites.csv", None, ("Windows line ends",)),
        (swap("sites.csv", "0.08", "0.9"), "sites.csv", 3, ("unusual", "0.01 and 0.5")),
        (swap("settings.csv", "pct,8", "pct,35"), "settings.csv", 4, ("unusual", "check the unit")),
        (swap("inference.csv", "500,50,,europe", ",,,europe"), "inference.csv", 2, ("nothing is promised",)),
        (append("offers.csv", "racks,air-15kw,rented,,,,,"), "offers.csv", 5, ("no effect",)),
        (append("offers.csv", "power,ups-100,oslo,,,,,"), "sites.csv", 3, ("no power part", "transformer")),
    ],
)
def test_warnings_do_not_stop(
    mutate: object, file: str, line: int | None, words: tuple[str, ...], tmp_path: Path
) -> None:
    folder = write_base(tmp_path)
    assert callable(mutate)
    mutate(folder)
    problem = load(folder)
    matching = [finding for finding in problem.warnings if (finding.file, finding.line) == (file, line)]
    assert any(all(word in str(finding) for word in words) for finding in matching), problem.warnings
    result = CliRunner().invoke(main, ["check", str(folder), "--no-precheck"])
    assert result.exit_code == 0
    assert "warning: " in result.stderr


def test_path_that_is_no_problem(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        load(tmp_path / "nowhere")
    put("notes.txt", b"text")(tmp_path)
    with pytest.raises(InputError, match="neither a folder"):
        load(tmp_path / "notes.txt")
    assert CliRunner().invoke(main, ["check", str(tmp_path / "nowhere")]).exit_code == 2


def test_other_files_are_ignored(tmp_path: Path) -> None:
    folder = write_base(tmp_path)
    for name in ("README.md", "corrections.csv", "lock.json", "._sites.csv", "notes/old.csv"):
        put(name, b"\x00")(folder)
    assert load(folder).warnings == ()


def test_check_as_json(tmp_path: Path) -> None:
    import json

    folder = write_base(tmp_path)
    right = CliRunner().invoke(main, ["check", str(folder), "--json"])
    assert right.exit_code == 0
    facts = json.loads(right.stdout)
    assert facts["ok"] is True
    assert [job["name"] for job in facts["training"]] == ["pretrain", "tune"]
    swap("sites.csv", "0.08", "x")(folder)
    wrong = CliRunner().invoke(main, ["check", str(folder), "--json"])
    assert wrong.exit_code == 2
    (finding,) = json.loads(wrong.stdout)["findings"]
    assert (finding["file"], finding["line"], finding["column"]) == ("sites.csv", 3, "electricity_usd_per_kwh")
