"""OAuth2 tokens of a mailbox: asked for when one is needed, kept while it is good (RFC 6749, sections 4.4 and 6)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from hub.model.connector import Tools
from hub.model.errors import AuthError, Unavailable

MOST_BYTES = 64 * 1024
EARLY = timedelta(minutes=5)
"""How long before its end a token counts as old: a session that began with it goes on a while."""
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")


class Tokens:
    """The token of one connection; `form` is what is posted to `url`, `hint` what a person does when it is refused."""

    def __init__(self, tools: Tools, url: str, form: Mapping[str, str], hint: str) -> None:
        self._tools, self._url, self._form, self._hint = tools, url, form, hint
        self._token, self._until = "", datetime.min.replace(tzinfo=UTC)

    def token(self) -> str:
        """Return a token that is still good for a while. Raises AuthError when none is granted."""
        if self._tools.clock.now() >= self._until:
            self._token, seconds = self._granted()
            self._until = self._tools.clock.now() + max(timedelta(seconds=seconds) - EARLY, timedelta(minutes=1))
        return self._token

    def _granted(self) -> tuple[str, int]:
        answer = self._tools.http.request(
            "POST",
            self._url,
            headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
            content=urlencode(self._form).encode(),
            max_bytes=MOST_BYTES,
            accept_status=(400, 401, 403),
        )
        try:
            given = json.loads(answer.content)
        except (ValueError, RecursionError):
            given = None
        given = given if isinstance(given, dict) else {}
        if answer.status != 200:
            code = re.sub(r"[^a-z_]", "", str(given.get("error", "")))[:40] or "no reason"
            raise AuthError(f"no token was granted (HTTP {answer.status}, {code}).", hint=self._hint)
        token, seconds = given.get("access_token"), str(given.get("expires_in", 3600))
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise Unavailable("the server that gives tokens answered without one.")
        return token, int(seconds) if seconds.isdecimal() and len(seconds) < 8 else 3600
