"""Quotes and signatures: what the writer added is found in replies of every program that Russian offices use."""

from __future__ import annotations

import time
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import BadRecord, own_text, read_mail

from .replies import ASKED, INTRODUCTIONS, OWN, QUOTED, SIGNED, WHO, variants

REPLIES = variants()


@pytest.mark.parametrize(("letter", "own"), [reply[1:] for reply in REPLIES], ids=[reply[0] for reply in REPLIES])
def test_the_writers_own_words_are_found(letter, own):
    assert own_text(letter) == own


def test_there_are_more_replies_than_the_promise_asks_for():
    """At least 36 forms; the promise is 95 %, the table holds all of them."""
    assert len({letter for _, letter, _ in REPLIES}) == len(REPLIES) > 100


def test_blanks_at_the_ends_of_lines_make_no_difference():
    def words(text: str) -> list[str]:
        return [line.rstrip() for line in text.split("\n")]

    assert [name for name, letter, own in REPLIES if words(own_text(letter.replace("\n", "  \n"))) != words(own)] == []


# HTML


def paragraphs(text: str) -> str:
    return "".join(f"<div>{line or '<br>'}</div>" for line in text.replace("<", "&lt;").split("\n"))


BODY = paragraphs(OWN)
PAGES = {
    "gmail": f'<div dir="ltr">{BODY}</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">'
    f'{INTRODUCTIONS["gmail"].replace("<", "&lt;")}<br></div><blockquote class="gmail_quote" style="margin:0">'
    f"{paragraphs(ASKED)}</blockquote></div>",
    "thunderbird": f"<p>Добрый день, Мария Сергеевна!</p><p>Акт подписали, оригинал отправим завтра.</p>"
    f'<div class="moz-cite-prefix">20.11.2026 10:15, Мария Иванова пишет:<br></div>'
    f'<blockquote type="cite" cite="mid:x@example.com">{paragraphs(ASKED)}</blockquote>',
    "outlook on the web": f'{BODY}<div id="appendonsend"></div><hr style="display:inline-block;width:98%">'
    f'<div id="divRplyFwdMsg" dir="ltr"><font face="Calibri"><b>От:</b> Мария<br><b>Отправлено:</b> 20.11.2026<br>'
    f"<b>Кому:</b> Анна<br><b>Тема:</b> Акт</font></div>{paragraphs(ASKED)}",
    "outlook": f'<div class="WordSection1">{BODY}<div style="border:none;border-top:solid #E1E1E1 1.0pt"><p>'
    f"<b>От:</b> Мария &lt;ivanova@example.com&gt;<br><b>Отправлено:</b> 20 ноября 2026 г.<br><b>Кому:</b> Анна<br>"
    f"<b>Тема:</b> Акт</p></div>{paragraphs(ASKED)}</div>",
    "yandex": f"{BODY}<div>\u00a0</div>"
    f"<div>20.11.2026, 10:15, &quot;Мария Иванова&quot; &lt;ivanova@example.com&gt;:</div>"
    f"<blockquote><div>{paragraphs(ASKED)}</div></blockquote><div>\u00a0</div><div>-- </div><div>С уважением,</div>",
    "mail.ru": f'<HTML><BODY>{BODY}<br><div data-signature-widget="container"><div data-signature-widget="content">'
    f"С уважением,<br>Анна Белова</div></div>Пятница, 20 ноября 2026, 10:15 +07:00 от Мария &lt;i@example.com&gt;:<br>"
    f'<blockquote style="border-left:1px solid #0857A6">{paragraphs(ASKED)}</blockquote></BODY></HTML>',
    "a signature of gmail": f'{BODY}<div class="gmail_signature" >Анна<br>Бухгалтер</div>',
    "yahoo": f'{BODY}<div id="ydp1" class="yahoo_quoted"><div>В пятницу:</div>{paragraphs(ASKED)}</div>',
    "answers in between": f"<blockquote>{paragraphs(ASKED)}</blockquote>{BODY}<blockquote><p>Ждём.</p></blockquote>",
}


