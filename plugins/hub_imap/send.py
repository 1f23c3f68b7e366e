"""Speak SMTP: hand one letter to the server for submission, with one try of the password."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from msgspec import Struct

from hub.api import AuthError, HubError, Letter, Rejected, SettingsError, Unavailable

from .access import bearer
from .client import ANSWER_SECONDS, CONNECT_SECONDS, advice, network_error, spoken, tls_context
from .settings import ImapSettings

MECHANISMS = (("PLAIN", "auth_plain"), ("LOGIN", "auth_login"), ("CRAM-MD5", "auth_cram_md5"))


class Refused(Struct, frozen=True):
    """Recipients that a server did not take, with its words: for good, and for now."""

    ever: dict[str, str]
    now: dict[str, str]


def deliver(letter: Letter, settings: ImapSettings, token: Callable[[], str]) -> Refused:
    """Send the letter; return the recipients that were refused.

    Rejected: nobody got it and nobody will. Unavailable: try later; where the connection was lost after the content,
    the server may have taken it, so look for it before.
    """
    with submission(settings, token) as server:
        options = []
        if letter.needs_utf8:
            if not server.has_extn("smtputf8"):
                raise Rejected(f"{settings.smtp_host} does not take addresses with letters other than Latin.")
            options = ["SMTPUTF8"]
        try:
            refused = server.sendmail(letter.sender, letter.recipients, letter.raw, mail_options=options)
        except smtplib.SMTPRecipientsRefused as error:
            raise _verdict(settings.smtp_host, error.recipients) from error
    told = {address: _words(code, answer) for address, (code, answer) in refused.items()}
    later = {address for address, (code, _) in refused.items() if code < 500}
    return Refused({it: told[it] for it in told if it not in later}, {it: told[it] for it in told if it in later})


@contextmanager
def submission(settings: ImapSettings, token: Callable[[], str]) -> Iterator[smtplib.SMTP]:
    """Connect and log in. What comes after the body of the `with` cannot undo it: a failed QUIT is no failure."""
    if not settings.smtp_host:
        raise SettingsError("this connection does not send: smtp_host is not set.", field="smtp_host")
    with _unsent():
        granted = token()
    server = _open(settings, granted)
    with _named(settings.smtp_host):
        try:
            yield server
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
        finally:
            server.close()


def _open(settings: ImapSettings, token: str) -> smtplib.SMTP:
    with _unsent(), _named(settings.smtp_host):
        context = tls_context(settings, settings.smtp_tls)
        port = settings.smtp_port or (465 if settings.smtp_tls == "smtps" else 587)
        if settings.smtp_tls == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(settings.smtp_host, port, timeout=CONNECT_SECONDS, context=context)
        else:
            server = smtplib.SMTP(settings.smtp_host, port, timeout=CONNECT_SECONDS)
        try:
            if server.sock is not None:
                server.sock.settimeout(ANSWER_SECONDS)
            server.ehlo_or_helo_if_needed()
            if settings.smtp_tls == "starttls":
                server.starttls(context=context)
                server.ehlo_or_helo_if_needed()
            _login(server, settings, token)
        except BaseException:
            server.close()
            raise
        return server


@contextmanager
def _unsent() -> Iterator[None]:
    """Promise for all that happens before the letter is handed over: it can be tried again."""
    try:
        yield
    except Unavailable as error:
        error.unsent = True
        raise


def _login(server: smtplib.SMTP, settings: ImapSettings, token: str) -> None:
    server.user = settings.smtp_user or settings.user
    offered = server.esmtp_features.get("auth", "").upper().split()
    if token and "XOAUTH2" not in offered:
        raise SettingsError(f"{settings.smtp_host} takes no tokens.", field="auth")
    if token:
        said = [bearer(server.user, token)]
        server.auth("XOAUTH2", lambda _=None: said.pop() if said else "")  # refused: an empty line
        return
    password = settings.smtp_password or settings.password
    server.password = password.get_secret_value() if password else ""
    if not (server.user + server.password).isascii():
        raise SettingsError(
            "user and password for sending must be ASCII; SMTP servers take no others.", field="password"
        )
    for mechanism, method in MECHANISMS:  # `SMTP.login` would try the password once with each of them
        if mechanism in offered:
            server.auth(mechanism, getattr(server, method))
            return
    raise SettingsError(
        f"{settings.smtp_host} offers no way to log in with a password.",
        field="smtp_tls",
        hint="Many servers offer it only over TLS: write smtps or starttls.",
    )


def _verdict(host: str, refused: Mapping[str, tuple[int, bytes]]) -> HubError:
    words = "; ".join(dict.fromkeys(_words(code, answer) for code, answer in refused.values()))[:300]
    if any(code < 500 for code, _ in refused.values()):
        return Unavailable(f"{host} takes no recipient now: {words}", unsent=True)
    return Rejected(f"{host} refused every recipient: {words}")


@contextmanager
def _named(host: str) -> Iterator[None]:
    try:
        yield
    except HubError:
        raise
    except smtplib.SMTPAuthenticationError as error:
        words = _words(error.smtp_code, error.smtp_error)
        if error.smtp_code < 500:
            raise Unavailable(f"{host} does not let us in now: {words}") from error
        raise AuthError(f"{host} refused the login: {words}", hint=advice(host)) from error
    except (smtplib.SMTPConnectError, smtplib.SMTPHeloError) as error:
        raise Unavailable(f"{host} does not serve us now or does not speak SMTP.") from error
    except smtplib.SMTPResponseException as error:
        words = _words(error.smtp_code, error.smtp_error)
        if error.smtp_code in (530, 534, 535, 538):
            raise AuthError(f"{host} wants another login: {words}", hint=advice(host)) from error
        if 500 <= error.smtp_code < 600:
            raise Rejected(f"{host} refused the letter: {words}") from error
        raise Unavailable(f"{host} cannot take the letter now: {words}", unsent=error.smtp_code >= 400) from error
    except smtplib.SMTPNotSupportedError as error:
        raise SettingsError(f"{host} does not offer what the settings ask for: {error}", field="smtp_tls") from error
    except smtplib.SMTPException as error:
        is_late = isinstance(error.__context__, TimeoutError)  # the library calls it a lost connection
        what = "did not answer in time" if is_late else "broke the connection off or does not speak SMTP"
        raise Unavailable(f"{host} {what}.") from error
    except OSError as error:
        raise network_error(host, error) from error
    except ValueError as error:
        raise Unavailable(f"{host} gave an answer that is not SMTP.") from error


def _words(code: int, answer: bytes | str) -> str:
    return f"{code} {spoken(answer.decode('utf-8', 'replace') if isinstance(answer, bytes) else answer)}"
