"""Kinds of documents that a firm adds without code: a title and settings in the configuration, and a template.

Their templates show the client, our organisation, a contract if one is named, and the fields the configuration lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from msgspec import Struct

from hub.config import Config, Organisation, OwnKind
from hub.documents import words
from hub.documents.form import Form, Letter, Values
from hub.documents.forms import FORMS
from hub.documents.limits import printable
from hub.documents.parties import Party, clean_party, our_side, party_values
from hub.model.errors import HubError
from hub.yaml_text import nearest


class Agreement(Struct, frozen=True, omit_defaults=True):
    """The contract a document speaks of."""

    number: str = ""
    day: date | None = None
    title: str = ""


class OwnDraft(Struct, frozen=True, omit_defaults=True):
    """What a document of the firm's own kind is made from."""

    client: Party
    contract: Agreement = Agreement()
    fields: dict[str, str] = {}


class OwnContext(Struct, frozen=True, kw_only=True):
    """What stands on an issued document of the firm's own kind."""

    title: str
    number: str
    day: date
    organisation: Party
    client: Party
    contract: Agreement
    fields: dict[str, str]


def forms_of(config: Config) -> Mapping[str, Form[Any, Any]]:
    """Return every form by kind: the built-in ones, then the firm's own."""
    folder = config.resolve(config.model.documents.templates)
    own = {kind: _form(kind, settings, folder) for kind, settings in config.model.documents.kinds.items()}
    for kind in own:
        if kind in FORMS:
            raise config.document.error(
                ("documents", "kinds", kind), f"{kind!r} is a built-in kind.",
                hint=f"To change its look put {kind}.docx into the folder of templates.",
            )  # fmt: skip
    return {**FORMS, **own}


def form_of(config: Config, kind: str) -> Form[Any, Any]:
    """Return a form. Raises HubError with the nearest known kind."""
    forms = forms_of(config)
    if kind not in forms:
        raise HubError(f"there is no document of the kind {kind!r}.", hint=nearest(kind, list(forms)))
    return forms[kind]


def _form(kind: str, settings: OwnKind, folder: Path) -> Form[Any, Any]:
    def build(organisation: Organisation | None, draft: OwnDraft, number: str, day: date) -> OwnContext:
        for name in settings.fields:
            if not draft.fields.get(name, "").strip():
                raise HubError(f"{settings.title}: the field {name!r} is missing.", hint=f"Give --field {name}=…")
        for name in draft.fields:
            if name not in settings.fields:
                raise HubError(f"{settings.title} has no field {name!r}.", hint=nearest(name, list(settings.fields)))
        client = clean_party(draft.client)
        if not client.name:
            raise HubError(f"{settings.title} needs the name of the client.")
        return OwnContext(
            title=settings.title, number=number, day=day, organisation=our_side(organisation), client=client,
            contract=draft.contract, fields={name: printable(text) for name, text in draft.fields.items()},
        )  # fmt: skip

    example = OwnDraft(
        client=Party(
            "МБОУ «Средняя школа № 5»", "2466001236", "246601001", "660001, г. Красноярск, ул. Школьная, д. 7"
        ),
        contract=Agreement("17/2026", date(2026, 2, 1), "Договор сопровождения"),
        fields={name: f"«{name}»" for name in settings.fields},
    )
    return Form(
        kind=kind, title=settings.title, draft=OwnDraft, context=OwnContext, build=build, values=_values,
        letter=_letter, example=example, copies=settings.copies, needs_signature=settings.needs_signature,
        is_numbered=settings.numbered, folder=folder,
    )  # fmt: skip


def _values(context: OwnContext) -> Values:
    day = words.day_in_words(context.day)
    number = f" № {context.number}" if context.number else ""
    agreement = context.contract
    return {
        **context.fields,
        "heading": f"{context.title}{number} от {day}",
        "number": context.number,
        "date": day,
        "date_short": f"{context.day:%d.%m.%Y}",
        "date_iso": context.day.isoformat(),
        "organisation": party_values(context.organisation),
        "client": party_values(context.client),
        "contract": {
            "number": agreement.number,
            "title": agreement.title,
            "date": words.day_in_words(agreement.day) if agreement.day else "",
            "date_short": f"{agreement.day:%d.%m.%Y}" if agreement.day else "",
        },
    }


def _letter(values: Values) -> Letter:
    organisation = values["organisation"]
    assert isinstance(organisation, Mapping)
    ending = f"С уважением,\n{organisation['name']}\n{organisation['phone']}".rstrip()
    text = f"Здравствуйте!\n\nНаправляем документ: {values['heading']}. Он в приложенном файле.\n\n{ending}\n"
    return Letter(str(values["heading"]), text)
