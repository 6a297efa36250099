"""Documents as objects of S3, Google Cloud Storage or whatever else fsspec reaches.

A document is written only where none is (``If-None-Match``, or what the service has for it), so
two jobs never overwrite each other.  Credentials and endpoints come from where the service's own
tools look for them, the environment for instance.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from socklat_gate.baseline.places.filesystem import client_errors, filesystem_of
from socklat_gate.baseline.places.place import (
    MAX_BYTES,
    check_name,
    files_of,
    folders_of,
    not_writable,
)
from socklat_gate.baseline.places.slow_notice import ShowLine, slow_notice
from socklat_gate.documents.reading import refuse_document
from socklat_gate.errors import NoUsableBaseline, Reason
from socklat_gate.wording.sanitise import describe_error

__all__ = ["ObjectStore"]

BATCH = 16
"""Documents fetched at the same time when one of them is needed."""

_ACCESS = "check the network, the address and the credentials in this job's environment"


class ObjectStore:
    """A place below ``url``, for instance ``s3://bucket/prefix``.

    Raises `UsageError`: missing_extra when what reaches it is not installed, bad_argument when
    fsspec does not know such addresses.
    """

    def __init__(self, url: str, show_line: ShowLine) -> None:
        self._url, self._show_line = url.rstrip("/"), show_line
        self._sizes: dict[str, int] = {}
        self._fetched: dict[str, bytes] = {}
        with self._reading("connecting to"):
            self._files, root = filesystem_of(self._url)
        self._root = str(root).rstrip("/")

    @property
    def location(self) -> str:
        """The address."""
        return self._url

    def display_name(self, name: str) -> str:
        """The object's address."""
        return f"{self._url}/{name}"

    def absent(self) -> str:
        """No text: an object store has no empty folders."""
        return ""

    def has(self, folder: str) -> bool:
        """Whether an object lies below that name."""
        return bool(self._list(folder))

    def folders(self) -> tuple[str, ...]:
        """Names directly below the address that a scenario can have."""
        return folders_of(self._url, self._list(""))

    def names(self, folder: str) -> tuple[str, ...]:
        """Objects directly below the folder's name."""
        return files_of(self._url, folder, self._list(folder))

    def read(self, name: str) -> bytes:
        """An object's bytes; of those listed with it, the next ones are fetched as well."""
        where = self.display_name(check_name(name))
        if name not in self._sizes:
            self._list(name.rpartition("/")[0])
        size = self._sizes.get(name)
        if size is None:
            refuse_document(where, "does not exist", Reason.BASELINE_MISSING)
        if size > MAX_BYTES:
            refuse_document(where, f"is larger than {MAX_BYTES} bytes")
        if size == 0:
            return b""
        if name not in self._fetched:
            self._fetch(name)
        data = self._fetched.get(name, b"")
        if len(data) > MAX_BYTES:
            refuse_document(where, f"is larger than {MAX_BYTES} bytes")
        return data

    def add(self, name: str, data: bytes) -> None:
        """Write an object unless there is one, which the service itself makes sure of."""
        path = self._path(check_name(name))
        with self._writing(name):
            try:
                self._files.pipe_file(path, data, mode="create")
            except OSError:
                # Services have many errors for an object that is there already.
                if not self._files.exists(path):
                    raise
                raise FileExistsError(name) from None
        self._sizes[name] = len(data)

    def replace(self, name: str, data: bytes) -> None:
        """Write an object whatever is there."""
        with self._writing(check_name(name)):
            self._files.pipe_file(self._path(name), data)
        self._sizes[name] = len(data)
        self._fetched.pop(name, None)

    def remove(self, names: Collection[str]) -> None:
        """Delete objects, one after the other."""
        for name in names:
            with self._writing(check_name(name)):
                try:
                    self._files.rm_file(self._path(name))
                except FileNotFoundError:
                    continue
            self._sizes.pop(name, None)
            self._fetched.pop(name, None)

    def close(self) -> None:
        """Forget what was fetched; connections end with the process."""
        self._fetched.clear()

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _list(self, folder: str) -> list[str]:
        """Names of the entries directly in a folder; remembers the objects' sizes."""
        path = self._path(folder)
        with self._reading("listing"):
            try:
                found: list[dict[str, Any]] = self._files.ls(path, detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return []
        names = []
        for entry in found:
            inner = str(entry["name"]).rstrip("/").removeprefix(path).removeprefix("/")
            if not inner:
                continue  # the folder itself, as some tools make one
            names.append(inner)
            if folder and entry["type"] == "file":
                self._sizes[f"{folder}/{inner}"] = int(entry["size"] or 0)
        return names

    def _fetch(self, name: str) -> None:
        """Get a document and the next ones of its folder together."""
        folder = name.rpartition("/")[0]
        alike = sorted(
            other
            for other, size in self._sizes.items()
            if other.rpartition("/")[0] == folder and 0 < size <= MAX_BYTES and other >= name
        )
        wanted = [other for other in alike if other not in self._fetched][:BATCH]
        with self._reading("reading from"):
            # One byte more than may be there shows an object that grew since.
            got = self._files.cat_ranges(
                [self._path(other) for other in wanted],
                [0] * len(wanted),
                [min(self._sizes[other], MAX_BYTES) + 1 for other in wanted],
                on_error="return",
            )
            if isinstance(got[0], BaseException):
                raise got[0]
        pairs = zip(wanted, got, strict=True)
        self._fetched |= {other: data for other, data in pairs if isinstance(data, bytes)}

    @contextmanager
    def _reading(self, doing: str) -> Iterator[None]:
        try:
            with slow_notice(self._show_line, f"{doing} {self._url}"):
                yield
        except client_errors() as error:
            raise NoUsableBaseline(
                Reason.BASELINE_UNREACHABLE,
                f"{doing} {self._url} failed: {describe_error(error)}",
                remedy=_ACCESS,
            ) from error

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        try:
            with slow_notice(self._show_line, f"writing to {self._url}"):
                yield
        except FileExistsError:
            raise
        except client_errors() as error:
            not_writable(
                f"cannot write {self.display_name(name)}: {describe_error(error)}", _ACCESS
            )
