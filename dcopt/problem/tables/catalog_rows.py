"""The tables of parts: what can be bought or rented, and how models may be run."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import model_validator

from dcopt.problem.columns import CatalogRow, Names, YesNo, column

PRECISIONS = ("fp32", "tf32", "fp16", "bf16", "fp8", "int8", "fp4")
ACCELERATOR_KINDS = ("gpu", "tpu", "cpu", "fpga", "asic")
SYSTEMS = ("parallel-fs", "ceph", "hdfs", "object")
STORAGE_FEATURES = ("encryption-at-rest", "encryption-in-transit")
FABRIC_FEATURES = ("encryption-in-transit",)
ENGINE_FEATURES = ("encryption-in-transit", "access-control", "audit-log")

Topology = Literal["rail-optimized", "fat-tree", "leaf-spine", "rail-only", "single-switch"]


class Accelerator(CatalogRow):
    """A chip. A CPU's row is the pair of sockets of one server."""

    vendor: str = column("Who makes it.", default="")
    kind: Literal["gpu", "tpu", "cpu", "fpga", "asic"] = column("What it is.", default="gpu")
    memory_gb: float = column("Memory.", gt=0, usual=(4, 10_000))
    memory_gb_per_s: float = column("Bandwidth of the memory.", gt=0, usual=(50, 50_000))
    fp32_tflops: float | None = column("Dense fp32 rate.", default=None, gt=0)
    tf32_tflops: float | None = column("Dense tf32 rate.", default=None, gt=0)
    fp16_tflops: float | None = column("Dense fp16 rate.", default=None, gt=0)
    bf16_tflops: float | None = column("Dense bf16 rate.", default=None, gt=0, usual=(1, 20_000))
    fp8_tflops: float | None = column("Dense fp8 rate.", default=None, gt=0)
    int8_tops: float | None = column("Dense int8 rate.", default=None, gt=0)
    fp4_tflops: float | None = column("Dense fp4 rate.", default=None, gt=0)
    matmul_pct: float = column(
        "Share of the dense rate that the best large matrix product was measured to reach; blank: 80 (typical).",
        default=80.0,
        gt=0,
        le=100,
    )
    matmul_8bit_pct: float | None = column("The same in 8 and 4 bits; blank: matmul_pct.", default=None, gt=0, le=100)
    sparsity_2_4: YesNo = column("Whether 2:4 sparsity doubles its matrix rate (yes, no).", default=False)
    scaleup_gb_per_s: float | None = column(
        "Bandwidth of a chip to its neighbours, one direction (NVLink and the like).", default=None, gt=0
    )
    scaleup_domain: int = column("Chips that reach each other at that bandwidth.", default=1, ge=1)

    @model_validator(mode="after")
    def _some_rate(self) -> Accelerator:
        if all(self.peak_tflops(precision) is None for precision in PRECISIONS):
            raise ValueError("bf16_tflops|at least one rate is needed")
        return self

    def peak_tflops(self, precision: str) -> float | None:
        """Return the dense peak in TFLOP/s (TOP/s) of ``precision`` arithmetic, or None where the chip lacks it."""
        value: float | None = getattr(self, "int8_tops" if precision == "int8" else f"{precision}_tflops")
        return value

    def matmul_share(self, precision: str) -> float:
        """Return the share (0 to 1] of the peak at ``precision`` that the best large matrix product reaches."""
        narrow = precision in ("fp8", "int8", "fp4") and self.matmul_8bit_pct is not None
        return float(self.matmul_8bit_pct if narrow else self.matmul_pct) / 100.0  # type: ignore[arg-type]


