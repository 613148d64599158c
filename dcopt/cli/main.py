"""The ``dcopt`` command: a group whose subcommands are imported only when they are used."""

from __future__ import annotations

import importlib

import click

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("dcopt.cli.init", "Write a problem folder to start from."),
    "check": ("dcopt.cli.check", "Read and validate a problem, and say what was understood."),
    "solve": ("dcopt.cli.solve", "Find the cheapest design that keeps every promise."),
    "report": ("dcopt.cli.report", "Show a solved design."),
    "bom": ("dcopt.cli.bom", "Write the bill of materials of a solved design."),
    "explain": ("dcopt.cli.explain", "Why this design, or why there is none."),
    "verify": ("dcopt.cli.verify", "Recheck every promise and every dollar from the inputs alone."),
    "predict": ("dcopt.cli.predict", "One candidate's time, or one fabric's parts, with the breakdown."),
    "catalog": ("dcopt.cli.catalog", "List or show the rows of the catalogue."),
}


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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dcopt")
def main() -> None:
    """Design AI data centres: the cheapest design that keeps every promise."""
