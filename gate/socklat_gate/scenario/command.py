"""``[load.command]``: another tool that sends the load.  Models only."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import Field, field_validator

from socklat_gate.scenario.secret import Shown, Text
from socklat_gate.scenario.strict import StrictModel

__all__ = ["Command"]

HIGHEST_EXIT_CODE = 255
VARIABLE = r"[^=\0]+"
OWN_VARIABLES = "SOCKLAT_"


class Command(StrictModel):
    """Any other load tool; its host, port, seed, rate and duration come in its environment."""

    argv: list[Text] = Field(
        min_length=1,
        description="command and arguments; {host}, {port}, {rate} ... are filled in; in place of "
        "a secret stands the path of a file with its value",
        examples=[["wrk", "-d{duration_s}s", "http://{host}:{port}/"]],
    )
    environment: dict[str, Text] = Field(
        default_factory=dict,
        description="more variables of the command, filled in likewise: the way to give it a "
        "secret",
        examples=[{"PGPASSWORD": {"env": "PGPASSWORD"}}],
    )
    ok_exit_codes: list[int] = Field(
        [0],
        min_length=1,
        description="exit codes that are no failure of the load, such as that of a tool whose own "
        "thresholds were missed",
        examples=[[0, 99]],
    )

    @field_validator("argv")
    @classmethod
    def _program(cls, argv: list[Shown]) -> list[Shown]:
        if not isinstance(argv[0], str):
            raise ValueError("the first of them is the program, which is no secret")
        _check_no_null(argv)
        return argv

    @field_validator("environment")
    @classmethod
    def _variables(cls, environment: dict[str, Shown]) -> dict[str, Shown]:
        for name in environment:
            if not re.fullmatch(VARIABLE, name):
                raise ValueError(f"{name!r} cannot be the name of a variable")
            if name.startswith(OWN_VARIABLES):
                raise ValueError(f"variables such as {name} are the load's own")
        _check_no_null(environment.values())
        return environment

    @field_validator("ok_exit_codes")
    @classmethod
    def _exit_codes(cls, codes: list[int]) -> list[int]:
        for code in codes:
            if not 0 <= code <= HIGHEST_EXIT_CODE:
                raise ValueError(f"{code} is no exit code: those are from 0 to {HIGHEST_EXIT_CODE}")
        if 0 not in codes:
            raise ValueError("0 is missing, with which a load that met no trouble ends")
        return codes


def _check_no_null(texts: Iterable[Shown]) -> None:
    if any("\0" in str(text) for text in texts):
        raise ValueError("no process can be given a null byte")
