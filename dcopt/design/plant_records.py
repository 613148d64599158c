"""What stands around the nodes: networks, storage, racks, power, cooling, sites."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dcopt.design.record import Record


class CableRecord(Record):
    """Cables of one row: ``use`` is access (to nodes) or trunk (between switches), ``reach`` how far they go."""

    link: str
    use: Literal["access", "trunk"]
    reach: Literal["rack", "row", "hall"]
    links: int


class ModuleRecord(Record):
    """Transceivers of one row at the ends of the cables of a fabric."""

    transceiver: str
    units: int


class NetworkRecord(Record):
    """The switches and cables of one pool's fabric.

    ``left_pct`` tells the share of the network that is left, at the worst place, when one part fails: of a node's
    bandwidth for ``leaf`` and ``access_optic``, of a leaf's bandwidth to the rest for ``spine``, ``core`` and
    ``trunk_optic``.
    """

    site: str
    node: str
    fabric: str
    year: int
    switch: str
    leaf: int
    spine: int
    core: int
    access_links: int
    leaf_spine_links: int
    spine_core_links: int
    cables: tuple[CableRecord, ...] = ()
    transceivers: tuple[ModuleRecord, ...] = ()
    left_pct: dict[str, float] = Field(default_factory=dict)


class SideNetworkRecord(Record):
    """The switches and cables of a network beside the fabrics of a site; ``ports`` are links to equipment."""

    site: str
    name: str
    year: int
    switch: str
    ports: int
    leaf: int
    spine: int
    core: int
    trunk_links: int


DATA_PARTS = ("hot", "cold")
"""The parts of a dataset; the others belong to jobs and services."""


class StorageRecord(Record):
    """Where data lies; ``dataset`` names the dataset, the job of a checkpoint or the service of weights.

    ``units`` is the share of the units that the data takes; ``site_units`` all of them there.

    ``annual_loss_probability`` is that of this copy, by drive failures alone (rented: as the provider states it, 0
    where it states none), ``survives_failures`` the drives of a group that may fail at once.
    """

    site: str
    name: str
    dataset: str
    part: Literal["hot", "cold", "checkpoint", "weights"]
    year: int
    units: float
    site_units: int
    protection: str
    codec: str
    stored_tb: float
    usable_tb: float
    rented: bool
    survives_failures: int = 0
    annual_loss_probability: float = 0.0


class TransferRecord(Record):
    """Data that is moved between sites in a year: the first copy, or what comes in new.

    ``days`` is what the link takes for it, ``usd`` egress and link charges by volume (undiscounted, at the prices of
    year 1; the monthly price of the link is not in it).
    """

    dataset: str
    origin: str
    site: str
    year: int
    tb: float
    days: float
    usd: float


class RackRecord(Record):
    """Racks of one kind with one content; ``node`` is ``network-storage`` for racks of switches and storage."""

    site: str
    name: str
    node: str
    year: int
    count: int
    nodes: int
    kw_each: float
    cooling: str
    air_cooling: str


class Slot(Record):
    """One thing in a rack: the lowest unit that it takes (1 is the rack's lowest), and its height."""

    from_unit: float
    units: float
    item: str


class ElevationRecord(Record):
    """What stands where in racks that are filled alike; ``content`` as in the racks' record.

    Racks are bought once: the elevation of year 1 holds in every year.
    """

    site: str
    rack: str
    content: str
    cooling: str
    year: int
    count: int
    slots: tuple[Slot, ...]


class PowerRecord(Record):
    """Units of one part of the power chain: the load that they carry at peak, what they are sized for, what they lose.

    PDUs are sized for the nameplate power of what they feed, the others for the peak.
    """

    site: str
    name: str
    role: str
    year: int
    units: int
    kw: float
    sized_kw: float = 0.0
    loss_kw: float = 0.0


class CoolingRecord(Record):
    """Units of one cooling part and the heat that they take. ``serves`` tells the loop of a heat rejection.

    ``room_kw`` is the part of the heat that PDUs and UPS lose into the room; the rest comes from racks.
    ``economizer_hours`` are the hours of the year without compressor (None: not known, or it has none).
    """

    site: str
    name: str
    year: int
    units: int
    kw: float
    serves: str
    room_kw: float = 0.0
    economizer_hours: float | None = None


class SolarRecord(Record):
    """On-site solar; ``kw`` is the peak of all units."""

    site: str
    name: str
    year: int
    units: int
    kw: float


class HallRecord(Record):
    """Halls that are built."""

    site: str
    name: str
    year: int
    units: int


class AdderRecord(Record):
    """What comes with a site by rule: how much of it, and the nodes, racks, kW or USD that it follows."""

    site: str
    name: str
    year: int
    quantity: float
    driver: float


class SiteRecord(Record):
    """Power, energy, carbon and water of a site in a year; ``wue_l_per_kwh`` is water for each kWh of IT energy.

    ``energy_mwh_per_year`` is all that the site uses, ``solar_mwh_per_year`` the part that its own solar gives.
    ``embodied_t`` is the carbon of making the nodes that are bought for it, once.
    """

    site: str
    year: int
    it_kw: float
    facility_kw: float
    power_limit_kw: float | None
    pue: float | None
    energy_mwh_per_year: float
    solar_mwh_per_year: float = 0.0
    carbon_t_per_year: float
    embodied_t: float = 0.0
    water_m3_per_year: float
    wue_l_per_kwh: float | None = None
    rack_positions_used: int
