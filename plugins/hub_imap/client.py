"""Speak IMAP: the only module that knows IMAPClient. Its errors leave here as those of the hub.

Every session logs in once. What a server says is repeated in errors shortly; what a mail says never is.
"""

from __future__ import annotations

import logging
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import CapabilityError, IMAPClientAbortError, IMAPClientError, LoginError, ProtocolError

from hub.api import AuthError, HubError, SettingsError, Unavailable

from .access import bearer
from .settings import ImapSettings

CONNECT_SECONDS = 15
ANSWER_SECONDS = 60
MOST_BESIDE = 1024 * 1024
"""So many bytes may come beside the letters asked for: names of folders, or a size that was not quite true."""
MOST_IN_SEARCH = 50_000
"""Messages one SEARCH looks at: its answer is one line, and imaplib refuses lines beyond a million bytes."""

ANSWERED = b"\\answered"
SENT = "Sent"
SENT_NAMES = ("отправленные", "отправленное", "исходящие", "sent", "sent items", "sent messages", "sent mail")

logging.getLogger("imapclient").setLevel(logging.WARNING)  # at DEBUG it would print every letter


class TooLarge(Unavailable):
    """The server announced more bytes than were agreed; they were not read, and the session went on anew."""


class _Room:
    """How many bytes of literals the present command may bring: imaplib would make room for whatever is announced."""

    def __init__(self, client: IMAPClient, host: str) -> None:
        self.left = 0
        self._read, self._host = client._imap.read, host
        client._imap.read = self._limited

    def _limited(self, size: int) -> bytes:
        if size > self.left:
            raise TooLarge(f"{self._host} announced {size} bytes where at most {self.left} were expected.")
        self.left -= size
        content: bytes = self._read(size)
        return content