class Node(CatalogRow):
    """A server, or a rack-scale unit that is bought as one."""

    vendor: str = column("Who sells it; blank: as the vendor of its accelerator.", default="")
    accelerator: str = column("Its chip.", refers_to="accelerators")
    accelerators: int = column("How many chips.", ge=1)
    replica_sizes: Names = column(
        "Chips that one replica of a service may take (powers of two that divide the chips); "
        "blank: all powers of two that divide them.",
        default=(),
    )
    host_cpu_cores: int | None = column("Cores of its CPUs.", default=None, ge=1)
    host_memory_gb: float | None = column("Memory of its CPUs.", default=None, gt=0)
    nics: int = column("Network ports for the compute fabric.", default=0, ge=0)
    nic_gbps: float = column("Rate of one port.", default=0.0, ge=0)
    rails: int | None = column(
        "Rails that its ports form, for a node of several hosts: the ports of one host (an NVL72 rack of 18 hosts with "
        "4 ports each has 4 rails); blank: each port is a rail.",
        default=None,
        ge=1,
    )
    max_kw: float | None = column("Nameplate power. Needed where it is sold.", default=None, gt=0, usual=(0.05, 200))
    measured_peak_kw: float | None = column("Highest power measured under load; blank: max_kw.", default=None, gt=0)
    idle_kw: float | None = column("Power when idle; blank: 30 % of max_kw (an estimate).", default=None, ge=0)
    rack_units: float | None = column("Height. Needed where it is sold.", default=None, gt=0, le=60)
    weight_kg: float | None = column("Weight; blank: not checked.", default=None, gt=0)
    cooling: Literal["air", "liquid"] = column("What carries its heat away.", default="air")
    liquid_heat_pct: float = column("Share of the heat that the liquid takes.", default=0.0, ge=0, le=100)
    price_usd: float | None = column("Price; blank: not for sale.", default=None, ge=0)
    rent_usd_per_hour: float | None = column("Rent of the whole node; blank: not for rent.", default=None, ge=0)
    support_pct_per_year: float = column("Support contract, of the price.", default=0.0, ge=0, le=100)
    maintenance_pct_per_year: float = column("Maintenance, of the price.", default=0.0, ge=0, le=100)
    lifetime_years: float = column("Lifetime.", default=5.0, gt=0, le=50, usual=(2, 10))
    mtbf_hours: float = column(
        "Mean time between failures that stop the node's work, those of the network apart; "
        "default: 55,300 accelerator-hours ÷ 8 (Llama 3, arXiv 2407.21783: 384 of 419 interruptions).",
        default=6912.5,
        gt=0,
        usual=(100, 1e6),
    )
    repair_hours: float = column("Mean time until a failed node works again.", default=24.0, gt=0, usual=(0.1, 1000))
    embodied_kgco2: float = column("Carbon of its making.", default=0.0, ge=0)

    @model_validator(mode="after")
    def _sold_nodes(self) -> Node:
        if self.price_usd is not None:
            for name in ("max_kw", "rack_units"):
                if getattr(self, name) is None:
                    raise ValueError(f"{name}|needed for a node that has a price")
        if self.max_kw is not None:
            for name in ("measured_peak_kw", "idle_kw"):
                value = getattr(self, name)
                if value is not None and value > self.max_kw:
                    raise ValueError(f"{name}|must not exceed max_kw ({self.max_kw:g})")
        if self.rails is not None and (self.rails > self.nics or self.nics % self.rails):
            raise ValueError(f"rails|must divide the ports of the node (nics: {self.nics})")
        for size in self.replica_sizes:
            if not size.isdigit() or int(size) < 1 or int(size) & (int(size) - 1) or self.accelerators % int(size):
                raise ValueError(f"replica_sizes|{size} is not a power of two that divides {self.accelerators}")
        return self

    @property
    def uncapped(self) -> Node:
        """The node as it is bought: itself, unless it is run at a power cap."""
        return self

    @property
    def peak_kw(self) -> float:
        """Power at peak that the plant upstream is sized for, kW (0 where the node is only rented)."""
        return self.measured_peak_kw or self.max_kw or 0.0

    @property
    def standby_kw(self) -> float:
        """Power of the idle node, kW."""
        return 0.3 * self.peak_kw if self.idle_kw is None else min(self.idle_kw, self.peak_kw)

    @property
    def replica_accelerators(self) -> tuple[int, ...]:
        """Chips that a replica within the node may take, ascending."""
        if self.replica_sizes:
            return tuple(sorted(int(size) for size in self.replica_sizes))
        return tuple(size for size in (2**k for k in range(20)) if self.accelerators % size == 0)


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


