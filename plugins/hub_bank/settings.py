"""Settings of a folder with bank exchange files."""

from __future__ import annotations

from typing import Self

from pydantic import field_validator, model_validator

from hub.api import Settings, is_account, is_inn, is_kpp

PAYER = ("payer_name", "payer_inn", "payer_account", "payer_bic", "payer_bank", "payer_corr_account")


class BankSettings(Settings):
    """Where statements lie and, for payment orders, where they go and who pays."""

    folder: str
    """Folder into which the bank's program or a person puts statements."""
    pattern: str = "*.txt"
    """Which files of the folder are statements, such as `kl_to_1c*.txt`; upper and lower case count as the same."""
    outgoing: str = ""
    """Folder for payment orders; without it the connection only reads."""
    payer_name: str = ""
    """Our name as the bank knows it; needed for payment orders, like the other `payer_` settings."""
    payer_inn: str = ""
    """Our ИНН."""
    payer_kpp: str = ""
    """Our КПП; a sole trader has none."""
    payer_account: str = ""
    """Our account, twenty digits; checked against the БИК."""
    payer_bic: str = ""
    """БИК of our bank, nine digits."""
    payer_bank: str = ""
    """Name and city of our bank."""
    payer_corr_account: str = ""
    """Correspondent account of our bank, twenty digits."""

    @field_validator("folder", "pattern")
    @classmethod
    def _given(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("this cannot be empty")
        return value

    @field_validator("pattern")
    @classmethod
    def _one_folder(cls, value: str) -> str:
        if "/" in value or "\\" in value:
            raise ValueError("write the pattern of a file name such as kl_to_1c*.txt, without a folder")
        return value

    @field_validator("payer_inn")
    @classmethod
    def _inn(cls, value: str) -> str:
        if value and not is_inn(value):
            raise ValueError("the check digits of this ИНН are wrong")
        return value

    @field_validator("payer_kpp")
    @classmethod
    def _kpp(cls, value: str) -> str:
        if value and not is_kpp(value):
            raise ValueError("a КПП has 9 characters, for example 246501001")
        return value

    @model_validator(mode="after")
    def _payer(self) -> Self:
        missing = [name for name in PAYER if not getattr(self, name)]
        if self.outgoing and missing:
            raise ValueError(f"payment orders (outgoing) need {', '.join(missing)}")
        if self.payer_account and not is_account(self.payer_account, self.payer_bic):
            raise ValueError("payer_account does not fit payer_bic: twenty and nine digits, and the key must agree")
        return self
