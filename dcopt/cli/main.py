"""The ``dcopt`` command: a group whose subcommands are imported only when they are used."""

from __future__ import annotations

import importlib
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click

from dcopt.cli.start import INTERRUPTED, WORDS

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("dcopt.cli.init", "Write a problem folder to start from."),
    "check": ("dcopt.cli.check", "Read, validate and pre-check a problem, and say what was understood."),
    "solve": ("dcopt.cli.solve", "Find the cheapest design that keeps every promise."),
    "report": ("dcopt.cli.report", "Show a solved design."),
    "bom": ("dcopt.cli.bom", "Show or write the bill of materials of a solved design."),
    "export": ("dcopt.cli.export", "A problem or design for other programs: MPS, vLLM, Megatron, Slurm and more."),
    "fit": ("dcopt.cli.fit", "A service row from a log of requests."),
    "simulate": ("dcopt.cli.simulate", "Check the services of a solved design, request by request."),
    "explain": ("dcopt.cli.explain", "Why this design, or why there is none."),
    "verify": ("dcopt.cli.verify", "Recheck every promise and every dollar from the inputs alone."),
    "alternatives": ("dcopt.cli.alternatives", "The next best designs that differ where it matters."),
    "evaluate": ("dcopt.cli.evaluate", "What a vendor's proposal would cost and keep, beside the optimum."),
    "sensitivity": ("dcopt.cli.sensitivity", "What cost and decision depend on: grids, scenarios, tornado, samples."),
    "pareto": ("dcopt.cli.pareto", "Every design that is not worse in both of two objectives."),
    "breakeven": ("dcopt.cli.breakeven", "The value of a cell at which the decision flips."),
    "robust": ("dcopt.cli.robust", "One purchase for many futures."),
    "predict": ("dcopt.cli.predict", "One candidate's time, or one fabric's parts, with the breakdown."),
    "accuracy": ("dcopt.cli.accuracy", "Hold predictions against published results, by group."),
    "catalog": ("dcopt.cli.catalog", "List or show the rows of the catalogue."),
}


@contextmanager
def keyboard_interrupts() -> Iterator[None]:
    """Let a Ctrl-C end what runs within as ``KeyboardInterrupt`` whatever a library makes of it.

    One that comes while an extension module is imported would surface as the module's ``ImportError``.
    """
    pressed = False

    def handle(signum: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        raise KeyboardInterrupt

    elsewhere = threading.current_thread() is not threading.main_thread()
    if elsewhere or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield
    except Exception as error:
        if pressed:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class LazyGroup(click.Group):
    """A group that knows its subcommands' names and help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which a planner meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the subcommand, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; Ctrl-C ends it without a traceback, and never with the code of 'no design exists'."""
        try:
            with keyboard_interrupts():
                return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            click.echo(WORDS, err=True)
            sys.exit(INTERRUPTED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.command("dcopt", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dcopt", prog_name="dcopt")
def main() -> None:
    """Design AI data centres: the cheapest design that keeps every promise.

    \b
    Example: dcopt init bert --example bert-question-answering
             dcopt solve bert
    """


if __name__ == "__main__":
    main()
