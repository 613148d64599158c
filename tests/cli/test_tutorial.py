"""The tutorial's commands, in their order, in one folder; the notebook; every example of every command's help."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import click
import pytest
from cli_inputs import dcopt, write_tiny

from dcopt.cli.main import COMMANDS, main
from dcopt.problem.locate import examples_dir

DATA = examples_dir().parent
TUTORIAL = DATA / "tutorial.md"
NOTEBOOK = examples_dir() / "first-steps.ipynb"


def commands_of(text: str) -> list[str]:
    return re.findall(r"^    (dcopt .*)$", text, re.M)


def test_the_tutorial_works_word_for_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = commands_of(TUTORIAL.read_text(encoding="utf-8"))
    assert len(commands) >= 9
    seen = []
    for command in commands:
        if "--quotes" in command:
            first = (tmp_path / "bert-run" / "bom.csv").read_text(encoding="utf-8").splitlines()[1].split(",")
            text = f"table,item,price_usd\n{first[3]},{first[4]},{0.9 * float(first[6])}\n"
            (tmp_path / "quotes.csv").write_text(text, encoding="utf-8")
        brief = ["--time-limit", "10"] if command.startswith("dcopt explain") else []  # two minutes by default
        result = dcopt(*shlex.split(command)[1:], *brief)
        assert result.exit_code == (1 if "latency_ms=0.01" in command else 0), f"{command}\n{result.output}"
        seen.append(command.split()[1])
    assert {"init", "check", "solve", "report", "bom", "verify", "explain"} <= set(seen)
    assert (tmp_path / "bert.md").is_file()


def test_the_error_of_the_tutorial_looks_so(tmp_path: Path) -> None:
    shown = re.search(r"^    error: (.*?): power_limit_kw '6O': (.*?);", TUTORIAL.read_text(encoding="utf-8"), re.M)
    assert shown is not None
    text = "# comment\nname,power_limit_kw,electricity_usd_per_kwh\nserver-room,6O,0.13\n"
    result = dcopt("check", write_tiny(tmp_path / "p", sites=text))
    assert f"error: {shown[1]}: power_limit_kw '6O': {shown[2]}" in result.stderr
    assert " 3 | server-room,6O,0.13\n   |             ^^\n" in result.stderr


def test_the_notebook_runs(tmp_path: Path) -> None:
    program = (
        "import sys, nbformat; from nbclient import NotebookClient; "
        "book = nbformat.read(sys.argv[1], as_version=4); "
        "NotebookClient(book, timeout=300, kernel_name='python3').execute(); "
        "print(sum(len(cell.get('outputs', ())) for cell in book.cells))"
    )
    folder = os.pathsep.join(filter(None, (str(DATA.parent), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": folder, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(NOTEBOOK)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) >= 4


def examples_of(name: str) -> list[str]:
    """Return the commands of the example in the help of a command."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    lines = (command.help or "").split("Example:")
    assert len(lines) == 2, f"{name}: its help has no example"
    found = []
    for line in lines[1].splitlines():
        if line.strip() and not line.strip().startswith("dcopt "):
            break
        if line.strip():
            found.append(line.strip())
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with problems and runs of the names that the examples use, each solved in a moment."""
    folder = tmp_path_factory.mktemp("examples")
    rows = "name,model,peak_requests_per_s,input_tokens,latency_ms\n"
    write_tiny(folder / "bert", inference=f"{rows}sentiment,bert-base,200,128,100\n")
    offers = "table,name,price_usd\nnodes,l4-4,\nnodes,t4-4,\nnodes,mi300x-8,\nfabrics,none,\n"
    strays = "table,name,column,distribution,low,high\ninference,chat,peak_requests_per_s,uniform,0.8,1.2\n"
    futures = "scenario,table,name,column,operation,value\n"
    futures += "".join(
        f"{name},inference,chat,peak_requests_per_s,factor,{f}\n" for name, f in (("less", 0.8), ("more", 1.2))
    )
    (folder / "futures.csv").write_text(futures, encoding="utf-8")
    write_tiny(folder / "chat", inference=f"{rows}chat,bert-base,200,128,100\n", offers=offers, uncertainty=strays)
    training = "name,model,tokens,sequence_length,global_batch,deadline_days\ngpt3,bert-base,1e8,128,256,30\n"
    write_tiny(folder / "gpt3", training=training)
    for name in ("bert", "chat"):
        assert dcopt("solve", folder / name, "-o", folder / f"{name}-run", "--no-baseline").exit_code == 0
    vary = "settings.discount_rate_pct=5:9:2"
    assert dcopt("sensitivity", folder / "bert", "--vary", vary, "-o", folder / "bert-study").exit_code == 0
    vendor = (folder / "chat-run" / "bom.csv").read_text(encoding="utf-8")
    (folder / "vendor-bom.csv").write_text(vendor, encoding="utf-8")
    trace = "TIMESTAMP,ContextTokens,GeneratedTokens\n1,10,5\n2,20,6\n3,30,7\n"
    (folder / "trace.csv").write_text(trace, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_example_of_a_command_works(
    name: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    for path in place.iterdir():  # each example has a place of its own
        (shutil.copytree if path.is_dir() else shutil.copyfile)(path, tmp_path / path.name)
    monkeypatch.chdir(tmp_path)
    for command in examples_of(name):
        words = shlex.split(command.partition(" > ")[0])[1:]
        words = [FEW if before in ("-n", "--check", "--regret") else word for before, word in pairwise(["", *words])]
        if name == "solve":
            if "--quotes" in words:
                _fill_in(tmp_path / "bert-run" / "bom.xlsx")
            elif "bert-run" in words:
                shutil.rmtree(tmp_path / "bert-run", ignore_errors=True)
        if name == "init":
            shutil.rmtree(tmp_path / "bert", ignore_errors=True)
        result = dcopt(*words)
        answered = {0, 1} if name in ("pareto", "breakeven", "explain") else {0}
        assert result.exit_code in answered, f"{command}\n{result.output}"
        assert result.stdout or result.stderr


FEW = "2"
"""Samples in place of the hundreds of an example."""


def _fill_in(path: Path) -> None:
    from openpyxl import load_workbook

    book = load_workbook(path)
    sheet = next(sheet for sheet in book if sheet.title.endswith(" nodes"))
    sheet["G2"] = sheet["F2"].value * 0.9
    book.save(path)
