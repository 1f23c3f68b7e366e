"""The stand-in systems of the demo, filled with the invented firm and listening on loopback."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid5

from hub.testing.demo.firm import MANAGERS, NOW, CallRow, Firm, Letter, Organisation
from hub.testing.peers.imap import ImapServer
from hub.testing.peers.onec import ACCOUNTING, Infobase, OneCServer
from hub.testing.peers.redmine import AGENT_KEY, RedminePeer
from hub.testing.peers.smtp import SmtpServer

_SPACE = UUID("6f0d5f43-7d5e-4d55-9d7f-1c1f0a5b2a10")
OUR_MAIL = "office@yenisey-uchet.example"


def key(*parts: object) -> str:
    """Return a repeatable 1C key."""
    return str(uuid5(_SPACE, "/".join(map(str, parts))))


class World:
    """1C, mail, tickets and telephony of the firm; `ports` of an earlier run are used again."""

    def __init__(self, folder: Path, ports: Mapping[str, int]) -> None:
        self.firm = Firm()
        self.onec = OneCServer(infobase(self.firm), port=ports.get("onec", 0))
        self.imap = ImapServer(OUR_MAIL, "demo-Mail-2026")
        self.smtp = SmtpServer(OUR_MAIL, "demo-Mail-2026")
        self.imap.port, self.smtp.port = ports.get("imap", 0), ports.get("smtp", 0)
        self.redmine = RedminePeer(port=ports.get("redmine", 0))
        self.cdr = folder / "telephony" / "Master.csv"
        self._folder = folder

    def __enter__(self) -> Self:
        fill_mail(self.imap, self.firm)
        fill_tickets(self.redmine, self.firm)
        self.cdr.parent.mkdir(parents=True, exist_ok=True)
        self.cdr.write_text(cdr(self.firm), encoding="utf-8")
        for server in (self.onec, self.imap, self.smtp, self.redmine):
            server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in (self.redmine, self.smtp, self.imap, self.onec):
            server.stop()

    def ports(self) -> dict[str, int]:
        """Return where the systems listen."""
        redmine = int(str(self.redmine.settings()["url"]).rpartition(":")[2].strip("/"))
        onec = int(self.onec.url.split("://", 1)[1].split("/", 1)[0].rpartition(":")[2])
        return {"onec": onec, "imap": self.imap.port, "smtp": self.smtp.port, "redmine": redmine}

    def secrets(self) -> dict[str, str]:
        """Return the passwords of the systems by the name of their file."""
        return {"onec": self.onec.password, "mail": self.imap.password, "redmine": AGENT_KEY}


def infobase(firm: Firm) -> Infobase:
    """Return the accounting base: counterparties, contracts, invoices, sales and payments."""
    base = Infobase(ACCOUNTING)
    for organisation in firm.organisations:
        _add_client(base, firm, organisation)
        _add_papers(base, organisation)
    twin = firm.twin
    spelling = twin.full_name.upper().replace("МУНИЦИПАЛЬНОЕ БЮДЖЕТНОЕ ", "МБ ")
    base.add(
        "Catalog_Контрагенты",
        Ref_Key=key("twin"),
        Description=spelling,
        НаименованиеПолное=spelling,
        ИНН=twin.inn,
        КПП=twin.kpp,
        ЮридическоеФизическоеЛицо="ЮридическоеЛицо",
    )
    base.add(
        "Catalog_Контрагенты",
        Ref_Key=key("nameless"),
        Description=firm.organisations[12].name.replace("«", '"').replace("»", '"'),
        ЮридическоеФизическоеЛицо="ЮридическоеЛицо",
    )
    base.add(
        "Catalog_ДоговорыКонтрагентов",
        Ref_Key=key("twin-contract"),
        Owner_Key=key("twin"),
        Description="Разовые работы",
        Номер="Р-12",
        Дата="2026-09-01T00:00:00",
        СрокДействия="2027-03-31T00:00:00",
        ВидДоговора="СПокупателем",
    )
    base.add(
        "Catalog_ДоговорыКонтрагентов",
        Ref_Key=key("deleted"),
        Owner_Key=key("client", 3),
        Description="Ошибочно введён",
        Номер="999",
        Дата="2026-01-01T00:00:00",
        СрокДействия="2026-11-25T00:00:00",
        ВидДоговора="СПокупателем",
        DeletionMark=True,
    )
    return base


def _add_client(base: Infobase, firm: Firm, organisation: Organisation) -> None:
    points: list[dict[str, Any]] = [
        {"Тип": "Телефон", "Представление": phone, "НомерТелефона": phone.lstrip("+")}
        for phone in firm.phones_of(organisation)
    ]
    points.append({"Тип": "АдресЭлектроннойПочты", "Представление": organisation.mail, "АдресЭП": organisation.mail})
    points.append({"Тип": "Адрес", "Представление": f"660000, г. Красноярск, ул. Примерная, д. {organisation.number}"})
    employee = next(place for place, (_, name) in enumerate(MANAGERS) if name == organisation.manager)
    base.add(
        "Catalog_Контрагенты", Ref_Key=key("client", organisation.number), Description=organisation.name,
        НаименованиеПолное=organisation.full_name, ИНН=organisation.inn, КПП=organisation.kpp,
        ЮридическоеФизическоеЛицо="ЮридическоеЛицо", ОсновнойМенеджер_Key=key("manager", employee),
        ДополнительнаяИнформация=f"Главный бухгалтер: {organisation.accountant}", КонтактнаяИнформация=points,
    )  # fmt: skip
    base.add(
        "Catalog_ДоговорыКонтрагентов",
        Ref_Key=key("contract", organisation.number),
        Owner_Key=key("client", organisation.number),
        Description="Абонентское обслуживание",
        Номер=f"{organisation.number}-АО",
        Дата="2025-12-25T00:00:00",
        СрокДействия=f"{organisation.contract_end}T00:00:00",
        ВидДоговора="СПокупателем",
        ДоговорПодписан=True,
        АбонентскаяПлата=float(organisation.fee),
    )


def _add_papers(base: Infobase, organisation: Organisation) -> None:
    number, client = organisation.number, key("client", organisation.number)
    common = {
        "Контрагент_Key": client,
        "ДоговорКонтрагента_Key": key("contract", number),
        "СуммаДокумента": float(organisation.fee),
    }
    for month, due, paid_part in ((10, "2026-10-26", 1), (11, "2026-11-12", 0 if number % 14 == 6 else 1)):
        invoice = key("invoice", number, month)
        base.add(
            "Document_СчетНаОплатуПокупателю",
            Ref_Key=invoice,
            Number=f"{month:02d}{number:05d}",
            Date=f"2026-{month}-02T10:00:00",
            Posted=True,
            СрокОплаты=f"{due}T00:00:00",
            **common,
        )
        if month == 10:
            base.add(
                "Document_РеализацияТоваровУслуг",
                Ref_Key=key("act", number),
                Number=f"А{number:05d}",
                Date="2026-10-30T18:00:00",
                Posted=True,
                СчетНаОплатуПокупателю_Key=invoice,
                **common,
            )
        part = Decimal("0.5") if number % 28 == 20 and month == 11 else Decimal(paid_part)
        if part:
            total = float(organisation.fee * part)
            base.add(
                "Document_ПоступлениеНаРасчетныйСчет",
                Ref_Key=key("payment", number, month),
                Number=f"{month:02d}{number:05d}",
                Date=f"2026-{month}-{9 + number % 3:02d}T12:00:00",
                Posted=True,
                Контрагент=client,
                Контрагент_Type="StandardODATA.Catalog_Контрагенты",
                СуммаДокумента=total,
                НазначениеПлатежа=f"Оплата по счету {month:02d}{number:05d} за абонентское обслуживание",
                РасшифровкаПлатежа=[
                    {
                        "ДоговорКонтрагента_Key": key("contract", number),
                        "СчетНаОплату_Key": invoice,
                        "СуммаПлатежа": total,
                    }
                ],
            )


def fill_mail(server: ImapServer, firm: Firm) -> None:
    """Deliver the month's letters, some of them in the charsets of old programs."""
    for place, letter in enumerate(firm.letters):
        server.deliver(_raw(letter, place), "INBOX" if letter.inbound else "Sent", letter.moment)


