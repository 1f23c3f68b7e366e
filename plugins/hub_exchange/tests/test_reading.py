"""Reading folders: each trap of the sync of EWS, and what becomes of letters that move, change or are broken."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from hub.api import BadRecord, SettingsError, Unavailable
from hub.testing.peers.ews_store import File
from hub.testing.peers.imap import letter
from hub_exchange import client, raw


def mail(text: str = "Добрый день!", **headers: str) -> bytes:
    made = EmailMessage(policy=SMTP)
    known = {
        "Date": "Fri, 20 Nov 2026 10:15:00 +0700",
        "From": "Анна <anna@client.example>",
        "To": "office@example.com",
    }
    for name, value in {**known, "Subject": "Счёт", **headers}.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made.as_bytes()


# what counts as a change


def test_letters_come_once(peer, read):
    ids = peer.add("Inbox", 3)
    first = read()
    assert sorted(first.ids) == sorted(ids)
    assert read(first.cursor).ids == []


def test_a_read_flag_is_nothing_new(peer, read):
    item = peer.deliver()
    cursor = read().cursor
    peer.mailbox.read_flag(item)
    assert read(cursor).ids == []
    assert "GetItem" not in peer.server.operations[-2:]


def test_a_deleted_letter_was_received_all_the_same(peer, read):
    item = peer.deliver()
    cursor = read().cursor
    peer.mailbox.remove(item)
    again = read(cursor)
    assert again.records == []
    assert again.cursor != cursor


def test_a_changed_letter_keeps_its_key(peer, read):
    item = peer.deliver()
    first = read()
    peer.mailbox.touch(item)
    assert read(first.cursor).ids == first.ids


def test_a_moved_letter_has_another_id_and_the_same_key(peer, read):
    item = peer.deliver()
    first = read()
    folder = peer.mailbox.make("Клиенты", peer.mailbox.path("Inbox").id)
    moved = peer.mailbox.move(item, folder.id)
    assert moved.id != item.id
    assert read(stream="Inbox/Клиенты").ids == first.ids
    assert read(first.cursor).ids == []


def test_a_letter_moved_while_it_is_read_is_left_out_without_an_error(peer, read):
    items = [peer.deliver() for _ in range(3)]
    other = peer.mailbox.path("Sent").id

    def move(operation: str) -> None:
        if operation == "GetItem" and items[1].id in peer.mailbox.items:
            peer.mailbox.move(items[1], other)

    peer.server.before = move
    assert len(read().ids) == 2
    assert peer.server.operations.count("GetItem") == 1
    assert len(read(stream="Sent").ids) == 1


def test_two_letters_with_one_message_id_stay_two(peer, read):
    """B-12."""
    peer.deliver(raw=mail("Посылка 1", Message_ID="<same@courier.example>"))
    peer.deliver(raw=mail("Посылка 2", Message_ID="<same@courier.example>"))
    assert len(set(read().ids)) == 2


def test_letters_without_a_message_id_are_told_apart(peer, read):
    peer.deliver(raw=mail("Один"))
    peer.deliver(raw=mail("Два"))
    assert len(set(read().ids)) == 2


def test_new_lines_between_the_parts_are_no_new_letter(peer, read):
    made = EmailMessage(policy=SMTP)
    made["Message-ID"], made["From"] = "<m@client.example>", "anna@client.example"
    made.set_content("Договор")
    made.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="d.pdf")
    made.set_boundary("_000_first_boundary_")
    first = made.as_bytes()
    for raw_letter in (first, first.replace(b"_000_first_boundary_", b"_000_other_boundary_")):
        peer.deliver(raw=raw_letter).search_key = ""
    assert len(set(read().ids)) == 1


def test_without_a_mark_of_the_server_letters_are_told_apart_by_their_bytes(peer, read):
    for text in ("Посылка 1", "Посылка 2", "Посылка 2"):
        peer.deliver(raw=mail(text, Message_ID="<same@courier.example>")).search_key = ""
    assert len(set(read().ids)) == 2


def test_a_letter_that_a_mail_program_rewrote_is_the_same_letter(peer, read):
    item = peer.deliver(raw=mail("Договор"))
    first = read()
    item.raw = mail("Договор и приписка", Date="Fri, 20 Nov 2026 03:15:00 +0000")
    peer.mailbox.touch(item)
    assert read(first.cursor).ids == first.ids


def test_a_copy_in_another_folder_is_the_same_letter(peer, read):
    item = peer.deliver()
    peer.deliver("Sent", item.raw, search_key=item.search_key)
    assert read().ids == read(stream="Sent").ids


def test_a_stored_letter_is_not_fetched_again(peer, read, tools, server):
    item = peer.deliver()
    first = read()
    tools.keep(first.records)
    peer.mailbox.touch(item)
    peer.deliver()
    server.operations.clear()
    again = read(first.cursor)
    assert len(again.ids) == 1
    assert again.batches[-1].present == set(first.ids)
    peer.mailbox.generation += 1
    server.operations.clear()
    assert read(again.cursor).ids == again.ids
    assert server.operations.count("GetItem") == 1


def test_a_letter_that_was_refused_is_asked_for_again(peer, read, tools, message):
    item = peer.deliver(fault="ErrorItemCorrupt", is_lost=True)
    first = read()
    tools.keep(first.records)
    item.fault = ""
    peer.mailbox.touch(item)
    (record,) = read(first.cursor).records
    assert record.external_id == first.ids[0]
    assert message(record).subject


# the state


def test_the_cursor_is_given_only_with_the_last_letters_of_its_page(peer, read):
    peer.add("Inbox", 60)
    batches = read().batches
    assert [batch.cursor is not None for batch in batches] == [False, False, True]


def test_each_page_of_a_first_load_has_a_state_to_go_on_from(peer, read, monkeypatch):
    monkeypatch.setattr(client, "MOST_CHANGES", 10)
    ids = peer.add("Inbox", 25)
    batches = read().batches
    cursors = [batch.cursor for batch in batches if batch.cursor]
    assert len(cursors) == 3
    rest = read(cursors[0])
    assert {*(it.external_id for it in batches[0].records), *rest.ids} == set(ids)
    assert len(rest.ids) == 15


def test_a_reader_that_stops_in_a_page_reads_it_again(peer, connect):
    ids = peer.add("Inbox", 60)
    connector = connect()
    reading = connector.read(connector.streams()[0], None)
    first = next(reading)
    reading.close()
    assert first.cursor is None
    again = [it.external_id for batch in connector.read(connector.streams()[0], None) for it in batch.records]
    assert set(again) == set(ids)


@pytest.mark.parametrize("bare", [False, True])
def test_a_lost_state_means_reading_anew(peer, read, bare):
    """F-23."""
    ids = peer.add("Inbox", 3)
    cursor = read().cursor
    peer.server.answers.bare_errors = bare
    peer.mailbox.generation += 1
    again = read(cursor)
    assert sorted(again.ids) == sorted(ids)
    assert read(again.cursor).ids == []


def test_a_state_that_is_refused_at_the_start_is_an_error_and_no_endless_loop(peer, read):
    peer.server.codes["SyncFolderItems"] = "ErrorInvalidSyncStateData"
    with pytest.raises(Unavailable, match="first sync"):
        read()


def test_changes_that_never_call_themselves_the_last_end_when_the_state_stands_still(peer, read):
    peer.server.answers.endless = True
    ids = peer.add("Inbox", 3)
    assert sorted(read().ids) == sorted(ids)


def test_changes_in_circles_are_an_error(peer, read, monkeypatch):
    """F-21."""
    monkeypatch.setattr(client, "MOST_CHANGES", 2)
    peer.add("Inbox", 6)
    known = peer.mailbox.changes
    calls = []

    def circle(folder: str, state: str, most: int):
        calls.append(state)
        return known(folder, "" if len(calls) % 2 else calls[1], most)

    peer.mailbox.changes = circle
    with pytest.raises(Unavailable, match="circles"):
        read()
    assert len(calls) < 6


def test_many_folders_come_in_pages_and_a_repeated_page_is_an_error(peer, read, monkeypatch):
    """F-21."""
    monkeypatch.setattr(client, "MOST_FOLDERS", 3)
    peer.mailbox.make("Клиенты", peer.mailbox.used("msgfolderroot").id)
    peer.deliver("Клиенты")
    assert len(read(stream="Клиенты").ids) == 1
    assert peer.server.operations.count("FindFolder") == 3

    def repeat(body: bytes) -> bytes:
        return body.replace(b'IncludesLastItemInRange="true"', b'IncludesLastItemInRange="false"')

    peer.server.alter = repeat
    monkeypatch.setattr(client, "MOST_FOLDERS", 1000)
    assert len(read(stream="Клиенты").ids) == 1
    monkeypatch.setattr("hub.testing.peers.ews_answers._page", lambda _, things: (things, {
        "IndexedPagingOffset": "1", "TotalItemsInView": "9", "IncludesLastItemInRange": "false",
    }))  # fmt: skip
    with pytest.raises(Unavailable, match="circles"):
        read(stream="Клиенты")


def test_a_state_too_long_for_a_cursor_is_kept_beside_it(peer, read, tools, monkeypatch):
    monkeypatch.setattr("hub_exchange.connector.MOST_STATE", 10)
    peer.add("Inbox", 2)
    cursor = read().cursor
    assert "state" not in cursor
    assert read(cursor).ids == []
    tools.blobs.contents.clear()
    assert len(read(cursor).ids) == 2


def test_the_first_load_leaves_old_letters_out_and_what_comes_later_counts(peer, read):
    old = datetime.now(UTC) - timedelta(days=200)
    kept = peer.deliver(raw=letter(1), received=old)
    peer.deliver(raw=letter(2))
    first = read(since="90d")
    assert len(first.ids) == 1
    peer.mailbox.touch(kept)
    assert read(first.cursor, since="90d").ids == []
    peer.deliver(raw=letter(3), received=old)
    assert len(read(first.cursor, since="90d").ids) == 1


# folders


def test_a_folder_is_found_by_its_path(peer, read):
    top = peer.mailbox.make("Проекты", peer.mailbox.used("msgfolderroot").id)
    peer.mailbox.make("Тендеры", top.id)
    peer.deliver("Проекты/Тендеры")
    assert len(read(stream="Проекты/Тендеры").ids) == 1


def test_a_renamed_folder_is_read_on(peer, read, caplog):
    folder = peer.mailbox.make("Клиенты", peer.mailbox.path("Inbox").id)
    peer.deliver("Inbox/Клиенты")
    cursor = read(stream="Inbox/Клиенты").cursor
    folder.name = "Наши клиенты"
    peer.deliver("Inbox/Наши клиенты")
    assert len(read(cursor, stream="Inbox/Клиенты").ids) == 1
    assert "another name" in caplog.text


def test_a_renamed_folder_is_read_on_where_the_bin_is_closed_to_us(peer, read):
    folder = peer.mailbox.make("Клиенты", peer.mailbox.path("Inbox").id)
    cursor = read(stream="Inbox/Клиенты").cursor
    folder.name = "Наши клиенты"
    peer.deliver("Inbox/Наши клиенты")
    del peer.mailbox.folders[peer.mailbox.used("deleteditems").id]
    assert len(read(cursor, stream="Inbox/Клиенты").ids) == 1


@pytest.mark.parametrize("how", ["gone", "thrown away"])
def test_a_deleted_folder_is_named(peer, read, how):
    folder = peer.mailbox.make("Клиенты", peer.mailbox.path("Inbox").id)
    cursor = read(stream="Inbox/Клиенты").cursor
    if how == "gone":
        del peer.mailbox.folders[folder.id]
    else:
        folder.parent = peer.mailbox.used("deleteditems").id
    with pytest.raises(SettingsError, match="Клиенты") as caught:
        read(cursor, stream="Inbox/Клиенты")
    assert caught.value.field == "folders"


def test_a_folder_deleted_between_finding_and_reading_is_named(peer, read):
    folder = peer.mailbox.make("Клиенты", peer.mailbox.path("Inbox").id)

    def remove(operation: str) -> None:
        if operation == "SyncFolderItems":
            peer.mailbox.folders.pop(folder.id, None)

    peer.server.before = remove
    with pytest.raises(SettingsError, match="Клиенты"):
        read(stream="Inbox/Клиенты")


def test_a_new_folder_of_the_same_name_is_read_from_its_start(peer, read, caplog):
    folder = peer.mailbox.make("Клиенты", peer.mailbox.path("Inbox").id)
    peer.deliver("Inbox/Клиенты")
    cursor = read(stream="Inbox/Клиенты").cursor
    folder.name = "Архив"
    peer.mailbox.make("Клиенты", peer.mailbox.path("Inbox").id)
    peer.deliver("Inbox/Клиенты")
    assert len(read(cursor, stream="Inbox/Клиенты").ids) == 1
    assert "lost" not in caplog.text


def test_check_names_the_folders_there_are(peer, connect):
    peer.mailbox.make("Клиенты", peer.mailbox.path("Inbox").id)
    answer = connect(folders="Inbox, Тендеры").check()
    assert "Тендеры" in answer.findings[0][0]
    assert "Входящие/Клиенты" in answer.findings[0][1]
    assert answer.version == "Exchange 15.2.2562.17"


# letters that cannot be had whole


def test_a_letter_that_cannot_be_put_into_mime_is_kept_in_parts(peer, read, message):
    peer.deliver()
    peer.deliver(raw=mail(Message_ID="<broken@client.example>"), fault="ErrorMimeContentConversionFailed")
    records = read().records
    assert len(records) == 2
    kept = message(next(it for it in records if it.external_id.startswith("broken@")))
    assert (kept.subject, kept.sender, kept.message_id) == ("Счёт", "anna@client.example", "broken@client.example")
    assert kept.text == "Большое вложение."


def test_headers_that_the_server_does_not_keep_are_made_of_properties(peer, read, message):
    peer.deliver(raw=mail(), fault="ErrorCorruptData", is_internal=True)
    (record,) = read().records
    kept = message(record)
    assert kept.subject == "Счёт"
    assert kept.sender == "anna@client.example"
    assert kept.recipients == ("office@example.com",)
    assert kept.sent is not None


def test_an_item_that_is_not_given_at_all_is_parked_and_the_rest_comes_in(peer, read, connect):
    peer.deliver()
    peer.deliver(fault="ErrorItemCorrupt", is_lost=True)
    records = read().records
    assert len(records) == 2
    bad = next(it for it in records if it.payload.startswith(raw.REFUSED))
    with pytest.raises(BadRecord, match="ErrorItemCorrupt"):
        connect().normalise(bad)


def test_one_item_of_a_page_is_not_the_whole_mailbox(peer, read):
    peer.deliver(fault="ErrorMailboxStoreUnavailable")
    with pytest.raises(Unavailable, match="ErrorMailboxStoreUnavailable"):
        read()


def test_a_bounce_and_an_absence_note_are_told_by_their_class(peer, read, message):
    peer.deliver(raw=mail(Subject="Не доставлено"), item_class="REPORT.IPM.Note.NDR")
    peer.deliver(raw=mail(Subject="Нет меня"), item_class="IPM.Note.Rules.OofTemplate.Microsoft")
    peer.deliver(raw=mail(Subject="Вопрос"))
    assert [message(record).is_automatic for record in read().records] == [True, True, False]


def test_control_characters_in_an_answer_do_not_hide_the_letters_after_them(peer, read):
    """L8."""
    ids = peer.add("Inbox", 3)

    def spoil(body: bytes) -> bytes:
        return body.replace(b"<t:ItemClass>IPM.Note", b"<t:ItemClass>IPM.&#x8;Note", 1)

    peer.server.alter = spoil
    assert sorted(read().ids) == sorted(ids)


# large letters


def test_a_large_letter_is_read_in_parts_with_its_attachments(peer, read, message, tools):
    files = [
        File("file-1", "чертёж.dwg", "application/acad", b"d" * 300_000),
        File("file-2", "../../вирус\u202efdp.exe", "", b"x" * 10),
    ]
    peer.deliver(raw=mail(Message_ID="<large@client.example>"), files=files)
    (record,) = read(max_message_bytes="100000").records
    kept = message(record)
    assert kept.message_id == "large@client.example"
    assert kept.text == "Большое вложение."
    assert [it.size_bytes for it in kept.attachments] == [300_000, 10]
    assert tools.blobs.get(kept.attachments[0].blob) == b"d" * 300_000
    assert "\u202e" not in kept.attachments[1].name
    assert len(record.payload) < 10_000


def test_of_a_very_large_attachment_only_name_and_size_are_kept(peer, read, message):
    peer.deliver(raw=mail(), files=[File("film", "съёмка.mov", "video/quicktime", b"m" * 1024, repeat=150 * 1024)])
    (record,) = read().records
    (attached,) = message(record).attachments
    assert attached.name == "съёмка.mov"
    assert attached.size_bytes > 150_000_000
    assert attached.blob == ""
    assert "GetAttachment" not in peer.server.operations


def test_an_attachment_larger_than_it_says_is_not_read_to_its_end(peer, connect, server):
    file = File("liar", "a.bin", "", b"m" * 1024, repeat=4096)
    peer.deliver(raw=mail(), files=[file])
    connector = connect()
    with connector._session() as mailbox:
        assert mailbox.attachment("liar", 100_000) is None
        assert mailbox.attachment("liar", 8_000_000) == b"m" * 1024 * 4096


@pytest.mark.parametrize("part", [0, 1, 5, 15, 24])
@pytest.mark.parametrize("with_length", [False, True])
def test_an_attachment_cut_short_is_never_taken_for_whole(peer, read, server, part, with_length):
    peer.deliver(raw=mail(), files=[File("f", "a.bin", "", b"x" * 300_000)])

    def cut(body: bytes) -> bytes:
        return body[: len(body) * part // 25] if b"<m:GetAttachmentResponse" in body else body

    server.alter = cut
    if with_length:
        server.before = lambda operation: setattr(server, "cut", "short" if operation == "GetAttachment" else "")
    with pytest.raises(Unavailable):
        read(max_message_bytes="100000")


def test_a_page_in_the_place_of_an_attachment_is_an_error(peer, read, server):
    peer.deliver(raw=mail(), files=[File("f", "a.bin", "", b"x" * 300_000)])
    server.alter = lambda body: b"<html><body>It works!" if b"<m:GetAttachmentResponse" in body else body
    with pytest.raises(Unavailable):
        read(max_message_bytes="100000")


def test_an_attachment_that_vanished_meanwhile_costs_only_its_content(peer, read, message, server):
    peer.deliver(raw=mail(), files=[File("f", "a.bin", "", b"x" * 300_000)])
    server.codes["GetAttachment"] = "ErrorItemNotFound"
    (record,) = read(max_message_bytes="100000").records
    (attached,) = message(record).attachments
    assert (attached.name, attached.blob) == ("a.bin", "")


def test_a_letter_whose_mime_is_beyond_every_limit_is_read_in_parts(peer, read, message):
    peer.deliver()
    peer.deliver(raw=mail("x" * 900_000, Message_ID="<lied@client.example>"), size=1000)
    records = read(max_message_bytes="65536", max_attachment_bytes="65536").records
    assert len(records) == 2
    kept = message(next(it for it in records if it.external_id.startswith("lied@")))
    assert kept.text == "Большое вложение."


# the record


def test_lines_of_ours_in_a_foreign_letter_are_not_believed(peer, read, message):
    forged = b"X-Svyazka-Attachment: {}\r\nX-Svyazka-Item-Class: REPORT.IPM.Note.NDR\r\n" + mail()
    peer.deliver(raw=forged)
    kept = message(read().records[0])
    assert kept.attachments == ()
    assert not kept.is_automatic


def test_a_letter_saved_from_elsewhere_is_read_too():
    assert raw.read(mail()).subject == "Счёт"
    assert raw.read(raw.ITEM_CLASS + b": REPORT.IPM.Note.NDR\r\n" + mail()).is_report is False


def test_a_damaged_list_of_attachments_is_a_bad_record():
    with pytest.raises(BadRecord, match="attachments"):
        raw.read(raw.ATTACHMENT + b": {nonsense\r\n" + raw.END + mail())


def test_an_answer_cut_anywhere_is_an_error_and_never_a_short_list(peer, read, server):
    """L8, F-16."""
    ids = peer.add("Inbox", 5)
    for part in range(25):
        for operation in (b"GetFolder", b"SyncFolderItems", b"GetItem"):

            def cut(body: bytes, part: int = part, operation: bytes = operation) -> bytes:
                is_meant = re.search(rb"<m:%sResponse" % operation, body)
                return body[: len(body) * part // 25] if is_meant else body

            server.alter = cut
            with pytest.raises(Unavailable):
                read()
    server.alter = None
    assert sorted(read().ids) == sorted(ids)
