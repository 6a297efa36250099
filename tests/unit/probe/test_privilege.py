from __future__ import annotations

from pathlib import Path

import pytest

from gate.errors import Reason, UnfitEnvironment
from gate.probe.privilege import check_privilege, missing_capabilities

SYS_ADMIN, PERFMON, BPF = 1 << 21, 1 << 38, 1 << 39


@pytest.mark.parametrize(
    ("held", "missing"),
    [
        (SYS_ADMIN, []),
        (PERFMON | BPF, []),
        (0x1FFFFFFFFFF, []),
        (BPF, ["CAP_PERFMON"]),
        (PERFMON, ["CAP_BPF"]),
        (0, ["CAP_BPF", "CAP_PERFMON"]),
    ],
)
def test_which_capabilities_are_missing(
    monkeypatch: pytest.MonkeyPatch, held: int, missing: list[str]
) -> None:
    status = f"Name:\tpython\nCapPrm:\t{0x3F:016x}\nCapEff:\t{held:016x}\nCapBnd:\t{0:016x}\n"
    monkeypatch.setattr(Path, "read_text", lambda path, encoding: status)
    assert missing_capabilities() == missing
    if missing:
        with pytest.raises(UnfitEnvironment, match=" and ".join(missing)) as caught:
            check_privilege()
        assert caught.value.reason is Reason.NO_PRIVILEGE
    else:
        check_privilege()
