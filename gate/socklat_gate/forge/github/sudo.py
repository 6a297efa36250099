"""What a gate that runs as root through sudo keeps of the job's environment."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from socklat_gate.interrupt import LIFELINE
from socklat_gate.masking import looks_secret
from socklat_gate.scenario.variables import NamedVariable

__all__ = ["Carried", "carry", "hidden", "missing_messages"]

HIDDEN = re.compile(
    r"ACTIONS_.*|INPUT_.*|SOCKLAT_ACTION_.*"
    r"|(?:GH|GITHUB|GITEA|FORGEJO)(?:_ENTERPRISE)?_TOKEN"
    r"|(?:GITHUB|GITEA|FORGEJO)_(?:ENV|OUTPUT|PATH|STATE|STEP_SUMMARY)"
)
"""What lets a process speak for this step, or to the code host."""

KEPT = re.compile(
    r"PATH|HOME|CI|TZ|LANG|LC_[A-Z]+|NO_COLOR|FORCE_COLOR|XDG_(?:CONFIG_HOME|RUNTIME_DIR)|SSH_AUTH_SOCK"
    r"|(?:HTTPS?|FTP|ALL|NO)_PROXY|SSL_CERT_(?:FILE|DIR)|(?:REQUESTS|CURL)_CA_BUNDLE"
    r"|(?:BUILDKIT|BUILDX|COMPOSE|DOCKER|FORGEJO|GITEA|GITHUB|RUNNER|SOCKLAT)_.*",
    re.IGNORECASE,
)
"""What commands of Docker, compose and git go by; what looks secret among it must be named."""

KEPT_SECRETS = re.compile(
    r"AWS_.*|AZURE_STORAGE_.*|(?:CLOUDSDK|FSSPEC|GCSFS)_.*|GOOGLE_APPLICATION_CREDENTIALS"
    r"|DOCKER_AUTH_CONFIG"
)
"""Credentials of a store of baselines, whose address no scenario names, and of registries."""

OWN = {LIFELINE}


@dataclass(frozen=True, slots=True)
class Carried:
    """Names of the variables that are kept."""

    kept: tuple[str, ...]

    @property
    def prefix(self) -> tuple[str, ...]:
        """How a command is run as root with what is kept."""
        kept = ",".join(self.kept)
        return ("sudo", "-n", f"--preserve-env={kept}") if kept else ("sudo", "-n")

    @property
    def line(self) -> str:
        """What the log says of it: names alone."""
        shown = [name for name in self.kept if name not in OWN]
        return f"sudo: root's gate is given {', '.join(shown) or 'no variable'}"


def hidden(name: str) -> bool:
    """Whether no gate gets a variable of that name."""
    return HIDDEN.fullmatch(name) is not None


def carry(environment: Mapping[str, str], named: Collection[str]) -> Carried:
    """What is kept of ``environment``; ``named`` are those of scenario and compose files."""
    names = (name for name in sorted(environment) if not hidden(name))
    return Carried(tuple(name for name in names if name in named or _usual(name)))


def missing_messages(
    named: Iterable[NamedVariable], environment: Mapping[str, str]
) -> Iterator[str]:
    """What is to be said of variables that are named somewhere and that the gate will not have."""
    for one in named:
        if one.name in environment and hidden(one.name):
            yield (
                f"{one.file} names {one.name}, which is this job's own and which no gate is given; "
                "put what the service needs into a variable of another name"
            )
        elif one.needed and one.name not in environment:
            yield f"{one.file} names {one.name}, which is not set: give it in the step's env"


def _usual(name: str) -> bool:
    if KEPT_SECRETS.fullmatch(name):
        return True
    return KEPT.fullmatch(name) is not None and not looks_secret(name)
