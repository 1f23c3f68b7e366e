"""Reading a mailbox over a socket: everything once, in order, and never a short list taken for the whole."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from hub.api import AuthError, SettingsError, Unavailable
from hub.testing.peers.imap import key_of, letter
from hub.testing.peers.smtp import USER

from .conftest import NOW


def ids(records):
    return [record.external_id for record in records]


def test_every_letter_comes_once_and_in_order(peer, read):
    expected = peer.add("INBOX", 120)
    records, cursor = read()
    assert ids(records) == expected
    assert read(cursor=cursor) == ([], cursor)


def test_new_letters_come_after_the_cursor(peer, read):
    peer.add("INBOX", 3)
    _, cursor = read()
    added = peer.add("INBOX", 2)
    records, cursor = read(cursor=cursor)
    assert ids(records) == added
    assert cursor["uid"] == 5


def test_batches_are_limited_by_count_and_bytes(peer, connect):
    peer.add("INBOX", 60)
    peer.imap.deliver(letter(1000) + b"x" * 5_000_000)
    peer.imap.deliver(letter(1001) + b"x" * 5_000_000)
    connector = connect()
    sizes = [len(batch.records) for batch in connector.read(connector.streams()[0], None)]
    assert sizes == [50, 11, 1]


def test_a_read_stopped_after_any_batch_goes_on_without_loss(peer, connect):
    expected = peer.add("INBOX", 130)
    connector = connect()
    stream = connector.streams()[0]
    cursor, seen = None, []
    while True:
        reading = connector.read(stream, cursor)
        batch = next(reading, None)
        reading.close()
        if batch is None:
            break
        seen += ids(batch.records)
        cursor = batch.cursor
    assert seen == expected


def test_a_list_too_long_for_one_answer_is_asked_for_piece_by_piece(peer, read, monkeypatch):
    monkeypatch.setattr("hub_imap.client.MOST_IN_SEARCH", 10)
    for number in range(35):
        peer.imap.deliver(letter(number), arrived=NOW - timedelta(days=200 if number % 2 else 1))
    records, cursor = read()
    assert ids(records) == [key_of(letter(number)) for number in range(0, 35, 2)]
    assert peer.imap.commands.count("UID SEARCH") == 8
    added = peer.add("INBOX", 2)
    assert ids(read(cursor=cursor)[0]) == added


def test_renumbering_doubles_nothing(peer, read):
    """F-23."""
    expected = peer.add("INBOX", 5)
    _, cursor = read()
    peer.imap.new_uidvalidity()
    added = peer.add("INBOX", 1)
    records, again = read(cursor=cursor)
    assert ids(records) == expected + added
    assert again["uidvalidity"] != cursor["uidvalidity"]
    assert read(cursor=again)[0] == []


def test_two_letters_with_one_message_id_stay_two(peer, read):
    """B-12."""
    first = letter(1)
    second = first.replace(b"Date: Fri, 20", b"Date: Sat, 21")
    third = first.replace(b"\r\n\r\n", b"\r\n\r\nT3RoZXI=\r\n", 1)
    for raw in (first, second, third, first):
        peer.imap.deliver(raw)
    records, _ = read()
    assert len(set(ids(records))) == 3
    assert all(it.startswith("letter-1@client.example#") for it in ids(records))


def test_what_servers_add_on_the_way_does_not_make_another_letter(peer, read):
    raw = letter(1)
    peer.imap.deliver(raw)
    peer.imap.deliver(b"Received: from a by b; Fri, 20 Nov 2026 10:15:00 +0700\r\n" + raw.replace(b"\r\n", b"\n"))
    records, _ = read()
    assert ids(records) == [key_of(raw)]


def test_a_letter_without_message_id_has_a_key_of_its_own(peer, read):
    raw = letter(1).replace(b"Message-ID: <letter-1@client.example>\r\n", b"")
    peer.imap.deliver(raw)
    peer.imap.deliver(raw.replace(b"Fri, 20", b"Sat, 21"))
    records, _ = read()
    assert len({it.external_id for it in records}) == 2


def test_letters_stay_unread(peer, read):
    peer.add("INBOX", 3)
    assert len(read()[0]) == 3
    assert [mail.flags for mail in peer.imap.folders["INBOX"].mails] == [set(), set(), set()]


def test_first_load_leaves_old_letters_out(peer, read):
    for number, days in enumerate((200, 95, 3, 300, 1)):
        peer.imap.deliver(letter(number), arrived=NOW - timedelta(days=days))
    records, cursor = read()
    assert [it.partition("@")[0] for it in ids(records)] == ["letter-2", "letter-4"]
    peer.imap.deliver(letter(9), arrived=NOW - timedelta(days=400))  # moved here today: new in this folder
    records, _ = read(cursor=cursor)
    assert [it.partition("@")[0] for it in ids(records)] == ["letter-9"]


def test_a_first_load_broken_off_still_leaves_old_letters_out(peer, connect, read):
    for number in range(120):
        peer.imap.deliver(letter(number), arrived=NOW - timedelta(days=200 if number % 2 else 1))
    connector = connect()
    reading = connector.read(connector.streams()[0], None)
    first = next(reading)
    reading.close()
    rest, _ = read(cursor=first.cursor)
    seen = {it.partition("@")[0] for it in ids([*first.records, *rest])}
    assert seen == {f"letter-{number}" for number in range(0, 120, 2)}


def test_a_letter_that_vanishes_between_search_and_fetch_is_skipped(peer, read):
    expected = peer.add("INBOX", 3)
    peer.imap.before_fetch = lambda: peer.imap.remove(2)
    records, cursor = read()
    assert ids(records) == [expected[0], expected[2]]
    assert cursor["uid"] == 3


def test_of_a_letter_too_large_the_headers_stay(peer, read, connect):
    peer.imap.deliver(letter(1) + b"x" * 70_000)
    small = peer.add("INBOX", 1)
    records, _ = read(max_message_bytes="65536")
    assert ids(records)[1:] == small
    [event] = connect().normalise(records[0])
    assert event.data.subject == "Вопрос № 1"
    assert event.data.text == ""
    [omitted] = event.data.attachments
    assert omitted.name == "message.eml"
    assert omitted.size_bytes > 70_000


def test_cyrillic_folders_are_read_by_their_names(peer, read, connect):
    peer.imap.deliver(letter(1), "Входящие/Клиенты & Ко")
    peer.imap.deliver(letter(2), "Отправленные")
    folders = "INBOX, Входящие/Клиенты & Ко, Отправленные"
    assert [it.name for it in connect(folders=folders).streams()] == ["INBOX", "Входящие/Клиенты & Ко", "Отправленные"]
    assert ids(read("Входящие/Клиенты & Ко", folders=folders)[0]) == [key_of(letter(1))]
    assert ids(read("Отправленные", folders=folders)[0]) == [key_of(letter(2))]


@pytest.mark.parametrize(
    ("names", "use", "sent"),
    [
        (["INBOX", "Sent", "Исходящие письма"], "Исходящие письма", "Исходящие письма"),
        (["INBOX", "Отправленные"], "", "Отправленные"),
        (["INBOX", "INBOX.Sent"], "", "INBOX.Sent"),
        (["INBOX", "Sent Items"], "", "Sent Items"),
    ],
)
def test_sent_mail_is_found_by_use_or_name(peer, read, names, use, sent):
    peer.imap.folders.pop("Sent")
    for number, name in enumerate(names):
        peer.imap.deliver(letter(number), name)
        peer.imap.folders[name].use = "\\Sent" if name == use else ""
    assert ids(read("Sent")[0]) == [key_of(letter(names.index(sent)))]


def test_a_mailbox_without_sent_mail_is_read_without_it(peer, read, connect):
    peer.imap.folders.pop("Sent")
    assert read("Sent") == ([], None)
    assert "There is no folder 'Sent'." in [what for what, _ in connect().check().findings]


def test_a_missing_folder_names_the_setting(read):
    with pytest.raises(SettingsError, match="Клиенты") as caught:
        read("Клиенты", folders="INBOX, Клиенты")
    assert caught.value.field == "folders"


def test_check_says_who_we_are(connect):
    check = connect().check()
    assert (check.account, check.version, check.findings) == (USER, "stand-in 1", ())


def test_a_wrong_password_is_tried_once(peer, read, connect):
    """F-19."""
    with pytest.raises(AuthError, match="AUTHENTICATIONFAILED"):
        read(password="wrong")
    assert peer.logins() == 1
    with pytest.raises(AuthError):
        connect(smtp_password="wrong").check()
    assert peer.logins() == 2


def test_a_cyrillic_password_is_sent_and_judged(peer, read):
    peer.imap.password = "пароль"
    peer.add("INBOX", 1)
    assert len(read(password="пароль")[0]) == 1
    with pytest.raises(AuthError):
        read(password="не тот")


def test_a_server_that_lets_nobody_in_now_is_unavailable(peer, read):
    peer.imap.refuse["LOGIN"] = "NO [UNAVAILABLE] try later"
    with pytest.raises(Unavailable, match="try later"):
        read()


@pytest.mark.parametrize("command", ["EXAMINE", "UID SEARCH", "UID FETCH", "LIST"])
@pytest.mark.parametrize("answer", ["NO [SERVERBUG] broken index of ivanov@example.ru", "BAD internal error"])
def test_a_refused_command_is_an_error_with_the_servers_words(peer, read, command, answer):
    peer.add("INBOX", 1)
    peer.imap.refuse[command] = answer
    with pytest.raises((Unavailable, SettingsError), match=r"broken index|internal error") as caught:
        read()
    assert "ivanov" not in str(caught.value)


def test_down_and_garbage_are_unavailable(peer, read):
    peer.add("INBOX", 1)
    for trouble in ("down", "garbage", "cut"):
        peer.fault(trouble)
        with pytest.raises(Unavailable):
            read()
        peer.fault(None)
    assert len(read()[0]) == 1


def test_an_answer_cut_anywhere_is_never_taken_for_the_whole(peer, connect):
    """A-05, F-16."""
    expected = peer.add("INBOX", 4)
    peer.imap.cut_after = 10**9
    connector = connect()
    stream = connector.streams()[0]
    whole = sum(len(letter(number)) for number in range(1, 5)) + 1500
    cut = 0
    for offset in range(0, whole, whole // 50):
        peer.imap.cut_after = offset
        seen: list[str] = []
        try:
            for batch in connector.read(stream, None):
                seen += ids(batch.records)
        except Unavailable:
            cut += 1
            assert seen in ([], expected)
        else:
            assert seen == expected
    assert cut > 40


def test_a_cursor_that_cannot_be_read_means_the_start(peer, read):
    expected = peer.add("INBOX", 2)
    validity = read()[1]["uidvalidity"]
    for cursor in (
        {},
        {"uid": "x"},
        {"uidvalidity": validity, "uid": None},
        {"uidvalidity": validity, "uid": 1, "since": 7},
    ):
        assert ids(read(cursor=cursor)[0]) == expected


def test_no_letter_and_no_password_gets_into_the_log(peer, read, caplog):
    caplog.set_level(logging.DEBUG)
    peer.add("INBOX", 1)
    read()
    assert "secret" not in caplog.text
    assert "belova" not in caplog.text
    assert USER not in caplog.text


def test_of_a_folder_without_news_nothing_is_fetched(peer, read):
    """What people read or delete changes nothing here."""
    uids = [peer.imap.deliver(letter(number)) for number in (1, 2, 3)]
    cursor = read()[1]
    peer.imap.remove(uids[0])
    peer.imap.mark(uids[1], flag="\\Seen")
    peer.imap.commands.clear()
    assert read(cursor=cursor) == ([], cursor)
    assert "UID FETCH" not in peer.imap.commands
    peer.imap.deliver(letter(4))
    assert len(read(cursor=cursor)[0]) == 1
