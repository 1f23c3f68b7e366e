"""Where the service is and with what token: what must be known before the first question to a mailbox."""

from __future__ import annotations

from lxml import etree

from hub.api import SettingsError, Tokens, Tools

from .settings import ExchangeSettings, place
from .wire import PASSWORD_HINT, check_answer, login, new_session

MOST_BYTES = 1024 * 1024
NOT_FOUND = "Ask the administrator for the address that ends with /EWS/Exchange.asmx and set endpoint."
_AUTODISCOVER = "http://schemas.microsoft.com/exchange/2010/Autodiscover"


class Access:
    """The address of the service and the token of one connection, found once and kept while it lives."""

    def __init__(self, settings: ExchangeSettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._endpoint = settings.endpoint
        self._tokens = Tokens(tools, settings.oauth_url, _form(settings), PASSWORD_HINT)

    def endpoint(self) -> str:
        """Return the address of EWS: the setting, or what Autodiscover says."""
        if not self._endpoint:
            self._endpoint = self._discovered()
        return self._endpoint

    def token(self) -> str:
        """Return a token that is still good for a while."""
        return self._tokens.token()

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


def _form(settings: ExchangeSettings) -> dict[str, str]:
    secret = settings.client_secret.get_secret_value() if settings.client_secret else ""
    form = {"grant_type": "client_credentials", "client_id": settings.client_id, "client_secret": secret}
    return {**form, "scope": settings.scope} if settings.scope else form


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
