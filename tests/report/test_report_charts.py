"""Charts with exact geometry: flows are conserved, racks and networks are drawn to scale, each chart has its data."""

from __future__ import annotations

import re

import pytest

from dcopt.design.records import Design, SiteRecord
from dcopt.problem.problem import Problem
from dcopt.report.axis_charts import nice_ticks
from dcopt.report.blocks import (
    Bar,
    BarChart,
    Bullet,
    BulletChart,
    Chart,
    Elevations,
    HeatMap,
    NetworkDiagram,
    RackDrawing,
    Range,
    RangeChart,
    Sankey,
    ScatterChart,
    Span,
    SplitBar,
    StackedChart,
    Stop,
    Tier,
    Timeline,
    XYChart,
)
from dcopt.report.chart_data import data_of
from dcopt.report.charts import DRAWN, draw
from dcopt.report.content import build_report
from dcopt.report.flows import heat_flows, power_flows

CHARTS: tuple[Chart, ...] = (
    BarChart("bars", (Bar("a", 3, "3", "x"), Bar("b", 1, "1", "y"))),
    SplitBar("split", (("a", 3, "3 USD"), ("b", 1, "1 USD"))),
    StackedChart("stack", "USD", "year", ("1", "2"), (("a", (1, 2)), ("b", (3, 0)))),
    BulletChart("bullets", (Bullet("kept", 3, 4, "ms"), Bullet("broken", 5, 4, "ms"))),
    Timeline("time", 365, (("job", (Span(0, 30, "run 1"),)),)),
    ScatterChart("scatter", "s", (("a", ((1, 1.1), (10, 9))),)),
    XYChart("trace", "s", "USD", (("incumbent", ((0, 5), (2, 4))), ("bound", ((0, 1), (2, 4)))), "step"),
    RangeChart("tornado", "USD", 10, (Range("price", 8, 13, "-10 %", "+10 %"),)),
    HeatMap("map", "price", "load", ("1", "2"), ("10", "20"), (("x", "y"), ("x", "x"))),
    Sankey("flow", "kW", (Stop("in", 0), Stop("out", 1), Stop("lost", 1)), (("in", "out", 9), ("in", "lost", 1))),
    NetworkDiagram("net", (Tier("spine", 4, 160, "20 at each leaf"), Tier("leaf", 8, 104), Tier("node", 13))),
    Elevations("racks", (RackDrawing("rack", 3, 42, ((1, 8, "node"), (9, 1, "switch"))),)),
)


def test_every_kind_of_chart_is_tested() -> None:
    assert {type(chart) for chart in CHARTS} == set(DRAWN)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.title)
def test_a_chart_is_drawn_named_and_tabulated(chart: Chart) -> None:
    svg = draw(chart, "k")
    assert f'<title id="k">{chart.title}</title><desc id="k-desc">' in svg
    assert svg.count("<title>") >= 1  # marks say their numbers
    height = float(re.findall(r'viewBox="0 0 760 (\d+)"', svg)[0])
    for x, y, wide, tall in re.findall(r'<rect x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)" height="([\d.]+)"', svg):
        assert float(x) >= 0
        assert float(y) >= 0
        assert float(x) + float(wide) <= 760.5
        assert float(y) + float(tall) <= height + 0.5
    shown = data_of(chart)
    assert shown.rows
    assert chart.title in shown.caption


def test_a_band_is_as_thick_as_its_flow() -> None:
    svg = draw(next(c for c in CHARTS if isinstance(c, Sankey)), "k")
    thick = {}
    for shape, name in re.findall(r'<path d="(.*?)Z" class="c\d band"><title>(.*?):', svg):
        heights = re.findall(r",([\d.]+)", shape)
        thick[name] = float(heights[-1]) - float(heights[0])  # where it leaves, its lower and its upper edge
    assert thick["in → out"] == pytest.approx(9 * thick["in → lost"], rel=0.02)


def test_a_unit_of_a_rack_has_one_height() -> None:
    svg = draw(Elevations("r", (RackDrawing("rack", 1, 42, ((1, 8, "node"), (9, 1, "switch"))),)), "k")
    heights = dict(re.findall(r'height="([\d.]+)" class="c\d"><title>(\w+), unit', svg))
    node, switch = ({name: float(tall) for tall, name in heights.items()}[key] for key in ("node", "switch"))
    assert node + 0.7 == pytest.approx(8 * (switch + 0.7), abs=0.2)


