"""Settings of a folder with lists that were saved from 1C as .xlsx."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from hub.api import Settings

from .settings import check_mapping, from_text


class Table(BaseModel):
    """One list: the files it comes in, and what its columns are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    """Name or pattern of the file, such as `Контрагенты*.xlsx`; of several the one that was changed last counts."""
    sheet: str = ""
    """Name of the sheet; the first one when left out."""
    header: Annotated[int, Field(ge=0, le=1000)] = 0
    """Number of the row with the headings; it is looked for among the first 30 when left out."""
    key: str
    """Headings, with commas between them, of what tells one row from all others."""
    columns: str = ""
    """Further headings to keep, with commas; without any and without `fields` all columns are kept."""
    kind: str = ""
    """What a row is: client, contact, contract, invoice, act, payment, order, balance, product, price, stock,
    organisation or bank_account; empty keeps rows as they are."""
    fields: dict[str, str] = Field(default_factory=dict)
    """Field of the kind: heading of its column."""
    refers_to: str = ""
    """Connection whose ids are in `client`, `contract` and `invoice`."""

    @field_validator("file")
    @classmethod
    def _in_folder(cls, value: str) -> str:
        if not value.strip() or "/" in value or "\\" in value:
            raise ValueError("write the name of a file in the folder, such as Прайс*.xlsx")
        return value

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        check_mapping(self.kind, self.fields)
        if not self.keys:
            raise ValueError("key: name at least one heading")
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the headings that make the key."""
        return _names(self.key)

    @property
    def named(self) -> tuple[str, ...]:
        """Return every heading that the configuration names."""
        return tuple(dict.fromkeys((*self.keys, *self.fields.values(), *_names(self.columns))))

    @property
    def keeps_all(self) -> bool:
        """Tell whether columns are kept that nobody named."""
        return not self.fields and not self.columns


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


class TablesSettings(Settings):
    """Where the files lie, and the lists in them."""

    folder: str
    """Folder with the files."""
    area_code: str = ""
    """City code that completes short phone numbers; the firm's one when left out."""
    streams: Annotated[dict[str, Table], BeforeValidator(from_text), Field(min_length=1)]
    """Lists by name; see the page of the plugin."""
