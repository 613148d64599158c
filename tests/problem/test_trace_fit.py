"""A service row from a log of requests."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from dcopt.cli.main import main
from dcopt.problem.findings import InputError
from dcopt.problem.fit import Columns, fit, read_trace
from dcopt.problem.load import load

AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
2023-11-16 18:15:51.2224670,879,55
2023-11-16 18:17:50.9951690,91,16
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "trace.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_azure_trace(tmp_path: Path) -> None:
    fitted = fit(*read_trace(write(tmp_path, AZURE), Columns()))
    assert fitted.requests == 4
    assert fitted.span_s == pytest.approx(124.3146, abs=1e-3)
    assert fitted.peak_requests_per_s == pytest.approx(3 / 60)
    assert fitted.mean_requests_per_s == pytest.approx(4 / 124.3146, rel=1e-4)
    assert fitted.input_tokens.mean == pytest.approx((374 + 396 + 879 + 91) / 4)
    assert fitted.input_tokens.p50 == 374
    assert fitted.output_tokens is not None
    assert fitted.output_tokens.largest == 109
    assert fitted.hourly == ()


def test_a_day_has_a_profile() -> None:
    hours = [hour for hour in range(48) for _ in range(10 if hour % 24 == 14 else 2)]
    count: dict[int, int] = {}
    times = []
    for hour in hours:
        count[hour] = count.get(hour, 0) + 1
        times.append(hour * 3600.0 + 60.0 * count[hour])
    fitted = fit(sorted(times), [1.0] * len(times), [])
    assert len(fitted.hourly) == 24
    assert fitted.hourly[14] == 1.0
    assert set(fitted.hourly) == {0.2, 1.0}
    assert fitted.output_tokens is None


def test_a_trace_shorter_than_a_minute_peaks_over_its_span() -> None:
    fitted = fit([0.0, 5.0, 10.0], [1.0] * 3, [1.0] * 3)
    assert fitted.mean_requests_per_s <= fitted.peak_requests_per_s
    assert fitted.peak_requests_per_s == pytest.approx(2 / 10)


@pytest.mark.parametrize("scale", [1, 1000])
def test_times_may_be_numbers(tmp_path: Path, scale: int) -> None:
    rows = "".join(f"{(1700000000 + k) * scale},10\n" for k in range(3))
    path = write(tmp_path, f"when,tokens\n{rows}")
    times, inputs, outputs = read_trace(path, Columns("when", "tokens", ""))
    assert times[-1] - times[0] == pytest.approx(2)
    assert (inputs, outputs) == ([10, 10, 10], [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("TIMESTAMP,ContextToken,GeneratedTokens\n", "did you mean 'ContextToken'"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\nsoon,1,1\n", "a time: ISO 8601"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n1,-1,1\n", "a count of tokens"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n1,1,1\n", "fewer than two requests"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_trace(write(tmp_path, text), Columns())
    assert message in str(error.value)


def test_the_command_writes_a_row_that_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, AZURE)
    result = CliRunner().invoke(main, ["fit", str(path), "--name", "chat", "--model", "llama-2-70b"])
    assert result.exit_code == 0
    assert "assumed: the peak is the busiest 60 s" in result.stderr
    folder = tmp_path / "problem"
    folder.mkdir()
    (folder / "inference.csv").write_text(result.stdout, encoding="utf-8")
    sites = "name,power_limit_kw,electricity_usd_per_kwh\nhere,100,0.1\n"
    (folder / "sites.csv").write_text(sites, encoding="utf-8")
    service = load(folder, ["inference.chat.latency_ms=9000"]).inference["chat"]
    assert (service.peak_requests_per_s, service.input_tokens, service.output_tokens) == (0.05, 435, 56)
    assert CliRunner().invoke(main, ["fit", str(tmp_path / "none.csv")]).exit_code == 2


def test_the_profile_of_the_command_is_read(tmp_path: Path) -> None:
    rows = "".join(f"{3600 * h + 30 * k},100,10\n" for h in range(25) for k in range(1 + h % 5))
    path = write(tmp_path, f"TIMESTAMP,ContextTokens,GeneratedTokens\n{rows}")
    result = CliRunner().invoke(main, ["fit", str(path), "--name", "chat", "--model", "llama-2-70b"])
    folder = tmp_path / "problem"
    folder.mkdir()
    row, _, day = result.stdout.partition("# profiles.csv:\n")
    (folder / "inference.csv").write_text(row, encoding="utf-8")
    (folder / "profiles.csv").write_text(day.replace("# ", ""), encoding="utf-8")
    (folder / "sites.csv").write_text("name,power_limit_kw,electricity_usd_per_kwh\nhere,9,0.1\n", encoding="utf-8")
    problem = load(folder, ["inference.chat.latency_ms=9000"])
    assert problem.inference["chat"].profile == "chat-day"
    assert max(problem.tables["profiles"]["chat-day"].shares) == 1.0
