"""What a power cap leaves of speed and power: each phase as a whole is slower by what is published."""

from __future__ import annotations

from dataclasses import replace

import pytest
from perf_inputs import ENGINE, TRAINER, catalog, chip, model, request

from dcopt.performance.cluster import Cluster, cluster_of
from dcopt.performance.power import serving_node_kw, training_node_kw
from dcopt.performance.request import RequestError
from dcopt.performance.request_training import predict_training
from dcopt.performance.serving import ReplicaLayout, ServingTask, predict_closed, variant_of
from dcopt.performance.training import Layout, TrainingTask, predict_step
from dcopt.problem.power_caps import LOWEST_SHARE, capped, with_capped
from dcopt.problem.tables.catalog_rows import Fabric, Node
from dcopt.problem.tables.power_rows import CappedNode, PowerCap, Speeds, speeds_of

NODE: Node = catalog()["nodes"]["hgx-h100-8"]
CHIP = chip("h100-sxm")
CAP = PowerCap(name="low", accelerator="h100-sxm", saved_kw=0.1, training_speed_pct=90, training_8bit_speed_pct=80)


def cluster_at(cap: PowerCap | None) -> Cluster:
    """Return nodes on their own, at a cap or not."""
    node = NODE if cap is None else capped(NODE, cap)
    assert node is not None
    return cluster_of(node, CHIP, Fabric(name="none"), None)


@pytest.mark.parametrize(("precision", "speed"), [("bf16", 0.9), ("fp8", 0.8)])
def test_a_training_step_takes_as_much_longer_as_published(precision: str, speed: float) -> None:
    task = TrainingTask(model("llama-2-7b"), 4096, 16, "adam")
    layout = Layout(tensor=8, pipeline=1, data=1, micro_batch=1)
    full, slow = (predict_step(task, cluster_at(cap), layout, precision, TRAINER) for cap in (None, CAP))
    assert slow.step_s == pytest.approx(full.step_s / speed, rel=1e-12)
    assert slow.mfu == pytest.approx(full.mfu * speed, rel=1e-12)
    assert slow.memory_gb == full.memory_gb


@pytest.mark.parametrize(
    ("name", "outputs", "phase", "quantity"),
    [
        ("llama-2-7b", 128, "decode", "tpot_ms"),
        ("llama-2-7b", 128, "prefill", "ttft_ms"),
        ("bert-large", 0, "prefill", "latency_ms"),
    ],
)
def test_a_phase_is_slower_by_no_more_than_its_share_and_the_other_is_not(
    name: str, outputs: int, phase: str, quantity: str
) -> None:
    """Host time is not the chip's: a phase is slower by up to its share, and by most of it."""
    task = ServingTask(model(name), 512, outputs)
    variant = variant_of([next(iter(catalog()["compression"].values()))], CHIP, ENGINE)
    assert variant is not None
    layout = ReplicaLayout(1, 1, 1, 1)

    def time(speeds: Speeds) -> float:
        where = replace(cluster_at(None), speeds=speeds)
        return float(getattr(predict_closed(task, where, layout, variant, ENGINE, concurrency=16.0), quantity))

    full, slow = time(Speeds()), time(replace(Speeds(), **{phase: 0.8}))
    assert 1.05 * full < slow <= full / 0.8 * (1 + 1e-9)
    if quantity == "tpot_ms":
        assert time(replace(Speeds(), training=0.5, training_8bit=0.5)) == full


def test_power_follows_the_cap() -> None:
    low = capped(NODE, CAP)
    assert low is not None
    assert (NODE.max_kw, NODE.measured_peak_kw) == (10.2, 7.9)
    assert low.max_kw == pytest.approx(9.4)
    assert low.peak_kw == pytest.approx(7.9 * 9.4 / 10.2)
    assert low.standby_kw == NODE.standby_kw
    assert training_node_kw(low) == training_node_kw(NODE)  # a cap alone claims no energy
    assert serving_node_kw(low, 1.0) <= low.peak_kw
    frugal = capped(NODE, CAP.model_copy(update={"work_power_pct": 80.0}))
    assert frugal is not None
    assert training_node_kw(frugal) == pytest.approx(0.8 * training_node_kw(NODE))
    deep = capped(NODE, CAP.model_copy(update={"saved_kw": 0.9}))
    assert deep is not None
    assert training_node_kw(deep) == pytest.approx(deep.peak_kw)


def test_blank_speeds_are_the_slower_of_what_is_known() -> None:
    assert CAP.speeds == Speeds(0.9, 0.8, 0.8, 0.8)
    assert CAP.model_copy(update={"prefill_speed_pct": 95.0}).speeds == Speeds(0.9, 0.8, 0.95, 0.95)


def test_every_shipped_cap_is_of_nodes_that_are_sold_and_leaves_them_enough_power() -> None:
    caps = catalog()["power_caps"]
    found = [node for node in with_capped(catalog()["nodes"], caps).values() if isinstance(node, CappedNode)]
    assert {f"{node.cap.accelerator}/{node.cap.name}" for node in found} == set(caps)
    for node in found:
        assert node.max_kw is not None
        assert node.whole.max_kw is not None
        assert LOWEST_SHARE <= node.max_kw / node.whole.max_kw < 1
        assert node.price_usd == node.whole.price_usd
        speeds = speeds_of(node)
        assert all(0.5 < share <= 1 for share in (speeds.training, speeds.prefill, speeds.decode))


def test_predict_speaks_of_caps() -> None:
    cells = {"model": "llama-2-7b", "node": "hgx-h100-8", "accelerators": 8, "tensor": 8, "pipeline": 1}
    cells |= {"global_batch": 16, "sequence_length": 4096, "precision": "bf16"}
    full = predict_training(request(**cells))
    slow = predict_training(request(**cells, power_cap="600w"))
    assert slow["step_s"] == pytest.approx(full["step_s"] / 0.85)
    with pytest.raises(RequestError, match="its own: 600w"):
        predict_training(request(**cells, power_cap="300w"))
    with pytest.raises(RequestError, match="name the node"):
        predict_training(request(**{**cells, "node": "", "accelerator": "h100-sxm"}, power_cap="600w"))
