"""What the report says of staged purchases: modules with their room, moves, and by when to order."""

from __future__ import annotations

from small import Small, design_of, owned_site, service

from dcopt.design.records import AssetMove
from dcopt.report.blocks import Table
from dcopt.report.content import build_report
from dcopt.report.spare_room import room_section
from dcopt.report.years import years_section


def growing(dates: str) -> Small:
    """Return a problem whose load doubles in its second year."""
    small = owned_site(services=[service(peak_requests_per_s=1500, growth_pct_per_year=150)], power_limit_kw=60)
    return small.set(horizon_years=2, purchase_years=dates)


def test_modules_stand_with_the_room_that_they_leave() -> None:
    small = growing("all")
    problem, design = small.load(), design_of(small)
    section = room_section(design, problem)
    assert section is not None
    rows = section.blocks[0]
    assert isinstance(rows, Table)
    by_what = {row[1]: row[2:] for row in rows.rows}
    feeds = {
        year: sum(a.units for a in design.assets if a.name == "feed-20" and a.bought_year <= year) for year in (1, 2)
    }
    loads = {part.year: part.kw for part in design.power if part.role == "transformer"}
    for year, cell in zip((1, 2), by_what["transformer (kW)"], strict=True):
        there, left = cell.rstrip(")").split(" (")
        assert float(there) == 20 * feeds[year]
        assert abs(float(left) - (20 * feeds[year] - loads[year])) < 0.1
    assert any("racks" in what for what in by_what)
    assert "room" in [part.key for part in build_report(design, problem).sections]


def test_what_is_bought_once_has_no_section_of_stages() -> None:
    small = growing("1")
    assert room_section(design_of(small), small.load()) is None


def test_moves_are_told_where_nodes_come_and_go() -> None:
    small = growing("all")
    design = design_of(small)
    moves = (AssetMove(year=2, site="rome"),)
    moved = tuple(asset.model_copy(update={"moves": moves}) for asset in design.assets)
    text = str(years_section(design.model_copy(update={"assets": moved})))
    assert "from oslo to rome" in text
    assert "to rome in year 2" in text
