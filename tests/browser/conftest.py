"""A headless browser and pages in it that may ask for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from socklat_gate.documents.files import read_result
from socklat_gate.measured.result import Result
from tests.browser.browsers import browser_path
from tests.unit.report.rendered import render_html

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_MS = 120_000  # other tests take the CPUs away


@dataclass
class Opened:
    """A page and everything it said or asked for that it should not have."""

    page: Page
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


Open = Callable[..., Opened]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = browser_path()
    assert path is not None
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path)
        yield running
        running.close()


@pytest.fixture(scope="session")
def example() -> Result:
    return read_result(ROOT / "docs" / "examples" / "result.json")


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens the page of a result from its file; options are the browser context's."""
    contexts: list[Any] = []

    def open_(result: Result, **options: Any) -> Opened:
        path = tmp_path / f"report-{len(contexts)}.html"
        path.write_text(render_html(result), encoding="utf-8")
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        found = Opened(context.new_page())

        def refuse(route: Any) -> None:
            if route.request.url == path.as_uri():
                route.continue_()
            else:
                found.requests.append(route.request.url)
                route.abort()

        context.route("**/*", refuse)
        found.page.on("console", lambda message: found.messages.append(message.text))
        found.page.on("pageerror", lambda error: found.messages.append(str(error)))
        found.page.goto(path.as_uri())
        return found

    yield open_
    for context in contexts:
        context.close()
