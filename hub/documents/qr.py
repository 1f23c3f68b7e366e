"""The payment QR code of GOST R 56042-2014: the text in it, and its picture.

The standard was made for payments by individuals; bank clients of companies read it as well. Field order and lengths
follow public implementations of the standard.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from decimal import Decimal
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

from hub.documents.limits import one_line
from hub.model.errors import HubError, SettingsError
from hub.model.values import CENT, Money, is_account, is_corr_account

if TYPE_CHECKING:
    from segno import QRCode

SIZE_MM = 38
"""Printed width with the quiet zone; less than 35 mm is not read reliably."""

MARK_MM = 15
"""Printed width of the small code by which a scan is known again; its text is short."""

_HEAD = "ST00012"
_SEPARATORS = "|~^#;!"
_QUIET_ZONE = 4
_MASK = 2
"""Trying all eight masks is nine tenths of the time of a code. On Russian payment texts and marks this one has 1-3 %
more penalty points than the best of the eight, at most 14 %; the code says which it is, so that every reader knows."""
_LENGTHS = {"Name": 160, "BankName": 45, "Purpose": 210, "Sum": 18}


def payment_payload(
    *, name: str, account: str, bank_name: str, bic: str, corr_account: str, amount: Money, purpose: str,
    inn: str = "", kpp: str = "",
) -> str:  # fmt: skip
    """Return the text of the code. Raises SettingsError rather than lead a payment to an account that cannot be right.

    Texts longer than the standard allows are cut: account and БИК decide where the money goes.
    """
    if not name.strip() or not bank_name.strip():
        raise SettingsError(
            "The payment QR code needs the name of the firm and of its bank.",
            field="organisation.bank.name" if name.strip() else "organisation.name",
        )
    if not re.fullmatch(r"\d{9}", bic, re.ASCII):
        raise SettingsError("The payment QR code needs a БИК of 9 digits.", field="organisation.bank.bic")
    if not is_account(account, bic):
        raise SettingsError(
            "The payment QR code is refused: the account does not fit the БИК.",
            field="organisation.bank.account", hint="Compare it with the bank's letter.",
        )  # fmt: skip
    if corr_account and not is_corr_account(corr_account, bic):
        raise SettingsError(
            "The payment QR code is refused: the correspondent account does not fit the БИК.",
            field="organisation.bank.corr_account", hint="Compare it with the bank's letter.",
        )  # fmt: skip
    fields = {
        "Name": name,
        "PersonalAcc": account,
        "BankName": bank_name,
        "BIC": bic,
        "CorrespAcc": corr_account or "0",
        "Sum": _kopecks(amount),
        "Purpose": purpose,
        "PayeeINN": inn,
        "KPP": kpp,
    }
    return _join({key: one_line(value)[: _LENGTHS.get(key)].rstrip() for key, value in fields.items() if value})


def _kopecks(amount: Money) -> str:
    if amount.currency != "RUB":
        raise HubError(f"A payment QR code is in roubles, not in {amount.currency}.")
    if amount.amount <= 0 or amount.amount != amount.amount.quantize(CENT):
        raise HubError("A payment QR code needs a sum above zero in whole kopecks.")
    kopecks = f"{amount.amount.scaleb(2).quantize(Decimal(1))}"
    if len(kopecks) > _LENGTHS["Sum"]:
        raise HubError("The sum is too large for a payment QR code.")
    return kopecks


def _join(fields: dict[str, str]) -> str:
    text = "".join(fields.values())
    separator = next((sign for sign in _SEPARATORS if sign not in text), None)
    if separator is None:
        separator = _SEPARATORS[0]
        fields = {key: value.replace(separator, "/") for key, value in fields.items()}
    return separator.join([_HEAD, *(f"{key}={value}" for key, value in fields.items())])


def qr_svg(payload: str) -> bytes:
    """Draw the code as SVG with its quiet zone."""
    picture = io.BytesIO()
    _code(payload).save(picture, kind="svg", border=_QUIET_ZONE)
    return picture.getvalue()


def qr_png(payload: str) -> bytes:
    """Draw the code as PNG with its quiet zone, sharp enough for print at `SIZE_MM`: 8 pixels, one byte, a module."""
    rows = [bytes(255 * (1 - dark) for dark in row) for row in _code(payload).matrix_iter(border=_QUIET_ZONE)]
    side, pixels = 8 * len(rows), b"".join((b"\x00" + row) * 8 for row in rows)
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in parts
    )


def _code(payload: str) -> QRCode:
    """Return the code; the last ones are kept, because each is drawn for the PDF and, beside it, for the Word file."""
    with _coding:
        return _encode(payload)


_coding = Lock()


@lru_cache(maxsize=4)
def _encode(payload: str) -> QRCode:
    import segno  # only who draws a code waits for it

    return segno.make_qr(payload, error="m", encoding="utf-8", boost_error=False, mask=_MASK)
