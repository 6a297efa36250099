import json
import subprocess
import sys
from pathlib import Path

import pytest

from socklat_gate.documents.files import read_result
from socklat_gate.errors import Exit, Reason, UsageError
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.formats.registry import FORMATS, report_files
from socklat_gate.report.report import report_of
from socklat_gate.report.writer import check_writable, write_reports
from tests.unit.factories import make_result


def refused(out_dir, match):
    with pytest.raises(UsageError, match=match) as caught:
        check_writable(out_dir)
    assert caught.value.reason is Reason.OUTPUT_NOT_WRITABLE
    assert caught.value.exit_code is Exit.USAGE
    assert caught.value.remedy


FILES = [
    "junit.xml",
    "metrics.txt",
    "openmetrics.txt",
    "report.html",
    "report.md",
    "result.json",
    "verdict.json",
]


def test_all_files_are_written_and_agree(tmp_path):
    out = tmp_path / "a" / "b"
    report = write_reports(make_result(), out)
    assert report.head == report_of(make_result()).head
    assert sorted(p.name for p in out.iterdir()) == FILES
    assert json.loads((out / "verdict.json").read_text())["verdict"] == "regression"
    assert read_result(out / "result.json").verdict == make_result().verdict
    for one in FORMATS.values():
        assert (out / one.file).read_text("utf-8") == one.render(report)
    assert sorted(report_files()) == FILES


def test_a_defect_in_a_report_costs_no_measurement(tmp_path, monkeypatch):
    write_reports(make_result("gate", Outcome.PASS), tmp_path)

    def defect(report):
        raise ZeroDivisionError

    monkeypatch.setattr("socklat_gate.report.formats.html.page.render", defect)
    with pytest.raises(ZeroDivisionError):
        write_reports(make_result(), tmp_path)
    assert read_result(tmp_path / "result.json").verdict == make_result().verdict
    assert not (tmp_path / "verdict.json").exists()


def test_an_earlier_verdict_does_not_stay(tmp_path):
    write_reports(make_result("gate", Outcome.PASS), tmp_path)
    write_reports(make_result("gate", Outcome.INVALID), tmp_path)
    assert json.loads((tmp_path / "verdict.json").read_text())["verdict"] == "invalid"
    assert "**INVALID**" in (tmp_path / "report.md").read_text("utf-8")
    assert sorted(p.name for p in tmp_path.iterdir()) == FILES


def test_checking_creates_the_directory_and_leaves_nothing_in_it(tmp_path):
    check_writable(tmp_path / "new" / "out")
    assert list((tmp_path / "new" / "out").iterdir()) == []


def test_a_file_in_the_way_is_found_before_anything_is_started(tmp_path):
    (tmp_path / "file").touch()
    refused(tmp_path / "file", "cannot write to")
    refused(tmp_path / "file" / "below", "cannot write to")


def test_a_directory_where_a_report_goes_is_found(tmp_path):
    (tmp_path / "report.md").mkdir()
    refused(tmp_path, "report.md is a directory")


def test_a_read_only_mount_is_found(tmp_path, monkeypatch):
    def read_only(*args, **kwargs):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    refused(tmp_path, "Read-only file system")


def test_a_path_that_is_none_is_refused(tmp_path):
    refused(tmp_path / "a\0b", "cannot write to")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc")
def test_a_place_that_takes_no_files_is_found():
    refused(Path("/proc/self"), "cannot write to")


def test_reports_and_baselines_need_neither_docker_nor_bcc():
    program = (
        "import sys; sys.modules.update(docker=None, bcc=None); "
        "import socklat_gate.report.writer, socklat_gate.report.formats.verdict_schema; "
        "import socklat_gate.baseline.store, socklat_gate.documents.hdr, "
        "socklat_gate.commands.report, socklat_gate.commands.schema"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
