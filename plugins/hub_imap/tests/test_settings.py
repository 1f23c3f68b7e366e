"""Settings: text as a person writes it, and clear refusals."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from hub_imap.client import advice
from hub_imap.settings import ImapSettings, is_loopback

GIVEN = {"host": "imap.example.ru", "user": "office@example.ru", "password": "secret"}


def settings(**changed: str) -> ImapSettings:
    return ImapSettings.model_validate({**GIVEN, **changed})


def test_what_is_ours_follows_from_the_mailbox():
    assert settings().ours == {"example.ru", "office@example.ru"}
    assert settings(user="firma@yandex.ru").ours == {"firma@yandex.ru"}
    own = settings(own="@Example.RU, пример.рф, director@mail.ru")
    assert own.ours == {"example.ru", "пример.рф", "director@mail.ru", "office@example.ru"}


def test_lists_are_written_with_commas():
    assert settings(folders="inbox, Клиенты,INBOX").folders == ("INBOX", "Клиенты")
    assert settings().folders == ("INBOX", "Sent")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tls": "none"}, "only for a server on this machine"),
        ({"smtp_host": "smtp.example.ru", "smtp_tls": "none"}, "only for a server on this machine"),
        ({"host": ""}, "write the IMAP server, or name the provider"),
        ({"auth": "oauth2"}, "needs client_id"),
        ({"auth": "oauth2", "client_id": "a", "client_secret": "b"}, "begins with https"),
        ({"auth": "oauth2", "client_id": "a", "client_secret": "b", "oauth_url": "http://x.example/t"}, "https"),
        ({"user": "office"}, "write the address of the mailbox"),
        ({"own": "не домен"}, "neither a domain nor an address"),
        ({"user": "a@example.ru\r\nA1 LOGOUT"}, "control characters"),
        ({"folders": " , "}, "at least one folder"),
        ({"address": "office"}, "such as office@example.ru"),
        ({"port": "0"}, "greater than or equal to 1"),
        ({"max_message_bytes": "5"}, "greater than or equal to"),
        ({"since": "soon"}, "write a duration"),
    ],
)
def test_wrong_settings_say_what_is_wrong(changed, words):
    with pytest.raises(ValidationError, match=words):
        settings(**changed)


@pytest.mark.parametrize(
    ("provider", "host", "smtp_host", "smtp_tls"),
    [
        ("yandex", "imap.yandex.ru", "smtp.yandex.ru", "smtps"),
        ("mail.ru", "imap.mail.ru", "smtp.mail.ru", "smtps"),
        ("gmail", "imap.gmail.com", "smtp.gmail.com", "smtps"),
    ],
)
def test_a_provider_is_enough(provider, host, smtp_host, smtp_tls):
    given = {"provider": provider, "user": "office@example.ru", "password": "secret"}
    found = ImapSettings.model_validate(given)
    assert (found.host, found.smtp_host, found.smtp_tls, found.tls) == (host, smtp_host, smtp_tls, "imaps")
    assert ImapSettings.model_validate({**given, "smtp_host": ""}).smtp_host == ""


def test_microsoft_takes_tokens_only():
    given = {"provider": "microsoft365", "user": "office@example.ru", "password": "secret"}
    with pytest.raises(ValidationError, match="oauth2 needs client_id"):
        ImapSettings.model_validate(given)
    tenant = "https://login.microsoftonline.com/example.ru/oauth2/v2.0/token"
    found = ImapSettings.model_validate({**given, "client_id": "a", "client_secret": "b", "oauth_url": tenant})
    assert (found.auth, found.smtp_tls, found.host) == ("oauth2", "starttls", "outlook.office365.com")


def test_a_password_is_needed_where_a_password_counts():
    with pytest.raises(ValidationError, match="write a reference to the password"):
        ImapSettings.model_validate({"host": "imap.example.ru", "user": "office@example.ru"})


def test_without_protection_only_on_this_machine():
    assert settings(host="localhost", tls="none").tls == "none"
    assert [is_loopback(host) for host in ("127.0.0.9", "::1", "10.0.0.1", "localhost.evil.example")] == [
        True,
        True,
        False,
        False,
    ]


def test_the_password_is_not_shown():
    shown = repr(settings(password="hidden-one", smtp_password="hidden-two", client_secret="hidden-three"))
    assert "hidden" not in shown


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("imap.yandex.ru", "app password"),
        ("imap.mail.ru", "пароль для внешнего приложения"),
        ("imap.gmail.com", "2-step"),
        ("outlook.office365.com", "Microsoft 365"),
        ("mail.example.ru", "Check user and password"),
    ],
)
def test_a_refused_login_comes_with_the_providers_advice(host, words):
    assert words in advice(host)
