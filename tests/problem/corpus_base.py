"""One small valid problem, and the means to break it."""

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


def broken(name: str, mutate: Mutation, file: str, line: int | None, column: str | None, *words: str) -> Broken:
    """Return a `Broken`; the words are those that its finding must contain."""
    return Broken(name, mutate, file, line, column, words)
