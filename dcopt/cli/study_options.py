"""What the commands of studies share: options, the progress line, and the words of their results."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcopt.cli.inputs import confidence_option, set_of
from dcopt.cli.text_table import terminal_width

if TYPE_CHECKING:
    from dcopt.study.records import Outcome, SolveChoices
    from dcopt.study.run import StudyProgress

TIGHT_GAP = 1e-6
"""Gap of studies that compare designs which differ by little."""


@dataclass(frozen=True)
class Asked:
    """What every command of a study may be asked: of which problem, how each scenario is solved, what is kept."""

    problem: Path
    sets: tuple[str, ...]
    output: Path | None
    time_limit: float | None
    gap: float | None
    seed: int
    as_json: bool
    jobs: int = 1
    dask: str | None = None
    warm: bool = False

    def choices(self, gap: float | None = None) -> SolveChoices:
        """Return how each scenario is solved: by one thread, so that it can be repeated; to ``gap`` by default."""
        from dcopt.study.records import SolveChoices

        given = gap if self.gap is None else self.gap
        return SolveChoices(time_limit_s=self.time_limit, gap=given, threads=1, seed=self.seed, warm=self.warm)


_SOLVING = (
    click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder that keeps the study."),
    click.option("--set", "sets", multiple=True, metavar="TABLE.NAME.COLUMN=VALUE", help="Change cells first."),
    confidence_option,
    click.option("--time-limit", type=click.FloatRange(min=0, min_open=True), help="Seconds a scenario."),
    click.option("--gap", type=click.FloatRange(min=0, max=1), help="Relative gap of each scenario."),
    click.option("--seed", type=click.IntRange(min=0), default=0, help="Random seed of solver and samples."),
    click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON."),
)
_RUNNING = (
    click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes."),
    click.option("--dask", metavar="tcp://HOST:PORT", help="Run on this Dask cluster instead."),
    click.option("--warm", is_flag=True, help="Use the solves before: faster, the same within the gap."),
)


def study_command(name: str, *, runs: bool = False) -> Callable[[Callable[..., None]], click.Command]:
    """Return a decorator that makes a command of a function of (`Asked`, options of its own).

    ``runs`` adds the options of studies whose scenarios are all known beforehand, so that several can run at once.
    """
    shared = ("problem", *(field.name for field in fields(Asked) if field.name != "problem"))

    def decorate(function: Callable[..., None]) -> click.Command:
        @wraps(function)
        def run(**options: Any) -> None:
            options["sets"] = (*options["sets"], *set_of(options.pop("confidence")))
            asked = Asked(**{key: options.pop(key) for key in shared if key in options})
            function(asked, **options)

        decorated: Any = run
        for option in reversed((*_SOLVING, *(_RUNNING if runs else ()))):
            decorated = option(decorated)
        own = getattr(decorated, "__click_params__", [])
        own.sort(key=lambda parameter: parameter.name in (*shared, "confidence"))
        decorated = click.argument("problem", type=click.Path(path_type=Path))(decorated)
        return click.command(name)(decorated)

    return decorate


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
