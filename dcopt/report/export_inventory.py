"""The nodes of a design as an inventory: for Slurm (slurm.conf, gres.conf) and for Kubernetes (Node objects).

Slurm's parameters are those of slurm.conf(5): NodeName, CPUs, RealMemory (MiB), Gres, Features, PartitionName.
Kubernetes counts chips under the names of the vendors' device plugins.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from dcopt.design.records import Design
from dcopt.problem.problem import Problem

RESOURCE_OF_VENDOR = {
    "nvidia": "nvidia.com/gpu",
    "amd": "amd.com/gpu",
    "intel": "habana.ai/gaudi",
    "google": "google.com/tpu",
    "aws": "aws.amazon.com/neuron",
}
"""Extended resources of the device plugins; other vendors count under ``dcopt/accelerators``."""
MIB_PER_GB = 1e9 / 2**20


@dataclass(frozen=True)
class Group:
    """Nodes of one pool, in the year in which it is largest."""

    stem: str
    site: str
    node: str
    fabric: str
    nodes: int
    chips: int
    chip: str
    vendor: str
    kind: str
    cores: int | None
    memory_gb: float | None
    power_cap: str


def groups_of(design: Design, problem: Problem) -> list[Group]:
    """Return the pools of a design as groups of nodes with names of their own."""
    largest: dict[tuple[str, str, str, str], int] = {}
    for pool in design.pools:
        key = (pool.site, pool.bought_as, pool.fabric, pool.power_cap)
        largest[key] = max(largest.get(key, 0), pool.nodes)
    groups: list[Group] = []
    for (site, name, fabric, cap), nodes in largest.items():
        row = problem.nodes[name]
        chip = problem.accelerators[row.accelerator]
        stem = re.sub(r"[^a-z0-9]+", "-", f"{site}-{name}".lower()).strip("-")
        taken = [group.stem for group in groups]
        stem = stem if stem not in taken else f"{stem}-{len(taken)}"
        groups.append(
            Group(
                stem,
                site,
                name,
                fabric,
                nodes,
                row.accelerators,
                row.accelerator,
                chip.vendor.lower(),
                chip.kind,
                row.host_cpu_cores,
                row.host_memory_gb,
                cap,
            )
        )
    return groups


def slurm_conf(design: Design, problem: Problem) -> str:
    """Return the lines of slurm.conf and gres.conf for the nodes of a design."""
    groups = groups_of(design, problem)
    lines = [f"# slurm.conf: nodes of {design.problem}", "GresTypes=gpu"]
    for group in groups:
        facts = [f"NodeName={_range(group)}"]
        if group.cores:
            facts.append(f"CPUs={group.cores}")
        if group.memory_gb:
            facts.append(f"RealMemory={int(group.memory_gb * MIB_PER_GB)}")
        if group.kind != "cpu":
            facts.append(f"Gres=gpu:{group.chip}:{group.chips}")
        facts += [f"Features={_features(group)}", "State=UNKNOWN"]
        lines.append(" ".join(facts))
    for site in dict.fromkeys(group.site for group in groups):
        names = ",".join(_range(group) for group in groups if group.site == site)
        lines.append(f"PartitionName={site} Nodes={names} State=UP")
    lines += ["", "# gres.conf"]
    lines += [f"NodeName={_range(g)} Name=gpu Type={g.chip} Count={g.chips}" for g in groups if g.kind != "cpu"]
    return "\n".join(lines) + "\n"


def _features(group: Group) -> str:
    cap = [f"power-cap-{group.power_cap}"] if group.power_cap else []
    return ",".join([group.node, group.fabric.replace("~", ".island-"), *cap])


def _range(group: Group) -> str:
    """Return the names of a group's nodes as Slurm writes a range."""
    if group.nodes == 1:
        return _name(group, 1)
    return f"{group.stem}-[{_number(group, 1)}-{_number(group, group.nodes)}]"


def _number(group: Group, index: int) -> str:
    return f"{index:0{max(3, len(str(group.nodes)))}d}"


def _name(group: Group, index: int) -> str:
    return f"{group.stem}-{_number(group, index)}"


def kubernetes_nodes(design: Design, problem: Problem) -> str:
    """Return a List of Node objects with labels and capacity, as JSON (which is YAML too)."""
    items = [_node(group, index) for group in groups_of(design, problem) for index in range(1, group.nodes + 1)]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1) + "\n"


def _node(group: Group, index: int) -> dict[str, Any]:
    name = _name(group, index)
    resource = RESOURCE_OF_VENDOR.get(group.vendor, "dcopt/accelerators")
    capacity = {} if group.kind == "cpu" else {resource: str(group.chips)}
    if group.cores:
        capacity["cpu"] = str(group.cores)
    if group.memory_gb:
        capacity["memory"] = f"{int(group.memory_gb * MIB_PER_GB)}Mi"
    labels = {
        "kubernetes.io/hostname": name,
        "topology.kubernetes.io/zone": group.site,
        "node.kubernetes.io/instance-type": group.node,
        "dcopt/accelerator": group.chip,
        "dcopt/fabric": group.fabric.replace("~", ".island-"),
    }
    if group.power_cap:
        labels["dcopt/power-cap"] = group.power_cap
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {"capacity": capacity},
    }
