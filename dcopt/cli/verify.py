"""``dcopt verify``: recheck every promise and every dollar of a RUN from its inputs alone."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dcopt.cli.inputs import exit_with, usage_error

VERIFICATION_FAILED = 5


@click.command("verify")
@click.argument("run", type=click.Path(path_type=Path))
def command(run: Path) -> None:
    """Recompute every promise and every dollar of the design in RUN from RUN/inputs.

    Exit codes: 0 everything agrees, 2 RUN cannot be read, 5 something differs by more than 1e-6.

    \b
    Example: dcopt verify bert-run
    """
    from dcopt.design.files import DESIGN_FILE, DesignFileError
    from dcopt.problem.findings import InputError
    from dcopt.verify.verify import verify_folder

    if (run / DESIGN_FILE).is_file() and not (run / "inputs").is_dir():
        usage_error(f"{run} holds no inputs/, and without them nothing can be recomputed; solve the problem again")
    try:
        checks, mismatches = verify_folder(run)
    except DesignFileError as error:
        usage_error(str(error))
    except InputError as error:
        exit_with(error.findings)
    for mismatch in mismatches:
        click.echo(str(mismatch))
    if mismatches:
        click.echo(f"{len(mismatches)} of {checks} numbers differ from what the inputs give")
        sys.exit(VERIFICATION_FAILED)
    click.echo(f"{checks} numbers recomputed from the inputs: all agree")
