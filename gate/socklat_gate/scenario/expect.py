"""``load.expect``: what a response has to be.  Models only."""

from __future__ import annotations

import re

from pydantic import Field, field_validator, model_validator

from socklat_gate.scenario.payload import parse_payload
from socklat_gate.scenario.searched import SEARCHED_BYTES
from socklat_gate.scenario.strict import StrictModel

__all__ = ["Expect"]

LOWEST_STATUS, HIGHEST_STATUS = 200, 599
WITHOUT_BODY = (204, 304)
RESP_KINDS = b"+-:_#,($!=*~>%|"
"""What a RESP reply can begin with."""


class Expect(StrictModel):
    """A response that is anything else counts as an error."""

    status: list[int] | None = Field(
        None,
        min_length=1,
        description="HTTP statuses that count as success; without it those below 400",
        examples=[[200, 201]],
    )
    min_bytes: int | None = Field(
        None,
        ge=1,
        description="smallest size: of the body for HTTP, of the whole response for tcp",
        examples=[10],
    )
    text: str | None = Field(
        None,
        min_length=1,
        description="text in the first 64 KiB of the body, as sent (nothing is decompressed)",
        examples=['"total":'],
    )
    regex: str | None = Field(
        None,
        min_length=1,
        description="regular expression (Python's, on bytes) that the first 64 KiB of the body "
        "hold a match of",
        examples=[r'"id": \d+'],
    )
    prefix: str | None = Field(
        None,
        min_length=1,
        description="how a response of driver tcp begins; escapes as in payload",
        examples=["+PONG"],
    )

    @field_validator("status")
    @classmethod
    def _possible(cls, statuses: list[int] | None) -> list[int] | None:
        for status in statuses or ():
            if not LOWEST_STATUS <= status <= HIGHEST_STATUS:
                raise ValueError(
                    f"no response ends with status {status}: from {LOWEST_STATUS} to "
                    f"{HIGHEST_STATUS} are possible"
                )
        return statuses

    @field_validator("text")
    @classmethod
    def _searched(cls, text: str | None) -> str | None:
        _fits((text or "").encode())
        return text

    @field_validator("regex")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile((pattern or "").encode())
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern

    @field_validator("prefix")
    @classmethod
    def _readable(cls, prefix: str | None) -> str | None:
        _fits(parse_payload(prefix or ""))
        return prefix

    @model_validator(mode="after")
    def _names_something(self) -> Expect:
        if not self.given():
            raise ValueError(f"name at least one of {', '.join(type(self).model_fields)}")
        if self.status and all(status in WITHOUT_BODY for status in self.status):
            self.check_bodiless(f"a response with status {self.status[0]}")
        return self

    def given(self) -> list[str]:
        """The keys that are set."""
        return [name for name in type(self).model_fields if getattr(self, name) is not None]

    def check_bodiless(self, what: str) -> None:
        """Raises `ValueError` when something is expected of the body of what has none."""
        for name in ("min_bytes", "text", "regex"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name} can never be met: {what} has no body")

    def check_driver(self, driver: str) -> None:
        """Raises `ValueError` when ``load.driver`` has no such thing in its responses."""
        known = {
            "http": ("status", "min_bytes", "text", "regex"),
            "grpc": ("min_bytes", "text", "regex"),
            "websocket": ("min_bytes", "text", "regex"),
            "tcp": ("prefix", "min_bytes"),
            "command": ("status",),
        }[driver]
        for name in self.given():
            if name not in known:
                raise ValueError(f'{name} is nothing that driver "{driver}" can expect')

    def check_length(self, length: int) -> None:
        """Raises `ValueError` when a response of ``length`` bytes is never as expected."""
        for name, needed in (("min_bytes", self.min_bytes or 0), ("prefix", len(self.prefixed()))):
            if needed > length:
                raise ValueError(
                    f"{name} can never be met: it needs {needed} bytes, and load.response is "
                    f"{length}"
                )

    def check_delimiter(self, delimiter: bytes) -> None:
        """Raises `ValueError` when a response ends before its prefix does."""
        prefix = self.prefixed()
        at = prefix.find(delimiter)
        if 0 <= at < len(prefix) - len(delimiter):
            raise ValueError("prefix can never be met: the delimiter of load.response is in it")

    def check_resp(self) -> None:
        """Raises `ValueError` when no RESP reply begins like that."""
        prefix = self.prefixed()
        if prefix and prefix[0] not in RESP_KINDS:
            raise ValueError(
                f"prefix can never be met: no RESP reply begins with {prefix[:1].decode('latin-1')}"
            )

    def prefixed(self) -> bytes:
        """The bytes that ``prefix`` means; empty without it."""
        return parse_payload(self.prefix or "")


def _fits(data: bytes) -> None:
    if len(data) > SEARCHED_BYTES:
        raise ValueError(f"can never be met: it is longer than {SEARCHED_BYTES} bytes")
