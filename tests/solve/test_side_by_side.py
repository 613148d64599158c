"""Work done beside other work: its result, its failure, and that it is stopped."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from dcopt.solve.interrupt import deferred, heard
from dcopt.solve.side_by_side import Begun, side_by_side


@pytest.fixture
def at_a_keyboard() -> Iterator[None]:
    """Ctrl-C as at a keyboard: a background job of a shell, and so its tests, would ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def until_stopped(begun: threading.Event) -> Callable[[], str]:
    def work() -> str:
        try:
            while True:
                with heard():
                    begun.set()
                    threading.Event().wait(0.001)
        except KeyboardInterrupt:
            return "stopped"

    return work


def test_what_was_begun_goes_on_beside_this_thread() -> None:
    asked, answered = threading.Event(), threading.Event()

    def work() -> int:
        asked.wait()
        answered.set()
        return 7

    begun = Begun(work)
    asked.set()
    answered.wait()
    assert begun.result() == 7
    assert begun.result() == 7


def test_a_failure_is_raised_where_the_result_is_asked_for() -> None:
    def work() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Begun(work).result()


def test_what_is_given_up_is_told_as_by_ctrl_c_and_has_ended() -> None:
    running = threading.Event()
    begun = Begun(until_stopped(running))
    running.wait()
    begun.give_up()
    assert begun.ended.is_set()
    assert begun.result() == "stopped"


@pytest.mark.usefixtures("at_a_keyboard")
def test_ctrl_c_in_this_thread_reaches_the_other() -> None:
    running = threading.Event()
    with deferred():
        begun = Begun(until_stopped(running))
        running.wait()
        signal.raise_signal(signal.SIGINT)
        assert begun.result() == "stopped"


def test_results_come_in_the_order_of_the_work() -> None:
    first_may_end = threading.Event()

    def first() -> str:
        first_may_end.wait()
        return "first"

    def second() -> str:
        first_may_end.set()
        return "second"

    assert side_by_side([first, second], 2) == ["first", "second"]
