from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import UsageError
from socklat_gate.service import stack_mounts
from socklat_gate.service.stack_mounts import (
    copied_sources,
    make_copies,
    mount_problems,
    with_copies,
)


def stack(*volumes: Any, **services: list[Any]) -> dict[str, Any]:
    named = {name: {"volumes": entries} for name, entries in services.items()}
    return {"services": {"api": {"volumes": list(volumes)}, **named, "bare": {}}}


def problems(document: dict[str, Any], *shared: str) -> dict[str, str]:
    return dict(mount_problems(document, shared))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("data/deep", "conf", "code/data"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data" / "deep" / "x").write_text("first")
    (tmp_path / "conf" / "a.conf").write_text("a")
    (tmp_path / "copies").mkdir()
    return tmp_path


def test_only_what_may_be_written_to_is_copied(place: Path) -> None:
    document = stack(
        f"{place}/data:/data",
        f"{place}/conf:/conf:ro",
        {"type": "bind", "source": f"{place}/conf/a.conf", "target": "/a", "read_only": True},
        "named:/x",
        "/anonymous",
        {"type": "tmpfs", "target": "/t"},
    )
    assert copied_sources(document, ()) == (place / "data",)
    assert copied_sources(document, ("services.api.volumes",)) == ()
    assert problems(document) == {}


def test_each_copy_is_whole_and_its_own(place: Path) -> None:
    document = stack(f"{place}/data:/data:rw", {"type": "bind", "source": f"{place}/data/deep"})
    os.chmod(place / "data" / "deep" / "x", 0o640)
    (place / "data" / "link").symlink_to("deep/x")
    sources = copied_sources(document, ())
    one, two = (make_copies(document, sources, place / "copies" / arm) for arm in "ab")
    copy = one[place / "data"]
    assert (copy / "link").read_text() == "first"
    assert (copy / "deep" / "x").stat().st_mode & 0o777 == 0o640
    (copy / "deep" / "x").write_text("second")
    assert (two[place / "data"] / "deep" / "x").read_text() == "first"
    assert (place / "data" / "deep" / "x").read_text() == "first"
    # Docker refuses a copy that it cannot see, where a short form would be an empty directory.
    assert with_copies(document, one)["services"]["api"]["volumes"] == [
        {"type": "bind", "source": str(copy), "target": "/data"},
        {"type": "bind", "source": str(copy / "deep")},
    ]


def test_services_that_see_one_anothers_files_still_do(place: Path) -> None:
    """One reads what the other writes, through a mount further out or further in."""
    document = stack(f"{place}/code:/code:ro", web=[f"{place}/code/data:/data"])
    assert copied_sources(document, ()) == (place / "code",)
    copies = make_copies(document, (place / "code",), place / "copies" / "a")
    made = with_copies(document, copies)["services"]
    copy = str(copies[place / "code"])
    api = {"type": "bind", "source": copy, "target": "/code", "read_only": True}
    assert made["api"]["volumes"] == [api]
    assert made["web"]["volumes"] == [{"type": "bind", "source": f"{copy}/data", "target": "/data"}]


def test_what_is_not_there_is_an_empty_directory_in_the_copy_only(place: Path) -> None:
    document = stack(f"{place}/none:/none:ro", f"{place}/code:/code", f"{place}/code/new:/new")
    sources = copied_sources(document, ())
    assert set(sources) == {place / "none", place / "code"}
    copies = make_copies(document, sources, place / "copies" / "a")
    assert list(copies[place / "none"].iterdir()) == []
    assert (copies[place / "code"] / "new").is_dir()
    assert not (place / "none").exists()
    assert not (place / "code" / "new").exists()


def test_links_and_dollars_in_paths(place: Path) -> None:
    (place / "a$b").mkdir()
    (place / "link").symlink_to("a$b")
    written = str(place / "a$b").replace("$", "$$")  # as compose writes it
    document = stack(f"{written}:/x", {"type": "bind", "source": f"{place}/link", "target": "/y"})
    assert copied_sources(document, ()) == (place / "a$b",)
    copies = make_copies(document, (place / "a$b",), place / "copies" / "a")
    made = with_copies(document, copies)["services"]["api"]["volumes"]
    assert made[0]["source"] == made[1]["source"]
    assert made[0]["source"].endswith("/a$$b")


def test_selinux_labels_stay(place: Path) -> None:
    document = stack(f"{place}/data:/data:z")
    copies = {place / "data": place / "copies"}
    made = with_copies(document, copies)["services"]["api"]["volumes"]
    assert made == [f"{place}/copies:/data:z"]


def test_sockets_are_refused_by_name_however_they_are_mounted(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place / "conf" / "s.sock"))
        for entry in (f"{place}/conf/s.sock:/s.sock:ro", f"{place}/conf:/conf:ro"):
            said = problems(stack(entry))
            assert list(said) == ["services.api.volumes"]
            assert f"{place}/conf/s.sock" in said["services.api.volumes"]
            assert problems(stack(entry), "services.api.volumes") == {}


@pytest.mark.parametrize("source", ["/var/run/docker.sock", "/run", "/"])
def test_dockers_own_socket_is_refused(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    said = problems(stack(f"{source}:/x:ro"))["services.api.volumes"]
    assert "Docker's socket" in said


def test_nothing_in_place_of_a_file_stays() -> None:
    hidden = stack("/dev/null:/etc/x.conf", "/dev/urandom:/dev/random:ro")
    assert problems(hidden) == {}
    assert copied_sources(hidden, frozenset()) == ()


def test_what_the_kernel_shows_is_for_reading() -> None:
    assert problems(stack("/sys:/sys:ro", "/proc:/host/proc:ro")) == {}
    assert "read-only" in problems(stack("/sys:/sys"))["services.api.volumes"]


def test_what_is_too_large_to_copy_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large, small = stack(f"{place}/data:/data"), stack(f"{place}/conf:/conf")
    monkeypatch.setattr(stack_mounts, "MOST_ENTRIES", 3)
    assert "mount it read-only" in problems(large)["services.api.volumes"]
    assert problems(small) == {}
    assert problems(stack(f"{place}/data:/data:ro")) == {}
    monkeypatch.setattr(stack_mounts, "MOST_ENTRIES", 100)
    monkeypatch.setattr(stack_mounts, "MOST_BYTES", 4)
    assert "services.api.volumes" in problems(large)


def test_what_cannot_be_read_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_mounts.shutil, "which", lambda _name: "/bin/false")
    with pytest.raises(UsageError, match="data, which the stack mounts, cannot be copied"):
        make_copies(stack(), (place / "data",), place / "copies" / "a")
