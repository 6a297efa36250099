"""Containers for the probe, with the options of the ``docker run`` that SECURITY.md gives.

The image holds next to nothing: programs and libraries are this machine's, mounted read-only one
directory at a time, so that its kernel headers and modules stay outside.
"""

from __future__ import annotations

import io
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

__all__ = ["LAUNCHER", "ProbeContainers", "documented", "import_image"]

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = "/setpriv"
TWO = ("BPF", "PERFMON")
CAP_PERFMON, CAP_BPF = 38, 39
# Docker's state of the runtime, for containers of the standard daemon.
RUNC_STATE = Path("/run/docker/runtime-runc/moby")


def documented() -> tuple[list[tuple[str, ...]], list[str]]:
    """The one ``docker run ... IMAGE ...`` of SECURITY.md: options with their values, command."""
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    (block,) = re.findall(r"^```bash\ndocker run (.*?)^```$", text, re.M | re.S)
    words = shlex.split(block.replace("\\\n", " "))
    at = words.index("IMAGE")
    options: list[tuple[str, ...]] = []
    for word in words[:at]:
        if word.startswith("-"):
            options.append((word,))
        else:
            options[-1] += (word,)
    return options, words[at + 1 :]


def import_image(client: Any) -> str:
    """An image with links to ``/usr`` and `LAUNCHER`; its tag.  Skips where setpriv is missing.

    `LAUNCHER` carries the two capabilities as file capabilities: Docker gives a user who is not
    root none.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("setpriv is not installed")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in ("bin", "sbin", "lib", "lib64"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            tar.addfile(link)
        # The mode of the file system that is mounted there; Docker would make it 0755.
        temporary = tarfile.TarInfo("tmp")
        temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(temporary)
        program = Path(setpriv).read_bytes()
        entry = tarfile.TarInfo(LAUNCHER.lstrip("/"))
        entry.size, entry.mode = len(program), 0o755
        entry.pax_headers = {"SCHILY.xattr.security.capability": _file_capabilities()}
        tar.addfile(entry, io.BytesIO(program))
    tag = uuid.uuid4().hex[:8]
    environment = f"PATH=/usr/bin PYTHONPATH={ROOT}/gate:{ROOT} PYTHONDONTWRITEBYTECODE=1"
    client.api.import_image_from_data(
        archive.getvalue(),
        repository="socklat-test/probe",
        tag=tag,
        changes=[f"ENV {environment}", f"WORKDIR {ROOT}"],
    )
    client.images.get(f"socklat-test/probe:{tag}")  # a failed import is only told in its text
    return f"socklat-test/probe:{tag}"


def _file_capabilities() -> str:
    """``struct vfs_cap_data``, revision 2: both permitted, and effective from the start."""
    high = 1 << CAP_BPF - 32 | 1 << CAP_PERFMON - 32
    words = struct.pack("<IIIII", 0x02000001, 0, 0, high, 0)
    return words.decode("utf-8", "surrogateescape")


def _mounts() -> Iterator[str]:
    usr = Path("/usr")
    libraries = [
        path for kind in ("*-linux-gnu*", "python3*", "llvm*") for path in usr.glob(f"lib/{kind}")
    ]
    system = [usr / "bin", usr / "lib64", *libraries, Path("/etc/ld.so.cache")]
    own = [ROOT, *(Path(prefix) for prefix in (sys.prefix, sys.base_prefix) if prefix != "/usr")]
    for path in dict.fromkeys([*system, *own]):
        if path.exists():
            yield f"--volume={path}:{path}:ro"


@dataclass(frozen=True)
class ProbeContainers:
    """Runs commands in containers of ``image`` with the documented options."""

    image: str

    @cached_property
    def docker_knows_them(self) -> bool:
        """Whether this daemon accepts ``--cap-add BPF``: from 23.0 on."""
        name = _name()
        command = ["docker", "create", "--name", name, "--cap-add", "BPF", self.image, "/none"]
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
        if tried.returncode == 0:
            _remove(name)
        assert tried.returncode == 0 or "unknown capability" in tried.stderr, tried.stderr
        return tried.returncode == 0

    @contextmanager
    def started(
        self,
        command: Sequence[str],
        *more: str,
        capabilities: Sequence[str] = TWO,
        without: tuple[str, ...] = (),
    ) -> Iterator[subprocess.Popen[str]]:
        """The command in a container of its own, which is removed in the end.

        ``more`` are options beside the documented ones, ``without`` is the one to leave out;
        ``capabilities`` are in the place of the documented two.
        Where Docker does not know a capability, it makes the same container without, and its
        runtime starts the command in there with it.
        """
        name = _name()
        unknown = [one for one in capabilities if one in TWO and not self.docker_knows_them]
        options = [option for option in documented()[0] if option[0] != "--cap-add"]
        options = [option for option in options if option != without]
        options += [("--cap-add", one) for one in capabilities if one not in unknown]
        asked = [word for option in options for word in option]
        run = ["docker", "run", "--name", name, *asked, *more, *_mounts()]
        if unknown:
            holder = [*run, "--detach", self.image, "/usr/bin/sleep", "infinity"]
            run = [*_runtime(), "exec", *(f"--cap=CAP_{one}" for one in unknown)]
        else:
            holder = []
            run = [*run, self.image]
        try:
            if holder:
                held = subprocess.run(holder, cwd=ROOT, capture_output=True, text=True, check=False)
                assert held.returncode == 0, held.stderr
                run.append(held.stdout.strip())
            with subprocess.Popen(
                [*run, *command],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as process:
                try:
                    yield process
                finally:
                    process.kill()
        finally:
            _remove(name)


def _runtime() -> list[str]:
    runc = shutil.which("runc")
    if runc is None or not RUNC_STATE.is_dir():
        pytest.skip("this Docker knows neither capability, and its runc was not found")
    return [runc, "--root", str(RUNC_STATE)]


def _name() -> str:
    return f"socklat-test-probe-{uuid.uuid4().hex[:8]}"


def _remove(name: str) -> None:
    subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False)
