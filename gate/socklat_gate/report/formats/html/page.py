"""The page: a report and drawings, laid out by ``templates/report.html.j2``."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from functools import lru_cache
from typing import Any

import jinja2
from markupsafe import Markup

from socklat_gate.measured.result import GateResult, RunResult
from socklat_gate.report.formats.html.assets import assets
from socklat_gate.report.formats.html.curves import curve_document, curve_sets
from socklat_gate.report.formats.html.evidence_trace import evidence_document, evidence_traces
from socklat_gate.report.formats.html.heat_map import COLUMN, SHARES, heat_document, heat_map
from socklat_gate.report.formats.html.intervals import interval_axis
from socklat_gate.report.formats.html.request_drawings import (
    MAX_DRAWN,
    request_curves,
    request_drawings,
)
from socklat_gate.report.formats.html.watch_strip import ROW, watch_strip
from socklat_gate.report.formats.html.waterfall import share_bars, waterfalls
from socklat_gate.report.replica_rows import stopped_replicas
from socklat_gate.report.report import Report
from socklat_gate.report.request_ranks import listed_requests, ranked_requests
from socklat_gate.version import __version__
from socklat_gate.wording.markdown_escape import one_line
from socklat_gate.wording.metric_names import marked
from socklat_gate.wording.section_titles import NOTES, TITLES
from socklat_gate.wording.sentence import Name, Sentence

__all__ = ["embed", "render"]

LONG = 600
MAX_COLUMNS = 120

# Inside a script element only these could end it; elsewhere in JSON they are not found.
HIDDEN = {ord(one): f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"}


def render(report: Report) -> str:
    """One file for a browser, offline: no link, no request, nothing of an outsider's but text."""
    result, runs = report.result, report.runs
    arms = runs.arms
    verdict = None if isinstance(result, RunResult) else result.verdict
    ranked = ranked_requests(arms, verdict)
    listed = listed_requests(ranked)
    curves = (*curve_sets(arms), *request_curves(arms, ranked, listed))
    pairs = result.pairs if isinstance(result, GateResult) else ()
    watch = result.watch if isinstance(result, GateResult) else None
    traces = evidence_traces(verdict, listed) if verdict else ()
    rare_ns = verdict.spikes.threshold_ns if verdict and verdict.spikes else math.inf
    heat = heat_map(runs.labels, runs.columns[:MAX_COLUMNS], rare_ns)
    page = assets()
    data = {
        "curves": curve_document(arms, curves),
        "evidence": evidence_document(traces),
        "heat": heat_document(heat) if heat else None,
    }
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            titles=TITLES,
            notes=NOTES,
            title=f"{report.head.word}: {result.scenario_name}",
            outcome=verdict.outcome.value if verdict else "measured",
            arms=runs.labels,
            curves=curves,
            traces=traces,
            gated=bool(pairs and verdict and verdict.metrics),
            heat=heat,
            left_off=max(0, len(pairs) - MAX_COLUMNS),
            shares=SHARES,
            column=COLUMN,
            waterfalls=waterfalls(arms),
            bars=share_bars([one for one in verdict.attribution if not one.request])
            if verdict
            else {},
            drawings=request_drawings(arms, verdict, ranked),
            undrawn=max(0, len(ranked) - MAX_DRAWN),
            strip=watch_strip(stopped_replicas(watch, verdict.stops if verdict else None)),
            row_height=ROW,
            intervals=interval_axis(verdict.metrics) if verdict and verdict.metrics else None,
            policy=page.policy,
            style=Markup(page.style),  # noqa: S704 - our own files
            script=Markup(page.script),  # noqa: S704 - our own files
            data=embed(data),
            version=__version__,
        )
    )


def embed(document: Any) -> Markup:
    """Strict JSON that can stand inside a script element, its texts printable."""
    text = json.dumps(_clean(document), separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return Markup(text.translate(HIDDEN))  # noqa: S704 - just made harmless


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _clean(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return one_line(value, LONG) if isinstance(value, str) else value


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("socklat_gate.report"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(marked=_marked, sentence=_sentence)
    return environment


def _printable(value: object) -> object:
    """Text without control and bidirectional characters, bounded; escaped afterwards."""
    return value if isinstance(value, Markup) else one_line(str(value), LONG)


def _marked(text: str, requests: Collection[str]) -> Sentence:
    return marked(one_line(text, LONG), requests)


def _sentence(sentence: Sentence) -> Markup:
    """Identifiers as code."""
    shown = Markup("")
    for part in sentence:
        cleaned = one_line(part, LONG)
        if isinstance(part, Name):
            shown += Markup("<code>{}</code>").format(cleaned)
        else:
            before = " " if part.startswith(" ") else ""
            after = " " if part.endswith(" ") else ""
            shown += before + cleaned + after
    return shown
