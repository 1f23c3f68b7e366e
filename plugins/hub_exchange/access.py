"""Where the service is and with what token: what must be known before the first question to a mailbox."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from lxml import etree

from hub.api import AuthError, SettingsError, Tools, Unavailable

from .settings import ExchangeSettings, place
from .wire import PASSWORD_HINT, check_answer, login, new_session

EARLY = timedelta(minutes=2)
MOST_BYTES = 1024 * 1024
NOT_FOUND = "Ask the administrator for the address that ends with /EWS/Exchange.asmx and set endpoint."
_AUTODISCOVER = "http://schemas.microsoft.com/exchange/2010/Autodiscover"


class Access:
    """The address of the service and the token of one connection, found once and kept while it lives."""

    def __init__(self, settings: ExchangeSettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._endpoint = settings.endpoint
        self._token, self._until = "", datetime.min.replace(tzinfo=UTC)

    def endpoint(self) -> str:
        """Return the address of EWS: the setting, or what Autodiscover says."""
        if not self._endpoint:
            self._endpoint = self._discovered()
        return self._endpoint

    def token(self) -> str:
        """Return a token that is still good for a while."""
        if self._tools.clock.now() >= self._until:
            self._token, seconds = self._granted()
            self._until = self._tools.clock.now() + max(timedelta(seconds=seconds) - EARLY, timedelta(minutes=1))
        return self._token

    def _granted(self) -> tuple[str, int]:
        settings = self._settings
        secret = settings.client_secret.get_secret_value() if settings.client_secret else ""
        form = {"grant_type": "client_credentials", "client_id": settings.client_id, "client_secret": secret}
        if settings.scope:
            form["scope"] = settings.scope
        answer = self._tools.http.request(
            "POST",
            settings.oauth_url,
            headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
            content=urlencode(form).encode(),
            max_bytes=MOST_BYTES,
            accept_status=(400, 401, 403),
        )
        given = _decoded(answer.content)
        if answer.status != 200:
            code = re.sub(r"[^a-z_]", "", str(given.get("error", "")))[:40]
            raise AuthError(f"no token was granted (HTTP {answer.status}, {code or 'no reason'}).", hint=PASSWORD_HINT)
        token, seconds = given.get("access_token"), given.get("expires_in", 3600)
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise Unavailable("the server that gives tokens answered without one.")
        return token, int(seconds) if str(seconds).isdecimal() and len(str(seconds)) < 8 else 3600

    def _discovered(self) -> str:
        settings = self._settings
        domain = settings.mailbox.rpartition("@")[2]
        url = settings.autodiscover or place(f"https://autodiscover.{domain}/autodiscover/autodiscover.svc")
        host = url.split("/")[2]
        with new_session(settings, host, login(settings, self.token), MOST_BYTES) as asking:
            answer = asking.post(url, data=_question(settings.mailbox, url), allow_redirects=False)
            check_answer(answer, host)
            content = answer.content
        found = _answered(content if isinstance(content, bytes) else b"")
        if not found:
            raise SettingsError("Autodiscover knows no EWS for this mailbox.", field="endpoint", hint=NOT_FOUND)
        try:
            return place(found)
        except ValueError as error:
            raise SettingsError(f"Autodiscover leads to {found[:200]!r}: {error}.", field="endpoint") from error


def _decoded(content: bytes) -> dict[str, Any]:
    try:
        given = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return given if isinstance(given, dict) else {}


def _question(mailbox: str, url: str) -> bytes:
    soap, address = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2005/08/addressing"
    envelope = etree.Element(f"{{{soap}}}Envelope", nsmap={"s": soap, "a": _AUTODISCOVER, "wsa": address})
    head = etree.SubElement(envelope, f"{{{soap}}}Header")
    etree.SubElement(head, f"{{{_AUTODISCOVER}}}RequestedServerVersion").text = "Exchange2013"
    etree.SubElement(head, f"{{{address}}}Action").text = f"{_AUTODISCOVER}/Autodiscover/GetUserSettings"
    etree.SubElement(head, f"{{{address}}}To").text = url
    body = etree.SubElement(envelope, f"{{{soap}}}Body")
    message = etree.SubElement(body, f"{{{_AUTODISCOVER}}}GetUserSettingsRequestMessage")
    request = etree.SubElement(message, f"{{{_AUTODISCOVER}}}Request")
    users = etree.SubElement(request, f"{{{_AUTODISCOVER}}}Users")
    user = etree.SubElement(users, f"{{{_AUTODISCOVER}}}User")
    etree.SubElement(user, f"{{{_AUTODISCOVER}}}Mailbox").text = mailbox
    wanted = etree.SubElement(request, f"{{{_AUTODISCOVER}}}RequestedSettings")
    for name in ("ExternalEwsUrl", "InternalEwsUrl"):
        etree.SubElement(wanted, f"{{{_AUTODISCOVER}}}Setting").text = name
    return bytes(etree.tostring(envelope, xml_declaration=True, encoding="utf-8"))


def _answered(content: bytes) -> str:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        envelope = etree.fromstring(content, parser=parser)
    except etree.XMLSyntaxError:
        return ""
    found: dict[str, str] = {}
    for setting in envelope.iter(f"{{{_AUTODISCOVER}}}UserSetting"):
        name = setting.findtext(f"{{{_AUTODISCOVER}}}Name", "")
        found[name] = setting.findtext(f"{{{_AUTODISCOVER}}}Value", "").strip()
    return found.get("ExternalEwsUrl") or found.get("InternalEwsUrl") or ""
