"""Bad input that shows in the text: files, shapes of tables, single cells."""

from __future__ import annotations

from corpus_base import append, both, broken, drop, put, recode, swap

_OSLO = "oslo,owned,500,40,0.08,N+1"

FILES = [
    broken("no-sites", drop("sites.csv"), "sites.csv", None, None, "at least one site"),
    broken(
        "empty-file", put("datasets.csv", b""), "datasets.csv", None, None, "is empty", "header row", "name,size_tb"
    ),
    broken("only-comments", put("regions.csv", b"# nothing\n\n"), "regions.csv", None, None, "is empty", "delete it"),
    broken(
        "unknown-file",
        put("traning.csv", b"name\n"),
        "traning.csv",
        None,
        None,
        "not a table",
        "did you mean 'training.csv'",
    ),
    broken("upper-case-file", put("Offers.CSV", b"name\n"), "Offers.CSV", None, None, "did you mean 'offers.csv'"),
    broken(
        "latin-1",
        recode("settings.csv", lambda data: data + b"note,caf\xe9,\n"),
        "settings.csv",
        5,
        None,
        "UTF-8",
        "0xe9",
        "save",
    ),
    broken(
        "utf-16",
        recode("regions.csv", lambda data: data.decode().encode("utf-16")),
        "regions.csv",
        None,
        None,
        "UTF-16",
        "byte-order mark",
        "save",
    ),
    broken(
        "nul-bytes", recode("existing.csv", lambda data: data + b"\x00"), "existing.csv", 3, None, "NUL", "plain text"
    ),
    broken(
        "workbook-as-csv",
        put("datasets.csv", b"PK\x03\x04rest"),
        "datasets.csv",
        None,
        None,
        "Excel workbook",
        "save each sheet",
    ),
    broken(
        "semicolons",
        recode("regions.csv", lambda data: data.replace(b",", b";")),
        "regions.csv",
        1,
        None,
        "semicolons",
        "commas",
    ),
    broken("tabs", recode("regions.csv", lambda data: data.replace(b",", b"\t")), "regions.csv", 1, None, "tabs"),
    broken(
        "unclosed-quote", append("sites.csv", 'paris,"owned,100,,0.1,N'), "sites.csv", 5, None, "quote", "never closed"
    ),
    broken(
        "text-after-quote", append("sites.csv", 'paris,"owned"ish,100,,0.1,N'), "sites.csv", 5, None, "closing quote"
    ),
    broken("a-folder", both(drop("regions.csv"), put("regions.csv/x", b"")), "regions.csv", None, None, "is a folder"),
]

