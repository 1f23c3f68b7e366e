"""Secrets: references are resolved here, and every resolved value is struck out of whatever is logged or shown."""

from __future__ import annotations

import base64
import html
import json
import logging
import os
import re
from pathlib import Path
from urllib.parse import quote, quote_plus

from hub.model.errors import SettingsError

_MASK = "•••"
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb]"
)
"""What steers a terminal, breaks a line or turns the direction: C0 and C1 codes, line and bidirectional marks."""
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
    """Strike this value and the forms in which programs repeat it out of every later output."""
    if len(secret) < 4:
        return
    forms = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), html.escape(secret)}
    forms |= {json.dumps(secret, ensure_ascii=plain)[1:-1] for plain in (True, False)}
    _known.update(forms | _inside_base64(secret.encode()))


def _inside_base64(secret: bytes) -> set[str]:
    """Return what base64 makes of the secret wherever it stands in a longer text, as in `user:password`."""
    found = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret).decode()
        whole = encoded[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]
        if len(whole) > 5:
            found |= {whole, whole.replace("+", "-").replace("/", "_")}
    return found


def redact(text: str) -> str:
    """Return the text with every known secret replaced and control characters made visible."""
    return visible(strike(text))


def one_line(text: str) -> str:
    """Return the redacted text on one line: a line feed in it is shown as a sign."""
    return redact(text).replace("\n", "␊")


def strike(text: str) -> str:
    """Return the text with every known secret replaced."""
    for secret in sorted(_known, key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, _MASK)
    return text


def visible(text: str, mark: str = "␛") -> str:
    """Return the text with each character that could act on a terminal replaced; line feeds and tabs stay."""
    return _UNSEEN.sub(mark, text)


def escaped(document: str) -> str:
    """Return a JSON document that says the same without any character that could act on a terminal."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


class RedactingFilter(logging.Filter):
    """Strikes secrets out of a log record and keeps it on one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place; nothing is dropped."""
        try:
            said = record.getMessage()
        except (TypeError, ValueError):  # wrong arguments must not stop who logs
            said = str(record.msg)
        record.msg = redact(said).replace("\n", "\\n")
        record.args = None
        if record.exc_info and record.exc_info[1] is not None:
            record.msg += f" ({type(record.exc_info[1]).__name__})"
            record.exc_info, record.exc_text = None, None
        return True
