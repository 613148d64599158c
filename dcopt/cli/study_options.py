"""What the commands of studies share: options, the progress line, and the words of their results."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dcopt.cli.text_table import terminal_width

if TYPE_CHECKING:
    from dcopt.study.records import Outcome, SolveChoices
    from dcopt.study.run import StudyProgress

F = TypeVar("F", bound=Callable[..., Any])

TIGHT_GAP = 1e-6
"""Gap of studies that compare designs which differ by little."""


def solve_options(command: F) -> F:
    """Add the options on how each scenario is solved, and where the study is kept."""
    for option in reversed(
        (
            click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder that keeps the study."),
            click.option("--set", "sets", multiple=True, metavar="TABLE.NAME.COLUMN=VALUE", help="Change cells first."),
            click.option("--time-limit", type=click.FloatRange(min=0, min_open=True), help="Seconds a scenario."),
            click.option("--gap", type=click.FloatRange(min=0, max=1), help="Relative gap of each scenario."),
            click.option("--seed", type=click.IntRange(min=0), default=0, help="Random seed of solver and samples."),
        )
    ):
        command = option(command)
    return command


def choices_of(time_limit: float | None, gap: float | None, seed: int) -> SolveChoices:
    """Return how each scenario is solved: by one thread, so that it can be repeated."""
    from dcopt.study.records import SolveChoices

    return SolveChoices(time_limit_s=time_limit, gap=gap, threads=1, seed=seed)


def millions(value: float | None) -> str:
    """Write an amount in a table of a study."""
    return "" if value is None else f"{value:,.0f}"


class ProgressLine:
    """One line on a terminal, refreshed in place; nothing where stderr is not a terminal."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()

    def show(self, progress: StudyProgress) -> None:
        """Show how many scenarios are done, how long the rest takes, and the cheapest and dearest so far."""
        eta = "" if progress.eta_s is None else f"  {_duration(progress.eta_s)} left"
        failed = f"  {progress.failed} failed" if progress.failed else ""
        best = ""
        if progress.best is not None and progress.worst is not None:
            low, high = (o.figures.get("objective_value") for o in (progress.best, progress.worst))
            best = f"  best {millions(low)}, worst {millions(high)}"
        self.write(
            f"  {progress.done} of {progress.total} scenarios{eta}{failed}{best}  (Ctrl-C stops; run again to go on)"
        )

    def outcome(self, outcome: Outcome) -> None:
        """Show the scenario that was answered last."""
        self.write(f"  {outcome.scenario}: {outcome.status} {millions(outcome.figures.get('tco_usd'))}")

    def write(self, line: str) -> None:
        """Put a line in place of the last one."""
        if self.live:
            sys.stderr.write(f"\r\x1b[2K{line[: max(20, terminal_width() - 1)]}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self.live:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
