"""A problem that is solved in a moment, and a way to run commands in this process."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from dcopt.cli.main import main

TINY = {
    "settings.csv": "key,value\nhorizon_years,3\ndiscount_rate_pct,8\n",
    "sites.csv": "name,power_limit_kw,electricity_usd_per_kwh,carbon_kg_per_kwh\nhall,40,0.1,0.3\n",
    "inference.csv": "name,model,peak_requests_per_s,input_tokens,latency_ms\nask,bert-base,200,128,100\n",
    "offers.csv": "table,name\nnodes,l4-4\nnodes,t4-4\nfabrics,none\n",
}


def dcopt(*arguments: str | Path) -> Result:
    """Run ``dcopt ARGUMENTS`` in this process; anything but an orderly exit is a failure of the test."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert "Traceback" not in result.output
    return result


def write_tiny(folder: Path, **changed: str) -> Path:
    """Write the tiny problem into ``folder``; ``changed`` replaces the text of tables by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in {**TINY, **{f"{name}.csv": text for name, text in changed.items()}}.items():
        (folder / file).write_text(text, encoding="utf-8")
    return folder