class Storage(CatalogRow):
    """A storage unit, bought or rented."""

    medium: Literal["nvme", "ssd", "hdd"] = column("What it stores on.")
    system: Literal["parallel-fs", "ceph", "hdfs", "object"] = column("The system that serves it.")
    raw_tb: float = column("Raw capacity.", gt=0)
    read_gb_per_s: float = column("Read bandwidth.", ge=0)
    write_gb_per_s: float = column("Write bandwidth.", ge=0)
    read_kiops: float | None = column("Random reads; blank: not limited.", default=None, ge=0)
    max_kw: float = column("Nameplate power (0 for rented storage).", ge=0)
    rack_units: float = column("Height (0 for rented storage).", ge=0)
    price_usd: float | None = column("Price; blank: not for sale.", default=None, ge=0)
    rent_usd_per_tb_month: float | None = column("Rent of raw capacity; blank: not for rent.", default=None, ge=0)
    min_units: int = column("Fewest units of a system.", default=1, ge=1)
    maintenance_pct_per_year: float = column("Maintenance, of the price.", default=0.0, ge=0, le=100)
    lifetime_years: float = column("Lifetime.", default=5.0, gt=0, le=50)
    annual_failure_pct: float = column("Failures of a drive in a year.", default=1.0, ge=0, le=100)
    drive_tb: float | None = column(
        "Capacity of one drive; blank: 20 (hdd) or 15.36 (nvme, ssd), or the whole unit if that is smaller.",
        default=None,
        gt=0,
        usual=(0.2, 150),
    )
    rebuild_gb_per_s: float | None = column(
        "Rate at which the content of a failed drive is made again beside the normal load; blank: 0.05 (hdd) or "
        "0.5 (nvme, ssd), estimates: drives of 20 TB rebuild at 0.03 to 0.1 GB/s (szwecent.com, 2026), NVMe at about "
        "2.4 GB/s where little else runs (storagemath.org), of which a fifth.",
        default=None,
        gt=0,
        usual=(0.01, 20),
    )
    failure_domain: Literal["drive", "unit"] | None = column(
        "What the parts of a group lie apart on: drives of one unit, or different units. Blank: drives for "
        "parallel-fs (appliances), units for the others.",
        default=None,
    )
    features: Names = column("What it offers to data that requires it.", default=(), choices=STORAGE_FEATURES)
    encryption_loss_pct: float = column(
        "Share of its GB/s and IOPS that encryption takes, for data that requires it.", default=0.0, ge=0, le=95
    )
    annual_loss_probability: float | None = column(
        "Probability that rented storage loses data in a year, as its provider states it; blank: not stated, taken "
        "as small enough.",
        default=None,
        ge=0,
        le=1,
    )

    @property
    def is_flash(self) -> bool:
        """Whether hot data may lie on it."""
        return self.medium != "hdd"


class Protection(CatalogRow):
    """Replication (data=1) or an erasure code."""

    data: int = column("Data parts.", ge=1)
    parity: int = column("Redundant parts; as many may be lost.", ge=0)
    systems: Names = column("Storage systems that offer it; blank: all.", default=(), choices=SYSTEMS)
    write_penalty: float | None = column(
        "Bytes written to media for each byte stored; blank: (data + parity) ÷ data.", default=None, ge=1
    )

    @property
    def raw_per_usable(self) -> float:
        """Raw bytes for each usable byte."""
        return (self.data + self.parity) / self.data

    @property
    def written_per_stored(self) -> float:
        """Bytes written to the media for each byte stored."""
        return self.raw_per_usable if self.write_penalty is None else self.write_penalty


class Codec(CatalogRow):
    """A lossless compression of stored data."""

    ratio_none: float = column("Original ÷ compressed, of data without structure.", default=1.0, ge=1)
    ratio_text: float = column("The same, of text.", default=1.0, ge=1)
    ratio_image: float = column("The same, of images.", default=1.0, ge=1)
    ratio_log: float = column("The same, of logs.", default=1.0, ge=1)
    compress_gb_per_s_core: float | None = column("Speed of compression on one core.", default=None, gt=0)
    decompress_gb_per_s_core: float | None = column("Speed of decompression on one core.", default=None, gt=0)

    def ratio(self, compressibility: str) -> float:
        """Original ÷ compressed size of data of that class."""
        value: float = getattr(self, f"ratio_{compressibility}")
        return value


