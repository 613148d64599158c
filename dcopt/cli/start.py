"""Where the program ``dcopt`` begins: Ctrl-C has an answer before anything heavy is imported."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 4
"""Exit code of a command that Ctrl-C stopped before it had a result."""
WORDS = "interrupted; nothing was written"


def main() -> None:
    """Run the command line. A Ctrl-C while it is still imported ends the process with a word and no traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from dcopt.cli.main import main as command

    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command(prog_name="dcopt")
    except SystemExit as ended:
        _leave_what_still_runs(ended.code)
        raise


def _leave_what_still_runs(code: str | int | None) -> None:
    """End at once where HiGHS still runs in a thread after Ctrl-C: Python would wait for it, or stop under its feet."""
    session = sys.modules.get("dcopt.solve.session")
    if session is not None and session.still_runs():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _leave(signum: int, frame: FrameType | None) -> None:
    """End at once: an exception here would surface as that of the module which is being imported."""
    sys.stderr.write(f"{WORDS}\n")
    sys.stderr.flush()
    os._exit(INTERRUPTED)
