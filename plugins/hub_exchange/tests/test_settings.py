"""Settings: what a person may write, and what is refused with the reason."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from hub_exchange.settings import ExchangeSettings

GOOD = {
    "endpoint": "https://mail.example.ru/EWS/Exchange.asmx",
    "user": "EXAMPLE\\office",
    "password": "x",
    "address": "Office@Example.ru",
}


def made(**changed: str) -> ExchangeSettings:
    return ExchangeSettings.model_validate({**GOOD, **changed})


def test_a_usual_connection():
    settings = made(folders="INBOX, sent, Inbox/Клиенты, Inbox")
    assert settings.mailbox == "office@example.ru"
    assert settings.folders == ("Inbox", "Sent", "Inbox/Клиенты")
    assert settings.ours == {"example.ru", "office@example.ru"}
    assert (settings.auth, settings.access) == ("ntlm", "delegate")
    assert "x" not in repr(settings.password)


@pytest.mark.parametrize(
    "host", ["outlook.office365.com", "OUTLOOK.Office365.com.", "outlook.office.com", "eas.outlook.com"]
)
def test_exchange_online_is_refused_with_the_reason_and_what_to_use(host):
    with pytest.raises(ValidationError, match=r"1 October 2026.*1 April 2027.*graph, or imap"):
        made(endpoint=f"https://{host}/EWS/Exchange.asmx")


def test_a_name_that_only_looks_like_exchange_online_is_fine():
    made(endpoint="https://notoutlook.office365.com.example.ru/EWS/Exchange.asmx")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"endpoint": "http://mail.example.ru/EWS/Exchange.asmx"}, "must begin with https"),
        ({"endpoint": "mail.example.ru"}, "write an address such as"),
        ({"endpoint": "https://user:hunter2@mail.example.ru/EWS/Exchange.asmx"}, "write an address such as"),
        ({"endpoint": "https://mail.example.ru/EWS/Exchange.asmx?x=1"}, "write an address such as"),
        ({"oauth_url": "http://adfs.example.ru/token"}, "must begin with https"),
        ({"address": "", "user": "EXAMPLE\\office"}, "address of the mailbox"),
        ({"address": "office"}, "write an address"),
        ({"user": "office\nevil"}, "control"),
        ({"user": ""}, "needs user and password"),
        ({"auth": "oauth2"}, "needs oauth_url"),
        ({"folders": ""}, "at least one folder"),
        ({"own": "@@"}, "neither a domain"),
        ({"max_message_bytes": "1"}, "65536"),
    ],
)
def test_mistakes_are_named(changed, words):
    with pytest.raises(ValidationError, match=words) as caught:
        made(**changed)
    assert "hunter2" not in str(caught.value.errors(include_input=False))


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:80"])
def test_without_tls_only_on_this_machine(host):
    made(endpoint=f"http://{host}/EWS/Exchange.asmx")
