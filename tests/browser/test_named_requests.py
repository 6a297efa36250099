"""The page of a load with named requests: one is chosen, drawn, read; on every width and scheme."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from socklat_gate.measured.result import Result
from tests.browser.conftest import Open
from tests.browser.test_report_page import DESK, PHONE, RULES, painted, said, silent
from tests.unit.named_results import MANY, make_named_result
from tests.unit.report.test_request_formats import traced

pytestmark = [pytest.mark.browser, pytest.mark.beside]


@pytest.fixture(scope="module")
def many() -> Result:
    return traced(make_named_result(MANY))


def test_a_request_s_curves_can_be_chosen_and_read(opened: Open, many: Result) -> None:
    found = opened(many, viewport=DESK)
    page = found.page
    page.locator("#curves").focus()
    page.keyboard.press("End")
    whole = said(page, "curve")
    page.select_option("#curve-stage", label="app")
    page.select_option("#curve-request", label="checkout")
    assert page.locator("#curve-caption").text_content() == "app of checkout, corrected"
    assert page.locator("input[value=raw]").is_disabled()
    page.locator("#curves").focus()
    page.keyboard.press("End")
    assert said(page, "curve") != whole
    assert "(runs " in said(page, "curve")
    assert painted(page, "curves") > 10
    page.select_option("#curve-request", label="v2.item-03")
    page.locator("#curves").focus()
    page.keyboard.press("Home")
    assert "(runs " not in said(page, "curve")
    assert painted(page, "curves") > 10
    silent(found)


def test_a_stage_that_the_request_lacks_gives_way_to_its_first(opened: Open, many: Result) -> None:
    found = opened(many, viewport=DESK)
    page = found.page
    page.select_option("#curve-stage", label="service")
    page.select_option("#curve-request", label="checkout")
    assert page.locator("#curve-caption").text_content() == "response of checkout, corrected"
    page.select_option("#curve-request", label="all")
    assert page.locator("#curve-caption").text_content() == "response, corrected"
    assert page.locator("#curve-stage option").count() == 5
    silent(found)


def test_the_waterfall_is_that_of_the_request_that_is_chosen(opened: Open, many: Result) -> None:
    found = opened(many, viewport=DESK)
    page = found.page
    parts = page.locator(".of-request")
    assert [parts.nth(at).is_visible() for at in range(3)] == [True, False, False]
    page.select_option("#time-request", label="checkout")
    assert not parts.first.is_visible()
    assert page.locator("table.waterfall").filter(visible=True).count() == 2
    assert page.locator("table.attribution").filter(visible=True).count() == 1
    page.select_option("#time-request", label="v2.item-00")
    assert page.locator("table.waterfall").filter(visible=True).count() == 2
    assert page.locator("table.attribution").filter(visible=True).count() == 0
    page.select_option("#time-request", label="all")
    assert parts.first.is_visible()
    silent(found)


def test_the_evidence_of_all_together_has_one_curve(opened: Open, many: Result) -> None:
    found = opened(many, viewport=DESK)
    page = found.page
    page.locator("#evidence").focus()
    page.keyboard.press("End")
    assert said(page, "evidence") == "after pair 2: 410 to fail, threshold 100"
    page.select_option("#evidence-metric", label="response_p99[checkout]")
    page.locator("#evidence").focus()
    page.keyboard.press("Home")
    assert "to pass, threshold 20" in said(page, "evidence")
    silent(found)


def test_keys_reach_the_selects(opened: Open, many: Result) -> None:
    page = opened(many, viewport=DESK).page
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"curve-request", "curve-stage", "time-request"} <= reached


@pytest.mark.parametrize(
    ("scheme", "viewport"),
    [
        # The same page with less in it is looked at so in test_report_page.py.
        pytest.param("light", DESK, id="desk-light", marks=pytest.mark.slow),
        pytest.param("dark", PHONE, id="phone-dark"),
        pytest.param("dark", DESK, id="desk-dark", marks=pytest.mark.slow),
        pytest.param("light", PHONE, id="phone-light", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing(opened: Open, many: Result, scheme: str, viewport: Any) -> None:
    page = opened(many, viewport=viewport, color_scheme=scheme).page
    page.select_option("#time-request", label="checkout")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}})
    wrong = [
        (one["id"], one["help"], one["nodes"][0]["target"]) for one in found.response["violations"]
    ]
    assert wrong == []


def test_nothing_is_wider_than_a_phone(opened: Open, many: Result) -> None:
    page = opened(many, viewport=PHONE).page
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_without_scripts_every_request_can_be_unfolded(opened: Open, many: Result) -> None:
    page = opened(many, viewport=DESK, java_script_enabled=False).page
    folded = page.locator("details.of-request")
    assert folded.count() == len(MANY)
    folded.first.locator("summary").click()
    assert folded.first.locator("table.waterfall").first.is_visible()
    assert page.locator("#time-controls").is_hidden()
