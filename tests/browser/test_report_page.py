"""The HTML report as people meet it: drawn, read by pointer and keys, zoomed, switched, printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from socklat_gate.measured.result import Result
from socklat_gate.measured.verdict import Outcome
from tests.browser.conftest import Open, Opened
from tests.unit.factories import make_result
from tests.unit.hostile_texts import HOSTILE
from tests.unit.poisoned import full_result, poisoned

pytestmark = [pytest.mark.browser, pytest.mark.beside]

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def silent(opened: Opened) -> None:
    assert opened.messages == []
    assert opened.requests == []


def said(page: Any, name: str) -> str:
    return str(page.locator(f"#{name}-reading").inner_text())


def painted(page: Any, place: str) -> int:
    """How many different colours the plot's canvas has."""
    script = """(place) => {
      const canvas = document.querySelector(`#${place} canvas`);
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    }"""
    return int(page.evaluate(script, place))


def range_of(page: Any) -> tuple[float, float]:
    low, high = page.evaluate(
        "[socklat.curves.chart.scales.x.min, socklat.curves.chart.scales.x.max]"
    )
    return float(low), float(high)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_draws_without_a_word_or_a_request(opened: Open, example: Result, scheme: str) -> None:
    found = opened(example, viewport=DESK, color_scheme=scheme)
    for place in ("curves", "evidence"):
        found.page.locator(f"#{place} canvas").wait_for()
        assert painted(found.page, place) > 10
    assert found.page.locator(".cells path").count() > 20
    assert found.page.locator("main [hidden], header [hidden]").count() == 0
    silent(found)


# A run has no outcome.
@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("run", Outcome.PASS), *((kind, one) for kind in ("gate", "compare") for one in Outcome)],
)
def test_no_kind_or_outcome_makes_its_script_fail(
    opened: Open, kind: Any, outcome: Outcome
) -> None:
    found = opened(make_result(kind, outcome))
    found.page.wait_for_load_state("load")
    silent(found)


def test_the_pointer_reads_both_arms_and_their_ratio(opened: Open, example: Result) -> None:
    found = opened(example, viewport=DESK)
    found.page.locator("#curves .u-over").hover()
    reading = said(found.page, "curve")
    assert re.match(r"p[\d.]+, 1 in [\d,.]+: baseline .+ candidate .+; ratio [\d.]+$", reading)
    found.page.select_option("#evidence-metric", label=example.verdict.metrics[0].name)
    found.page.locator("#evidence .u-over").hover()
    threshold = round(example.verdict.metrics[0].threshold_fail)
    assert re.search(
        rf"after pair \d.* to fail, threshold {threshold}; .* to pass, threshold 20",
        said(found.page, "evidence"),
    )
    found.page.locator(".panel[data-arm='1'] .field").hover()
    assert said(found.page, "heat").startswith("candidate, run ")
    silent(found)


def test_a_mark_under_the_pointer_tells_of_its_exchange(opened: Open, example: Result) -> None:
    found = opened(example, viewport=DESK)
    mark = found.page.locator(".panel[data-arm='1'] circle.spike").first
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    found.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    spike = r"slow exchange of [\d.]+ ms at [\d.]+ s, most of it in (recv_wait|app)"
    assert re.search(spike, said(found.page, "heat"))


def test_dragging_zooms_and_a_double_click_shows_all(opened: Open, example: Result) -> None:
    found = opened(example, viewport=DESK)
    over = found.page.locator("#curves .u-over")
    over.scroll_into_view_if_needed()
    box, whole = over.bounding_box(), range_of(found.page)
    middle = box["y"] + box["height"] / 2
    found.page.mouse.move(box["x"] + 0.4 * box["width"], middle)
    found.page.mouse.down()
    found.page.mouse.move(box["x"] + 0.6 * box["width"], middle, steps=5)
    found.page.mouse.up()
    low, high = range_of(found.page)
    assert high - low == pytest.approx(0.2 * (whole[1] - whole[0]), rel=0.1)
    over.dblclick()
    assert range_of(found.page) == pytest.approx(whole)
    silent(found)


