"""Stored volumes, what protection costs in raw capacity, and how likely it loses data."""

from __future__ import annotations

import math

from dcopt.problem.tables.catalog_rows import Protection, Storage

PROVIDER_MANAGED = "provider-managed"
"""The protection of rented storage: the provider's own, so nothing is added to what is stored."""

HOURS_PER_YEAR = 8760.0


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


def peak_stored_tb(size_tb: float, growth_pct: float, retention_years: float | None, horizon_years: int) -> float:
    """Return the most TB that the dataset holds in any year of the horizon (≥ 1 year); errors as `stored_tb`."""
    if horizon_years < 1:
        raise ValueError(f"the horizon must be at least one year, not {horizon_years}")
    return max(stored_tb(size_tb, growth_pct, retention_years, year) for year in range(1, horizon_years + 1))


def raw_tb(data_tb: float, protection: Protection, ratio: float = 1.0) -> float:
    """Return the raw TB that ``data_tb`` (before codec and protection) takes with a codec of that ratio (≥ 1)."""
    return data_tb / ratio * protection.raw_per_usable


def tolerated_failures(protection: Protection) -> int:
    """Return how many drives of a group may fail at once without loss of data."""
    return protection.parity


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
