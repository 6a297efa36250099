"""``[[load.setup]]``: requests before the load, whose responses fill variables.  Models only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from socklat_gate.scenario.expect import Expect
from socklat_gate.scenario.request import NAME, Content, Request, read_body
from socklat_gate.scenario.saved import check_place
from socklat_gate.scenario.secret import Shown, Text
from socklat_gate.scenario.strict import StrictModel
from socklat_gate.scenario.template import check_name

__all__ = ["Setup", "SetupStep"]


@dataclass(frozen=True, slots=True)
class SetupStep:
    """A request before the load, and by variable where in its response the value is."""

    request: Request
    save: Mapping[str, str]


class Setup(StrictModel):
    """One HTTP request to each arm before the load begins, after those listed before it."""

    name: str = Field(pattern=NAME, description="name in messages", examples=["login"])
    method: str = Field("GET", pattern="^[A-Z]+$", description="method of the request")
    path: str = Field("/", pattern=r"^/\S*$", description="path of the request")
    headers: dict[str, Text] = Field(
        default_factory=dict,
        description="headers beside, or in place of, those of [load]; of those one with a variable "
        "that is not saved yet is left out",
        examples=[{"Content-Type": "application/json"}],
    )
    body: str | None = Field(None, description="body of the request", examples=['{"user": "ci"}'])
    body_file: str | None = Field(
        None,
        min_length=1,
        description="file with the body, in the scenario's directory",
        examples=["login.json"],
    )
    expect: Expect | None = Field(
        None, description="what the response has to be; default: a status below 400"
    )
    save: dict[str, str] = Field(
        default_factory=dict,
        description='variable and where in the response its value is: a JSON pointer ("/token"), '
        '"header:NAME" or "cookie:NAME"',
        examples=[{"token": "/access_token", "session": "cookie:sid"}],
    )
    _content: Content = PrivateAttr(None)

    @field_validator("save")
    @classmethod
    def _places(cls, save: dict[str, str]) -> dict[str, str]:
        for name, place in save.items():
            check_name(name)
            check_place(place)
        return save

    @model_validator(mode="after")
    def _read(self, info: ValidationInfo) -> Setup:
        self._content = read_body(self.body, self.body_file, info)
        return self

    @property
    def content(self) -> Content:
        """The body, from wherever it comes."""
        return self._content

    def step(self, headers: dict[str, Shown]) -> SetupStep:
        """As it is sent, with these headers."""
        request = Request.model_construct(
            name=self.name, method=self.method, path=self.path, headers=headers, expect=self.expect
        )
        request._content = self._content
        return SetupStep(request, self.save)
