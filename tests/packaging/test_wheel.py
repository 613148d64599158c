"""The wheel: catalogue, models and examples travel in it, and the installed command works anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TRAVELS = ("data/catalog", "data/problems", "data/published", "models")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the checkout, with the build backend that pyproject.toml names."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    result = subprocess.run([*pip, "-w", str(folder), str(ROOT)], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation of the wheel beside nothing else; its libraries are those of this interpreter."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(folder), str(wheel)]
    result = subprocess.run(pip, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed ``dcopt`` in an unrelated folder, with no checkout on the path."""
    libraries = os.pathsep.join((str(installed), sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"]))
    program = f"import sys; sys.path[:0] = {libraries.split(os.pathsep)!r}; from dcopt.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-S", "-c", program, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )


def test_everything_that_is_needed_travels(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder in TRAVELS:
        for file in (ROOT / folder).rglob("*"):
            if file.is_file():
                assert f"dcopt/_shipped/{file.relative_to(ROOT).as_posix()}" in names
    assert "dcopt/py.typed" in names
    strangers = [name for name in names if name.split("/")[0] != "dcopt" and ".dist-info/" not in name]
    assert not strangers
    assert not [name for name in names if "__pycache__" in name or "-run/" in name]


def test_the_wheel_names_its_command_and_its_python(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        entry = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        metadata = next(name for name in archive.namelist() if name.endswith("METADATA"))
        assert "dcopt = dcopt.cli.start:main" in archive.read(entry).decode()
        assert "Requires-Python: >=3.11" in archive.read(metadata).decode()


def test_the_installed_command_solves_in_an_unrelated_folder(installed: Path, tmp_path: Path) -> None:
    started = run(installed, tmp_path, "init", "x", "--example", "bert-question-answering")
    assert started.returncode == 0, started.stderr
    solved = run(installed, tmp_path, "solve", "x", "--no-baseline", "--gap", "0.2")
    assert solved.returncode == 0, solved.stderr
    design = json.loads((tmp_path / "x-run" / "design.json").read_text(encoding="utf-8"))
    assert design["problem"] == "bert-question-answering"
    assert (tmp_path / "x-run" / "bom.xlsx").is_file()
    assert run(installed, tmp_path, "verify", "x-run").returncode == 0


def test_the_installed_command_finds_its_own_catalogue(installed: Path, tmp_path: Path) -> None:
    listed = run(installed, tmp_path, "catalog", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    assert json.loads(listed.stdout)["nodes"] >= 24
    program = "import dcopt.problem.locate as l; print(l.shipped_dir())"
    found = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(installed)!r}); {program}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()) == (installed / "dcopt" / "_shipped").resolve()


def test_pip_installs_the_command(wheel: Path, tmp_path: Path) -> None:
    """``pip install`` of the wheel writes the script ``dcopt``."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--prefix", str(tmp_path)]
    result = subprocess.run([*pip, "--ignore-installed", str(wheel)], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert [path for path in tmp_path.rglob("dcopt*") if path.parent.name in ("bin", "Scripts")]
