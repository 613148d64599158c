"""A pseudo-terminal around ``dcopt``: what a person at a keyboard sees and presses."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

PATIENCE_S = 300
"""After so long without the awaited text a test gives up; no result depends on it."""
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it, and so its children
from dcopt.cli.start import main
main()
"""


class Terminal:
    """``dcopt ARGUMENTS`` with its stderr on a terminal of its own; stdout goes to a file."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.stdout = folder / "stdout.txt"
        self.seen = ""
        self.master, slave = pty.openpty()
        with self.stdout.open("w", encoding="utf-8") as stdout:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *arguments],
                cwd=folder,
                stdin=slave,
                stdout=stdout,
                stderr=slave,
                env={**os.environ, "COLUMNS": "120"},
                start_new_session=True,
            )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)

    def read_until(self, *texts: str) -> None:
        """Read until one of ``texts`` was seen."""
        while not any(text in self.seen for text in texts):
            assert self._read(), f"ended without any of {texts}: {self.seen[-2000:]}"

    def press_ctrl_c(self) -> None:
        """Send what the terminal sends for Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def finish(self) -> int:
        """Read to the end and return the exit code."""
        while self._read():
            pass
        return self.process.wait(PATIENCE_S)

    def _read(self) -> bool:
        """Read what is there; False where there is nothing more to come."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            ready, _, _ = select.select([self.master], [], [], 1.0)
            if ready:
                try:
                    data = os.read(self.master, 65536)
                except OSError:  # Linux: the other side was closed
                    return False
                self.seen += data.decode("utf-8", "replace")
                return bool(data)
            assert time.monotonic() < deadline, f"nothing for {PATIENCE_S} s after: {self.seen[-2000:]}"
