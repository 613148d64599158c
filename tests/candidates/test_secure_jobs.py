"""What a training job requires: encrypted checkpoints, and between its nodes a fabric that encrypts, at its price."""

from __future__ import annotations

import pytest
from small import Small, design_of, job, owned_site, service, tco_of

from dcopt.candidates.generate import generate
from dcopt.pipeline.precheck import precheck
from dcopt.problem.findings import InputError
from dcopt.verify.verify import verify

SAFE = {"features": "encryption-in-transit"}


def several_nodes(**cells: object) -> Small:
    """Return a job that keeps its deadline on several nodes only, and a fabric that does not encrypt."""
    return owned_site([job(tokens=1e12, deadline_days=25, **cells)]).drop("nodes", "quad")


def test_a_fabric_that_does_not_encrypt_joins_no_nodes_of_such_a_job() -> None:
    free = generate(several_nodes().load())
    assert {c.pool.fabric.name for c in free.training["learn"]} == {"flat"}
    strict = several_nodes(requires="encryption-in-transit")
    [obstacle, *_] = precheck(strict.load(), generate(strict.load()))
    assert "on a fabric with encryption-in-transit" in str(obstacle)
    alone = owned_site([job(requires="encryption-in-transit")]).change("storage", **SAFE)
    assert {c.nodes for c in generate(alone.load()).training["learn"]} == {1}


def test_encryption_between_nodes_costs_bandwidth() -> None:
    safe = several_nodes(requires="encryption-in-transit").change("storage", **SAFE).change("fabrics", "flat", **SAFE)
    problems = [several_nodes(), safe, safe.change("fabrics", "flat", encryption_loss_pct=80)]
    steps = []
    for small in problems:
        found = generate(small.load()).training["learn"]
        steps.append(min(c.step.step_s for c in found if c.nodes == 4))
    assert steps[0] == steps[1] < steps[2]
    costs = [tco_of(small) for small in problems]
    assert costs[0] <= costs[1] * (1 + 1e-7)
    assert costs[1] <= costs[2] * (1 + 1e-7)


def test_checkpoints_lie_where_the_job_asks() -> None:
    small = owned_site([job(requires="encryption-at-rest")])
    [obstacle] = precheck(small.load(), generate(small.load()))
    assert "hold its checkpoints" in str(obstacle)
    assert "requires encryption-at-rest" in str(obstacle)
    safe = small.change("storage", "flash", features="encryption-at-rest", encryption_loss_pct=20)
    assert tco_of(safe) >= tco_of(owned_site([job()])) * (1 - 1e-7)


def test_the_verifier_knows_what_jobs_require() -> None:
    strict = several_nodes(requires="encryption-in-transit").change("storage", **SAFE)
    encrypted = strict.change("fabrics", "flat", **SAFE)
    design = design_of(encrypted)
    assert any("layout" in str(wrong) for wrong in verify(strict.load(), design)[1])
    slower = encrypted.change("fabrics", "flat", encryption_loss_pct=50).load()
    assert any("step_s" in str(wrong) for wrong in verify(slower, design)[1])
    unsafe = encrypted.change("storage", features=None).load()
    assert any("storage" in str(wrong) for wrong in verify(unsafe, design)[1])


def test_encryption_in_transit_costs_an_engine_what_its_row_says() -> None:
    def rate(loss: float, **cells: object) -> float:
        small = owned_site(services=[service(**cells)])
        small = small.change("software", "engine", features="encryption-in-transit", encryption_loss_pct=loss)
        found = generate(small.load()).serving["chat"]
        return max(c.saturated_requests_per_s / c.accelerators for c in found)

    plain = rate(20)
    assert rate(0, requires="encryption-in-transit") == plain
    slow = rate(20, requires="encryption-in-transit")
    assert 0.75 * plain < slow < 0.9 * plain
    small = owned_site(services=[service(requires="encryption-in-transit")])
    small = small.change("software", "engine", features="encryption-in-transit")
    design = design_of(small)
    lossy = small.change("software", "engine", encryption_loss_pct=20).load()
    assert any("inference" in str(wrong) for wrong in verify(lossy, design)[1])
    assert design_of(lossy).status == "optimal"


def test_an_unknown_feature_of_a_job_is_an_error() -> None:
    with pytest.raises(InputError, match="requires"):
        owned_site([job(requires="padlocks")]).load()
