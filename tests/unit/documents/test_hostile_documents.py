"""Hostile documents are refused with a reason and at most 64 MiB, wherever they lie."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from socklat_gate.baseline.places.directory import Directory
from socklat_gate.baseline.store import BaselineStore
from tests.unit.documents.hostile import (
    FILE,
    SPARE_MIB,
    costly_documents,
    refusals,
    store,
    worst_accepted,
)
from tests.unit.factories import make_campaign

Documents = Callable[[], Iterator[tuple[str, bytes]]]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    BaselineStore(Directory(tmp_path)).save(make_campaign(1))
    return tmp_path


@pytest.mark.parametrize("documents", [costly_documents, worst_accepted])
def test_whatever_it_would_take_is_not_taken(good: Path, documents: Documents) -> None:
    expected = store(good, documents())
    found = refusals(good)
    assert found.keys() == expected
    assert {name for name, one in found.items() if one.reason != "baseline_corrupt"} == set()
    assert {name for name, one in found.items() if one.most_bytes > SPARE_MIB << 20} == set()


def test_files_that_are_none(good: Path) -> None:
    for name in ("sparse", "pipe", "link", "loop", "device", "folder"):
        (good / name).mkdir()
    with (good / "sparse" / FILE).open("wb") as file:
        file.truncate(1 << 30)
    os.mkfifo(good / "pipe" / FILE)
    (good / "link" / FILE).symlink_to("/etc/passwd")
    (good / "loop" / FILE).symlink_to(FILE)
    (good / "device" / FILE).symlink_to("/dev/zero")
    (good / "folder" / FILE).mkdir()
    found = refusals(good)
    assert {name: one.reason for name, one in found.items()} == {
        "sparse": "baseline_corrupt",
        "pipe": "baseline_corrupt",
        "link": "baseline_corrupt",
        "loop": "baseline_corrupt",
        "device": "baseline_corrupt",
        "folder": "baseline_missing",
    }
    assert max(one.most_bytes for one in found.values()) < SPARE_MIB << 20
