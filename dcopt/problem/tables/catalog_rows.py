"""The tables of parts, by topic: what can be bought or rented, and how models may be run."""

from __future__ import annotations

from dcopt.problem.tables.compute_rows import ACCELERATOR_KINDS, PRECISIONS, Accelerator, Node
from dcopt.problem.tables.network_rows import FABRIC_FEATURES, Fabric, Link, SideNetwork, Switch, Topology, Transceiver
from dcopt.problem.tables.plant_rows import CoolingUnit, PowerPart, Rack
from dcopt.problem.tables.software_rows import ENGINE_FEATURES, Compression, Software, SpeculativeDecoding
from dcopt.problem.tables.storage_rows import STORAGE_FEATURES, SYSTEMS, Codec, Protection, Storage

__all__ = [
    "ACCELERATOR_KINDS",
    "ENGINE_FEATURES",
    "FABRIC_FEATURES",
    "PRECISIONS",
    "STORAGE_FEATURES",
    "SYSTEMS",
    "Accelerator",
    "Codec",
    "Compression",
    "CoolingUnit",
    "Fabric",
    "Link",
    "Node",
    "PowerPart",
    "Protection",
    "Rack",
    "SideNetwork",
    "Software",
    "SpeculativeDecoding",
    "Storage",
    "Switch",
    "Topology",
    "Transceiver",
]
