"""The table of issue 6: how fast the program is proven, beside the naive program in the same HiGHS, and beside SCIP.

    python -m tests.benchmarks.strength --sizes S --seeds 1-10 --cap 60 --label before
    python -m tests.benchmarks.strength --table                        # only print what was measured

Every (instance, way) is solved in a process of its own (`one_solve.py`) and appended to the results as one JSON line;
what is there already, under the same label, cap, threads and gap, is not measured again. The times to a gap and their
ratios are CPU seconds of the whole process since its solver began: they mean something on a machine with other work,
too (with `--wall`, seconds by the clock). The cap is by the clock.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent)]

from instances import SEEDS, SIZES, write_instance  # noqa: E402
from table import text_table  # noqa: E402

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "strength.jsonl"
WAYS = ("dcopt", "naive", "scip")
IN_SCIP = ("S", "M")
"""Sizes that SCIP is given, unless it is asked for by name."""
ASKED = ("label", "cap_s", "threads", "gap_target")
BESIDE_S = 900
"""Seconds that a process may take beside its solver before it counts as hung."""

Record = dict[str, Any]


def main() -> None:
    """Measure what is asked for and print the tables."""
    asked = _arguments()
    ways = tuple(asked.ways.split(",")) if asked.ways else WAYS
    sizes = tuple(asked.sizes.split(","))
    if not asked.table:
        with tempfile.TemporaryDirectory() as folder:
            for size, seed, way in _runs(sizes, asked.seeds, ways, named=bool(asked.ways)):
                _measure(Path(folder), size, seed, way, asked)
    clock = "s" if asked.wall else "cpu_s"
    records = [record for record in read(asked.results) if record["size"] in sizes]
    for label in dict.fromkeys(record["label"] for record in records):
        of_label = [record for record in records if record["label"] == label]
        tables = (sizes_table(of_label), gaps_table(of_label, clock), ratios_table(of_label, clock))
        print("\n\n".join((f"\n## {label}", *tables)))
        for line in disagreements(of_label):
            print(f"WRONG: {line}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="S", help="of S,M,L,XL (default S)")
    parser.add_argument("--seeds", default="", help="such as 1-3 or 1,4 (default: all of the family)")
    parser.add_argument("--ways", default="", help="of dcopt,naive,scip (default: all, SCIP for S and M alone)")
    parser.add_argument("--cap", type=float, default=60.0, help="seconds for the solver (default 60)")
    parser.add_argument("--threads", type=int, default=1, help="threads of HiGHS (default 1)")
    parser.add_argument("--gap", type=float, default=1e-4, help="gap at which a solver may stop (default 1e-4)")
    parser.add_argument("--label", default="now", help="what is measured, such as a commit (default 'now')")
    parser.add_argument("--results", type=Path, default=RESULTS, help=f"JSON lines (default {RESULTS})")
    parser.add_argument("--wall", action="store_true", help="print times by the clock in place of CPU seconds")
    parser.add_argument("--table", action="store_true", help="measure nothing, print the tables")
    return parser.parse_args()


def _runs(sizes: Iterable[str], seeds: str, ways: Iterable[str], *, named: bool) -> Iterator[tuple[str, int, str]]:
    for size in sizes:
        for seed in _numbers(seeds) if seeds else SEEDS[size]:
            for way in ways:
                if way != "scip" or named or size in IN_SCIP:
                    yield size, seed, way


def _numbers(text: str) -> list[int]:
    """Return 1, 2, 3, 7 of '1-3,7'."""
    found: list[int] = []
    for piece in text.split(","):
        first, _, last = piece.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def _measure(folder: Path, size: str, seed: int, way: str, asked: argparse.Namespace) -> None:
    key = (size, seed, way, asked.label, asked.cap, asked.threads, asked.gap)
    if any(_key(record) == key for record in read(asked.results)):
        return
    problem = write_instance(folder, size, seed)
    command = [sys.executable, str(HERE / "one_solve.py"), str(problem), way]
    command += [str(asked.cap), str(asked.threads), str(asked.gap)]
    limit = asked.cap * 2 + BESIDE_S
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
        found = json.loads(ended.stdout) if ended.returncode == 0 else {"verdict": "failed", "error": ended.stderr}
    except subprocess.TimeoutExpired:
        found = {"verdict": "hung"}
    record = {"size": size, "seed": seed, "way": way, "label": asked.label, "cap_s": asked.cap}
    record |= {"threads": asked.threads, "gap_target": asked.gap, **found}
    asked.results.parent.mkdir(parents=True, exist_ok=True)
    with asked.results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    used, error = record.get("total_cpu_s", ""), record.get("error", "")
    print(f"{size} {seed:2} {way:6} {record['verdict']:12} {used} CPU s {error}", flush=True)


def _key(record: Record) -> tuple[Any, ...]:
    return (*(record[name] for name in ("size", "seed", "way")), *(record[name] for name in ASKED))


def read(path: Path) -> list[Record]:
    """Return the records of a results file; none where there is no file."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]  # the last may be cut off


