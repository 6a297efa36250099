"""The watch in the HTML report: strips, marks and the table, for everybody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from socklat_gate.measured.verdict import Outcome
from tests.browser.conftest import Open
from tests.browser.test_report_page import DESK, PHONE, RULES, silent
from tests.unit.watches import Ages, make_growth, make_stops, make_watch, watched_result

pytestmark = [pytest.mark.browser, pytest.mark.beside]

AGES: Ages = {
    ("candidate", 0): (20.1, 40.2),
    ("candidate", 3): (30.0,),
    ("baseline", 3): (30.0,),
}
STOPPED = replace(
    watched_result(
        Outcome.REGRESSION, make_stops(failed=True, candidate=5), make_growth(failed=True)
    ),
    watch=make_watch(AGES, replicas=16),
)
SECTION = "section[aria-labelledby=h-watch]"


def test_a_strip_is_drawn_for_each_replica(opened: Open) -> None:
    found = opened(STOPPED, viewport=DESK)
    lives = found.page.locator(f"{SECTION} .fleet .panel:not(.numbers) .lives")
    assert lives.count() == 2
    assert found.page.locator(f"{SECTION} .fleet .stop").count() == 4
    assert found.page.locator(f"{SECTION} .fleet .stop.both").count() == 2
    first = found.page.locator(f"{SECTION} .fleet .stop:not(.both)").first
    box, field = first.bounding_box(), lives.last.bounding_box()
    assert box is not None
    assert field is not None
    along = (box["x"] - field["x"]) / field["width"]
    assert along == pytest.approx(20.1 / 60, abs=0.01)
    silent(found)


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESK), ("dark", PHONE)])
def test_axe_finds_nothing_in_the_watch(opened: Open, scheme: str, viewport: Any) -> None:
    page = opened(STOPPED, viewport=viewport, color_scheme=scheme).page
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    options = {"runOnly": {"type": "tag", "values": RULES}}
    found = Axe().run(page, context=SECTION, options=options)
    wrong = [(one["id"], one["nodes"][0]["target"]) for one in found.response["violations"]]
    assert wrong == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
