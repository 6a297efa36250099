from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.measured import bpf_layout, histogram
from socklat_gate.measured.bpf_layout import bpf_dir, layout, names
from socklat_gate.measured.names import CLIENT
from socklat_gate.scenario import Stage


def test_the_layout_of_the_probe_is_the_layout_of_the_histograms() -> None:
    numbers = layout()
    assert numbers["HIST_BUCKETS"] == histogram.BUCKETS
    assert numbers["HIST_SUB_BITS"] == histogram.SUB_BITS
    assert numbers["BAND_COUNT"] == histogram.BAND_COUNT
    assert numbers["BAND_SUB_BITS"] == histogram.BAND_SUB_BITS


def test_names_are_in_the_order_of_their_numbers() -> None:
    assert names("STAGE_")[:4] == ("response", "service", "recv_wait", "app")
    assert (CLIENT, *names("STAGE_")) == get_args(Stage)  # the first is the load driver's
    assert layout()["BAND_STAGES"] <= layout()["STAGE_COUNT"]
    assert len(names("STAGE_")) == layout()["STAGE_COUNT"]
    counters = names("COUNTER_")
    assert counters[:4] == ("connections", "adopted", "seen", "filtered")
    assert len(counters) <= layout()["COUNTER_COUNT"]


def test_a_gap_in_the_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        bpf_layout, "layout", lambda: {"STAGE_A": 0, "STAGE_B": 2, "STAGE_COUNT": 3}
    )
    with pytest.raises(ValueError, match="not consecutive"):
        names("STAGE_")


def test_an_installation_without_the_probe_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        bpf_layout, "__file__", str(tmp_path / "socklat_gate" / "measured" / "bpf_layout.py")
    )
    with pytest.raises(UnfitEnvironment) as caught:
        bpf_dir.__wrapped__()
    assert caught.value.reason is Reason.NO_BCC
    assert "reinstall" in str(caught.value.remedy)


def test_an_installed_package_brings_its_own_copy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    inside = tmp_path / "socklat_gate" / "_bpf"
    inside.mkdir(parents=True)
    (inside / "layout.h").touch()
    monkeypatch.setattr(
        bpf_layout, "__file__", str(tmp_path / "socklat_gate" / "measured" / "bpf_layout.py")
    )
    assert bpf_dir.__wrapped__() == inside