def best_known(records: Iterable[Record]) -> dict[tuple[str, int], float]:
    """Return the best incumbent of each instance, by whatever way it was found."""
    best: dict[tuple[str, int], float] = {}
    for record in records:
        if record.get("incumbent") is not None:
            key = (record["size"], record["seed"])
            best[key] = min(record["incumbent"], best.get(key, float("inf")))
    return best


def sizes_table(records: list[Record]) -> str:
    """Return what each way made of each instance: sizes, and where the time went."""
    head = ("instance", "way", "columns", "rows", "binaries", "candidates CPU s", "build s", "solver CPU s", "MB")
    keys = ("columns", "rows", "binaries", "candidates_cpu_s", "build_s", "solver_cpu_s", "peak_memory_mb")
    return text_table(head, [[_name(r), r["way"], *(_number(r.get(key)) for key in keys)] for r in _ordered(records)])


def gaps_table(records: list[Record], clock: str) -> str:
    """Return how far the root bound is from the best incumbent known, and when each gap was reached."""
    head = ("instance", "way", "root gap", "to 1 %", "to 0.1 %", "to 1e-4", "final gap", "nodes", "ended")
    best = best_known(records)
    rows = []
    for r in _ordered(records):
        known, root = best.get((r["size"], r["seed"])), r.get("root_bound")
        root_gap = None if known is None or root is None else max(0.0, (known - root) / abs(known))
        times = [_seconds(r.get(f"to_{gap:g}_{clock}")) for gap in (1e-2, 1e-3, 1e-4)]
        nodes = _number(r.get("nodes"))
        rows.append([_name(r), r["way"], _percent(root_gap), *times, _percent(r.get("gap")), nodes, r["verdict"]])
    return text_table(head, rows)


def ratios_table(records: list[Record], clock: str) -> str:
    """Return by how much longer the other ways took to each gap; at least, where the cap ended them."""
    head = ("instance", "beside", "to 1 %", "to 0.1 %", "to 1e-4", "root gap")
    best = best_known(records)
    by_key = {(r["size"], r["seed"], r["way"]): r for r in records}
    rows = []
    for r in _ordered(records):
        mine = by_key.get((r["size"], r["seed"], "dcopt"))
        if r["way"] == "dcopt" or mine is None:
            continue
        known = best.get((r["size"], r["seed"]))
        roots = [
            None if known is None or one.get("root_bound") is None else known - one["root_bound"] for one in (r, mine)
        ]
        ratios = [_ratio(r, mine, f"to_{gap:g}_{clock}") for gap in (1e-2, 1e-3, 1e-4)]
        root = "" if None in roots or known is None or roots[1] <= 1e-9 * abs(known) else f"{roots[0] / roots[1]:.1f}"
        rows.append([_name(r), r["way"], *ratios, root])
    return text_table(head, rows)


def _ratio(other: Record, mine: Record, key: str) -> str:
    ours, theirs = mine.get(key), other.get(key)
    if ours is None:
        return "" if theirs is None else "dcopt did not"
    if theirs is None:
        spent = other.get("solver_cpu_s" if key.endswith("cpu_s") else "solver_s", 0.0)
        return f"> {spent / max(ours, 0.1):.1f}"
    return f"{max(theirs, 0.1) / max(ours, 0.1):.1f}"


def disagreements(records: list[Record]) -> Iterator[str]:
    """Yield every incumbent that lies below another way's bound: one of the two is wrong.

    The naive program and SCIP have no calendar cuts: their bound holds for dcopt, their incumbent need not.
    """
    for one in records:
        for other in records:
            same = (one["size"], one["seed"]) == (other["size"], other["seed"])
            low, bound = one.get("incumbent"), other.get("bound")
            if not same or one is other or low is None or bound is None:
                continue
            if other["way"] == "dcopt" and one["way"] != "dcopt" and other.get("calendar_cuts"):
                continue
            if low < bound - 1e-6 * abs(bound):
                yield f"{_name(one)}: {one['way']} has {low:,.2f}, {other['way']} proves {bound:,.2f}"


def _ordered(records: list[Record]) -> list[Record]:
    return sorted(records, key=lambda r: (list(SIZES).index(r["size"]), r["seed"], WAYS.index(r["way"])))


def _name(record: Record) -> str:
    return f"{record['size'].lower()}-{record['seed']:02d}"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.1f}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.3%}"


if __name__ == "__main__":
    main()
