"""``dcopt solve``: find the cheapest design that keeps every promise."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcopt.cli.inputs import confidence_option, exit_with, load_or_exit, set_of, usage_error
from dcopt.cli.live import SolveScreen

if TYPE_CHECKING:
    from dcopt.pipeline.main_job import Finished
    from dcopt.pipeline.run import RunOptions
    from dcopt.problem.problem import Problem


@click.command("solve")
@click.argument("problem", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder to write (default: ./PROBLEM-run).")
@click.option("--force", is_flag=True, help="Replace an existing RUN folder.")
@click.option("--time-limit", type=click.FloatRange(min=0, min_open=True), help="Seconds that the solver may take.")
@click.option("--gap", type=click.FloatRange(min=0, max=1), help="Relative gap at which the solver may stop.")
@click.option("--objective", type=click.Choice(["tco", "capex", "energy", "carbon"]), help="What is minimized.")
@click.option("--set", "sets", multiple=True, metavar="TABLE.NAME.COLUMN=VALUE", help="Change cells first.")
@confidence_option
@click.option(
    "--quotes", type=click.Path(path_type=Path), metavar="FILE", help="Prices of vendors: a filled-in bom.xlsx or .csv."
)
@click.option("--threads", type=click.IntRange(min=0), default=0, help="Threads of the solver (0: it decides).")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Random seed of the solver.")
@click.option("--no-baseline", is_flag=True, help="Do not solve for the one-node, one-fabric baseline.")
@click.option(
    "--foresight",
    metavar="perfect|rolling:N",
    default="perfect",
    help="Know the whole horizon, or decide each purchase knowing N years ahead and say what that costs.",
)
@click.option("--no-simulate", is_flag=True, help="Do not simulate the services and correct their rates.")
@click.option("--with", "with_function", metavar="FILE.py:FUNCTION", help="Constraints of your own.")
@click.option("--explain", is_flag=True, help="Explain the design afterwards, as 'dcopt explain RUN' does.")
@click.option("--json", "as_json", is_flag=True, help="Print the design as JSON instead of the report.")
def command(
    problem: Path,
    output: Path | None,
    force: bool,
    time_limit: float | None,
    gap: float | None,
    objective: str | None,
    sets: tuple[str, ...],
    confidence: float | None,
    quotes: Path | None,
    threads: int,
    seed: int,
    no_baseline: bool,
    foresight: str,
    no_simulate: bool,
    with_function: str | None,
    explain: bool,
    as_json: bool,
) -> None:
    """Find the cheapest design that keeps every promise of PROBLEM, prove it, and write the RUN folder.

    Ctrl-C keeps the best design found so far.

    \b
    Example: dcopt solve bert -o bert-run
             dcopt solve gpt3 --set 'training.gpt3.deadline_days=30' --time-limit 60
             dcopt solve bert --quotes bert-run/bom.xlsx -o bert-quoted

    Exit codes: 0 a design within the gap, 1 no design exists, 2 bad input, 3 stopped with a design outside the gap,
    4 stopped (or failed) with none, 5 verification failed.
    """
    changes = (*sets, *([f"settings.objective={objective}"] if objective else []), *set_of(confidence))
    loaded = load_or_exit(problem, changes, quotes)
    target = output or Path(f"{problem.resolve().stem}-run")
    from dcopt.pipeline.run import RunOptions

    years = _foresight_years(foresight, len(loaded.settings.purchase_dates))
    options = RunOptions(
        time_limit,
        gap,
        threads,
        seed,
        baseline=not no_baseline,
        foresight_years=years,
        simulate=not no_simulate and years is None,
    )
    finished = _solved(loaded, target, options, force, with_function)
    from dcopt.cli.report import rendered

    click.echo(rendered(finished.design, loaded, "json" if as_json else "summary", terminal=True), nl=False)
    _tell(finished, target)
    if explain and finished.design.cost is not None and not finished.mismatches:
        from dcopt.cli.explain import EXPLAIN_S, explained

        click.echo(explained(target, EXPLAIN_S), err=as_json, nl=False)
    sys.exit(finished.exit_code)


def _solved(problem: Problem, target: Path, options: RunOptions, force: bool, with_function: str | None) -> Finished:
    """Solve the problem into the folder ``target``; ends with exit code 2 where that cannot begin or be written."""
    from dcopt.pipeline.main_job import solve_into
    from dcopt.pipeline.run_folder import RunFolderError
    from dcopt.pipeline.user_constraints import UserConstraintsError
    from dcopt.problem.findings import InputError

    screen = SolveScreen()
    try:
        return solve_into(
            problem,
            target,
            options,
            force=force,
            with_function=with_function,
            on_progress=screen.show,
            on_phase=screen.phase,
        )
    except (RunFolderError, UserConstraintsError) as error:
        usage_error(str(error))
    except InputError as error:
        exit_with(error.findings)
    except OSError as error:
        usage_error(f"{target} cannot be written: {error.strerror or error}; choose another folder with -o")
    finally:
        screen.clear()


def _tell(finished: Finished, target: Path) -> None:
    """Say on stderr what verification and simulation found, and where everything was written."""
    for mismatch in finished.mismatches:
        click.echo(f"verification failed: {mismatch}", err=True)
    if finished.checks and not finished.mismatches:
        click.echo(f"verified: {finished.checks:,} numbers recomputed from the inputs", err=True)
    for part in finished.simulated:
        if not part.kept:
            click.echo(f"warning: {part.service} at {part.site} misses a promise in the simulation", err=True)
    click.echo(f"wrote {target} (all of it: dcopt report {target}, or {target / 'report.html'})", err=True)


def _foresight_years(text: str, dates: int) -> int | None:
    """Return the years of ``rolling:N``, None for ``perfect``; ends with exit code 2 for anything else."""
    if text == "perfect":
        return None
    word, _, number = text.partition(":")
    if word != "rolling" or not number.isdigit() or int(number) < 1:
        usage_error(f"--foresight is 'perfect' or 'rolling:N' with N years of 1 or more, not {text!r}")
    if dates == 1:
        usage_error("--foresight rolling:N needs several purchase dates (purchase_years in settings.csv)")
    return int(number)
