"""The shipped examples: read without a warning, solved to their gap, verified; the last one has no design."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from dcopt.design.records import Design
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.problem.load import load
from dcopt.problem.locate import examples_dir
from dcopt.problem.problem import Problem
from dcopt.verify.verify import verify

EXAMPLES = examples_dir()

SOLVABLE = (
    "bert-question-answering",
    "gpt3-pretraining",
    "glm-130b",
    "customer-service-chat",
    "hospital-and-bank",
    "edge-inspection",
    "sovereign-cloud",
    "night-training",
    "rent-or-buy",
    "two-teams",
)
LARGE = ("edge-inspection", "sovereign-cloud")
"""Examples of many sites or nodes, which may take the default time."""
IMPOSSIBLE = "ten-node-petascale"
STAGED = "ten-year-refresh"
"""Solved to 0.5 % in minutes, which its README shows; here with fewer purchase years and a wider gap."""


@cache
def problem_of(name: str) -> Problem:
    """Return an example as it is shipped."""
    return load(EXAMPLES / name)


@cache
def design_of(name: str) -> Design:
    """Return the design of an example, solved once; the baseline is left to the command's own tests."""
    limit_s = 300 if name in LARGE else 60
    return design_for(problem_of(name), RunOptions(time_limit_s=limit_s, threads=2, baseline=False))


def test_every_folder_is_an_example_that_is_tested() -> None:
    assert {folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()} == {*SOLVABLE, IMPOSSIBLE, STAGED}


@pytest.mark.parametrize("name", [*SOLVABLE, IMPOSSIBLE, STAGED])
def test_example_is_read_without_a_warning(name: str) -> None:
    problem = problem_of(name)
    assert [str(warning) for warning in problem.warnings] == []
    assert problem.name == name
    assert problem.settings.mip_gap == {"sovereign-cloud": 0.01, "rent-or-buy": 5e-3, STAGED: 5e-3}.get(name, 1e-4)
    assert problem.settings.time_limit_s <= (300 if name in (*LARGE, STAGED) else 60)
    readme = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    assert len(readme.split()) > 30


@pytest.mark.parametrize("name", SOLVABLE)
def test_example_is_solved_and_verified(name: str) -> None:
    design = design_of(name)
    assert design.status == "optimal", design.diagnosis
    assert design.gap is not None
    gap = problem_of(name).settings.mip_gap
    assert design.gap <= gap
    checks, mismatches = verify(problem_of(name), design, gap_target=gap)
    assert [str(mismatch) for mismatch in mismatches] == []
    assert checks > 300


def test_the_staged_example_grows_and_refreshes() -> None:
    problem = load(EXAMPLES / STAGED, ["settings.purchase_years=1 4 5 8"])
    design = design_for(problem, RunOptions(time_limit_s=60, gap=0.03, threads=2, baseline=False))
    assert design.status == "optimal", design.gap
    assert [str(mismatch) for mismatch in verify(problem, design)[1]] == []
    kinds = {asset.name for asset in design.assets if asset.table == "nodes"}
    assert "dgx-b200" in kinds
    assert len(kinds) >= 2
    used = {year: sum(pool.accelerators for pool in design.pools if pool.year == year) for year in (1, 10)}
    assert used[10] > used[1]


