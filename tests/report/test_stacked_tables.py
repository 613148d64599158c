"""Tables wider than a terminal come as parts under each other, none of whose words is broken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcopt.report.blocks import Table, table
from dcopt.report.numbers import together
from dcopt.report.rich_terminal import render_rich_table
from dcopt.report.stacked import narrowest, stacked
from dcopt.report.terminal import format_table

WIDE = table(
    "How each service runs",
    ("service", "years", "model", "node", "variant", ">share", "decoding"),
    [
        ("chat-of-the-bank", "1", "llama-3.1-70b", "mi300x-8", "fp8-llama-3.1-70b", "87.1 %", "eagle3-llama-3.1-70b"),
        ("chat-of-the-bank", "2", "llama-3.1-70b", "hgx-h100-8", "fp8-llama-3.1-70b", "7.1 %", ""),
    ],
)


def test_a_table_that_fits_stays_one() -> None:
    assert stacked(WIDE, 200) == [WIDE]


@pytest.mark.parametrize("width", [60, 70, 80, 90])
def test_parts_fit_begin_alike_and_hold_all(width: int) -> None:
    parts = stacked(WIDE, width)
    assert len(parts) > 1
    for part in parts:
        assert part.headers[:2] == ("service", "years")
        assert [row[:2] for row in part.rows] == [row[:2] for row in WIDE.rows]
        assert sum(narrowest(part)) + 2 * (len(part.headers) - 1) <= width
    assert tuple(header for part in parts for header in part.headers[2:]) == WIDE.headers[2:]
    rows = [tuple(cell for part in parts for cell in part.rows[place][2:]) for place in range(2)]
    assert rows == [row[2:] for row in WIDE.rows]


def test_no_word_and_no_number_with_its_unit_is_broken() -> None:
    text = "\n".join(line for part in stacked(WIDE, 60) for line in format_table(part, 60))
    for cell in ("87.1 %", "7.1 %", "eagle3-llama-3.1-70b", "chat-of-the-bank"):
        assert cell in text


def test_rows_that_one_column_tells_apart_begin_with_that_alone() -> None:
    named = table("t", ("name", "text", "more"), [("a", "x" * 40, "y" * 40), ("b", "x" * 40, "z" * 40)])
    assert [part.headers for part in stacked(named, 60)] == [("name", "text"), ("name", "more")]


def test_where_what_tells_rows_apart_takes_the_room_words_are_broken() -> None:
    long = table("t", ("name", "text"), [("n" * 50, "x" * 40)])
    assert stacked(long, 60) == [long]
    assert max(len(line) for line in format_table(long, 60)) <= 60


def test_a_sum_stays_the_last_row_of_every_part() -> None:
    rows = [("energy", "1" * 30, "2" * 30), ("total", "3" * 30, "4" * 30)]
    summed = Table("t", ("kind", "a", "b"), ("left", "right", "right"), tuple(rows), has_total=True)
    parts = stacked(summed, 60)
    assert [part.has_total and part.rows[-1][0] for part in parts] == ["total", "total"]


def test_colour_keeps_the_words_whole_too() -> None:
    assert all("chat-of-the-bank" in render_rich_table(part, 80, colour=False) for part in stacked(WIDE, 80))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9).map(str)), max_size=12))
def test_rows_of_one_name_come_together_in_their_order(rows: list[tuple[str, ...]]) -> None:
    found = together(rows)
    assert sorted(found) == sorted(rows)
    names = [row[0] for row in found]
    assert [name for place, name in enumerate(names) if place == 0 or names[place - 1] != name] == list(
        dict.fromkeys(row[0] for row in rows)
    )
    for name in set(names):
        assert [row for row in found if row[0] == name] == [row for row in rows if row[0] == name]