class Mailbox:
    """One IMAP session that is logged in. Reading never changes the mailbox: folders are examined, bodies peeked at."""

    def __init__(self, settings: ImapSettings, token: Callable[[], str]) -> None:
        self._settings, self._token = settings, token
        self._host = settings.host
        self._names: list[tuple[tuple[str, ...], str]] | None = None
        self._folder: tuple[str, int] | None = None
        self._exists = 0
        self.next_uid = 2**32
        """Above every UID of the folder that was opened last, as far as the server says."""
        self.modseq = 0
        """How many changes the folder that was opened last has seen (RFC 7162); 0 where the server does not count."""
        self._client = _connect(settings)
        self._room = _Room(self._client, self._host)
        self._room.left = MOST_BESIDE
        try:
            _login(self._client, settings, token())
            self._count_changes()
        except BaseException:
            self.close()
            raise

    def _count_changes(self) -> None:
        """Let the server say how far marks were changed, if it can: some say it only when they are asked to."""
        if {"ENABLE", "CONDSTORE"} <= self.capabilities():
            with self._asking():
                self._client.enable("CONDSTORE")

    def close(self) -> None:
        """Log out."""
        try:
            self._client.logout()
        except (IMAPClientError, OSError, ValueError, HubError):
            self.hang_up()

    def hang_up(self) -> None:
        """Break the connection off without a word."""
        with suppress(OSError):
            self._client.shutdown()

    def _renew(self) -> None:
        """Go on in a new session: in this one the rest of an answer is still to come."""
        self.hang_up()
        fresh = Mailbox(self._settings, self._token)
        self._client, self._room = fresh._client, fresh._room
        if self._folder is not None and fresh.examine(self._folder[0])[0] != self._folder[1]:
            raise Unavailable(f"{self._host} numbers the letters of {self._folder[0]!r} anew.")

    @contextmanager
    def _asking(self, most_bytes: int = 0) -> Iterator[None]:
        """Ask for something whose answer brings so many bytes of letters at most."""
        self._room.left = most_bytes + MOST_BESIDE
        try:
            with named(self._host):
                yield
        except TooLarge:
            self._renew()
            raise

    def capabilities(self) -> frozenset[str]:
        """Return what the server says it can do."""
        with self._asking():
            return frozenset(name.decode("ascii", "replace").upper() for name in self._client.capabilities())

    def server(self) -> str:
        """Return name and version of the server, if it tells."""
        if "ID" not in self.capabilities():
            return ""
        with self._asking():
            answer = self._client.id_()
        fields = answer[0] if answer and isinstance(answer[0], tuple) else ()
        words = [word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word) for word in fields]
        told = {key.lower(): value for key, value in zip(words[::2], words[1::2], strict=False)}
        return f"{told.get('name', '')} {told.get('version', '')}".strip()

    def folders(self) -> list[tuple[tuple[str, ...], str]]:
        """Return flags and name of every folder that can be opened."""
        if self._names is None:
            with self._asking():
                listed = self._client.list_folders()
            found = [
                (tuple(flag.decode("ascii", "replace").lower() for flag in flags), name) for flags, _, name in listed
            ]
            self._names = [
                (flags, str(name)) for flags, name in found if not {"\\noselect", "\\nonexistent"} & {*flags}
            ]
        return self._names

    def find(self, name: str) -> str | None:
        """Return the server's name of a folder; `Sent` is the one with that use, else the one with such a name."""
        names = [folder for _, folder in self.folders()]
        if name != SENT:
            return next((folder for folder in names if folder == name or folder.upper() == name == "INBOX"), None)
        by_use = next((folder for flags, folder in self.folders() if "\\sent" in flags), None)
        lasts = {folder.replace(".", "/").rpartition("/")[2].casefold(): folder for folder in reversed(names)}
        return by_use or next((lasts[known] for known in ("sent", *SENT_NAMES) if known in lasts), None)

    def examine(self, folder: str) -> tuple[int, int]:
        """Open a folder for reading; return its UIDVALIDITY and how many messages it holds."""
        try:
            with self._asking():
                opened = self._client.select_folder(folder, readonly=True)
        except _Refused as error:
            raise SettingsError(f"folder {folder!r} cannot be opened: {error.words}", field="folders") from error
        if b"UIDVALIDITY" not in opened:
            raise Unavailable(f"{self._host} gives no UIDVALIDITY for folder {folder!r}, so nothing can be resumed.")
        self._folder, self._exists = (folder, int(opened[b"UIDVALIDITY"])), int(opened[b"EXISTS"])
        self.next_uid = int(opened.get(b"UIDNEXT", 2**32))
        self.modseq = int(opened.get(b"HIGHESTMODSEQ", 0))
        return self._folder[1], self._exists

    def search(self, exists: int, *criteria: str | date) -> list[int]:
        """Return UIDs that fit, ascending. A list too long for one answer is asked for piece by piece."""
        found: set[int] = set()
        for first in range(1, exists + 1, MOST_IN_SEARCH):
            last = first + MOST_IN_SEARCH - 1
            window = f"{first}:{last if last < exists else '*'}"
            with self._asking():
                found.update(self._client.search([window, *criteria] if exists > MOST_IN_SEARCH else list(criteria)))
        return sorted(found)

    def sizes(self, uids: Sequence[int]) -> tuple[dict[int, int], frozenset[int]]:
        """Return the size of each message that is still there, and which of them are marked as answered."""
        with self._asking():
            answer = self._client.fetch(list(uids), ["RFC822.SIZE", "FLAGS"])
        sizes = {uid: it[b"RFC822.SIZE"] for uid, it in answer.items() if isinstance(it.get(b"RFC822.SIZE"), int)}
        return sizes, frozenset(uid for uid in sizes if ANSWERED in map(bytes.lower, answer[uid].get(b"FLAGS", ())))

    def contents(self, sizes: Mapping[int, int]) -> dict[int, bytes | None]:
        """Return the raw bytes of each message that is still there; `None` for one that is larger than may be.

        `sizes` is what the server said of them before. When it brings more, they are asked for one by one.
        """
        most = self._settings.max_message_bytes
        try:
            found = self._fetch([*sizes], "BODY[]", max(most, sum(sizes.values())))
        except TooLarge:
            if len(sizes) == 1:
                return dict.fromkeys(sizes)
            return {uid: raw for one in sizes for uid, raw in self.contents({one: sizes[one]}).items()}
        return {uid: value for uid, value in found.items() if isinstance(value, bytes)}

    def headers(self, uid: int) -> bytes | None:
        """Return the raw header of one message, if it is still there. Raises TooLarge."""
        value = self._fetch([uid], "BODY[HEADER]", self._settings.max_message_bytes).get(uid)
        return value if isinstance(value, bytes) else None

    def _fetch(self, uids: Sequence[int], item: str, most_bytes: int = 0) -> dict[int, Any]:
        with self._asking(most_bytes):
            answer = self._client.fetch(list(uids), [item.replace("BODY[", "BODY.PEEK[")])
        return {uid: fields[item.encode()] for uid, fields in answer.items() if item.encode() in fields}

    def append(self, folder: str, raw: bytes, moment: datetime) -> None:
        """Put a message into a folder as one that was read."""
        with self._asking():
            self._client.append(folder, raw, flags=(b"\\Seen",), msg_time=moment)

    def idle(self) -> None:
        """Let the server tell what happens in the folder that is open; nothing else may be asked until `idle_done`."""
        with self._asking():
            self._client.idle()

    def news(self, seconds: float) -> tuple[bool, bool]:
        """Return whether a letter came meanwhile or within so many seconds, and whether the line seems to be alive."""
        end = time.monotonic() + seconds
        with self._asking():
            told = self._client.idle_check(timeout=seconds)
        return self._is_news(told), bool(told) or time.monotonic() >= end - 0.05

    def idle_done(self) -> bool:
        """End the telling; return whether a letter came."""
        with self._asking():
            _, told = self._client.idle_done()
        return self._is_news(told)

    def _is_news(self, told: Sequence[Any]) -> bool:
        """Count along: some servers repeat the number of letters although none came."""
        before = self._exists
        has_grown = False
        for word in told:
            if len(word) > 1 and word[1] == b"EXPUNGE":
                before -= 1
            elif len(word) > 1 and word[1] == b"EXISTS" and isinstance(word[0], int):
                has_grown |= word[0] > before
                before = word[0]
        self._exists = before
        return has_grown


