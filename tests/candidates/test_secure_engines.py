"""What a service requires of its engine: engines that lack it are no candidates, and the verifier says so."""

from __future__ import annotations

import pytest
from small import Small, design_of, owned_site, service

from dcopt.candidates.generate import generate
from dcopt.pipeline.precheck import precheck
from dcopt.problem.findings import InputError
from dcopt.verify.verify import verify


def with_safe_engine(**cells: object) -> Small:
    """Return a service, the usual engine, and a dearer one with TLS and access control."""
    small = owned_site(services=[service(**cells)])
    return small.add(
        "software",
        name="safe",
        role="serving",
        licence_usd_per_accelerator_year=900,
        features="encryption-in-transit access-control",
    )


def engines(small: Small) -> set[str]:
    problem = small.load()
    return {candidate.software for candidate in generate(problem).serving["chat"]}


def test_only_engines_that_offer_it_are_candidates() -> None:
    assert "engine" in engines(with_safe_engine())
    assert engines(with_safe_engine(requires="encryption-in-transit")) == {"safe"}
    assert engines(with_safe_engine(requires="access-control encryption-in-transit")) == {"safe"}


def test_what_is_required_never_costs_less() -> None:
    free, safe = (design_of(with_safe_engine(requires=what)) for what in (None, "access-control"))
    assert {part.software for part in safe.inference} == {"safe"}
    assert (safe.tco_usd or 0) > (free.tco_usd or 0)


def test_what_no_engine_offers_is_an_obstacle() -> None:
    problem = with_safe_engine(requires="audit-log").load()
    [obstacle] = precheck(problem, generate(problem))
    assert "by an engine with audit-log" in str(obstacle)


def test_an_unknown_feature_is_an_error() -> None:
    with pytest.raises(InputError, match="requires"):
        with_safe_engine(requires="padlocks").load()


def test_the_verifier_knows() -> None:
    design = design_of(with_safe_engine())
    strict = with_safe_engine(requires="access-control").load()
    assert any("software" in str(wrong) for wrong in verify(strict, design)[1])
