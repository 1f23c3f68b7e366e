"""The sides of a document as they stand on it: name, requisites, bank, and who signs for them."""

from __future__ import annotations

from msgspec import Struct, structs

from hub.config import Organisation
from hub.documents.limits import Value, one_line
from hub.model.errors import SettingsError


class Bank(Struct, frozen=True):
    """Where a side is paid."""

    name: str
    bic: str
    account: str
    corr_account: str


class Signer(Struct, frozen=True, omit_defaults=True):
    """Who signs: full name and position in the nominative, and what the right to sign rests on (in the genitive).

    The genitives are worked out unless they are given; what is given wins for ever. `gender` is m, f or empty.
    """

    name: str
    position: str = ""
    basis: str = ""
    name_genitive: str = ""
    position_genitive: str = ""
    gender: str = ""


class Party(Struct, frozen=True, omit_defaults=True):
    """One side of a document."""

    name: str
    inn: str = ""
    kpp: str = ""
    address: str = ""
    phone: str = ""
    ogrn: str = ""
    email: str = ""
    bank: Bank | None = None
    signer: Signer | None = None


def clean_party(party: Party) -> Party:
    """Return the party with every text on one line and printable."""
    texts = {name: one_line(value) for name, value in structs.asdict(party).items() if isinstance(value, str)}
    return structs.replace(
        party,
        **texts,
        bank=Bank(*map(one_line, structs.astuple(party.bank))) if party.bank else None,
        signer=Signer(*map(one_line, structs.astuple(party.signer))) if party.signer else None,
    )


def our_side(organisation: Organisation | None) -> Party:
    """Return our own firm. Raises SettingsError with the field that the configuration lacks."""
    if organisation is None:
        raise SettingsError(
            "The configuration does not say who issues the document.",
            field="organisation", hint="Fill in `organisation:`, see config/hub.example.yaml",
        )  # fmt: skip
    own = organisation
    if not own.name.strip():
        raise SettingsError("The name of the firm is empty.", field="organisation.name")
    bank = Bank(own.bank.name, own.bank.bic, own.bank.account, own.bank.corr_account) if own.bank else None
    return clean_party(Party(own.name, own.inn, own.kpp, own.address, own.phone, bank=bank))


def our_bank(organisation: Organisation | None) -> Bank:
    """Return where our firm is paid. Raises SettingsError with the field that the configuration lacks."""
    own = our_side(organisation)
    if own.bank is None:
        raise SettingsError(
            "The configuration does not say where the buyer pays to.",
            field="organisation.bank", hint="Fill in `organisation: bank:` with name, bic, account and corr_account.",
        )  # fmt: skip
    return own.bank


def party_values(party: Party) -> dict[str, Value]:
    """Return what a layout or template may show of a party."""
    parts = (
        party.name,
        party.inn and f"ИНН {party.inn}",
        party.kpp and f"КПП {party.kpp}",
        party.address,
        party.phone and f"тел. {party.phone}",
    )
    texts = {name: value for name, value in structs.asdict(party).items() if isinstance(value, str)}
    return {**texts, "requisites": ", ".join(part for part in parts if part)}
