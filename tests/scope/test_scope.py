"""Every row of the scope works. Rows whose depth is the work of a later issue are tested for what is there already;
what is not there yet is skipped in sight, with the issue that brings it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scope_rows import ROWS

import dcopt
from dcopt.candidates.generate import generate
from dcopt.candidates.pools import pools_of
from dcopt.candidates.records import Candidates
from dcopt.cli.main import COMMANDS
from dcopt.design.records import Design
from dcopt.infrastructure.power import units_needed
from dcopt.infrastructure.spares import spares_needed
from dcopt.infrastructure.storage import raw_tb
from dcopt.performance.arithmetic import parameters, weight_bytes
from dcopt.performance.cluster import cluster_from_numbers
from dcopt.performance.compatibility import runs_on, stacked_loss_pct
from dcopt.performance.training import best_step, peaks
from dcopt.performance.workloads import run_of
from dcopt.pipeline.precheck import precheck
from dcopt.problem.load import load
from dcopt.problem.locate import examples_dir, models_dir
from dcopt.problem.model_config import load_model
from dcopt.problem.problem import Problem
from dcopt.verify.verify import verify

Catalog = dict[str, dict[str, Any]]
Example = Callable[..., Problem]
COVERED: set[str] = set()


def row(name: str) -> Any:
    """Mark a test as one of a row of the scope."""
    assert name in ROWS
    COVERED.add(name)
    return pytest.mark.scope(name)


BERT = "bert-question-answering"
SERVICES = (
    "name,model,peak_requests_per_s,input_tokens,latency_ms,percentile,max_quality_loss_pct,headroom_pct\n"
    "question-answering,bert-large,1500,384,100,99,1,10\n"
)
ONE_NODE = "table,name\nnodes,l4-8\nfabrics,none\nfabrics,eth100-leafspine-3to1\n"


def bert_service(example: Example, offers: str) -> Problem:
    """The question-answering service of the example alone, on one kind of node."""
    return example(BERT, inference=SERVICES, offers=offers, training="", datasets="", regions="")


@pytest.fixture(scope="module")
def solved() -> tuple[Problem, Design]:
    """The BERT example with a carbon price, solved roughly."""
    problem = load(examples_dir() / BERT, ["settings.carbon_price_usd_per_t=50"])
    return problem, dcopt.solve(problem, gap=0.5, baseline=False)


def per_accelerator(candidates: Candidates) -> float:
    return max(c.requests_per_s / c.accelerators for c in candidates.serving["question-answering"])


@row("selection")
def test_the_steps_of_a_selection_are_commands() -> None:
    steps = ["init", "check", "solve", "report", "bom", "explain", "verify"]
    assert [command for command in COMMANDS if command in steps] == steps
    problem = load(examples_dir() / BERT)
    candidates = generate(problem)
    assert all(candidates.training.values())
    assert all(candidates.serving.values())
    assert {verdict.node for verdict in candidates.verdicts if not verdict.candidates}, "some schemes are rejected"


@row("selection")
def test_sensitivity_studies() -> None:
    if "sensitivity" not in COMMANDS:
        pytest.skip("issue 7 (studies) brings `dcopt sensitivity`")


@row("principles")
def test_promises_are_constraints_and_cost_is_the_objective(example: Example) -> None:
    """Performance first: a promise that nothing keeps is no design at any price."""
    strict = example(BERT, "inference.question-answering.latency_ms=1")
    assert any("question-answering" in obstacle.row for obstacle in precheck(strict, generate(strict)))
    assert strict.settings.objective == "tco"
    for column in ("maintenance_pct_per_year", "support_pct_per_year"):
        assert any(getattr(node, column) > 0 for node in strict.nodes.values())
    assert strict.settings.staff_usd_per_kw_year > 0


@row("hardware")
def test_every_kind_of_accelerator_is_on_offer(catalog: Catalog) -> None:
    kinds = {chip.kind for chip in catalog["accelerators"].values()}
    assert kinds == {"cpu", "gpu", "tpu", "fpga", "asic"}
    for name in ("xeon-8260-2s", "v100-sxm-32", "a100-sxm-40", "a100-sxm-80", "h100-sxm", "b200-sxm", "tpu-v5p"):
        assert name in catalog["accelerators"]
    assert kinds == {catalog["accelerators"][node.accelerator].kind for node in catalog["nodes"].values()}


@row("hardware")
def test_no_chip_is_predicted_beyond_its_peak(catalog: Catalog) -> None:
    task = run_of((problem := load(examples_dir() / BERT)).training["tune-answers"], problem).task
    for chip in catalog["accelerators"].values():
        for software in catalog["software"].values():
            if software.role != "training" or not runs_on(software, chip, "training"):
                continue
            for precision in ("bf16", "fp16", "fp32"):
                if chip.peak_tflops(precision) is None:
                    continue
                step = best_step(task, cluster_from_numbers(chip, 1, 100.0), 1, precision, software)
                peak = peaks(cluster_from_numbers(chip, 1, 100.0), precision)[0]
                assert step is None or step.tflops_per_accelerator * 1e12 < peak, (chip.name, software.name)


@row("workloads")
def test_the_models_and_industries_of_the_documents_are_there() -> None:
    models = {path.parent.name for path in models_dir().glob("*/config.json")}
    named = {"bert-base", "bert-large", "gpt-1", "gpt-2-xl", "gpt-3-175b", "glm-10b", "glm-130b", "vit-l"}
    assert named <= models
    examples = {path.name: load(path) for path in examples_dir().iterdir() if path.is_dir()}
    services = {service for problem in examples.values() for service in problem.inference}
    assert {"question-answering", "topic-classification", "sentiment"} <= services  # BERT
    assert {"chat", "translation", "text-generation"} <= services  # generation, customer service
    assert {"dialogue"} <= services  # GLM
    assert {"risk-scoring", "report-summary", "image-triage"} <= services  # bank and hospital
    jobs = {job.model for problem in examples.values() for job in problem.training.values()}
    assert {"gpt-3-175b", "glm-130b", "bert-base", "bert-large"} <= jobs


@row("learning")
@pytest.mark.parametrize("change", ["method=pretrain", "method=finetune", "method=lora", "optimizer=sgd"])
def test_methods_and_optimizers(change: str, example: Example) -> None:
    problem = example(BERT, f"training.tune-answers.{change}")
    assert generate(problem).training["tune-answers"]


@row("learning")
def test_optimizers_differ_in_memory(example: Example) -> None:
    def memory(optimizer: str) -> float:
        problem = example(BERT, f"training.tune-answers.optimizer={optimizer}")
        task = run_of(problem.training["tune-answers"], problem).task
        chip = cluster_from_numbers(problem.accelerators["a100-sxm-80"], 1, 100.0)
        step = best_step(task, chip, 1, "bf16", problem.software["pytorch"], {"recompute": "none", "micro_batch": 4})
        assert step is not None
        return step.memory_gb

    assert memory("sgd") < memory("rmsprop") < memory("adam")


@row("learning")
def test_an_ensemble_is_several_services_on_one_site(example: Example) -> None:
    two = SERVICES + "second-opinion,bert-base,1500,384,100,99,1,10\n"
    problem = example(BERT, inference=two, offers=ONE_NODE, training="", datasets="", regions="")
    assert set(generate(problem).serving) == {"question-answering", "second-opinion"}


@row("parallel training")
def test_data_tensor_and_pipeline_parallel_in_mixed_precision(catalog: Catalog) -> None:
    problem = load(examples_dir() / "gpt3-pretraining")
    task = run_of(problem.training["gpt3"], problem).task
    cluster = cluster_from_numbers(catalog["accelerators"]["a100-sxm-80"], 8, 1600.0)
    fixed = {"tensor": 8, "pipeline": 8, "data": 12}
    step = best_step(task, cluster, 768, "bf16", catalog["software"]["megatron"], fixed)
    assert step is not None
    layout = step.layout
    assert (layout.tensor, layout.pipeline, layout.data) == (8, 8, 12)
    for part in ("tensor_comm", "pipeline_comm", "data_comm", "bubble"):
        assert step.breakdown[part] > 0


@row("parallel training")
def test_ten_workers_with_adam_share_the_batch(example: Example) -> None:
    problem = example(BERT, "training.tune-answers.global_batch=40")
    job = problem.training["tune-answers"]
    assert job.optimizer == "adam"
    task = run_of(job, problem).task
    cluster = cluster_from_numbers(problem.accelerators["v100-sxm-32"], 1, 100.0)
    alike = {"tensor": 1, "pipeline": 1}
    one, ten = (best_step(task, cluster, workers, "fp16", problem.software["pytorch"], alike) for workers in (1, 10))
    assert one is not None
    assert ten is not None
    assert ten.layout.data == 10
    assert 3 < one.step_s / ten.step_s < 10  # a network of 100 Gb/s takes half of the step


@row("parallel training")
def test_parameter_servers(example: Example) -> None:
    """Gradients may be summed on the workers' hosts in place of all-reduce: the step differs, the job still runs."""
    chosen = {}
    for aggregation in ("all-reduce", "parameter-server"):
        problem = example(BERT, f"training.tune-answers.aggregation={aggregation}")
        task = run_of(problem.training["tune-answers"], problem).task
        cluster = cluster_from_numbers(problem.accelerators["v100-sxm-32"], 1, 100.0)
        step = best_step(task, cluster, 8, "fp16", problem.software["pytorch"], {"tensor": 1, "pipeline": 1})
        assert step is not None
        chosen[aggregation] = step.step_s
        assert generate(problem).training["tune-answers"]
    assert chosen["all-reduce"] != chosen["parameter-server"]


