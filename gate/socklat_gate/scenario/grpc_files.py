"""Descriptor sets from the files that ``[load.grpc]`` names."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from socklat_gate.errors import Reason, UsageError
from socklat_gate.scratch import ScratchDirectory

if TYPE_CHECKING:
    from socklat_gate.scenario.grpc import Grpc

__all__ = ["descriptor_set_of"]

COMPILE_WITHIN_S = 60.0
MAX_BYTES = 64 << 20
MAX_SHOWN = 600


def descriptor_set_of(grpc: Grpc | None) -> bytes:
    """The types that the scenario's files declare; empty: the service is to be asked.

    Raises `UsageError`: NO_SUCH_FILE, MISSING_EXTRA, BAD_SCENARIO (what the compiler says).
    """
    if grpc is None or (grpc.descriptor_set is None and grpc.proto is None):
        return b""
    if grpc.proto is None:
        return _read("descriptor_set", Path(grpc.descriptor_set or ""))
    proto = Path(grpc.proto)
    _read("proto", proto)
    return _compile(proto, tuple(grpc.import_paths) or (str(proto.parent),))


def _read(key: str, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # the latter for a path with a null byte
        raise UsageError(
            Reason.NO_SUCH_FILE,
            f"load.grpc.{key}: {path} cannot be read: {getattr(error, 'strerror', None) or error}",
            remedy="give the path from the scenario's directory, or leave it out where the service "
            "has server reflection",
        ) from None
    if len(content) > MAX_BYTES:
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"load.grpc.{key}: {path} has more than {MAX_BYTES} bytes",
            remedy="write one with the services that are called, and what they import",
        )
    return content


@lru_cache
def _compile(proto: Path, import_paths: tuple[str, ...]) -> bytes:
    """Once for all runs of a job: it takes a third of a second."""
    with ScratchDirectory() as directory:
        out = directory / "set"
        argv = [
            *_compiler(),
            *(f"--proto_path={path}" for path in import_paths),
            "--include_imports",
            f"--descriptor_set_out={out}",
            str(proto),
        ]
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=COMPILE_WITHIN_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _refused(proto, f"no end within {COMPILE_WITHIN_S:g} s") from None
        except (OSError, ValueError) as error:  # the latter for a path with a null byte
            raise _refused(proto, str(error)) from None
        if done.returncode or not out.exists():
            raise _refused(proto, done.stderr.decode("utf-8", "replace").strip())
        return out.read_bytes()


def _compiler() -> list[str]:
    if importlib.util.find_spec("grpc_tools") is not None:
        return [sys.executable, "-m", "grpc_tools.protoc"]
    if (found := shutil.which("protoc")) is not None:
        return [found]
    raise UsageError(
        Reason.MISSING_EXTRA,
        "load.grpc.proto needs a compiler, and there is neither grpcio-tools nor protoc",
        remedy="pip install grpcio-tools, or give load.grpc.descriptor_set, which "
        "`protoc --include_imports --descriptor_set_out` writes anywhere",
    )


def _refused(proto: Path, text: str) -> UsageError:
    return UsageError(
        Reason.BAD_SCENARIO,
        f"load.grpc.proto: {proto} cannot be compiled: {text[:MAX_SHOWN]}",
        remedy="correct it, or name the directories of what it imports in load.grpc.import_paths",
    )
