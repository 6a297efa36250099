from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.probe import binding


@pytest.fixture(autouse=True)
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No ``bcc`` is imported yet, none can be, and none is left afterwards."""
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "bcc"}
    for name in before:
        del sys.modules[name]
    monkeypatch.setattr(sys, "path", [])
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "bcc"]:
        del sys.modules[name]
    sys.modules.update(before)


def package(directory: Path, text: str) -> Path:
    """A package ``bcc`` in ``directory`` with this code."""
    inside = directory / "bcc"
    inside.mkdir(parents=True)
    (inside / "__init__.py").write_text(text, encoding="utf-8")
    return directory


def load(monkeypatch: pytest.MonkeyPatch, *places: Path) -> object:
    monkeypatch.setattr(binding, "_places", lambda: list(places))
    return binding.load_bcc.__wrapped__()


def refusal(monkeypatch: pytest.MonkeyPatch, *places: Path) -> UnfitEnvironment:
    with pytest.raises(UnfitEnvironment) as caught:
        load(monkeypatch, *places)
    assert caught.value.reason is Reason.NO_BCC
    assert "python3-bpfcc" in str(caught.value.remedy)
    return caught.value


def as_root(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Let a package pass for root's own, whoever runs the tests."""
    real = Path.stat

    def stat(self: Path, **options: bool) -> os.stat_result:
        found = real(self, **options)
        return os.stat_result((*found[:4], 0, *found[5:])) if self == path else found

    monkeypatch.setattr(Path, "stat", stat)


def test_nothing_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert refusal(monkeypatch, tmp_path).message == "BCC's Python binding was not found"


def test_the_distributions_package_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = package(tmp_path, "class BPF: pass\n")
    as_root(monkeypatch, place / "bcc")
    module = load(monkeypatch, tmp_path / "none", place)
    assert hasattr(module, "BPF")
    assert sys.modules["bcc"] is module


def test_the_package_of_that_name_on_pypi_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "path", [str(package(tmp_path / "venv", "lattice = 3\n"))])
    assert "unrelated package" in refusal(monkeypatch).message
    place = package(tmp_path / "dist", "class BPF: pass\n")
    as_root(monkeypatch, place / "bcc")
    assert hasattr(load(monkeypatch, place), "BPF")


def test_a_package_that_others_can_write_is_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = package(tmp_path, "raise SystemExit('this must not run')\n")
    (place / "bcc").chmod(0o777)
    assert "writable by others" in refusal(monkeypatch, place).message


@pytest.mark.parametrize(
    "text", ["import no_such_library_xyz", "raise OSError('libbcc.so.0')", "("]
)
def test_a_broken_package_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    place = package(tmp_path, text)
    as_root(monkeypatch, place / "bcc")
    message = refusal(monkeypatch, place).message
    assert f"{place}/bcc: " in message
    assert "bcc" not in sys.modules


def test_a_broken_package_on_the_path_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "path", [str(package(tmp_path, "import no_such_library_xyz"))])
    assert "import bcc: No module named 'no_such_library_xyz'" in refusal(monkeypatch).message