@row("frameworks")
def test_training_frameworks_are_a_choice(catalog: Catalog) -> None:
    frameworks = {name for name, row in catalog["software"].items() if row.role == "training"}
    assert {"tensorflow", "pytorch", "jax", "megatron"} <= frameworks
    assert len({catalog["software"][name].efficiency for name in frameworks}) > 1
    candidates = generate(load(examples_dir() / BERT))
    assert all(c.software in frameworks for of_job in candidates.training.values() for c in of_job)
    tpu = catalog["accelerators"]["tpu-v5p"]
    assert runs_on(catalog["software"]["jax"], tpu, "training")
    assert not runs_on(catalog["software"]["megatron"], tpu, "training")


@row("engines")
def test_serving_engines_are_a_choice(catalog: Catalog) -> None:
    engines = {name for name, row in catalog["software"].items() if row.role == "serving"}
    assert {"tensorflow-serving", "onnx-runtime", "tensorrt", "caffe2", "tensorrt-llm", "vllm"} <= engines
    candidates = generate(load(examples_dir() / BERT))
    chosen = {c.software for of_service in candidates.serving.values() for c in of_service}
    assert chosen <= engines
    assert len(chosen) > 1
    assert {c.pool.node.accelerator for c in candidates.serving["sentiment"]} & {"xeon-8260-2s", "alveo-u55c"}


