"""What a study is asked: ranges, scenario tables and distributions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import spearmanr
from small import owned_site, service

from dcopt.problem.findings import InputError
from dcopt.problem.tables.study_rows import ScenarioCell, UncertainCell
from dcopt.study.distributions import correlated, extremes, quantiles, sample_scenarios, unit_sample
from dcopt.study.grid import VaryError, grid, parse_vary, read_scenarios, scenarios_of

PRICE = {"table": "nodes", "name": "duo", "column": "price_usd"}


def test_a_range_is_evenly_spaced_and_holds_both_ends() -> None:
    vary = parse_vary("sites.*.electricity_usd_per_kwh=0.04:0.2:9")
    assert vary.cell == "sites.*.electricity_usd_per_kwh"
    assert vary.operator == "="
    assert [float(value) for value in vary.values] == pytest.approx(np.linspace(0.04, 0.2, 9))


def test_a_list_keeps_its_words_and_operators_their_meaning() -> None:
    assert parse_vary("training.gpt3.precisions=bf16,fp8").values == ("bf16", "fp8")
    assert parse_vary("nodes.*.price_usd*=0.8,1.2").operator == "*="
    vary = parse_vary("nodes.*.price_usd+=-500,500")
    assert vary.sets(vary.values[0]) == ("nodes.*.price_usd+=-500",)


@pytest.mark.parametrize(
    "text",
    ["nonsense", "a.b.c=", "a.b.c=1:2", "a.b.c=1:2:1", "a.b.c=1:1:3", "a.b.c=1:x:3", "a.b.c=1,1", "a.b.c=1,,2", "=1,2"],
)
def test_a_range_that_is_not_understood_says_so(text: str) -> None:
    with pytest.raises(VaryError):
        parse_vary(text)


def test_a_grid_has_every_combination_once_the_last_cell_fastest() -> None:
    scenarios = grid([parse_vary("a.b.c=1,2"), parse_vary("d.e.f*=3:5:3")])
    assert [tuple(s.inputs.values()) for s in scenarios] == [(1, 3), (1, 4), (1, 5), (2, 3), (2, 4), (2, 5)]
    assert scenarios[4].sets == ("a.b.c=2", "d.e.f*=4")
    assert len({s.name for s in scenarios}) == 6


def test_scenarios_apply_their_rows_in_order_beside_the_base() -> None:
    cells = [
        ScenarioCell(scenario="dear", table="nodes", name="*", column="price_usd", operation="factor", value="1.2"),
        ScenarioCell(scenario="dear", table="settings", column="discount_rate_pct", operation="add", value="2"),
        ScenarioCell(scenario="dry", table="sites", name="oslo", column="water_usd_per_m3", value="9"),
    ]
    base, dear, dry = scenarios_of(cells)
    assert (base.name, base.sets) == ("base", ())
    assert dear.sets == ("nodes.*.price_usd*=1.2", "settings.discount_rate_pct+=2")
    assert dry.sets == ("sites.oslo.water_usd_per_m3=9",)


def test_a_scenario_file_with_errors_names_them_all(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        "scenario,table,name,column,operation,value\na,nodes,*,price_usd,times,2\n,nodes,*,price_usd,set,2\n"
    )
    with pytest.raises(InputError) as error:
        read_scenarios(file)
    assert {(finding.line, finding.column) for finding in error.value.findings} == {(2, "operation"), (3, "scenario")}


def test_scenario_tables_travel_with_a_problem(tmp_path: Path) -> None:
    small = owned_site(services=[service()]).add("scenarios", scenario="dear", **PRICE, value=1)
    small = small.add("uncertainty", **PRICE, low=0.5, high=1.5)
    problem = small.load()
    assert [cell.as_set for cell in problem.scenarios.values()] == ["nodes.duo.price_usd=1"]
    assert [extremes(cell) for cell in problem.uncertainty.values()] == [(0.5, 1.5)]


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"low": 2, "high": 1}, "high"),
        ({"high": 1}, "low"),
        ({"low": 1}, "high"),
        ({"low": 1, "high": 2, "mode": 3}, "mode"),
        ({"low": -1, "high": 2, "distribution": "lognormal"}, "low"),
        ({"distribution": "discrete"}, "values"),
        ({"distribution": "discrete", "values": "1 2 x"}, "values"),
        ({"distribution": "discrete", "values": "1 2", "weights": "1"}, "weights"),
        ({"distribution": "discrete", "values": "1 2", "weights": "0 0"}, "weights"),
        ({"low": 1, "high": 2, "correlation": 0.5}, "with_cell"),
        ({"low": 1, "high": 2, "with_cell": "a.b.c"}, "correlation"),
    ],
)
def test_an_incomplete_distribution_is_an_error_at_its_cell(cells: dict[str, object], column: str) -> None:
    with pytest.raises(ValidationError, match=rf"{column}\|"):
        UncertainCell.model_validate({**PRICE, **cells})


def cell(**cells: object) -> UncertainCell:
    return UncertainCell.model_validate({**PRICE, **cells})


def test_known_quantiles() -> None:
    shares = np.array([0.05, 0.5, 0.95])
    assert quantiles(cell(low=2, high=4, distribution="uniform"), shares) == pytest.approx([2.1, 3, 3.9])
    assert quantiles(cell(low=2, high=4, distribution="normal"), shares) == pytest.approx([2, 3, 4])
    assert quantiles(cell(low=1, high=4, distribution="lognormal"), shares) == pytest.approx([1, 2, 4])
    assert quantiles(cell(low=0, high=1, mode=0), np.array([0.75])) == pytest.approx([0.5])
    three = cell(distribution="discrete", values="30 10 20", weights="1 2 1")
    assert list(quantiles(three, np.array([0.1, 0.49, 0.6, 0.74, 0.76]))) == [10, 10, 20, 20, 30]


@given(
    st.sampled_from(["uniform", "triangular", "normal", "lognormal"]),
    st.floats(0.1, 10),
    st.floats(0.1, 10),
    st.lists(st.floats(0.001, 0.999), min_size=2, max_size=6),
)
def test_quantiles_rise_with_their_share(kind: str, low: float, width: float, shares: list[float]) -> None:
    values = quantiles(cell(low=low, high=low + width, distribution=kind), np.sort(np.array(shares)))
    assert (np.diff(values) >= -1e-12).all()


@pytest.mark.parametrize("method", ["lhs", "sobol", "random"])
def test_samples_are_seeded_and_fill_the_cube(method: str) -> None:
    points = unit_sample(128, 3, method, seed=5)  # type: ignore[arg-type]
    assert points.shape == (128, 3)
    assert (points == unit_sample(128, 3, method, seed=5)).all()  # type: ignore[arg-type]
    assert (points != unit_sample(128, 3, method, seed=6)).any()  # type: ignore[arg-type]
    assert points.mean(axis=0) == pytest.approx([0.5] * 3, abs=0.12)
    if method == "lhs":
        assert all(sorted(np.floor(points[:, k] * 128).astype(int)) == list(range(128)) for k in range(3))


def test_rank_correlation_is_what_was_asked_for() -> None:
    first = cell(low=1, high=2)
    second = UncertainCell(
        table="nodes", name="quad", column="price_usd", low=1, high=2, with_cell=first.path, correlation=0.7
    )
    points = correlated(unit_sample(4000, 2, "lhs", seed=1), (first, second))
    assert spearmanr(points[:, 0], points[:, 1]).statistic == pytest.approx(0.7, abs=0.03)
    with pytest.raises(ValueError, match="no earlier row"):
        correlated(unit_sample(4, 2, "lhs", seed=1), (second, first))


def test_samples_become_scenarios_of_factors() -> None:
    scenarios = sample_scenarios([cell(low=0.5, high=1.5)], 12, "lhs", seed=3)
    assert len(scenarios) == 12
    assert scenarios[0].name == "sample-01"
    for scenario in scenarios:
        (value,) = scenario.inputs.values()
        assert 0.5 <= float(value) <= 1.5
        assert scenario.sets == (f"nodes.duo.price_usd*={value!r}",)
    with pytest.raises(ValueError, match="nothing is uncertain"):
        sample_scenarios([], 3, "lhs", seed=1)
