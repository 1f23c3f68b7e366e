"""What goes over the wire to 1C and what its answers mean."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.api import AuthError, Rejected, SettingsError, Stream, Unavailable
from hub.testing.peers.onec import TRADE, OneCServer
from hub.testing.peers.onec.samples import counterparty
from hub_onec.client import ODataError, split
from hub_onec.settings import OneCSettings

_LONGEST = 2000
CLIENTS = "Catalog_Контрагенты"
INVOICES = "Document_СчетНаОплатуПокупателю"


def settings(**given: Any) -> OneCSettings:
    return OneCSettings.model_validate(
        {
            "url": "http://127.0.0.1/base",
            "user": "hub",
            "password": "x",
            "zone": "Asia/Krasnoyarsk",
            "area_code": "",
            **given,
        }
    )


# Settings


@pytest.mark.parametrize(
    "url",
    [
        "http://1c.example/bp",
        "http://1c.example/bp/",
        "http://1c.example/bp/odata/standard.odata",
        "http://1c.example/bp/odata/standard.odata/",
    ],
)
def test_address_with_and_without_the_service_root(url: str) -> None:
    assert settings(url=url).url == "http://1c.example/bp/odata/standard.odata/"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", "1c.example/bp"),
        ("url", "http://u:p@1c.example/bp"),
        ("url", "http://1c.example/bp?x=1"),
        ("user", " "),
        ("user", "a:b"),
        ("zone", "Красноярск"),
        ("page", "1"),
        ("fields", {"manager": "a b"}),
        ("fields", {"colour": "Цвет"}),
        ("colour", "red"),
    ],
)
def test_wrong_setting_is_named(name: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**{name: value})
    assert caught.value.errors()[0]["loc"][0] == name


# Requests


def test_requests_are_encoded_as_1c_reads_them(hub: Any, server: OneCServer) -> None:
    for number in range(9):
        server.base.add(CLIENTS, **counterparty(number))
    hub.sync("counterparties")
    key = server.base.add(CLIENTS, **counterparty(10))
    server.base.change(CLIENTS, key)
    hub.sync("counterparties")
    for request in server.requests:
        assert "+" not in request
        assert len(request) < _LONGEST
        query = request.partition("?")[2]
        if query and "$count" not in request:
            assert query.startswith("$format=application/json%3Bodata%3Dnometadata")
        if "$top" in query:
            assert "$orderby=Ref_Key" in query


def test_no_address_grows_too_long_whatever_the_configuration(hub: Any, publish: Callable[..., OneCServer]) -> None:
    for server in (hub.server, publish(TRADE)):
        hub.server = server
        hub.settings["page"] = "200"
        for stream in hub.connector().streams():
            sets = [name for name in server.base.models if name in unquote(" ".join(_sets_of(stream.name)))]
            keys = [(name, server.base.add(name)) for name in sets for _ in range(150)]
            hub.sync(stream.name)
            for name, key in keys[::9]:
                server.base.change(name, key)
            hub.sync(stream.name)
        assert max(len(request) for request in server.requests) < _LONGEST
        assert any("$filter" in request for request in server.requests)


def _sets_of(stream: str) -> tuple[str, ...]:
    from hub_onec.candidates import SOURCES

    return SOURCES[stream].sets


def test_cyrillic_user_signs_in_in_utf8(hub: Any, server: OneCServer) -> None:
    server.user, server.password = "Иванова М.С.", "пароль №1"
    assert hub.connector().check().account == "Иванова М.С."
    assert server.refused_logins == 0


# Sessions


def test_one_session_serves_a_run(hub: Any, server: OneCServer) -> None:
    server.has_sessions = True
    for number in range(20):
        server.base.add(CLIENTS, **counterparty(number))
    hub.sync("counterparties")
    assert len(server.sessions) == 1


@pytest.mark.parametrize("status", [400, 404, 500])
def test_lost_session_is_started_again(hub: Any, server: OneCServer, status: int) -> None:
    server.has_sessions, server.lost_session_status = True, status
    for number in range(20):
        server.base.add(CLIENTS, **counterparty(number))
    for batch in hub.batches("counterparties"):
        assert batch is not None
        server.sessions.clear()
    assert len(hub.ids("counterparties")) == 20


def test_session_can_be_switched_off(hub: Any, server: OneCServer) -> None:
    server.has_sessions = True
    hub.settings["session"] = "false"
    hub.sync("counterparties")
    assert not server.sessions


def test_no_free_session_says_licences(hub: Any, server: OneCServer) -> None:
    server.session_limit = 0
    with pytest.raises(Unavailable, match="licences"):
        hub.connector().check()


# Answers


def test_wrong_password_is_auth_error_with_a_hint(hub: Any, server: OneCServer) -> None:
    hub.settings["password"] = "нет"
    with pytest.raises(AuthError, match="1C:Enterprise authentication"):
        hub.connector().check()
    assert server.refused_logins == 1


def test_rights_are_a_problem_of_one_set(hub: Any, server: OneCServer) -> None:
    server.troubles.forbidden = {INVOICES}
    with pytest.raises(ODataError, match=f"right to read {INVOICES}"):
        hub.sync("invoices")
    hub.sync("counterparties")
    findings = hub.connector().check().findings
    assert [what for what, _ in findings if INVOICES in what]


def test_set_that_fails_is_rejected_and_the_others_go_on(hub: Any, server: OneCServer) -> None:
    server.troubles.failing = {INVOICES}
    with pytest.raises(Rejected, match=r"HTTP 500, code -1"):
        hub.sync("invoices")
    hub.sync("sales")


def test_html_with_200_is_unavailable_and_named(hub: Any, server: OneCServer) -> None:
    server.troubles.html = True
    with pytest.raises(Unavailable, match="HTML page"):
        hub.connector().check()


def test_html_in_the_place_of_metadata_is_named(hub: Any, server: OneCServer) -> None:
    client = hub.connector()._client
    client.published()
    server.troubles.html = True
    with pytest.raises(Unavailable, match="HTML page"):
        client.metadata()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_failing_web_server_is_unavailable(hub: Any, server: OneCServer, status: int) -> None:
    server.troubles.status = status
    with pytest.raises(Unavailable, match=str(status)):
        hub.sync("counterparties")


def test_redirect_and_wrong_address_are_settings(hub: Any, server: OneCServer) -> None:
    server.troubles.status = 302
    with pytest.raises(SettingsError):
        hub.connector().check()
    server.troubles.status = 0
    hub.settings["url"] = server.url.replace("/base/", "/nobase/")
    with pytest.raises(SettingsError, match="Nothing is published") as caught:
        hub.connector().check()
    assert caught.value.field == "url"


@pytest.mark.parametrize("cut", ["body", "connection"])
def test_cut_page_is_unavailable_and_marks_nothing(hub: Any, server: OneCServer, cut: Any) -> None:
    for number in range(10):
        server.base.add(CLIENTS, **counterparty(number))
    hub.sync("counterparties")
    connector = hub.connector()
    (stream,) = [it for it in connector.streams() if it.name == "counterparties"]
    server.troubles.cut = cut
    with pytest.raises(Unavailable):
        list(connector.read(stream, None))


def test_error_in_the_other_language_means_the_same(hub: Any, server: OneCServer) -> None:
    server.language = "en"
    server.troubles.forbidden = {CLIENTS}
    with pytest.raises(ODataError, match="right to read"):
        hub.sync("counterparties")


def test_stream_that_is_not_published_is_refused_with_the_fix(hub: Any) -> None:
    with pytest.raises(Rejected, match="стандартного интерфейса OData"):
        list(hub.connector().read(Stream("partner_contacts"), None))


# Pages

_FIRST = '{"Ref_Key":"b7569c10-f670-11ea-8591-000c29b45b09","DataVersion":"AAAAAQAAAAA=","ИНН":"1"}'.encode()
_PAGE = b'{"value":[%s,{"Ref_Key":"0d3c5a10-0000-11ee-8000-000000000001"}]}' % _FIRST


def test_page_is_split_into_the_bytes_received() -> None:
    first, second = split(b"\xef\xbb\xbf" + _PAGE, "X")
    assert first.payload == _FIRST
    assert (first.version, second.version) == ("AAAAAQAAAAA=", "")


@pytest.mark.parametrize(
    "key",
    [
        "B7569C10-F670-11EA-8591-000C29B45B09",
        "{b7569c10-f670-11ea-8591-000c29b45b09}",
        "guid'b7569c10-f670-11ea-8591-000c29b45b09'",
    ],
)
def test_key_in_every_spelling_is_one_key(key: str) -> None:
    """B-16."""
    assert split(f'{{"value":[{{"Ref_Key":"{key}"}}]}}'.encode(), "X")[0].key == "b7569c10-f670-11ea-8591-000c29b45b09"


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"value":null}',
        b'{"value":[{}]}',
        b'{"value":[1]}',
        b'{"value":[{"Ref_Key":null}]}',
        b'{"value":[{"Ref_Key":"b7569c10"}]}',
        b'{"odata.error":{"code":"9"}}',
        b'{"value":' + b"[" * 100_000,
    ],
)
def test_anything_but_a_page_of_objects_is_unavailable(page: bytes) -> None:
    with pytest.raises(Unavailable):
        split(page, "X")


@given(st.integers(0, len(_PAGE) - 1))
def test_cut_page_is_never_a_short_list(end: int) -> None:
    """B-03."""
    with pytest.raises(Unavailable):
        split(_PAGE[:end], "X")


def test_secrets_are_in_no_error(hub: Any, server: OneCServer) -> None:
    """S-26."""
    server.password = "другой"
    hub.settings["password"] = "тайна-тайна"
    with pytest.raises(AuthError) as caught:
        hub.connector().check()
    shown = f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
    assert "тайна" not in shown
    assert base64.b64encode("тайна-тайна".encode()).decode()[:10] not in shown
