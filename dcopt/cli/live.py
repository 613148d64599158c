"""What a person sees while a solve runs: phase, incumbent, bound, gap and time, drawn in place on the terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dcopt.solve.session import Progress

BLOCKS = "▁▂▃▄▅▆▇█"
TREND = 40
"""Most values of the gap's trend that are drawn."""


def sparkline(values: list[float], most: int = TREND) -> str:
    """Return the values as blocks between their least and their largest, the latest ``most`` of them."""
    shown = values[-most:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    if high <= low:
        return BLOCKS[0] * len(shown)
    return "".join(BLOCKS[round((value - low) / (high - low) * (len(BLOCKS) - 1))] for value in shown)


class SolveScreen:
    """A few lines on the terminal of stderr, refreshed in place; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self.doing = ""
        self.gaps: list[float] = []
        self._live: Any = None

    def phase(self, text: str) -> None:
        """Show what is being done."""
        self.doing = text
        self._draw([f"{text} ..."])

    def show(self, progress: Progress) -> None:
        """Show incumbent, bound, gap and time of the solver."""
        incumbent = "none yet" if progress.incumbent is None else f"{progress.incumbent:,.0f}"
        bound = "none yet" if progress.bound is None else f"{progress.bound:,.0f}"
        line = f"incumbent {incumbent}   bound {bound}"
        if progress.gap is not None:
            line += f"   gap {progress.gap:.2%}"
            if not self.gaps or self.gaps[-1] != progress.gap:
                self.gaps.append(progress.gap)
        hint = "stopping; Ctrl-C again gives the design up" if progress.stopping else "Ctrl-C keeps the incumbent"
        trend = sparkline(self.gaps)
        last = f"{hint}   {trend}" if len(trend) > 1 else hint
        doing = "solving" if self.doing.startswith("program:") else self.doing
        self._draw([f"{doing}   {progress.seconds:.1f} s", line, last])

    def clear(self) -> None:
        """Take the lines away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self, lines: list[str]) -> None:
        if not self.shown:
            return
        from rich.console import Console, Group
        from rich.live import Live
        from rich.text import Text

        styles = ("bold", "", "dim")
        pairs = zip(lines, styles, strict=False)
        texts = [Text(f"  {line}", style, no_wrap=True, overflow="ellipsis") for line, style in pairs]
        group = Group(*texts)
        if self._live is None:
            console = Console(stderr=True)
            self._live = Live(
                console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
            )
            self._live.start()
        self._live.update(group, refresh=True)
