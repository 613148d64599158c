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
    command(prog_name="dcopt")


def _leave(signum: int, frame: FrameType | None) -> None:
    """End at once: an exception here would surface as that of the module which is being imported."""
    sys.stderr.write(f"{WORDS}\n")
    sys.stderr.flush()
    os._exit(INTERRUPTED)
