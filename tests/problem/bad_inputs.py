"""The corpus of bad input: one small valid problem, and named ways to break it with the finding that each must give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

BASE = {
    "settings.csv": """\
key,value,note
name,base,
horizon_years,5,
discount_rate_pct,8,"nominal, before tax"
""",
    "sites.csv": """\
# two places
name,kind,power_limit_kw,rack_positions,electricity_usd_per_kwh,redundancy
oslo,owned,500,40,0.08,N+1
rented,cloud,,,,
""",
    "training.csv": """\
name,model,tokens,sequence_length,global_batch,deadline_days,precisions,dataset,sites,first_year
pretrain,gpt-2-xl,1e10,1024,512,30,bf16 fp16,books,oslo,
tune,bert-large,1e8,512,64,1,bf16,,,1
""",
    "inference.csv": """\
name,model,peak_requests_per_s,mean_requests_per_s,input_tokens,output_tokens,ttft_ms,tpot_ms,latency_ms,region
chat,llama-3.1-8b,20,8,500,200,500,50,,europe
search,bert-base,1000,,128,0,,,50,europe
""",
    "datasets.csv": """\
name,size_tb,compressibility,min_copies,sites
books,5,text,1,oslo
""",
    "regions.csv": """\
region,site,rtt_ms
europe,oslo,15
europe,rented,30
""",
    "offers.csv": """\
table,name,site,price_usd,max_units,min_units,available_from_year,price_change_pct_per_year
nodes,dgx-h100,oslo,300000,8,,,
nodes,dgx-h100,rented,,,,,
nodes,mine,,,,,,
""",
    "existing.csv": """\
site,table,name,units,age_years
oslo,nodes,dgx-a100-80,2,
""",
    "nodes.csv": """\
name,accelerator,accelerators,replica_sizes,max_kw,rack_units,price_usd
mine,h100-sxm,8,1 2 4,10.2,8,250000
""",
}


def write_base(folder: Path) -> Path:
    """Write the valid problem into ``folder`` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in BASE.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder


Mutation = Callable[[Path], None]


