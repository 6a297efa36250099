from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.commands.init import init
from socklat_gate.errors import Reason, UsageError
from socklat_gate.init.traffic.registry import SOURCES, read_proposal
from tests.unit.init.traffic.files import log_line, no_progress


def test_the_command_has_an_option_for_each_source() -> None:
    options = [name for one in init.params for name in one.opts if name.startswith("--from-")]
    assert options == [source.option for source in SOURCES]
    assert {source.parameter for source in SOURCES} <= {one.name for one in init.params}


def test_one_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text(log_line())
    files: dict[str, Path | None] = {"from_har": None, "from_access_log": path}
    proposal = read_proposal(files, 30, no_progress)
    assert proposal is not None
    assert proposal.total == 1
    assert read_proposal({"from_har": None}, 30, no_progress) is None


def test_two_files_are_refused(tmp_path: Path) -> None:
    files: dict[str, Path | None] = {"from_har": tmp_path, "from_openapi": tmp_path}
    with pytest.raises(UsageError, match="--from-openapi and --from-har are both given") as caught:
        read_proposal(files, 30, no_progress)
    assert caught.value.reason is Reason.BAD_ARGUMENT
