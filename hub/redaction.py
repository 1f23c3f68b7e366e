"""Secrets: references are resolved here, and every resolved value is struck out of whatever is logged or shown."""

from __future__ import annotations

import base64
import logging
import os
from pathlib import Path
from urllib.parse import quote, quote_plus

from hub.model.errors import SettingsError

_MASK = "•••"
_known: set[str] = set()


def reveal(reference: str) -> str:
    """Resolve `env:NAME`, `file:PATH` or `keyring:SERVICE/NAME` and remember the value for `redact`.

    Raises SettingsError when the text is no reference or what it names is absent; the text itself is never repeated.
    """
    scheme, _, name = reference.partition(":")
    if scheme == "env" and name:
        value = os.environ.get(name, "")
        if not value:
            raise SettingsError(f"the environment variable {name} is not set.")
    elif scheme == "file" and name:
        try:
            value = Path(name).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"the secret file {name} cannot be read.") from error
    elif scheme == "keyring" and "/" in name:
        value = _from_keyring(*name.split("/", 1))
    else:
        raise SettingsError(
            "a secret is written as a reference and never as itself.",
            hint="Use env:NAME, file:PATH or keyring:SERVICE/NAME.",
        )
    remember(value)
    return value


def _from_keyring(service: str, name: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError as error:
        raise SettingsError("keyring is not installed.", hint="Run: pip install 'svyazka[keyring]'") from error
    try:
        value: str | None = keyring.get_password(service, name)
    except KeyringError as error:
        raise SettingsError("this machine has no usable keyring.", hint="Use file:PATH on servers.") from error
    if not value:
        raise SettingsError(f"the keyring has no entry {service}/{name}.")
    return value


def remember(secret: str) -> None:
    """Strike this value, its base64 and its URL-encoded forms out of every later output."""
    if len(secret) >= 4:
        encoded = base64.b64encode(secret.encode()).decode()
        _known.update({secret, quote(secret), quote(secret, safe=""), quote_plus(secret), encoded, encoded.rstrip("=")})


def redact(text: str) -> str:
    """Return the text with every known secret replaced and control characters made visible."""
    for secret in sorted(_known, key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, _MASK)
    return "".join("␛" if ord(sign) < 32 and sign not in "\n\t" else sign for sign in text)


class RedactingFilter(logging.Filter):
    """Strikes secrets out of a log record and keeps it on one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place; nothing is dropped."""
        record.msg = redact(record.getMessage()).replace("\n", "\\n")
        record.args = None
        if record.exc_info and record.exc_info[1] is not None:
            record.msg += f" ({type(record.exc_info[1]).__name__})"
            record.exc_info, record.exc_text = None, None
        return True
