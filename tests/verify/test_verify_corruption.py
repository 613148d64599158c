"""A number, a name or a record of a design that is changed is found, whichever it is."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError
from verify_cases import Case

from dcopt.design.records import Design
from dcopt.problem.problem import Problem
from dcopt.verify.verify import verify

UNVERIFIABLE = {
    "gap_target": "only the lock of a RUN knows it (test_verify_folder)",
    "solve_seconds": "the time that passed",
    "timings_s": "the time that passed",
    "size": "the verifier builds no program",
    "progress.seconds": "the time that passed",
    "progress.incumbent": "what the solver had by then",
    "progress.bound": "what the solver had by then",
    "notes": "prose",
    "baseline_reason": "prose where there is no baseline; with one it must be empty",
    "foresight.years": "how far a solve looked ahead is not in the inputs",
    "foresight.perfect_tco_usd": "found by another solve; tests/pipeline/test_foresight.py forges it",
    "foresight.price_usd": "as foresight.perfect_tco_usd",
    "rules.rule": "prose",
    "rules.sentence": "prose",
    "rules.reason": "prose where no design keeps the rule; with one it must be empty",
    "residual.best_tco_usd": "found by another solve; it must not be above the design's own",
    "residual.design_changes": "as residual.best_tco_usd; where nothing is saved it must be false",
    "confidence.without_tco_usd": "found by another solve",
    "confidence.without_kept_pct": "found by another solve",
    "confidence.design_changes": "found by another solve",
    "night.without_nodes": "found by another solve",
    "binding.sentence": "prose; the row and the share are recomputed",
    "rejected.description": "prose",
    "rejected.reason": "prose",
}
"""Keys whose values follow from no input, each with the reason."""

ONLY_UNKNOWN_NAMES = {
    "stopped_by": "what ended a search is not in the inputs; its three words are",
    "baseline.node": "the baseline's own records are not kept; its names must exist and its sums must agree",
    "baseline.fabric": "as baseline.node",
    "rejected.workload": "the verifier generates no candidates; the names must exist",
    "rejected.site": "as rejected.workload",
    "rejected.node": "as rejected.workload",
    "rejected.fabric": "as rejected.workload",
}
"""Keys of which a name that the tables do not have is found, and another that they have is not."""

EQUIVALENT = {
    ("training.precision", "bf16", "fp16"): "the same rates and the same memory",
}
"""Names that stand for each other: a design that says the one is as right as a design that says the other."""

TABLE_OF = {
    "site": "sites",
    "node": "nodes",
    "fabric": "fabrics",
    "software": "software",
    "compression": "compression",
    "speculation": "speculation",
    "protection": "protection",
    "codec": "codecs",
    "switch": "switches",
    "job": "training",
    "service": "inference",
    "dataset": "datasets",
    "origin": "sites",
    "cooling": "cooling",
    "air_cooling": "cooling",
}
WORDS = {
    "status": ("optimal", "feasible", "infeasible", "no_solution"),
    "objective": ("tco", "capex", "energy", "carbon"),
    "precision": ("fp32", "fp16", "bf16", "fp8", "int8", "fp4"),
    "recompute": ("none", "selective", "full"),
    "sharding": ("none", "optimizer", "gradients", "full"),
    "part": ("hot", "cold", "checkpoint", "weights"),
    "mode": ("aggregated", "disaggregated"),
    "role": ("transformer", "generator", "ups", "pdu"),
    "serves": ("", "chilled", "warm"),
    "category": ("nodes", "network", "building"),
    "table": ("nodes", "switches", "sites"),
}

BOUGHT = (
    "nodes",
    "switches",
    "links",
    "transceivers",
    "storage",
    "racks",
    "power",
    "cooling",
    "sites",
    "solar",
    "halls",
    "adders",
)


def _key_classes() -> list[str]:
    """Return every key of a design as ``list.key``, from the types of the records."""
    found = []
    for field, info in Design.model_fields.items():
        name = info.serialization_alias or field
        inner = [t for t in (info.annotation, *get_args(info.annotation)) if isinstance(t, type)]
        record = next((t for t in inner if issubclass(t, BaseModel)), None)
        if record is None:
            found.append(name)
        else:
            found += [f"{name}.{key}" for key in record.model_fields]
    return found


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, index))
    else:
        yield path, value


def _places(design: dict[str, Any], key: str) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield path and value of the leaves of a key class; of lists the first five records of year 1 and the last."""
    name, _, field = key.partition(".")
    content = design[name]
    if isinstance(content, list) and field:
        kept = [i for i, record in enumerate(content) if i == len(content) - 1 or record.get("year", 1) == 1]
        most = 2 if content and isinstance(content[0][field], dict) else 5
        for index in dict.fromkeys(kept[:most] + kept[-1:]):
            yield from _leaves(content[index][field], (name, index, field))
    elif field:
        if content is not None:
            yield from _leaves(content[field], (name, field))
    else:
        yield from _leaves(content, (name,))


def _others(problem: Problem, key: str, value: str) -> list[str]:
    """Return names to put in the place of ``value``: one that does not exist, and others of its kind."""
    name, _, field = key.partition(".")
    field = field or name
    table = TABLE_OF.get(field)
    if field == "name":
        table = "networks" if name == "side_networks" else name
    if field == "item" or key == "assets.name":
        table = next(t for t in BOUGHT if value in problem.tables[t])
    known = WORDS.get(field, ())
    if table is not None:
        known = tuple(problem.tables[table])[:4]
    unknown = ["no-such-name"]
    if key in ONLY_UNKNOWN_NAMES:
        return unknown
    return unknown + [other for other in known if (key, value, other) not in EQUIVALENT]


