"""``dcopt robust``: one purchase for many futures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcopt.cli.inputs import NO_DESIGN, exit_with, load_or_exit, usage_error
from dcopt.cli.study_options import Asked, ProgressLine, study_command
from dcopt.cli.study_run import FAILED, exit_of, run_asked, shown

if TYPE_CHECKING:
    from dcopt.pipeline.extensive import Purchased
    from dcopt.pipeline.shared_purchase import Goal
    from dcopt.problem.problem import Problem
    from dcopt.report.purchase_content import Judged
    from dcopt.study.records import Outcome, Scenario

FEW = 10
"""Scenarios up to which one program of them all is solved about as fast as by decomposition."""


@study_command("robust", runs=True)
@click.option("--scenarios", "file", type=click.Path(path_type=Path), help="A file like scenarios.csv.")
@click.option("--sample", type=click.Choice(["lhs", "sobol", "random"]), help="Draw from uncertainty.csv.")
@click.option("-n", "--count", type=click.IntRange(min=1), default=20, show_default=True, help="Samples to draw.")
@click.option(
    "--goal",
    type=click.Choice(["expected", "worst", "cvar", "chance"]),
    default="expected",
    show_default=True,
    help="Least expected cost, least worst cost, least mean cost of the worst scenarios, or promises in most of them.",
)
@click.option(
    "--level",
    type=click.FloatRange(min=0, max=1, min_open=True),
    default=0.95,
    show_default=True,
    help="Of cvar: share of the better scenarios that do not count. Of chance: share in which promises are kept.",
)
@click.option(
    "--method",
    type=click.Choice(["auto", "extensive", "decomposition"]),
    default="auto",
    show_default=True,
    help="All scenarios in one program, or most of them alone and bounded by cuts (not for chance); auto: the first "
    "up to 10 scenarios.",
)
@click.option("--rounds", type=click.IntRange(min=1), default=100, show_default=True, help="Of the decomposition.")
@click.option("--check", "fresh", type=click.IntRange(min=0), default=0, help="Judge it on so many fresh samples too.")
def command(
    asked: Asked,
    file: Path | None,
    sample: str | None,
    count: int,
    goal: str,
    level: float,
    method: str,
    rounds: int,
    fresh: int,
) -> None:
    """Find one purchase for PROBLEM that is best over many scenarios, and judge it beside the nominal one.

    What is bought is the same in all scenarios: nodes, fabric, storage, racks, power, cooling. How it is run follows
    each scenario: which workload runs where, replicas, load, energy, what is rented. All that is bought is paid, needed
    or not. The nominal purchase is the cheapest design of PROBLEM as it stands.

    Where settings.csv purchase_years gives several dates, what is bought at the first of them is the same in all
    scenarios; what is bought, kept or sold at a later date follows each scenario.

    --time-limit holds for the search for the purchase and, apart from it, for each scenario in which it is judged.

    \b
    Example: dcopt robust chat --sample lhs -n 20 --check 100
             dcopt robust chat --scenarios futures.csv --goal chance --level 0.9

    Exit codes: 0 found within the gap, 1 no purchase serves all scenarios, 2 bad input, 3 stopped, 4 not found or not
    judged in the time.
    """
    loaded = load_or_exit(asked.problem, asked.sets)
    scenarios = _scenarios(loaded, file, (sample, count, asked.seed) if sample else None)
    from dcopt.pipeline.shared_purchase import Goal
    from dcopt.study.distributions import sample_scenarios

    if method == "auto":
        method = "extensive" if goal == "chance" or len(scenarios) <= FEW else "decomposition"
    if method == "decomposition" and goal == "chance":
        usage_error("the decomposition keeps the promises of every scenario: take --method extensive for --goal chance")
    if fresh and not loaded.uncertainty:
        usage_error("--check draws from uncertainty.csv, which the problem does not have")
    wanted = Goal(goal, level if goal in ("cvar", "chance") else 1.0)  # type: ignore[arg-type]
    click.echo(f"one purchase for {len(scenarios)} scenarios ...", err=True)
    found = _purchase(asked, scenarios, wanted, rounds if method == "decomposition" else None)
    dates = loaded.settings.purchase_dates
    _end_without_purchase(asked, found, method, staged=len(dates) > 1)
    new = sample_scenarios(tuple(loaded.uncertainty.values()), fresh, "random", asked.seed + 1) if fresh else ()
    results, tables, nominal = _judge(asked, found, scenarios, new)
    runs = next(result for result, _ in results[1:])
    document = {
        **asdict(found),
        "problem": str(asked.problem),
        "scenarios": len(scenarios),
        "method": method,
        "parts": {"/".join(part): units for part, units in found.parts.items()},
        "goal": asdict(wanted),
        "later": _later(dates[1:], runs.outcomes),
        "nominal_parts": nominal,
        "judged": {title: [asdict(one) for one in table] for title, table in tables.items()},
    }
    _tell(asked, document)
    sys.exit(exit_of(results) or _code_of(found))


def _later(years: Sequence[int], outcomes: Sequence[Outcome]) -> dict[str, Any] | None:
    """Return what the scenarios buy after the first date on the robust purchase, as `Later` has it."""
    from dcopt.study.robust import ROBUST

    mine = [one for one in outcomes if one.solved and one.inputs["purchase"] == ROBUST]
    spent = [one.figures.get("later_capex_usd", 0.0) for one in mine]
    if not years or not spent:
        return None
    mean = sum(spent) / len(spent)
    return {"years": list(years), "least_usd": min(spent), "mean_usd": mean, "most_usd": max(spent)}


def _code_of(found: Purchased) -> int:
    return 0 if found.status == "optimal" else FAILED


def _purchase(asked: Asked, scenarios: Sequence[Scenario], goal: Goal, rounds: int | None) -> Purchased:
    """Return the best purchase for the scenarios, by so many rounds of the decomposition or (None) in one program."""
    from dcopt.problem.findings import InputError
    from dcopt.study.robust import robust_purchase

    try:
        if rounds is not None:
            return _decomposed(asked, scenarios, goal, rounds)
        return robust_purchase(asked.problem, asked.sets, scenarios, goal, asked.choices())
    except InputError as error:
        exit_with(error.findings)


def _end_without_purchase(asked: Asked, found: Purchased, method: str, *, staged: bool) -> None:
    """Say so and end where there is nothing to judge: no purchase was found, or nothing need be bought."""
    if found.objective_usd is None:
        click.echo(f"{found.status}: {found.reason}", err=True)
        sys.exit(NO_DESIGN if found.status == "infeasible" else FAILED)
    if not found.parts and not staged:
        import json

        words = f"nothing is bought: what is rented serves every scenario, for USD {found.objective_usd:,.0f}"
        click.echo(json.dumps({**asdict(found), "method": method}, indent=1) if asked.as_json else words)
        sys.exit(_code_of(found))


def _tell(asked: Asked, document: dict[str, Any]) -> None:
    """Write what was found into the study's folder, where one was named, and print it."""
    import json

    from dcopt.study.report import robust_report
    from dcopt.study.store import ROBUST_FILE, write_found

    if asked.output is not None:
        write_found(asked.output, ROBUST_FILE, document)
    click.echo(json.dumps(document, indent=1) if asked.as_json else shown(robust_report(document)))


