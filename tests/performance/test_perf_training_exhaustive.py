"""The search against every layout that is legal, enumerated here from the rules alone.

Contexts are split down to 4096 tokens a chip, as the search says that it does; nothing else is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from perf_inputs import TRAINER, cluster

from dcopt.performance.layouts import LEAST_CONTEXT_TOKENS, check
from dcopt.performance.training import Layout, TrainingTask, best_step, predict_step
from dcopt.performance.training_records import RECOMPUTE, SHARDING
from dcopt.problem.model_config import ModelConfig, gpt_style

DENSE = gpt_style(8, 1024, 8)
MIXTURE = ModelConfig(
    name="small mixture",
    family="mixtral",
    kind="decoder",
    layers=4,
    hidden=1024,
    heads=8,
    kv_heads=4,
    head_dim=128,
    ffn=2048,
    vocab=32000,
    experts=4,
    experts_per_token=2,
    expert_ffn=2048,
)


def legal(task: TrainingTask, chips: int, network: float) -> Iterator[Layout]:
    """Yield every layout of ``chips`` that the rules allow, whether or not the search looks at its like."""
    degrees = range(1, chips + 1)
    for tensor, pipeline, context in product(degrees, degrees, degrees):
        if chips % (tensor * pipeline * context):
            continue
        if context > 1 and task.sequence_length // context < LEAST_CONTEXT_TOKENS:
            continue
        data = chips // (tensor * pipeline * context)
        others = product(range(1, data + 1), range(1, 9), range(1, task.global_batch + 1), RECOMPUTE, SHARDING)
        for expert, stages, batch, recompute, sharding in others:
            layout = Layout(tensor, pipeline, data, expert, context, stages, batch, recompute, sharding)
            try:
                check(task, cluster("a100-sxm-80", network), layout)
            except ValueError:
                continue
            yield layout


@pytest.mark.parametrize(
    ("task", "chips", "network"),
    [
        (TrainingTask(DENSE, 1024, 8), 4, 0.0),
        (TrainingTask(DENSE, 2048, 16), 8, 0.0),
        (TrainingTask(DENSE, 512, 8), 16, 200.0),
        (TrainingTask(MIXTURE, 1024, 8), 8, 0.0),
        (TrainingTask(DENSE, 1024, 8, aggregations=("all-reduce", "parameter-server")), 8, 0.0),
        (TrainingTask(DENSE, 8192, 2), 8, 0.0),
    ],
    ids=["four chips", "a node", "two nodes", "experts", "servers", "long"],
)
def test_no_legal_layout_is_faster_than_the_one_found(task: TrainingTask, chips: int, network: float) -> None:
    hardware = cluster("a100-sxm-80", network)
    steps = [predict_step(task, hardware, layout, "bf16", TRAINER) for layout in legal(task, chips, network)]
    fitting = [step for step in steps if step.fits]
    assert len(fitting) > 20
    best = best_step(task, hardware, chips, "bf16", TRAINER)
    assert best is not None
    assert best.step_s <= min(step.step_s for step in fitting) * (1 + 1e-9)