@row("engines")
def test_one_replica_may_span_several_chips() -> None:
    candidates = generate(load(examples_dir() / "customer-service-chat"))
    assert any(c.layout.tensor > 1 for c in candidates.serving["chat"])


@row("engines")
def test_load_balancers(example: Example) -> None:
    """A balancer adds to the way of every request, and its machines follow the load: two at least, one may fail."""
    header = "name,driver,ratio,minimum,step,price_usd,kw_each,rack_units_each\n"
    adders = header + "balancer,requests_per_s,0.002,2,1,9000,0.35,1\n"
    near, far = (
        example(BERT, f"inference.question-answering.balancer_ms={ms}", inference=SERVICES, offers=ONE_NODE,
                training="", datasets="", regions="", adders=adders)
        for ms in (0, 60)
    )  # fmt: skip
    assert per_accelerator(generate(far)) < per_accelerator(generate(near))
    design = dcopt.solve(near, gap=0.5, baseline=False)
    [balancer] = {(record.name, record.quantity) for record in design.adders}
    assert balancer == ("balancer", 4)  # 1,650 requests/s of 500 each
    assert verify(near, design)[1] == ()


@row("places")
def test_owned_colocation_and_cloud_sites_compete() -> None:
    kinds = {site.kind for path in examples_dir().iterdir() if path.is_dir() for site in load(path).sites.values()}
    assert {"owned", "colocation", "cloud"} <= kinds
    pools = pools_of(load(examples_dir() / "gpt3-pretraining"))
    assert {pool.rented for pool in pools.values()} == {True, False}


@row("places")
def test_an_edge_site_is_nearer_to_its_users(example: Example) -> None:
    """The round trip is part of the latency: what a far site cannot promise, an edge site can."""
    sites = (
        "name,kind,power_limit_kw,electricity_usd_per_kwh,build_usd_per_kw\n"
        "far,owned,60,0.1,4000\nnear,edge,20,0.2,4000\n"
    )
    regions = "region,site,rtt_ms\ncustomers,far,200\ncustomers,near,5\n"
    services = "name,model,peak_requests_per_s,input_tokens,latency_ms,region\nask,bert-base,100,128,60,customers\n"
    problem = example(BERT, sites=sites, regions=regions, inference=services, offers=ONE_NODE, training="", datasets="")
    assert {c.pool.site for c in generate(problem).serving["ask"]} == {"near"}


