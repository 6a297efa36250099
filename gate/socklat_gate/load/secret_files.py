"""Secrets as files in memory, for commands: an argument is for all users of a machine to read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

from socklat_gate.scenario.secret import Shown, reveal

__all__ = ["SecretFiles"]


class SecretFiles:
    """Context manager: one file a secret among ``texts``, gone when it is left.

    The files have no name in any directory; who inherits ``descriptors`` reads them by the paths
    that `path_of` gives, as often as it likes.  Raises `UsageError` (BAD_SECRET) on entry.
    """

    def __init__(self, texts: Sequence[Shown]) -> None:
        self._texts = texts
        self._files: dict[int, int] = {}

    def __enter__(self) -> SecretFiles:
        try:
            for at, text in enumerate(self._texts):
                if not isinstance(text, str):
                    self._files[at] = _file_of(reveal(text))
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What a child has to inherit under the same numbers."""
        return tuple(self._files.values())

    def path_of(self, at: int) -> str:
        """The path of the file for the text of that index."""
        return f"/dev/fd/{self._files[at]}"

    def _close(self) -> None:
        for descriptor in self._files.values():
            with suppress(OSError):
                os.close(descriptor)
        self._files.clear()


def _file_of(value: str) -> int:
    descriptor = os.memfd_create("socklat-gate", os.MFD_CLOEXEC)
    data = value.encode("utf-8", "surrogateescape")
    while data:
        data = data[os.write(descriptor, data) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
