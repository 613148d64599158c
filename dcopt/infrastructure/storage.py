"""Stored volumes, what protection costs in raw capacity, and how likely it loses data."""

from __future__ import annotations

import math
from collections.abc import Iterable

from dcopt.problem.tables.catalog_rows import STORAGE_FEATURES, Protection, Storage

PROVIDER_MANAGED = "provider-managed"
"""The protection of rented storage: the provider's own, so nothing is added to what is stored."""

HOURS_PER_YEAR = 8760.0

DISK_TB, DRIVE_TB = 20.0, 15.36
"""Drives of a row that states none: what the catalogue's rows of 2024 are built from, disk and flash."""

DISK_REBUILD_GB_PER_S, DRIVE_REBUILD_GB_PER_S = 0.05, 0.5
"""Rebuild rates of a row that states none; estimates, see the column `rebuild_gb_per_s` of storage.csv."""


def stored_tb(size_tb: float, growth_pct: float, retention_years: float | None, year: int) -> float:
    """Return the TB that a dataset holds in ``year`` (1, 2, …), before codec and protection.

    size·(1+g)^(year−1), less what was there ``retention_years`` earlier and has been dropped since (never below 0);
    with retention None nothing is dropped.

    Raises ValueError for a year before the first.
    """
    if year < 1:
        raise ValueError(f"years count from 1, not {year}")
    growth = 1.0 + growth_pct / 100.0
    written = size_tb * math.pow(growth, year - 1)
    if retention_years is None or year - 1 < retention_years:
        return written
    return max(0.0, written - size_tb * math.pow(growth, year - 1 - retention_years))


def raw_tb(data_tb: float, protection: Protection, ratio: float = 1.0) -> float:
    """Return the raw TB that ``data_tb`` (before codec and protection) takes with a codec of that ratio (≥ 1)."""
    return data_tb / ratio * protection.raw_per_usable


def tolerated_failures(protection: Protection) -> int:
    """Return how many drives of a group may fail at once without loss of data."""
    return protection.parity


def width_of(protection: Protection) -> int:
    """Return the parts of a group, each of which fails apart from the others."""
    return protection.data + protection.parity


def drive_tb(storage: Storage) -> float:
    """Return the capacity of one drive of a unit, TB."""
    return min(storage.drive_tb or (DRIVE_TB if storage.is_flash else DISK_TB), storage.raw_tb)


def drives_of(storage: Storage) -> int:
    """Return the drives of one unit."""
    return max(1, round(storage.raw_tb / drive_tb(storage)))


def is_spread_over_units(storage: Storage) -> bool:
    """Whether the parts of a group lie on different units (and not on different drives of one)."""
    return storage.failure_domain == "unit" if storage.failure_domain else storage.system != "parallel-fs"


def least_units(storage: Storage, protection: Protection) -> int:
    """Return the units that a system needs so that the parts of a group can lie apart (at least ``min_units``)."""
    return max(storage.min_units, width_of(protection) if is_spread_over_units(storage) else 1)


def rebuild_rate_gb_per_s(storage: Storage) -> float:
    """Return the rate at which the content of a failed drive is made again, GB/s.

    Where the row states none it is no more than a tenth of what a unit writes, so that the normal load goes on.

    Raises ValueError where the row states none and the unit writes nothing.
    """
    if storage.rebuild_gb_per_s is not None:
        return storage.rebuild_gb_per_s
    if storage.write_gb_per_s <= 0:
        raise ValueError(f"{storage.name} writes nothing, so no failed drive can be rebuilt: state rebuild_gb_per_s")
    usual = DRIVE_REBUILD_GB_PER_S if storage.is_flash else DISK_REBUILD_GB_PER_S
    return min(usual, storage.write_gb_per_s / 10)


def rebuild_load(storage: Storage, protection: Protection) -> tuple[float, float]:
    """Return what the rebuild of one drive reads and writes, GB/s: ``data`` parts are read for each that is written.

    Rented storage has none: its rates are what the tenant gets.
    """
    if protection.name == PROVIDER_MANAGED:
        return (0.0, 0.0)
    rate = rebuild_rate_gb_per_s(storage)
    return (protection.data * rate, rate)


def loss_probability(storage: Storage, protection: Protection, raw_tb: float) -> float:
    """Return the probability that drive failures lose some of ``raw_tb`` (after protection) within a year.

    The data lies on as many drives as it fills, at least one group; see `annual_loss_probability` for the model.
    Rented storage loses what its provider states, nothing where that is blank.

    Raises ValueError as `annual_loss_probability`.
    """
    if protection.name == PROVIDER_MANAGED:
        return storage.annual_loss_probability or 0.0
    drives = max(width_of(protection), math.ceil(raw_tb / drive_tb(storage) - 1e-9))
    hours = drive_tb(storage) * 1000 / rebuild_rate_gb_per_s(storage) / 3600
    return annual_loss_probability(drives, protection, storage.annual_failure_pct, hours)


