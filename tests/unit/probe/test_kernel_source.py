from __future__ import annotations

import os
import re
import stat
import tempfile
from types import SimpleNamespace
from typing import Any

import pytest

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.measured.bpf_layout import bpf_dir
from socklat_gate.probe import kernel_source as module
from socklat_gate.probe.kernel_source import flatten, kernel_source, offsets_header


class Types:
    """A kernel whose fields lie at an offset made of their names' lengths."""

    def offset(self, struct: str, field: str) -> int:
        return 100 * len(struct) + len(field)

    def enumerators(self, enum: str) -> dict[int, str]:
        return {5: "ITER_UBUF"} if enum == "iter_type" else {}

    def has_field(self, struct: str, field: str) -> bool:
        return field != "absent"


class Empty:
    """A kernel without any of the fields."""

    def has_field(self, struct: str, field: str) -> bool:
        return False

    def offset(self, struct: str, field: str) -> int:
        raise UnfitEnvironment(Reason.NO_BTF, f"this kernel's struct {struct} has no field {field}")


def test_every_file_is_included_once_and_nothing_is_left_to_include() -> None:
    text = flatten()
    assert not re.findall(r'^#include "', text, re.MULTILINE)
    for path in bpf_dir().glob("*.[ch]"):
        assert text.count(f'#line 1 "{path.name}"\n') == 1, path.name
        assert "Licen" not in path.name


def test_lines_keep_their_numbers() -> None:
    lines = flatten().splitlines()
    number, name = 0, ""
    for line in lines:
        if match := re.match(r'#line (\d+) "(.+)"', line):
            number, name = int(match[1]), match[2]
            continue
        original = (bpf_dir() / name).read_text("utf-8").splitlines()
        if line:
            assert original[number - 1] == line, f"{name}:{number}"
        number += 1


def test_each_field_gets_its_offset() -> None:
    source = "u64 a = sk + AT(sock_common, skc_net); AT(net, ns) + AT(net, ns); AT(type, field)"
    types: Any = Types()
    assert offsets_header(source, types).splitlines() == [
        "#define OFFSETOF_net__ns 302",
        "#define OFFSETOF_sock_common__skc_net 1107",
    ]


def test_a_field_that_is_asked_for_may_be_missing() -> None:
    source = "#if HAS(rq, absent) && HAS(rq, clock)\n AT(rq, absent) AT(rq, clock) AT(net, ns)"
    types: Any = Types()
    assert offsets_header(source, types).splitlines() == [
        "#define OFFSETOF_net__ns 302",
        "#define HAS_rq__absent 0",
        "#define HAS_rq__clock 1",
        "#define OFFSETOF_rq__clock 205",
    ]


def test_a_member_of_an_enum_has_its_number_here_or_none() -> None:
    source = "ENUM(iter_type, ITER_UBUF) ENUM(iter_type, ITER_GONE) ENUM(type, name)"
    types: Any = Types()
    assert offsets_header(source, types).splitlines() == [
        "#define ENUM_iter_type__ITER_GONE ENUM_MISSING",
        "#define ENUM_iter_type__ITER_UBUF 5",
    ]


def test_the_probe_names_fields_that_a_kernel_may_lack() -> None:
    types: Any = Empty()
    with pytest.raises(UnfitEnvironment, match=r"struct \w+ has no field \w+"):
        offsets_header(flatten(), types)


def test_the_directory_is_private_complete_and_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BCC_KERNEL_SOURCE", "/before")
    monkeypatch.setattr(module.os, "uname", lambda: SimpleNamespace(release="6.1.300-18-amd64"))
    types: Any = Types()
    with kernel_source("AT(net, ns)", types) as directory:
        assert os.environ["BCC_KERNEL_SOURCE"] == str(directory)
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        include = directory / "include"
        assert "OFFSETOF_net__ns 302" in (include / "offsets.h").read_text("utf-8")
        version = (include / "linux" / "version.h").read_text("utf-8")
        assert "KERNEL_VERSION(6, 1, 255)" in version
        assert (include / "linux" / "kconfig.h").is_file()
    assert not directory.exists()
    assert os.environ["BCC_KERNEL_SOURCE"] == "/before"


def test_an_error_leaves_neither_directory_nor_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.delenv("BCC_KERNEL_SOURCE", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    types: Any = Empty()
    with pytest.raises(UnfitEnvironment), kernel_source("AT(net, ns)", types):
        pass
    assert list(tmp_path.iterdir()) == []
    assert "BCC_KERNEL_SOURCE" not in os.environ


def test_no_place_for_the_headers_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    types: Any = Types()
    with pytest.raises(UnfitEnvironment, match="absent") as caught, kernel_source("", types):
        pass
    assert "TMPDIR" in str(caught.value.remedy)
