"""Networks beside the fabric of the accelerators: storage, in-band and out-of-band management.

Each is a leaf-spine of its own over all equipment of a site; a link to equipment counts as one node of it.
"""

from __future__ import annotations

from dcopt.infrastructure.topology import Shape, max_nodes
from dcopt.problem.tables.catalog_rows import SideNetwork, Switch


def side_shape(network: SideNetwork, switch: Switch) -> Shape:
    """Return the shape of a network beside the fabric."""
    return Shape("leaf-spine", switch.ports, 1, network.oversubscription)


def most_ports(network: SideNetwork, switch: Switch) -> int:
    """Return the most links to equipment that three tiers take."""
    return max_nodes(side_shape(network, switch))
