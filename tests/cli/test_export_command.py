"""``dcopt export``: the program solves to the same optimum elsewhere, and the schema takes what the reader takes."""

from __future__ import annotations

import json
from pathlib import Path

import highspy
import jsonschema
import pytest
from cli_inputs import dcopt

from dcopt.design.files import read_design
from dcopt.pipeline.export_program import plain_names
from dcopt.problem.json_schema import json_schema
from dcopt.problem.load import load
from dcopt.problem.locate import examples_dir
from dcopt.problem.tables import TABLES


@pytest.mark.parametrize("form", ["mps", "lp"])
def test_the_exported_program_has_the_same_optimum(tiny: Path, solved: Path, tmp_path: Path, form: str) -> None:
    target = tmp_path / f"tiny.{form}"
    result = dcopt("export", tiny, form, "-o", target)
    assert result.exit_code == 0, result.output
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    assert highs.readModel(str(target)) == highspy.HighsStatus.kOk
    highs.run()
    tco = read_design(solved).tco_usd
    assert highs.getInfo().objective_function_value == pytest.approx(tco, rel=1e-4)


def test_names_are_plain_and_unique() -> None:
    names = list(plain_names(["a[1,b]", "a(1 b)", "x" * 400, "x" * 400], "x"))
    assert names[:2] == ["x_a_1_b", "x_a_1_b.n1"]
    assert len(set(names)) == 4
    assert all(len(name) < 220 for name in names)


def test_a_run_exports_its_inputs_and_its_design(solved: Path, tmp_path: Path) -> None:
    assert dcopt("export", solved, "mps", "-o", tmp_path / "run.mps").exit_code == 0
    for form, word in (("slurm", "NodeName="), ("kubernetes", "Node"), ("vllm", "vllm serve"), ("megatron", "#")):
        result = dcopt("export", solved, form)
        assert result.exit_code == 0
        assert word in result.stdout
    assert dcopt("export", solved, "tensorrt-llm", "-o", tmp_path / "serve.sh").stdout == ""
    assert "trtllm-serve" in (tmp_path / "serve.sh").read_text(encoding="utf-8")


def test_wrong_usage_is_named(tiny: Path, solved: Path, tmp_path: Path) -> None:
    assert "name a format" in dcopt("export", tiny).stderr
    assert dcopt("export", tiny, "vllm").exit_code == 2  # no RUN
    assert "ends in .mps" in dcopt("export", tiny, "mps", "-o", tmp_path / "x.lp").stderr


def test_the_schema_takes_the_examples() -> None:
    schema = json.loads(dcopt("export", "json-schema").stdout)
    assert schema == json.loads(json.dumps(json_schema()))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(schema["properties"]) == set(TABLES)
    validator = jsonschema.Draft202012Validator(schema)
    for example in ("bert-question-answering", "hospital-and-bank"):
        problem = load(examples_dir() / example)
        plain = {name: [row.model_dump(mode="json") for row in rows.values()] for name, rows in problem.tables.items()}
        plain["settings"] = problem.settings.model_dump(mode="json")  # type: ignore[assignment]
        assert [error.message for error in validator.iter_errors(plain)] == []
    wrong = {"sites": [{"name": "x", "power_limit_kw": -1, "kind": "moon"}]}
    assert len(list(validator.iter_errors(wrong))) >= 2
