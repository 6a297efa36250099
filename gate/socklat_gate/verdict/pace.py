"""Whether a tool with its own pace got fewer requests through one arm than response times explain.

In a closed loop each of C connections waits for a response (L on average) and then for Z until it
sends again, so that n = C T / (L + Z) requests are sent in a time T.  For two arms under one tool

    n_cand / n_base = (L_base + Z) / (L_cand + Z) >= min(1, L_base / L_cand)

whatever Z is.  A candidate with fewer lost them where no exchange shows it: refused connections,
connections that it accepts late or closes before anything is read.
"""

from __future__ import annotations

import math

from socklat_gate.measured.run import Run

__all__ = ["lags_behind"]

SLACK = 0.25
"""Share by which the counts may differ for what the tool itself does: connecting again, parsing."""

SIGMAS = 4.0


def lags_behind(run: Run, other: Run) -> bool:
    """Whether ``run`` has fewer requests than ``other`` by more than its slower responses explain.

    Warm-up included, so that a tool which sends a number of requests and ends has as many in both.
    """
    ours, theirs = _requests(run), _requests(other)
    slower = _mean_ns(run) / _mean_ns(other) if _mean_ns(other) and _mean_ns(run) else 1.0
    explained = theirs / max(1.0, slower)
    return ours < (1.0 - SLACK) * explained - SIGMAS * math.sqrt(explained)


def _requests(run: Run) -> int:
    return sum(run.counters.get(name, 0) for name in ("recorded", "filtered", "no_response"))


def _mean_ns(run: Run) -> float:
    times = run.histograms.get("response") or run.histograms.get("service")
    return times.mean_ns() if times is not None and times.total else 0.0
