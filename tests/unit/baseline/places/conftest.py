"""One empty place of every kind."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import botocore.session
import fsspec
import pytest
import requests
import s3fs
from botocore.loaders import create_loader
from moto.server import ThreadedMotoServer

from socklat_gate.baseline.places.location import open_place
from socklat_gate.baseline.places.place import Place
from tests.unit.repositories import Repository, clone_of, new_repository

BUCKET = "perf"


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository, a bare one of it and a clone of that, to be copied."""
    directory = tmp_path_factory.mktemp("repositories")
    source = new_repository(directory / "source")
    source.git("clone", "--quiet", "--bare", str(source.path), str(directory / "remote.git"))
    clone_of(Repository(directory / "remote.git"), directory / "clone")
    return directory


@pytest.fixture
def remote(made: Path, tmp_path: Path) -> Repository:
    """A bare repository that clones push to."""
    shutil.copytree(made / "remote.git", tmp_path / "remote.git", symlinks=True)
    return Repository(tmp_path / "remote.git")


@pytest.fixture
def clone(
    made: Path, remote: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Repository:
    """The working directory: a clone of `remote`."""
    copy = Repository(tmp_path / "clone")
    shutil.copytree(made / "clone", copy.path, symlinks=True)
    copy.git("remote", "set-url", "origin", f"file://{remote.path}")
    monkeypatch.chdir(copy.path)
    return copy


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Address of an S3-compatible server on this machine."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        with pytest.MonkeyPatch.context() as patch:
            # Every client would parse the same megabytes of descriptions of services.
            patch.setattr(botocore.session, "create_loader", cache(create_loader))
            yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> s3fs.S3FileSystem:
    """A client with an empty bucket; the environment says how to reach it, as in CI."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    requests.post(f"{s3_server}/moto-api/reset", timeout=60).raise_for_status()
    files = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    files.mkdir(BUCKET)
    return files


@pytest.fixture(params=["directory", "file", "git", "memory", "s3"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where an empty place of this kind is."""
    if request.param == "git":
        request.getfixturevalue("clone")
        yield "git+branch:perf/baselines"
    elif request.param == "s3":
        request.getfixturevalue("s3")
        yield f"s3://{BUCKET}/some/prefix"
    elif request.param == "memory":
        yield "memory://some/prefix"
        fsspec.filesystem("memory").store.clear()
    else:
        prefix = "file://" if request.param == "file" else ""
        yield f"{prefix}{tmp_path / 'baselines'}"


@pytest.fixture
def reopen(location: str) -> Iterator[Callable[[], Place]]:
    """Opens the place as the next command would."""
    opened: list[Place] = []

    def again() -> Place:
        opened.append(open_place(location, show_line=lambda line: None))
        return opened[-1]

    yield again
    for place in opened:
        place.close()


@pytest.fixture
def place(reopen: Callable[[], Place]) -> Place:
    return reopen()
