"""``dcopt export``: a problem or a design in the words of other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcopt.cli.inputs import load_or_exit, usage_error, write_or_echo

if TYPE_CHECKING:
    from dcopt.design.records import Design
    from dcopt.problem.problem import Problem

PROGRAMS = ("mps", "lp")
OF_DESIGN = ("vllm", "tensorrt-llm", "megatron", "slurm", "kubernetes")
SCHEMA = "json-schema"
FORMATS = (*PROGRAMS, SCHEMA, *OF_DESIGN)


@click.command("export")
@click.argument("source", metavar="RUN|PROBLEM", type=click.Path(path_type=Path))
@click.argument("form", metavar="FORMAT", required=False, type=click.Choice(FORMATS))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File to write (default: standard output; mps, lp: PROBLEM.FORMAT).",
)
def command(source: Path, form: str | None, output: Path | None) -> None:
    """Write a problem or a design in the words of another program.

    \b
    mps, lp        the mixed-integer program of a PROBLEM (or of the inputs of a RUN)
    json-schema    the JSON Schema of every table; needs no PROBLEM
    vllm           the chosen services as 'vllm serve' commands
    tensorrt-llm   the chosen services as 'trtllm-serve' commands
    megatron       the chosen training layouts as arguments of Megatron-LM
    slurm          the nodes as slurm.conf and gres.conf
    kubernetes     the nodes as a List of Node objects

    \b
    Example: dcopt export bert mps -o bert.mps
             dcopt export chat-run vllm
             dcopt export json-schema
    """
    if form is None:
        if str(source) != SCHEMA:
            usage_error(f"name a format after '{source}': {', '.join(FORMATS)}")
        form = SCHEMA
    if form in PROGRAMS:
        _program(source, form, output)
        return
    if form == SCHEMA:
        from dcopt.problem.json_schema import json_schema

        write_or_echo(json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n", output)
        return
    write_or_echo(_of_design(source, form), output)


def _program(source: Path, form: str, output: Path | None) -> None:
    inputs = source / "inputs"
    problem = load_or_exit(inputs if inputs.is_dir() else source)
    from dcopt.pipeline.export_program import write_program
    from dcopt.solve.session import SolverError

    target = output or Path(f"{problem.name}.{form}")
    if target.suffix.lower() != f".{form}":
        usage_error(f"{target}: give a file that ends in .{form}")
    if target.exists() and output is None:
        usage_error(f"{target} exists: name the file with -o")
    try:
        columns, rows = write_program(problem, target)
    except (OSError, SolverError) as error:
        usage_error(f"{target} cannot be written: {error}")
    click.echo(f"wrote {target}: {columns:,} columns, {rows:,} rows", err=True)


def _of_design(run: Path, form: str) -> str:
    from dcopt.cli.report import design_of

    design = design_of(run)
    if not (run / "inputs").is_dir():
        usage_error(f"{run} holds no inputs/, whose tables the export needs")
    return exported(design, load_or_exit(run / "inputs"), form)


def exported(design: Design, problem: Problem, form: str) -> str:
    """Return a design in one of the formats `OF_DESIGN`."""
    from dcopt.report.export_commands import megatron_arguments, tensorrt_llm_commands, vllm_commands
    from dcopt.report.export_inventory import kubernetes_nodes, slurm_conf

    writers = {
        "vllm": vllm_commands,
        "tensorrt-llm": tensorrt_llm_commands,
        "megatron": megatron_arguments,
        "slurm": slurm_conf,
        "kubernetes": kubernetes_nodes,
    }
    return writers[form](design, problem)
