"""500 hostile texts in every field of a result: nothing in any report is an outsider's but text."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterator
from dataclasses import fields, replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import html5lib
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from socklat_gate.measured.result import Result
from socklat_gate.report.formats.html.page import render_html
from socklat_gate.report.formats.junit import render_junit
from socklat_gate.report.formats.openmetrics import render_openmetrics
from socklat_gate.wording.markdown_escape import one_line
from tests.unit.report.poison import full_result, hostile_texts, poisoned

HOSTILE = hostile_texts()
BATCH = 25
BATCHES = range(len(HOSTILE) // BATCH)
HARMLESS = "word"
FORBIDDEN = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


class Shape(HTMLParser):
    """Elements with the names of their attributes, in order, and every address."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []
        self.addresses: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *(name for name, _ in attrs)))
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}",))
        self._inside = ""

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", data))

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append(data)


def shape_of(page: str) -> Shape:
    shape = Shape()
    shape.feed(page)
    shape.close()
    return shape


def blank(text: str) -> bool:
    """Nothing of it can be shown, so that parts which hold only text are left out."""
    return not one_line(text, 600)


def batch(number: int) -> Iterator[tuple[str, Result]]:
    for text in HOSTILE[BATCH * number : BATCH * (number + 1)]:
        yield text, poisoned(full_result(), text)


def unprintable(report: str) -> set[str]:
    return {
        character
        for character in set(report) - {"\n", "\t"}
        if unicodedata.category(character) in FORBIDDEN
        or unicodedata.bidirectional(character) in BIDI
    }


@pytest.fixture(scope="module")
def reference() -> Shape:
    return shape_of(render_html(poisoned(full_result(), HARMLESS)))


def test_there_are_500_and_every_text_is_reached() -> None:
    assert len(HOSTILE) == len(set(HOSTILE)) == 500
    marker = "reached"
    for kind in ("gate", "run"):
        document = str(poisoned(full_result(kind), marker))
        for left in ("172.18.0.1", "example/service", "checkout", "6.1.0-18", "noisy", "tracker"):
            assert left not in document
        assert document.count(marker) > 40


@pytest.mark.parametrize("number", BATCHES)
def test_the_page_keeps_its_shape(number: int, reference: Shape) -> None:
    for text, result in batch(number):
        page = render_html(result)
        shape = shape_of(page)
        assert shape.found == reference.found or blank(text), repr(text)[:80]
        assert shape.addresses == ["#main"]
        data, script = shape.scripts
        assert script == reference.scripts[1]
        assert json.loads(data)["curves"]["arms"] == ["baseline", "candidate"]
        assert unprintable(page) == set()


def test_a_browsers_parser_agrees(reference: Shape) -> None:
    assert reference.found
    wanted = None
    for text in [HARMLESS, *HOSTILE[:70:10], *HOSTILE[70::40]]:
        parser = html5lib.HTMLParser(namespaceHTMLElements=False)
        tree = parser.parse(render_html(poisoned(full_result(), text)))
        found = [(str(one.tag), sorted(one.attrib)) for one in tree.iter()]
        wanted = wanted or found
        assert found == wanted or blank(text), repr(text)[:80]
        assert parser.errors == []


@pytest.mark.parametrize("number", range(3))
def test_names_of_stages_are_but_text_too(number: int) -> None:
    wanted = shape_of(render_html(poisoned(full_result(), HARMLESS, stages=True))).found
    for text in HOSTILE[BATCH * number : BATCH * (number + 1)]:
        page = render_html(poisoned(full_result(), text, stages=True))
        assert shape_of(page).found == wanted or blank(text), repr(text)[:80]


@pytest.mark.parametrize("number", BATCHES)
def test_junit_is_xml_with_the_same_cases(number: int) -> None:
    wanted = xml_shape(render_junit(poisoned(full_result(), HARMLESS)))
    for text, result in batch(number):
        report = render_junit(result)
        assert xml_shape(report) == wanted or blank(text), repr(text)[:80]
        assert unprintable(report) - {"\u2060"} == set()


def xml_shape(report: str) -> list[tuple[str, tuple[str, ...]]]:
    tree = ElementTree.fromstring(report.encode("utf-8"))
    return [(one.tag, tuple(sorted(one.attrib))) for one in tree.iter()]


@pytest.mark.parametrize("number", BATCHES)
def test_openmetrics_has_the_same_samples(number: int) -> None:
    wanted = samples(render_openmetrics(poisoned(full_result(), HARMLESS)))
    for text, result in batch(number):
        report = render_openmetrics(result)
        assert samples(report) == wanted or not text, repr(text)[:80]
        assert unprintable(report) == set()


def samples(report: str) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (sample.name, tuple(sorted(sample.labels)))
        for family in text_string_to_metric_families(report)
        for sample in family.samples
    ]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 0.0, -1.0, -7.5, 1e-300, 1e300])
def test_numbers_without_sense_do_no_harm(number: float) -> None:
    result = full_result()
    assert result.verdict is not None
    verdict = replace(
        _with_floats(result.verdict, number),
        metrics=tuple(_with_floats(one, number) for one in result.verdict.metrics),
        attribution=tuple(
            replace(
                _with_floats(part, number),
                shares=tuple(_with_floats(share, number) for share in part.shares),
            )
            for part in result.verdict.attribution
        ),
        spikes=_with_floats(result.verdict.spikes, number),
    )
    pairs = tuple(replace(p, noise=_with_floats(p.noise, number)) for p in result.pairs)
    odd = replace(result, verdict=verdict, pairs=pairs, duration_s=number)
    assert html5lib.parse(render_html(odd)) is not None
    xml_shape(render_junit(odd))
    assert samples(render_openmetrics(odd))


def _with_floats(value: Any, number: float) -> Any:
    """All floats replaced but quantiles, which name what was measured."""
    found = {
        f.name: number
        for f in fields(value)
        if isinstance(getattr(value, f.name), float) and f.name != "quantile"
    }
    return replace(value, **found)
