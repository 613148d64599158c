"""A request for a prediction: the columns of ``dcopt predict`` (options or a row of a table), read and resolved.

Blank cells and ``nan`` count as not given, whole numbers may be written as ``48.0``. Nothing here reads files: the
catalogue and a way to find models are handed in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from dcopt.performance.arithmetic import parameters
from dcopt.performance.cluster import Cluster, cluster_from_numbers, cluster_of
from dcopt.problem.columns import Row
from dcopt.problem.findings import nearest
from dcopt.problem.model_config import ModelConfig, ModelConfigError, gpt_style
from dcopt.problem.power_caps import capped
from dcopt.problem.tables.catalog_rows import Accelerator, Fabric, Node, Software, Switch
from dcopt.problem.tables.power_rows import PowerCap, speeds_of

Catalog = Mapping[str, Mapping[str, Row]]
FindModel = Callable[[str], ModelConfig]
R = TypeVar("R", bound=Row)

REFERENCE_EFFICIENCY_PCT = 85.0
"""Share of the line rate that collectives reach where no fabric is named."""


class RequestError(ValueError):
    """A request that cannot be answered; the message names the column and says the cure."""


@dataclass(frozen=True)
class Request:
    """One row of columns, with typed access; the catalogue and the models it may name."""

    cells: Mapping[str, Any]
    catalog: Catalog
    find_model: FindModel

    def has(self, column: str) -> bool:
        """Whether the column holds something."""
        return not _blank(self.cells.get(column))

    def text(self, *columns: str) -> str:
        """Return the first given of ``columns`` as text, or ''."""
        for column in columns:
            if self.has(column):
                return str(self.cells[column]).strip()
        return ""

    def number(self, *columns: str) -> float | None:
        """Return the first given of ``columns`` as a finite number above 0, or None."""
        for column in columns:
            if not self.has(column):
                continue
            try:
                value = float(self.cells[column])
            except (TypeError, ValueError):
                raise RequestError(f"{column}: a number is expected, not '{self.cells[column]}'") from None
            if not math.isfinite(value) or value < 0:
                raise RequestError(f"{column}: a number of at least 0 is expected, not '{self.cells[column]}'")
            return value
        return None

    def whole(self, *columns: str, least: int = 1) -> int | None:
        """Return the first given of ``columns`` as a whole number of at least ``least``, or None."""
        for column in columns:
            value = self.number(column)
            if value is None:
                continue
            if value != int(value) or value < least:
                raise RequestError(f"{column}: a whole number of at least {least} is expected, not {value:g}")
            return int(value)
        return None

    def needed(self, *columns: str) -> int:
        """Return a whole number that must be given; raises `RequestError` where it is not."""
        value = self.whole(*columns)
        if value is None:
            raise RequestError(f"{columns[0]}: must be given")
        return value

    def row(self, table: str, column: str, kind: type[R]) -> R | None:
        """Return the catalogue row that ``column`` names (spelling of case and separators aside), or None."""
        given = self.text(column)
        if not given:
            return None
        rows = self.catalog[table]
        name = given if given in rows else _loosely(given, list(rows))
        if name is None:
            similar = nearest(given, list(rows))
            hint = f"; did you mean '{similar}'?" if similar else ""
            raise RequestError(f"{column}: there is no '{given}' in the catalogue's {table}{hint}")
        found = rows[name]
        assert isinstance(found, kind)
        return found


def _blank(value: Any) -> bool:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and value.strip().lower() in ("", "nan", "none", "null") and value.strip() != "none"


def _key(text: str) -> str:
    """Return what is left of a name without its maker, memory size, separators and case."""
    plain = re.sub(r"^(nvidia|tesla|intel|amd|google|aws|habana)\b", "", text.strip().lower())
    plain = re.sub(r"sxm[2-5]\b", "sxm", plain)
    return re.sub(r"[^a-z0-9]", "", plain)


def _loosely(given: str, names: list[str]) -> str | None:
    """Return the name that ``given`` spells in the way of data sheets ('NVIDIA H100-SXM5-80GB', 'TPU-v5p'), or None."""
    wanted = _key(given)
    for variant in (wanted, wanted.removesuffix("gb"), re.sub(r"\d+gb$", "", wanted), f"{wanted}sxm"):
        for name in names:
            if _key(name) == variant:
                return name
    return None


def model_of(request: Request) -> ModelConfig:
    """Return the model: named, or (where it is not known or none is named) described by its shape.

    A gated feed-forward is assumed where that comes nearer to a given number of ``params`` (or ``params_b``).
    """
    name = request.text("model")
    shaped = request.has("layers") and request.has("hidden") and request.has("heads")
    if name:
        try:
            return request.find_model(name)
        except ModelConfigError as error:
            if not shaped:
                raise RequestError(f"model: {error}") from None
    if not shaped:
        raise RequestError("model: name a model, or give layers, hidden and heads")
    layers, hidden, heads = request.needed("layers"), request.needed("hidden"), request.needed("heads")
    plain, gated = (
        gpt_style(
            layers,
            hidden,
            heads,
            kv_heads=request.whole("kv_heads"),
            ffn=request.whole("ffn"),
            vocab=request.whole("vocab") or 51200,
            max_positions=request.whole("sequence_length", "input_tokens") or 2048,
            gated=is_gated,
            name=name or "gpt-style",
        )
        for is_gated in (False, True)
    )
    billions = request.number("params_b")
    target = billions * 1e9 if billions is not None else request.number("params")
    if target and request.has("ffn") and abs(parameters(gated) - target) < abs(parameters(plain) - target):
        return gated
    return plain


def node_of(request: Request) -> Node | None:
    """Return the node that is named, at the power cap that is named beside it, or None.

    Raises `RequestError` for a cap that the node's chip does not have, or without a node.
    """
    node = request.row("nodes", "node", Node)
    name = request.text("power_cap")
    if not name:
        return node
    if node is None:
        raise RequestError("power_cap: name the node that is run at it")
    caps = request.catalog.get("power_caps", {})
    cap = caps.get(f"{node.accelerator}/{name}")
    held = capped(node, cap) if isinstance(cap, PowerCap) else None
    if held is None:
        known = [key.partition("/")[2] for key in caps if key.startswith(f"{node.accelerator}/")]
        raise RequestError(
            f"power_cap: {node.name} has no cap '{name}' in power_caps.csv (its own: {', '.join(known) or 'none'})"
        )
    return held


def accelerator_of(request: Request, node: Node | None) -> Accelerator:
    """Return the chip: of the node, or named; raises `RequestError` where neither is given."""
    if node is not None:
        found = request.catalog["accelerators"][node.accelerator]
        assert isinstance(found, Accelerator)
        return found
    for column in ("accelerator", "acc"):
        row = request.row("accelerators", column, Accelerator)
        if row is not None:
            return row
    raise RequestError("node: name a node, or an accelerator")


def cluster_for(request: Request, accelerators: int | None) -> Cluster:
    """Return the hardware: a node on a fabric, or a chip with a line rate for each node.

    Where nodes must be connected and neither a fabric nor a rate is given, each node's own ports are used at full rate
    (for a chip alone: those of the first node of the catalogue that holds it).
    """
    node = node_of(request)
    chip = accelerator_of(request, node)
    fabric = request.row("fabrics", "fabric", Fabric)
    usual = node or _usual_node(request, chip)
    per_node = node.accelerators if node else request.whole("accelerators_per_node")
    if per_node is None:
        per_node = usual.accelerators if usual else 8
    gbps = request.number("internode_gbps_per_node")
    if gbps is None and fabric is not None and usual is not None:
        switch = request.catalog["switches"][fabric.switch] if fabric.switch else None
        assert switch is None or isinstance(switch, Switch)
        return cluster_of(usual, chip, fabric, switch)
    if gbps is None:
        spans = accelerators is not None and accelerators > per_node
        gbps = usual.nics * usual.nic_gbps if usual and (spans or accelerators is None) else 0.0
        if spans and gbps == 0:
            raise RequestError(f"fabric: {accelerators} accelerators span nodes of {per_node}; say what connects them")
    cluster = cluster_from_numbers(chip, per_node, gbps, efficiency_pct=REFERENCE_EFFICIENCY_PCT)
    return cluster if node is None else replace(cluster, speeds=speeds_of(node))


def _usual_node(request: Request, chip: Accelerator) -> Node | None:
    nodes = [row for row in request.catalog["nodes"].values() if isinstance(row, Node)]
    return next((node for node in nodes if node.accelerator == chip.name), None)


def software_of(request: Request, role: str) -> Software:
    """Return the framework or engine that is named, or the reference stack of ``role`` ('training' or 'serving')."""
    row = request.row("software", "software", Software)
    if row is None:
        return Software.model_validate({"name": "reference", "role": role})
    if row.role != role:
        raise RequestError(f"software: '{row.name}' is for {row.role}, not for {role}")
    return row
