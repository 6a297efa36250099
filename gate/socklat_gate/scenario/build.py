"""``service.build``: what an image is built from, with the keys of compose.  Models only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, field_validator

from socklat_gate.scenario.secret import SecretRef
from socklat_gate.scenario.strict import StrictModel

__all__ = ["Build", "BuildSource"]

ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SECRET_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class Build(StrictModel):
    """How an image is built; a directory alone stands for its ``context``."""

    context: str = Field(
        min_length=1, description="directory that is sent to the builder", examples=["."]
    )
    dockerfile: str = Field(
        "Dockerfile",
        min_length=1,
        description="path of the Dockerfile, from `context` on",
        examples=["docker/api.Dockerfile"],
    )
    target: str | None = Field(
        None, min_length=1, description="stage that is built", examples=["production"]
    )
    args: dict[str, str] = Field(
        default_factory=dict,
        description="build arguments; not for secrets, since an image shows them",
        examples=[{"VERSION": "1.4"}],
    )
    secrets: dict[str, SecretRef] = Field(
        default_factory=dict,
        description="for `RUN --mount=type=secret,id=...`: needs BuildKit",
        examples=[{"npmrc": {"file": "npmrc.txt"}}],
    )
    platform: str | None = Field(
        None,
        pattern=r"^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?$",
        description="platform that is built for, if not the daemon's",
        examples=["linux/amd64"],
    )

    @field_validator("dockerfile")
    @classmethod
    def _relative(cls, path: str) -> str:
        if path.startswith("/"):
            raise ValueError(
                "give it from context on: the baseline is built with the Dockerfile of its own "
                "commit"
            )
        return path

    @field_validator("args")
    @classmethod
    def _arguments(cls, args: dict[str, str]) -> dict[str, str]:
        _check_names(args, ARGUMENT, "build argument")
        return args

    @field_validator("secrets")
    @classmethod
    def _ids(cls, secrets: dict[str, SecretRef]) -> dict[str, SecretRef]:
        _check_names(secrets, SECRET_ID, "secret's id")
        return secrets


def _check_names(table: Mapping[str, object], pattern: re.Pattern[str], what: str) -> None:
    for name in table:
        if not pattern.fullmatch(name):
            raise ValueError(f"{name!r} cannot be a {what}")


def _kind(value: Any) -> str:
    return "str" if isinstance(value, str) else "Build"


BuildSource = Annotated[
    Annotated[str, Tag("str")] | Annotated[Build, Tag("Build")], Discriminator(_kind)
]
"""A directory with a Dockerfile, or a table that says more."""
