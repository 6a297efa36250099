"""PostgreSQL: recognised by its first message, loaded by pgbench."""

from __future__ import annotations

from socklat_gate.load.protocols.handshake import Handshake
from socklat_gate.load.protocols.protocol import LoadKey, LoadProtocol

__all__ = ["PROTOCOL"]

_PGBENCH = r"""
pgbench -n -f - -h {host} -p {port} -U postgres -t 1 postgres <<'SQL'
CREATE TABLE IF NOT EXISTS socklat (id int PRIMARY KEY, value int NOT NULL);
INSERT INTO socklat SELECT id, 0 FROM generate_series(1, 10000) id ON CONFLICT DO NOTHING;
SQL
exec pgbench -n -f - -h {host} -p {port} -U postgres -M prepared -c {connections} -R {rate} \
  -T {duration_s} --random-seed={seed} postgres <<'SQL'
\set id random(1, 10000)
\set write random(1, 5)
\if :write = 1
UPDATE socklat SET value = value + 1 WHERE id = :id;
\else
SELECT value FROM socklat WHERE id = :id;
\endif
SQL
""".lstrip()
"""A table of its own, then one read in five a write, each one prepared statement."""

EXAMPLE = f"""[load]
driver = "command"
command.argv = ["sh", "-c", '''
{_PGBENCH}''']
"""
ASKS = 'a password: command.environment = { PGPASSWORD = { env = "PGPASSWORD" } }'
POSTGRESQL = Handshake(
    "PostgreSQL",
    (5432,),
    # SSLRequest; "Message Formats" in PostgreSQL's documentation.
    (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big"),
    (b"S", b"N"),
    "command",
    (LoadKey("command.argv", ["sh", "-c", _PGBENCH], ASKS),),
    repeats=False,
    stand_in=False,
)
PROTOCOL = LoadProtocol("PostgreSQL", EXAMPLE, detectors=(POSTGRESQL,))