@row("model compression")
def test_variants_trade_quality_for_size_and_speed(catalog: Catalog) -> None:
    variants = catalog["compression"]
    methods = {variant.method for variant in variants.values()}
    assert methods == {"none", "quantization", "pruning", "distillation", "kv-cache"}
    assert all(v.published_loss_pct > 0 for v in variants.values() if v.method in ("pruning", "distillation"))
    engines = catalog["software"]
    assert engines["tensorrt"].efficiency > engines["tensorflow-serving"].efficiency  # optimized graphs
    losses = [variants[name].published_loss_pct for name in ("int8-bert", "prune-2-4-bert")]
    both = 100 * (1 - (1 - losses[0] / 100) * (1 - losses[1] / 100))
    assert stacked_loss_pct([variants[name] for name in ("int8-bert", "prune-2-4-bert")]) == pytest.approx(both)


@row("model compression")
def test_a_quality_floor_excludes_variants(example: Example) -> None:
    loose = generate(example(BERT, "inference.question-answering.max_quality_loss_pct=5"))
    tight = generate(example(BERT, "inference.question-answering.max_quality_loss_pct=0"))
    losses = [c.quality_loss_pct for c in loose.serving["question-answering"]]
    assert max(losses) > 0
    assert max(losses) <= 5
    assert {c.quality_loss_pct for c in tight.serving["question-answering"]} == {0}
    assert per_accelerator(loose) > per_accelerator(tight)


@row("data compression")
def test_the_worked_example_with_its_arithmetic_done_right() -> None:
    """BERT of 345 million parameters, 16 GB stated, 4 bits, a lossless codec that leaves 0.9.

    16 GB cannot be its weights: in fp32 they are 1.38 GB. 16 GB is the memory of training it: 4 + 4 + 8 bytes of
    weight, gradient and Adam state give 5.5 GB, and activations the rest. Quantizing to 4 bits leaves an eighth of
    the fp32 weights, and a codec that leaves 0.9 multiplies: 1.38 GB x 4/32 x 0.9 = 0.155 GB, not 16 GB x 0.9 = 14.4.
    """
    weights_gb = 345e6 * 32 / 8 / 1e9
    assert weights_gb == pytest.approx(1.38)
    assert pytest.approx(5.52) == 345e6 * (4 + 4 + 8) / 1e9
    stored_gb = weights_gb * (4 / 32) * 0.9
    assert stored_gb == pytest.approx(0.155, abs=5e-4)
    assert stored_gb / weights_gb == pytest.approx(0.1125)
    bert = load_model("bert-large", [models_dir()])
    assert parameters(bert) == pytest.approx(340e6, rel=0.02)
    whole, quarter = (sum(weight_bytes(bert, bits)) for bits in (16.0, 4.0))
    assert 0.25 < quarter / whole < 0.35, "embeddings keep their 16 bits"


@row("data compression")
def test_codecs_of_the_lz_family_by_class_of_data(catalog: Catalog) -> None:
    codecs = catalog["codecs"]
    assert {"lz4", "zstd-1", "gzip-6", "snappy", "lzw", "none"} <= set(codecs)
    for codec in codecs.values():
        assert min(codec.ratio(kind) for kind in ("none", "text", "image", "log")) >= 1
        assert codec.ratio("none") == 1
    assert codecs["lzw"].ratio("text") < codecs["gzip-6"].ratio("text") < codecs["zstd-19"].ratio("text")
    assert codecs["zstd-19"].compress_gb_per_s_core < codecs["lz4"].compress_gb_per_s_core, "the ratio costs CPU"


@row("storage")
def test_hot_and_cold_data_on_flash_and_disk_with_replicas_or_parity(catalog: Catalog) -> None:
    units = catalog["storage"].values()
    assert {unit.system for unit in units} >= {"parallel-fs", "ceph", "hdfs", "object"}
    assert {unit.medium for unit in units} >= {"nvme", "hdd"}
    three, parity = catalog["protection"]["replica-3"], catalog["protection"]["ec-8-3"]
    assert raw_tb(100, three) == pytest.approx(300)
    assert raw_tb(100, parity) == pytest.approx(137.5)
    assert raw_tb(100, parity, ratio=2) == pytest.approx(68.75)
    candidates = generate(load(examples_dir() / "hospital-and-bank"))
    media = {
        part: {
            option.storage.medium
            for (key, _), options in candidates.storage_options.items()
            if key == f"image-archive:{part}"
            for option in options
        }
        for part in ("hot", "cold")
    }
    assert "hdd" in media["cold"]
    assert "hdd" not in media["hot"]


