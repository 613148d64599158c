"""The candidates of one site alone, where all that is asked for may run at one.

Where workloads may run at any of several sites their program is several times as large as that of a site, and sites
that are nearly equal make the search for a design compare what hardly differs. A design at one site is a design of the
whole, found in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Mapping

from dcopt.candidates.lesser import on_pools, with_ways
from dcopt.candidates.records import Candidates, ServingCandidate, TrainingCandidate
from dcopt.problem.problem import Problem

Ways = Mapping[str, tuple[TrainingCandidate, ...]] | Mapping[str, tuple[ServingCandidate, ...]]


def at_each_site(problem: Problem, candidates: Candidates) -> dict[str, Candidates]:
    """Return, by site, the candidates there; only of sites at which every workload may run, none of a single site.

    Whether a site has room for all of it is not looked at. None is left where nodes are asked for at another site, or
    where some sites are rented and others bought: a relaxation, which buys parts of nodes, does not compare them.
    """
    sites = list(dict.fromkeys(pool.site for pool in candidates.pools.values()))
    if len(sites) < 2 or len({problem.sites[site].kind for site in sites}) > 1:
        return {}
    asked = {site for (site, _), (least, _) in candidates.numbers.items() if least > 0} - {"*"}
    return {
        site: at_site(problem, candidates, site) for site in sites if asked <= {site} and does_all(candidates, site)
    }


def does_all(candidates: Candidates, site: str) -> bool:
    """Whether every workload may run at a site."""
    return _all_may_run(candidates.training, site) and _all_may_run(candidates.serving, site)


def _all_may_run(ways: Ways, site: str) -> bool:
    return all(any(way.pool.site == site for way in of_workload) for of_workload in ways.values())


def at_site(problem: Problem, candidates: Candidates, site: str) -> Candidates:
    """Return the candidates at one site."""
    keys = {key for key, pool in candidates.pools.items() if pool.site == site}
    return with_ways(problem, candidates, *on_pools(candidates.training, candidates.serving, keys))
