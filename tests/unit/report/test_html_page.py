"""The page by a browser's rules of parsing: structure, names for screen readers, no outsider."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import html5lib
import pytest

from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.formats.html.assets import assets
from socklat_gate.report.formats.html.page import embed
from tests.unit.factories import make_campaign, make_pair, make_result, with_correction
from tests.unit.poisoned import full_result
from tests.unit.report.rendered import render_html

MEGABYTE = 1_000_000
KINDS = [
    *(("gate", outcome) for outcome in Outcome),
    *(("compare", outcome) for outcome in (Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE)),
    ("run", Outcome.PASS),
]
HEADINGS = {"h1", "h2", "h3", "h4"}


def parsed(page: str) -> Any:
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree = parser.parse(page)
    assert parser.errors == []
    return tree


def text_of(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def every(tree: Any, *tags: str) -> Iterator[Any]:
    return (one for one in tree.iter() if one.tag in tags)


@pytest.mark.parametrize(("kind", "outcome"), KINDS)
def test_every_kind_and_outcome_is_whole(kind: Any, outcome: Outcome) -> None:
    tree = parsed(render_html(make_result(kind, outcome)))
    word = "MEASURED" if kind == "run" else outcome.value.replace("_", " ").upper()
    (title,) = every(tree, "h1")
    assert word in text_of(title)
    assert word in text_of(next(every(tree, "title")))
    assert "What to do next" in text_of(tree)
    shown = text_of(next(every(tree, "main")))
    assert not re.search(r"\b(?:nan|None|inf|Undefined|undefined)\b", shown)


@pytest.mark.parametrize("kind", ["gate", "run"])
def test_it_can_be_read_without_seeing_it(kind: Any) -> None:
    tree = parsed(render_html(full_result(kind)))
    assert next(every(tree, "html")).get("lang") == "en"
    ids = Counter(one.get("id") for one in tree.iter() if one.get("id"))
    assert max(ids.values()) == 1
    for one in tree.iter():
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert set(one.get(name, "").split()) <= set(ids)
    for table in every(tree, "table"):
        assert text_of(next(every(table, "caption")))
        assert all(head.get("scope") for head in every(table, "th"))
    levels = [int(one.tag[1]) for one in every(tree, *HEADINGS)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for section in every(tree, "section"):
        assert section.get("aria-labelledby")
    hidden = [one for one in tree.iter() if one.get("aria-hidden") == "true"]
    for drawing in every(tree, "svg"):
        assert any(_within(one, drawing) for one in hidden)
    for control in every(tree, "input", "select"):
        assert any(_within(label, control) for label in every(tree, "label"))


def _within(parent: Any, child: Any) -> bool:
    return any(one is child for one in parent.iter())


def test_nothing_is_fetched_and_only_our_own_runs() -> None:
    page = render_html(full_result())
    tree = parsed(page)
    for one in tree.iter():
        if not isinstance(one.tag, str):
            continue
        assert one.tag not in {"link", "img", "iframe", "object", "embed", "base", "audio", "video"}
        for name, value in one.attrib.items():
            assert not name.startswith("on")
            assert name not in {"style", "src", "srcset", "action", "formaction", "ping"}
            assert name != "href" or value == "#main"
    (policy,) = (m.get("content") for m in every(tree, "meta") if m.get("http-equiv"))
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    script = next(s for s in every(tree, "script") if s.get("type") is None)
    (style,) = every(tree, "style")
    for content in (script.text, style.text):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "Copyright (c) 2022 Leon Sorokin" in script.text
    assert not re.search(r"url\(|@import|https?://(?!github.com/leeoniya/uPlot)", style.text)
    # The one address in the scripts is in the comment that says whose the plot library is.
    assert set(re.findall(r"https?://[^\s)*]+", script.text)) == {
        "https://github.com/leeoniya/uPlot"
    }
    assert not re.search(r"\b(?:fetch|XMLHttpRequest|WebSocket|eval|importScripts)\(", script.text)


def test_what_the_script_reads_is_strict_json() -> None:
    tree = parsed(render_html(full_result()))
    (holder,) = (s for s in every(tree, "script") if s.get("type") == "application/json")

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    data = json.loads(holder.text, parse_constant=refuse)
    assert {"curves", "evidence", "heat"} == data.keys()
    assert [one["name"] for one in data["evidence"]["metrics"]] == [
        "all together",
        "response_p50",
        "cpu_per_request",
    ]
    assert len(data["heat"]["columns"]) == 2


def test_embedded_text_cannot_end_the_element() -> None:
    page = embed({"a": "</script><!--&\u2028", "b": [1.5, None, "\x00\u202e\ud800x"]})
    assert not set(page) & set("<>&\u2028")
    assert json.loads(page) == {"a": "</script><!--&", "b": [1.5, None, "x"]}
    with pytest.raises(ValueError, match="Out of range"):
        embed({"a": float("nan")})


def test_forty_pairs_stay_below_a_megabyte() -> None:
    spikes = make_pair().baseline.spikes * 200
    pairs = []
    for index in range(40):
        pair = with_correction(make_pair(index))
        runs = [replace(run, spikes=spikes) for run in (pair.baseline, pair.candidate)]
        pairs.append(replace(pair, index=index, baseline=runs[0], candidate=runs[1]))
    page = render_html(replace(make_result(), pairs=tuple(pairs)))
    assert len(page.encode("utf-8")) < MEGABYTE


def test_a_comparison_of_campaigns_shows_the_candidate() -> None:
    result = replace(make_result("compare", Outcome.PASS), campaign=make_campaign())
    tree = parsed(render_html(result))
    titles = [text_of(one) for one in every(tree, "h2")]
    assert titles == [
        "Metrics",
        "Percentile curves",
        "Latency over time",
        "Where the time went",
        "Rare spikes and slow exchanges",
        "Conditions",
        "Details",
    ]


def test_the_same_result_gives_the_same_page() -> None:
    assert render_html(full_result()) == render_html(full_result())
    assert assets() is assets()