@row("network")
def test_ethernet_and_infiniband_from_100_gbps(catalog: Catalog) -> None:
    switches = catalog["switches"].values()
    assert {switch.technology for switch in switches} == {"infiniband", "ethernet"}
    assert {100, 200, 400, 800} <= {switch.port_gbps for switch in switches}
    topologies = {fabric.topology for fabric in catalog["fabrics"].values()}
    assert {"rail-optimized", "fat-tree", "leaf-spine"} <= topologies
    assert all(fabric.latency_us > 0 for fabric in catalog["fabrics"].values() if fabric.switch)


@row("network")
def test_a_faster_network_makes_a_faster_step(catalog: Catalog) -> None:
    problem = load(examples_dir() / "gpt3-pretraining")
    task = run_of(problem.training["gpt3"], problem).task
    chip, software = catalog["accelerators"]["a100-sxm-80"], catalog["software"]["megatron"]
    slow, fast = (
        best_step(task, cluster_from_numbers(chip, 8, gbps), 256, "bf16", software) for gbps in (100.0, 1600.0)
    )
    assert slow is not None
    assert fast is not None
    assert fast.step_s < slow.step_s


@row("energy")
def test_energy_is_power_times_time_and_carries_pue_and_carbon(solved: tuple[Problem, Design]) -> None:
    """E = k·P·T with k the plant's overhead: the annual energy of a design lies between idle and full power."""
    problem, design = solved
    site = design.sites[0]
    assert 0 < site.energy_mwh_per_year <= site.facility_kw * 8.76
    assert site.pue is not None
    assert 1 < site.pue < 3
    carbon = site.energy_mwh_per_year * 1000 * problem.sites[site.site].carbon_kg_per_kwh / 1000
    assert site.carbon_t_per_year == pytest.approx(carbon, rel=1e-6)
    assert design.cost is not None
    assert design.cost.running["carbon"] > 0
    assert design.cost.running["energy"] > 0


@row("energy")
def test_time_of_use(example: Example) -> None:
    """Electricity that is dearer in the day costs more, in proportion to its hours."""

    def energy_usd(tariffs: str) -> float:
        problem = example(
            BERT, inference=SERVICES, offers=ONE_NODE, training="", datasets="", regions="", tariffs=tariffs
        )
        design = dcopt.solve(problem, gap=0.5, baseline=False)
        assert design.cost is not None
        return design.cost.running["energy"] / sum(site.energy_mwh_per_year for site in design.sites)

    plain = energy_usd("")
    dear = energy_usd("site,from_hour,to_hour,band_usd_per_kwh\nserver-room,8,20,0.28\n")
    assert dear == pytest.approx(1.5 * plain, rel=1e-6)  # 12 hours at 0.28 in place of 0.14


@row("planning case")
def test_ten_petascale_nodes_are_decades_away_from_a_month() -> None:
    """The document's units do not match: one pass over 1 PB of text with a 10 GB model is 7e24 operations."""
    problem = load(examples_dir() / "ten-node-petascale")
    job = problem.training["petascale"]
    model = problem.models[job.model]
    assert parameters(model) * 2 / 1e9 == pytest.approx(10, rel=0.05)
    node = problem.nodes["peta-node"]
    peak = 10 * node.accelerators * (problem.accelerators[node.accelerator].bf16_tflops or 0) * 1e12
    assert peak == pytest.approx(1e16)
    operations = 6 * parameters(model) * run_of(job, problem).tokens
    assert operations == pytest.approx(7.4e24, rel=0.02)
    at_peak_days = operations / peak / 86400
    assert at_peak_days > 8000, "23 years even at the full peak"
    obstacles = precheck(problem, generate(problem))
    assert [obstacle.row for obstacle in obstacles] == ["training.csv: petascale deadline_days"]
    stated = float(obstacles[0].cure.split("at least ")[1].split(" days")[0].replace(",", ""))
    assert stated > at_peak_days * 10 / 8 / 1.5, "nothing is faster than its peak"


