"""Ctrl-C at random moments of a solve: an answer or a clear word within 3 s, never a traceback.

    python tests/benchmarks/interrupted_solves.py [SIZE] [PRESSES] [SEED]

L, 10 presses, seed 0. Each press comes in the next of the phases that `dcopt solve` tells of on its terminal (start-up,
candidates, building, root relaxation, tree, writing), after a random part of the seconds that it may wait there. It
prints for each press the phase, how long the process took to end by the clock and in CPU seconds, its exit code and its
last words, and ends with 1 where one was late by both, was silent, showed a traceback, or lost a design that it had
shown.
"""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "cli")]

from instances import write_instance  # noqa: E402
from pseudo_terminal import Terminal  # noqa: E402

WITHIN_S = 3.0
PHASES: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("start-up", (), 0.6),
    ("candidates", ("candidates:",), 15.0),
    ("building", ("program:",), 3.0),
    ("root relaxation", ("incumbent none yet", "gap "), 5.0),
    ("tree", ("gap ",), 20.0),
    ("writing", ("writing and verifying",), 0.5),
)
"""(name, what the terminal shows when it begins, seconds up to which the press may wait)."""
SPOKEN = re.compile(r"interrupted|stopped|wrote |design", re.IGNORECASE)
CODES = {0, 3, 4}
NO_DESIGN = 4
SHOWN = re.compile(r"incumbent\s+[^a-z\s]")
"""What the terminal shows from the first design on: a solve that ends without one after that has lost it."""
KILLED = -signal.SIGINT
"""While Python itself starts, before the first line of dcopt, Ctrl-C ends any program in Python's own way."""
TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def pressed(problem: Path, folder: Path, phase: str, wait_s: float) -> tuple[float, float, int, str]:
    """Press Ctrl-C ``wait_s`` into a phase; return the seconds and CPU seconds to the end, the code and all words."""
    texts = next(texts for name, texts, _ in PHASES if name == phase)
    options = ["--gap", "0", "--no-simulate", "--time-limit", "120" if phase != "writing" else "20"]
    with Terminal(folder, "solve", str(problem), "-o", "run", "--threads", "1", *options) as terminal:
        if texts:
            terminal.read_until(*texts)
        until = time.monotonic() + wait_s
        while time.monotonic() < until and terminal.process.poll() is None:
            time.sleep(0.02)
        begun, cpu_s, before_s = time.monotonic(), _cpu_of(terminal.process.pid), _cpu_of_ended()
        terminal.press_ctrl_c()
        code = terminal.finish()
        took, used = time.monotonic() - begun, _cpu_of_ended() - before_s - cpu_s
        printed = terminal.stdout.read_text(encoding="utf-8")
    return took, used, code, TERMINAL_CODES.sub("", terminal.seen) + printed


def _cpu_of(pid: int) -> float:
    """Return the CPU seconds that a running process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _cpu_of_ended() -> float:
    """Return the CPU seconds of all processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main(size: str, presses: int, seed: int) -> int:
    """Press in one phase after the other; return the exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # else those who start it ignored would ignore it too
    draw, bad = random.Random(seed), 0
    with tempfile.TemporaryDirectory() as place:
        problem = write_instance(Path(place), size, 1)
        for number in range(presses):
            phase, _, most_s = PHASES[number % len(PHASES)]
            folder = Path(place) / f"press-{number}"
            folder.mkdir()
            wait_s = draw.uniform(0, most_s)
            try:
                took, used, code, words = pressed(problem, folder, phase, wait_s)
            except AssertionError:
                print(f"{phase:15} was not reached before the solve ended", flush=True)
                continue
            at_once = phase == "start-up" and code == KILLED and "dcopt" not in words
            faults = ["traceback"] * ("Traceback" in words and not at_once) + ["silent"] * (
                not at_once and not SPOKEN.search(words)
            )
            faults += ["late"] * (min(took, used) > WITHIN_S) + [f"code {code}"] * (not at_once and code not in CODES)
            faults += ["lost its design"] * (code == NO_DESIGN and bool(SHOWN.search(words)))
            bad += bool(faults)
            last = [line.strip() for line in words.splitlines() if line.strip()][-1:] or [""]
            end = f"ended in {took:4.1f} s, CPU {used:4.1f} s, code {code}"
            print(f"{phase:15} +{wait_s:4.1f} s: {end}, {last[0][:80]} {faults or ''}", flush=True)
            if "traceback" in faults:
                print(words[-3000:])
    return 1 if bad else 0


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(main(given[0] if given else "L", *(int(given[k]) if len(given) > k else d for k, d in ((1, 10), (2, 0)))))
