"""The token of one connection: asked for when it is needed, kept while it is good."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from hub.api import AuthError, Tools, Unavailable

from .settings import ImapSettings

MOST_BYTES = 64 * 1024
EARLY = timedelta(minutes=5)
"""How long before its end a token counts as old: a session that began with it goes on a while."""


class Access:
    """Gives the token of a connection; an empty text for one that logs in with a password."""

    def __init__(self, settings: ImapSettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._token, self._until = "", datetime.min.replace(tzinfo=UTC)

    def token(self) -> str:
        """Return a token that is still good for a while. Raises AuthError when none is granted."""
        if self._settings.auth != "oauth2":
            return ""
        if self._tools.clock.now() >= self._until:
            self._token, seconds = self._granted()
            self._until = self._tools.clock.now() + max(timedelta(seconds=seconds) - EARLY, timedelta(minutes=1))
        return self._token

    def _granted(self) -> tuple[str, int]:
        answer = self._tools.http.request(
            "POST",
            self._settings.oauth_url,
            headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
            content=urlencode(self._form()).encode(),
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
            raise AuthError(
                f"no token was granted (HTTP {answer.status}, {code}).",
                hint="Give the application access to the mailbox again, and write the new refresh_token.",
            )
        token, seconds = given.get("access_token"), str(given.get("expires_in", 3600))
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]{1,8192}", token):
            raise Unavailable("the server that gives tokens answered without one.")
        return token, int(seconds) if seconds.isdecimal() and len(seconds) < 8 else 3600

    def _form(self) -> dict[str, str]:
        settings = self._settings
        form = {"client_id": settings.client_id}
        if settings.client_secret is not None:
            form["client_secret"] = settings.client_secret.get_secret_value()
        if settings.refresh_token is not None:
            form |= {"grant_type": "refresh_token", "refresh_token": settings.refresh_token.get_secret_value()}
        else:
            form["grant_type"] = "client_credentials"
        return {**form, "scope": settings.scope} if settings.scope else form


def bearer(user: str, token: str) -> str:
    """Return what XOAUTH2 says to a server."""
    return f"user={user}\x01auth=Bearer {token}\x01\x01"