def nines(probability: float) -> float:
    """Return −log10 of a probability (99.9 % kept = 3 nines), at most 30: nines of independent copies add up."""
    return min(30.0, -math.log10(probability)) if probability > 0 else 30.0


def slowdown_of(storage: Storage, requires: Iterable[str]) -> float:
    """Return the GB/s of a unit that one GB/s of data takes which requires these features (1 without encryption)."""
    return 1 / (1 - storage.encryption_loss_pct / 100) if set(requires) & set(STORAGE_FEATURES) else 1.0


def is_rented(storage: Storage) -> bool:
    """Whether the storage is only for rent."""
    return storage.price_usd is None and storage.rent_usd_per_tb_month is not None


def protection_problem(storage: Storage, protection: Protection, *, rented: bool | None = None) -> str | None:
    """Return why data on this storage cannot be protected that way, as a sentence, or None where it can.

    Rented storage has the provider's protection and no other. All else needs at least one redundant part, and a
    protection that its system offers. ``rented`` says how a row that may be bought or rented is used; None: rented
    only where it has no price.
    """
    if is_rented(storage) if rented is None else rented:
        if protection.name != PROVIDER_MANAGED:
            return f"storage.csv: {storage.name} is rented, so its protection is {PROVIDER_MANAGED}"
        return None
    if protection.name == PROVIDER_MANAGED:
        return f"protection.csv: {PROVIDER_MANAGED} is for rented storage; {storage.name} is bought"
    if protection.parity < 1:
        return f"protection.csv: {protection.name} has no redundant part (parity), so one failed drive loses data"
    if protection.systems and storage.system not in protection.systems:
        return (
            f"protection.csv: {protection.name} is offered by {' '.join(protection.systems)}, "
            f"{storage.name} is {storage.system}"
        )
    if storage.rebuild_gb_per_s is None and storage.write_gb_per_s <= 0:
        return f"storage.csv: {storage.name} writes nothing, so no failed drive of it can be rebuilt"
    if not is_spread_over_units(storage) and drives_of(storage) < width_of(protection):
        return (
            f"protection.csv: {protection.name} needs {width_of(protection)} drives, "
            f"a unit of {storage.name} has {drives_of(storage)}"
        )
    return None


def mean_hours_to_loss(protection: Protection, annual_failure_pct: float, rebuild_hours: float) -> float:
    """Return the mean hours until one group of data + parity drives loses data (inf where drives never fail).

    The state is the number of failed drives j: another fails at (n − j)·λ, and each of the failed is rebuilt at
    1 ÷ rebuild_hours, all at the same time; parity + 1 failed drives are a loss. The mean first passage of this
    birth-death chain is summed exactly. It is the model of Patterson, Gibson and Katz (SIGMOD 1988) and Gibson
    (Redundant Disk Arrays, 1992) for any number of redundant drives; like theirs it leaves out correlated failures
    and unreadable sectors, so it is an optimistic estimate.

    Raises ValueError for a negative failure rate or a rebuild time that is not positive.
    """
    if annual_failure_pct < 0 or not rebuild_hours > 0:
        raise ValueError(
            "annual_failure_pct must not be negative and rebuild_hours must be positive, "
            f"not {annual_failure_pct:g} and {rebuild_hours:g}"
        )
    if annual_failure_pct == 0:
        return math.inf
    drives = protection.data + protection.parity
    failure = annual_failure_pct / 100.0 / HOURS_PER_YEAR
    total = onward = 0.0
    for failed in range(protection.parity + 1):
        rate = (drives - failed) * failure
        onward = 1.0 / rate + failed / rebuild_hours / rate * onward
        total += onward
    return total


def annual_loss_probability(
    drives: int, protection: Protection, annual_failure_pct: float, rebuild_hours: float
) -> float:
    """Return the probability that any data is lost within a year.

    ``drives`` drives form groups of data + parity (a part of a group counts as that part); groups lose data
    independently at the rate of `mean_hours_to_loss`, whose assumptions and errors hold here too.

    Raises ValueError where the drives are fewer than one group.
    """
    width = protection.data + protection.parity
    if drives < width:
        raise ValueError(f"protection {protection.name} needs at least {width} drives, there are {drives}")
    hours = mean_hours_to_loss(protection, annual_failure_pct, rebuild_hours)
    return -math.expm1(-(drives / width) * HOURS_PER_YEAR / hours)
