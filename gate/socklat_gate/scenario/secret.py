"""A text that the scenario does not hold: it names the variable or the file that does.

The value is read when it is used, is registered to be masked then, and is kept nowhere.  A model
holds the name alone, and so do its dump, its hash and its text.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import (
    BaseModel,
    Discriminator,
    Field,
    PlainSerializer,
    PrivateAttr,
    SerializationInfo,
    Tag,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from socklat_gate import masking
from socklat_gate.errors import Reason, UsageError
from socklat_gate.scenario.strict import StrictModel

__all__ = [
    "DIRECTORY",
    "REVEALED",
    "Payload",
    "SecretRef",
    "Text",
    "UnusableSecret",
    "beside",
    "payload_shown",
    "payload_text",
    "reveal",
    "secrets_in",
    "shown",
]

DIRECTORY = "directory"
"""Key of the validation context: where relative paths start."""

REVEALED: Mapping[str, bool] = {"revealed": True}
"""Serialization context by which a dump has the values in place of their names."""

MAX_BYTES = 1 << 16
NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
REMEDY = (
    "set the variable in the environment of this command, or correct the file; what is no secret "
    "can stand in the scenario as it is"
)


class UnusableSecret(ValueError):
    """Why a secret cannot be used: with its name, never with its value."""


class SecretRef(StrictModel):
    """Where a value comes from: an environment variable, or a file beside the scenario."""

    env: str | None = Field(
        None, pattern=NAME, description="environment variable", examples=["API_TOKEN"]
    )
    file: str | None = Field(
        None,
        min_length=1,
        description="file with nothing else in it; a line break at its end is left out",
        examples=["token.txt"],
    )
    prefix: str = Field("", description="text before the value", examples=["Bearer "])

    _directory: Path = PrivateAttr(default_factory=Path)

    @model_validator(mode="after")
    def _one_place(self, info: ValidationInfo) -> SecretRef:
        if (self.env is None) == (self.file is None):
            raise ValueError('give either env or file, as in { env = "API_TOKEN" }')
        if re.search(r"[\r\n\0]", self.prefix):
            raise ValueError("prefix: it has a line break or a NUL")
        self._directory = Path((info.context or {}).get(DIRECTORY) or ".")
        return self

    @model_serializer(mode="plain")
    def _dump(self, info: SerializationInfo) -> Any:
        """Without what is not set, so that a later key changes no hash."""
        if (info.context or {}).get("revealed"):
            return reveal(self)
        given = {"env": self.env, "file": self.file, "prefix": self.prefix or None}
        return {key: value for key, value in given.items() if value is not None}

    @property
    def place(self) -> str:
        """Its name in a message."""
        return f"the variable {self.env}" if self.env else f"the file {self.file}"

    def __str__(self) -> str:
        return f"{self.prefix}{masking.MASK}"

    def read(self) -> str:
        """The value without ``prefix``, registered to be masked.  Raises `UnusableSecret`."""
        value = self._of_environment() if self.env else self._of_file()
        if not value:
            raise UnusableSecret(f"{self.place} is empty")
        if "\0" in value:
            raise UnusableSecret(f"{self.place} has a NUL in it")
        try:
            value.encode()
        except UnicodeEncodeError:  # an environment variable may hold any bytes
            raise UnusableSecret(f"{self.place} is not UTF-8") from None
        if len(value) < masking.MIN_LENGTH:
            raise UnusableSecret(
                f"{self.place} is shorter than {masking.MIN_LENGTH} characters, too short to be "
                "masked in logs and reports"
            )
        masking.register(value)
        return value

    def _of_environment(self) -> str:
        value = os.environ.get(self.env or "")
        if value is None:
            raise UnusableSecret(f"{self.place} is not set")
        return value

    def _of_file(self) -> str:
        path = self._directory / (self.file or "")
        try:
            # Not blocking: a pipe would wait for its writer, and could be read only once.
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise UnusableSecret(f"{self.place} is no regular file")
                data = file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            if isinstance(error, UnusableSecret):
                raise
            why = getattr(error, "strerror", None) or "no path"
            raise UnusableSecret(f"{self.place} cannot be read: {why}") from None
        if len(data) > MAX_BYTES:
            raise UnusableSecret(f"{self.place} has more than {MAX_BYTES >> 10} KiB")
        try:
            return data.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise UnusableSecret(f"{self.place} is not UTF-8") from None


def _kind(value: Any) -> str:
    return "SecretRef" if isinstance(value, (Mapping, SecretRef)) else "str"


Text = Annotated[
    Annotated[str, Tag("str")] | Annotated[SecretRef, Tag("SecretRef")], Discriminator(_kind)
]
"""A text of the scenario, or where it comes from."""

Shown: TypeAlias = str | SecretRef


def reveal(text: Shown) -> str:
    """The text itself; a secret's value with its prefix.  Raises `UsageError` (BAD_SECRET)."""
    if isinstance(text, str):
        return text
    try:
        return text.prefix + text.read()
    except UnusableSecret as error:
        raise UsageError(Reason.BAD_SECRET, str(error), remedy=REMEDY) from None


def shown(text: Shown) -> str:
    """The text as a message may show it."""
    return str(text)


def beside(text: Shown, directory: Path) -> Shown:
    """The same, with a file that is looked for in ``directory``."""
    if isinstance(text, str) or text.file is None:
        return text
    moved = text.model_copy()
    moved._directory = directory
    return moved


def payload_text(payload: str | Sequence[Shown]) -> str:
    """A payload in one piece, with escapes as in a scenario: a value has none that count."""
    return _joined(payload, reveal)


def payload_shown(payload: str | Sequence[Shown]) -> str:
    """The same as a message may show it."""
    return _joined(payload, shown)


def _joined(payload: str | Sequence[Shown], text_of: Any) -> str:
    if isinstance(payload, str):
        return payload
    return "".join(
        part if isinstance(part, str) else text_of(part).replace("\\", r"\\") for part in payload
    )


def _payload_kind(value: Any) -> str:
    return "list[Text]" if isinstance(value, list) else "str"


def _dump_payload(payload: str | list[Shown] | None, info: SerializationInfo) -> Any:
    if payload is None or isinstance(payload, str):
        return payload
    if (info.context or {}).get("revealed"):
        return payload_text(payload)
    return [part if isinstance(part, str) else part.model_dump() for part in payload]


Payload = Annotated[
    Annotated[str, Tag("str")] | Annotated[list[Text], Tag("list[Text]")],
    Discriminator(_payload_kind),
    PlainSerializer(_dump_payload),
]
"""Request bytes with escapes, or parts of them, one after the other, some of which are secret."""


def secrets_in(
    value: Any, place: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], SecretRef]]:
    """All of a scenario or a part of it, each with the keys that lead to it."""
    if isinstance(value, SecretRef):
        yield place, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_in(getattr(value, name), (*place, name))
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from secrets_in(inner, (*place, str(name)))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from secrets_in(inner, (*place, index))