@contextmanager
def session(settings: ImapSettings, token: Callable[[], str] = str) -> Iterator[Mailbox]:
    """Connect, log in with one try, and log out in the end; `token` gives an empty text where a password counts."""
    mailbox = Mailbox(settings, token)
    try:
        yield mailbox
    finally:
        mailbox.close()


def _connect(settings: ImapSettings) -> IMAPClient:
    with named(settings.host):
        context = tls_context(settings, settings.tls)
        client = IMAPClient(
            settings.host,
            port=settings.port or (993 if settings.tls == "imaps" else 143),
            ssl=settings.tls == "imaps",
            ssl_context=context,
            timeout=SocketTimeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS),
        )
    client.normalise_times = False
    client._imap.debug = 0  # at IMAPClient's 5 each message is formatted for a log that nobody reads
    if settings.tls == "starttls":
        try:
            with named(settings.host):
                client.starttls(context)
        except BaseException:
            with suppress(OSError):
                client.shutdown()
            raise
    return client


def _login(client: IMAPClient, settings: ImapSettings, token: str) -> None:
    user, password = settings.user, settings.password.get_secret_value() if settings.password else ""
    try:
        with named(settings.host):
            if token and b"AUTH=XOAUTH2" not in client.capabilities():
                raise SettingsError(f"{settings.host} takes no tokens.", field="auth")
            if token:
                said = [bearer(user, token).encode()]
                client._imap.authenticate("XOAUTH2", lambda _: said.pop() if said else b"")  # refused: an empty line
            elif (user + password).isascii():
                client.login(user, password)
            else:
                client.plain_login(user, password)
    except _Refused as error:
        if any(code in error.words.upper() for code in ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]")):
            raise Unavailable(f"{settings.host} does not let us in now: {error.words}") from error
        hint = OTHER_RIGHTS if token else advice(settings.host)
        raise AuthError(f"{settings.host} refused the login: {error.words}", hint=hint) from error


