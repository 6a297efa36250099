"""Images that one test builds, which have an id of their own and are removed with it.

An image's id is a hash of its content: two tests that build the same text share one image, and
neither can remove it while the other's containers run.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

__all__ = ["OwnImages", "owned_images"]

OWNER_LABEL = "socklat-test.owner"


@dataclass(frozen=True)
class OwnImages:
    """Writes Dockerfiles of images that carry ``token`` as a label."""

    token: str

    @property
    def label(self) -> str:
        """``NAME=VALUE`` of the label: Docker's filter, too."""
        return f"{OWNER_LABEL}={self.token}"

    def dockerfile(self, base: str, command: list[str]) -> str:
        """A Dockerfile of ``base`` with another command, as ``["/delay"]``."""
        return f"{self.begins(base)}CMD {json.dumps(command)}\n"

    def begins(self, base: str) -> str:
        """How a Dockerfile of ``base`` begins: what it makes carries the label from there on."""
        return f"FROM {base}\nLABEL {self.label}\n"


@contextmanager
def owned_images(client: Any) -> Iterator[OwnImages]:
    """Images with a random token; all that carry it are removed at the end."""
    own = OwnImages(secrets.token_hex(8))
    try:
        yield own
    finally:
        # Not `images.list` of Docker's SDK: it fails where another test removes an image meanwhile.
        for image in client.api.images(filters={"label": own.label}):
            client.api.remove_image(image["Id"], force=True)
