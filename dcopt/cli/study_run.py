"""Running the scenarios of a study from the command line: progress, the files it keeps, and its exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcopt.cli.inputs import usage_error
from dcopt.cli.study_options import Asked, ProgressLine

if TYPE_CHECKING:
    from dcopt.report.blocks import Report
    from dcopt.study.records import Outcome, Scenario
    from dcopt.study.run import StudyResult

STOPPED = 3
"""Exit code of a study that Ctrl-C stopped; run again, it goes on."""
FAILED = 4
"""Exit code of a study of which scenarios failed."""


def run_asked(
    asked: Asked,
    kind: str,
    scenarios: Sequence[Scenario],
    details: dict[str, Any] | None = None,
    *,
    within: str = "",
) -> StudyResult:
    """Run scenarios as asked and write their tables; ``within`` is a folder in the study's own for a second part."""
    from dcopt.study.run import Study, run_study
    from dcopt.study.store import StudyFolderError
    from dcopt.study.tables import write_tables

    study = Study(kind, asked.problem, tuple(scenarios), asked.sets, asked.choices(), details or {})
    folder = None if asked.output is None else asked.output / within
    line = ProgressLine()
    try:
        result = run_study(study, folder, jobs=asked.jobs, dask=asked.dask, on_progress=line.show)
    except (StudyFolderError, RuntimeError) as error:
        usage_error(str(error))
    finally:
        line.clear()
    if folder is not None:
        _say_written(write_tables(result.outcomes, folder))
    return result


def _say_written(paths: Sequence[Path]) -> None:
    click.echo(f"wrote {', '.join(str(path) for path in paths)}", err=True)


def exit_of(results: Sequence[tuple[StudyResult, int]]) -> int:
    """Say what was not answered, and return the exit code; of each result with the number of its scenarios."""
    code = 0
    for result, count in results:
        for outcome in result.outcomes:
            if unanswered(outcome):
                click.echo(f"{outcome.scenario}: {outcome.status}: {outcome.reason}", err=True)
                code = code or FAILED
        if not result.complete:
            click.echo(f"stopped after {len(result.outcomes)} of {count} scenarios", err=True)
            code = STOPPED
    return code


def unanswered(outcome: Outcome) -> bool:
    """Whether a scenario has neither a design nor a proof that there is none."""
    return outcome.status in ("failed", "no_solution")


def shown(report: Report) -> str:
    """Return the report of a study as the terminal shows it, also by `dcopt report`."""
    import shutil
    import sys

    from dcopt.report.terminal import render_text

    return render_text(report, shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100).rstrip()
