"""Every kind of document the hub can make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from hub.documents import acts, care, contracts, folder, invoice, letters, offers, power, settlement
from hub.documents.form import Form
from hub.documents.templates import TEMPLATES
from hub.documents.workbooks import WORKBOOKS
from hub.model.errors import HubError
from hub.yaml_text import nearest

_FAMILIES = (folder, contracts, invoice, acts, settlement, offers, letters, care, power)


def _with_template(form: Form[Any, Any]) -> Form[Any, Any]:
    made = TEMPLATES.get(form.kind) or WORKBOOKS.get(form.kind)
    return structs.replace(form, made=made, is_workbook=form.kind in WORKBOOKS)


FORMS: Mapping[str, Form[Any, Any]] = {form.kind: _with_template(form) for family in _FAMILIES for form in family.FORMS}
"""The built-in forms by kind, in the order of a client folder."""


def form_of(kind: str) -> Form[Any, Any]:
    """Return a form. Raises HubError with the nearest known kind."""
    try:
        return FORMS[kind]
    except KeyError:
        raise HubError(f"there is no document of the kind {kind!r}.", hint=nearest(kind, list(FORMS))) from None
