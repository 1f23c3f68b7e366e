"""Speak EWS: the only module that knows exchangelib. Its errors leave here as those of the hub.

exchangelib carries SOAP, versions and error codes. It does not retry here, caches no connection and no credentials,
writes no log and repairs no answer: see `wire`. What a server says is repeated in errors shortly; what a letter says
never is.
"""

from __future__ import annotations

import binascii
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit
from xml.sax import SAXException

from exchangelib import DELEGATE, IMPERSONATION, UTC, Account, Build, Configuration, Version, errors
from exchangelib.attachments import AttachmentId
from exchangelib.protocol import CachingProtocol, FailFast, Protocol
from exchangelib.services.common import EWSAccountService
from exchangelib.services.get_attachment import GetAttachment
from exchangelib.transport import NOAUTH
from exchangelib.util import ElementNotFound, ParseError
from lxml import etree
from msgspec import Struct

from hub.api import AuthError, HubError, Rejected, SettingsError, Unavailable

from . import tasks
from .settings import ExchangeSettings
from .soap import (
    NS,
    Folder,
    M,
    Page,
    Refusal,
    T,
    change_of,
    fields,
    folder_of,
    folder_shape,
    is_equal,
    item_shape,
    letter_marks,
    mark,
)
from .wire import TooLarge, check_answer, login, new_session

MOST_CHANGES = 200
"""Changes asked for at once; Exchange gives at most 512."""
MOST_FOLDERS = 1000
MOST_LEVELS = 100
WELL_KNOWN = {"Inbox": "inbox", "Sent": "sentitems", "Calendar": "calendar", "Tasks": "tasks"}

EVENTS = ("NewMailEvent", "CreatedEvent", "DeletedEvent", "ModifiedEvent", "MovedEvent", "CopiedEvent")
LOST = ("ErrorSubscriptionNotFound", "ErrorInvalidSubscription", "ErrorExpiredSubscription", "ErrorInvalidWatermark",
        "ErrorMissedNotificationEvents")  # fmt: skip
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)

