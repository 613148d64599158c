"""How many nodes of each type there are at all sites together, as integers of their own.

    bought_anywhere[k] = Σ_p bought[p],   work_anywhere[k] = Σ_p work[p],   hosts_anywhere[k,t] = Σ_p hosts[p,t]
                                                        over the owned pools p of node type k at all sites (integer)

They follow from the others and cut nothing off. Where work may go to several sites a relaxation spreads it so that no
pool is left with a fraction worth branching on, while the sums stay fractional: with these alone whole the relaxation
of a large program is solved in seconds, and within 1 % of what all strategic integers give (README.md, "Large
programs").
Relaxations of large programs alone have them: they bind sites together that otherwise fall apart.
"""

from __future__ import annotations

import math
from typing import Any

from dcopt.formulation.compute import pools_alike
from dcopt.formulation.expressions import total
from dcopt.formulation.program import Program


def link(program: Program) -> None:
    """Add the sums of the node types that several sites may have."""
    by_node: dict[str, list[list[str]]] = {}
    for (_, node), keys in pools_alike(program).items():
        by_node.setdefault(node, []).append(keys)
    model = program.model
    hosts = model.component("hosts")
    for node, of_sites in by_node.items():
        if len(of_sites) < 2:
            continue
        keys = [key for of_site in of_sites for key in of_site]
        names = {program.candidates.pools[key].node.name for key in keys}
        most = sum(program.candidates.numbers.get(("*", name), (0, math.inf))[1] for name in names)
        _summed(program, "bought_anywhere", node, [model.bought[key] for key in keys], most)
        _summed(program, "work_anywhere", node, [model.work[key] for key in keys], most)
        for period in program.candidates.periods if hosts is not None else ():
            found = [hosts[key, period.index] for key in keys if (key, period.index) in hosts]
            if len(found) > 1:
                _summed(program, "hosts_anywhere", (node, period.index), found, most)


def _summed(program: Program, name: str, key: Any, variables: list[Any], known: float) -> None:
    most = min(known, sum(int(variable.ub) for variable in variables))
    program.require(name, key, total(variables) == program.var(name, key, ub=most, integer=True))