def _changed(problem: Problem, key: str, value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1, 0]
    if isinstance(value, float):
        return [value * 1.01, value * (1 - 1e-5), 0.0] if abs(value) > 1e-9 else [value + 1, value - 0.01]
    return [1.0, 0.0] if value is None else list(_others(problem, key, value))


def _with(design: dict[str, Any], path: tuple[str | int, ...], value: Any) -> Design | None:
    """Return the design with one value changed, or None where such a design cannot be read at all (exit code 2)."""
    changed: Any = dict(design)
    changed[path[0]] = copy.deepcopy(design[path[0]])  # type: ignore[index]
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    try:
        return Design.model_validate(changed)
    except ValidationError:
        return None


@pytest.mark.parametrize("key", [key for key in _key_classes() if key not in UNVERIFIABLE])
def test_changed_value_is_found(cases: dict[str, Case], key: str) -> None:
    unnoticed = []
    for case in cases.values():
        for path, value in _places(case.json, key):
            for other in _changed(case.problem, key, value):
                design = _with(case.json, path, other) if other != value else None
                if design is not None and not verify(case.problem, design)[1]:
                    unnoticed.append(f"{'.'.join(map(str, path))}: {value!r} -> {other!r}")
    assert unnoticed == []


FORGED_ELSEWHERE = {
    "commitments.": "tests/formulation/test_rents.py",
    "colocation.": "tests/formulation/test_colocation_terms.py",
    "rebates.": "tests/formulation/test_volume_over_years.py",
    "assets.moves": "tests/formulation/test_moves_and_rebuilds.py",
}
"""Keys of which no small case here has a value, by how they begin, and the test that forges them."""


def test_every_key_is_tested_or_excused(cases: dict[str, Case]) -> None:
    keys = set(_key_classes())
    assert set(UNVERIFIABLE) <= keys
    assert set(ONLY_UNKNOWN_NAMES) <= keys
    for file in FORGED_ELSEWHERE.values():
        assert "verify(" in (Path(__file__).parents[2] / file).read_text(encoding="utf-8")
    for key in keys - set(UNVERIFIABLE):
        if key.startswith(tuple(FORGED_ELSEWHERE)):
            continue
        values = [value for case in cases.values() for _, value in _places(case.json, key)]
        assert values or key == "diagnosis", f"no small case has a value of {key}"


RECORDS = (
    "pools",
    "training",
    "inference",
    "network",
    "side_networks",
    "storage",
    "transfers",
    "racks",
    "power",
    "cooling",
    "sites",
    "bom",
)


@pytest.mark.parametrize("name", [*RECORDS, "transfers", "calendar", "binding", "residual"])
@pytest.mark.parametrize("how", ["removed", "twice"])
def test_missing_or_double_record_is_found(cases: dict[str, Case], name: str, how: str) -> None:
    seen, unnoticed = 0, []
    for case in cases.values():
        for index, record in enumerate(case.json[name]):
            seen += 1
            without = [r for i, r in enumerate(case.json[name]) if i != index]
            records = without if how == "removed" else [*case.json[name], record]
            if not verify(case.problem, Design.model_validate({**case.json, name: records}))[1]:
                unnoticed.append(record)
    assert seen
    assert unnoticed == []


@pytest.mark.parametrize("name", [*RECORDS, "transfers", "calendar"])
def test_empty_list_is_found(cases: dict[str, Case], name: str) -> None:
    for case in cases.values():
        if case.json[name]:
            assert verify(case.problem, Design.model_validate({**case.json, name: []}))[1]


def test_impossible_residual_case_is_found(cases: dict[str, Case]) -> None:
    first, second = cases["alpha"].json["residual"]
    for changes in (
        {"best_tco_usd": first["tco_usd"] * 1.01},
        {"best_tco_usd": None, "design_changes": False},
        {"best_tco_usd": first["tco_usd"], "design_changes": True},
    ):
        forged = {**cases["alpha"].json, "residual": [{**first, **changes}, second]}
        assert verify(cases["alpha"].problem, Design.model_validate(forged))[1]


def test_reason_beside_a_baseline_is_found(cases: dict[str, Case]) -> None:
    changed = {**cases["alpha"].json, "baseline_reason": "none was found"}
    assert verify(cases["alpha"].problem, Design.model_validate(changed))[1]


@pytest.mark.parametrize("name", ["tco_usd", "objective_value", "gap", "cost", "baseline"])
def test_missing_total_is_found(cases: dict[str, Case], name: str) -> None:
    case = cases["alpha"]
    assert case.json[name] is not None
    assert verify(case.problem, Design.model_validate({**case.json, name: None}))[1]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300, -1e300])
@pytest.mark.parametrize("key", ["tco_usd", "training.days", "inference.latency_ms", "sites.pue", "power.kw"])
def test_absurd_number_is_found_and_raises_nothing(cases: dict[str, Case], key: str, value: float) -> None:
    case = cases["alpha"]
    path, _ = next(iter(_places(case.json, key)))
    design = _with(case.json, path, value)
    assert design is None or verify(case.problem, design)[1]


def test_true_designs_pass_and_are_thoroughly_compared(cases: dict[str, Case]) -> None:
    for case in cases.values():
        checks, mismatches = verify(case.problem, case.design, gap_target=1e-4)
        assert mismatches == ()
        assert checks > 500
