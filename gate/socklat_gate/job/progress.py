"""What people see while a measurement runs: on stderr, in place on a terminal, lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.text import Text

from socklat_gate.measured.verdict import MetricVerdict, Outcome, Verdict

__all__ = ["Progress"]


class Progress:
    """Context manager; `say` names the phase under way, `pair_done` reports after each pair."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False, quiet=quiet)
        self._status: Status | None = None
        self._prefix = ""
        self._phase = "starting"
        self._started_s = time.monotonic()

    def __enter__(self) -> Progress:
        # Rich also takes FORCE_COLOR for a terminal; CI logs set it and cannot redraw a line.
        if self._console.is_terminal and sys.stderr.isatty():
            self._status = self._console.status(self)
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __rich__(self) -> Text:
        """The line in place: drawn again several times a second, so the seconds go on."""
        elapsed_s = time.monotonic() - self._started_s
        return Text.assemble(self._prefix + self._phase, (f" {elapsed_s:.0f} s", "dim"))

    def step(self, prefix: str) -> None:
        """Sets what the following phases belong to, for instance ``pair 3``."""
        self._prefix = f"{prefix}: " if prefix else ""

    def say(self, phase: str) -> None:
        """Names the phase under way; transient on a terminal, silent elsewhere."""
        self._phase = phase

    def line(self, text: str) -> None:
        """Leaves a line on stderr."""
        self._console.print(escape(text), soft_wrap=True)

    def pair_done(self, done: int, at_most: int, verdict: Verdict, left_s: float) -> None:
        """The running estimate after a pair, and how long it can still take."""
        parts = [_estimate(metric) for metric in verdict.metrics]
        spikes = verdict.spikes
        if spikes and (spikes.baseline_events or spikes.candidate_events):
            mark = " MORE" if spikes.failed else ""
            parts.append(f"spikes {spikes.candidate_events} to {spikes.baseline_events}{mark}")
        metrics = "  ".join(parts)
        further = verdict.pairs_to_decide
        outlook = f"about {further} more, " if further else ""
        self.line(f"pair {done}/{at_most}  {metrics}  ({outlook}at most {_minutes(left_s)} left)")


def _estimate(metric: MetricVerdict) -> str:
    """Short name, change so far, and what is decided: ``p99 +0.4% ok``, ``cpu n/a``."""
    cpu = metric.quantile is None
    name = "cpu" if cpu else metric.name.removeprefix("service_")
    if math.isnan(metric.change):
        return f"{name} n/a"
    worse = " MORE" if cpu else " SLOWER"
    mark = {Outcome.PASS: " ok", Outcome.REGRESSION: worse}.get(metric.verdict, "")
    return f"{name} {metric.change:+.1%}{mark}"


def _minutes(seconds: float) -> str:
    seconds = max(0.0, seconds)
    return f"{seconds / 60:.1f} min" if seconds >= 90 else f"{seconds:.0f} s"
