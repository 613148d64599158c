"""Bad input about the day and the calendar: profiles, and the order of jobs."""

from __future__ import annotations

from corpus_base import broken, put

_PROFILES = b"name,hourly\n"
_DAY = b" ".join([b"0.5"] * 12 + [b"1"] * 12)
_JOBS = (
    b"name,model,tokens,sequence_length,global_batch,deadline_days,precisions,first_year,runs_per_year,after,priority,"
    b"preemptible\n"
)
_FIRST = b"pretrain,gpt-2-xl,1e10,1024,512,30,bf16,%s,1,%s,,\n"
_SECOND = b"tune,bert-large,1e8,512,64,1,bf16,1,1,%s,%s,%s\n"
_SERVICES = (
    b"name,model,peak_requests_per_s,mean_requests_per_s,input_tokens,output_tokens,latency_ms,profile,"
    b"utc_offset_hours,after,first_day\n"
)


def _service(
    mean: bytes = b"", profile: bytes = b"", offset: bytes = b"", after: bytes = b"", first: bytes = b""
) -> bytes:
    cells = (b"search,bert-base,1000", mean, b"128", b"0", b"50", profile, offset, after, first)
    return _SERVICES + b",".join(cells) + b"\n"


def _jobs(first_after: bytes = b"", after: bytes = b"", first_year: bytes = b"1", **cells: bytes) -> bytes:
    rows = _FIRST % (first_year, first_after) + _SECOND % (after, cells.get("priority", b""), cells.get("night", b""))
    return _JOBS + rows


DAY = [
    broken(
        "profile-of-23-hours",
        put("profiles.csv", _PROFILES + b"mine," + b" ".join([b"1"] * 23) + b"\n"),
        "profiles.csv",
        2,
        "hourly",
        "has 23 numbers, a day has 24 hours",
    ),
    broken(
        "profile-with-a-negative-share",
        put("profiles.csv", _PROFILES + b"mine," + _DAY.replace(b"0.5", b"-0.5", 1) + b"\n"),
        "profiles.csv",
        2,
        "hourly",
        "-0.5 must be from 0 to 1",
    ),
    broken(
        "profile-with-a-word",
        put("profiles.csv", _PROFILES + b"mine," + _DAY.replace(b"0.5", b"half", 1) + b"\n"),
        "profiles.csv",
        2,
        "hourly",
        "'half' is not a number",
    ),
    broken(
        "profile-that-is-not-of-the-peak",
        put("profiles.csv", _PROFILES + b"mine," + b" ".join([b"0.8"] * 24) + b"\n"),
        "profiles.csv",
        2,
        "hourly",
        "the largest share is 0.8: divide all by it",
    ),
    broken(
        "unknown-profile",
        put("inference.csv", _service(profile=b"llm-conversations")),
        "inference.csv",
        2,
        "profile",
        "'llm-conversations'",
        "llm-conversation",
    ),
    broken(
        "mean-against-the-profile",
        put("inference.csv", _service(mean=b"900", profile=b"llm-conversation")),
        "inference.csv",
        2,
        "mean_requests_per_s",
        "leave the cell blank",
    ),
    broken(
        "clock-beyond-the-date-line",
        put("inference.csv", _service(profile=b"llm-conversation", offset=b"15")),
        "inference.csv",
        2,
        "utc_offset_hours",
        "14",
    ),
    broken(
        "first-day-without-a-job",
        put("inference.csv", _service(first=b"30")),
        "inference.csv",
        2,
        "first_day",
        "fill in after",
    ),
    broken(
        "service-after-an-unknown-job",
        put("inference.csv", _service(after=b"tunes")),
        "inference.csv",
        2,
        "after",
        "'tunes'",
        "tune",
    ),
    broken(
        "job-after-itself",
        put("training.csv", _jobs(after=b"tune")),
        "training.csv",
        3,
        "after",
        "a job cannot come after itself",
    ),
    broken(
        "job-after-an-unknown-job",
        put("training.csv", _jobs(after=b"pretraining")),
        "training.csv",
        3,
        "after",
        "'pretraining'",
        "pretrain",
    ),
    broken(
        "job-before-what-it-comes-after",
        put("training.csv", _jobs(after=b"pretrain", first_year=b"2")),
        "training.csv",
        3,
        "after",
        "'pretrain' runs from year 2 on",
    ),
    broken(
        "jobs-in-a-circle",
        put("training.csv", _jobs(first_after=b"tune", after=b"pretrain")),
        "training.csv",
        2,
        "after",
        "pretrain after tune after pretrain",
    ),
    broken(
        "priority-below-zero",
        put("training.csv", _jobs(priority=b"-1")),
        "training.csv",
        3,
        "priority",
        "0",
    ),
    broken(
        "preemptible-perhaps",
        put("training.csv", _jobs(night=b"perhaps")),
        "training.csv",
        3,
        "preemptible",
        "yes",
    ),
]
