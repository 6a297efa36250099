"""``[[load.request]]``: one of the requests that a load mixes.  Models only."""

from __future__ import annotations

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from socklat_gate.scenario.expect import Expect
from socklat_gate.scenario.located import problem_at, read_file
from socklat_gate.scenario.payload import parse_payload
from socklat_gate.scenario.secret import Payload, Shown, Text, payload_shown
from socklat_gate.scenario.strict import StrictModel

__all__ = ["NAME", "Content", "Request", "read_body"]

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
"""What a request may be called: it stands in metric names, reports and file formats."""
MAX_BODY = 16 << 20

Content = str | bytes | None
"""Of a body: bytes where its file is no text, in which nothing is filled in."""


class Request(StrictModel):
    """One kind of request, chosen with a probability in proportion to its weight."""

    name: str = Field(pattern=NAME, description="name in metrics and reports", examples=["cart"])
    weight: float = Field(
        1.0, gt=0, le=1e6, description="how often, in proportion to the other requests' weights"
    )
    # http
    method: str = Field("GET", pattern="^[A-Z]+$", description="method of an HTTP request")
    path: str = Field(
        "/",
        pattern=r"^/\S*$",
        description="path of an HTTP request; {column} is filled in",
        examples=["/users/{id}"],
    )
    headers: dict[str, Text] = Field(
        default_factory=dict,
        description="headers beside, or in place of, those of [load]",
        examples=[{"Content-Type": "application/json"}],
    )
    body: str | None = Field(None, description="body of an HTTP request", examples=['{"id": 1}'])
    body_file: str | None = Field(
        None,
        min_length=1,
        description="file with the body, in the scenario's directory",
        examples=["order.json"],
    )
    # tcp
    payload: Payload | None = Field(
        None,
        description="request bytes of driver tcp, as load.payload",
        examples=[r"GET {key}\r\n"],
    )
    response: int | str | None = Field(
        None,
        description="end of a response of driver tcp, as load.response, its default",
        examples=["resp"],
    )
    expect: Expect | None = Field(
        None, description="what a response has to be; default: load.expect"
    )
    _content: Content = PrivateAttr(None)

    @field_validator("payload")
    @classmethod
    def _readable(cls, value: str | list[Shown] | None) -> str | list[Shown] | None:
        parse_payload(payload_shown(value or ""))
        return value

    @model_validator(mode="after")
    def _read(self, info: ValidationInfo) -> Request:
        self._content = read_body(self.body, self.body_file, info)
        return self

    @property
    def content(self) -> Content:
        """The body, from wherever it comes."""
        return self._content


def read_body(body: str | None, body_file: str | None, info: ValidationInfo) -> Content:
    """What a request has for a body; a problem of pydantic's when there are two, or no file."""
    if body_file is None:
        return body
    if body is not None:
        raise problem_at("give body or body_file, not both", "body_file")
    try:
        content = read_file(body_file, info, MAX_BODY)
    except ValueError as error:
        raise problem_at(str(error), "body_file") from None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content
