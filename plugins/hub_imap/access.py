"""How a connection signs in with OAuth2: what is posted for a token, and what XOAUTH2 says with it."""

from __future__ import annotations

from hub.api import Tokens, Tools

from .settings import ImapSettings


class Access:
    """Gives the token of a connection; an empty text for one that logs in with a password."""

    def __init__(self, settings: ImapSettings, tools: Tools) -> None:
        self._is_needed = settings.auth == "oauth2"
        self._tokens = Tokens(
            tools, settings.oauth_url, _form(settings),
            "Give the application access to the mailbox again, and write the new refresh_token.",
        )  # fmt: skip

    def token(self) -> str:
        """Return a token that is still good for a while. Raises AuthError when none is granted."""
        return self._tokens.token() if self._is_needed else ""


def _form(settings: ImapSettings) -> dict[str, str]:
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
