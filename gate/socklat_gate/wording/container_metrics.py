"""Metrics by what they are of: times of requests, or one number of a container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from socklat_gate.measured.names import CPU, MEMORY, STARTUP, unit_of
from socklat_gate.wording import units
from socklat_gate.wording.sentence import Name, Sentence

__all__ = ["MetricKind", "kind_of", "value_text"]


@dataclass(frozen=True, slots=True)
class MetricKind:
    """Words about a metric: what more and less of it is called, and what to do about more.

    ``title`` is what it is called in a headline, ``meaning`` the rest of the sentence "it is ...";
    ``lacking`` says that a run has no such number.  All are "" for a quantile, whose name says it.
    """

    worse: str
    better: str
    title: str = ""
    short: str = ""
    meaning: str = ""
    lacking: str = ""
    advice: Sentence = ()


_LATENCY = MetricKind("slower", "faster")
_KINDS: Mapping[str, MetricKind] = {
    CPU: MetricKind(
        "higher",
        "lower",
        title="CPU time per request",
        short="cpu",
        meaning="the CPU time that the container uses per request",
        lacking="the container's CPU time was not measured",
        advice=("Profile both images under this load: the candidate computes more per request.",),
    ),
    STARTUP: MetricKind(
        "longer",
        "shorter",
        title="Start-up time",
        short="startup",
        meaning="the time from the order to start the container until it was ready, as "
        "service.ready asks",
        lacking="the container's start-up time is not known",
        advice=(
            "Start both images by hand and compare their logs: the candidate does more before it "
            "answers ",
            Name("service.ready"),
            ".",
        ),
    ),
    MEMORY: MetricKind(
        "higher",
        "lower",
        title="Peak memory",
        short="memory",
        meaning="the most memory that the container held, from its start to the end of the run",
        lacking="the container's peak memory is not known",
        advice=("Compare heap profiles of both images under this load: the candidate holds more.",),
    ),
}


def kind_of(stage: str) -> MetricKind:
    """The words about a metric of this stage."""
    return _KINDS.get(stage, _LATENCY)


def value_text(value: float, stage: str) -> str:
    """A metric's value in its own unit: ``1.23 ms``, ``48.2 MiB``."""
    return units.mebibytes(value) if unit_of(stage) == "bytes" else units.ns(value)
