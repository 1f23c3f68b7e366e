"""What a kind of document is: the draft a person fills in, the context that is issued, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Generic, TypeVar

from msgspec import Struct

from hub import config
from hub.config import Organisation
from hub.documents.limits import Value
from hub.documents.parties import Bank, Party, Signer
from hub.model.errors import HubError

Draft = TypeVar("Draft", bound=Struct)
Context = TypeVar("Context", bound=Struct)
Values = Mapping[str, Value]

LAYOUTS = resources.files(__package__).joinpath("layouts")
SAMPLE_DAY = date(2026, 11, 22)
SAMPLE_ORGANISATION = Organisation(
    name="ООО «Полярная сова»",
    inn="2465000007",
    kpp="246501001",
    ogrn="1022400000006",
    address="660000, г. Красноярск, ул. Примерная, д. 1",
    phone="+7 391 200-00-00",
    email="office@polarowl.example",
    city="г. Красноярск",
    director="Соколова А. Б.",
    accountant="Ветрова В. Г.",
    bank=config.Bank(
        name="АО «ПРИМЕРБАНК» Г. КРАСНОЯРСК",
        bic="040407777",
        account="40702810900000000017",
        corr_account="30101810200000000777",
    ),
    signer=config.Signer(name="Соколова Анна Борисовна", position="директор", basis="Устава"),
    vat_rate="22",
)
"""Our invented firm in every example."""

SAMPLE_CLIENT = Party(
    "МБОУ «Средняя школа № 5»",
    inn="2466001236",
    kpp="246601001",
    ogrn="1022400000017",
    address="660001, г. Красноярск, ул. Школьная, д. 7",
    phone="+7 391 200-00-05",
    bank=Bank(
        "ОТДЕЛЕНИЕ ПРИМЕРНОЕ БАНКА РОССИИ//УФК по Примерному краю г. Примерск",
        bic="010407105",
        account="03234643047010001900",
        corr_account="40102810245370000011",
    ),
    signer=Signer("Орлов Пётр Ильич", "директор", "Устава"),
)


class Letter(Struct, frozen=True):
    """The e-mail that carries a document."""

    subject: str
    text: str


class Form(Struct, Generic[Draft, Context], frozen=True, kw_only=True):
    """One kind of document.

    `draft` is what a person or a rule wants before there is a number; `context` is everything that stands on the
    issued document. Both survive JSON. `build` and `values` are pure: what is issued can always be explained.
    """

    kind: str
    """Short name, also that of its layout (`kind.typ`) and Word template (`kind.docx`) in `folder`."""
    title: str
    """Name of the document in Russian."""
    draft: type[Draft]
    context: type[Context]
    build: Callable[[Organisation | None, Draft, str, date], Context]
    """(organisation, draft, number, day) → context; raises SettingsError or HubError with what is missing or wrong."""
    values: Callable[[Context], Values]
    """The ready texts a layout or template may show; `number`, `date`, `date_short`, `date_iso`, `heading` always."""
    letter: Callable[[Values], Letter]
    """The e-mail that goes with it."""
    example: Draft
    """An invented draft."""
    copies: int = 1
    """How many are printed for a client folder."""
    needs_signature: bool = False
    """It is to come back signed."""
    is_numbered: bool = True
    """It takes a number of its own sequence."""
    is_internal: bool = False
    """It is for our own people: it shows what a client must not see."""
    folder: Traversable = LAYOUTS
    """Where its layout and its Word or Excel template lie."""
    look: str = ""
    """Name of the layout where several kinds share one."""
    made: Callable[[], bytes] | None = None
    """What makes its Word or Excel template where `folder` holds none."""
    is_workbook: bool = False
    """Its template is an Excel file."""

    def sample(self) -> Context:
        """Return an invented context, to try a template or layout with."""
        return self.build(SAMPLE_ORGANISATION, self.example, "17" if self.is_numbered else "", SAMPLE_DAY)

    def sample_values(self) -> Values:
        """Return the texts of the invented example."""
        return self.values(self.sample())

    def layout(self) -> bytes | None:
        """Return the typst layout, or None for a form that is made in Word or Excel only."""
        return self._file(f"{self.look or self.kind}.typ")

    @property
    def template_name(self) -> str:
        """Return the name of its template: `act.docx`, `offer.xlsx`."""
        return f"{self.kind}.{'xlsx' if self.is_workbook else 'docx'}"

    def template(self) -> bytes:
        """Return the template, to be copied and changed by its users. Raises HubError when there is none."""
        content = self._file(self.template_name) or (self.made() if self.made else None)
        if content is None:
            raise HubError(f"There is no template for {self.kind!r}.")
        return content

    def _file(self, name: str) -> bytes | None:
        file = self.folder.joinpath(name)
        return file.read_bytes() if file.is_file() else None
