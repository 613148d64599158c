"""Fabric islands: several smaller networks of one fabric in place of one that all nodes of a kind share.

A fabric whose row allows ``islands`` of it stands for so many fabrics that are alike: the row itself and copies named
``FABRIC~2``, ``FABRIC~3`` …, which no table can hold. Each becomes a pool of its own: its own switches, exactly counted
for its own nodes, its own spares, its own calendar; a job runs on one of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from dcopt.problem.tables.catalog_rows import Fabric


class IslandFabric(Fabric):
    """A further island of a fabric: alike in everything but its name."""

    first: Fabric
    number: int

    @property
    def listed(self) -> Fabric:
        """The row of the table."""
        return self.first


def listed_name(fabric: str) -> str:
    """Return the name of the row of which a fabric, by name, is an island."""
    return fabric.partition("~")[0]


def island_names(fabric: Fabric) -> list[str]:
    """Return the names of all islands of a row, itself first."""
    return [fabric.name, *(f"{fabric.name}~{number}" for number in range(2, fabric.islands + 1))]


def with_islands(fabrics: Mapping[str, Fabric]) -> dict[str, Fabric]:
    """Return the fabrics and, after them, the further islands of those that may have some."""
    found = dict(fabrics)
    for fabric in fabrics.values():
        for number, name in enumerate(island_names(fabric)[1:], 2):
            cells = dict(fabric) | {"name": name}
            found[name] = IslandFabric.model_construct(**cells, first=fabric, number=number)
    return found
