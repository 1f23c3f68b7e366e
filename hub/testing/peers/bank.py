"""A bank for tests: statements in a folder as banks export them, and a folder from which it takes payment orders.

Exports come with CRLF, in Windows-1251, with balances that add up, several documents a file and blank lines between
sections. An export can be cut in the middle, or be a page of a web bank whose session has ended.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

from msgspec import Struct

from hub.model.connector import Command
from hub.testing.peer import Fault

OWN_ACCOUNT = "40702810500000000011"
OWN_BIC = "040407627"
OWN_INN = "2465000007"
CLIENT_ACCOUNT = "40703810200000000022"
CLIENT_INN = "2463000001"
CORR_ACCOUNT = "30101810800000000627"
PER_FILE = 60
_PAGE = "<!DOCTYPE html><html><body>Сеанс завершён, войдите снова</body></html>".encode()


class Transfer(Struct):
    """One document of a statement; `is_incoming` money came from the client, other money went there."""

    number: str
    total: Decimal
    purpose: str
    day: str = "12.05.2026"
    is_incoming: bool = True
    extra: tuple[str, ...] = ()

    def rows(self) -> list[str]:
        """Return the lines of the section."""
        payer, payee = (CLIENT_ACCOUNT, OWN_ACCOUNT) if self.is_incoming else (OWN_ACCOUNT, CLIENT_ACCOUNT)
        inns = (CLIENT_INN, OWN_INN) if self.is_incoming else (OWN_INN, CLIENT_INN)
        return [
            "СекцияДокумент=Платежное поручение", f"Номер={self.number}", f"Дата={self.day}", f"Сумма={self.total:.2f}",
            f"ПлательщикСчет={payer}", f"ДатаСписано={'' if self.is_incoming else self.day}",
            f"ПлательщикИНН={inns[0]}", "Плательщик1=МБОУ СОШ № 5", f"ПлательщикРасчСчет={payer}",
            "ПлательщикБанк1=АО БАНК", f"ПлательщикБИК={OWN_BIC}", f"ПлательщикКорсчет={CORR_ACCOUNT}",
            f"ПолучательСчет={payee}", f"ДатаПоступило={self.day if self.is_incoming else ''}",
            f"ПолучательИНН={inns[1]}", "Получатель1=ООО Связка", f"ПолучательРасчСчет={payee}",
            "ПолучательБанк1=АО БАНК", f"ПолучательБИК={OWN_BIC}", f"ПолучательКорсчет={CORR_ACCOUNT}",
            "ВидПлатежа=", "ВидОплаты=01", "Очередность=5", f"НазначениеПлатежа={self.purpose}", *self.extra,
            "КонецДокумента",
        ]  # fmt: skip

    def key(self) -> str:
        """Return under which id the connector must report it, but for its number among equals."""
        year_first = "-".join(reversed(self.day.split(".")))
        way = "in" if self.is_incoming else "out"
        return f"{OWN_ACCOUNT}/{year_first}/{self.number}/{self.total:.2f}/{way}/{CLIENT_ACCOUNT[-6:]}"


def statement(
    transfers: Sequence[Transfer], *, encoding: str = "cp1251", declared: str = "Windows", written: str = "10:03:13"
) -> bytes:
    """Return a statement of one account and day as a bank exports it."""
    came = sum((it.total for it in transfers if it.is_incoming), Decimal(0))
    left = sum((it.total for it in transfers if not it.is_incoming), Decimal(0))
    rows = [
        "1CClientBankExchange", "ВерсияФормата=1.03", f"Кодировка={declared}", "Отправитель=Банк-Клиент",
        "Получатель=1С:Предприятие", "ДатаСоздания=12.05.2026", f"ВремяСоздания={written}",
        "ДатаНачала=12.05.2026", "ДатаКонца=12.05.2026", f"РасчСчет={OWN_ACCOUNT}", "",
        "СекцияРасчСчет", "ДатаНачала=12.05.2026", "ДатаКонца=12.05.2026", f"РасчСчет={OWN_ACCOUNT}",
        "НачальныйОстаток=1000.00", f"ВсегоПоступило={came:.2f}", f"ВсегоСписано={left:.2f}",
        f"КонечныйОстаток={1000 + came - left:.2f}", "КонецРасчСчет", "",
    ]  # fmt: skip
    for transfer in transfers:
        rows += [*transfer.rows(), ""]
    return "\r\n".join([*rows, "КонецФайла", ""]).encode(encoding)


class BankPeer:
    """One account at a bank, exported into a folder, a few dozen documents a file."""

    streams: ClassVar[Sequence[str]] = ("payments",)
    removable: ClassVar[Collection[str]] = ()
    faults: ClassVar[Collection[Fault]] = frozenset({"down", "cut", "garbage"})

    def __init__(self) -> None:
        self.transfers: dict[str, Transfer] = {}
        self._number = 0
        self._trouble: Fault | None = None

    def start(self) -> None:
        """Open the account; nothing is exported yet."""
        self._temporary = tempfile.TemporaryDirectory()
        self.home = Path(self._temporary.name)
        self._set_up(there=True)

    def stop(self) -> None:
        """Remove everything."""
        self._temporary.cleanup()

    @property
    def folder(self) -> Path:
        """Return where statements lie."""
        return self.home / "statements"

    @property
    def outgoing(self) -> Path:
        """Return where payment orders are taken from."""
        return self.home / "orders"

    def settings(self) -> Mapping[str, str]:
        """Return the settings of a connection."""
        return {
            "folder": str(self.folder), "outgoing": str(self.outgoing), "payer_name": "ООО Связка",
            "payer_inn": OWN_INN, "payer_kpp": "246501001", "payer_account": OWN_ACCOUNT, "payer_bic": OWN_BIC,
            "payer_bank": "АО БАНК Г КРАСНОЯРСК", "payer_corr_account": CORR_ACCOUNT,
        }  # fmt: skip

    def add(self, stream: str, count: int = 1) -> list[str]:
        """Let money come in, every fourth time go out; export again."""
        assert stream == "payments"
        added = []
        for _ in range(count):
            self._number += 1
            transfer = Transfer(
                str(self._number), Decimal(1500), f"Оплата по счету {self._number}", is_incoming=self._number % 4 != 0
            )
            external_id = f"{transfer.key()}/1"
            self.transfers[external_id] = transfer
            added.append(external_id)
        self.export()
        return added

    def change(self, stream: str, external_id: str) -> None:
        """Correct the purpose of one document, as a bank does on request of the payer."""
        assert stream == "payments"
        self.transfers[external_id].purpose += ", уточнено"
        self.export()

    def remove(self, stream: str, external_id: str) -> None:
        """Refuse: a statement takes nothing back."""
        raise NotImplementedError(f"{stream}/{external_id}: a statement takes nothing back")

    def fault(self, name: Fault | None) -> None:
        """Make the trouble named, or none from now on."""
        self._trouble = name
        self._set_up(there=name != "down")
        self.export()

    def logins(self) -> int:
        """Return how often credentials were refused: a folder has none."""
        return 0

    def command(self) -> Command:
        """Return a fresh order to pay."""
        self._number += 1
        data = {
            "number": str(self._number), "date": "2026-05-13", "total": "1500.00", "payee_name": "МБОУ СОШ № 5",
            "payee_inn": CLIENT_INN, "payee_kpp": "246301001", "payee_account": CLIENT_ACCOUNT,
            "payee_bic": OWN_BIC, "payee_bank": "АО БАНК Г КРАСНОЯРСК", "payee_corr_account": CORR_ACCOUNT,
            "purpose": "Возврат по договору 12-АО. Без НДС",
        }  # fmt: skip
        return Command(id=uuid4().hex, kind="payment_order.create", data=data)

    def effects(self, command: Command) -> int:
        """Return how many whole orders of that number lie ready for the bank."""
        wanted = f"\r\nНомер={command.data['number']}\r\n".encode("cp1251")
        ended = "КонецФайла\r\n".encode("cp1251")
        contents = [it.read_bytes() for it in (self.home / "orders").glob("*.txt")] if self.outgoing.exists() else []
        return sum(wanted in content and content.endswith(ended) for content in contents)

    def export(self) -> None:
        """Write the statements as they would be found now."""
        if self._trouble == "down":
            return
        transfers = list(self.transfers.values())
        for start in range(0, len(transfers), PER_FILE):
            content = statement(transfers[start : start + PER_FILE], written=f"10:{start // PER_FILE:02d}:00")
            if self._trouble == "garbage":
                content = _PAGE
            elif self._trouble == "cut":
                content = content[: len(content) * 2 // 3]
            (self.folder / f"kl_to_1c_{start // PER_FILE}.txt").write_bytes(content)

    def _set_up(self, *, there: bool) -> None:
        """Let both folders be there or not, as a network share is."""
        for folder in (self.folder, self.outgoing):
            away = folder.with_suffix(".away")
            if there and away.exists():
                away.rename(folder)
            elif there:
                folder.mkdir(exist_ok=True)
            elif folder.exists():
                folder.rename(away)
