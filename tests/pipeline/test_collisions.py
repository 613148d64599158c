"""Problems made to have no design, each of a known cause: the explanation names it, and its way out works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from small import ROME, Small, colocation, dataset, job, owned_site, service, two_sites, water_cooled, with_cloud

from dcopt.cli.main import main
from dcopt.pipeline.conflict import Oracle, collision_of
from dcopt.pipeline.promises import SITES, Promise, changed, promises_of
from dcopt.pipeline.ways_out import least_change, sentences, ways_out_of

LOADED: dict[str, Any] = {"peak_requests_per_s": 6000, "mean_requests_per_s": 3000}
FAR = [{"region": "far", "site": "oslo", "rtt_ms": 300}]
DUO_ONLY = [{"table": "nodes", "name": "duo", "max_units": 1}]


def only(table: str, name: str, most: int) -> list[dict[str, Any]]:
    return [{"table": table, "name": name, "max_units": most}]


ONE_NODE = [*only("nodes", "duo", 1), *only("nodes", "quad", 0)]
FEW_NODES = [*only("nodes", "duo", 2), *only("nodes", "quad", 0)]
BOTH_COPIES = [dataset(min_copies=2)]

CAUSES: dict[str, tuple[Callable[[], Small], set[str]]] = {
    "deadline": (lambda: owned_site([job(deadline_days=0.001)]), {"training.csv: learn deadline_days"}),
    "deadline of one of two jobs": (
        lambda: owned_site([job(), job("tune", deadline_days=0.001)]),
        {"training.csv: tune deadline_days"},
    ),
    "start": (lambda: owned_site([job(earliest_start_day=364.99)]), {"training.csv: learn earliest_start_day"}),
    "due day": (lambda: owned_site([job(due_day=0.01)]), {"training.csv: learn due_day"}),
    "window of days": (
        lambda: owned_site([job(earliest_start_day=200, due_day=200.01)]),
        {"training.csv: learn earliest_start_day", "training.csv: learn due_day"},
    ),
    "ttft": (lambda: owned_site(services=[service(ttft_ms=0.001)]), {"inference.csv: chat ttft_ms"}),
    "tpot": (lambda: owned_site(services=[service(tpot_ms=0.0001)]), {"inference.csv: chat tpot_ms"}),
    "latency": (lambda: owned_site(services=[service(latency_ms=0.001)]), {"inference.csv: chat latency_ms"}),
    "round trip": (
        lambda: owned_site(services=[service(region="far")]).put("regions", FAR),
        {"inference.csv: chat ttft_ms"},
    ),
    "round trip and latency": (
        lambda: owned_site(services=[service(region="far", ttft_ms=None, latency_ms=310)]).put("regions", FAR),
        {"inference.csv: chat latency_ms"},
    ),
    "quality": (
        lambda: owned_site(services=[service(max_quality_loss_pct=0.1)]).drop("compression", "bf16"),
        {"inference.csv: chat max_quality_loss_pct"},
    ),
    "power": (lambda: owned_site([job()], power_limit_kw=0.5), {"sites.csv: oslo power_limit_kw"}),
    "power for a load": (
        lambda: owned_site(services=[service(peak_requests_per_s=60_000)], power_limit_kw=6),
        {"sites.csv: oslo power_limit_kw", "inference.csv: chat peak_requests_per_s"},
    ),
    "landlord's power": (
        lambda: colocation(services=[service(peak_requests_per_s=60_000)], power_limit_kw=6),
        {"sites.csv: oslo power_limit_kw", "inference.csv: chat peak_requests_per_s"},
    ),
    "power for liquid": (
        lambda: water_cooled(services=[service(**LOADED)], power_limit_kw=1),
        {"sites.csv: oslo power_limit_kw"},
    ),
    "positions": (lambda: owned_site([job()], rack_positions=1), {"sites.csv: oslo rack_positions"}),
    "capex": (lambda: owned_site([job()]).set(capex_limit_usd=100), {"settings.csv: capex_limit_usd"}),
    "carbon": (lambda: owned_site([job()]).set(carbon_limit_t_per_year=0.1), {"settings.csv: carbon_limit_t_per_year"}),
    "water": (
        lambda: owned_site([job()], water_limit_m3_per_year=0.1).drop("cooling", "dry-12"),
        {"sites.csv: oslo water_limit_m3_per_year"},
    ),
    "nodes on offer": (
        lambda: owned_site(services=[service(**LOADED)]).put("offers", DUO_ONLY),
        {"offers.csv: nodes/duo/* max_units", "inference.csv: chat peak_requests_per_s"},
    ),
    "no nodes on offer": (
        lambda: owned_site([job()]).put("offers", only("nodes", "duo", 0)),
        {"offers.csv: nodes/duo/* max_units"},
    ),
    "racks on offer": (
        lambda: owned_site([job()]).put("offers", only("racks", "short", 1)),
        {"offers.csv: racks/short/* max_units"},
    ),
    "storage on offer": (
        lambda: (
            owned_site([job(dataset="books")]).put("datasets", [dataset()]).put("offers", only("storage", "flash", 0))
        ),
        {"offers.csv: storage/flash/* max_units"},
    ),
    "copies": (
        lambda: two_sites([job(sites="oslo")], power_limit_kw=0.3).put("datasets", BOTH_COPIES),
        {"datasets.csv: books min_copies", "sites.csv: rome power_limit_kw"},
    ),
    "residency": (
        lambda: two_sites([job(sites="oslo")], power_limit_kw=0.3).put("datasets", [dataset(sites="rome")]),
        {"datasets.csv: books sites", "sites.csv: rome power_limit_kw"},
    ),
    "site of a service": (
        lambda: two_sites(services=[service(sites="rome", region="far")]).put(
            "regions",
            [{"region": "far", "site": "rome", "rtt_ms": 300}, {"region": "far", "site": "oslo", "rtt_ms": 1}],
        ),
        {"inference.csv: chat sites", "inference.csv: chat ttft_ms"},
    ),
    "site of a job": (
        lambda: two_sites([job(sites="rome")], power_limit_kw=0.5),
        {"training.csv: learn sites", "sites.csv: rome power_limit_kw"},
    ),
    "budget and positions, each alone": (
        lambda: owned_site([job()], rack_positions=1).set(capex_limit_usd=100),
        {"settings.csv: capex_limit_usd"},
    ),
    "budget against a load": (
        lambda: owned_site(services=[service(**LOADED)]).set(capex_limit_usd=60_000),
        {"settings.csv: capex_limit_usd", "inference.csv: chat peak_requests_per_s"},
    ),
    "budget with a cloud that a service may not use": (
        lambda: with_cloud(services=[service(sites="oslo")]).set(capex_limit_usd=100),
        {"settings.csv: capex_limit_usd", "inference.csv: chat sites"},
    ),
    "fewest units": (
        lambda: owned_site([job()]).put("offers", [{"table": "nodes", "name": "duo", "min_units": 500}]),
        {"offers.csv: nodes/duo/* min_units", "sites.csv: oslo power_limit_kw"},
    ),
    "precision": (lambda: owned_site([job(precisions="fp8")]), {"training.csv: learn precisions"}),
    "one vendor for all": (lambda: owned_site([job()]).set(max_vendor_pct=50), {"settings.csv: max_vendor_pct"}),
    "carbon of making": (
        lambda: owned_site([job()]).change("nodes", embodied_kgco2=2000).set(embodied_limit_t=1),
        {"settings.csv: embodied_limit_t"},
    ),
    "loss of a site": (
        lambda: two_sites(services=[service(survive_pct=100, **LOADED)], power_limit_kw=1.0),
        {"inference.csv: chat survive_pct", "sites.csv: rome power_limit_kw"},
    ),
    "spares": (
        lambda: (
            owned_site(services=[service(availability_pct=99.99999)])
            .change("nodes", mtbf_hours=2000, repair_hours=500)
            .put("offers", FEW_NODES)
        ),
        {"offers.csv: nodes/duo/* max_units", "offers.csv: nodes/quad/* max_units"},
    ),
    "calendar": (
        lambda: owned_site([job(due_day=8), job("tune", due_day=8)]).put("offers", ONE_NODE),
        {
            "training.csv: learn due_day",
            "training.csv: tune due_day",
            "offers.csv: nodes/duo/* max_units",
            "offers.csv: nodes/quad/* max_units",
        },
    ),
    "reading of data": (
        lambda: (
            owned_site([job(dataset="books")])
            .put("datasets", [dataset(dataset_tokens=1e9, hot_pct=100)])
            .change("storage", read_gb_per_s=0.01)
            .put("offers", only("storage", "flash", 4))
        ),
        {"offers.csv: storage/flash/* max_units"},
    ),
    "writing of checkpoints": (
        lambda: owned_site([job()]).change("storage", write_gb_per_s=1e-5).put("offers", only("storage", "flash", 3)),
        {"offers.csv: storage/flash/* max_units"},
    ),
    "residency with a cloud": (
        lambda: with_cloud([job(sites="oslo")]).change("sites", "oslo", power_limit_kw=0.5),
        {"training.csv: learn sites", "sites.csv: oslo power_limit_kw"},
    ),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_the_collision_is_the_cause_and_each_way_out_works(cause: str) -> None:
    build, rows = CAUSES[cause]
    problem = build().load()
    oracle = Oracle(seconds=600)
    assert oracle.has_design(problem, "as it stands") is False
    collision = collision_of(problem, oracle)
    assert collision.irreducible
    assert {promise.row for promise in collision.promises} == rows, sentences(collision, (), all_tried=True)
    lifted = {p: p.lifted for p in promises_of(problem)}
    without_others = changed(problem, {p: v for p, v in lifted.items() if p not in collision.promises})
    assert oracle.has_design(without_others, "the collision alone") is False
    ways, all_tried = ways_out_of(problem, collision, oracle)
    assert all_tried
    assert ways
    for way in ways:
        assert oracle.has_design(changed(problem, dict(way.changes)), str(way)) is True
        for promise, value in way.changes:
            if isinstance(value, float) and promise.rises is not None and not promise.whole:
                less = value + 0.05 * (promise.value - value) if abs(promise.value - value) > 0.1 * abs(value) else None
                if less is not None:
                    nearly = {**dict(way.changes), promise: less}
                    assert oracle.has_design(changed(problem, nearly), f"less than {way}") is False


def test_what_no_promise_is_to_blame_for_is_hopeless() -> None:
    problem = owned_site([job()]).change("accelerators", memory_gb=0.001).load()
    collision = collision_of(problem, Oracle(seconds=600))
    assert not collision.promises
    assert "Offer nodes with more memory" in " ".join(collision.hopeless)


NOT_OFFERED: dict[str, tuple[Callable[[], Small], str]] = {
    "node": (
        lambda: (
            owned_site([job()])
            .change("accelerators", "slow", memory_gb=0.001)
            .put("offers", [{"table": "nodes", "name": "duo"}])
        ),
        "offers.csv: nodes with quad offered too",
    ),
    "variant": (
        lambda: owned_site(services=[service(max_quality_loss_pct=0.1)]).put(
            "offers", [{"table": "compression", "name": "int8"}]
        ),
        "offers.csv: compression with bf16 offered too",
    ),
    "rack": (
        lambda: (
            owned_site([job()])
            .add("racks", name="mini", units=1, max_kw=0.5, price_usd=5)
            .put("offers", [{"table": "racks", "name": "mini"}])
        ),
        "offers.csv: racks with tall offered too",
    ),
    "cooling": (
        lambda: owned_site([job()]).put("offers", only("cooling", "crah-6", 0)),
        "offers.csv: cooling with dry-12 offered too and offers.csv: cooling/crah-6/* max_units from 0 to 1",
    ),
}


@pytest.mark.parametrize("what", NOT_OFFERED)
def test_what_is_not_offered_and_would_do_is_named(what: str) -> None:
    build, words = NOT_OFFERED[what]
    problem = build().load()
    oracle = Oracle(seconds=600)
    assert oracle.has_design(problem, "as it stands") is False
    ways, all_tried = ways_out_of(problem, collision_of(problem, oracle), oracle)
    assert all_tried
    assert words in [str(way) for way in ways]
    for way in ways:
        assert oracle.has_design(changed(problem, dict(way.changes)), str(way)) is True


def test_a_way_out_names_the_sites_that_are_needed() -> None:
    small = two_sites([job(sites="oslo")], power_limit_kw=40).change("sites", "oslo", power_limit_kw=0.5)
    small = small.add("sites", **{**ROME, "name": "bonn", "power_limit_kw": 0.4})
    problem = small.load()
    oracle = Oracle(seconds=600)
    ways, all_tried = ways_out_of(problem, collision_of(problem, oracle), oracle)
    assert all_tried
    (way,) = [way for way in ways if way.changes[0][0].column == SITES]
    assert str(way) == "training.csv: learn sites with rome allowed too"
    assert way.changes[0][1] == ("oslo", "rome")


def test_as_many_sites_are_named_as_a_load_needs_and_no_more() -> None:
    there = {"power_limit_kw": 3.0}
    small = two_sites(services=[service(sites="oslo", peak_requests_per_s=9000)], **there).change("sites", **there)
    for name in ("bonn", "kiel", "lund", "nice", "york"):
        small = small.add("sites", **{**ROME, "name": name, **there})
    problem = small.load()
    promise = next(promise for promise in promises_of(problem) if promise.column == SITES)
    asked: list[str] = []
    oracle = Oracle(seconds=600, on_question=asked.append)
    assert oracle.has_design_without(problem, (promise,), "anywhere") is True
    assert asked == ["anywhere (at some sites)"], "a part of the sites suffices, so all of them are not asked about"
    found = least_change(problem, promise, oracle)
    assert isinstance(found.value, tuple)
    assert 1 < len(found.value) - 1 < 5
    assert oracle.has_design(changed(problem, {promise: found.value}), "with these") is True
    for name in found.value[1:]:
        fewer = tuple(site for site in found.value if site != name)
        assert oracle.has_design(changed(problem, {promise: fewer}), "without one of them") is False


def test_more_is_not_offered_where_its_candidates_alone_would_take_all_the_time() -> None:
    build, words = NOT_OFFERED["node"]
    problem = build().load()
    oracle = Oracle(seconds=600)
    collision = collision_of(problem, oracle)
    oracle.generating_s.append(500.0)
    ways, all_tried = ways_out_of(problem, collision, oracle)
    assert not all_tried
    assert words not in [str(way) for way in ways]


def test_no_time_is_said_to_be_no_time() -> None:
    problem = owned_site([job()]).set(capex_limit_usd=100).load()
    oracle = Oracle(seconds=1e9)
    collision = collision_of(problem, oracle)
    ways, all_tried = ways_out_of(problem, collision, Oracle(seconds=-1))
    assert (ways, all_tried) == ((), False)
    said = " ".join(sentences(collision, ways, all_tried=all_tried))
    assert "give more with --time-limit" in said
    assert "no change" not in said


def test_of_more_or_fewer_lifted_promises_nothing_is_asked_twice() -> None:
    problem = with_cloud([job(sites="oslo")]).change("sites", "oslo", power_limit_kw=0.5).load()
    promises = {promise.row: promise for promise in promises_of(problem)}
    asked: list[str] = []
    oracle = Oracle(seconds=600, on_question=asked.append)
    power, deadline = promises["sites.csv: oslo power_limit_kw"], promises["training.csv: learn deadline_days"]

    def answer(*lifted: Promise) -> bool | None:
        return oracle.has_design_without(problem, lifted, "asked")

    assert answer(power) is True
    assert answer(deadline) is False
    assert len(asked) == 2
    assert answer(power, deadline) is True
    assert answer() is False
    assert len(asked) == 2
    assert answer(promises["training.csv: learn sites"]) is True
    assert len(asked) == 3


def test_what_would_do_is_said_though_there_is_no_time_to_find_the_least() -> None:
    problem = owned_site([job(deadline_days=0.001)]).load()
    oracle = Oracle(seconds=600)
    collision = collision_of(problem, oracle)
    (way,), _ = ways_out_of(problem, collision, replace(oracle, seconds=-1))
    assert not way.least
    assert str(way).startswith("training.csv: learn deadline_days from 0.001 to 365 (a smaller change may do")


def test_promises_of_places_where_nothing_may_run_are_lifted_by_one_question() -> None:
    small = two_sites([job(sites="oslo", deadline_days=0.001)])
    problem = small.load()
    asked: list[str] = []
    collision = collision_of(problem, Oracle(seconds=600, on_question=asked.append))
    assert {promise.row for promise in collision.promises} == {"training.csv: learn deadline_days"}
    elsewhere = [promise for promise in promises_of(problem) if promise.key == "rome"]
    assert len(elsewhere) > 1
    assert sum("rome" in question for question in asked) == 1


def test_the_command_explains_and_its_way_out_can_be_set(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = owned_site([job()]).set(capex_limit_usd=100).write(tmp_path)
    result = CliRunner().invoke(main, ["explain", str(path)])
    assert result.exit_code == 1, result.output
    assert "this alone excludes every design: settings.csv: capex_limit_usd = 100" in result.stdout
    value = result.stdout.partition("capex_limit_usd from 100 to ")[2].split()[0].replace(",", "")
    result = CliRunner().invoke(main, ["explain", str(path), "--set", f"settings.capex_limit_usd={value}"])
    assert result.exit_code == 0, result.output
    assert "a design exists" in result.stdout
