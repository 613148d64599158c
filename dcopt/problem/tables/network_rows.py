"""Parts of networks, and the ways to connect nodes with them."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from dcopt.problem.columns import CatalogRow, Names, column

FABRIC_FEATURES = ("encryption-in-transit",)
Topology = Literal["rail-optimized", "fat-tree", "leaf-spine", "rail-only", "single-switch"]


class Switch(CatalogRow):
    """A network switch."""

    technology: Literal["infiniband", "ethernet"] = column("What it speaks.")
    ports: int = column("Ports.", ge=2)
    port_gbps: float = column("Rate of one port.", gt=0)
    max_kw: float = column("Nameplate power.", ge=0)
    rack_units: float = column("Height.", gt=0, le=60)
    price_usd: float = column("Price.", ge=0)
    support_pct_per_year: float = column("Support contract, of the price.", default=0.0, ge=0, le=100)
    maintenance_pct_per_year: float = column("Maintenance, of the price.", default=0.0, ge=0, le=100)
    lifetime_years: float = column("Lifetime.", default=5.0, gt=0, le=50)
    failures_pct_per_year: float = column("Share of them that fails in a year.", default=0.0, ge=0, le=100)


class Link(CatalogRow):
    """A cable with what sits at its two ends."""

    technology: Literal["infiniband", "ethernet"] = column("What it carries.")
    gbps: float = column("Rate.", gt=0)
    kind: Literal["dac", "aoc", "optical"] = column(
        "Copper, active optical, or transceivers with fibre.", default="dac"
    )
    max_m: float | None = column("Longest run.", default=None, gt=0)
    kw: float = column("Power of both ends (of the cable alone where transceivers are named).", default=0.0, ge=0)
    price_usd: float = column("Price with both ends (of the cable alone where transceivers are named).", ge=0)
    lifetime_years: float = column("Lifetime.", default=5.0, gt=0, le=50)
    transceiver: str | None = column(
        "The module at each end that is a switch; blank: the cable brings its ends.",
        default=None,
        refers_to="transceivers",
    )
    node_transceiver: str | None = column(
        "The module at the node's end; blank: as at a switch.", default=None, refers_to="transceivers"
    )
    failures_pct_per_year: float = column(
        "Share of them, ends included, that fails in a year.", default=0.0, ge=0, le=100
    )


class Transceiver(CatalogRow):
    """A pluggable module at the end of a fibre."""

    ports: int = column("Links that one module ends: 2 for a twin-port module.", default=1, ge=1, le=2)
    kw: float = column("Power of the module.", ge=0)
    price_usd: float = column("Price of the module.", ge=0)
    lifetime_years: float = column("Lifetime.", default=5.0, gt=0, le=50)


class Fabric(CatalogRow):
    """A way to connect nodes: a switch, a topology and the cables."""

    switch: str | None = column(
        "The switch; blank for `none` (work within a node only) and `builtin` (a rented cluster's own network).",
        default=None,
        refers_to="switches",
    )
    topology: Topology | None = column(
        "How leaves are wired: a rail-optimized or plain fat tree, a leaf-spine, a network for each rail alone "
        "(rail-only; chips of different rails meet inside the node), or everything on one switch.",
        default=None,
    )
    oversubscription: float = column("Bandwidth to the nodes ÷ bandwidth to the spines.", default=1.0, ge=1, le=64)
    nics_per_node: int | None = column("Ports that a node uses; blank: all it has.", default=None, ge=1)
    planes: int = column(
        "Separate, equal networks; each port of a node splits into one of each plane.", default=1, ge=1, le=8
    )
    max_tiers: int = column("Most tiers of switches that it may grow to.", default=3, ge=1, le=3)
    access_link: str | None = column("The cable from node to leaf.", default=None, refers_to="links")
    trunk_link: str | None = column("The cable between switches.", default=None, refers_to="links")
    rack_link: str | None = column(
        "The cable between ends in one rack; blank: access_link or trunk_link, whatever the distance.",
        default=None,
        refers_to="links",
    )
    row_link: str | None = column("The cable between racks of a row; blank: likewise.", default=None, refers_to="links")
    hall_link: str | None = column("The cable across the hall; blank: likewise.", default=None, refers_to="links")
    leaf_placement: Literal["end-of-row", "in-rack"] = column(
        "Where leaves stand: in a rack at the end of the row, or in a rack of their nodes.", default="end-of-row"
    )
    latency_us: float = column("Latency of a message between nodes.", default=5.0, ge=0, usual=(0.5, 100))
    efficiency_pct: float = column("Share of the line rate that collectives reach.", default=85.0, gt=0, le=100)
    gbps: float | None = column("Rate for each node, of `builtin` only.", default=None, gt=0)
    features: Names = column(
        "What it offers to jobs that require it (encryption by the ports of the nodes, such as IPsec).",
        default=(),
        choices=FABRIC_FEATURES,
    )
    encryption_loss_pct: float = column(
        "Share of its bandwidth that encryption takes, for jobs that require it.", default=0.0, ge=0, le=95
    )
    islands: int = column(
        "Separate networks of it that a site may build for one kind of node, each with its own switches and as large "
        "as its nodes need; a job stays on one. 1: all nodes of a kind are on one network.",
        default=1,
        ge=1,
        le=16,
        usual=(1, 8),
    )

    @property
    def listed(self) -> Fabric:
        """The row of the table: itself, unless it is a further island of one."""
        return self

    @model_validator(mode="after")
    def _switched(self) -> Fabric:
        if self.switch is not None:
            for name in ("topology", "access_link", "trunk_link"):
                if getattr(self, name) is None:
                    raise ValueError(f"{name}|needed for a fabric with a switch")
            if self.topology == "single-switch" and self.oversubscription != 1.0:
                raise ValueError("oversubscription|a single switch has no uplinks: leave it blank or 1")
        elif self.name not in ("none", "builtin"):
            raise ValueError("switch|only the fabrics named 'none' and 'builtin' have no switch")
        elif self.islands > 1:
            raise ValueError("islands|a fabric without a switch has none: leave it blank or 1")
        return self


class SideNetwork(CatalogRow):
    """A network of its own beside the fabric of the accelerators: for storage, for services, for management."""

    switch: str = column("The switch of its leaf-spine.", refers_to="switches")
    oversubscription: float = column("Bandwidth to the ports ÷ bandwidth to the spines.", default=1.0, ge=1, le=64)
    access_link: str = column("The cable from equipment to leaf, with its ends.", refers_to="links")
    trunk_link: str = column("The cable between switches, with its ends.", refers_to="links")
    ports_per_node: int = column("Ports of it that every node takes.", default=1, ge=0, le=16)
    ports_per_storage_unit: int = column("Ports of it that every storage unit takes.", default=1, ge=0, le=64)
    ports_per_switch: int = column(
        "Ports of it that every other switch takes: those of fabrics, and of the networks that a site names before it.",
        default=0,
        ge=0,
        le=4,
    )
