"""What most kinds of document share: the context that is issued, its wording, and how a draft becomes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct, structs

from hub.config import Organisation
from hub.documents import words
from hub.documents.form import Letter, Values
from hub.documents.limits import Value, one_line, printable
from hub.documents.lines import Priced, price_lines, priced_values
from hub.documents.parties import (
    Party,
    clean_party,
    doubts_about,
    doubts_about_signer,
    our_side,
    party_values,
    signer_values,
    with_cases,
)
from hub.model.entities import Line
from hub.model.errors import HubError

_NUMBER_LENGTH = 100
_LONG = ("note", "text")
"""Fields in which a person may break lines."""


class HasClient(Protocol):
    """A draft for the other side."""

    @property
    def client(self) -> Party:
        """The other side."""


Draft = TypeVar("Draft", bound=HasClient)


class Issued(Struct, Generic[Draft], frozen=True, kw_only=True, omit_defaults=True):
    """Everything that stands on an issued document; kept as JSON with it, so that it can always be explained.

    `doubts` are sentences for the person who issues it: what looks wrong and was let pass.
    """

    number: str
    day: date
    us: Party
    draft: Draft
    director: str = ""
    accountant: str = ""
    city: str = ""
    priced: Priced | None = None
    doubts: tuple[str, ...] = ()


def issue(
    organisation: Organisation | None, draft: Draft, number: str, day: date, *, lines: Sequence[Line] = (),
    supplied: date | None = None, ground: str = "", needs_signer: bool = False,
) -> Issued[Draft]:  # fmt: skip
    """Check and clean a draft, price its rows and join it with our own side.

    Raises SettingsError with the field for what the configuration lacks, HubError for the rest.
    """
    us = our_side(organisation)
    assert organisation is not None
    number = one_line(number)
    if len(number) > _NUMBER_LENGTH:
        raise HubError(f"The number of a document has at most {_NUMBER_LENGTH} characters.")
    draft = cleaned(draft)
    if not draft.client.name:
        raise HubError("The document needs the name of the client.")
    us, client = (with_cases(side, organisation.positions) for side in (us, draft.client))
    draft = structs.replace(draft, client=client)  # type: ignore[type-var]  # every draft is a Struct
    doubts = [*doubts_about(us, "нашей организации"), *doubts_about(client, "клиента")]
    if needs_signer:
        doubts += [*doubts_about_signer(us, "с нашей стороны"), *doubts_about_signer(client, "со стороны клиента")]
    return Issued(
        number=number, day=day, us=us, draft=draft, director=one_line(organisation.director),
        accountant=one_line(organisation.accountant), city=one_line(organisation.city),
        priced=price_lines(lines, supplied or day, ground=ground or organisation.vat_on(supplied or day)[1])
        if lines else None,
        doubts=tuple(doubts),
    )  # fmt: skip


def cleaned(value: Any) -> Any:
    """Return the draft with every text printable and on one line, those of remarks on several."""
    if isinstance(value, Party):
        return clean_party(value)
    if isinstance(value, Struct):
        return structs.replace(
            value,
            **{
                name: printable(it).strip() if name in _LONG and isinstance(it, str) else cleaned(it)
                for name, it in structs.asdict(value).items()
            },
        )
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, tuple):
        return tuple(cleaned(item) for item in value)
    return value


def common_values(issued: Issued[Draft], title: str, *, kind: str = "") -> dict[str, Value]:
    """Return what every layout and template may show; `heading` is «Акт № 17 от 22 ноября 2026 г.».

    `kind` follows the heading on a line of its own where the name of a document has a second part.
    """
    day = words.day_in_words(issued.day)
    draft = issued.draft
    return {
        "heading": f"{title} № {issued.number} от {day}" if issued.number else f"{title} от {day}",
        "subheading": kind,
        "title": title,
        "number": issued.number,
        "date": day,
        "date_quoted": words.day_quoted(issued.day),
        "date_short": words.short_day(issued.day),
        "date_iso": issued.day.isoformat(),
        "city": issued.city,
        "seller": party_values(issued.us) | {"signer": _our_signer(issued)},
        "client": party_values(draft.client) | {"signer": signer_values(draft.client)},
        "director": issued.director,
        "accountant": issued.accountant,
        "doubts": list(issued.doubts),
        "qr": "",
        "mark": "",
        **(priced_values(issued.priced) if issued.priced else {}),
    }


def _our_signer(issued: Issued[Any]) -> dict[str, Value]:
    """Fall back on the head named in the configuration where no signer is."""
    values = signer_values(issued.us)
    if issued.us.signer is None and issued.director:
        return values | {"short": issued.director, "position": values["position"] or "Руководитель"}
    return values


def covering(values: Values, what: str, *sentences: str) -> Letter:
    """Word an e-mail with the document attached: «Направляем …» and what is asked."""
    seller = values["seller"]
    assert isinstance(seller, Mapping)
    first = f"Направляем {what}" + ("" if what.endswith(".") else ".")
    body = "\n".join([first, *(sentence for sentence in sentences if sentence)])
    ending = f"С уважением,\n{seller['name']}\n{seller['phone']}".rstrip()
    heading = str(values["title"])
    number = f" № {values['number']}" if values["number"] else ""
    return Letter(f"{heading}{number} от {values['date_short']}", f"Здравствуйте!\n\n{body}\n\n{ending}\n")
