from __future__ import annotations

import ctypes
import errno
from pathlib import Path
from types import SimpleNamespace

import pytest

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.probe import privilege
from socklat_gate.probe.privilege import check_privilege, missing_capabilities

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
    monkeypatch.setattr(privilege, "_bpf_is_forbidden", lambda: False)
    assert missing_capabilities() == missing
    if missing:
        with pytest.raises(UnfitEnvironment, match=" and ".join(missing)) as caught:
            check_privilege()
        assert caught.value.reason is Reason.NO_PRIVILEGE
    else:
        check_privilege()


@pytest.mark.parametrize("said", [errno.EPERM, errno.ENOSYS])
def test_a_forbidden_system_call_is_told_from_missing_capabilities(
    monkeypatch: pytest.MonkeyPatch, said: int
) -> None:
    def refused(*_: object) -> int:
        ctypes.set_errno(said)
        return -1

    library = SimpleNamespace(bpf_obj_get_info_by_fd=refused)
    monkeypatch.setattr(privilege, "missing_capabilities", list)
    monkeypatch.setattr(privilege, "libbpf", lambda: (library, 1))
    with pytest.raises(UnfitEnvironment, match="seccomp") as caught:
        check_privilege()
    assert caught.value.reason is Reason.NO_PRIVILEGE
    assert "ci/seccomp-bpf.json" in str(caught.value.remedy)