def _raw(letter: Letter, place: int) -> bytes:
    message = EmailMessage(policy=SMTP)
    person = f"{letter.organisation.accountant} <{letter.organisation.mail}>"
    message["From"], message["To"] = (person, OUR_MAIL) if letter.inbound else (OUR_MAIL, letter.organisation.mail)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.moment)
    message["Message-ID"] = f"<demo-{place}@{'mail' if letter.inbound else 'yenisey-uchet'}.example>"
    old = str.maketrans({"«": '"', "»": '"', "№": "N", "—": "-"})
    plain = letter.text.translate(old) if letter.charset == "koi8-r" else letter.text
    message.set_content(plain, charset=letter.charset)
    return message.as_bytes()


def fill_tickets(peer: RedminePeer, firm: Firm) -> None:
    """File the month's tickets as the administrator, at their own times."""
    steps: list[tuple[datetime, int, str]] = []
    for place, question in enumerate(firm.questions):
        steps.append((question.moment, place, "create"))
        if question.touched != question.moment or question.closed:
            steps.append((question.touched, place, "touch"))
    numbers: dict[int, int] = {}
    for moment, place, step in sorted(steps):
        peer.database.now = partial(_same, moment)
        question = firm.questions[place]
        if step == "create":
            fields = {
                "project_id": 1,
                "subject": question.subject,
                "description": question.text,
                "priority_id": question.priority,
                "custom_fields": [{"id": 1, "value": question.organisation.inn}],
            }
            numbers[place] = peer.database.create(fields, 1)["issue"]["id"]
        else:
            changes: dict[str, Any] = {"notes": "Сделано, проверьте, пожалуйста." if question.closed else "Смотрим."}
            if question.closed:
                changes["status_id"] = 5
            if question.specialist:
                changes["assigned_to_id"] = 5
            peer.database.update(numbers[place], changes, 1)
    peer.database.now = partial(_same, NOW)


