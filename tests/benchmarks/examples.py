"""Writes the examples of every report, from stored results, and the published schemas.

Beside the one that the documentation describes there may be more: a directory each below
``docs/examples`` that has a ``result.json``.

Run it with ``ci/bench examples`` after a report or a schema has changed;
``tests/unit/test_examples.py`` fails until that is done.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from socklat_gate.commands.schema import SCHEMAS
from socklat_gate.documents.files import read_result
from socklat_gate.report.formats.registry import FORMATS
from socklat_gate.report.report import report_of

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
RESULT = DOCS / "examples" / "result.json"
FILES = {
    "markdown": DOCS / "examples" / "report.md",
    "html": DOCS / "examples" / "report.html",
    "json": DOCS / "examples" / "verdict.json",
    "junit": DOCS / "examples" / "junit.xml",
    "prometheus": DOCS / "examples" / "metrics.txt",
    "openmetrics": DOCS / "examples" / "openmetrics.txt",
}


def results() -> list[Path]:
    """The stored result that is described, then the others."""
    return [RESULT, *sorted(RESULT.parent.glob(f"*/{RESULT.name}"))]


def wanted() -> Iterator[tuple[Path, str]]:
    """Every file with what it has to hold."""
    for result in results():
        report = report_of(read_result(result))
        for form, path in FILES.items():
            yield result.parent / path.name, FORMATS[form].render(report)
    for name, schema in SCHEMAS.items():
        text = json.dumps(schema(), indent=2, allow_nan=False)
        yield DOCS / "schema" / f"{name}.schema.json", f"{text}\n"


def main() -> None:
    """Write what has changed, and say so."""
    for path, text in wanted():
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
