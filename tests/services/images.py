"""Builds images that many tests start, before they want them."""

from __future__ import annotations

from socklat_gate.service.client import connect
from tests.e2e.scenarios import DELAY_TAG, ECHO_TAG
from tests.services.build import SCENARIOS, build_echo, build_image, package_image, scenario_image

__all__: list[str] = []

PACKAGES = ("redis", "nginx", "postgres")
EXAMPLES = ("asgi", "grpc", "http2-nginx")


def main() -> None:
    client = connect()
    build_image(client, "delay.c", DELAY_TAG, ["/delay"])
    build_image(client, "echo.c", ECHO_TAG, ["/echo"])
    build_echo(client)
    for package in PACKAGES:
        package_image(client, package)
    package_image(client, "node", SCENARIOS / "node-https" / "service.js")
    for name in EXAMPLES:
        scenario_image(client, name)
    client.close()


if __name__ == "__main__":
    main()
