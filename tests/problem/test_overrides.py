"""`--set`: its grammar, its order, its errors, and the record of what it changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from corpus_base import append, swap, write_base

from dcopt.cli.main import main
from dcopt.problem.findings import InputError
from dcopt.problem.load import load
from dcopt.problem.overrides import parse_set
from dcopt.problem.problem import Change


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_base(tmp_path / "base")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("training.gpt3.deadline_days=30", ("training", "gpt3", "deadline_days", "=", "30")),
        ("training.gpt-3.5.turbo.tokens*=1.2", ("training", "gpt-3.5.turbo", "tokens", "*=", "1.2")),
        ("sites.*.power_limit_kw *= 2", ("sites", "*", "power_limit_kw", "*=", "2")),
        ("nodes.*.price_usd=", ("nodes", "*", "price_usd", "=", "")),
        ("settings.name=a=b*=c", ("settings", "", "name", "=", "a=b*=c")),
        ("offers.nodes/h100/*.price_usd=1", ("offers", "nodes/h100/*", "price_usd", "=", "1")),
    ],
)
def test_grammar(text: str, parts: tuple[str, ...]) -> None:
    found = parse_set(text)
    assert (found.table, found.name, found.column.strip(), found.operator, found.value) == parts


def test_cells_are_changed_left_to_right(base: Path) -> None:
    problem = load(
        base,
        [
            "training.pretrain.deadline_days=30.5",
            "training.*.global_batch*=2",
            "training.pretrain.global_batch*=1.5",
            "training.pretrain.precisions=bf16",
            "sites.oslo.rack_positions=",
            "offers.nodes/dgx-h100/oslo.price_usd*=1.1",
            "offers.nodes/*/*.max_units=3",
            "nodes.dgx-h100.mtbf_hours=5000",
            "settings.horizon_years=7",
        ],
    )
    pretrain, tune = problem.training.values()
    assert (pretrain.deadline_days, pretrain.global_batch, tune.global_batch) == (30.5, 1536, 128)
    assert pretrain.precisions == ("bf16",)
    assert problem.sites["oslo"].rack_positions is None
    assert problem.offers["nodes/dgx-h100/oslo"].price_usd == 330000
    assert {offer.max_units for offer in problem.offers.values()} == {3}
    assert problem.nodes["dgx-h100"].mtbf_hours == 5000
    assert problem.settings.horizon_years == 7
    assert problem.changes[:3] == (
        Change("training", "pretrain", "deadline_days", "30", "30.5"),
        Change("training", "pretrain", "global_batch", "512", "1024"),
        Change("training", "tune", "global_batch", "64", "128"),
    )
    assert problem.changes[-1] == Change("settings", "horizon_years", "horizon_years", "5", "7")
    assert len(problem.changes) == 12


def test_multiplying_is_decimal_and_passes_over_blanks(base: Path) -> None:
    problem = load(base, ["existing.oslo/nodes/dgx-a100-80.units*=5", "existing.*.units*=1.1"])
    assert problem.existing["oslo/nodes/dgx-a100-80"].units == 11
    prices = load(base, ["nodes.*.price_usd*=2"]).nodes
    assert prices["mine"].price_usd == 500000
    assert any(node.price_usd is None for node in prices.values())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("deadline_days=30", ("is not understood", "TABLE.NAME.COLUMN=VALUE")),
        ("training.pretrain.deadline_days", ("is not understood",)),
        ("training.deadline_days=30", ("is not understood",)),
        ("settings.sub.name=x", ("is not understood",)),
        ("trainings.pretrain.deadline_days=30", ("no table 'trainings'", "did you mean 'training'")),
        ("training.pretran.deadline_days=30", ("matches nothing", "did you mean 'pretrain'")),
        ("training.pretrain.deadline=30", ("no column of training", "did you mean 'deadline_days'")),
        ("settings.horizon=3", ("no setting", "did you mean 'horizon_years'")),
        ("measurements.*.step_s=3", ("matches nothing", "no rows")),
        ("offers.dgx-h100.price_usd=3", ("matches nothing", "table/name/site")),
        ("training.pretrain.name=x", ("part of the row's key",)),
        ("settings.catalog=none", ("write it in settings.csv",)),
        ("training.pretrain.deadline_days=soon", ("not a number", "deadline_days")),
        ("training.pretrain.deadline_days=-3", ("too low",)),
        ("training.pretrain.global_batch*=1.0001", ("whole number",)),
        ("training.pretrain.model*=2", ("not a number",)),
        ("training.pretrain.deadline_days*=x", ("factor is not a number",)),
        ("training.pretrain.deadline_days*=nan", ("factor is not a number",)),
        ("sites.rented.power_limit_kw*=2", ("blank", "set it with '='")),
        ("settings.capex_limit_usd*=2", ("blank", "set it with '='")),
        ("sites.oslo.kind=cloudy", ("one of owned", "did you mean 'cloud'")),
        ("sites.oslo.power_limit_kw=", ("required at a site of kind 'owned'",)),
        ("training.pretrain.dataset=book", ("no row 'book'", "did you mean 'books'")),
        ("inference.chat.model=lama-3.1-8b", ("not a known model", "did you mean 'llama-3.1-8b'")),
        ("offers.nodes/mine/*.available_from_year=2", ("everything is bought in year 1",)),
    ],
)
def test_wrong_changes(text: str, words: tuple[str, ...], base: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(base, [text])
    (finding,) = caught.value.errors
    assert finding.file == f"--set {text}"
    for word in words:
        assert word in str(finding)
    result = CliRunner().invoke(main, ["check", str(base), "--set", text])
    assert result.exit_code == 2
    assert str(finding) in result.stderr


def test_all_wrong_changes_are_reported_with_the_other_errors(base: Path) -> None:
    append("datasets.csv", "logs,x,,,")(base)
    swap("training.csv", "1e10", "many")(base)
    sets = ["training.x.tokens=1", "training.pretrain.deadline_days=7", "sites.y.kind=owned"]
    with pytest.raises(InputError) as caught:
        load(base, sets)
    assert [finding.file for finding in caught.value.errors] == [
        "--set sites.y.kind=owned",
        "--set training.x.tokens=1",
        "datasets.csv",
        "training.csv",
    ]


def test_a_change_may_make_the_next_one_possible(base: Path) -> None:
    sets = ["sites.rented.power_limit_kw=100", "sites.rented.power_limit_kw*=2"]
    problem = load(base, sets)
    assert problem.sites["rented"].power_limit_kw == 200
    with pytest.raises(InputError, match="nothing to multiply"):
        load(base, sets[::-1])
