"""Storage units, and what is done to data that lies on them."""

from __future__ import annotations

from typing import Literal

from dcopt.problem.columns import CatalogRow, Names, column

SYSTEMS = ("parallel-fs", "ceph", "hdfs", "object")
STORAGE_FEATURES = ("encryption-at-rest", "encryption-in-transit")


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
