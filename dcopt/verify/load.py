"""What stands at a site in a year, and what it draws in some hours: recomputed from the records and the tables."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from dcopt.design.records import Design, PoolRecord, ServiceRecord
from dcopt.infrastructure.elevation import Item
from dcopt.performance.power import serving_node_kw, training_node_kw
from dcopt.performance.workloads import HOURS_PER_YEAR
from dcopt.problem.day import ALL_DAY, Hours, mean_share, shares_of
from dcopt.problem.demand import load_in
from dcopt.problem.problem import Problem


@dataclass
class Load:
    """What stands at a site in a year: peaks and averages of nodes (by name) and of switches, cables and storage.

    Averages are those over some hours of the day.
    """

    node_peak_kw: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    node_average_kw: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    node_rated_kw: float = 0.0
    """Nameplate of all nodes."""
    shelf: dict[tuple[str, float, float], float] = field(default_factory=lambda: defaultdict(float))
    """How many switches, cables, storage units and servers by rule there are, by (name, height, kW of each)."""

    @property
    def shelf_kw(self) -> float:
        """Power of what is no node."""
        return sum(count * kw for (_, _, kw), count in self.shelf.items())

    @property
    def shelf_units(self) -> float:
        """Height of what is no node."""
        return sum(count * units for (_, units, _), count in self.shelf.items())

    @property
    def shelf_items(self) -> list[Item]:
        """What is no node, as it stands in racks."""
        return [Item(name, count, units, kw) for (name, units, kw), count in self.shelf.items() if count]

    @property
    def peak_kw(self) -> float:
        """IT peak."""
        return sum(self.node_peak_kw.values()) + self.shelf_kw

    @property
    def rated_kw(self) -> float:
        """IT nameplate."""
        return self.node_rated_kw + self.shelf_kw

    @property
    def average_kw(self) -> float:
        """IT average."""
        return sum(self.node_average_kw.values()) + self.shelf_kw


def load_of(problem: Problem, design: Design, site: str, year: int, hours: Hours = ALL_DAY) -> Load:
    """Return what the nodes, switches, cables and storage of a site draw in a year; averages over ``hours``, UTC."""
    load = Load()
    for pool in design.pools:
        if (pool.site, pool.year) == (site, year) and not pool.rented:
            node = problem.nodes[pool.node]
            load.node_peak_kw[pool.node] += node.peak_kw * pool.nodes
            load.node_rated_kw += (node.max_kw or 0.0) * pool.nodes
            load.node_average_kw[pool.node] += node.standby_kw * pool.nodes
            load.node_average_kw[pool.node] += _activity_kw(problem, design, pool, hours)
    for net in design.network:
        if (net.site, net.year) == (site, year):
            switch = problem.switches[net.switch]
            switches = net.leaf + net.spine + net.core
            load.shelf[switch.name, switch.rack_units, switch.max_kw] += switches
            for cable in net.cables:
                load.shelf["", 0.0, problem.links[cable.link].kw] += cable.links
            for module in net.transceivers:
                load.shelf["", 0.0, problem.transceivers[module.transceiver].kw] += module.units
    for side in design.side_networks:
        if (side.site, side.year) == (site, year):
            network, switch = problem.networks[side.name], problem.switches[side.switch]
            load.shelf[switch.name, switch.rack_units, switch.max_kw] += side.leaf + side.spine + side.core
            load.shelf["", 0.0, problem.links[network.access_link].kw] += side.ports
            load.shelf["", 0.0, problem.links[network.trunk_link].kw] += side.trunk_links
    for extra in design.adders:
        if (extra.site, extra.year) == (site, year):
            adder = problem.adders[extra.name]
            if adder.kw_each or adder.rack_units_each:
                load.shelf[adder.name, adder.rack_units_each, adder.kw_each] += extra.quantity
    for name, units in storage_units(design, site, year).items():
        row = problem.storage[name]
        load.shelf[name, row.rack_units, row.max_kw] += units
    return load


def storage_units(design: Design, site: str, year: int) -> dict[str, int]:
    """Return the units of each storage row at a site."""
    return {r.name: r.site_units for r in design.storage if (r.site, r.year) == (site, year)}


def _activity_kw(problem: Problem, design: Design, pool: PoolRecord, hours: Hours) -> float:
    """Return the average power above standby of what runs on a pool in some hours."""
    node = problem.nodes[pool.node]
    where = (pool.site, pool.node, pool.fabric, pool.year)
    total = pool.service_nodes * (serving_node_kw(node, 0.0) - node.standby_kw)
    for job in design.training:
        if (job.site, job.node, job.fabric, job.year) == where:
            row = problem.training[job.job]
            node_hours = job.runs_per_year * row.overhead_factor * job.nodes * job.days * 24
            total += node_hours / HOURS_PER_YEAR * (training_node_kw(node) - node.standby_kw)
    for part in design.inference:
        if (part.site, part.node, part.fabric, part.year) == where:
            busy = part.requests_per_s * _of_peak(problem, part, hours) / part.saturated_requests_per_s
            chips = part.replicas * part.accelerators_per_replica / node.accelerators
            total += busy * chips * (serving_node_kw(node, 1.0) - serving_node_kw(node, 0.0))
    return total


def _of_peak(problem: Problem, part: ServiceRecord, hours: Hours) -> float:
    """Return the mean load of a service in some hours as a share of the peak that it must carry."""
    service = problem.inference[part.service]
    shares = shares_of(problem, service)
    if shares is None or len(hours) == len(ALL_DAY):
        peak, mean = load_in(problem, service, part.year)
        return mean / peak
    return mean_share(shares, hours) / (1 + service.headroom_pct / 100)