class Rack(CatalogRow):
    """A rack or immersion tank."""

    units: float = column("Height.", gt=0, le=100)
    max_kw: float = column("Most power in it.", gt=0, usual=(2, 250))
    max_kg: float | None = column("Most weight in it; blank: not checked.", default=None, gt=0)
    empty_kg: float = column("Weight of the empty rack.", default=0.0, ge=0)
    floor_m2: float | None = column(
        "Floor that bears it, for the load of the floor; blank: not checked.", default=None, gt=0, le=50
    )
    cooling: Literal["air", "rear-door", "liquid", "immersion"] = column("How its heat leaves.", default="air")
    price_usd: float = column("Price.", ge=0)
    lifetime_years: float = column("Lifetime.", default=10.0, gt=0, le=50)


class PowerPart(CatalogRow):
    """A part of the power chain."""

    role: Literal["transformer", "generator", "ups", "pdu"] = column("Its place in the chain.")
    kw: float = column("Load that one unit carries.", gt=0)
    efficiency_pct: float = column("Output ÷ input at full load.", default=100.0, gt=0, le=100, usual=(85, 100))
    efficiency_75_pct: float | None = column("The same at 75 % of full load.", default=None, gt=0, le=100)
    efficiency_50_pct: float | None = column("The same at 50 % of full load.", default=None, gt=0, le=100)
    efficiency_25_pct: float | None = column(
        "The same at 25 % of full load; where none of the three is given, the efficiency is the same at every load.",
        default=None,
        gt=0,
        le=100,
    )
    max_parallel: int | None = column(
        "Most units of one parallel block that carry load; with N+1 each block has one more. Blank: no limit.",
        default=None,
        ge=1,
    )
    battery_minutes: float | None = column(
        "Time that the batteries of a UPS carry its full load (longer at less); blank: has none.", default=None, gt=0
    )
    price_usd: float = column("Price.", ge=0)
    lifetime_years: float = column("Lifetime.", default=15.0, gt=0, le=60)

    @model_validator(mode="after")
    def _losses_rise(self) -> PowerPart:
        losses = [(0.0, 0.0), *((load, load * (100.0 / pct - 1.0)) for load, pct in self.efficiency_points)]
        slopes = [(after[1] - before[1]) / (after[0] - before[0]) for before, after in pairwise(losses)]
        if any(slope < -1e-12 for slope in slopes):
            raise ValueError(
                "efficiency_pct|the losses in kW must not fall where the load rises: check the efficiencies"
            )
        if any(after < before - 1e-12 for before, after in pairwise(slopes[1:])):
            message = "losses must rise ever faster with the load (as copper losses do): check the efficiencies by load"
            raise ValueError(f"efficiency_pct|{message}")
        return self

    @property
    def efficiency_points(self) -> tuple[tuple[float, float], ...]:
        """(share of full load, efficiency in %) of every efficiency that is given, ascending."""
        points = (
            (0.25, self.efficiency_25_pct),
            (0.5, self.efficiency_50_pct),
            (0.75, self.efficiency_75_pct),
            (1.0, self.efficiency_pct),
        )
        return tuple((load, pct) for load, pct in points if pct is not None)


