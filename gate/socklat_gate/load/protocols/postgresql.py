"""PostgreSQL: recognised by its first message, loaded by pgbench."""

from __future__ import annotations

from socklat_gate.load.protocols.handshake import Handshake
from socklat_gate.load.protocols.protocol import LoadKey, LoadProtocol

__all__ = ["PROTOCOL"]

_PGBENCH = (
    "echo 'SELECT count(*) FROM pg_class' | pgbench -n -f - -h {host} -p {port} -U postgres "
    "-c {connections} -R {rate} -T {duration_s} --random-seed={seed} postgres"
)
EXAMPLE = f"""[load]
driver = "command"
command.argv = ["sh", "-c", "{_PGBENCH}"]
"""
POSTGRESQL = Handshake(
    "PostgreSQL",
    (5432,),
    # SSLRequest; "Message Formats" in PostgreSQL's documentation.
    (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big"),
    (b"S", b"N"),
    "command",
    (LoadKey("command.argv", ["sh", "-c", _PGBENCH], "PGPASSWORD=... pgbench where it wants one"),),
    repeats=False,
)
PROTOCOL = LoadProtocol("PostgreSQL", EXAMPLE, detectors=(POSTGRESQL,))
