"""Why a design is as it is: every amount is the difference of two optima that are solved here on their own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from small import Small, design_of, job, owned_site, service, tco_of, two_sites

from dcopt.cli.main import main
from dcopt.design.explanation import Explanation, Extra, read_explanation
from dcopt.design.files import read_design, write_design
from dcopt.pipeline.explain_design import explain_design, fingerprint, with_savings
from dcopt.pipeline.promises import changed, promises_of
from dcopt.pipeline.questions import Answered, Questions
from dcopt.pipeline.steps import steps_of
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions

SMALL = owned_site(
    [job(deadline_days=6)], [service(peak_requests_per_s=900)], power_limit_kw=7.5, rack_positions=12
).set(capex_limit_usd=300_000)


def explained(small: Small, seconds: float = 600, earlier: Explanation | None = None) -> tuple[Problem, Explanation]:
    problem = small.load()
    questions = Questions(problem, seconds, each_s=60, options=SolveOptions(gap=1e-9, threads=1))
    return problem, explain_design(questions, design_of(problem), earlier)


def test_every_rival_costs_what_the_best_design_without_the_chosen_way_costs() -> None:
    problem, found = explained(owned_site(services=[service()]))
    (first, second) = found.rivals
    best = tco_of(problem)
    used = {part.node for part in design_of(problem).inference}
    assert used == {"duo"}
    only_quad = owned_site(services=[service()]).put("offers", [{"table": "nodes", "name": "quad"}])
    assert second.what == "another node"
    assert second.extra.found == pytest.approx(tco_of(only_quad) - best, rel=1e-6)
    assert "quad" in second.runs[0]
    chosen = {part.compression for part in design_of(problem).inference}
    others = [row for row in problem.compression if row not in chosen]
    alone = [
        tco_of(only_quad),
        tco_of(owned_site(services=[service()]).put("offers", [{"table": "compression", "name": n} for n in others])),
    ]
    assert first.extra.found is not None
    assert first.extra.found <= min(alone) - best + 1e-6
    assert first.extra.found >= -1e-6
    assert second.trade is not None
    assert second.trade.capital_usd + second.trade.running_usd == pytest.approx(second.extra.found, rel=1e-6)


def test_a_way_that_is_the_only_one_has_no_rival() -> None:
    small = owned_site(services=[service()]).put("offers", [{"table": "nodes", "name": "duo"}])
    _, found = explained(small.drop("compression", "int8"))
    (rival,) = found.rivals
    assert rival.extra.status == "impossible"
    assert rival.runs == ()


def test_every_step_of_a_promise_costs_the_difference_of_two_optima() -> None:
    problem, found = explained(SMALL)
    best = tco_of(problem)
    by_row = {price.row: price for price in found.prices}
    assert set(by_row) == {promise.row for promise in promises_of(problem)}
    priced = 0
    for promise in promises_of(problem):
        price = by_row[promise.row]
        values = dict(zip(("tighter", "looser"), steps_of(problem, promise), strict=True))
        for word, value in values.items():
            change = getattr(price, word)
            if value is None or change is None or (word == "tighter" and "quality" in promise.column):
                continue
            true = tco_of(changed(problem, {promise: value})) - best
            if true == float("inf"):
                assert change.extra.status == "impossible", promise.row
                continue
            priced += abs(true) > 1
            assert change.extra.least - 1e-3 <= true <= change.extra.most + 1e-3, f"{promise.row} {word}"
            assert change.extra.found == pytest.approx(true, abs=0.05), f"{promise.row} {word}"
        if price.lifted is not None and promise.column != "power_limit_kw":
            true = tco_of(changed(problem, {promise: promise.lifted})) - best
            assert price.lifted.extra.found == pytest.approx(true, abs=0.05), promise.row
    assert priced >= 2
    assert not found.open_questions


def test_a_binding_promise_says_what_one_unit_more_saves() -> None:
    small = owned_site([job(deadline_days=6.2)], [service()])
    problem = small.load()
    design = design_of(problem)
    assert any("deadline_days" in entry.row for entry in design.binding)
    _, found = explained(small)
    (entry,) = [entry for entry in with_savings(design, found).binding if "deadline_days" in entry.row]
    (promise,) = [p for p in promises_of(problem) if p.row == entry.row]
    _, looser = steps_of(problem, promise)
    assert entry.saving_usd == pytest.approx(tco_of(problem) - tco_of(changed(problem, {promise: looser})), abs=0.05)


def test_the_next_different_design_is_the_cheapest_without_one_of_the_parts() -> None:
    small = two_sites(services=[service()])
    _, found = explained(small)
    best = tco_of(small)
    used = design_of(small)
    assert {pool.site for pool in used.pools} == {"oslo"}
    assert {pool.node for pool in used.pools} == {"duo"}
    without = [small.put("offers", [{"table": "nodes", "name": "quad"}]), small.change("inference", sites="rome")]
    coolers = {unit.name for unit in used.cooling}
    without += [small.drop("cooling", name) for name in sorted(coolers) if name != "crah-6"]
    assert found.next_design is not None
    assert found.next_design.extra.found == pytest.approx(min(map(tco_of, without)) - best, rel=1e-6)


def test_open_questions_are_asked_again_and_answers_are_kept() -> None:
    problem, nothing = explained(SMALL, seconds=-1)
    assert nothing.open_questions
    assert not nothing.rivals
    _, all_of_it = explained(SMALL, earlier=nothing)
    assert not all_of_it.open_questions
    asked: list[str] = []
    questions = Questions(problem, 600, 60, SolveOptions(gap=1e-9, threads=1), on_question=asked.append)
    again = explain_design(questions, design_of(problem), all_of_it)
    assert asked == ["the design itself, to a finer gap"]
    assert again.prices == all_of_it.prices
    assert again.rivals == all_of_it.rivals
    other = replace(questions, seconds=-1)
    assert not explain_design(other, design_of(owned_site([job()])), all_of_it).prices[0].tighter


def test_where_a_gap_is_left_a_price_is_an_interval_that_holds_the_truth() -> None:
    """With the best objective as it stands in [90, 100], an answer in [95, 120] adds something from −5 to 30."""
    problem = SMALL.load()
    questions = Questions(problem, 1, 1, best=100.0, bound=90.0)
    answer = Answered(120.0, 95.0, None, None, None)  # type: ignore[arg-type]
    assert questions.extra(answer, "tighter") == Extra(status="priced", found=20.0, least=0.0, most=30.0)
    looser = Answered(97.0, 80.0, None, None, None)  # type: ignore[arg-type]
    assert questions.extra(looser, "looser") == Extra(status="priced", found=-3.0, least=-20.0, most=0.0)
    unsolved = Answered(None, 95.0, None, None, None)  # type: ignore[arg-type]
    assert questions.extra(unsolved, "tighter") == Extra(status="undecided", least=0.0)


def test_the_command_explains_a_run_and_the_report_shows_it(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    SMALL.write(folder)
    run = tmp_path / "run"
    assert CliRunner().invoke(main, ["solve", str(folder), "-o", str(run), "--no-baseline"]).exit_code == 0
    result = CliRunner().invoke(main, ["explain", str(run), "--time-limit", "600"])
    assert result.exit_code == 0, result.output
    for words in ("The best other ways to run each workload", "What each promise costs", "next best design of other"):
        assert words in result.stdout
    found, design = read_explanation(run), read_design(run)
    assert found is not None
    assert found.design == fingerprint(design)
    assert CliRunner().invoke(main, ["verify", str(run)]).exit_code == 0
    forged = design.model_copy(
        update={"binding": tuple(entry.model_copy(update={"saving_usd": 12345.0}) for entry in design.binding)}
    )
    assert design.binding
    write_design(forged, run)
    assert "saving_usd" in CliRunner().invoke(main, ["verify", str(run)]).output
    write_design(design, run)
    assert "Why this design" in CliRunner().invoke(main, ["report", str(run)]).stdout
    assert "Why this design" in (run / "report.html").read_text(encoding="utf-8")
    document = json.loads(CliRunner().invoke(main, ["explain", str(run), "--json"]).stdout)
    assert document["design"] == found.design
    assert CliRunner().invoke(main, ["explain", str(run), "--set", "training.learn.deadline_days=3"]).exit_code == 2


def test_solve_explains_where_it_is_asked_to(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    owned_site(services=[service()]).write(folder)
    run = tmp_path / "run"
    result = CliRunner().invoke(main, ["solve", str(folder), "-o", str(run), "--no-baseline", "--explain"])
    assert result.exit_code == 0, result.output
    assert "What each promise costs" in result.stdout
    assert read_explanation(run) is not None


def test_a_run_without_a_design_is_explained_as_its_problem(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    owned_site([job()]).set(capex_limit_usd=100).write(folder)
    run = tmp_path / "run"
    assert CliRunner().invoke(main, ["solve", str(folder), "-o", str(run)]).exit_code == 1
    result = CliRunner().invoke(main, ["explain", str(run)])
    assert result.exit_code == 1
    assert "this alone excludes every design: settings.csv: capex_limit_usd = 100" in result.stdout