def swap(file: str, old: str, new: str) -> Mutation:
    """Replace the only occurrence of ``old`` in a file."""

    def mutate(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        (folder / file).write_text(text.replace(old, new), encoding="utf-8", newline="")

    return mutate


def append(file: str, line: str) -> Mutation:
    """Add a line at the end of a file."""

    def mutate(folder: Path) -> None:
        with (folder / file).open("a", encoding="utf-8", newline="") as stream:
            stream.write(line + "\n")

    return mutate


def put(file: str, data: bytes) -> Mutation:
    """Write a file."""

    def mutate(folder: Path) -> None:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(data)

    return mutate


def drop(file: str) -> Mutation:
    """Delete a file."""

    def mutate(folder: Path) -> None:
        (folder / file).unlink()

    return mutate


def recode(file: str, change: Callable[[bytes], bytes]) -> Mutation:
    """Change the bytes of a file."""

    def mutate(folder: Path) -> None:
        (folder / file).write_bytes(change((folder / file).read_bytes()))

    return mutate


def both(*mutations: Mutation) -> Mutation:
    """Apply several mutations."""

    def mutate(folder: Path) -> None:
        for each in mutations:
            each(folder)

    return mutate


@dataclass(frozen=True)
class Broken:
    """A way to break the base problem and the one finding that it must give."""

    name: str
    mutate: Mutation
    file: str
    line: int | None
    column: str | None
    words: tuple[str, ...]


def _broken(name: str, mutate: Mutation, file: str, line: int | None, column: str | None, *words: str) -> Broken:
    return Broken(name, mutate, file, line, column, words)


_OSLO = "oslo,owned,500,40,0.08,N+1"
_H100 = "nodes,dgx-h100,oslo,300000,8,,,"

FILES = [
    _broken("no-sites", drop("sites.csv"), "sites.csv", None, None, "at least one site"),
    _broken(
        "empty-file", put("datasets.csv", b""), "datasets.csv", None, None, "is empty", "header row", "name,size_tb"
    ),
    _broken("only-comments", put("regions.csv", b"# nothing\n\n"), "regions.csv", None, None, "is empty", "delete it"),
    _broken(
        "unknown-file",
        put("traning.csv", b"name\n"),
        "traning.csv",
        None,
        None,
        "not a table",
        "did you mean 'training.csv'",
    ),
    _broken("upper-case-file", put("Offers.CSV", b"name\n"), "Offers.CSV", None, None, "did you mean 'offers.csv'"),
    _broken(
        "latin-1",
        recode("settings.csv", lambda data: data + b"note,caf\xe9,\n"),
        "settings.csv",
        5,
        None,
        "UTF-8",
        "0xe9",
        "save",
    ),
    _broken(
        "utf-16",
        recode("regions.csv", lambda data: data.decode().encode("utf-16")),
        "regions.csv",
        None,
        None,
        "UTF-16",
        "byte-order mark",
        "save",
    ),
    _broken(
        "nul-bytes", recode("existing.csv", lambda data: data + b"\x00"), "existing.csv", 3, None, "NUL", "plain text"
    ),
    _broken(
        "workbook-as-csv",
        put("datasets.csv", b"PK\x03\x04rest"),
        "datasets.csv",
        None,
        None,
        "Excel workbook",
        "save each sheet",
    ),
    _broken(
        "semicolons",
        recode("regions.csv", lambda data: data.replace(b",", b";")),
        "regions.csv",
        1,
        None,
        "semicolons",
        "commas",
    ),
    _broken("tabs", recode("regions.csv", lambda data: data.replace(b",", b"\t")), "regions.csv", 1, None, "tabs"),
    _broken(
        "unclosed-quote", append("sites.csv", 'paris,"owned,100,,0.1,N'), "sites.csv", 5, None, "quote", "never closed"
    ),
    _broken(
        "text-after-quote", append("sites.csv", 'paris,"owned"ish,100,,0.1,N'), "sites.csv", 5, None, "closing quote"
    ),
    _broken("a-folder", both(drop("regions.csv"), put("regions.csv/x", b"")), "regions.csv", None, None, "is a folder"),
]

SHAPES = [
    _broken(
        "too-many-cells",
        swap("sites.csv", _OSLO, _OSLO + ",7"),
        "sites.csv",
        3,
        None,
        "7 cells",
        "header 6",
        "extra comma",
    ),
    _broken(
        "decimal-comma-splits", swap("sites.csv", "0.08", "0,08"), "sites.csv", 3, None, "7 cells", "decimal comma"
    ),
    _broken(
        "too-few-cells", swap("sites.csv", _OSLO, "oslo,owned,500"), "sites.csv", 3, None, "3 cells", "missing commas"
    ),
    _broken(
        "value-without-header",
        both(swap("datasets.csv", "min_copies,sites", "min_copies,sites,"), swap("datasets.csv", "1,oslo", "1,oslo,x")),
        "datasets.csv",
        2,
        None,
        "column 6",
        "no name in the header",
    ),
    _broken(
        "header-gap",
        both(swap("datasets.csv", ",min_copies", ","), swap("datasets.csv", "text,1", "text,")),
        "datasets.csv",
        1,
        None,
        "column 4 has no name",
    ),
    _broken("column-twice", both(swap("datasets.csv", "min_copies", "size_tb")), "datasets.csv", 1, "size_tb", "twice"),
    _broken(
        "unknown-column",
        swap("datasets.csv", "compressibility", "compresibility"),
        "datasets.csv",
        1,
        "compresibility",
        "no column",
        "did you mean 'compressibility'",
    ),
    _broken(
        "misspelt-required-column",
        swap("regions.csv", "rtt_ms", "rtt-ms"),
        "regions.csv",
        1,
        "rtt-ms",
        "no column",
        "did you mean 'rtt_ms'",
    ),
    _broken(
        "strange-column",
        swap("datasets.csv", "compressibility", "zzz"),
        "datasets.csv",
        1,
        "zzz",
        "no column",
        "known are name, size_tb",
    ),
    _broken(
        "missing-column",
        swap(
            "regions.csv",
            "region,site,rtt_ms\neurope,oslo,15\neurope,rented,30",
            "region,site\neurope,oslo\neurope,rented",
        ),
        "regions.csv",
        1,
        "rtt_ms",
        "missing",
        "add it",
        "a number ≥ 0",
    ),
    _broken(
        "duplicate-name", append("datasets.csv", "books,7,,,"), "datasets.csv", 3, "name", "stands already in line 2"
    ),
    _broken(
        "duplicate-composite-key",
        append("offers.csv", "nodes,mine,,,,,,"),
        "offers.csv",
        5,
        "table",
        "nodes/mine/*",
        "line 4",
    ),
]

CELLS = [
    _broken(
        "blank-required",
        swap("datasets.csv", "books,5", "books,"),
        "datasets.csv",
        2,
        "size_tb",
        "is blank",
        "fill it in",
    ),
    _broken(
        "not-a-number",
        swap("datasets.csv", "books,5", "books,five"),
        "datasets.csv",
        2,
        "size_tb",
        "'five'",
        "not a number",
        "expected: a number > 0",
    ),
    _broken("nan", swap("datasets.csv", "books,5", "books,nan"), "datasets.csv", 2, "size_tb", "not a number", "blank"),
    _broken("inf", swap("sites.csv", ",500,", ",inf,"), "sites.csv", 3, "power_limit_kw", "not a number", "blank"),
    _broken("overflow", swap("datasets.csv", "books,5", "books,1e999"), "datasets.csv", 2, "size_tb", "too large"),
    _broken(
        "no-value-word",
        swap("sites.csv", ",40,", ",unlimited,"),
        "sites.csv",
        3,
        "rack_positions",
        "blank for the default",
    ),
    _broken(
        "thousands-separator",
        swap("offers.csv", "300000", '"300,000"'),
        "offers.csv",
        2,
        "price_usd",
        "separators",
        "write 300000",
    ),
    _broken(
        "thousands-space",
        swap("offers.csv", "300000", "300 000"),
        "offers.csv",
        2,
        "price_usd",
        "separators",
        "write 300000",
    ),
    _broken(
        "decimal-comma",
        swap("sites.csv", "0.08", '"0,08"'),
        "sites.csv",
        3,
        "electricity_usd_per_kwh",
        "decimal comma",
        "write 0.08",
    ),
    _broken(
        "unit-in-cell",
        swap("sites.csv", ",500,", ",0.5 MW,"),
        "sites.csv",
        3,
        "power_limit_kw",
        "unit ('MW')",
        "column's name",
    ),
    _broken(
        "percent-sign",
        swap("settings.csv", "pct,8,", "pct,8%,"),
        "settings.csv",
        4,
        "discount_rate_pct",
        "percent sign",
        "write 8",
    ),
    _broken(
        "dollar-sign",
        swap("offers.csv", "300000", '"$300,000"'),
        "offers.csv",
        2,
        "price_usd",
        "currency",
        "write 300000",
    ),
    _broken(
        "apostrophe", swap("datasets.csv", "books,5", "books,'5"), "datasets.csv", 2, "size_tb", "apostrophe", "write 5"
    ),
    _broken("formula", swap("datasets.csv", "books,5", "books,=2+3"), "datasets.csv", 2, "size_tb", "formula", "value"),
    _broken(
        "formula-error", swap("sites.csv", ",500,", ",#REF!,"), "sites.csv", 3, "power_limit_kw", "formula", "repair"
    ),
    _broken(
        "formula-error-as-name", append("datasets.csv", "#N/A,5,,,"), "datasets.csv", 3, "name", "formula", "repair"
    ),
    _broken(
        "half-a-unit", swap("existing.csv", "a100-80,2", "a100-80,2.5"), "existing.csv", 2, "units", "whole number"
    ),
    _broken("negative", swap("datasets.csv", "books,5", "books,-5"), "datasets.csv", 2, "size_tb", "too low", "> 0"),
    _broken(
        "above-range", swap("sites.csv", "0.08", "80"), "sites.csv", 3, "electricity_usd_per_kwh", "too high", "≤ 5"
    ),
    _broken(
        "unknown-choice",
        swap("sites.csv", "N+1", "N+2"),
        "sites.csv",
        3,
        "redundancy",
        "one of N, N+1, 2N",
        "did you mean 'N+1'",
    ),
    _broken(
        "choice-in-capitals",
        swap("sites.csv", "oslo,owned", "oslo,Owned"),
        "sites.csv",
        3,
        "kind",
        "did you mean 'owned'",
    ),
    _broken(
        "bad-name", append("datasets.csv", "my books,5,,,"), "datasets.csv", 3, "name", "not a name", "write 'my-books'"
    ),
    _broken(
        "comma-list", swap("training.csv", "bf16 fp16", '"bf16,fp16"'), "training.csv", 2, "precisions", "by spaces"
    ),
    _broken(
        "unknown-precision",
        swap("training.csv", "bf16 fp16", "bf16 fp15"),
        "training.csv",
        2,
        "precisions",
        "'fp15'",
        "did you mean",
    ),
    _broken(
        "huge-count",
        swap("training.csv", ",512,30", ",1e300,30"),
        "training.csv",
        2,
        "global_batch",
        "too large for a count",
    ),
]

ROWS = [
    _broken(
        "owned-without-power",
        swap("sites.csv", ",500,", ",,"),
        "sites.csv",
        3,
        "power_limit_kw",
        "required at a site of kind 'owned'",
    ),
    _broken(
        "tokens-or-samples", swap("training.csv", "1e10", ""), "training.csv", 2, "tokens", "either tokens or samples"
    ),
    _broken(
        "mean-above-peak",
        swap("inference.csv", "20,8", "20,80"),
        "inference.csv",
        2,
        "mean_requests_per_s",
        "must not exceed",
    ),
    _broken(
        "encoder-with-tpot",
        swap("inference.csv", "128,0,,,50", "128,0,,5,50"),
        "inference.csv",
        3,
        "output_tokens",
        "must generate",
    ),
    _broken(
        "sold-without-rack-units",
        swap("nodes.csv", "10.2,8,", "10.2,,"),
        "nodes.csv",
        2,
        "rack_units",
        "needed for a node that has a price",
    ),
    _broken(
        "odd-replica-size",
        swap("nodes.csv", "1 2 4", "1 3"),
        "nodes.csv",
        2,
        "replica_sizes",
        "3 is not a power of two",
    ),
    _broken(
        "unknown-setting",
        swap("settings.csv", "horizon_years", "horizon"),
        "settings.csv",
        3,
        "key",
        "not a setting",
        "did you mean 'horizon_years'",
    ),
    _broken(
        "setting-twice", append("settings.csv", "name,other,"), "settings.csv", 5, "key", "stands already in line 2"
    ),
    _broken(
        "setting-out-of-range",
        swap("settings.csv", "years,5", "years,50"),
        "settings.csv",
        3,
        "horizon_years",
        "too high",
        "≤ 30",
    ),
]

REFERENCES = [
    _broken(
        "unknown-site",
        swap("training.csv", "books,oslo", "books,olso"),
        "training.csv",
        2,
        "sites",
        "no row 'olso'",
        "did you mean 'oslo'",
    ),
    _broken(
        "unknown-dataset",
        swap("training.csv", "fp16,books", "fp16,book"),
        "training.csv",
        2,
        "dataset",
        "no row 'book'",
        "did you mean 'books'",
    ),
    _broken(
        "unknown-node-offered",
        append("offers.csv", "nodes,dgx-h1000,,,,,,"),
        "offers.csv",
        5,
        "name",
        "no row 'dgx-h1000' in the table nodes",
        "did you mean 'dgx-h100'",
    ),
    _broken(
        "unknown-existing",
        swap("existing.csv", "dgx-a100-80", "dgx-a1000"),
        "existing.csv",
        2,
        "name",
        "no row 'dgx-a1000'",
        "did you mean",
    ),
    _broken(
        "unknown-chip",
        swap("nodes.csv", "h100-sxm", "h100-smx"),
        "nodes.csv",
        2,
        "accelerator",
        "no row 'h100-smx'",
        "did you mean 'h100-sxm'",
    ),
    _broken(
        "unknown-region",
        swap("inference.csv", ",50,,europe", ",50,,europa"),
        "inference.csv",
        2,
        "region",
        "no region 'europa'",
        "did you mean 'europe'",
    ),
    _broken(
        "unreached-site",
        swap("regions.csv", "europe,rented", "asia,rented"),
        "inference.csv",
        2,
        "region",
        "no round trip from 'europe' to rented",
    ),
    _broken(
        "unknown-model",
        swap("inference.csv", "llama-3.1-8b", "llama-3-8b"),
        "inference.csv",
        2,
        "model",
        "not a known model",
        "did you mean 'llama-3.1-8b'",
    ),
    _broken(
        "missing-model-file",
        swap("inference.csv", "llama-3.1-8b", "mine/config.json"),
        "inference.csv",
        2,
        "model",
        "no file",
        "correct the path",
    ),
    _broken(
        "broken-model-file",
        both(put("models/bad/config.json", b"{oops"), swap("inference.csv", "llama-3.1-8b", "bad")),
        "inference.csv",
        2,
        "model",
        "config.json",
        "JSON",
    ),
    _broken(
        "unknown-architecture",
        both(put("models/bad/config.json", b'{"model_type": "mamba"}'), swap("inference.csv", "llama-3.1-8b", "bad")),
        "inference.csv",
        2,
        "model",
        "mamba",
    ),
]

TOGETHER = [
    _broken(
        "beyond-horizon",
        swap("training.csv", "64,1,bf16,,,1", "64,1,bf16,,,9"),
        "training.csv",
        3,
        "first_year",
        "beyond the horizon of 5 years",
    ),
    _broken(
        "later-offer",
        swap("offers.csv", _H100, "nodes,dgx-h100,oslo,300000,8,,3,"),
        "offers.csv",
        2,
        "available_from_year",
        "years of purchase are not decided yet",
    ),
    _broken(
        "price-change",
        swap("offers.csv", _H100, "nodes,dgx-h100,oslo,300000,8,,,-10"),
        "offers.csv",
        2,
        "price_change_pct_per_year",
        "years of purchase are not decided yet",
    ),
    _broken(
        "aged-kit",
        swap("existing.csv", "a100-80,2,", "a100-80,2,3"),
        "existing.csv",
        2,
        "age_years",
        "years of purchase are not decided yet",
    ),
    _broken(
        "min-above-max",
        swap("offers.csv", _H100, "nodes,dgx-h100,oslo,300000,8,9,,"),
        "offers.csv",
        2,
        "min_units",
        "must not exceed max_units (8)",
    ),
    _broken(
        "price-at-cloud-site",
        swap("offers.csv", "nodes,dgx-h100,rented,,", "nodes,dgx-h100,rented,5,"),
        "offers.csv",
        3,
        "price_usd",
        "nothing is bought",
        "cloud site",
    ),
    _broken(
        "no-rent",
        append("offers.csv", "nodes,mine,rented,,,,,"),
        "offers.csv",
        5,
        "name",
        "no rent_usd_per_hour",
        "cannot be rented",
    ),
    _broken(
        "no-price", swap("nodes.csv", "250000", ""), "offers.csv", 4, "price_usd", "has no price", "fill in price_usd"
    ),
    _broken(
        "priced-fabric",
        append("offers.csv", "fabrics,none,,5,,,,"),
        "offers.csv",
        5,
        "price_usd",
        "no price of their own",
    ),
    _broken(
        "kit-at-cloud-site",
        swap("existing.csv", "oslo,nodes", "rented,nodes"),
        "existing.csv",
        2,
        "site",
        "is a cloud site",
    ),
    _broken(
        "too-many-copies", swap("datasets.csv", "text,1", "text,2"), "datasets.csv", 2, "min_copies", "only 1 site"
    ),
    _broken(
        "encoder-that-generates",
        swap("inference.csv", "llama-3.1-8b", "bert-base"),
        "inference.csv",
        2,
        "output_tokens",
        "encoder",
        "write 0",
    ),
    _broken(
        "blank-input-tokens",
        swap("inference.csv", "8,500", "8,"),
        "inference.csv",
        2,
        "input_tokens",
        "how many tokens",
    ),
    _broken(
        "request-too-long", swap("inference.csv", ",128,", ",700,"), "inference.csv", 3, "input_tokens", "takes 512"
    ),
    _broken(
        "sequence-too-long",
        swap("training.csv", "1e8,512", "1e8,2048"),
        "training.csv",
        3,
        "sequence_length",
        "512 positions",
    ),
    _broken(
        "nothing-to-run",
        both(drop("training.csv"), drop("inference.csv")),
        "training.csv",
        None,
        None,
        "something to run",
        "inference.csv",
    ),
    _broken(
        "no-software",
        append("offers.csv", "software,vllm,,,,,,"),
        "training.csv",
        2,
        None,
        "no software of the role 'training'",
    ),
]

CORPUS: tuple[Broken, ...] = (*FILES, *SHAPES, *CELLS, *ROWS, *REFERENCES, *TOGETHER)

TEN_AT_ONCE: tuple[tuple[str, Mutation], ...] = tuple(
    (broken.file, broken.mutate)
    for broken in CORPUS
    if broken.name
    in (
        "unknown-file",
        "too-few-cells",
        "negative",
        "dollar-sign",
        "unknown-region",
        "unknown-model",
        "unknown-dataset",
        "sold-without-rack-units",
        "unknown-setting",
        "aged-kit",
    )
)
"""Ten errors of different kinds, in different places."""
