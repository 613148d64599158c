"""Prices of vendors, read back into a problem."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import load_workbook

from dcopt.design.records import BomLine, Design
from dcopt.problem.findings import InputError
from dcopt.problem.load import load
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.problem.quotes import Quote, quote_sets, read_quotes
from dcopt.report.bom_workbook import write_bom_xlsx

OFFERS = """table,name,site,price_usd,max_units
nodes,dgx-h100,here,300000,
nodes,dgx-h100,,310000,
nodes,hgx-h100-8,,,
racks,air-40kw,,4000,
"""
SITES = """name,power_limit_kw,electricity_usd_per_kwh,build_usd_per_kw
here,500,0.1,9000
there,500,0.1,9000
"""
SERVICES = """name,model,peak_requests_per_s,input_tokens,output_tokens,latency_ms
chat,bert-large,10,384,0,100
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "problem"
    path.mkdir()
    names = {"offers": OFFERS, "sites": SITES, "inference": SERVICES, "settings": "key,value\nhorizon_years,3\n"}
    for name, text in names.items():
        (path / f"{name}.csv").write_text(text, encoding="utf-8")
    return path


def quote(table: str, item: str, price: float, site: str = "", year: int = 1) -> Quote:
    return Quote(table, item, price, site, year, ("quotes.csv", 2))


def prices(problem: Problem, table: str, item: str) -> dict[str, float | None]:
    return {site: offered(problem, table, site)[item].price_usd for site in problem.sites}


def test_a_quote_reaches_the_row_that_prices_the_item_there(folder: Path) -> None:
    problem = load(folder)
    assert prices(problem, "nodes", "dgx-h100") == {"here": 300000, "there": 310000}

    def quoted(*quotes: Quote) -> Problem:
        return load(folder, quote_sets(problem, quotes))

    assert prices(quoted(quote("nodes", "dgx-h100", 1, "here")), "nodes", "dgx-h100") == {"here": 1, "there": 310000}
    there = quoted(quote("nodes", "dgx-h100", 2, "there"))
    assert prices(there, "nodes", "dgx-h100") == {"here": 300000, "there": 2}  # the offer for all other sites
    assert prices(quoted(quote("nodes", "dgx-h100", 3)), "nodes", "dgx-h100") == {"here": 3, "there": 3}
    both = quoted(quote("nodes", "dgx-h100", 4, "here"), quote("nodes", "dgx-h100", 5, "there"))
    assert prices(both, "nodes", "dgx-h100") == {"here": 4, "there": 5}
    listed = next(iter(problem.power))
    assert quoted(quote("power", listed, 6, "here")).power[listed].price_usd == 6  # no offers: the catalogue's row
    assert quoted(quote("sites", "here", 7)).sites["here"].build_usd_per_kw == 7


def test_a_later_year_is_left_to_the_first(folder: Path) -> None:
    problem = load(folder)
    sets = quote_sets(problem, [quote("racks", "air-40kw", 9, "here", 3), quote("racks", "air-40kw", 8, "here", 1)])
    assert sets == ("offers.racks/air-40kw/*.price_usd=8",)


@pytest.mark.parametrize(
    ("quotes", "message"),
    [
        ([quote("racks", "air-40kw", 1, "here"), quote("racks", "air-40kw", 2, "there")], "has one price"),
        ([quote("nodes", "dgx-h10", 1)], "did you mean 'dgx-h100'"),
        ([quote("nodez", "dgx-h100", 1)], "has no row"),
        ([quote("codecs", "zstd-3", 1)], "codecs has no"),
    ],
)
def test_quotes_that_cannot_be_used_say_why(folder: Path, quotes: list[Quote], message: str) -> None:
    with pytest.raises(InputError) as error:
        quote_sets(load(folder), quotes)
    assert message in str(error.value)


def test_quotes_of_a_csv_file(tmp_path: Path) -> None:
    path = tmp_path / "quotes.csv"
    path.write_text('table,item,price_usd,site\nnodes,a,"1,250.50",\nnodes,b,,\nracks,c,7,here\n', encoding="utf-8")
    found = [(q.table, q.item, q.price_usd, q.site, q.place) for q in read_quotes(path)]
    assert found == [("nodes", "a", 1250.5, "", ("quotes.csv", 2)), ("racks", "c", 7.0, "here", ("quotes.csv", 4))]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("q.csv", "table,item\nnodes,a\n", "has no column price_usd"),
        ("q.csv", "table,item,price_usd\nnodes,a,cheap\n", "is not a price"),
        ("q.csv", "table,item,price_usd\nnodes,a,\n", "holds no quoted price"),
        ("q.txt", "", "is neither .xlsx nor .csv"),
        ("q.xlsx", "no workbook", "is not a readable .xlsx"),
    ],
)
def test_quotes_that_cannot_be_read_say_why(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_quotes(tmp_path / name)
    assert message in str(error.value)


def test_the_round_trip_of_a_bill_of_materials(tmp_path: Path) -> None:
    line = BomLine(
        site="here",
        year=1,
        category="nodes",
        table="nodes",
        item="dgx-h100",
        quantity=2,
        unit_price_usd=5,
        total_usd=10,
    )
    path = tmp_path / "bom.xlsx"
    write_bom_xlsx(Design(problem="p", status="optimal", bom_lines=(line,)), path)
    with pytest.raises(InputError):
        read_quotes(path)  # as written it holds no quote
    book = load_workbook(path)
    book["here nodes"]["G2"] = 4.5
    book.save(path)
    (found,) = read_quotes(path)
    assert (found.table, found.item, found.price_usd, found.site) == ("nodes", "dgx-h100", 4.5, "here")
    assert found.place == ("bom.xlsx!here nodes", 2)
