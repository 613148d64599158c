"""Ctrl-C and the live line of progress, on a terminal: what was found is kept, whenever the key is pressed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pseudo_terminal import Terminal

from dcopt.cli.main import main
from dcopt.problem.locate import examples_dir
from dcopt.solve.interrupt import deferred, heard

FOUND = "gap "
"""The line of progress shows a gap once there is an incumbent and a bound."""


@pytest.mark.parametrize(
    ("seen", "codes"),
    [
        (("candidates:",), {4}),
        (("program:",), {0, 3, 4}),
        (("incumbent none yet", FOUND), {0, 3, 4}),
        ((FOUND,), {0, 3}),
        (("baseline:",), {0}),
        (("residual value",), {0}),
        (("writing and verifying",), {0}),
    ],
    ids=["candidates", "building", "before an incumbent", "with an incumbent", "baseline", "residual value", "writing"],
)
def test_ctrl_c_keeps_what_was_found(seen: tuple[str, ...], codes: set[int], tmp_path: Path) -> None:
    gap = "1e-2" if codes == {0} else "0"  # whether the search is to be over
    problem = str(examples_dir() / "bert-question-answering")
    arguments = ("solve", problem, "-o", "run", "--gap", gap, "--time-limit", "3000")
    with Terminal(tmp_path, *arguments) as terminal:
        terminal.read_until(*seen)
        terminal.press_ctrl_c()
        code = terminal.finish()
    assert code in codes, terminal.seen
    assert "Traceback" not in terminal.seen
    assert "\r\x1b[2K" in terminal.seen
    design: dict[str, Any] = json.loads((tmp_path / "run" / "design.json").read_text(encoding="utf-8"))
    assert design["status"] == {0: "optimal", 3: "feasible", 4: "no_solution"}[code]
    if code == 3:
        assert "Ctrl-C keeps the incumbent" in terminal.seen
        assert design["stopped_by"] == "interrupted"
        assert design["gap"] > 0
    if code != 4:
        assert "numbers recomputed from the inputs" in terminal.seen
        assert "wrote run" in terminal.seen
    assert (tmp_path / "run" / "solver.log").is_file()
    assert (tmp_path / "run" / "inputs" / "lock.json").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "stdout.txt"]


def test_ctrl_c_before_anything_began_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    def pressed(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dcopt.problem.load.load", pressed)
    result = CliRunner().invoke(main, ["check", "anything"])
    assert result.exit_code == 4
    assert result.stderr == "interrupted; nothing was written\n"


@pytest.mark.usefixtures("at_a_keyboard")
def test_ctrl_c_during_an_import_is_not_an_import_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    def initialize(*arguments: Any) -> None:
        press_and_rename(ImportError("initialization failed"))

    monkeypatch.setattr("dcopt.problem.load.load", initialize)
    result = CliRunner().invoke(main, ["check", "anything"])
    assert result.exit_code == 4
    assert result.stderr == "interrupted; nothing was written\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


DURING_IMPORTS = """
import builtins, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
real = builtins.__import__
def pressed(name, *rest):
    if name == "click":
        builtins.__import__ = real
        signal.raise_signal(signal.SIGINT)
    return real(name, *rest)
builtins.__import__ = pressed
from dcopt.cli.start import main
main()
"""


def test_ctrl_c_while_the_program_is_imported_is_a_word_and_no_traceback() -> None:
    ended = subprocess.run([sys.executable, "-c", DURING_IMPORTS], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (4, "", "interrupted; nothing was written\n")


@pytest.fixture
def at_a_keyboard() -> Iterator[None]:
    """Ctrl-C as at a keyboard: a background job of a shell, and so its tests, would ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def press_and_rename(error: Exception) -> None:
    """Press Ctrl-C in a library that turns it into an error of its own."""
    try:
        press()
    except KeyboardInterrupt:
        raise error from None


def test_an_ignored_ctrl_c_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with deferred(), heard():
            press()
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("at_a_keyboard")
def test_a_deferred_ctrl_c_waits_for_a_place_that_hears_it() -> None:
    reached = []
    with deferred():
        press()
        reached.append("after the press")
        with pytest.raises(KeyboardInterrupt), heard():
            reached.append("not reached")
        with heard():
            reached.append("heard once")
        with pytest.raises(KeyboardInterrupt), heard():
            press()
        press()
        reached.append("the end")
    assert reached == ["after the press", "heard once", "the end"]
    with pytest.raises(KeyboardInterrupt):
        press()


@pytest.mark.usefixtures("at_a_keyboard")
def test_a_ctrl_c_that_a_library_swallows_or_renames_is_still_one() -> None:
    """Pyomo's setters catch everything, log, and may fail themselves with a DeveloperError."""
    reached = []
    with deferred():
        with pytest.raises(KeyboardInterrupt), heard(), suppress(KeyboardInterrupt):
            press()
        with pytest.raises(KeyboardInterrupt), heard():
            press_and_rename(RuntimeError("out of sync"))
        with pytest.raises(RuntimeError), heard():
            raise RuntimeError("nobody pressed a key")
        with heard():
            reached.append("nothing left over")
    assert reached == ["nothing left over"]


def test_deferring_is_for_the_main_thread_alone() -> None:
    handler = signal.getsignal(signal.SIGINT)
    seen = []

    def elsewhere() -> None:
        with deferred(), heard():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [handler]


STILL_RUNNING = """
import sys, threading, time
import dcopt.cli.main
from dcopt.solve import session
def command(prog_name):
    thread = threading.Thread(target=time.sleep, args=(600,))
    thread.start()
    session._ABANDONED.append(thread)
    print("said")
    sys.exit(4)
dcopt.cli.main.main = command
from dcopt.cli.start import main
main()
"""


def test_a_solver_that_runs_on_after_ctrl_c_is_not_waited_for() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", STILL_RUNNING], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (4, "said\n", "")
