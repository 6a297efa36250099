"""The markdown report: ``templates/report.md.j2``, and a template for every section."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import jinja2

from socklat_gate.report.report import Report
from socklat_gate.wording.markdown_escape import Md, code, md, one_line
from socklat_gate.wording.metric_names import marked
from socklat_gate.wording.section_titles import NOTES, TITLES
from socklat_gate.wording.sentence import Name, Sentence

__all__ = ["render"]

LONG = 600
FOLDED = {
    "spike_evidence",
    "watch_evidence",
    "other_requests",
    "other_metrics",
    "evidence",
    "capacity_rounds",
    "stages",
    "companions",
    "slowest",
    "network",
    "drops",
    "pairs",
    "replicas",
    "hooks",
    "fingerprint",
    "facts",
}
"""Sections that open when their title is clicked."""


def render(report: Report) -> str:
    """Report for a pull request or a terminal; the first line is the verdict in one sentence."""
    template = _environment().get_template("report.md.j2")
    return template.render(report=report, folded=FOLDED, titles=TITLES, notes=NOTES)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("socklat_gate.report"),
        undefined=jinja2.StrictUndefined,
        # HTML escaping is not enough for markdown: `finalize` escapes all that is not `Md`.
        autoescape=False,  # noqa: S701
        finalize=_escape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        code=code, long=_long, marked=_marked, sentence=_sentence, fenced=_fence
    )
    return environment


def _escape(value: object) -> Md:
    return value if isinstance(value, Md) else md(str(value))


def _long(text: str) -> Md:
    return md(text, LONG)


def _marked(text: str, requests: Collection[str]) -> Sentence:
    return marked(one_line(text, LONG), requests)


def _sentence(sentence: Sentence) -> Md:
    """Identifiers as code; the spaces around them belong to the text."""
    shown: list[str] = []
    for part in sentence:
        if isinstance(part, Name):
            shown.append(code(part))
            continue
        before = " " if part.startswith(" ") else ""
        after = " " if part.endswith(" ") else ""
        shown.append(before + md(part, LONG) + after)
    return Md("".join(shown).strip())


def _fence(block: str) -> Md:
    """Our own drawing as a code block; it never holds text from outside."""
    assert "`" not in block
    return Md(f"```text\n{block}\n```")
