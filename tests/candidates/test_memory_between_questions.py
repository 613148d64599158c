"""Predictions that are kept between questions: the candidates are those of a fresh start, whatever was asked before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small import dataset, job, service, two_sites

from dcopt.candidates.generate import generate
from dcopt.candidates.memory import Memory
from dcopt.candidates.records import Pool
from dcopt.pipeline.promises import changed, promises_of

SMALL = (
    two_sites([job(dataset="books"), job("tune", tokens=4e11)], [service(sites="oslo"), service("search", tpot_ms=9)])
    .put("datasets", [dataset()])
    .put("offers", [{"table": "nodes", "name": "duo", "max_units": 9}, {"table": "nodes", "name": "quad"}])
)


def test_every_promise_lifted_or_tightened_after_another_gives_what_a_fresh_start_gives() -> None:
    problem, memory = SMALL.load(), Memory()
    generate(problem, memory=memory)
    for promise in promises_of(problem):
        values = [promise.lifted]
        if promise.rises is not None and not promise.whole:
            values.append(promise.value * (0.8 if promise.rises else 1.01))
        for value in values:
            asked = changed(problem, {promise: value})
            assert generate(asked, memory=memory) == generate(asked), f"{promise.row} {value}"
    assert generate(problem, memory=memory) == generate(problem)


def test_other_parts_empty_the_memory() -> None:
    problem, memory = SMALL.load(), Memory()
    generate(problem, memory=memory)
    chips = {name: row.model_copy(update={"memory_gb": 24}) for name, row in problem.accelerators.items()}
    other = replace(problem, tables={**problem.tables, "accelerators": chips})
    assert generate(other, memory=memory) == generate(other)
    engines = {"table": "compression", "name": "bf16"}
    offered = SMALL.add("offers", **engines).load()
    assert generate(offered, memory=memory) == generate(offered)


def test_caps_islands_and_requirements_are_told_apart() -> None:
    """Predictions of a node at a cap, or of a job whose messages are encrypted, are not those of others."""
    caps = {"accelerator": "slow", "name": "low", "saved_kw": 0.1, "training_speed_pct": 80}
    features = {"features": "encryption-in-transit"}
    small = (
        SMALL.set(power_caps="yes")
        .put("power_caps", [caps])
        .change("fabrics", "flat", islands=2, encryption_loss_pct=30, **features)
        .change("storage", **features)
        .add("training", **{**job("secret", tokens=1e12, deadline_days=25), "requires": "encryption-in-transit"})
        .add("training", **job("open", tokens=1e12, deadline_days=25))
    )
    memory = Memory()
    plain, problem = small.set(power_caps="no").load(), small.load()
    generate(plain, memory=memory)
    found = generate(problem, memory=memory)
    assert found == generate(problem)
    steps = {
        name: {
            (c.pool.node.name, c.pool.fabric.name, c.nodes): c.step.step_s
            for c in found.training[name]
            if c.pool.site == "oslo"
        }
        for name in ("open", "secret")
    }
    both = steps["open"].keys() & steps["secret"].keys()
    assert any(steps["secret"][key] > steps["open"][key] for key in both if key[2] > 1)
    slowed = {key: steps["open"].get(("duo@low", *key[1:])) for key in steps["open"] if key[0] == "duo"}
    ratios = [step / steps["open"][key] for key, step in slowed.items() if step]
    assert ratios
    assert ratios == pytest.approx([1 / 0.8] * len(ratios))
    first, second = ({k: v for k, v in steps["open"].items() if k[1] == name} for name in ("flat", "flat~2"))
    assert first
    assert {(node, "flat", n): v for (node, _, n), v in second.items()} == first


def test_what_is_not_admitted_is_left_out_before_the_best_are_chosen() -> None:
    problem = SMALL.load()
    compressions = {"+".join(c.compression) for c in generate(problem).serving["chat"]}

    def others(workload: str, pool: Pool, variant: str) -> bool:
        return workload != "chat" or (variant not in compressions and pool.node.name == "duo")

    left = generate(problem, admits=others)
    assert {c.pool.node.name for c in left.serving["chat"]} <= {"duo"}
    assert not compressions & {"+".join(c.compression) for c in left.serving["chat"]}
    assert left.serving["search"] == generate(problem).serving["search"]