def _decomposed(asked: Asked, scenarios: Sequence[Scenario], goal: Goal, rounds: int) -> Purchased:
    """Return the best purchase that the decomposition finds, saying after each round where it stands."""
    from dcopt.study.decompose import Round, decomposed

    line = ProgressLine()

    def say(number: int, now: Round) -> None:
        line.clear()
        best = "none serves all yet" if now.best_usd == float("inf") else f"best {now.best_usd:,.0f} USD"
        click.echo(f"  round {number}: {best}, bound {now.bound_usd:,.0f} USD, {now.whole} scenarios whole", err=True)

    try:
        return decomposed(
            asked.problem,
            asked.sets,
            scenarios,
            goal,
            asked.choices(),
            rounds=rounds,
            jobs=asked.jobs,
            on_round=say,
            on_step=lambda text: line.write(f"  {text} ..."),
        ).purchased
    finally:
        line.clear()


def _judge(
    asked: Asked, found: Purchased, scenarios: Sequence[Scenario], fresh: Sequence[Scenario]
) -> tuple[list[Any], dict[str, tuple[Judged, ...]], dict[str, float]]:
    """Hold the purchase and the nominal one fixed in every scenario, and in fresh ones."""
    from dcopt.study.records import Scenario
    from dcopt.study.regret import Purchase, held_fixed
    from dcopt.study.robust import NOMINAL, ROBUST, judged, purchase_named

    base = run_asked(asked, "nominal", [Scenario(name=NOMINAL)], within="nominal")
    nominal: Outcome | None = next((outcome for outcome in base.outcomes if outcome.solved), None)
    purchases = [purchase_named(ROBUST, found.parts)]
    if nominal is not None:
        purchases.append(Purchase(NOMINAL, 1, nominal.parts, nominal.choice))
    results, tables = [(base, 1)], {}
    for title, within, some in (("the scenarios", "judged", scenarios), ("fresh samples", "fresh", fresh)):
        if some:
            asked_for = held_fixed(purchases, some)
            result = run_asked(asked, "robust", asked_for, within=within)
            results.append((result, len(asked_for)))
            tables[title] = tuple(judged(purchase.name, result.outcomes) for purchase in purchases)
    return results, tables, {} if nominal is None else nominal.parts


def _scenarios(loaded: Problem, file: Path | None, sampled: tuple[str, int, int] | None) -> tuple[Scenario, ...]:
    from dcopt.problem.findings import InputError
    from dcopt.study.distributions import sample_scenarios
    from dcopt.study.grid import read_scenarios, scenarios_of

    if file is not None and sampled:
        usage_error("give one of --scenarios and --sample")
    try:
        if sampled:
            return sample_scenarios(tuple(loaded.uncertainty.values()), sampled[1], sampled[0], sampled[2])  # type: ignore[arg-type]
        if file is not None:
            return read_scenarios(file)
    except InputError as error:
        exit_with(error.findings)
    except ValueError as error:
        usage_error(str(error))
    if loaded.scenarios:
        return scenarios_of(loaded.scenarios.values())
    usage_error("no scenarios: give --scenarios or --sample, or write scenarios.csv into the problem")