class CoolingUnit(CatalogRow):
    """A unit that takes heat from racks, or rejects it outdoors."""

    kind: Literal["air", "rear-door", "liquid", "immersion", "heat-rejection"] = column("Which heat it takes.")
    kw: float = column("Heat that one unit takes.", gt=0)
    kw_per_kw: float = column(
        "Electricity for each kW of heat, mean of the year.", default=0.0, ge=0, le=2, usual=(0, 0.6)
    )
    design_kw_per_kw: float | None = column(
        "The same on the design day (for limits and the plant); blank: as kw_per_kw.", default=None, ge=0, le=2
    )
    economizer_kw_per_kw: float | None = column(
        "The same in hours without compressor (heat-rejection only); with the next two it replaces both figures above "
        "at sites that state mean_wet_bulb_c.",
        default=None,
        ge=0,
        le=2,
    )
    economizer_wet_bulb_c: float | None = column(
        "Wet bulb below which no compressor is needed; above it the electricity rises with the temperature lift.",
        default=None,
        ge=-40,
        le=45,
    )
    rated_wet_bulb_c: float | None = column("Wet bulb at which design_kw_per_kw holds.", default=None, ge=-40, le=60)
    max_parallel: int | None = column(
        "Most units of one group that carry load; with N+1 each group has one more. Blank: no limit.",
        default=None,
        ge=1,
    )
    max_rack_kw: float | None = column("Densest rack that it can cool; blank: no limit.", default=None, gt=0)
    water_l_per_kwh: float = column("Water evaporated for each kWh of heat.", default=0.0, ge=0, le=10)
    price_usd: float = column("Price.", ge=0)
    lifetime_years: float = column("Lifetime.", default=15.0, gt=0, le=60)
    serves: Names = column(
        "Kinds of units whose heat it can reject (heat-rejection only); blank: all.",
        default=(),
        choices=("air", "rear-door", "liquid", "immersion"),
    )

    @model_validator(mode="after")
    def _economizer(self) -> CoolingUnit:
        if self.design_kw_per_kw is not None and self.design_kw_per_kw < self.kw_per_kw:
            raise ValueError("design_kw_per_kw|must not be less than kw_per_kw, the mean of the year")
        names = ("economizer_kw_per_kw", "economizer_wet_bulb_c", "rated_wet_bulb_c")
        given = [name for name in names if getattr(self, name) is not None]
        if not given:
            return self
        for name in (*names, "design_kw_per_kw"):
            if getattr(self, name) is None:
                raise ValueError(f"{name}|needed beside {given[0]}")
        if (self.rated_wet_bulb_c or 0.0) <= (self.economizer_wet_bulb_c or 0.0):
            raise ValueError("rated_wet_bulb_c|must be above economizer_wet_bulb_c")
        if (self.design_kw_per_kw or 0.0) < (self.economizer_kw_per_kw or 0.0):
            raise ValueError("design_kw_per_kw|must not be less than economizer_kw_per_kw")
        return self


class Software(CatalogRow):
    """A training framework or a serving engine."""

    role: Literal["training", "serving"] = column("What it does.")
    kinds: Names = column("Kinds of accelerators that it runs on; blank: any.", default=(), choices=ACCELERATOR_KINDS)
    vendors: Names = column("Vendors of them; blank: any.", default=())
    precisions: Names = column("Arithmetic that it can use; blank: any.", default=(), choices=PRECISIONS)
    efficiency: float = column("Speed against the reference stack of its role.", default=1.0, gt=0, le=2)
    overhead_ms: float = column("Time added to each step or request.", default=0.0, ge=0)
    admission_steps: float = column(
        "Decode steps that pass between a request's arrival and the start of its prompt, or between a first token and "
        "its delivery (engines of models that generate).",
        default=2.6,
        ge=0,
        le=100,
    )
    kernel_us: float = column(
        "Shortest time of a kernel of a decode step (engines of models that generate).", default=4.5, gt=0, le=1000
    )
    memory_fraction: float = column("Share of the memory that it can use.", default=0.9, gt=0, le=1)
    licence_usd_per_accelerator_year: float = column("Licence.", default=0.0, ge=0)
    stack: Literal["megatron", "pytorch"] = column(
        "Training: how it works. megatron: attention kernels written for the chip, whole layers recomputed; "
        "pytorch: portable attention kernels, recomputation that stops at the last tensor needed, gradients summed "
        "during backward in every precision.",
        default="megatron",
    )
    families: Names = column(
        "What it can serve: decoder, encoder; blank: both.", default=(), choices=("decoder", "encoder")
    )
    disaggregation: YesNo = column(
        "Whether it can serve prompts and answers on workers of their own (yes, no).", default=False
    )
    features: Names = column(
        "What the engine itself offers to services that require it: TLS to its callers, calls by those alone who may, "
        "a log of who called.",
        default=(),
        choices=ENGINE_FEATURES,
    )
    encryption_loss_pct: float = column(
        "Share of a replica's speed that encryption in transit takes, for services that require it.",
        default=0.0,
        ge=0,
        le=95,
    )


