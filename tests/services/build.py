"""Compile a C service statically and import it as an image with nothing else in it."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = [
    "ECHO_TAG",
    "SCENARIOS",
    "build_echo",
    "build_image",
    "compile_service",
    "package_image",
    "scenario_image",
]

SOURCES = Path(__file__).parent
IMAGES = SOURCES.parents[1] / "ci" / "images"
SCENARIOS = SOURCES.parents[1] / "docs" / "scenarios"
HASH_LABEL = "socklat-test.source"
ECHO_TAG = "socklat-test/echo:latest"
CFLAGS = ["-static", "-O2", "-Wall", "-pthread"]


def build_image(client: Any, source_name: str, tag: str, cmd: list[str]) -> str:
    """Image ``tag`` holding ``tests/services/<source_name>`` compiled as ``/<stem>``.

    ``cmd`` is the image's CMD, for instance ``["/echo", "--port", "7000"]``.  Built again only
    when the source, the flags or ``cmd`` changed.  Returns ``tag``; skips the test when there is
    no C compiler.
    """
    import docker.errors  # noqa: PLC0415 - slow to import, the more so under emulation

    source = SOURCES / source_name
    headers = b"".join(path.read_bytes() for path in sorted(SOURCES.glob("*.h")))
    recipe = source.read_bytes() + headers + json.dumps([CFLAGS, cmd]).encode()
    wanted = hashlib.sha256(recipe).hexdigest()
    with _one_at_a_time():
        try:
            if client.images.get(tag).labels.get(HASH_LABEL) == wanted:
                return tag
        except docker.errors.ImageNotFound:
            pass
        _import_program(client, source_name, tag, cmd, wanted)
    return tag


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Test processes that run beside each other want the same images."""
    with (Path(tempfile.gettempdir()) / "socklat-test-images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _import_program(client: Any, source_name: str, tag: str, cmd: list[str], wanted: str) -> None:
    program = compile_service(source_name)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo(Path(source_name).stem)
        entry.size = len(program)
        entry.mode = 0o755
        tar.addfile(entry, io.BytesIO(program))
    repository, _, version = tag.rpartition(":")
    client.api.import_image_from_data(
        archive.getvalue(),
        repository=repository,
        tag=version,
        changes=[f"CMD {json.dumps(cmd)}", f"LABEL {HASH_LABEL}={wanted}"],
    )
    client.images.get(tag)  # a failed import is only reported in the response's text


def build_echo(client: Any) -> str:
    """The echo server's image, listening on port 7000 unless told otherwise."""
    return build_image(client, "echo.c", ECHO_TAG, ["/echo"])


def compile_service(source_name: str) -> bytes:
    """``tests/services/<source_name>`` as a static program.

    Where ``SOCKLAT_SERVICES`` names a directory, the program is taken from there: a virtual
    machine has no compiler.  Skips the test when there is neither.
    """
    source = SOURCES / source_name
    if prebuilt := os.environ.get("SOCKLAT_SERVICES"):
        return (Path(prebuilt) / source.stem).read_bytes()
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to build the test services with")
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / source.stem
        command = [compiler, *CFLAGS, "-o", str(program), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return program.read_bytes()


def package_image(client: Any, package: str, *files: Path) -> str:
    """Image made from the distribution's package by the script of ``ci/images``; returns its tag.

    ``files`` are the script's further arguments.  Made again only when one of them changed.
    """
    return _made_by(client, IMAGES / package, f"socklat-test/{package}", files, files)


def scenario_image(client: Any, name: str) -> str:
    """Image of the service of ``docs/scenarios/NAME``, by the script there; returns its tag."""
    script = SCENARIOS / name / "image"
    files = sorted(path for path in script.parent.iterdir() if path.suffix != ".toml")
    return _made_by(client, script, f"socklat-test/scenario-{name}", files)


def _made_by(
    client: Any,
    script: Path,
    repository: str,
    files: Sequence[Path],
    arguments: Sequence[Path] = (),
) -> str:
    recipe = b"".join(path.read_bytes() for path in (script, IMAGES / "lib.sh", *files))
    tag = f"{repository}:{hashlib.sha256(recipe).hexdigest()[:12]}"
    with _one_at_a_time():
        if not client.api.images(name=tag):
            made = subprocess.run(
                [str(script), tag, *map(str, arguments)],
                capture_output=True,
                text=True,
                check=False,
                timeout=200,
            )
            assert made.returncode == 0, made.stderr
    return tag
