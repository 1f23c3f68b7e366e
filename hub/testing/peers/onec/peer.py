"""The stand-in as a peer of the conformance kit: an accounting base whose users add, change and delete objects."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from hub.model.connector import Command
from hub.testing.peer import Fault

from .base import Infobase
from .samples import ACCOUNTING, amount, counterparty, inn
from .server import OneCServer
from .writing import Refusal

_SETS = {
    "counterparties": "Catalog_Контрагенты",
    "contacts": "Catalog_КонтактныеЛица",
    "contracts": "Catalog_ДоговорыКонтрагентов",
    "invoices": "Document_СчетНаОплатуПокупателю",
    "sales": "Document_РеализацияТоваровУслуг",
    "payments": "Document_ПоступлениеНаРасчетныйСчет",
}
_CLIENT = "0d3c5a10-0000-11ee-8000-000000000001"


class OneCPeer:
    """One published accounting base."""

    streams: ClassVar[Sequence[str]] = tuple(_SETS)
    removable: ClassVar[Collection[str]] = frozenset(_SETS)
    faults: ClassVar[Collection[Fault]] = frozenset({"auth", "down", "cut", "garbage", "lost_answer", "refuse"})

    def __init__(self) -> None:
        self.base = Infobase(ACCOUNTING)
        self.server = OneCServer(self.base)
        self.server.has_sessions = True
        self._password = self.server.password
        self._number = 0
        self._is_down = False

    def start(self) -> None:
        """Publish an empty base."""
        self.server.start()

    def stop(self) -> None:
        """Stop the web server."""
        self.server.stop()

    def settings(self) -> Mapping[str, str]:
        """Return the settings of a connection."""
        return {"url": self.server.url, "user": self.server.user, "password": self._password, "page": "60"}

    def add(self, stream: str, count: int = 1) -> list[str]:
        """Create objects as users of 1C do."""
        return [self.base.add(_SETS[stream], **self._values(stream)) for _ in range(count)]

    def change(self, stream: str, external_id: str) -> None:
        """Write a new comment into one object."""
        self._number += 1
        self.base.change(_SETS[stream], external_id, Комментарий=f"изменено {self._number}")

    def remove(self, stream: str, external_id: str) -> None:
        """Delete one object for good."""
        self.base.remove(_SETS[stream], external_id)

    def fault(self, name: Fault | None) -> None:
        """Make the trouble named, or none from now on."""
        if self._is_down and name != "down":
            self.server.start()
        if name == "down" and not self._is_down:
            self.server.stop()
        self._is_down = name == "down"
        self.server.password = "другой пароль" if name == "auth" else self._password
        self.server.troubles.html = name == "garbage"
        self.server.troubles.cut = "body" if name == "cut" else ""
        self.server.writing.ends = "lost" if name == "lost_answer" else ""
        self.server.writing.module = self._refuse if name == "refuse" else None

    def logins(self) -> int:
        """Return how many times credentials were refused."""
        return self.server.refused_logins

    def command(self) -> Command | None:
        """Return a new client to be made."""
        self._number += 1
        number = self._number
        return Command(
            id=f"cmd-{number:08d}",
            kind="counterparty.create",
            data={"name": f"Василек {number} ООО", "inn": inn(number), "kpp": "246001001", "comment": "Из заявки"},
        )

    def effects(self, command: Command) -> int:
        """Return how many clients carry the mark of the command."""
        rows = self.base.sets[_SETS["counterparties"]].rows.values()
        return sum(f"[hub+{command.id}]" in row.values["Комментарий"] for row in rows)

    def _refuse(self, _set: str, _values: dict[str, Any]) -> None:
        raise Refusal("Запись отклонена: контрагент с таким ИНН уже есть.")

    def _values(self, stream: str) -> dict[str, Any]:
        self._number += 1
        number = self._number
        if stream == "counterparties":
            return counterparty(number)
        if stream == "contacts":
            return {
                "Description": f"Иванова Мария {number}",
                "Должность": "Главный бухгалтер",
                "ОбъектВладелец": _CLIENT,
                "ОбъектВладелец_Type": "StandardODATA.Catalog_Контрагенты",
                "КонтактнаяИнформация": counterparty(number)["КонтактнаяИнформация"],
            }
        if stream == "contracts":
            return {
                "Description": f"Абонентское обслуживание {number}",
                "Номер": f"{number}-АО",
                "Дата": "2026-01-12T00:00:00",
                "СрокДействия": "2026-12-31T00:00:00",
                "ВидДоговора": "СПокупателем",
                "Owner_Key": _CLIENT,
            }
        header = {
            "Number": f"{number:09d}",
            "Date": "2026-05-12T09:30:00",
            "Posted": True,
            "СуммаДокумента": amount(number),
        }
        if stream == "payments":
            return {
                **header,
                "Контрагент": _CLIENT,
                "Контрагент_Type": "StandardODATA.Catalog_Контрагенты",
                "НазначениеПлатежа": f"Оплата по счету {number}",
            }
        return {**header, "Контрагент_Key": _CLIENT}
