"""500 hostile texts in every field of a result: nothing in any report is an outsider's but text."""

from __future__ import annotations

import json
import math
import unicodedata
from dataclasses import fields, replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import html5lib
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from socklat_gate.measured.result import Result
from socklat_gate.wording.markdown_escape import one_line
from tests.unit.hostile_texts import HOSTILE, PACK, PACKS, batches
from tests.unit.poisoned import full_result, poisoned
from tests.unit.report.rendered import render_html, render_junit, render_openmetrics

BATCH = 25
# A browser's parser is slow, so it sees some; it would agree about the others.
PARSED = {*((text,) for text in (*HOSTILE[:70:10], *HOSTILE[70::40])), *PACKS[::4]}
HARMLESS = tuple(f"word{number}" for number in range(PACK))
FORBIDDEN = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
Elements = list[tuple[str, list[str]]]
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


def blank(texts: tuple[str, ...]) -> bool:
    """Nothing of one can be shown, so that parts which hold only text are left out."""
    return not all(one_line(text, 600) for text in texts)


def harmless(texts: tuple[str, ...]) -> Result:
    """What `poisoned` makes of these, with words in their place."""
    return poisoned(full_result(), *HARMLESS[: len(texts)])


def unprintable(report: str) -> set[str]:
    return {
        character
        for character in set(report) - {"\n", "\t"}
        if unicodedata.category(character) in FORBIDDEN
        or unicodedata.bidirectional(character) in BIDI
    }


def shown(texts: tuple[str, ...]) -> str:
    """Which they are, for a failure."""
    return " ".join(repr(text)[:80] for text in texts)


def test_there_are_500_and_every_text_is_reached() -> None:
    assert len(HOSTILE) == len(set(HOSTILE)) == 500
    marker = "reached"
    for kind in ("gate", "run"):
        document = str(poisoned(full_result(kind), marker))
        for left in ("172.18.0.1", "example/service", "checkout", "6.1.0-18", "noisy", "tracker"):
            assert left not in document
        assert document.count(marker) > 40


def browsers_elements(page: str) -> Elements:
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree = parser.parse(page)
    assert parser.errors == []
    return [(str(one.tag), sorted(one.attrib)) for one in tree.iter()]


@batches(BATCH)
def test_the_page_keeps_its_shape(batch: list[tuple[str, ...]]) -> None:
    expected = render_html(harmless(batch[0]))
    reference, reference_tree = shape_of(expected), browsers_elements(expected)
    for texts in batch:
        page = render_html(poisoned(full_result(), *texts))
        shape = shape_of(page)
        assert shape.found == reference.found or blank(texts), shown(texts)
        assert shape.addresses == ["#main"]
        data, script = shape.scripts
        assert script == reference.scripts[1]
        assert json.loads(data)["curves"]["arms"] == ["baseline", "candidate"]
        assert unprintable(page) == set()
        if texts in PARSED:
            assert browsers_elements(page) == reference_tree or blank(texts), shown(texts)


@pytest.mark.parametrize("start", range(0, 75, BATCH))
def test_names_of_stages_are_but_text_too(start: int) -> None:
    wanted = shape_of(render_html(poisoned(full_result(), HARMLESS[0], kept={""}))).found
    for text in HOSTILE[start : start + BATCH]:
        page = render_html(poisoned(full_result(), text, kept={""}))
        assert shape_of(page).found == wanted or blank((text,)), repr(text)[:80]


@batches(BATCH)
def test_junit_is_xml_with_the_same_cases(batch: list[tuple[str, ...]]) -> None:
    wanted = xml_shape(render_junit(harmless(batch[0])))
    for texts in batch:
        report = render_junit(poisoned(full_result(), *texts))
        assert xml_shape(report) == wanted or blank(texts), shown(texts)
        assert unprintable(report) - {"\u2060"} == set()


def xml_shape(report: str) -> list[tuple[str, tuple[str, ...]]]:
    tree = ElementTree.fromstring(report.encode("utf-8"))
    return [(one.tag, tuple(sorted(one.attrib))) for one in tree.iter()]


@batches(BATCH)
def test_openmetrics_has_the_same_samples(batch: list[tuple[str, ...]]) -> None:
    wanted = samples(render_openmetrics(harmless(batch[0])))
    for texts in batch:
        report = render_openmetrics(poisoned(full_result(), *texts))
        # Texts that are shown as the same one are no longer two labels.
        alike = len(texts) > 1 and blank(texts)
        assert samples(report) == wanted or not all(texts) or alike, shown(texts)
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
        stops=_with_floats(result.verdict.stops, number),
        growth=tuple(_with_floats(one, number) for one in result.verdict.growth),
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
