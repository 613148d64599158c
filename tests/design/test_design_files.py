"""The design's records: their JSON, their stable keys, their frame and their table in a notebook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dcopt.design.files import DesignFileError, read_design, write_design
from dcopt.design.records import (
    CAPITAL_CATEGORIES,
    RUNNING_CATEGORIES,
    BomLine,
    CalendarEntry,
    CashYear,
    Cost,
    Design,
    PoolRecord,
    StorageRecord,
)

STABLE_KEYS = {
    "": "schema_version problem status tco_usd objective_value objective_bound gap solve_seconds cost pools training "
    "inference network storage racks power cooling sites bom binding baseline baseline_reason calendar",
    "cost": "capital running cash_by_year",
    "pools": "site node fabric year nodes spares accelerators",
    "training": "job site node fabric nodes accelerators tensor pipeline data expert micro_batch precision software "
    "days deadline_days tflops_per_accelerator mfu goodput start_day year",
    "inference": "service site node replicas accelerators_per_replica precision compression software batch ttft_ms "
    "tpot_ms latency_ms requests_per_s utilization year",
    "network": "site node fabric leaf spine core access_links leaf_spine_links spine_core_links year",
    "storage": "site name dataset units protection codec usable_tb year",
    "racks": "site name node count kw_each year",
    "power": "site name role units kw year",
    "cooling": "site name units kw year",
    "sites": "site it_kw facility_kw pue energy_mwh_per_year carbon_t_per_year water_m3_per_year year",
    "bom": "site year category table item quantity unit_price_usd total_usd",
    "binding": "row sentence saving_usd",
    "baseline": "node fabric tco_usd gap saving_usd",
    "calendar": "job run start_day end_day pool year",
}
"""The keys of design.md, section 7: more may be added, none may go."""

CAPITAL = "nodes network storage racks power cooling building"
RUNNING = "energy demand support maintenance licences staff rent colocation water carbon"


def make(**changes: Any) -> Design:
    """Return a design with a few records."""
    pool = PoolRecord(
        site="oslo",
        node="hgx",
        fabric="none",
        year=1,
        nodes=3,
        spares=1,
        accelerators=24,
        bought=3,
        existing=0,
        service_nodes=0,
        rented=False,
    )
    lines = [
        BomLine(
            site="oslo",
            year=year,
            category="nodes",
            table="nodes",
            item="hgx",
            quantity=quantity,
            unit_price_usd=0.1,
            total_usd=quantity * 0.1,
        )
        for year, quantity in ((1, 3.0), (4, 2.5))
    ]
    cost = Cost(
        capital=dict.fromkeys(CAPITAL_CATEGORIES, 1 / 3),
        running=dict.fromkeys(RUNNING_CATEGORIES, 1e-17),
        cash_by_year=(CashYear(year=1, capital_usd=1e9 + 0.1, running_usd=2.0, total_usd=1e9 + 2.1),),
    )
    fields: dict[str, Any] = {
        "problem": "små",
        "status": "optimal",
        "tco_usd": 0.1 + 0.2,
        "gap": 4.5e-5,
        "cost": cost,
        "pools": [pool],
        "bom": lines,
        "calendar": [CalendarEntry(job="j", run=1, year=1, start_day=0.1, end_day=7.3, pool="oslo/hgx/none", nodes=2)],
        "notes": ("prices are estimates – ±25 %",),
    }
    return Design.model_validate(fields | changes)


def test_json_round_trip_loses_nothing(tmp_path: Path) -> None:
    design = make()
    path = write_design(design, tmp_path)
    assert path == tmp_path / "design.json"
    assert read_design(tmp_path) == design
    assert [file.name for file in tmp_path.iterdir()] == ["design.json"]
    assert "små" in path.read_text(encoding="utf-8")


def test_json_is_repeatable(tmp_path: Path) -> None:
    first = write_design(make(), tmp_path).read_bytes()
    assert write_design(read_design(tmp_path), tmp_path).read_bytes() == first


def test_nothing_but_a_reason_round_trips(tmp_path: Path) -> None:
    none = Design(problem="p", status="infeasible", diagnosis=("sites.csv: oslo power_limit_kw: too small",))
    write_design(none, tmp_path)
    assert read_design(tmp_path) == none


@pytest.mark.parametrize("key", STABLE_KEYS)
def test_stable_keys_are_there(key: str) -> None:
    schema = Design.model_json_schema(mode="serialization")
    properties = schema["properties"]
    if key:
        inner = properties[key]
        options = [inner, inner.get("items", {}), *inner.get("anyOf", [])]
        reference = next(option["$ref"] for option in options if "$ref" in option)
        properties = schema["$defs"][reference.rsplit("/", 1)[1]]["properties"]
    assert set(STABLE_KEYS[key].split()) <= set(properties)


def test_every_list_of_records_has_the_year() -> None:
    schema = Design.model_json_schema(mode="serialization")
    for key in ("pools", "training", "inference", "network", "storage", "racks", "power", "cooling", "sites", "bom"):
        name = schema["properties"][key]["items"]["$ref"].rsplit("/", 1)[1]
        assert schema["$defs"][name]["properties"]["year"]["type"] == "integer"


def test_stable_cost_categories() -> None:
    assert tuple(CAPITAL.split()) == CAPITAL_CATEGORIES[: len(CAPITAL.split())]
    assert set(RUNNING.split()) <= set(RUNNING_CATEGORIES)


def test_written_json_has_every_stable_key(tmp_path: Path) -> None:
    written = json.loads(write_design(make(), tmp_path).read_text(encoding="utf-8"))
    assert set(STABLE_KEYS[""].split()) <= set(written)
    assert "bom_lines" not in written
    assert set(STABLE_KEYS["bom"].split()) <= set(written["bom"][0])


def test_not_a_number_is_never_written(tmp_path: Path) -> None:
    write_design(make(), tmp_path)
    before = (tmp_path / "design.json").read_bytes()
    with pytest.raises(ValueError, match=r"(?i)float values"):
        write_design(make(tco_usd=float("nan")).model_copy(update={"gap": float("inf")}), tmp_path)
    assert (tmp_path / "design.json").read_bytes() == before


def test_missing_file_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(DesignFileError, match=r"holds no design\.json; give the folder that 'dcopt solve' wrote"):
        read_design(tmp_path)
    with pytest.raises(DesignFileError, match=r"holds no design\.json"):
        read_design(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Invalid JSON"),
        ("{", "Invalid JSON"),
        ("[]", "object"),
        ('{"status": "optimal"}', "problem"),
        ('{"problem": "p", "status": "great"}', "status"),
        ('{"problem": "p", "status": "optimal", "pools": [{"site": "oslo"}]}', r"pools\.0\.node"),
        ('{"problem": "p", "status": "optimal", "price": 3}', "price"),
        ('{"problem": "p", "status": "optimal", "tco_usd": "cheap"}', "tco_usd"),
    ],
)
def test_unreadable_file_names_the_place(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "design.json").write_text(text, encoding="utf-8")
    with pytest.raises(DesignFileError, match=words) as error:
        read_design(tmp_path)
    assert "is not a design that this version of dcopt wrote" in str(error.value)
    assert "\n" not in str(error.value)


def test_file_in_another_encoding_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "design.json").write_bytes('{"problem": "små", "status": "optimal"}'.encode("latin-1"))
    with pytest.raises(DesignFileError, match="not a design"):
        read_design(tmp_path)


def test_records_are_frozen_and_strict_about_keys() -> None:
    design = make()
    with pytest.raises(ValidationError):
        design.tco_usd = 0.0
    with pytest.raises(ValidationError):
        StorageRecord.model_validate({**design.pools[0].model_dump(), "colour": "red"})


def test_bill_of_materials_as_a_frame() -> None:
    frame = make().bom()
    assert list(frame.columns)[: len(STABLE_KEYS["bom"].split())] == STABLE_KEYS["bom"].split()
    assert list(frame["quantity"]) == [3.0, 2.5]
    assert frame["total_usd"].sum() == pytest.approx(0.55)
    empty = Design(problem="p", status="infeasible").bom()
    assert list(empty.columns) == list(frame.columns)
    assert len(empty) == 0


def test_notebook_shows_a_table() -> None:
    html = make()._repr_html_()
    assert "<caption>små</caption>" in html
    assert "3 × hgx on none" in html
    assert "optimal" in html
    assert html.startswith("<table>")
    assert html.endswith("</table>")


def test_notebook_escapes_what_users_wrote() -> None:
    evil = "<script>alert('x')</script>&\""
    pool = make().pools[0].model_copy(update={"site": evil, "node": evil, "fabric": evil})
    html = make(problem=evil, pools=[pool])._repr_html_()
    assert "<script>" not in html
    assert html.count("&lt;script&gt;") == 4


def test_notebook_of_no_design() -> None:
    assert "infeasible" in Design(problem="p", status="infeasible")._repr_html_()
