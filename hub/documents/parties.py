"""The sides of a document as they stand on it: name, requisites, bank, and who signs for them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, structs

from hub.config import Organisation
from hub.documents.genitive import Declined, Gender, decline_name, gender_of, position_genitive, short_name
from hub.documents.limits import Value, one_line
from hub.model.errors import SettingsError
from hub.model.values import is_account, is_corr_account, is_inn, is_kpp, is_ogrn


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
    signer = Signer(**own.signer.model_dump()) if own.signer else None
    return clean_party(
        Party(own.name, own.inn, own.kpp, own.address, own.phone, own.ogrn, own.email, bank=bank, signer=signer)
    )


def our_bank(organisation: Organisation | None) -> Bank:
    """Return where our firm is paid. Raises SettingsError with the field that the configuration lacks."""
    own = our_side(organisation)
    if own.bank is None:
        raise SettingsError(
            "The configuration does not say where the buyer pays to.",
            field="organisation.bank", hint="Fill in `organisation: bank:` with name, bic, account and corr_account.",
        )  # fmt: skip
    return own.bank


def is_sole_trader(party: Party) -> bool:
    """Tell whether the party is a person in business: its ИНН has twelve digits."""
    return len(party.inn) == 12


def party_values(party: Party) -> dict[str, Value]:
    """Return what a layout or template may show of a party."""
    texts: dict[str, Value] = {name: it for name, it in structs.asdict(party).items() if isinstance(it, str)}
    parts = (
        party.name,
        party.inn and f"ИНН {party.inn}",
        party.kpp and f"КПП {party.kpp}",
        party.address,
        party.phone and f"тел. {party.phone}",
    )
    return {
        **texts,
        "requisites": ", ".join(part for part in parts if part),
        "rows": _rows(party),
        "is_sole_trader": is_sole_trader(party),
    }


def _rows(party: Party) -> list[Value]:
    """Return the requisites as a contract lists them at its end, label and value; treasury accounts by their names."""
    bank = party.bank
    is_treasury = bank is not None and bank.account.startswith("0")
    rows = (
        ("Адрес", party.address),
        ("ИНН / КПП" if party.kpp else "ИНН", f"{party.inn} / {party.kpp}" if party.kpp else party.inn),
        ("ОГРНИП" if len(party.ogrn) == 15 else "ОГРН", party.ogrn),
        ("Казначейский счёт" if is_treasury else "Расчётный счёт", bank.account if bank else ""),
        ("Банк", bank.name if bank else ""),
        ("БИК", bank.bic if bank else ""),
        ("Единый казначейский счёт" if is_treasury else "Корр. счёт", bank.corr_account if bank else ""),
        ("Телефон", party.phone),
        ("Эл. почта", party.email),
    )
    return [{"label": label, "value": value} for label, value in rows if value]


def with_cases(party: Party, positions: Mapping[str, str]) -> Party:
    """Return the party with the genitives of who signs filled in, as far as they are sure."""
    signer = party.signer
    if signer is None:
        return party
    name, position = decline_name(signer.name, "genitive", _gender(signer)), _position(signer, positions)
    return structs.replace(
        party,
        signer=structs.replace(
            signer,
            gender=_gender(signer),
            name_genitive=signer.name_genitive or (name.text if name.is_certain else ""),
            position_genitive=signer.position_genitive or (position.text if position.is_certain else ""),
        ),
    )


def _position(signer: Signer, positions: Mapping[str, str]) -> Declined:
    return position_genitive(signer.position, positions) if signer.position else Declined("", True)


def signer_values(party: Party) -> dict[str, Value]:
    """Return how the one who signs is named: under a document, and in the opening of a contract.

    `in_person` follows «(далее — Заказчик)»; it is a comma for a sole trader, who acts alone.
    """
    signer, alone = party.signer, is_sole_trader(party)
    if signer is None:
        blank = f" в лице {'_' * 34}, действующего(ей) на основании {'_' * 18},"
        position = "Индивидуальный предприниматель" if alone else ""
        return {"name": "", "short": "", "position": position, "basis": "", "in_person": "," if alone else blank}
    position = signer.position or ("индивидуальный предприниматель" if alone else "")
    return {
        "name": signer.name,
        "short": short_name(signer.name),
        "position": position[:1].upper() + position[1:],
        "basis": signer.basis,
        "in_person": "," if alone else _in_person(signer),
    }


def _in_person(signer: Signer) -> str:
    """Word «в лице директора Соколовой Анны Борисовны, действующей на основании Устава,»."""
    name = signer.name_genitive or signer.name
    if signer.position_genitive:
        who = f"{signer.position_genitive} {name}"
    else:  # a position in brackets needs no case
        who = f"{name} ({signer.position})" if signer.position else name
    acting = {"m": "действующего", "f": "действующей"}.get(signer.gender, "действующего(ей)")
    return f" в лице {who}, {acting} на основании {signer.basis or '_' * 18},"


def _gender(signer: Signer) -> Gender:
    return "m" if signer.gender == "m" else "f" if signer.gender == "f" else gender_of(signer.name)


def doubts_about(party: Party, whose: str) -> tuple[str, ...]:
    """Return what looks wrong in the requisites of a party, in Russian: a person decides, nothing is refused."""
    doubts = []
    if party.inn and not is_inn(party.inn):
        doubts.append(f"ИНН {party.inn} {whose} не проходит проверку контрольных цифр.")
    if party.kpp and not is_kpp(party.kpp):
        doubts.append(f"КПП {party.kpp} {whose} записан неверно: нужно девять знаков.")
    if party.ogrn and not is_ogrn(party.ogrn):
        doubts.append(f"ОГРН {party.ogrn} {whose} не проходит проверку контрольной цифры.")
    if bank := party.bank:
        if not re.fullmatch(r"\d{9}", bank.bic, re.ASCII):
            doubts.append(f"БИК {bank.bic} {whose} записан неверно: нужно девять цифр.")
        elif not is_account(bank.account, bank.bic):
            doubts.append(f"Счёт {bank.account} {whose} не подходит к БИК {bank.bic}.")
        elif bank.corr_account and not is_corr_account(bank.corr_account, bank.bic):
            doubts.append(f"Корр. счёт {bank.corr_account} {whose} не подходит к БИК {bank.bic}.")
    return tuple(doubts)


def doubts_about_signer(party: Party, whose: str) -> tuple[str, ...]:
    """Return what the opening of a contract may say wrongly about who signs; genitives are filled in already."""
    signer = party.signer
    if is_sole_trader(party):
        return ()
    if signer is None:
        return (f"Не указано, кто подписывает документ {whose}.",)
    doubts = (
        (not signer.name_genitive, f"Родительный падеж не проверен: «{signer.name}»."),
        (signer.position and not signer.position_genitive, f"Родительный падеж не проверен: «{signer.position}»."),
        (not signer.position, f"Не указана должность: «{signer.name}»."),
        (not signer.gender, f"Не указан пол: «{signer.name}»."),
        (not signer.basis, f"Не указано, на основании чего действует «{signer.name}»."),
    )
    return tuple(text for is_so, text in doubts if is_so)


def joined(*parts: str, by: str = ", ") -> str:
    """Join the parts that are not empty."""
    return by.join(part for part in parts if part)
