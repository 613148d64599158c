"""What a site can be built of: racks under a cooling unit, the power chain, heat rejection."""

from __future__ import annotations

from collections.abc import Iterable

from dcopt.candidates.records import RackOption, SiteFacility
from dcopt.infrastructure.cooling import LOOPS, REJECTION, serves
from dcopt.infrastructure.power import CHAIN, PARALLEL, usable_kw
from dcopt.infrastructure.racks import NETWORK_STORAGE, heat_by_collector, rack_fill, weakest_floor
from dcopt.problem.offered import Offered, offered, price_of
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import CoolingUnit, Node, Rack


def facility_of(problem: Problem, site: str, nodes: Iterable[Node], *, any_price: bool = False) -> SiteFacility:
    """Return the parts that ``site`` can have for ``nodes``; a cloud has none, a landlord gives power and cooling.

    ``any_price`` keeps racks that others beat by their price.
    """
    kind = problem.sites[site].kind
    storage = tuple(
        (offer.row, None if kind == "cloud" else offer.price_usd)
        for offer in offered(problem, "storage", site).values()
    )
    if kind == "cloud":
        return SiteFacility(storage, {}, {}, (), {})
    own_plant = kind != "colocation"
    cooling = list(offered(problem, "cooling", site).values()) if own_plant else []
    collectors = [offer for offer in cooling if offer.row.kind != REJECTION]
    racks = list(offered(problem, "racks", site).values())
    floor = weakest_floor(problem.sites[site].floor_kg_per_m2, problem.halls_at(site))
    units = collectors if own_plant else None
    options: dict[str, tuple[RackOption, ...]] = {
        node.name: _undominated(found, _limited(problem, racks))
        if problem.window is None and not any_price
        else tuple(found)  # a dearer one may stand already
        for node in nodes
        for found in [_node_options(node, racks, units, floor)]
    }
    options[NETWORK_STORAGE] = tuple(_plain_options(racks, collectors, own_plant=own_plant))
    power = offered(problem, "power", site).values() if own_plant else ()
    return SiteFacility(
        storage=storage,
        racks=options,
        power={
            role: tuple(
                (offer.row, price_of(offer))
                for offer in power
                if offer.row.role == role and usable_kw(offer.row, problem.sites[site].ups_minutes) > 0
            )
            for role in (*CHAIN, PARALLEL)
        },
        collectors=tuple((offer.row, price_of(offer)) for offer in collectors),
        rejection={
            loop: tuple(
                (offer.row, price_of(offer))
                for offer in cooling
                if offer.row.kind == REJECTION and all(serves(offer.row, kind) for kind in kinds)
            )
            for loop, kinds in LOOPS.items()
        },
    )


def _node_options(
    node: Node, racks: list[Offered], collectors: list[Offered] | None, floor_kg_per_m2: float | None
) -> list[RackOption]:
    """Return the racks that hold the node, under each cooling unit that takes its heat (None: the landlord's)."""
    options = []
    for offer in racks:
        rack: Rack = offer.row
        price = price_of(offer)
        shares = heat_by_collector(node, rack.cooling)
        if collectors is None:
            fill = rack_fill(node, rack, None, floor_kg_per_m2)
            if fill:
                options.append(RackOption(rack, price, fill, None, 1.0, None, 0.0))
            continue
        own_share = shares.get(rack.cooling, 0.0)
        air_share = shares.get("air", 0.0) if rack.cooling == "liquid" else 0.0
        for collector in _of_kind(collectors, rack.cooling):
            fill = rack_fill(node, rack, collector.max_rack_kw, floor_kg_per_m2)
            if not fill:
                continue
            for air in _of_kind(collectors, "air") if air_share else [None]:
                options.append(RackOption(rack, price, fill, collector, own_share, air, air_share))
    return options


def _plain_options(racks: list[Offered], collectors: list[Offered], *, own_plant: bool) -> Iterable[RackOption]:
    """Yield the racks for switches and storage: under air or rear-door cooling."""
    for offer in racks:
        rack: Rack = offer.row
        if rack.cooling not in LOOPS["chilled"]:
            continue
        if not own_plant:
            yield RackOption(rack, price_of(offer), 0, None, 1.0, None, 0.0)
            continue
        for collector in _of_kind(collectors, rack.cooling):
            yield RackOption(rack, price_of(offer), 0, collector, 1.0, None, 0.0)


def _of_kind(collectors: list[Offered], kind: str) -> list[CoolingUnit]:
    return [offer.row for offer in collectors if offer.row.kind == kind]


def _limited(problem: Problem, racks: list[Offered]) -> tuple[set[str], set[str]]:
    """Return the racks that exist already, and those that cannot be had in any number."""
    existing = {offer.name for offer in racks if offer.existing_units}
    scarce = {
        offer.name
        for offer in problem.offers.values()
        if offer.table == "racks" and (offer.max_units is not None or offer.min_units is not None)
    }
    return existing, scarce | {offer.name for offer in racks if offer.price_usd is None}


def _undominated(options: list[RackOption], limited: tuple[set[str], set[str]]) -> tuple[RackOption, ...]:
    """Leave out racks that, under the same cooling units, hold no more nodes and cost no less over their life.

    Racks that exist already stay, and racks of limited number replace no other.
    """
    existing, scarce = limited
    kept: list[RackOption] = []
    for option in sorted(options, key=lambda o: (-o.fill, o.price_usd, -o.rack.lifetime_years, o.key)):
        if option.rack.name in existing or not any(
            (other.collector, other.air_collector) == (option.collector, option.air_collector)
            and other.rack.name not in scarce
            and other.fill >= option.fill
            and other.price_usd <= option.price_usd
            and other.rack.lifetime_years >= option.rack.lifetime_years
            for other in kept
        ):
            kept.append(option)
    return tuple(kept)