for _name in ("exchangelib", "spnego", "requests_ntlm", "urllib3"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # at ERROR already exchangelib prints whole letters

_BUSY = (errors.ErrorServerBusy, errors.ErrorExceededConnectionCount)
_LATER = (
    errors.ErrorInternalServerError, errors.ErrorInternalServerTransientError, errors.ErrorTimeoutExpired,
    errors.ErrorMailboxStoreUnavailable, errors.ErrorMailboxMoveInProgress, errors.ErrorMailboxFailover,
    errors.ErrorTooManyObjectsOpened, errors.ErrorConnectionFailed, errors.ErrorInsufficientResources,
)  # fmt: skip
_LOGIN = (errors.ErrorPasswordExpired, errors.ErrorPasswordChangeRequired, errors.ErrorAccountDisabled,
          errors.UnauthorizedError)  # fmt: skip
_IMPERSONATION = (
    errors.ErrorImpersonateUserDenied, errors.ErrorImpersonationDenied, errors.ErrorImpersonationFailed
)  # fmt: skip
_MAILBOX = (errors.ErrorNonExistentMailbox, errors.ErrorNameResolutionNoMailbox, errors.ErrorMailboxConfiguration)
_ACCESS = (errors.ErrorAccessDenied, errors.ErrorCreateItemAccessDenied)
_NO_FOLDER = (errors.ErrorFolderNotFound, errors.ErrorItemNotFound, errors.ErrorSyncFolderNotFound,
              errors.ErrorInvalidFolderId, errors.ErrorInvalidIdMalformed)  # fmt: skip
_QUOTA = (errors.ErrorQuotaExceeded, errors.ErrorSubmissionQuotaExceeded)
_UNKNOWN_OUTCOME = (*_LATER, *_LOGIN)


class StateLost(Exception):
    """The server no longer knows the state of a sync, or never did."""


class SubscriptionLost(Exception):
    """The server no longer knows a subscription, or has missed what it should have told."""


class FolderGone(Exception):
    """The folder is not there (any more)."""


class TaskFound(Struct, frozen=True):
    """A task that is there."""

    id: str
    change_key: str
    is_done: bool


class _Uncached(CachingProtocol):  # type: ignore[misc]
    """Make a protocol each time: exchangelib would keep one for ever, by address and credentials."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - of a metaclass
        return type.__call__(cls, *args, **kwargs)


class _Line(Protocol, metaclass=_Uncached):  # type: ignore[misc]
    """One session to one server, which is never waited for."""

    open_session: Callable[[], Any]
    session: Any = None

    def get_session(self) -> Any:
        """Return the session; a pool could be found empty, and then waits for ever."""
        if self.session is None:
            self.session = self.open_session()
            self.session.session_id = self.session.usage_count = 0
        return self.session

    def release_session(self, session: Any) -> None:
        """Keep the session."""

    def retire_session(self, session: Any) -> None:
        """Close a session after an error."""
        session.close()
        self.session = None

    def renew_session(self, session: Any) -> Any:
        """Replace the session."""
        self.retire_session(session)
        return self.get_session()

    def decrease_poolsize(self) -> None:
        """Refuse: there is one session."""
        raise errors.SessionPoolMinSizeReached("one session")

    def close(self) -> None:
        """Close the session."""
        if self.session is not None:
            self.retire_session(self.session)


class _Policy(FailFast):  # type: ignore[misc]
    """No retry: the hub knows better when to try again, and a refused password is never tried twice."""

    def __init__(self, host: str) -> None:
        self._host = host

    def raise_response_errors(self, response: Any) -> None:
        """Judge an answer; one that is being streamed is judged by its status alone."""
        if not (response.status_code == 200 and response._content is False):
            check_answer(response, self._host)


class _Operation(EWSAccountService):  # type: ignore[misc]
    """An operation whose request is written here; each answer comes back whole, or as its error."""

    ERRORS_TO_CATCH_IN_RESPONSE = (errors.TransportError,)

    def _get_elements_in_response(self, response: Any) -> list[Any]:
        return [self._get_element_container(message=message) for message in response]


_OPERATIONS = {
    name: type(name, (_Operation,), {"SERVICE_NAME": name})
    for name in ("GetFolder", "FindFolder", "SyncFolderItems", "GetItem", "FindItem", "CreateItem", "UpdateItem")
}
_OPERATIONS["Subscribe"] = type("Subscribe", (_Operation,), {"SERVICE_NAME": "Subscribe", "prefer_affinity": True})


class _Notifications(_Operation):
    """An answer that stays open; it is read as it comes, and so must not be compressed."""

    SERVICE_NAME = "GetStreamingEvents"
    prefer_affinity = True

    def open(self, payload: Any, api_version: str) -> Any:
        """Ask, and return the answer with nothing read of it."""
        self.streaming = True
        answer = self._get_response(payload, api_version)
        self._streaming_response = self._streaming_session = None  # else it is closed together with this object
        return answer

    def _extra_headers(self) -> dict[str, str]:
        return {**super()._extra_headers(), "Accept-Encoding": "identity"}


class _Streamed(GetAttachment):  # type: ignore[misc]
    """An attachment that is decoded while it comes; limits and deadline hold for it too."""

    def _get_soap_messages(self, body: Any) -> Any:
        if not self.streaming:
            return super()._get_soap_messages(body)
        pieces = body.iter_content()
        raw = SimpleNamespace(read=lambda _: next(pieces, b""))
        return super()._get_soap_messages(SimpleNamespace(raw=raw))


class Mailbox:
    """One mailbox behind one session. Reading never changes it."""

    def __init__(self, account: Any, settings: ExchangeSettings, host: str) -> None:
        self._account, self._settings, self._host = account, settings, host

    def server(self) -> str:
        """Return name and build of the server, once it has answered."""
        build = self._account.version.build
        numbers = (build.major_version, build.minor_version, build.major_build, build.minor_build)
        return f"Exchange {'.'.join(str(it) for it in numbers)}"

    # folders

    def find(self, name: str) -> Folder:
        """Return the folder with that name: well known, or a path. Raises FolderGone."""
        first, _, rest = name.partition("/")
        top = self._get_folder(self._distinguished(WELL_KNOWN.get(first, "msgfolderroot")))
        path = rest if first in WELL_KNOWN else name
        if not path:
            return top
        for folder in self._below(top):
            if folder.path == path:
                return folder
        raise FolderGone(name)

    def by_id(self, folder_id: str) -> Folder:
        """Return a folder wherever it is now; what lies in the folder of deleted things is gone. Raises FolderGone."""
        folder = above = self._get_folder(T.FolderId(Id=folder_id))
        try:
            bin_id = self._get_folder(self._distinguished("deleteditems")).id
            for _ in range(MOST_LEVELS):
                if above.id == bin_id or not above.parent:
                    break
                above = self._get_folder(T.FolderId(Id=above.parent))
        except (FolderGone, SettingsError):  # the top, or what is closed to us: then it lies among our folders
            return folder
        if above.id == bin_id:
            raise FolderGone(folder.name)
        return folder

    def names(self) -> list[str]:
        """Return the paths of the folders of the mailbox."""
        return [it.path for it in self._below(self._get_folder(self._distinguished("msgfolderroot")))]

    def _below(self, top: Folder) -> list[Folder]:
        found: list[Folder] = []
        offset, is_last = 0, False
        while not is_last:
            view = M.IndexedPageFolderView(
                MaxEntriesReturned=str(MOST_FOLDERS), Offset=str(offset), BasePoint="Beginning"
            )
            payload = M.FindFolder(folder_shape(), view, M.ParentFolderIds(T.FolderId(Id=top.id)), Traversal="Deep")
            page = self._single("FindFolder", payload).find("m:RootFolder", NS)
            some = [folder_of(it) for it in page.iterfind("t:Folders/*", NS)]
            if some and any(it.id == some[0].id for it in found):
                raise Unavailable(f"{self._host} goes in circles: it gives the same folders again.")
            found += some
            offset += len(some)
            is_last = page.get("IncludesLastItemInRange") == "true" or not some
        known = {it.id: it for it in found}

        def path(folder: Folder) -> str:
            names = [folder.name]
            while (folder := known.get(folder.parent, top)) is not top and len(names) < 300:
                names.insert(0, folder.name)
            return "/".join(names)

        return [Folder(it.id, it.name, it.parent, it.total, path(it)) for it in found]

    def _distinguished(self, use: str, mailbox: str = "") -> Any:
        return T.DistinguishedFolderId(T.Mailbox(T.EmailAddress(mailbox or self._settings.mailbox)), Id=use)

    def _get_folder(self, reference: Any) -> Folder:
        answer = self._ask("GetFolder", M.GetFolder(folder_shape(), M.FolderIds(reference)), 1)[0]
        if isinstance(answer, _NO_FOLDER):
            raise FolderGone(str(reference.get("Id"))[:20])
        return folder_of(self._good(answer).find("m:Folders", NS)[0])

    # reading

    def changes(self, folder: Folder, state: str, also: Sequence[str] = ()) -> Page:
        """Return what happened in a folder since a state; an empty one is the start. Raises StateLost, FolderGone."""
        light = fields("item:ItemClass", "item:DateTimeReceived", "item:Size", *also)
        parts = [item_shape([*light, *letter_marks()]), M.SyncFolderId(T.FolderId(Id=folder.id))]
        parts += [M.SyncState(state)] if state else []
        answer = self._ask("SyncFolderItems", M.SyncFolderItems(*parts, M.MaxChangesReturned(str(MOST_CHANGES))), 1)[0]
        if isinstance(answer, errors.ErrorInvalidSyncStateData):
            raise StateLost
        if isinstance(answer, _NO_FOLDER):
            raise FolderGone(folder.name)
        good = self._good(answer)
        after, last = good.findtext("m:SyncState", "", NS), good.findtext("m:IncludesLastItemInRange", "", NS)
        if not after or last not in ("true", "false"):
            raise Unavailable(f"{self._host} gave changes of a folder without the state after them.")
        found = tuple(change_of(it) for it in good.iterfind("m:Changes/*", NS))
        return Page(found, after, last == "true" or after == state)

    def contents(self, ids: Sequence[str]) -> list[bytes | Refusal]:
        """Return the MIME content of each item, or why there is none. Raises TooMuch when it is beyond the limit."""
        wanted = M.ItemIds(*(T.ItemId(Id=it) for it in ids))
        answers = self._ask("GetItem", M.GetItem(item_shape(fields("item:MimeContent")), wanted), len(ids))
        return [self._content(answer) for answer in answers]

    def _content(self, answer: Any) -> bytes | Refusal:
        if isinstance(answer, errors.EWSError):
            return Refusal(self._item_code(answer))
        text = answer.findtext("m:Items/*/t:MimeContent", "", NS)
        try:
            return binascii.a2b_base64(text) or Refusal("ErrorMimeContentConversionFailed")
        except binascii.Error:
            return Refusal("ErrorMimeContentInvalidBase64String")

    def details(self, ids: Sequence[str], names: Sequence[str]) -> list[Any]:
        """Return each item with these fields and the mark of the hub, or as the Refusal to give it."""
        wanted = M.ItemIds(*(T.ItemId(Id=it) for it in ids))
        answers = self._ask("GetItem", M.GetItem(item_shape([*fields(*names), mark()]), wanted), len(ids))
        return [
            Refusal(self._item_code(it)) if isinstance(it, errors.EWSError) else it.find("m:Items", NS)[0]
            for it in answers
        ]

    def _item_code(self, error: Any) -> str:
        """Return the code of an error that concerns one item only; others are raised."""
        if isinstance(error, (*_BUSY, *_LATER, *_LOGIN, *_IMPERSONATION, *_MAILBOX, *_ACCESS)):
            raise meaning(error, self._host)
        return type(error).__name__

    def attachment(self, attachment_id: str, most_bytes: int) -> bytes | None:
        """Return an attachment, decoded while it comes; `None` when it is larger than that, or not there any more."""
        with named(self._host):
            try:
                return self._streamed(attachment_id, most_bytes)
            except errors.ResponseMessageError as error:
                self._item_code(error)  # raises what is not about this attachment alone
                return None

    def _streamed(self, attachment_id: str, most_bytes: int) -> bytes | None:
        size, pieces = 0, []
        stream = _Streamed(account=self._account).stream_file_content(AttachmentId(id=attachment_id))
        with closing(stream):
            for piece in stream:
                size += len(piece)
                if size > most_bytes:
                    return None
                pieces.append(piece)
        return b"".join(pieces)

    # writing

    def send(self, raw: bytes, command_id: str, *, marked: bool = True) -> None:
        """Send a letter and keep a copy in Sent. Rejected: it was not sent. Unavailable: see `unsent`."""
        content = T.MimeContent(binascii.b2a_base64(raw, newline=False).decode("ascii"), CharacterSet="UTF-8")
        marks = [T.ExtendedProperty(mark(), T.Value(command_id))] if marked else []
        payload = M.CreateItem(
            M.SavedItemFolderId(self._distinguished("sentitems")),
            M.Items(T.Message(content, *marks)),
            MessageDisposition="SendAndSaveCopy",
        )
        try:
            answer = self._ask("CreateItem", payload, 1)[0]
        except (TooLarge, SettingsError) as error:  # IIS says 404 to what is too large for it; the address is right
            raise Rejected(f"{self._host} takes no letter of {len(raw)} bytes: {error}") from error
        if isinstance(answer, errors.ErrorInvalidPropertySet) and marked:
            self.send(raw, command_id, marked=False)
        elif isinstance(answer, _QUOTA):
            words = f"the mailbox is over its quota, so nothing was sent: {spoken(answer)}"
            raise Rejected(words, hint="Free space in the mailbox, then: hub command retry.")
        elif isinstance(answer, errors.EWSError):
            if isinstance(answer, (*_BUSY, *_UNKNOWN_OUTCOME)):
                raise meaning(answer, self._host)
            raise Rejected(f"{self._host} refused the letter: {type(answer).__name__}: {spoken(answer)}")

    def sent(self, message_id: str, command_id: str) -> str | None:
        """Return the Message-ID of the sent letter of a command, `None` when neither Sent nor Outbox has it."""
        view = M.IndexedPageItemView(MaxEntriesReturned="10", Offset="0", BasePoint="Beginning")
        either = T.Or(
            is_equal(T.FieldURI(FieldURI="message:InternetMessageId"), f"<{message_id}>"),
            is_equal(mark(), command_id),
        )
        folders = [self._distinguished(use) for use in ("sentitems", "outbox")]
        payload = M.FindItem(
            item_shape(fields("message:InternetMessageId")), view, M.Restriction(either),
            M.ParentFolderIds(*folders), Traversal="Shallow",
        )  # fmt: skip
        in_sent, in_outbox = self._ask("FindItem", payload, len(folders))
        answers = [self._good(in_sent)]
        answers += [] if isinstance(in_outbox, Exception) else [in_outbox]  # who has rights on Sent may have none there
        for answer in answers:
            for found in answer.iterfind("m:RootFolder/t:Items/*", NS):
                return str(found.findtext("t:InternetMessageId", "", NS)).strip("<> ") or message_id
        return None

    # tasks

    def write_task(self, task: tasks.Task, command_id: str) -> None:
        """Put a task into the folder of tasks. Rejected: it is not there. Unavailable: see `unsent`."""
        folder = self._distinguished("tasks", task.mailbox)
        self._acted(self._ask("CreateItem", tasks.written(folder, tasks.element(task, command_id)), 1)[0], "task")

    def task(self, command_id: str, mailbox: str) -> TaskFound | None:
        """Return the task that a command wrote, if it is there."""
        answer = self._single("FindItem", tasks.search(self._distinguished("tasks", mailbox), command_id))
        for found in answer.iterfind("m:RootFolder/t:Items/*", NS):
            item = found.find("t:ItemId", NS)
            return TaskFound(
                item.get("Id"), item.get("ChangeKey", ""), found.findtext("t:Status", "", NS) == "Completed"
            )
        return None

    def complete(self, found: TaskFound) -> None:
        """Mark a task as done."""
        answer = self._ask("UpdateItem", tasks.completed(found.id, found.change_key), 1)[0]
        if not isinstance(answer, errors.ErrorItemNotFound):  # gone meanwhile: then nobody has it to do any more
            self._acted(answer, "task")

    def _acted(self, answer: Any, what: str) -> None:
        if isinstance(answer, (*_BUSY, *_UNKNOWN_OUTCOME)):
            raise meaning(answer, self._host)
        if isinstance(answer, errors.EWSError):
            raise Rejected(f"{self._host} refused the {what}: {type(answer).__name__}: {spoken(answer)}")

    # waiting

    def subscribe(self, folders: Sequence[Folder]) -> str:
        """Return the id of a new subscription to what happens in these folders."""
        wanted = T.FolderIds(*(T.FolderId(Id=it.id) for it in folders))
        request = M.StreamingSubscriptionRequest(wanted, T.EventTypes(*(T.EventType(it) for it in EVENTS)))
        return str(self._single("Subscribe", M.Subscribe(request)).findtext("m:SubscriptionId", "", NS))

    def stream(self, subscription: str, minutes: int) -> Any:
        """Return an answer into which the server writes for so many minutes what happens."""
        ids = M.SubscriptionIds(T.SubscriptionId(subscription))
        payload = M.GetStreamingEvents(ids, M.ConnectionTimeout(str(minutes)))
        with named(self._host):
            answer = _Notifications(account=self._account).open(payload, self._account.version.api_version)
            if answer.status_code != 200:
                self.check_notice(etree.fromstring(answer.content, parser=_PARSER))
                raise Unavailable(f"{self._host} answered HTTP {answer.status_code}.")
        return answer

    def check_notice(self, envelope: Any) -> None:
        """Raise what is wrong according to a notification. Raises SubscriptionLost too."""
        for code in envelope.iterfind(".//{*}ResponseCode"):
            if code.text in LOST:
                raise SubscriptionLost
            if code.text != "NoError":
                kind = getattr(errors, str(code.text), errors.ErrorInternalServerError)
                words = envelope.findtext(".//{*}MessageText") or envelope.findtext(".//faultstring") or ""
                error = kind(words)
                wish = envelope.findtext(".//{*}Value[@Name='BackOffMilliseconds']") or ""
                if wish.isdigit() and isinstance(error, errors.ErrorServerBusy):
                    error.back_off = int(wish) / 1000
                raise meaning(error, self._host)

    # asking

    def _ask(self, name: str, payload: Any, expected: int) -> list[Any]:
        """Return an answer or an error for each thing asked; what concerns the whole mailbox is raised."""
        with named(self._host):
            answers = list(_OPERATIONS[name](account=self._account)._get_elements(payload=payload))
        if len(answers) != expected:
            raise Unavailable(f"{self._host} gave {len(answers)} answers to {expected} questions of {name}.")
        return answers

    def _single(self, name: str, payload: Any) -> Any:
        return self._good(self._ask(name, payload, 1)[0])

    def _good(self, answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise meaning(answer, self._host)
        return answer


@contextmanager
def session(settings: ExchangeSettings, endpoint: str, token: Callable[[], str]) -> Iterator[Mailbox]:
    """Open a mailbox; nothing is asked yet, so a wrong password shows with the first question."""
    host = urlsplit(endpoint).hostname or endpoint
    most_bytes = 2 * settings.max_message_bytes + 2 * settings.max_attachment_bytes
    version = Version(build=Build(15, 0, 847, 0), api_version="Exchange2013_SP1")
    config = Configuration(
        service_endpoint=endpoint, auth_type=NOAUTH, version=version, retry_policy=_Policy(host), max_connections=1
    )
    access = IMPERSONATION if settings.access == "impersonation" else DELEGATE
    account = Account(settings.mailbox, config=config, access_type=access, default_timezone=UTC, locale="en_US")
    del Protocol[config]
    line = _Line(config=config)
    auth = login(settings, token)
    line.open_session = lambda: new_session(settings, host, auth, most_bytes)
    account.protocol = line
    try:
        yield Mailbox(account, settings, host)
    finally:
        line.close()


@contextmanager
def named(host: str) -> Iterator[None]:
    """Turn what the library raises into the hub's errors, at one place."""
    try:
        yield
    except HubError:
        raise
    except (errors.SOAPError, errors.MalformedResponseError, ParseError):
        raise Unavailable(f"{host} gave an answer that is not EWS.") from None  # their texts hold the whole answer
    except errors.EWSError as error:
        raise meaning(error, host) from error
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        etree.LxmlError,
        SAXException,
        ElementNotFound,
    ) as error:
        raise Unavailable(f"{host} gave an answer that is not EWS ({type(error).__name__}).") from None


