"""Writes the example of every report, and the published schemas, from one stored result.

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
    "openmetrics": DOCS / "examples" / "metrics.txt",
}


def wanted() -> Iterator[tuple[Path, str]]:
    """Every file with what it has to hold."""
    report = report_of(read_result(RESULT))
    for form, path in FILES.items():
        yield path, FORMATS[form].render(report)
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
