"""``load.tls``: how the driver speaks TLS.  Models only."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from socklat_gate.scenario.strict import StrictModel

__all__ = ["Tls"]

LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
HOST_NAME = re.compile(rf"(?=.{{1,253}}$){LABEL}(\.{LABEL})*")


class Tls(StrictModel):
    """TLS on every connection of the load; ``load.tls = true`` is this table with its defaults."""

    ca_file: str | None = Field(
        None,
        min_length=1,
        description="certificates (PEM) of which one must have signed the service's, or be it; "
        "relative to the scenario; default: those of the system",
        examples=["ca.pem"],
    )
    server_name: str = Field(
        "localhost",
        description="name that the service's certificate must fit; it is sent to the service too",
        examples=["shop.internal"],
    )
    cert_file: str | None = Field(
        None,
        min_length=1,
        description="certificate of the client (PEM), for services that ask for one; relative to "
        "the scenario",
        examples=["client.pem"],
    )
    key_file: str | None = Field(
        None,
        min_length=1,
        description="key of that certificate (PEM, not encrypted); default: it is in cert_file",
        examples=["client.key"],
    )
    insecure: bool = Field(
        False,
        description="accept any certificate, as is enough for a service of your own",
    )
    min_version: Literal["1.2", "1.3"] = Field("1.2", description="lowest version of TLS to accept")

    @field_validator("server_name")
    @classmethod
    def _sendable(cls, name: str) -> str:
        try:
            if not HOST_NAME.fullmatch(name):
                ipaddress.ip_address(name)
        except ValueError:
            raise ValueError("neither a host name nor an IP address") from None
        return name

    @model_validator(mode="after")
    def _fits_together(self) -> Tls:
        if self.insecure and self.ca_file:
            raise ValueError("with insecure = true nothing is checked by ca_file: give one of them")
        if self.key_file and not self.cert_file:
            raise ValueError("key_file belongs to a cert_file, which is missing")
        return self
