"""The end of a container's log, bounded in lines and bytes, for messages and readiness."""

from __future__ import annotations

import re

import docker
import docker.errors
import requests

from socklat_gate import masking
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.wording.sanitise import strip_control_characters

__all__ = ["TAIL_LINES", "clip", "last_line", "tail"]

TAIL_LINES = 10
TAIL_BYTES = 4096

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def tail(client: DockerClient, container_id: str) -> str:
    """The last 10 lines of stdout and stderr, at most 4 KB and without secrets; or a note.

    Never raises for what the daemon does: this is used while another error is being described.
    """
    try:
        # What the image sets itself is seen nowhere else.
        settings = client.api.inspect_container(container_id).get("Config", {}).get("Env") or ()
        masking.suspect(dict(entry.partition("=")[::2] for entry in settings))
        raw: bytes = client.api.logs(container_id, stdout=True, stderr=True, tail=TAIL_LINES)
    except (docker.errors.DockerException, requests.RequestException) as error:
        return f"(its log cannot be read: {error})"
    return clip(raw) or "(it logged nothing)"


def clip(raw: bytes) -> str:
    """``raw`` as text without secrets and control characters, cut to the last 4 KB."""
    # Masked before it is cut, else a part of a secret could stay.
    text = masking.mask_cut(_COLOUR.sub("", raw.decode(errors="replace")).replace("\r\n", "\n"))
    text = text.encode()[-TAIL_BYTES:].decode(errors="ignore").strip("\n")
    # A log is untrusted: escape sequences must not reach the terminal or a report.
    printable = strip_control_characters(text, kept="\n\t")
    return f"... {printable}" if len(raw) > TAIL_BYTES else printable


def last_line(text: str) -> str:
    """The last line that says something: of a failure mostly its cause."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