def _same(moment: datetime) -> datetime:
    return moment


def cdr(firm: Firm) -> str:
    """Return the call records as Asterisk writes them to Master.csv with all 21 columns."""
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for place, call in enumerate(firm.calls):
        writer.writerow(_cdr_row(call, place))
    return stream.getvalue()


def _cdr_row(call: CallRow, place: int) -> Iterator[str]:
    answered = call.talk_seconds > 0
    ring = 12 if answered else 35
    start = call.moment.replace(tzinfo=None)
    answer = start + timedelta(seconds=ring)
    end = answer + timedelta(seconds=call.talk_seconds)
    unique = f"{int(call.moment.astimezone(UTC).timestamp())}.{place}"
    outside, inside = call.number.replace("+7", "8") or "anonymous", str(101 + place % 3)
    source, target = (outside, "2000000") if call.inbound else (inside, outside)
    trunk, local = f"PJSIP/trunk-{place:08x}", f"PJSIP/{inside}-{place:08x}"
    channels = (trunk, local) if call.inbound else (local, trunk)
    yield from (
        "",
        source,
        target,
        "from-trunk" if call.inbound else "from-internal",
        f'"{source}" <{source}>',
        *channels,
        "Dial",
        f"{channels[1]},60",
        str(start),
        str(answer) if answered else "",
        str(end),
        str(ring + call.talk_seconds),
        str(call.talk_seconds),
        "ANSWERED" if answered else "NO ANSWER",
        "DOCUMENTATION",
        unique,
        "",
        "",
        unique,
        str(place),
    )
