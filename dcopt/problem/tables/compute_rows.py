"""Parts that compute: chips, and the servers and rack-scale units they come in."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from dcopt.problem.columns import CatalogRow, Names, YesNo, column

PRECISIONS = ("fp32", "tf32", "fp16", "bf16", "fp8", "int8", "fp4")
ACCELERATOR_KINDS = ("gpu", "tpu", "cpu", "fpga", "asic")


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
