"""A commented socklat.toml that `scenario.loader.load_scenario` accepts as it is.

Written by a template and not by tomlkit: it is comments around a few values, and a string of TOML
is one of JSON with one more escape.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import lru_cache

import jinja2

from socklat_gate.init.source import Source
from socklat_gate.load.protocols.protocol import DetectedProtocol
from socklat_gate.scenario.gating import WANTED_EXCEEDING, Metric, default_metrics

__all__ = ["rate_for", "scenario_text"]

BUSY = 0.3
"""Share of its time that a service which takes one request after the other shall work."""

MOST_RATE, LEAST_RATE, USUAL_RATE = 1000.0, 5.0, 200.0
USUAL_S, LONGEST_S = 5.0, 20.0
CONNECTIONS = 16
COMMENTS = {
    "image": "the candidate",
    "build": "the directory with the Dockerfile, from here",
    "compose": "from here; each arm is the complete stack",
    "service": "the one under test",
}
MEDIAN = 0.5


def scenario_text(source: Source, port: int, found: DetectedProtocol) -> str:
    """The scenario for what was found."""
    rate = rate_for(found.latency_s)
    metrics = [metric for metric in default_metrics() if _can_judge(metric, rate)]
    left_out = [
        (metric.name, math.ceil(_needs_s(rate, metric)))
        for metric in default_metrics()
        if metric not in metrics
    ]
    return (
        _environment()
        .get_template("socklat.toml.j2")
        .render(
            name=_toml(source.name),
            start=[(key, _toml(value), COMMENTS[key]) for key, value in source.keys.items()],
            port=port,
            ready=_toml(found.path) if found.status == 200 else "",
            verified=found.verified,
            problem=found.problem,
            hints=found.protocol.hints,
            load=[
                (line.key, _toml(line.value), line.comment)
                for line in found.protocol.load_keys(found)
            ]
            + list(_rates(found, rate, _duration_s(rate, metrics))),
            metrics=metrics,
            left_out=left_out,
        )
    )


def rate_for(latency_s: float) -> float:
    """Requests per second at which a service with this latency is busy for `BUSY` of its time.

    Rounded down to 1, 2 or 5 times a power of ten; `USUAL_RATE` where the latency is unknown.
    """
    if latency_s <= 0:
        return USUAL_RATE
    wanted = min(MOST_RATE, max(LEAST_RATE, BUSY / latency_s))
    power = 10 ** math.floor(math.log10(wanted))
    return float(max(step * power for step in (1, 2, 5) if step * power <= wanted * (1 + 1e-9)))


def _can_judge(metric: Metric, rate: float) -> bool:
    """Whether runs of `LONGEST_S` have enough requests for it; the median and CPU time always."""
    return _needs_s(rate, metric) <= LONGEST_S or metric.quantile == MEDIAN


def _duration_s(rate: float, metrics: list[Metric]) -> float:
    return float(math.ceil(max(USUAL_S, *(_needs_s(rate, metric) for metric in metrics))))


def _needs_s(rate: float, metric: Metric) -> float:
    if metric.quantile is None:
        return 0.0
    return WANTED_EXCEEDING / ((1 - metric.quantile) * rate)


def _rates(
    found: DetectedProtocol, rate: float, duration_s: float
) -> Iterator[tuple[str, str, str]]:
    """Key, value in TOML and comment of the lines of [load] that every protocol has."""
    took = f"one took {1000 * found.latency_s:.3g} ms" if found.latency_s else "a guess"
    yield "rate", f"{rate:g}", f"requests per second and arm, whatever the responses do; {took}"
    yield "connections", str(CONNECTIONS), "per arm"
    yield "duration_s", f"{duration_s:g}", "of each run; the slow quantiles need enough requests"


def _toml(value: str | list[str]) -> str:
    """A TOML string or an array of them: JSON's escapes are TOML's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("socklat_gate.init"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - TOML, not HTML: values come through `_toml`
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
