"""Ctrl-C, obeyed only where it loses nothing.

Python raises ``KeyboardInterrupt`` wherever the main thread happens to be, so a Ctrl-C between the end of HiGHS and the
end of the writing would throw a finished design away. Inside `deferred` a Ctrl-C only leaves a note; the places that
may be interrupted say so with `heard`, and take the note up when they begin. Other threads hear of none: where work is
done side by side the main thread passes it on to each (`passed_on`), which takes it up at the same places.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class _State:
    """What the handler knows: whether Ctrl-C is deferred, may raise here, and was pressed."""

    def __init__(self) -> None:
        self.deferring = False
        self.hearing = False
        self.pressed = False
        self.raised = False

    def handle(self, signum: int, frame: FrameType | None) -> None:
        if self.hearing:
            self.raised = True
            raise KeyboardInterrupt
        self.pressed = True


_STATE = _State()


class _Passed(threading.local):
    """What a thread was told by the main one: that Ctrl-C was pressed, and whether it took that up."""

    told: threading.Event | None = None
    taken = False


_PASSED = _Passed()


@contextmanager
def passed_on(told: threading.Event) -> Iterator[None]:
    """In this thread, which is not the main one, take ``told`` for a Ctrl-C: the next `heard` place raises, once."""
    _PASSED.told, _PASSED.taken = told, False
    try:
        yield
    finally:
        _PASSED.told = None


def _take_up() -> None:
    """Raise in a thread that was told of a Ctrl-C and has not taken it up."""
    if _PASSED.told is not None and _PASSED.told.is_set() and not _PASSED.taken:
        _PASSED.taken = True
        raise KeyboardInterrupt


@contextmanager
def deferred() -> Iterator[None]:
    """Defer Ctrl-C to the `heard` places within; elsewhere than in the main thread, nested, or where whoever started
    the program has it ignored, change nothing.

    A Ctrl-C that no place took up is dropped at the end: what it could have stopped is finished.
    """
    elsewhere = threading.current_thread() is not threading.main_thread()
    if _STATE.deferring or elsewhere or signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        yield
        return
    _STATE.deferring, _STATE.hearing, _STATE.pressed = True, False, False
    previous = signal.signal(signal.SIGINT, _STATE.handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if previous is None else previous)
        _STATE.deferring = False


@contextmanager
def heard() -> Iterator[None]:
    """Let Ctrl-C raise within, an earlier deferred one at once; outside of `deferred`, change nothing.

    A library may catch the ``KeyboardInterrupt`` and raise an error of its own, or swallow it (Pyomo does both), so it
    is raised again when the block is left: what the block was making may be half made.

    Raises
    ------
    KeyboardInterrupt: Ctrl-C was pressed, now or while it was deferred.
    """
    if not _STATE.deferring or threading.current_thread() is not threading.main_thread():
        _take_up()
        yield
        return
    outer = _STATE.hearing
    try:
        _STATE.hearing, _STATE.raised = True, False
        if _STATE.pressed:
            _STATE.pressed = False
            raise KeyboardInterrupt
        yield
    except Exception:
        if not _STATE.raised:
            raise
    finally:
        _STATE.hearing = outer
    if _STATE.raised:
        _STATE.raised = False
        raise KeyboardInterrupt
