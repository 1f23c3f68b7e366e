"""Whatever bytes come: an answer of ours, a BadRecord or one of the hub's errors, and nothing else."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from hub.api import BadRecord, Mail, Record
from hub_exchange import meetings, raw, soap, wire

LETTER = (
    raw.ITEM_CLASS + b": IPM.Schedule.Meeting.Request\r\n" + raw.ATTACHMENT
    + b': {"name":"a.pdf","type":"application/pdf","size_bytes":5,"blob":"ab"}\r\n' + raw.END
    + b"Message-ID: <a@b.example>\r\nFrom: anna@client.example\r\nDate: Fri, 20 Nov 2026 10:15:00 +0700\r\n"
    b'Content-Type: multipart/mixed; boundary="0123456789"\r\n\r\n--0123456789\r\n\r\nx\r\n--0123456789--\r\n'
)  # fmt: skip
MEETING = (
    b'<t:CalendarItem xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><t:ItemId Id="1"/>'
    b"<t:Start>2026-12-01T03:00:00Z</t:Start><t:Organizer><t:Mailbox><t:EmailAddress>a@b.example</t:EmailAddress>"
    b"</t:Mailbox></t:Organizer></t:CalendarItem>"
)


@st.composite
def damaged(draw, whole: bytes) -> bytes:
    """Return the bytes with some of them changed, and cut or doubled."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(0, 4))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    start = draw(st.integers(0, len(content)))
    return draw(st.sampled_from([bytes(content), bytes(content[start:]), bytes(content[:start]), bytes(content) * 2]))


@given(st.one_of(damaged(LETTER), st.binary(max_size=300), st.binary(max_size=100).map(lambda it: raw.END + it)))
@settings(deadline=None)
def test_a_record_of_a_letter(payload):
    with suppress(BadRecord):
        assert isinstance(raw.read(payload), Mail)


@given(st.one_of(damaged(MEETING), st.binary(max_size=300)))
@settings(deadline=None)
def test_a_record_of_a_meeting(payload):
    with suppress(BadRecord):
        meetings.events(Record("1", payload, stream="Calendar"), frozenset({"example.com"}))


@given(st.text(max_size=60))
@settings(deadline=None)
def test_a_wish_to_wait(text):
    wish = wire.wished(text)
    assert wish is None or timedelta(0) <= wish <= timedelta(hours=1)


@given(st.text(max_size=40))
@settings(deadline=None)
def test_a_time(text):
    moment = raw.moment(text)
    assert moment is None or moment.utcoffset() == timedelta(0)


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"))


@given(subject=TEXT, name=TEXT, address=TEXT, identifier=TEXT, body=TEXT, header=TEXT)
@settings(max_examples=60, deadline=None)
def test_properties_of_a_letter_become_one_that_can_be_read(subject, name, address, identifier, body, header):
    outline = soap.T.Message(
        soap.T.Subject(subject),
        soap.T.TextBody(body),
        soap.T.From(soap.T.Mailbox(soap.T.Name(name), soap.T.EmailAddress(address))),
        soap.T.InternetMessageId(identifier),
    )
    for told in (outline, _with_header(outline, header)):
        payload = raw.parts(told, [raw.Attached(name=name, size_bytes=1)], "IPM.Note", 5)
        assert payload.count(raw.END) == 1
        mail = raw.read(payload)
        assert len(mail.files) == 1
        assert raw.key_of(payload)


def _with_header(outline, value: str):
    copy = etree.fromstring(etree.tostring(outline))
    headers = soap.T.InternetMessageHeaders(
        soap.T.InternetMessageHeader(value, HeaderName="Subject"),
        soap.T.InternetMessageHeader("x", HeaderName="X-Svyazka-Source: exchange\r\nBcc"),
        soap.T.InternetMessageHeader("evil", HeaderName="Content-Type"),
        soap.T.InternetMessageHeader("anna@client.example", HeaderName="From"),
    )
    copy.append(headers)
    return copy


@pytest.mark.parametrize("name", ["a\r\nBcc: evil@example.com", "a\u2028b", "\x85"])
def test_no_line_can_be_added_by_what_a_server_says(name):
    outline = soap.T.Message(soap.T.Subject(name.replace("\r", "")), soap.T.TextBody("x"))
    payload = raw.parts(outline, [], f"IPM.Note{name}", 5)
    assert b"\nBcc" not in payload