OTHER_RIGHTS = "An access was granted that does not open this mailbox: check user and rights of the application."


def advice(host: str) -> str:
    """Return what usually helps when this provider refuses a login."""
    host = host.lower()
    if "yandex" in host or host.endswith(".ya.ru"):
        return "Yandex wants an app password, and IMAP must be switched on in the settings of the mailbox."
    if host.endswith("mail.ru"):
        return "Mail.ru wants a «пароль для внешнего приложения», and access by IMAP/SMTP must be switched on."
    if host.endswith(("gmail.com", "googlemail.com")):
        return "Gmail wants an app password, which needs 2-step verification."
    if "office365" in host or host.endswith("outlook.com"):
        return "Microsoft 365 takes no passwords over IMAP; write provider: microsoft365 and auth: oauth2."
    return "Check user and password."


class _Refused(Unavailable):
    """A tagged NO or BAD, with the server's words."""

    def __init__(self, host: str, words: str) -> None:
        super().__init__(f"{host} refused: {words}")
        self.words = words


@contextmanager
def named(host: str) -> Iterator[None]:
    """Turn what the library raises into the hub's errors, at one place."""
    try:
        yield
    except HubError:
        raise
    except (IMAPClientAbortError, ProtocolError) as error:
        raise Unavailable(f"{host} broke the connection off or does not speak IMAP.") from error
    except CapabilityError as error:
        raise SettingsError(f"{host} does not offer what the settings ask for: {error}.", field="tls") from error
    except LoginError as error:
        if isinstance(error.__context__, IMAPClientAbortError):  # the library hides a lost connection behind it
            raise Unavailable(f"{host} broke the connection off at the login.") from error
        raise _Refused(host, _words(error)) from error
    except IMAPClientError as error:
        raise _Refused(host, _words(error)) from error
    except OSError as error:
        raise network_error(host, error) from error
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        raise Unavailable(f"{host} gave an answer that is not IMAP.") from error


def tls_context(settings: ImapSettings, kind: str) -> ssl.SSLContext | None:
    """Return how certificates are verified, or `None` for a connection that is not protected."""
    return None if kind == "none" else ssl.create_default_context(cafile=settings.ca_file or None)


def network_error(host: str, error: OSError) -> HubError:
    """Return what a failed connection means: a certificate to be set right, or a server to be tried later."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return SettingsError(
            f"the certificate of {host} is not accepted: {error.verify_message}.",
            field="ca_file",
            hint="Give the authority's certificate as ca_file, or correct the host name.",
        )
    if isinstance(error, ssl.SSLError) and error.reason in ("TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"):
        hint = "Its administrator must switch on TLS 1.2 or newer."
        return Unavailable(f"{host} offers only TLS older than 1.2.", hint=hint)
    if isinstance(error, FileNotFoundError):
        return SettingsError("the file with the authority's certificate is not there.", field="ca_file")
    if isinstance(error, TimeoutError):
        return Unavailable(f"{host} did not answer in time.")
    return Unavailable(f"{host} cannot be reached: {error.strerror or type(error).__name__}.")


def spoken(text: str) -> str:
    """Return a server's words for a message: one short line, with nobody's address in it."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return re.sub(r"[^\s<>@]+@", "***@", line)[:200] or "without a reason"


def _words(error: Exception) -> str:
    text = str(error).strip()
    return spoken(text[2:-1] if text.startswith("b'") and text.endswith("'") else text)
