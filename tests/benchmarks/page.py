"""How large the HTML report is, how long it takes to make, and how fast a browser opens it.

Run it with ``sudo ci/bench page``; it prints the page that is committed as docs/lab/page.md, and
takes the picture of the example that the README shows.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from socklat_gate.documents.files import read_result
from socklat_gate.measured.result import Result
from tests.benchmarks.examples import FILES, RESULT
from tests.browser.browsers import browser_path
from tests.unit.report.rendered import render_html

OPENED = 9
PICTURE = RESULT.with_name("report.png")
TIMES = """() => {
  const [page] = performance.getEntriesByType("navigation");
  return [page.domContentLoadedEventEnd, page.loadEventEnd];
}"""


def scenes() -> dict[str, Result]:
    """The example as it is, and drawn out to as many pairs as a job may have."""
    example = read_result(RESULT)

    def of(count: int) -> Result:
        pairs = example.pairs
        more = tuple(replace(pairs[i % len(pairs)], index=i) for i in range(count))
        return replace(example, pairs=more)

    return {"9 pairs (docs/examples)": example, "40 pairs": of(40), "100 pairs": of(100)}


def opened_ms(browser: Browser, path: Path) -> tuple[float, float]:
    """Medians from navigation to the end of DOMContentLoaded and of the load event."""
    found = []
    for _ in range(OPENED):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.goto(path.as_uri())
        found.append(page.evaluate(TIMES))
        context.close()
    ready, loaded = zip(*found, strict=True)
    return median(ready), median(loaded)


def take_picture(browser: Browser) -> None:
    """The top of the example, with the pointer on p99."""
    context = browser.new_context(viewport={"width": 1200, "height": 1720}, color_scheme="light")
    page = context.new_page()
    page.goto(FILES["html"].as_uri())
    page.locator("#curves .u-over").hover()
    page.screenshot(path=PICTURE)
    context.close()


def main() -> None:
    """Print the table."""
    executable = browser_path()
    assert executable is not None, "no browser is installed"
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as place:
        browser = playwright.chromium.launch(executable_path=executable)
        print("# The HTML report: size and speed\n")
        print(f"Written by `ci/bench page`: headless {browser.browser_type.name}", end=" ")
        print(f"{browser.version}, from a file, medians of {OPENED}.\n")
        print("| result | size | made in | DOM ready | load event |\n|:--|--:|--:|--:|--:|")
        for name, result in scenes().items():
            started_s = time.process_time()
            text = render_html(result)
            took_ms = 1e3 * (time.process_time() - started_s)
            path = Path(place) / "report.html"
            path.write_text(text, encoding="utf-8")
            ready_ms, loaded_ms = opened_ms(browser, path)
            size = len(text.encode("utf-8")) / 1e3
            times = " | ".join(f"{ms:.0f} ms" for ms in (took_ms, ready_ms, loaded_ms))
            print(f"| {name} | {size:.0f} kB | {times} |")
        take_picture(browser)
        browser.close()


if __name__ == "__main__":
    main()
