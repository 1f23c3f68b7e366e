"""The section of the configuration about what people enter themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

_QUESTIONS = (
    "Что вам не понравилось в товаре или услуге?",
    "Что вам не понравилось в работе сотрудников?",
    "Что вызвало раздражение при покупке?",
)
"""The three questions of S002-29."""


class Entering(BaseModel):
    """What people enter themselves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    caller: tuple[Literal["name", "city", "contact", "phone", "email", "inn", "origin", "manager"], ...] = (
        "name", "city", "contact", "phone",
    )  # fmt: skip
    """Fields of the card that must be filled when somebody calls for the first time; - is an answer."""
    questions: Mapping[str, tuple[str, ...]] = {"refusal": _QUESTIONS, "return": _QUESTIONS, "complaint": _QUESTIONS}
    """Questionnaires: name and its questions."""
    checklists: str = "checklists"
    """Folder with checklists of the firm's own, `NAME.yaml`, beside this file."""
