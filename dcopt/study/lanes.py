"""Which process or worker solves which scenarios of a study.

Fresh solves need nothing of one another, so whoever is free takes the next. Warm ones are helped by their neighbours
(`dcopt.solve.neighbours`), which are in the memory of one process: each takes a block of scenarios that lie together,
from its ends inwards, and only when that is done one from the block of another, which has most left.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

from dcopt.study.order import spread
from dcopt.study.records import Scenario


class HasScenario(Protocol):
    """What is to be solved."""

    @property
    def scenario(self) -> Scenario:
        """The scenario that the task solves."""
        ...


T = TypeVar("T", bound=HasScenario)


class Lanes(Generic[T]):
    """The tasks that wait, by who is to take them; ``apart`` gives each of ``count`` a block of its own."""

    def __init__(self, tasks: Sequence[T], count: int, *, apart: bool) -> None:
        count = max(1, min(count, len(tasks)))
        self.queues: list[list[T]] = [list(tasks)]
        if apart:
            cuts = [len(tasks) * lane // count for lane in range(count + 1)]
            self.queues = [inwards(tasks[a:b]) for a, b in pairwise(cuts)]
        self.shares = [lane % len(self.queues) for lane in range(count)]

    def __len__(self) -> int:
        return sum(map(len, self.queues))

    @property
    def count(self) -> int:
        """How many can have a task at once."""
        return len(self.shares)

    def take(self, lane: int) -> T | None:
        """Return the next task of a lane, or the last one of whoever has most left; None where nothing waits."""
        own = self.queues[self.shares[lane % self.count]]
        if own:
            return own.pop(0)
        longest = max(self.queues, key=len)
        return longest.pop() if longest else None

    def put_back(self, lane: int, task: T) -> None:
        """Let a task wait again, as the next of its lane."""
        self.queues[self.shares[lane % self.count]].insert(0, task)

    def clear(self) -> None:
        """Let nothing wait."""
        for queue in self.queues:
            queue.clear()


def inwards(tasks: Sequence[T]) -> list[T]:
    """Return tasks in the order in which their scenarios help one another."""
    return [tasks[place] for place in spread([task.scenario for task in tasks])]
