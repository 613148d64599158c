"""``dcopt sensitivity``: solve a problem again and again with other inputs."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcopt.cli.inputs import exit_with, load_or_exit, usage_error
from dcopt.cli.study_options import Asked, study_command
from dcopt.cli.study_run import exit_of, run_asked, shown

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem
    from dcopt.study.records import Outcome, Scenario
    from dcopt.study.regret import Regret


@dataclass(frozen=True)
class Plan:
    """A kind of study with its scenarios."""

    kind: str
    scenarios: tuple[Scenario, ...]


@study_command("sensitivity", runs=True)
@click.option("--vary", "varied", multiple=True, metavar="CELL=LOW:HIGH:COUNT", help="A cell and its values (a grid).")
@click.option("--scenarios", "file", type=click.Path(path_type=Path), help="A file like scenarios.csv.")
@click.option("--tornado", is_flag=True, help="Each cell of uncertainty.csv, low and high, one at a time.")
@click.option("--sample", type=click.Choice(["lhs", "sobol", "random"]), help="Draw from uncertainty.csv.")
@click.option("-n", "--count", type=click.IntRange(min=1), default=100, show_default=True, help="Samples to draw.")
@click.option("--regret", type=click.IntRange(min=1), metavar="D", help="Also hold the D most frequent designs fixed.")
@click.option("--screen", type=click.Choice(["morris"]), help="Which cells of uncertainty.csv matter at all.")
@click.option(
    "--trajectories", type=click.IntRange(min=2), default=10, show_default=True, help="Of --screen, one solve an input."
)
def command(
    asked: Asked,
    varied: tuple[str, ...],
    file: Path | None,
    tornado: bool,
    sample: str | None,
    count: int,
    regret: int | None,
    screen: str | None,
    trajectories: int,
) -> None:
    """Solve PROBLEM with other inputs and show what the cost and the decision depend on.

    Give one of --vary (a grid over all that are given), --scenarios (or the problem's own scenarios.csv when nothing
    else is asked), --tornado, --sample or --screen. With -o every outcome is kept the moment it is known: the same
    command run again goes on where it stopped. --warm proves what lies between solved scenarios from them where it can,
    which makes sweeps of prices several times as fast. --regret holds the designs that are best most often as they were
    bought (at several dates: as they were first bought) and runs each in every scenario: what it costs above the best
    design there, and how often it breaks promises.

    \b
    Example: dcopt sensitivity chat --vary 'sites.*.electricity_usd_per_kwh=0.04:0.20:9'
             dcopt sensitivity chat --vary 'inference.chat.peak_requests_per_s*=0.5:2:4' --jobs 2 -o chat-study
             dcopt sensitivity chat --sample lhs -n 200 --regret 10 --jobs 2 -o chat-risk

    Exit codes: 0 all scenarios were answered, 2 bad input, 3 stopped by Ctrl-C, 4 some scenarios failed.
    """
    loaded = load_or_exit(asked.problem, asked.sets)
    sampled = (sample, count, asked.seed) if sample else None
    screened = (trajectories, asked.seed) if screen else None
    plan = _plan(loaded, varied, file, tornado, sampled, screened)
    if plan.kind == "grid":
        load_or_exit(asked.problem, (*asked.sets, *plan.scenarios[0].sets))
    result = run_asked(asked, plan.kind, plan.scenarios)
    results = [(result, len(plan.scenarios))]
    found: tuple[Regret, ...] = ()
    if regret and result.complete:
        from dcopt.study.regret import frequent_purchases, held_fixed, regrets

        purchases = frequent_purchases(result.outcomes, regret)
        scenarios = held_fixed(purchases, plan.scenarios)
        fixed = run_asked(asked, "regret", scenarios, within="regret")
        results.append((fixed, len(scenarios)))
        found = regrets(purchases, result.outcomes, fixed.outcomes)
    if asked.as_json:
        click.echo(_json(result.outcomes, found))
    else:
        from dcopt.study.report import report_on, rows_of

        named = {"kind": plan.kind, "problem": str(asked.problem)}
        click.echo(shown(report_on(named, result.outcomes, tuple(rows_of(found)))))
    sys.exit(exit_of(results))


def _json(outcomes: tuple[Outcome, ...], found: tuple[Regret, ...]) -> str:
    import json

    rows: Any = [outcome.row() for outcome in outcomes]
    return json.dumps({"outcomes": rows, "regret": [asdict(one) for one in found]} if found else rows, indent=1)


def _plan(
    loaded: Problem,
    varied: tuple[str, ...],
    file: Path | None,
    tornado: bool,
    sampled: tuple[str, int, int] | None,
    screened: tuple[int, int] | None,
) -> Plan:
    """Return the study that is asked for; bad or contradicting options end the command with code 2."""
    from dcopt.problem.findings import InputError
    from dcopt.study.distributions import sample_scenarios
    from dcopt.study.grid import grid, parse_vary, read_scenarios, scenarios_of
    from dcopt.study.records import NOTHING_UNCERTAIN
    from dcopt.study.screening import ScreeningError, morris_scenarios
    from dcopt.study.tornado import tornado_scenarios

    if sum(map(bool, (varied, file, tornado, sampled, screened))) > 1:
        usage_error("give one of --vary, --scenarios, --tornado, --sample and --screen")
    cells = tuple(loaded.uncertainty.values())
    if (tornado or sampled or screened) and not cells:
        usage_error(NOTHING_UNCERTAIN)
    try:
        if varied:
            return Plan("grid", grid([parse_vary(text) for text in varied]))
        if tornado:
            return Plan("tornado", tornado_scenarios(cells))
        if sampled:
            return Plan("sample", sample_scenarios(cells, sampled[1], sampled[0], sampled[2]))  # type: ignore[arg-type]
        if screened:
            return Plan("screen", morris_scenarios(cells, *screened))
        if file is not None:
            return Plan("scenarios", read_scenarios(file))
    except InputError as error:
        exit_with(error.findings)
    except (ScreeningError, RuntimeError, ValueError) as error:
        usage_error(str(error))
    if loaded.scenarios:
        return Plan("scenarios", scenarios_of(loaded.scenarios.values()))
    usage_error("nothing to vary: give --vary, --scenarios, --tornado, --sample or --screen")
