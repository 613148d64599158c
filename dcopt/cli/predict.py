"""``dcopt predict``: one candidate's time, or one fabric's parts, with the breakdown; or a whole table of them."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dcopt.cli.inputs import BAD_INPUT, exit_with, usage_error

if TYPE_CHECKING:
    from dcopt.performance.request import Catalog, FindModel, Request

F = TypeVar("F", bound=Callable[..., Any])

HARDWARE = {
    "model": "A name in models/, or the path of a config.json.",
    "node": "A node of the catalogue.",
    "power-cap": "The power cap that the node is run at (power_caps of the catalogue).",
    "fabric": "A fabric of the catalogue.",
    "accelerator": "A chip, in place of a node.",
    "accelerators": "Chips used.",
    "accelerators-per-node": "Chips of a node, with --accelerator.",
    "internode-gbps-per-node": "Gbit/s between nodes, in place of a fabric.",
    "software": "A framework or engine of the catalogue.",
    "precision": "Arithmetic: fp32, tf32, fp16, bf16, fp8, int8, fp4.",
    "tensor": "Tensor-parallel degree.",
    "pipeline": "Pipeline-parallel degree.",
    "expert": "Expert-parallel degree.",
    "layers": "Layers, where no model is named.",
    "hidden": "Width, where no model is named.",
    "heads": "Attention heads, where no model is named.",
    "kv-heads": "Heads of keys and values, where no model is named.",
    "ffn": "Width of the feed-forward, where no model is named.",
    "vocab": "Vocabulary, where no model is named.",
}
TRAINING = {
    **HARDWARE,
    "virtual-stages": "Interleaved stages of a chip.",
    "context": "Context-parallel degree.",
    "data": "Data-parallel degree.",
    "micro-batch": "Sequences of a micro-batch.",
    "global-batch": "Sequences of a step.",
    "sequence-length": "Tokens of a sequence.",
    "recompute": "Recomputation: none, selective or full.",
    "sharding": "What data ranks share out: none, optimizer, gradients, full or servers (on the hosts).",
    "optimizer": "adam, sgd, momentum, rmsprop, adafactor or adam8bit.",
    "method": "pretrain, finetune, lora, distill or prune.",
    "teacher": "Teacher of a distillation.",
    "dense-pct": "Method prune: share of the run before its weights are pruned (50).",
    "tokens": "Tokens of the run, for its days.",
}
INFERENCE = {
    **HARDWARE,
    "attention-data": "Data-parallel degree of attention.",
    "compression": "Variants of the catalogue, separated by spaces.",
    "input-tokens": "Tokens of a request.",
    "output-tokens": "Tokens of an answer.",
    "batch": "Requests in flight on the replica.",
    "concurrency": "Requests in the closed loop.",
    "mode": "aggregated or disaggregated.",
    "requests-per-s": "Rate of Poisson arrivals.",
    "percentile": "Percent of requests that keep a promise (95).",
    "ttft-ms": "Promise: time to the first token.",
    "tpot-ms": "Promise: time of a further token.",
    "latency-ms": "Promise: time of the request.",
    **{
        f"{pool}-{name}": f"{name.replace('-', ' ').capitalize()} of the {pool} pool (disaggregated)."
        for pool in ("prefill", "decode")
        for name in ("workers", "tensor", "attention-data", "expert")
    },
}
FABRIC = {
    "fabric": "A fabric of the catalogue.",
    "node": "A node of the catalogue, for its ports.",
    "nodes": "Nodes to connect.",
    "ports-per-node": "Ports that each node uses, in all planes together.",
    "extra-ports": "Further ports of leaves that are taken (fabric managers and the like).",
    "switch-ports": "Ports of a switch, where the fabric names only a topology.",
    "oversubscription": "Bandwidth to the nodes ÷ to the spines, with --switch-ports.",
    "rails": "Leaves of a rail group, with --switch-ports (each port of a plane is a rail).",
    "planes": "Equal networks among which a node's ports are shared, with --switch-ports.",
}
MEASURED = ("_ms", "_s", "_per_accelerator", "mfu", "memory_gb", "tiers", "leaf", "spine", "core", "_links", "days")
"""Endings of predicted columns; a column of the table that has the name of one is kept as given_NAME."""


def _options(columns: Mapping[str, str]) -> Callable[[F], F]:
    """Add an option a column, and those of every subcommand."""

    def add(function: F) -> F:
        function = click.option("-o", "--output", type=click.Path(path_type=Path), help="CSV to write, with --table.")(
            function
        )
        function = click.option(
            "--table", type=click.Path(path_type=Path), help="CSV of rows to predict; options fill its blanks."
        )(function)
        function = click.option("--json", "as_json", is_flag=True, help="Write JSON.")(function)
        for name, text in reversed(list(columns.items())):
            function = click.option(f"--{name}", help=text)(function)
        return function

    return add


@click.group("predict")
def command() -> None:
    """Predict one candidate's time, or one fabric's parts, with the breakdown.

    \b
    Example: dcopt predict fabric --fabric ndr400-rail --nodes 64
    """


@command.command("training")
@_options(TRAINING)
def training(as_json: bool, table: Path | None, output: Path | None, **options: str | None) -> None:
    """Predict one training step; what is not given is chosen best.

    \b
    Example: dcopt predict training --model gpt-3-175b --node dgx-h100 --accelerators 512
                 --global-batch 1536 --sequence-length 2048 --precision bf16 --tokens 3e11
    """
    from dcopt.performance.request_training import predict_training

    _run(partial(predict_training, explain=True), options, as_json, table, output)


@command.command("inference")
@_options(INFERENCE)
@click.option("--max-throughput", is_flag=True, help="The saturated rate.")
def inference(
    as_json: bool, table: Path | None, output: Path | None, max_throughput: bool, **options: str | None
) -> None:
    """Predict one replica's times at a load, or the largest rate that keeps its promises.

    \b
    Example: dcopt predict inference --model llama-3.1-70b --node dgx-h100 --precision fp8
                 --input-tokens 1000 --output-tokens 300 --ttft-ms 500 --tpot-ms 50
    """
    from dcopt.performance.request_inference import predict_inference

    wish = {**options, "max_throughput": "yes" if max_throughput else None}
    _run(partial(predict_inference, explain=True), wish, as_json, table, output)


@command.command("fabric")
@_options(FABRIC)
def fabric(as_json: bool, table: Path | None, output: Path | None, **options: str | None) -> None:
    """Count one fabric's switches, cables and transceivers.

    \b
    Example: dcopt predict fabric --fabric ndr400-rail --nodes 64 --ports-per-node 8
    """
    from dcopt.pipeline.request_fabric import predict_fabric

    _run(predict_fabric, options, as_json, table, output)


def _run(
    answer: Callable[[Request], dict[str, Any]],
    options: Mapping[str, str | None],
    as_json: bool,
    table: Path | None,
    output: Path | None,
) -> None:
    """Answer the options, or each row of the table."""
    from dcopt.performance.request import Request, RequestError

    catalog, find_model = _sources()
    given = {name: value for name, value in options.items() if value is not None}
    if table is not None:
        rows = [_answered(answer, {**given, **row}, row, catalog, find_model) for row in _read(table)]
        _write_rows(rows, as_json, output)
        failed = sum("error" in row for row in rows)
        if failed:
            click.echo(f"{failed} of {len(rows)} rows have no prediction: see the column 'error'", err=True)
        if rows and failed == len(rows):
            sys.exit(BAD_INPUT)
        return
    if output is not None:
        usage_error("--output needs --table")
    try:
        record = answer(Request(given, catalog, find_model))
    except RequestError as error:
        usage_error(str(error))
    if as_json:
        click.echo(json.dumps(record, indent=2))
        return
    _show(record)


def _show(record: Mapping[str, Any]) -> None:
    """Print a record: its figures with their ranges, the breakdown, and the roofline position of the operations."""
    errors = record.get("errors", {})
    plain = {name: value for name, value in record.items() if name not in ("roofline", "errors", "outside")}
    for name, value in _flat(plain).items():
        band = errors.get(name)
        within = f"   80 % within {_shown(band['low'])} to {_shown(band['high'])}  ({band['group']})" if band else ""
        click.echo(f"{name:32}  {_shown(value)}{within}")
    roofline = record.get("roofline", {})
    if roofline:
        ridge = next(iter(roofline.values()))["ridge_flop_per_byte"]
        click.echo(f"\nroofline (ridge at {_shown(ridge)} FLOP/byte)")
    for name, place in roofline.items():
        intensity = "" if place["bound"] == "link" else f"{_shown(place['flop_per_byte'])} FLOP/byte"
        click.echo(f"  {name:30}  {place['bound']}-bound  {intensity}".rstrip())
    if record.get("outside"):
        click.echo(f"\nout of domain: {record['outside']}; the widest band of such predictions is shown")


def _sources() -> tuple[Catalog, FindModel]:
    """Return the shipped catalogue and a way to find models by name or path."""
    from functools import lru_cache

    from dcopt.performance.model_names import find_by_name
    from dcopt.problem.findings import InputError
    from dcopt.problem.load import load_catalog
    from dcopt.problem.locate import models_dir

    try:
        catalog = load_catalog()
    except InputError as error:
        exit_with(error.findings)
    return catalog, lru_cache(maxsize=256)(lambda name: find_by_name(name, [Path.cwd() / "models", models_dir()]))


def _read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file; leave with code 2 where it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = (line for line in file if not line.startswith("#"))
            return [
                {str(name): value for name, value in row.items() if name and not _nothing(value)}
                for row in csv.DictReader(lines)
            ]
    except OSError as error:
        usage_error(f"{path} cannot be read: {error.strerror or error}")
    except (UnicodeDecodeError, csv.Error) as error:
        usage_error(f"{path} is no CSV file in UTF-8: {error}")


def _nothing(value: Any) -> bool:
    return value is None or not str(value).strip() or str(value).strip().lower() == "nan"


def _answered(
    answer: Callable[[Request], dict[str, Any]],
    cells: Mapping[str, str],
    row: Mapping[str, str],
    catalog: Catalog,
    find_model: FindModel,
) -> dict[str, Any]:
    """Return a row of the output: id, what was given, the prediction or the error."""
    from dcopt.performance.request import Request, RequestError

    try:
        record = _flat(answer(Request(cells, catalog, find_model)))
    except RequestError as error:
        return {**_id_first(row), "error": str(error)}
    kept = {
        f"given_{name}" if name in record and name.endswith(MEASURED) else name: value
        for name, value in row.items()
        if name not in record or name.endswith(MEASURED)
    }
    return {**_id_first(kept), **record}


def _id_first(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**({"id": row["id"]} if "id" in row else {}), **row}


NESTED = ("breakdown", "roofline", "errors")


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with its nested parts as columns PART_NAME and PART_NAME_KEY."""
    flat = {name: value for name, value in record.items() if name not in (*NESTED, "outside")}
    for part in NESTED:
        for name, value in record.get(part, {}).items():
            inner = value if isinstance(value, Mapping) else {"": value}
            flat.update({"_".join(filter(None, (part, name, key))): found for key, found in inner.items()})
    return {**flat, "outside": record["outside"]} if "outside" in record else flat


def _write_rows(rows: list[dict[str, Any]], as_json: bool, output: Path | None) -> None:
    """Write the rows as CSV (or JSON) to the file or to stdout."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    try:
        target = output.open("w", encoding="utf-8", newline="") if output is not None else sys.stdout
    except OSError as error:
        usage_error(f"{output} cannot be written: {error.strerror or error}")
    try:
        if as_json:
            json.dump(rows, target, indent=2)
            target.write("\n")
        else:
            writer = csv.DictWriter(target, columns, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    finally:
        if output is not None:
            target.close()


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "-" if value is None else str(value)