@pytest.mark.parametrize("name", SOLVABLE)
def test_design_is_sensible(name: str) -> None:
    """Nothing that a reviewer would call absurd: idle pools, unused purchases, negative numbers, silly ratios."""
    problem, design = problem_of(name), design_of(name)
    assert design.tco_usd is not None
    assert design.cost is not None
    busy = {(job.site, job.node, job.fabric) for job in design.training}
    busy |= {(part.site, part.node, part.fabric) for part in design.inference}
    assert {(pool.site, pool.node, pool.fabric) for pool in design.pools} == busy
    assert all(pool.nodes > 0 for pool in design.pools)
    assert all(pool.spares <= max(2, pool.nodes // 2) for pool in design.pools)
    for job in design.training:
        assert 0.1 < job.mfu < 0.75
        assert 0.8 < job.goodput <= 1
        assert 0 < job.days <= job.deadline_days
    for part in design.inference:
        assert 0 < part.utilization <= 1 + 1e-9
    for site in design.sites:
        assert site.pue is not None
        assert 1.02 < site.pue < 2
        assert 0 < site.it_kw <= site.facility_kw <= (problem.sites[site.site].power_limit_kw or 0)
    for line in design.bom_lines:
        assert line.quantity > 0
        assert line.unit_price_usd >= 0
    nodes_usd = sum(line.total_usd for line in design.bom_lines if line.table == "nodes")
    bought_usd = sum(line.total_usd for line in design.bom_lines)
    assert nodes_usd > 0.1 * bought_usd
    assert all(value >= 0 for value in (*design.cost.capital.values(), *design.cost.running.values()))


@pytest.mark.parametrize("name", SOLVABLE)
def test_power_and_heat_of_the_bill_of_materials_are_the_balances(name: str) -> None:
    """What is bought (and was there) draws the IT power of its site; that and the losses are the heat that is taken."""
    problem, design = problem_of(name), design_of(name)
    kw_each = {
        "switches": {row.name: row.max_kw for row in problem.switches.values()},
        "links": {row.name: row.kw for row in problem.links.values()},
        "transceivers": {row.name: row.kw for row in problem.transceivers.values()},
        "storage": {row.name: row.max_kw for row in problem.storage.values()},
        "adders": {row.name: row.kw_each for row in problem.adders.values()},
    }
    assert not problem.existing
    for site in [record for record in design.sites if record.year == 1]:
        lines = [line for line in design.bom_lines if (line.site, line.year) == (site.site, 1)]
        pools = [pool for pool in design.pools if (pool.site, pool.year) == (site.site, 1)]
        stand = Counter({pool.bought_as: 0 for pool in pools})
        for pool in pools:
            stand[pool.bought_as] += pool.nodes
        assert stand == {line.item: line.quantity for line in lines if line.table == "nodes"}
        kw = sum(pool.nodes * problem.nodes[pool.node].peak_kw for pool in pools)
        kw += sum(line.quantity * kw_each[line.table][line.item] for line in lines if line.table in kw_each)
        assert kw == pytest.approx(site.it_kw, rel=1e-9)
        if problem.sites[site.site].kind == "colocation":
            continue
        cooling = [record for record in design.cooling if (record.site, record.year) == (site.site, 1)]
        power = [record for record in design.power if (record.site, record.year) == (site.site, 1)]
        indoors = sum(record.loss_kw for record in power if record.role in ("pdu", "ups"))
        assert sum(r.kw for r in cooling if not r.serves) == pytest.approx(kw + indoors, rel=1e-9)
        rates = {row.name: row.kw_per_kw for row in problem.cooling.values() if row.kind != "heat-rejection"}
        fans = sum(r.kw * rates[r.name] for r in cooling if not r.serves)
        assert sum(r.kw for r in cooling if r.serves) == pytest.approx(kw + indoors + fans, rel=1e-9)
        for record in (*cooling, *power):
            bought = sum(line.quantity for line in lines if line.item == record.name)
            assert bought >= record.units


def test_bert_example_answers_in_time_at_a_small_site() -> None:
    design = design_of("bert-question-answering")
    assert {part.service for part in design.inference} == {"question-answering", "topic-classification", "sentiment"}
    for part in design.inference:
        limit = problem_of("bert-question-answering").inference[part.service].latency_ms
        assert limit in (50, 60, 100)
        assert part.latency_ms <= limit
        assert part.percentile == 99


def test_gpt3_example_keeps_its_days_and_its_power() -> None:
    design = design_of("gpt3-pretraining")
    (job,) = {record.job for record in design.training}
    assert job == "gpt3"
    assert all(record.days <= 45 and record.tokens == 3e11 for record in design.training)
    assert all(site.facility_kw <= 500 for site in design.sites)
    assert any(record.part == "checkpoint" for record in design.storage)


def test_glm_example_serves_the_dialogue_in_int4_and_the_reviewed_answers_not() -> None:
    design = design_of("glm-130b")
    used = {part.service: part.compression for part in design.inference}
    assert "int4" not in used["reviewed-answers"]
    assert {record.year for record in design.training} == {1}


def test_chat_example_may_use_fp8_and_not_int4_for_the_chat() -> None:
    design = design_of("customer-service-chat")
    chat = [part for part in design.inference if part.service == "chat"]
    assert chat
    assert all("int4" not in part.compression and part.quality_loss_pct <= 0.9 for part in chat)


def test_hospital_example_keeps_data_where_it_must_lie() -> None:
    design = design_of("hospital-and-bank")
    where = {(record.dataset, record.site) for record in design.storage}
    assert {site for name, site in where if name in ("image-archive", "patient-reports")} == {"hospital"}
    assert {site for name, site in where if name == "transactions"} == {"bank"}
    for part in design.power:
        assert part.units >= 2, "N+1 needs a unit more than the load"


def test_night_example_trains_on_what_the_assistant_leaves() -> None:
    design = design_of("night-training")
    runs = {record.job: record for record in design.training if record.year == 1}
    assert runs["weekly-tune"].hours
    for pool in design.pools:
        assert min(pool.service_nodes_by_hour) < max(pool.service_nodes_by_hour) == pool.service_nodes
    ends = {e.run: e.end_day for e in design.calendar if (e.job, e.year) == ("weekly-tune", 1)}
    starts = {e.run: e.start_day for e in design.calendar if (e.job, e.year) == ("weekly-guard", 1)}
    assert len(starts) == 52
    assert all(ends[run] <= start + 1e-9 for run, start in starts.items())


def test_impossible_example_says_what_stands_in_the_way() -> None:
    design = design_of(IMPOSSIBLE)
    assert design.status == "infeasible"
    assert (design.pools, design.tco_usd, design.cost) == ((), None, None)
    text = " ".join(design.diagnosis)
    assert "training.csv: petascale deadline_days" in text
    assert "30 days" in text
    assert "Allow at least" in text
    assert "nodes would be needed" in text
    assert verify(problem_of(IMPOSSIBLE), design)[1] == ()


def test_impossible_example_becomes_possible_with_fewer_tokens() -> None:
    """Nothing but the amount of work stands in the way: as many tokens as fit the deadline can be trained."""
    text = " ".join(design_of(IMPOSSIBLE).diagnosis)
    days = float(text.split("Allow at least ")[1].split(" days")[0].replace(",", ""))
    assert days > 30
    fewer = load(EXAMPLES / IMPOSSIBLE, (f"training.petascale.tokens*={0.8 * 30 / days}",))
    design = design_for(fewer, RunOptions(time_limit_s=60, threads=2, baseline=False))
    assert design.status == "optimal"
    assert verify(fewer, design)[1] == ()
    assert sum(pool.nodes for pool in design.pools if pool.year == 1) <= 10


def test_examples_hold_tables_a_text_and_models() -> None:
    for name in (*SOLVABLE, IMPOSSIBLE):
        for path in (EXAMPLES / name).iterdir():
            assert path.suffix in (".csv", ".md") or path.name == "models", path


def test_sovereign_example_keeps_residency_and_trains_on_two_thousand_chips() -> None:
    problem, design = problem_of("sovereign-cloud"), design_of("sovereign-cloud")
    assert sorted(site.kind for site in problem.sites.values()) == ["cloud", "owned", "owned"]
    assert sum(site.power_limit_kw or 0 for site in problem.sites.values()) == 12_000
    assert len(problem.inference) == 3
    assert len({region.region for region in problem.regions.values()}) == 4
    by_job = {record.job: record for record in design.training}
    assert 1500 <= by_job["foundation"].accelerators <= 2600
    assert by_job["foundation"].site in ("north", "south")
    assert by_job["tune-assistant"].site == "south"
    assert {record.site for record in design.storage if record.dataset == "citizen-dialogues"} == {"south"}
    assert {record.site for record in design.storage if record.dataset == "national-corpus"} == {"north", "south"}
    for part in design.inference:
        trips = [problem.regions[f"{region}/{part.site}"].rtt_ms for region in problem.inference[part.service].region]
        assert part.rtt_ms == max(trips) + 1  # and the balancer


def test_edge_example_serves_every_plant_in_its_own_closet() -> None:
    problem, design = problem_of("edge-inspection"), design_of("edge-inspection")
    plants = {site.name for site in problem.sites.values() if site.kind == "edge"}
    assert len(plants) == 40
    served = {part.service: part.site for part in design.inference}
    assert served == {f"inspect-{plant}": plant for plant in plants}
    assert all(part.latency_ms <= 20 and part.percentile == 99 for part in design.inference)
    assert {job.site for job in design.training} == {"central"}


def test_two_teams_fit_their_cage_at_a_power_cap_on_two_islands() -> None:
    """Both choices decide: without the caps nothing fits, or costs more where it does; so does a single network."""
    name = "two-teams"
    design = design_of(name)
    pools = [pool for pool in design.pools if pool.year == 1]
    assert {(pool.bought_as, pool.power_cap) for pool in pools} == {("dgx-b200", "max-q")}
    assert {pool.fabric for pool in pools} == {"eth400-rail", "eth400-rail~2"}
    assert all((net.leaf, net.spine) == (1, 0) for net in design.network)
    assert len({record.fabric for record in design.training if record.year == 1}) == 2

    def changed(*sets: str) -> Design:
        return design_for(load(EXAMPLES / name, list(sets)), RunOptions(time_limit_s=60, threads=1, baseline=False))

    caps_off, larger = "settings.power_caps=no", "sites.cage.rack_positions=8"
    assert changed(caps_off).status == "infeasible"
    uncapped, one_network = changed(caps_off, larger), changed("fabrics.eth400-rail.islands=1")
    for dearer in (uncapped, one_network):
        assert (dearer.tco_usd or 0) > (design.tco_usd or 0) * 1.004
    assert {pool.power_cap for pool in uncapped.pools} == {""}
