"""The file system that fsspec has for an address, and how its clients fail."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from socklat_gate.errors import Reason, UsageError
from socklat_gate.wording.sanitise import describe_error

__all__ = ["client_errors", "filesystem_of"]

_EXTRA = "install it: pip install 'socklat-gate[stores]'"
# The clients' own errors that are no OSError, by the module that must have been imported for them.
_CLIENT_ERRORS = {
    "aiohttp": "ClientError",
    "azure.core.exceptions": "AzureError",
    "botocore.exceptions": "BotoCoreError",
    "fsspec.exceptions": "FSTimeoutError",
    "google.auth.exceptions": "GoogleAuthError",
}


def filesystem_of(url: str) -> tuple[Any, str]:
    """Fsspec's file system, and the path in it that the address means.

    Raises `UsageError`: missing_extra when a package is not installed, bad_argument when fsspec
    does not know such addresses.
    """
    try:
        import fsspec  # noqa: PLC0415 - an extra
    except ImportError:
        _missing(url, "fsspec")
    protocol = url.partition("://")[0]
    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(
            url, use_listings_cache=False, skip_instance_cache=True
        )
    except ImportError as error:
        _missing(url, str(error).partition("\n")[0])
    except (ValueError, TypeError) as error:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"{protocol}:// is no object store that fsspec can open: {describe_error(error)}",
            remedy="give a directory, git+branch:NAME, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX",
        ) from None
    return found


def _missing(url: str, what: str) -> NoReturn:
    raise UsageError(
        Reason.MISSING_EXTRA,
        f"baselines at {url} need a package that is not installed ({what})",
        remedy=_EXTRA if url.startswith("s3://") or what == "fsspec" else f"{_EXTRA}; {what}",
    )


def client_errors() -> tuple[type[BaseException], ...]:
    """What a client may raise when it cannot do its work; of clients that are in use only."""
    found = [OSError]
    for module, name in _CLIENT_ERRORS.items():
        if module in sys.modules:
            found.append(getattr(sys.modules[module], name))
    return tuple(found)
