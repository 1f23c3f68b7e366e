"""Payment orders: a command as a file of its own, in the form that bank programs take from 1C."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hub.api import Command, Receipt, Rejected, Unavailable, is_account, is_inn, is_kpp

from .exchange import END_OF_DOCUMENT, END_OF_FILE, FIRST_LINE, amount
from .settings import BankSettings

KIND = "payment_order.create"
ENCODING = "cp1251"
MOST_PURPOSE = 210
MOST_NAME = 160
_SAFE_ID = re.compile(r"[\w-]{1,80}", re.ASCII)


class Order(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a command says: the number and day of the order, the sum as text, the payee, and what for."""

    number: str
    date: date
    total: str
    payee_name: str
    payee_inn: str
    payee_account: str
    payee_bic: str
    payee_bank: str
    purpose: str
    payee_kpp: str = ""
    payee_corr_account: str = ""
    priority: int = 5
    uin: str = "0"


class Outgoing:
    """The folder from which the bank's program takes payment orders; one file for each command."""

    def __init__(self, settings: BankSettings) -> None:
        self._settings = settings
        self._folder = Path(settings.outgoing)

    def look(self) -> None:
        """Raise Unavailable when there is no folder to write into."""
        if not self._folder.is_dir() or not os.access(self._folder, os.W_OK):
            raise Unavailable(
                f"Nothing can be written into {self._folder}.",
                hint="Look whether the folder is there and whether the hub may write into it.",
                unsent=True,
            )

    def prepare(self, command: Command) -> Callable[[], Receipt]:
        """Compose the order; return what writes it. Raises Rejected, naming the field, for what a bank would refuse."""
        content = compose(read_order(command.data), self._settings)
        self.look()
        return partial(self._write, self._folder / name_of(command), content)

    def _write(self, target: Path, content: bytes) -> Receipt:
        """Write the file, whole or not at all."""
        try:
            _write_new(target, content)
        except FileExistsError:
            if target.read_bytes() != content:
                raise Rejected(f"{target.name} is there already and says something else.") from None
        except OSError as error:
            raise Unavailable(
                f"{target.name} could not be written: {error.strerror}.", hint="Nothing was sent.", unsent=True
            ) from error
        return _receipt(target, content)

    def find(self, command: Command) -> Receipt | None:
        """Return the receipt of a command whose file is there; none while the bank's program has taken it away."""
        target = self._folder / name_of(command)
        self.look()
        try:
            return _receipt(target, target.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(f"{target.name} cannot be read: {error.strerror}.") from error


def name_of(command: Command) -> str:
    """Return the name of the file of a command: its id, or a hash of one that cannot be part of a file name."""
    is_safe = _SAFE_ID.fullmatch(command.id) is not None
    return f"order-{command.id if is_safe else hashlib.blake2b(command.id.encode(), digest_size=16).hexdigest()}.txt"


def read_order(data: Mapping[str, Any]) -> Order:
    """Type the data of a command and check what can be checked. Raises Rejected, naming the field."""
    try:
        order = msgspec.convert(data, Order)
    except msgspec.ValidationError as error:
        raise Rejected(f"The payment order is not complete: {error}.") from error
    for name in order.__struct_fields__:
        value = getattr(order, name)
        if isinstance(value, str):
            _expect_text(name, value)
    checks: Mapping[str, tuple[bool, str]] = {
        "number": (
            _is_digits(order.number) and len(order.number) <= 6 and bool(order.number.strip("0")),
            "up to six digits, not all zero",
        ),
        "total": (_is_payable(order.total), "a sum such as 1500.00"),
        "payee_name": (0 < len(order.payee_name) <= MOST_NAME, f"1 to {MOST_NAME} characters"),
        "payee_inn": (is_inn(order.payee_inn), "an ИНН with right check digits"),
        "payee_kpp": (not order.payee_kpp or is_kpp(order.payee_kpp), "nine characters, or nothing"),
        "payee_account": (is_account(order.payee_account, order.payee_bic), "twenty digits whose key fits payee_bic"),
        "purpose": (0 < len(order.purpose) <= MOST_PURPOSE, f"1 to {MOST_PURPOSE} characters"),
        "priority": (1 <= order.priority <= 5, "1 to 5"),
        "uin": (_is_digits(order.uin) and len(order.uin) in (1, 4, 20, 25), "0 or a УИН of 20 or 25 digits"),
    }
    for name, (is_right, expected) in checks.items():
        if not is_right:
            raise Rejected(f"{name} of the payment order is wrong: expected {expected}.")
    return order


def compose(order: Order, settings: BankSettings) -> bytes:
    """Return the file. The same order always gives the same bytes, so that a second try makes no second order."""
    written = f"{order.date:%d.%m.%Y}"
    rows = [
        ("ВерсияФормата", "1.03"),
        ("Кодировка", "Windows"),
        ("Отправитель", "svyazka"),
        ("Получатель", ""),
        ("ДатаСоздания", written),
        ("ВремяСоздания", "00:00:00"),
        ("ДатаНачала", written),
        ("ДатаКонца", written),
        ("РасчСчет", settings.payer_account),
        ("Документ", "Платежное поручение"),
        ("СекцияДокумент", "Платежное поручение"),
        ("Номер", order.number),
        ("Дата", written),
        ("Сумма", f"{Decimal(order.total.replace(',', '.')):.2f}"),
        *_side("Плательщик", settings.payer_name, settings.payer_inn, settings.payer_kpp, settings.payer_account,
               settings.payer_bank, settings.payer_bic, settings.payer_corr_account),
        *_side("Получатель", order.payee_name, order.payee_inn, order.payee_kpp, order.payee_account,
               order.payee_bank, order.payee_bic, order.payee_corr_account),
        ("ВидПлатежа", ""),
        ("ВидОплаты", "01"),
        ("Код", order.uin),
        ("НазначениеПлатежа", order.purpose),
        ("Очередность", str(order.priority)),
    ]  # fmt: skip
    lines = [f"{key}={value}" for key, value in rows] + [END_OF_DOCUMENT, END_OF_FILE]
    return b"\r\n".join([FIRST_LINE, *(line.encode(ENCODING) for line in lines), b""])


def _side(
    side: str, name: str, inn: str, kpp: str, account: str, bank: str, bic: str, corr_account: str
) -> list[tuple[str, str]]:
    return [
        (f"{side}Счет", account),
        (side, f"ИНН {inn} {name}"),
        (f"{side}ИНН", inn),
        (f"{side}КПП", kpp or "0"),
        (f"{side}1", name),
        (f"{side}РасчСчет", account),
        (f"{side}Банк1", bank),
        (f"{side}БИК", bic),
        (f"{side}Корсчет", corr_account),
    ]


def _expect_text(name: str, value: str) -> None:
    if not value.isprintable():
        raise Rejected(f"{name} of the payment order holds a line break or another control character.")
    try:
        value.encode(ENCODING)
    except UnicodeEncodeError as error:
        raise Rejected(f"{name} of the payment order holds {value[error.start]!r}, which banks cannot read.") from error


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _is_payable(text: str) -> bool:
    found = amount(text)
    return found is not None and found > 0


def _write_new(target: Path, content: bytes) -> None:
    """Write a file that appears under its name only when it is whole and on the disk. Raises FileExistsError."""
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".order-", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o640)
        if target.exists():  # commands of one connection run one after another
            raise FileExistsError(target.name)
        Path(temporary).replace(target)
        _sync_folder(target.parent)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the new name durable; a no-op where folders cannot be opened (Windows)."""
    if os.name != "nt":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _receipt(target: Path, content: bytes) -> Receipt:
    return Receipt(
        external_id=target.name, detail={"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    )
