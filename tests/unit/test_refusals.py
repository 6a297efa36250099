from __future__ import annotations

import errno
import os

import pytest

from socklat_gate import cli
from socklat_gate.errors import Exit, Reason
from socklat_gate.refusals import refusal_of

REFUSED = [
    OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/x"),
    OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
    BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)),
    MemoryError(),
    RuntimeError("can't start new thread"),
]
DEFECTS = [OSError(errno.ENOENT, "gone"), OSError("no number"), RuntimeError("x"), KeyError("y")]


@pytest.mark.parametrize("error", REFUSED, ids=repr)
def test_what_the_system_refuses_is_an_error_of_the_machine(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(arguments: object) -> int:
        raise error

    monkeypatch.setattr(cli, "_run", broken)
    with pytest.raises(SystemExit) as ended:
        cli.main(["version"])
    assert ended.value.code == Exit.UNFIT_ENVIRONMENT
    said = capsys.readouterr().err
    assert f"[{Reason.NO_RESOURCES.value}]" in said
    assert "try:" in said
    assert "Traceback" not in said


def test_it_names_the_file() -> None:
    refused = refusal_of(REFUSED[0])
    assert refused is not None
    assert "No space left on device (/tmp/x)" in refused.message


@pytest.mark.parametrize("error", DEFECTS, ids=repr)
def test_everything_else_stays_a_defect(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(arguments: object) -> int:
        raise error

    assert refusal_of(error) is None
    monkeypatch.setattr(cli, "_run", broken)
    with pytest.raises(SystemExit) as ended:
        cli.main(["version"])
    assert ended.value.code == Exit.INTERNAL
    assert "Traceback" in capsys.readouterr().err
