"""``dcopt sensitivity``: solve a problem again and again with other inputs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcopt.cli.inputs import BAD_INPUT, exit_with, load_or_exit, usage_error
from dcopt.cli.study_options import ProgressLine, choices_of, solve_options

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem
    from dcopt.study.records import Scenario

STOPPED = 3
"""Exit code of a study that Ctrl-C stopped; run again, it goes on."""
FAILED = 4
"""Exit code of a study of which scenarios failed."""


@click.command("sensitivity")
@click.argument("problem", type=click.Path(path_type=Path))
@click.option("--vary", "varied", multiple=True, metavar="CELL=LOW:HIGH:COUNT", help="A cell and its values (a grid).")
@click.option("--scenarios", "file", type=click.Path(path_type=Path), help="A file like scenarios.csv.")
@click.option("--tornado", is_flag=True, help="Each cell of uncertainty.csv, low and high, one at a time.")
@click.option("--sample", type=click.Choice(["lhs", "sobol", "random"]), help="Draw from uncertainty.csv.")
@click.option("-n", "--count", type=click.IntRange(min=1), default=100, show_default=True, help="Samples to draw.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@click.option("--dask", metavar="tcp://HOST:PORT", help="Run on this Dask cluster instead.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcomes as JSON.")
@solve_options
def command(
    problem: Path,
    varied: tuple[str, ...],
    file: Path | None,
    tornado: bool,
    sample: str | None,
    count: int,
    jobs: int,
    dask: str | None,
    as_json: bool,
    output: Path | None,
    sets: tuple[str, ...],
    time_limit: float | None,
    gap: float | None,
    seed: int,
) -> None:
    """Solve PROBLEM with other inputs and show what the cost and the decision depend on.

    Give one of --vary (a grid over all that are given), --scenarios (or the problem's own scenarios.csv when nothing
    else is asked), --tornado or --sample. With -o every outcome is kept the moment it is known: the same command run
    again goes on where it stopped.

    \b
    Example: dcopt sensitivity chat --vary 'sites.*.electricity_usd_per_kwh=0.04:0.20:9'
             dcopt sensitivity chat --vary 'inference.chat.peak_requests_per_s*=0.5:2:4' --jobs 2 -o chat-study

    Exit codes: 0 all scenarios were answered, 2 bad input, 3 stopped by Ctrl-C, 4 some scenarios failed.
    """
    loaded = load_or_exit(problem, sets)
    kind, scenarios = _scenarios(loaded, varied, file, tornado, sample, count, seed)
    if kind == "grid":
        load_or_exit(problem, (*sets, *scenarios[0].sets))
    from dcopt.study.run import Study, run_study
    from dcopt.study.store import StudyFolderError

    study = Study(kind, problem, scenarios, sets, choices_of(time_limit, gap, seed))
    line = ProgressLine()
    try:
        result = run_study(study, output, jobs=jobs, dask=dask, on_progress=line.show)
    except (StudyFolderError, RuntimeError) as error:
        usage_error(str(error))
    finally:
        line.clear()
    if output is not None:
        from dcopt.study.tables import write_tables

        paths = write_tables(result.outcomes, output)
        click.echo(f"wrote {', '.join(str(path) for path in paths)}", err=True)
    if as_json:
        import json

        click.echo(json.dumps([outcome.row() for outcome in result.outcomes], indent=1))
    else:
        from dcopt.cli.study_text import study_text

        click.echo(study_text(kind, result.outcomes))
    if not result.complete:
        click.echo(f"stopped after {len(result.outcomes)} of {len(scenarios)} scenarios", err=True)
        sys.exit(STOPPED)
    failed = [outcome for outcome in result.outcomes if outcome.status in ("failed", "no_solution")]
    for outcome in failed:
        click.echo(f"{outcome.scenario}: {outcome.status}: {outcome.reason}", err=True)
    sys.exit(FAILED if failed else 0)


def _scenarios(
    loaded: Problem,
    varied: tuple[str, ...],
    file: Path | None,
    tornado: bool,
    sample: str | None,
    count: int,
    seed: int,
) -> tuple[str, tuple[Scenario, ...]]:
    """Return the kind of study and its scenarios; bad or contradicting options end the command with code 2."""
    from dcopt.problem.findings import InputError
    from dcopt.study.distributions import sample_scenarios
    from dcopt.study.grid import VaryError, grid, parse_vary, read_scenarios, scenarios_of
    from dcopt.study.tornado import tornado_scenarios

    if sum(map(bool, (varied, file, tornado, sample))) > 1:
        usage_error("give one of --vary, --scenarios, --tornado and --sample")
    cells = tuple(loaded.uncertainty.values())
    if (tornado or sample) and not cells:
        usage_error("nothing is uncertain: write uncertainty.csv into the problem (data/README.md has its columns)")
    try:
        if varied:
            return "grid", grid([parse_vary(text) for text in varied])
        if tornado:
            return "tornado", tornado_scenarios(cells)
        if sample:
            return "sample", sample_scenarios(cells, count, sample, seed)  # type: ignore[arg-type]
        if file is not None:
            return "scenarios", read_scenarios(file)
    except InputError as error:
        exit_with(error.findings)
    except (VaryError, ValueError) as error:
        usage_error(str(error))
    if loaded.scenarios:
        return "scenarios", scenarios_of(loaded.scenarios.values())
    click.echo("error: nothing to vary: give --vary, --scenarios, --tornado or --sample", err=True)
    sys.exit(BAD_INPUT)