class SpeculativeDecoding(CatalogRow):
    """A way to draft tokens that one step of the model then checks: the answers stay the model's own."""

    method: Literal["draft", "mtp", "eagle"] = column(
        "Who drafts: a smaller model, the model's own layers for multi-token prediction, or a trained EAGLE head."
    )
    draft_model: str | None = column(
        "The smaller model (method draft): a name in models/, or the path of a config.json.", default=None
    )
    mtp_layers: int = column("Layers that draft (methods mtp and eagle).", default=1, ge=1)
    draft_tokens: int = column("Tokens drafted for each step.", ge=1, le=64, usual=(1, 16))
    acceptance: float = column(
        "Probability that a drafted token is accepted where those before it were.", ge=0, le=1, usual=(0.3, 0.95)
    )
    applies_to: Names = column("Models or families for which it was measured; blank: all.", default=())
    engines: Names = column("Engines that can do it; blank: all.", default=(), refers_to="software")

    @model_validator(mode="after")
    def _drafter(self) -> SpeculativeDecoding:
        if (self.method == "draft") != (self.draft_model is not None):
            raise ValueError("draft_model|needed for the method draft, and for it alone")
        return self


class Compression(CatalogRow):
    """A variant of a model that is smaller or cheaper to run."""

    method: Literal["none", "quantization", "pruning", "distillation", "kv-cache"] = column("How it is made.")
    weight_bits: float = column("Bits of a weight.", default=16.0, gt=0, le=32)
    activation_bits: float = column("Bits of an activation in matrix products.", default=16.0, gt=0, le=32)
    kv_bits: float | None = column(
        "Bits of a value in the KV cache; blank: 16, whatever the activations.", default=None, gt=0, le=32
    )
    size_factor: float = column("Weights left ÷ weights.", default=1.0, gt=0, le=1)
    compute_factor: float = column("Arithmetic left ÷ arithmetic.", default=1.0, gt=0, le=1)
    sparsity: Literal["2-4", "unstructured"] | None = column(
        "Pattern of a pruned matrix: 2-4 speeds chips with 2:4 sparsity, unstructured only shrinks files; "
        "blank: 2-4 if the name says so (2-4, 2of4), else whole rows, heads or layers, which speed any chip.",
        default=None,
    )
    quality_loss_pct: float | None = column(
        "Published loss, relative to the 16-bit model; blank: none is published, so no service may use the variant "
        "(0 for method none).",
        default=None,
        ge=-100,
        le=100,
    )
    applies_to: Names = column("Models or families whose loss is published; blank: all.", default=())
    min_params_b: float | None = column(
        "Smallest model for which it holds, billions of parameters.", default=None, ge=0
    )
    max_params_b: float | None = column("Largest model for which it holds, billions of parameters.", default=None, gt=0)
    stacks_with: Names = column("Variants that it is known to combine with.", default=(), refers_to="compression")

    @model_validator(mode="after")
    def _consistent(self) -> Compression:
        if self.sparsity is not None and self.method != "pruning":
            raise ValueError("sparsity|only pruning leaves a pattern: leave it blank, or correct the method")
        if self.method == "kv-cache" and self.kv_bits is None:
            raise ValueError("kv_bits|needed for the method kv-cache")
        if None not in (self.min_params_b, self.max_params_b) and self.min_params_b > self.max_params_b:  # type: ignore[operator]
            raise ValueError("min_params_b|must not exceed max_params_b")
        return self

    @property
    def pattern(self) -> str:
        """Pattern of the pruned matrices: ``2-4``, ``unstructured``, or '' where none is left."""
        if self.method != "pruning":
            return ""
        named = any(mark in self.name for mark in ("2of4", "2-4", "2_4", "2.4"))
        return self.sparsity or ("2-4" if named else "")

    @property
    def published_loss_pct(self) -> float | None:
        """Relative loss in %, negatives counted as 0; None where none is published."""
        if self.quality_loss_pct is None:
            return 0.0 if self.method == "none" else None
        return max(0.0, self.quality_loss_pct)