def meaning(error: Exception, host: str) -> HubError:
    """Return what an error of EWS means to the hub."""
    code, words = type(error).__name__, spoken(error)
    if isinstance(error, _BUSY):
        wish = getattr(error, "back_off", None)
        return Unavailable(
            f"{host} is busy: {words}", retry_after=timedelta(seconds=min(wish, 3600)) if wish else None, unsent=True
        )
    if isinstance(error, _LOGIN):
        return AuthError(f"{host} refused the login: {code}: {words}", hint="Set a new password for the account.")
    if isinstance(error, _IMPERSONATION):
        return SettingsError(
            f"{host}: the account may not act for others: {words}",
            field="access",
            hint="Give it the role ApplicationImpersonation, or use access: delegate.",
        )
    if isinstance(error, _MAILBOX):
        return SettingsError(f"{host} has no such mailbox: {words}", field="address")
    if isinstance(error, _ACCESS):
        return SettingsError(
            f"{host} does not open the mailbox to this account: {words}",
            field="address",
            hint="Give the account full access to the mailbox, or correct the address.",
        )
    return Unavailable(f"{host} cannot answer: {code}: {words}")


def spoken(error: Exception) -> str:
    """Return a server's words for a message: one short line, with nobody's address in it."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in str(error)).split())
    return re.sub(r"[^\s<>@]+@", "***@", line)[:200] or "without a reason"