def test_a_long_tier_says_how_many_are_drawn() -> None:
    svg = draw(NetworkDiagram("n", (Tier("leaf", 64, 512), Tier("node", 512))), "k")
    assert "15 of them drawn" in svg
    assert svg.count("64 × leaf</title>") == 15


def _balance(flows: tuple[tuple[str, str, float], ...], name: str) -> tuple[float, float]:
    return sum(v for _, end, v in flows if end == name), sum(v for start, _, v in flows if start == name)


def chain_design(design: Design) -> tuple[Design, SiteRecord]:
    """Return a design with the whole chain: 100 kW of IT, each part 2 kW of losses, fans 3 kW, rejection 20 kW."""
    power = [
        design.power[0].model_copy(update={"role": role, "name": role, "kw": kw, "loss_kw": 2.0})
        for role, kw in (("pdu", 100.0), ("ups", 105.0), ("transformer", 127.0))
    ]
    site = design.sites[0].model_copy(update={"it_kw": 100.0, "facility_kw": 129.0})
    return design.model_copy(update={"power": tuple(power), "sites": (site,)}), site


def test_power_is_conserved_from_grid_to_equipment(design: Design) -> None:
    whole, site = chain_design(design)
    flows = power_flows(whole, site).flows
    for name in ("transformers", "UPS", "PDUs"):
        into, out = _balance(flows, name)
        assert into == pytest.approx(out)
    ends = {name: _balance(flows, name)[0] for name in ("IT equipment", "heat rejection", "fans and pumps", "losses")}
    assert ends == pytest.approx({"IT equipment": 100.0, "heat rejection": 20.0, "fans and pumps": 3.0, "losses": 6.0})
    assert _balance(flows, "grid")[1] == pytest.approx(129.0)


@pytest.mark.parametrize("missing", ["pdu", "ups", "transformer"])
def test_a_chain_without_a_part_still_adds_up(design: Design, missing: str) -> None:
    whole, site = chain_design(design)
    less = whole.model_copy(update={"power": tuple(p for p in whole.power if p.role != missing)})
    flows = power_flows(less, site).flows
    into = {end for _, end, _ in flows} - {start for start, _, _ in flows}
    assert sum(_balance(flows, name)[0] for name in into) == pytest.approx(129.0)


def test_a_colocation_site_shows_what_the_landlord_adds(design: Design) -> None:
    rented = design.model_copy(update={"power": ()})
    flows = {(a, b): v for a, b, v in power_flows(rented, rented.sites[0]).flows}
    assert flows == pytest.approx(
        {("grid", "IT equipment"): 388.5, ("grid", "cooling and losses of the building"): 431.25 - 388.5}
    )


def test_heat_reaches_the_outdoors(design: Design, problem: Problem) -> None:
    drawn = heat_flows(design, None, design.sites[0])
    assert drawn is not None
    assert _balance(drawn.flows, "IT equipment")[1] == pytest.approx(388.5)
    assert _balance(drawn.flows, "losses indoors")[1] == pytest.approx(5.25)
    assert _balance(drawn.flows, "fans and pumps")[1] == pytest.approx(7.0)
    assert _balance(drawn.flows, "outdoors")[0] == pytest.approx(400.75)
    assert heat_flows(design.model_copy(update={"cooling": ()}), problem, design.sites[0]) is None


def test_the_report_draws_what_the_design_holds(design: Design, problem: Problem) -> None:
    blocks = [block for section in build_report(design, problem).sections for block in section.blocks]
    networks = [block for block in blocks if isinstance(block, NetworkDiagram)]
    assert [(tier.name, tier.units, tier.cables_below) for tier in networks[0].tiers] == [
        ("spine switches", 4, 256),
        ("leaf switches", 8, 272),
        ("dgx-h100", 34, 0),
    ]
    racks = next(block for block in blocks if isinstance(block, Elevations)).racks
    assert [(rack.count, rack.units, len(rack.slots)) for rack in racks] == [(8, 48, 4), (1, 48, 2)]
    trace = next(block for block in blocks if isinstance(block, XYChart) and block.kind == "step")
    assert [len(points) for _, points in trace.series] == [2, 3]


def test_ticks_are_round_and_cover_the_values() -> None:
    assert nice_ticks(0, 9) == pytest.approx([0, 2, 4, 6, 8, 10])
    assert nice_ticks(5.1e6, 5.5e6)[0] <= 5.1e6
    assert nice_ticks(3, 3)[0] < 3 < nice_ticks(3, 3)[-1]