def page(html: str, plain: str = "") -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = "belova@client.example"
    if plain:
        mail.set_content(plain)
        mail.add_alternative(html, subtype="html")
    else:
        mail.set_content(html, subtype="html")
    return mail.as_bytes()


@pytest.mark.parametrize("html", PAGES.values(), ids=PAGES)
def test_the_writers_own_words_are_found_in_html(html):
    mail = read_mail(page(html))
    assert [line for line in mail.own_text.split("\n") if line] == [line for line in OWN.split("\n") if line]
    assert not [sign for sign in mail.text if "\ue000" <= sign <= "\uf8ff"]


def test_html_tells_where_plain_words_hide_the_quote():
    plain = f"{OWN}\n\nответ на письмо Марии Ивановой\n\n{ASKED}"
    html = f"{BODY}<blockquote>ответ на письмо Марии Ивановой{paragraphs(ASKED)}</blockquote>"
    mail = read_mail(page(html, plain))
    assert (mail.own_text, mail.text) == (OWN, plain)
    assert read_mail(page("<blockquote>x</blockquote>другое", plain)).own_text == plain


def test_the_whole_text_stays_beside_the_own_one():
    letter = f"{OWN}\n\n{SIGNED}\n\n{INTRODUCTIONS['thunderbird']}\n{QUOTED}"
    mail = EmailMessage(policy=SMTP)
    mail["From"] = "belova@client.example"
    mail.set_content(letter)
    found = read_mail(mail.as_bytes())
    assert (found.text, found.own_text) == (letter, OWN)


def test_marks_in_the_letter_itself_cut_nothing():
    plain = "Добрый день!\n\ue000\nСрочно\ue001 нужен счёт."
    assert "Срочно" in read_mail(page("<p>x</p>", plain)).own_text
    assert "Срочно" in read_mail(page("<p>Добрый день!</p>&#xe000;<p>Срочно</p>")).own_text


@pytest.mark.parametrize("is_spaceless", [False, True])
def test_lines_wrapped_for_travelling_are_joined(is_spaceless):
    kind = "Content-Type: text/plain; charset=utf-8; format=flowed" + ("; delsp=yes" if is_spaceless else "")
    body = "Подпишите, \nпожалуйста, \nакт.\n\n> Раз \n> два\n>> три \nчетыре\n -- не подпись\n-- \nАнна"
    raw = f"From: a@b.example\n{kind}\nContent-Transfer-Encoding: 8bit\n\n{body}".encode()
    joint = "" if is_spaceless else " "
    expected = (
        f"Подпишите,{joint}пожалуйста,{joint}акт.\n\n> Раз{joint}два\n>> три{joint}\nчетыре\n-- не подпись\n-- \nАнна"
    )
    assert read_mail(raw).text == expected


# anything


@given(st.lists(st.sampled_from([*"абв -_>:\n", *INTRODUCTIONS.values(), WHO, SIGNED, QUOTED, OWN, "От: а", "P.S. "])))
def test_own_words_are_lines_of_the_letter_and_never_nothing(pieces):
    text = "\n".join(pieces)
    own = own_text(text)
    lines = text.replace("\u00a0", " ").replace("\u202f", " ").split("\n")
    assert {*own.replace("\u00a0", " ").replace("\u202f", " ").split("\n")} <= {"", *lines, *map(str.strip, lines)}
    assert bool(own.strip()) == bool(text.strip())


@pytest.mark.parametrize(
    "piece",
    ["a", ">", "\n", "> x\n", "От: x\n", "С уважением,\nP.S.\n", "20.11.2026 ", "20.11.2026 10:15,\n", "-", " ", "@",
     "A ", "пишет ", "на:\n", "< a@b.example", "это сообщение ", "вирус\n", ". ", "---\n\n", "янв", "12:30 "],
)  # fmt: skip
def test_no_text_holds_the_reader_up(piece):
    text = piece * (200_000 // len(piece))
    began = time.process_time()
    own_text(text)
    own_text(f"{text}:")
    with suppress(BadRecord):  # what is nothing but line ends is parked
        read_mail(b"From: a@b.example\nContent-Type: text/plain; charset=utf-8; format=flowed\n\n" + text.encode())
    assert time.process_time() - began < 10
