"""Metric families of the OpenMetrics format, named and labelled as ours are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric, StateSetMetricFamily

from socklat_gate.measured.verdict import Outcome
from socklat_gate.wording.markdown_escape import one_line

__all__ = ["PREFIX", "gauge", "label_text", "states"]

PREFIX = "socklat_gate"
MAX_LABEL = 600


def gauge(
    name: str, text: str, rows: Iterable[tuple[Mapping[str, str], float]], unit: str = ""
) -> Metric:
    """A gauge named after ``name`` and ``unit``; a value that is NaN has no sample."""
    full = f"{PREFIX}_{name}{'_' + unit if unit else ''}"
    found = GaugeMetricFamily(full, text, labels=[], unit=unit)
    for labels, value in rows:
        if not math.isnan(value):
            found.add_sample(full, dict(labels), value)
    return found


def states(name: str, text: str, rows: Iterable[tuple[Mapping[str, str], Outcome]]) -> Metric:
    """A state set of outcomes, one row a set of labels."""
    full = f"{PREFIX}_{name}"
    found = StateSetMetricFamily(full, text)
    for labels, outcome in rows:
        for state in Outcome:
            found.add_sample(full, dict(labels) | {full: state.value}, float(state is outcome))
    return found


def label_text(value: str) -> str:
    """``value`` as the value of a label: one line of bounded length."""
    return one_line(value, MAX_LABEL)