SHAPES = [
    broken(
        "too-many-cells",
        swap("sites.csv", _OSLO, _OSLO + ",7"),
        "sites.csv",
        3,
        None,
        "7 cells",
        "header 6",
        "extra comma",
    ),
    broken("decimal-comma-splits", swap("sites.csv", "0.08", "0,08"), "sites.csv", 3, None, "7 cells", "decimal comma"),
    broken(
        "too-few-cells", swap("sites.csv", _OSLO, "oslo,owned,500"), "sites.csv", 3, None, "3 cells", "missing commas"
    ),
    broken(
        "value-without-header",
        both(swap("datasets.csv", "min_copies,sites", "min_copies,sites,"), swap("datasets.csv", "1,oslo", "1,oslo,x")),
        "datasets.csv",
        2,
        None,
        "column 6",
        "no name in the header",
    ),
    broken(
        "header-gap",
        both(swap("datasets.csv", ",min_copies", ","), swap("datasets.csv", "text,1", "text,")),
        "datasets.csv",
        1,
        None,
        "column 4 has no name",
    ),
    broken("column-twice", both(swap("datasets.csv", "min_copies", "size_tb")), "datasets.csv", 1, "size_tb", "twice"),
    broken(
        "unknown-column",
        swap("datasets.csv", "compressibility", "compresibility"),
        "datasets.csv",
        1,
        "compresibility",
        "no column",
        "did you mean 'compressibility'",
    ),
    broken(
        "misspelt-required-column",
        swap("regions.csv", "rtt_ms", "rtt-ms"),
        "regions.csv",
        1,
        "rtt-ms",
        "no column",
        "did you mean 'rtt_ms'",
    ),
    broken(
        "strange-column",
        swap("datasets.csv", "compressibility", "zzz"),
        "datasets.csv",
        1,
        "zzz",
        "no column",
        "known are name, size_tb",
    ),
    broken(
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
    broken(
        "duplicate-name", append("datasets.csv", "books,7,,,"), "datasets.csv", 3, "name", "stands already in line 2"
    ),
    broken(
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
    broken(
        "blank-required",
        swap("datasets.csv", "books,5", "books,"),
        "datasets.csv",
        2,
        "size_tb",
        "is blank",
        "fill it in",
    ),
    broken(
        "not-a-number",
        swap("datasets.csv", "books,5", "books,five"),
        "datasets.csv",
        2,
        "size_tb",
        "'five'",
        "not a number",
        "expected: a number > 0",
    ),
    broken("nan", swap("datasets.csv", "books,5", "books,nan"), "datasets.csv", 2, "size_tb", "not a number", "blank"),
    broken("inf", swap("sites.csv", ",500,", ",inf,"), "sites.csv", 3, "power_limit_kw", "not a number", "blank"),
    broken("overflow", swap("datasets.csv", "books,5", "books,1e999"), "datasets.csv", 2, "size_tb", "too large"),
    broken(
        "no-value-word",
        swap("sites.csv", ",40,", ",unlimited,"),
        "sites.csv",
        3,
        "rack_positions",
        "blank for the default",
    ),
    broken(
        "thousands-separator",
        swap("offers.csv", "300000", '"300,000"'),
        "offers.csv",
        2,
        "price_usd",
        "separators",
        "write 300000",
    ),
    broken(
        "thousands-space",
        swap("offers.csv", "300000", "300 000"),
        "offers.csv",
        2,
        "price_usd",
        "separators",
        "write 300000",
    ),
    broken(
        "decimal-comma",
        swap("sites.csv", "0.08", '"0,08"'),
        "sites.csv",
        3,
        "electricity_usd_per_kwh",
        "decimal comma",
        "write 0.08",
    ),
    broken(
        "unit-in-cell",
        swap("sites.csv", ",500,", ",0.5 MW,"),
        "sites.csv",
        3,
        "power_limit_kw",
        "unit ('MW')",
        "column's name",
    ),
    broken(
        "percent-sign",
        swap("settings.csv", "pct,8,", "pct,8%,"),
        "settings.csv",
        4,
        "discount_rate_pct",
        "percent sign",
        "write 8",
    ),
    broken(
        "dollar-sign",
        swap("offers.csv", "300000", '"$300,000"'),
        "offers.csv",
        2,
        "price_usd",
        "currency",
        "write 300000",
    ),
    broken(
        "apostrophe", swap("datasets.csv", "books,5", "books,'5"), "datasets.csv", 2, "size_tb", "apostrophe", "write 5"
    ),
    broken("formula", swap("datasets.csv", "books,5", "books,=2+3"), "datasets.csv", 2, "size_tb", "formula", "value"),
    broken(
        "formula-error", swap("sites.csv", ",500,", ",#REF!,"), "sites.csv", 3, "power_limit_kw", "formula", "repair"
    ),
    broken(
        "formula-error-as-name", append("datasets.csv", "#N/A,5,,,"), "datasets.csv", 3, "name", "formula", "repair"
    ),
    broken("half-a-unit", swap("existing.csv", "a100-80,2", "a100-80,2.5"), "existing.csv", 2, "units", "whole number"),
    broken("negative", swap("datasets.csv", "books,5", "books,-5"), "datasets.csv", 2, "size_tb", "too low", "> 0"),
    broken(
        "above-range", swap("sites.csv", "0.08", "80"), "sites.csv", 3, "electricity_usd_per_kwh", "too high", "≤ 5"
    ),
    broken(
        "unknown-choice",
        swap("sites.csv", "N+1", "N+2"),
        "sites.csv",
        3,
        "redundancy",
        "one of N, N+1, 2N",
        "did you mean 'N+1'",
    ),
    broken(
        "choice-in-capitals",
        swap("sites.csv", "oslo,owned", "oslo,Owned"),
        "sites.csv",
        3,
        "kind",
        "did you mean 'owned'",
    ),
    broken(
        "bad-name", append("datasets.csv", "my books,5,,,"), "datasets.csv", 3, "name", "not a name", "write 'my-books'"
    ),
    broken(
        "comma-list", swap("training.csv", "bf16 fp16", '"bf16,fp16"'), "training.csv", 2, "precisions", "by spaces"
    ),
    broken(
        "unknown-precision",
        swap("training.csv", "bf16 fp16", "bf16 fp15"),
        "training.csv",
        2,
        "precisions",
        "'fp15'",
        "did you mean",
    ),
    broken(
        "huge-count",
        swap("training.csv", ",512,30", ",1e300,30"),
        "training.csv",
        2,
        "global_batch",
        "too large for a count",
    ),
]