@row("scaling case")
def test_compression_and_more_replicas_speed_up_a_bert_service_and_save_resources(example: Example) -> None:
    plain = bert_service(example, ONE_NODE + "compression,none\n")
    compressed = bert_service(example, ONE_NODE)
    assert per_accelerator(generate(compressed)) >= 1.3 * per_accelerator(generate(plain))
    before, after = (dcopt.solve(problem, gap=1e-3, baseline=False) for problem in (plain, compressed))
    assert before.tco_usd is not None
    assert after.tco_usd is not None
    assert after.tco_usd <= before.tco_usd * 1.001
    used = [
        sum(r.replicas * r.accelerators_per_replica for r in design.inference if r.year == 1)
        for design in (before, after)
    ]
    assert used[1] <= 0.8 * used[0]
    assert used[1] > 1, "the load is spread over replicas"


@row("reliability")
def test_redundancy_spares_and_copies(example: Example) -> None:
    assert [units_needed(100, 50, redundancy) for redundancy in ("N", "N+1", "2N")] == [2, 3, 4]
    assert spares_needed(100, 5000, 24, 99.9) > spares_needed(100, 5000, 24, 90) > 0
    problem = example("hospital-and-bank", "datasets.research-extract.min_copies=2")
    assert not precheck(problem, generate(problem))
    with pytest.raises(dcopt.InputError, match="only 1 site"):
        example("hospital-and-bank", "datasets.image-archive.min_copies=2")


@row("reliability")
def test_jobs_are_scheduled(solved: tuple[Problem, Design]) -> None:
    problem, design = solved
    runs = {(entry.job, entry.run) for entry in design.calendar if entry.year == 1}
    assert len(runs) == sum(job.runs_per_year for job in problem.training.values())
    assert all(0 <= entry.start_day < entry.end_day <= 365 for entry in design.calendar)


@row("security")
def test_data_stay_where_they_must(example: Example) -> None:
    problem = example("hospital-and-bank")
    candidates = generate(problem)
    assert {site for key, site in candidates.storage_options if key.startswith("image-archive:")} == {"hospital"}
    assert {c.pool.site for c in candidates.serving["risk-scoring"]} == {"bank"}


@row("security")
def test_security_features_as_requirements(catalog: Catalog) -> None:
    storage = catalog["storage"].values()
    for feature in ("encryption-at-rest", "encryption-in-transit"):
        assert any(feature in row.features for row in storage)
    assert any("encryption-in-transit" not in row.features for row in storage)
    assert any(row.encryption_loss_pct > 0 for row in storage), "encryption costs throughput"
    engines = [row for row in catalog["software"].values() if row.role == "serving"]
    for feature in ("encryption-in-transit", "access-control", "audit-log"):
        assert any(feature in row.features for row in engines)
    assert any(not row.features for row in engines)
    problem = load(examples_dir() / "sovereign-cloud")
    wanted = set(problem.datasets["citizen-dialogues"].requires)
    assert wanted == {"encryption-at-rest", "encryption-in-transit"}
    options = generate(problem).storage_options["citizen-dialogues:hot", "south"]
    assert options
    assert all(wanted <= set(option.storage.features) for option in options)


@row("growth")
def test_growth_raises_the_demand_that_is_planned_for(example: Example) -> None:
    services = SERVICES.replace("headroom_pct", "growth_pct_per_year")
    problem = example(BERT, inference=services, offers=ONE_NODE, training="", datasets="", regions="")
    design = dcopt.solve(problem, gap=0.5, baseline=False)
    planned = max(record.requests_per_s for record in design.inference)
    assert planned == pytest.approx(1500 * 1.1**4, rel=1e-6)


@row("growth")
def test_staff_carbon_and_water_are_in_the_cost(solved: tuple[Problem, Design]) -> None:
    design = solved[1]
    assert design.cost is not None
    assert {"staff", "carbon", "water", "energy", "maintenance"} <= set(design.cost.running)
    assert design.cost.running["staff"] > 0
    assert all(site.carbon_t_per_year > 0 for site in design.sites)


@row("growth")
def test_a_tutorial_for_the_staff() -> None:
    text = (examples_dir().parent / "tutorial.md").read_text(encoding="utf-8")
    steps = [line.split()[1] for line in text.splitlines() if line.startswith("    dcopt ")]
    assert {"init", "check", "solve", "report", "bom", "verify", "explain"} <= set(steps)  # tests/cli runs them


def test_every_row_of_the_scope_has_a_test() -> None:
    assert set(ROWS) == COVERED
