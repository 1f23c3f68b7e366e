"""An invented 1C franchisee in Krasnoyarsk: three managers, a hundred state organisations, a month of work.

Everything is invented and follows from one seed, so that a second run finds the same world. The awkward cases are
meant: one client under two spellings, a telephone that three schools share, an unknown caller, a deleted contract.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from msgspec import Struct

ZONE = ZoneInfo("Asia/Krasnoyarsk")
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=ZONE)
"""The Friday on which the demo plays."""
START = NOW - timedelta(days=31)

MANAGERS = (
    ("ivanova", "Иванова Мария Сергеевна"),
    ("sidorov", "Сидоров Павел Андреевич"),
    ("belova", "Белова Наталья Олеговна"),
)
_SURNAMES = (
    "Андреева",
    "Баранова",
    "Власова",
    "Гусева",
    "Дмитриева",
    "Ершова",
    "Жукова",
    "Зайцева",
    "Ильина",
    "Козлова",
    "Лебедева",
    "Морозова",
    "Никитина",
    "Орлова",
    "Павлова",
    "Романова",
    "Соколова",
    "Титова",
    "Уварова",
    "Фролова",
    "Шестакова",
    "Юдина",
)
_NAMES = ("Анна", "Елена", "Ирина", "Людмила", "Марина", "Надежда", "Ольга", "Светлана", "Татьяна", "Юлия")
_PATRONYMICS = ("Алексеевна", "Борисовна", "Викторовна", "Ивановна", "Николаевна", "Петровна", "Сергеевна")
_DISTRICTS = (
    "Берёзовского",
    "Емельяновского",
    "Канского",
    "Манского",
    "Минусинского",
    "Назаровского",
    "Рыбинского",
    "Сухобузимского",
    "Ужурского",
    "Шарыповского",
)
_FLOWERS = (
    "Ромашка",
    "Василёк",
    "Солнышко",
    "Теремок",
    "Сказка",
    "Колокольчик",
    "Родничок",
    "Ладушки",
    "Берёзка",
    "Лесовичок",
)
FEES = (6_900, 8_400, 9_900, 12_500, 14_900, 18_000, 21_000, 26_500, 32_000, 45_000, 68_000, 95_000, 140_000, 250_000)
_FEE_WEIGHTS = (14, 14, 13, 12, 10, 9, 8, 6, 5, 4, 2, 1, 1, 1)


class Organisation(Struct, frozen=True):
    """One client: how it is called in 1C, who keeps its books, how to reach them, what it pays a month."""

    number: int
    name: str
    full_name: str
    inn: str
    kpp: str
    accountant: str
    phone: str
    mobile: str
    mail: str
    manager: str
    fee: Decimal
    contract_end: date


class CallRow(Struct, frozen=True):
    """One call: when it began, with whom, in which direction, how long people talked."""

    moment: datetime
    number: str
    inbound: bool
    talk_seconds: int


class Letter(Struct, frozen=True):
    """One letter with an organisation; `charset` is that of its body."""

    moment: datetime
    organisation: Organisation
    inbound: bool
    subject: str
    text: str
    charset: str = "utf-8"


class Question(Struct, frozen=True):
    """One ticket: priority is an id of Redmine, `closed` when it was solved, `touched` the last activity."""

    moment: datetime
    organisation: Organisation
    subject: str
    text: str
    priority: int
    touched: datetime
    closed: bool
    specialist: bool


def inn_of(base: int) -> str:
    """Return an ИНН of ten digits with a right check digit for invented data."""
    digits = f"{base:09d}"
    weights = (2, 4, 10, 3, 5, 9, 4, 6, 8)
    return digits + str(sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11 % 10)


class Firm:
    """The whole invented world, made once from its seed."""

    def __init__(self, seed: int = 2026, clients: int = 100) -> None:
        self._random = random.Random(seed)  # noqa: S311 - invented data must be repeatable
        self.organisations = [self._organisation(number) for number in range(1, clients + 1)]
        self.twin = self.organisations[4]
        """Stands in 1C twice, under two spellings."""
        self.office = self.organisations[7]
        """An accounting office whose telephone two schools give as theirs."""
        self.guests = self.organisations[10:12]
        self.silent = self.organisations[20:29]
        """Nobody talked with them for more than a week."""
        self.calls = sorted(self._calls(), key=lambda call: call.moment)
        self.letters = sorted(self._letters(), key=lambda letter: letter.moment)
        self.questions = sorted(self._questions(), key=lambda question: question.moment)

    def phones_of(self, organisation: Organisation) -> tuple[str, ...]:
        """Return the telephones that 1C gives for an organisation."""
        own = (organisation.phone, organisation.mobile)
        return (self.office.phone, organisation.mobile) if organisation in self.guests else own

    def _organisation(self, number: int) -> Organisation:
        chance = self._random
        kind = number % 5
        district = _DISTRICTS[number % len(_DISTRICTS)]
        if kind == 0:
            name, full = (
                f"МБОУ «СШ № {number}»",
                f"Муниципальное бюджетное общеобразовательное учреждение «Средняя школа № {number}»",
            )
        elif kind == 1:
            flower = _FLOWERS[number // 5 % len(_FLOWERS)]
            name, full = (
                f"МБДОУ № {number} «{flower}»",
                (f"Муниципальное бюджетное дошкольное образовательное учреждение «Детский сад № {number} «{flower}»"),
            )
        elif kind == 2:
            name, full = (
                f"КГБУЗ «Больница № {number}»",
                f"Краевое государственное бюджетное учреждение здравоохранения «Районная больница № {number}»",
            )
        elif kind == 3:
            name, full = (
                f"МКУ «ЦБ № {number} {district} района»",
                f"Муниципальное казённое учреждение «Централизованная бухгалтерия № {number} {district} района»",
            )
        else:
            name, full = (
                f"КГКУ «УСЗН № {number}»",
                f"Краевое государственное казённое учреждение «Управление социальной защиты населения № {number}»",
            )
        accountant = f"{chance.choice(_SURNAMES)} {chance.choice(_NAMES)} {chance.choice(_PATRONYMICS)}"
        end = (
            date(2026, 12, 1) + timedelta(days=chance.randrange(5, 28))
            if number % 13 == 0
            else (date(2027, 2, 1) + timedelta(days=chance.randrange(0, 300)))
        )
        fee = chance.choices(FEES, _FEE_WEIGHTS)[0]
        return Organisation(
            number=number,
            name=name,
            full_name=full,
            inn=inn_of(246_500_000 + number),
            kpp="246501001",
            accountant=accountant,
            phone=f"+7391{2_010_000 + number}",
            mobile=f"+7913{5_550_000 + number}",
            mail=f"buh@uchr{number}.example",
            manager=MANAGERS[number % 3][1],
            fee=Decimal(fee),
            contract_end=end,
        )

    def _working(self, days_ago: int, hour: int) -> datetime:
        moment = NOW.replace(hour=hour, minute=self._random.randrange(60)) - timedelta(days=days_ago)
        while moment.weekday() > 4:
            moment -= timedelta(days=1)
        return moment

    def _calls(self) -> Iterator[CallRow]:
        chance = self._random
        for organisation in self.organisations:
            phone = self.phones_of(organisation)[1]
            last = chance.randrange(9, 14) if organisation in self.silent else chance.randrange(1, 6)
            for days_ago in range(last, 31, 7):
                inbound = chance.random() < 0.3
                yield CallRow(
                    self._working(days_ago, chance.randrange(9, 17)), phone, inbound, chance.randrange(70, 900)
                )
        evening = NOW.replace(hour=19, minute=42) - timedelta(days=1)
        lost = self.organisations[33]
        yield CallRow(evening, lost.mobile, True, 0)
        yield CallRow(evening + timedelta(minutes=6), lost.phone, True, 0)
        back = self.organisations[34]
        yield CallRow(evening - timedelta(hours=4), back.mobile, True, 0)
        yield CallRow(evening - timedelta(hours=3, minutes=48), back.mobile, False, 184)
        yield CallRow(NOW.replace(hour=9, minute=21), "+79607771234", True, 0)  # nobody knows this number
        yield CallRow(NOW.replace(hour=9, minute=34), self.office.phone, True, 0)  # three clients give this number
        yield CallRow(NOW.replace(hour=9, minute=40), "", True, 0)  # hidden

    def _letters(self) -> Iterator[Letter]:
        chance = self._random
        asks = (
            (
                "Вопрос по отчёту 0503127",
                "Здравствуйте! Не сходятся контрольные соотношения в форме 0503127. Посмотрите, пожалуйста.",
            ),
            ("Не проводится поступление", "Добрый день! Документ «Поступление» не проводится, пишет про блокировку."),
            ("Акт за октябрь", "Добрый день! Пришлите, пожалуйста, акт за октябрь с подписью."),
            ("Обновление программы", "Здравствуйте! Когда вы сможете обновить программу? Нам нужно сдавать отчёт."),
        )
        for place, organisation in enumerate(self.organisations):
            if place % 2 and place % 3:
                continue
            subject, text = asks[place % len(asks)]
            charset = "windows-1251" if place % 4 == 0 else "koi8-r" if place % 10 == 3 else "utf-8"
            moment = self._working(chance.randrange(1, 28), chance.randrange(8, 17))
            sign = f"\n\nС уважением,\nглавный бухгалтер {organisation.accountant}\n{organisation.name}\n"
            yield Letter(moment, organisation, True, subject, text + sign, charset)
            yield Letter(moment + timedelta(hours=2, minutes=10), organisation, False, f"Re: {subject}",
                         "Добрый день! Взяли в работу, ответим сегодня.\n")  # fmt: skip

    def _questions(self) -> Iterator[Question]:
        chance = self._random
        topics = (
            "Не сходятся остатки по счёту 210.03", "Не выгружается отчёт в «Свод-СМАРТ»", "Ошибка при закрытии месяца",
            "Настроить печатную форму", "Перенести данные за прошлый год", "Добавить пользователя",
        )  # fmt: skip
        for place in range(45):
            organisation = self.organisations[(place * 7 + 3) % len(self.organisations)]
            moment = self._working(chance.randrange(5, 30), chance.randrange(9, 17))
            yield Question(
                moment,
                organisation,
                topics[place % len(topics)],
                "Подробности в письме.",
                2,
                moment + timedelta(hours=20),
                closed=True,
                specialist=True,
            )
        for place, subject in (
            (41, "Не уходит зарплата, сегодня день выплаты!"),
            (62, "Не открывается база, стоит вся бухгалтерия"),
        ):
            moment = NOW - timedelta(minutes=50 + place)
            yield Question(
                moment,
                self.organisations[place],
                subject,
                "Срочно, пожалуйста!",
                4,
                moment,
                closed=False,
                specialist=False,
            )
        for place in (15, 27, 44, 71, 86):
            moment = NOW - timedelta(days=9 + place % 6, hours=3)
            yield Question(moment, self.organisations[place], topics[place % 3], "Важно до конца квартала.", 3,
                           moment + timedelta(hours=5), closed=False, specialist=place % 2 == 0)  # fmt: skip
