"""Work done side by side in threads: HiGHS leaves Python's lock to the others while it solves.

What Python itself does (stating a program, reading its answer) gains nothing from that. A process for each would, but
would have to state again what is stated here, and threads share what they find.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from dcopt.solve.interrupt import heard, passed_on
from dcopt.solve.session import TICK_S, SolveOptions

T = TypeVar("T")


def lanes_of(options: SolveOptions) -> int:
    """Return how many pieces of work may be done at once: as many as threads are allowed, or as there are cores."""
    return options.threads or len(os.sched_getaffinity(0))


def side_by_side(work: Sequence[Callable[[], T]], lanes: int) -> list[T]:
    """Do each piece of ``work``, at most ``lanes`` at once, and return what they lead to, in their order.

    One lane is this thread itself. Ctrl-C is passed on to every piece that is being done, and to those after it when
    they begin.

    Raises
    ------
    what a piece of work raises, once all have ended. KeyboardInterrupt: a second Ctrl-C.
    """
    if lanes <= 1 or len(work) <= 1:
        return [piece() for piece in work]
    return _Lanes(work).done(min(lanes, len(work)))


class Begun(Generic[T]):
    """A piece of work that was begun in a thread of its own, beside what this thread does until it asks for it."""

    def __init__(self, piece: Callable[[], T]) -> None:
        self.piece = piece
        self.found: list[T] = []
        self.failure: BaseException | None = None
        self.told, self.ended = threading.Event(), threading.Event()
        threading.Thread(target=self._do, name="beside", daemon=True).start()

    def result(self) -> T:
        """Wait for what it leads to; Ctrl-C is passed on to it.

        Raises
        ------
        what the work raises. KeyboardInterrupt: a second Ctrl-C.
        """
        _wait_for(self.ended, self.told)
        if self.failure is not None:
            raise self.failure
        return self.found[0]

    def give_up(self) -> None:
        """Stop it as Ctrl-C would, and wait until it has ended; what it led to is lost."""
        self.told.set()
        self.ended.wait()

    def _do(self) -> None:
        try:
            with passed_on(self.told):
                self.found.append(self.piece())
        except BaseException as error:  # handed to the thread that waits, which raises it
            self.failure = error
        finally:
            self.ended.set()


def _wait_for(ended: threading.Event, told: threading.Event) -> None:
    """Wait for an event; the first Ctrl-C is passed on by ``told``, a second one raises KeyboardInterrupt."""
    while not ended.is_set():
        try:
            with heard():
                ended.wait(TICK_S)
        except KeyboardInterrupt:
            if told.is_set():
                raise
            told.set()


class _Lanes(Generic[T]):
    """The lanes, and what is left to be done."""

    def __init__(self, work: Sequence[Callable[[], T]]) -> None:
        self.left = list(enumerate(work))[::-1]
        self.results: dict[int, T] = {}
        self.failures: dict[int, BaseException] = {}
        self.told = threading.Event()
        self.lock = threading.Lock()

    def done(self, lanes: int) -> list[T]:
        """Do all of it."""
        ended = [threading.Event() for _ in range(lanes)]
        for event in ended:
            threading.Thread(target=self._lane, args=(event,), name="lane", daemon=True).start()
        for event in ended:
            _wait_for(event, self.told)
        for failure in self.failures.values():
            raise failure
        return [self.results[number] for number in sorted(self.results)]

    def _lane(self, ended: threading.Event) -> None:
        try:
            while True:
                with self.lock:
                    if not self.left:
                        return
                    number, piece = self.left.pop()
                self._one(number, piece)
        finally:
            ended.set()

    def _one(self, number: int, piece: Callable[[], T]) -> None:
        try:
            with passed_on(self.told):
                self.results[number] = piece()
        except BaseException as error:  # handed to the thread that waits, which raises it
            self.failures[number] = error
