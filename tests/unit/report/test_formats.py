"""The registry of formats, and the places that repeat its list for readers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from socklat_gate.commands.gate import gate
from socklat_gate.report.formats.registry import FORMATS, report_files

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ["bcc", "docker", "jinja2", "junitparser", "prometheus_client", "scipy"]


def test_names_and_files_are_each_their_own() -> None:
    assert all(name == one.name for name, one in FORMATS.items())
    assert len(set(report_files())) == len(FORMATS) + 1


def test_the_page_of_formats_lists_them_all() -> None:
    page = (ROOT / "docs" / "reference" / "formats.md").read_text("utf-8")
    for one in FORMATS.values():
        assert f"| `{one.file}` | `{one.name}` |" in page
    for name in report_files():
        assert f"`{name}`" in page


def test_help_and_action_name_no_other_files() -> None:
    assert gate.help is not None
    named = set(re.findall(r"\b[a-z]+\.(?:json|md|html|xml|txt)\b", gate.help))
    assert named == set(report_files())
    action = (ROOT / "ci" / "action.yml").read_text("utf-8")
    paths = set(re.findall(r"Path of ([a-z]+\.[a-z]+)", action))
    assert paths
    assert paths <= set(report_files())


def test_nothing_is_loaded_for_a_format_that_was_not_asked_for() -> None:
    result = ROOT / "docs" / "examples" / "result.json"
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from socklat_gate.documents.files import read_result\n"
        "from socklat_gate.report.formats.registry import FORMATS\n"
        "from socklat_gate.report.report import report_of\n"
        f"report = report_of(read_result(Path({str(result)!r})))\n"
        "assert FORMATS['json'].render(report)\n"
        f"assert not [one for one in {HEAVY!r} if one in sys.modules]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