def test_keys_do_what_the_pointer_does(opened: Open, example: Result) -> None:
    found = opened(example, viewport=DESK)
    page = found.page
    page.locator("#curves").focus()
    page.keyboard.press("End")
    last = said(page, "curve")
    page.keyboard.press("Home")
    assert said(page, "curve").startswith("quickest: ")
    assert said(page, "curve") != last
    page.keyboard.press("ArrowRight")
    assert said(page, "curve").startswith("p10.9: ")
    whole = range_of(page)
    page.keyboard.press("+")
    assert range_of(page)[1] < whole[1]
    page.keyboard.press("-")
    page.keyboard.press("0")
    assert range_of(page) == pytest.approx(whole)
    page.locator("#heat").focus()
    page.keyboard.press("ArrowRight")
    assert said(page, "heat").startswith("baseline, run 0, ")
    page.keyboard.press("End")
    assert said(page, "heat").startswith("baseline, run 8, ")
    page.locator("#evidence").focus()
    page.keyboard.press("End")
    assert said(page, "evidence").startswith("after pair 8")
    silent(found)


def test_tab_reaches_everything_that_can_be_used(opened: Open, example: Result) -> None:
    page = opened(example, viewport=DESK).page
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.name"))
    assert {
        "theme",
        "curve-stage",
        "numbers",
        "curves",
        "heat",
        "evidence-metric",
        "evidence",
    } <= reached


def test_stage_and_numbers_can_be_chosen(opened: Open, example: Result) -> None:
    found = opened(example, viewport=DESK)
    page = found.page
    before = page.locator("#curve-table").text_content()
    page.select_option("#curve-stage", label="app")
    assert page.locator("#curve-caption").text_content() == "app, corrected"
    page.check("input[value=raw]")
    assert page.locator("#curve-caption").text_content() == "app, raw"
    assert page.locator("#curve-table").text_content() != before
    page.select_option("#curve-stage", label="accept_wait")
    assert page.locator("input[value=corrected]").is_disabled()
    page.select_option("#evidence-metric", label=example.verdict.metrics[1].name)
    silent(found)


def test_the_switch_overrules_the_system(opened: Open, example: Result) -> None:
    page = opened(example, viewport=DESK, color_scheme="light").page
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.check("input[value=dark]")
    assert page.evaluate(colour) != light
    page.check("input[value=auto]")
    assert page.evaluate(colour) == light
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(colour) != light


# All rules on thousands of marks take axe seconds: each scheme and each width once, and all crosses
# where slow tests run.
@pytest.mark.parametrize(
    ("scheme", "viewport"),
    [
        pytest.param("light", DESK, id="desk-light"),
        pytest.param("dark", PHONE, id="phone-dark"),
        pytest.param("dark", DESK, id="desk-dark", marks=pytest.mark.slow),
        pytest.param("light", PHONE, id="phone-light", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing(opened: Open, example: Result, scheme: str, viewport: Any) -> None:
    page = opened(example, viewport=viewport, color_scheme=scheme).page
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}})
    wrong = [
        (one["id"], one["help"], one["nodes"][0]["target"]) for one in found.response["violations"]
    ]
    assert wrong == []


@pytest.mark.parametrize("name", ["", "x" * 300])
def test_nothing_is_wider_than_a_phone(opened: Open, example: Result, name: str) -> None:
    page = opened(poisoned(full_result(), name) if name else example, viewport=PHONE).page
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_it_prints_in_light_colours_with_everything_unfolded(
    opened: Open, example: Result, tmp_path: Path
) -> None:
    found = opened(example, viewport=DESK, color_scheme="dark")
    found.page.pdf(path=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    found.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    found.page.emulate_media(media="print", color_scheme="dark")
    assert found.page.evaluate("document.documentElement.dataset.theme") == "light"
    assert found.page.locator("details:not([open])").count() == 0
    assert not found.page.locator("#curve-controls").is_visible()
    found.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert found.page.evaluate("document.documentElement.dataset.theme") == "auto"
    silent(found)


def test_without_scripts_the_numbers_are_there(opened: Open, example: Result) -> None:
    found = opened(example, viewport=DESK, java_script_enabled=False)
    assert found.page.locator("#heat .cells path").count() > 20
    assert found.page.locator("#curve-controls").is_hidden()
    found.page.locator("details:has(#curve-table) summary").click()
    assert found.page.locator("#curve-table").is_visible()


@pytest.mark.parametrize("number", range(5))
def test_hostile_texts_run_nothing_and_ask_for_nothing(opened: Open, number: int) -> None:
    text = "\n".join(one for one in HOSTILE[number:240:5] if len(one) < 400)
    found = opened(poisoned(full_result(), text))
    found.page.on("dialog", lambda dialog: found.messages.append(dialog.message))
    for name in ("curve-stage", "evidence-metric"):
        found.page.select_option(f"#{name}", index=0)
    assert found.page.locator("a").count() == 1
    silent(found)
