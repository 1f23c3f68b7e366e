"""The stand-in is no softer than Exchange: it refuses what the schema forbids, and its own answers keep to it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from lxml import etree

from hub.testing.peers.ews import PASSWORD, USER, EwsPeer
from hub.testing.peers.ews_schema import REQUESTS, SOAP, Schema, local
from hub_exchange import register_connectors

from .peer import SCHEMA

REQUEST_FILES = sorted((SCHEMA.parents[1] / "requests").glob("*.xml"))
HEAD = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" '
    'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Body>'
)
TAIL = "</s:Body></s:Envelope>"
SYNC = (
    "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>{fields}</m:ItemShape>"
    '<m:SyncFolderId><t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId>'
    "<m:MaxChangesReturned>{most}</m:MaxChangesReturned></m:SyncFolderItems>"
)
FIELD = '<t:AdditionalProperties><t:FieldURI FieldURI="{}"/></t:AdditionalProperties>'
SHAPE = "<m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>"
IDS = "<m:ItemIds><t:ItemId Id='1'/></m:ItemIds>"
INBOX = "<m:ParentFolderIds><t:DistinguishedFolderId Id='inbox'/></m:ParentFolderIds>"
BAD = [
    SYNC.format(fields="", most="many"),
    SYNC.format(fields="", most="513"),
    SYNC.format(fields=FIELD.format("item:Subjekt!"), most="10"),
    f"<m:GetItem><m:ItemShape/>{IDS}</m:GetItem>",
    f"<m:GetItem>{IDS}</m:GetItem>",
    f"<m:GetItem>{SHAPE}<m:ItemIds/></m:GetItem>",
    f"<m:GetItem>{IDS}{SHAPE}</m:GetItem>",
    f"<m:FindItem>{SHAPE}{INBOX}</m:FindItem>",
]
SCHEMAS = [None] + ([SCHEMA] if SCHEMA.is_file() else [])


def _ask(peer: EwsPeer, body: str, credentials: str = f"{USER}:{PASSWORD}") -> tuple[int, str]:
    import base64

    content = (HEAD + body + TAIL).encode()
    login = base64.b64encode(credentials.encode()).decode()
    with socket.create_connection(("127.0.0.1", peer.server.port)) as line:
        head = f"POST /EWS/Exchange.asmx HTTP/1.1\r\nAuthorization: Basic {login}\r\n" if credentials else (
            "POST /EWS/Exchange.asmx HTTP/1.1\r\n")  # fmt: skip
        line.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        line.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: line.recv(65536), b"")).decode()
    return int(answer.split(" ")[1]), answer


@pytest.fixture(params=SCHEMAS, ids=["own", "official"][: len(SCHEMAS)])
def any_peer(request):
    peer = EwsPeer()
    peer.server.schema = Schema(request.param)
    peer.start()
    yield peer
    peer.stop()


@pytest.mark.parametrize("body", BAD)
def test_a_request_outside_of_the_schema_is_refused(any_peer, body):
    status, answer = _ask(any_peer, body)
    assert status == 500
    assert "ErrorSchemaValidation" in answer


@pytest.mark.parametrize("most", ["1", "512"])
def test_a_good_request_is_answered(any_peer, most):
    any_peer.add("Inbox", 2)
    status, answer = _ask(any_peer, SYNC.format(fields=FIELD.format("item:Size"), most=most))
    assert status == 200
    assert "ServerVersionInfo" in answer
    assert ("<m:IncludesLastItemInRange>true" in answer) == (most == "512")


def test_the_connector_works_with_either_schema(any_peer):
    from hub.testing.conformance.harness import Harness

    harness = Harness(register_connectors()[0], any_peer)
    ids = any_peer.add("Inbox", 3)
    stream = harness.stream("Inbox")
    harness.sync(stream)
    assert harness.ids(stream) == set(ids)
    command = any_peer.command()
    assert harness.connector().find(command) is None
    harness.connector().execute(command)
    assert any_peer.effects(command) == 1
    assert any_peer.server.mistakes == []
    harness.close()


def test_a_mistake_of_the_stand_in_itself_is_told():
    peer = EwsPeer()
    peer.start()
    peer.server.mistakes.append("GetItem: nonsense")
    with pytest.raises(AssertionError, match="nonsense"):
        peer.stop()


@pytest.mark.parametrize("credentials", ["", f"{USER}:wrong"])
def test_nobody_comes_in_without_the_password(any_peer, credentials):
    status, answer = _ask(any_peer, SYNC.format(fields="", most="1"), credentials)
    assert status == 401
    assert "WWW-Authenticate: NTLM" in answer
    assert any_peer.logins() == bool(credentials)


def test_too_many_wrong_passwords_lock_the_account(any_peer):
    for _ in range(5):
        _ask(any_peer, SYNC.format(fields="", most="1"), f"{USER}:wrong")
    assert _ask(any_peer, SYNC.format(fields="", most="1"))[0] == 401


def test_an_unknown_operation_is_a_fault(any_peer):
    status, answer = _ask(any_peer, "<m:EmptyFolder/>")
    assert status == 500
    assert "ErrorInvalidRequest" in answer


@pytest.mark.skipif(not REQUEST_FILES, reason="the recorded requests do not lie beside the project")
@pytest.mark.parametrize("path", REQUEST_FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("schema", SCHEMAS, ids=["own", "official"][: len(SCHEMAS)])
def test_recorded_requests_are_within_the_schema(path: Path, schema: Path | None):
    request = etree.parse(str(path)).getroot().find(f"{{{SOAP}}}Body")[0]
    expected = "" if schema is not None or local(request) in REQUESTS else f"{local(request)} is no answer"
    assert Schema(schema).problem(request) == expected


def test_a_reference_to_a_deleted_thing_fails_alone(any_peer):
    item = any_peer.deliver()
    body = (
        f"<m:GetItem>{SHAPE}<m:ItemIds>"
        f"<t:ItemId Id='{item.id}'/><t:ItemId Id='gone'/><t:ItemId Id='{item.id}'/></m:ItemIds></m:GetItem>"
    )
    _, answer = _ask(any_peer, body)
    assert answer.count("<m:GetItemResponseMessage") == 3
    assert answer.count("ErrorItemNotFound") == 1
