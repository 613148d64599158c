"""Read a problem: tables, catalogue, ``--set``, models and every check, with all errors at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from dcopt.problem.columns import Row
from dcopt.problem.consistency import check_consistency
from dcopt.problem.corrections import read_corrections
from dcopt.problem.draft import Draft
from dcopt.problem.findings import Finding, InputError, ordered
from dcopt.problem.locate import catalog_dir
from dcopt.problem.models import ModelNotFoundError, find_model, read_model, travel_names
from dcopt.problem.overrides import apply_sets
from dcopt.problem.parse import ParsedRow, ParsedTable, parse_table
from dcopt.problem.problem import MODEL_CELLS, Problem
from dcopt.problem.read import RawProblem, read_csv, read_folder
from dcopt.problem.references import check_references
from dcopt.problem.resale_rules import resale_warnings
from dcopt.problem.settings import parse_settings
from dcopt.problem.tables import TABLES
from dcopt.problem.tables.problem_rows import Settings


def load(path: str | Path, sets: Sequence[str] = ()) -> Problem:
    """Read the problem in a folder of CSV tables or an ``.xlsx`` workbook.

    Parameters
    ----------
    path: the folder or workbook.
    sets: changes such as ``training.gpt3.deadline_days=30``, applied left to right after merging.

    Raises
    ------
    InputError: the input cannot be used; it carries every finding, errors and warnings.
    """
    path = Path(path)
    draft = _draft(path, _read(path))
    apply_sets(draft, sets)
    check_references(draft)
    _load_models(draft)
    check_consistency(draft)
    if any(finding.severity == "error" for finding in draft.findings):
        raise InputError(draft.findings)
    settings = draft.settings.row
    assert isinstance(settings, Settings)
    if not settings.name:
        settings = settings.model_copy(update={"name": _default_name(path)})
    problem = Problem(
        path=path,
        settings=settings,
        tables={name: draft.typed(name) for name in draft.tables},
        models=draft.models,
        model_files=draft.model_files,
        warnings=ordered(draft.findings),
        changes=tuple(draft.changes),
        user_lines={
            (row.table, row.key): row.place for row in draft.all_rows() if not row.file.startswith(CATALOG_PREFIX)
        },
        corrections=read_corrections(path) if path.is_dir() else (),
    )
    found = resale_warnings(problem)
    return replace(problem, warnings=ordered([*problem.warnings, *found])) if found else problem


def load_catalog() -> dict[str, dict[str, Row]]:
    """Return the shipped catalogue: table -> name -> row, in the order of the files.

    Raises
    ------
    InputError: a shipped table is broken.
    """
    findings = [finding for table in _catalog().values() for finding in table.findings]
    if findings:
        raise InputError(findings)
    return {
        name: {key: row.row for key, row in table.rows.items() if row.row is not None}
        for name, table in _catalog().items()
    }


CATALOG_PREFIX = "catalog/"
"""How findings call the shipped tables, so that they differ from the user's file of the same name."""


@cache
def _catalog() -> dict[str, ParsedTable]:
    """Parse the shipped catalogue, once a process."""
    tables: dict[str, ParsedTable] = {}
    for name, table in TABLES.items():
        path = catalog_dir() / table.file
        if not table.is_catalog:
            continue
        if not path.is_file():
            tables[name] = ParsedTable({}, (), ())
            continue
        raw, findings = read_csv(path, name, CATALOG_PREFIX + table.file)
        parsed = ParsedTable({}, (), ()) if raw is None else parse_table(raw, warn=False)
        tables[name] = ParsedTable(parsed.rows, parsed.loose, (*findings, *parsed.findings))
    return tables


def _default_name(path: Path) -> str:
    return path.resolve().stem if path.suffix == ".xlsx" else path.resolve().name


def _read(path: Path) -> RawProblem:
    """Read the raw tables of a folder or workbook; raises InputError where ``path`` is neither."""
    if path.is_dir():
        return read_folder(path)
    if path.is_file() and path.suffix.lower() == ".xlsx":
        from dcopt.problem.workbook import read_workbook

        return read_workbook(path)
    if path.is_file():
        message = "is neither a folder of CSV tables nor an .xlsx workbook: give the folder that holds the tables"
    else:
        message = "does not exist: correct the path, or make a problem with 'dcopt init'"
    raise InputError([Finding("error", str(path), message)])


def _draft(path: Path, raw: RawProblem) -> Draft:
    """Return the typed tables, merged with the catalogue unless the settings leave it out."""
    is_folder = path.is_dir()
    files = {name: f"{name}.csv" if is_folder else f"{path.name}!{name}" for name in TABLES}
    raw_tables = {table.name: table for table in raw.tables}
    settings, findings = parse_settings(raw_tables.pop("settings", None))
    findings.extend(raw.findings)
    parsed = {name: parse_table(table) for name, table in raw_tables.items()}
    tables: dict[str, dict[str, ParsedRow]] = {name: {} for name in TABLES if name != "settings"}
    loose: list[ParsedRow] = []
    if settings.values.get("catalog") != "none":
        for name, table in _catalog().items():
            tables[name] = dict(table.rows)
            findings.extend(table.findings)
    for name, table in parsed.items():
        tables[name].update(table.rows)
        loose.extend(table.loose)
        findings.extend(table.findings)
    broken = {row.table for row in loose if not row.key} | {table.name for table in raw.tables if not table.complete}
    unreadable = raw.unreadable | broken
    draft = Draft(path if is_folder else path.parent, files, settings, tables, loose, unreadable, findings)
    _check_required_tables(draft)
    return draft


def _check_required_tables(draft: Draft) -> None:
    present = {name for name, rows in draft.tables.items() if rows} | {row.table for row in draft.loose}
    present |= draft.unreadable
    if "sites" not in present:
        draft.unreadable |= {"sites"}
        message = "a problem needs at least one site: add a row"
        draft.findings.append(Finding("error", draft.files["sites"], message, expected="at least one row"))
    if not present & {"training", "inference"}:
        message = "a problem needs something to run: add a row to training.csv or inference.csv"
        draft.findings.append(Finding("error", draft.files["training"], message, expected="at least one row"))


def _load_models(draft: Draft) -> None:
    """Resolve every cell that names a model; one that cannot be is reported at each place that names it."""
    from dcopt.problem.model_config import ModelConfigError

    found = {}
    problems: dict[str, tuple[str, str | None]] = {}
    named = (
        (row, column, row.values.get(column)) for row in draft.all_rows() for column in MODEL_CELLS.get(row.table, ())
    )
    for row, column, cell in named:
        if not cell:
            continue
        if cell not in found and cell not in problems:
            try:
                path = find_model(cell, draft.folder)
                found[cell] = (path.resolve(), *read_model(path))
            except ModelNotFoundError as error:
                problems[cell] = (str(error), error.nearest)
            except (ModelConfigError, OSError, ValueError) as error:
                problems[cell] = (f"the model's config.json cannot be used: {error}", None)
        if cell in problems:
            message, similar = problems[cell]
            draft.findings.append(row.finding(column, message, nearest=similar))
    draft.models = {cell: config for cell, (_, config, _) in found.items()}
    draft.model_files = travel_names((cell, *entry) for cell, entry in found.items())
