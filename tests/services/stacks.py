"""Stacks of the shapes that people have, and the images that they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.services.build import SOURCES, package_image

__all__ = ["SHAPES", "STACKS", "Shape", "stack_variables"]

STACKS = SOURCES / "compose"


@dataclass(frozen=True)
class Shape:
    """A directory of `STACKS`: which service is tested, on which port, and what it says.

    ``says`` are parts of each response; ``counts`` the first count of its database, where that
    keeps one.
    """

    name: str
    service: str
    port: int
    says: tuple[str, ...] = ()
    counts: int | None = None
    keys: Mapping[str, Any] = field(default_factory=dict)


SHAPES = (
    Shape("proxy-app-db", "proxy", 80, ("db=", "secret=open sesame")),
    Shape("two-networks", "proxy", 80, ("db=",), counts=1),
    Shape("app-cache", "web", 8080, ("hits=",)),
    Shape("queue", "api", 8080, ("done=",)),
    Shape("source-mounted", "backend", 8080, ("db=",), counts=42),
    Shape("named-containers", "pgadmin", 8080, ("db=", "price=5$x")),
    Shape("sidecar", "proxy", 80, ("db=",)),
    Shape("load-balanced", "nginx", 80, ("db=", "app=web")),
    Shape("migration", "api", 8080, ("db=",), counts=1),
    Shape("own-subnet", "api", 8080, ("db=",)),
)


def stack_variables(client: Any) -> dict[str, str]:
    """What their files refer to: images made here from packages."""
    tier = package_image(client, "python", SOURCES / "tier.py")
    return {
        "TIER": tier,
        "PYTHON": client.images.get(tier).attrs["Config"]["Cmd"][0],
        "NGINX": package_image(client, "nginx"),
        "REDIS": package_image(client, "redis"),
    }
