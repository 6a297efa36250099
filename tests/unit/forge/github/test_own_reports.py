"""The artifact has the files that the gate wrote, and nothing that a checkout put beside them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from socklat_gate.commands.root import cli
from socklat_gate.errors import Exit, Reason, UsageError
from socklat_gate.forge.github.own_reports import check_no_links, copy_reports
from socklat_gate.report.formats.registry import report_files
from socklat_gate.report.writer import write_reports
from tests.unit.factories import make_result


def test_the_files_of_a_report_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_reports(make_result(), out)
    secret = tmp_path / "runner-secret"
    secret.write_text("canary")
    (out / "notes.txt").write_text("of the checkout")
    (out / "link.txt").symlink_to(secret)
    (out / "deep").mkdir()
    kept = copy_reports(out, tmp_path)
    assert kept.parent == tmp_path
    assert kept.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in kept.iterdir()) == sorted(report_files())
    for name in report_files():
        assert (kept / name).read_bytes() == (out / name).read_bytes()


@pytest.mark.parametrize("kind", ["symbolic", "hard", "pipe", "directory", "none"])
def test_no_link_is_followed_and_nothing_hangs(tmp_path: Path, kind: str) -> None:
    secret, out = tmp_path / "runner-secret", tmp_path / "out"
    secret.write_text("canary")
    out.mkdir()
    report = out / "report.md"
    if kind == "symbolic":
        report.symlink_to(secret)
    elif kind == "hard":
        os.link(secret, report)
    elif kind == "pipe":
        os.mkfifo(report)
    elif kind == "directory":
        report.mkdir()
    assert list(copy_reports(out, tmp_path).iterdir()) == []


@pytest.mark.parametrize("out", ["link", "link/deep", "link/new", "real/../link"])
def test_a_place_behind_a_link_of_the_checkout_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    checkout, elsewhere = tmp_path / "checkout", tmp_path / "elsewhere"
    (elsewhere / "deep").mkdir(parents=True)
    (checkout / "real").mkdir(parents=True)
    (checkout / "link").symlink_to(elsewhere)
    (elsewhere / "report.md").write_text("of somebody else")
    monkeypatch.chdir(checkout)
    for given in (Path(out), checkout / out):
        with pytest.raises(UsageError, match="symbolic link") as caught:
            check_no_links(given)
        assert caught.value.reason is Reason.OUTPUT_NOT_WRITABLE
    done = CliRunner().invoke(cli, ["github", "measure", "socklat.toml", "--out", "link"])
    assert isinstance(done.exception, UsageError)
    assert done.exception.exit_code is Exit.USAGE
    assert (elsewhere / "report.md").read_text() == "of somebody else"


def test_other_places_are_as_good_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (tmp_path / "by-link").symlink_to(checkout)
    monkeypatch.chdir(tmp_path / "by-link")
    for given in ("socklat-out", "a/b", "../elsewhere", str(tmp_path / "new")):
        check_no_links(Path(given))
