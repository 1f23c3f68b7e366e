"""The firm's configuration: one YAML file, typed by models, with errors that name the line.

Every scalar arrives as text and is typed here. Secrets are references and are resolved only when a connection runs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from hub.config_checks import check_together
from hub.entering import Entering as Entering
from hub.letter_rules import LetterRule
from hub.model.errors import SettingsError
from hub.model.settings import Duration, Listed, Secret, Settings, ZoneName
from hub.model.values import Email, is_inn, is_kpp, is_ogrn
from hub.redaction import reveal
from hub.yaml_text import Document, load_file, nearest

DEFAULT_FILE = "config/hub.yaml"
_NO_PLUGIN = ("-",)
"""A list that permits nothing: no plugin can have such a name."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bank(_Model):
    """Where clients pay to."""

    name: str
    """Name of the bank as its clients know it."""
    bic: str
    """БИК, nine digits."""
    account: str
    """Our account, twenty digits; checked against the БИК."""
    corr_account: str
    """Correspondent account of the bank, twenty digits."""


class Signer(_Model):
    """Who signs contracts and acts for us."""

    name: str
    """Surname, name and patronymic in full."""
    position: str = "директор"
    """Position, in the nominative."""
    basis: str = "Устава"
    """What the right to sign rests on, in the genitive: `Устава`, `доверенности № 5 от 01.02.2026`."""
    name_genitive: str = ""
    """The name in the genitive, where the hub would decline it wrongly."""
    position_genitive: str = ""
    """The position in the genitive, where the hub would decline it wrongly."""
    gender: Literal["m", "f", ""] = ""
    """m or f, where the patronymic does not tell."""


class VatSince(_Model):
    """VAT on our services from a day on."""

    since: date
    """First day of supply for which it holds."""
    rate: Literal["none", "0", "5", "7", "10", "20", "22"]
    """VAT on our services; `none` is «Без НДС»."""
    ground: str = ""
    """Why there is no VAT."""


class Organisation(_Model):
    """Our own firm, as it stands on documents."""

    name: str
    """Name as it stands on documents."""
    inn: str
    """ИНН, ten or twelve digits; its check digits are tested."""
    kpp: str = ""
    """КПП; a sole trader has none."""
    address: str = ""
    """Postal address."""
    phone: str = ""
    """Telephone that clients may call."""
    director: str = ""
    """Who signs as head, surname and initials."""
    accountant: str = ""
    """Who signs as chief accountant."""
    bank: Bank | None = None
    """Where clients pay to; needed for invoices."""
    vat_rate: Literal["none", "0", "5", "7", "10", "20", "22"] = "none"
    """VAT on our services; `none` is «Без НДС»."""
    vat_ground: str = ""
    """Why there is no VAT, for example the article on the simplified system."""
    vat_rates: tuple[VatSince, ...] = ()
    """Changes of our VAT, each with its first day; before the earliest `vat_rate` holds."""
    ogrn: str = ""
    """ОГРН or ОГРНИП; its check digit is tested."""
    email: str = ""
    """Address that stands on contracts and letters."""
    city: str = ""
    """Where contracts are made, for example г. Красноярск."""
    signer: Signer | None = None
    """Who signs contracts and acts; needed for contracts."""
    positions: Mapping[str, str] = {}
    """Positions and their genitive, besides those the hub knows."""

    def vat_on(self, day: date) -> tuple[int | None, str]:
        """Return our rate for what is supplied on the day (`None` is without VAT), and why there is none."""
        rate, ground = self.vat_rate, self.vat_ground
        for change in sorted(self.vat_rates, key=lambda change: change.since):
            if change.since <= day:
                rate, ground = change.rate, change.ground
        return (None if rate == "none" else int(rate)), ground

    @field_validator("inn")
    @classmethod
    def _inn(cls, value: str) -> str:
        if not is_inn(value):
            raise ValueError("the check digits of this ИНН are wrong")
        return value

    @field_validator("ogrn")
    @classmethod
    def _ogrn(cls, value: str) -> str:
        if value and not is_ogrn(value):
            raise ValueError("the check digit of this ОГРН is wrong")
        return value

    @field_validator("kpp")
    @classmethod
    def _kpp(cls, value: str) -> str:
        if value and not is_kpp(value):
            raise ValueError("a КПП has 9 characters, for example 246501001")
        return value


class Employee(_Model):
    """One of our people."""

    id: str
    """Short name for commands and rules, for example ivanova."""
    name: str
    """Full name, as people read it."""
    role: str = "manager"
    """manager, head, director, administrator, duty, deputy, support_head or a role of the firm's own."""
    head: str = ""
    """Id of the employee to whom this one reports."""
    mail: str = ""
    """Where urgent reminders and the morning list go."""
    tasks: str = ""
    """Connection that writes reminders as tasks into the mailbox of `mail`, for example office; empty for none."""
    phone: str = ""
    """Telephone of the employee."""
    aliases: tuple[str, ...] = ()
    """Names and ids under which other systems know this employee."""
    absent: tuple[str, ...] = ()
    """Periods of absence, `2026-12-01..2026-12-14`."""
    substitute: str = ""
    """Id of the employee who takes over during an absence."""
    channels: Mapping[str, str] = {}
    """Channels in which urgent reminders go to this employee, with the address there: `{telegram: "123456"}`."""
    department: str = ""
    """Department, as complaints name it; who heads it is an employee of it whose role ends with `head`."""
    probation_until: date | None = None
    """Last day of the probation: until then the diary is to say what each hour went to."""
    timetable: tuple[str, ...] = ()
    """What Monday, Tuesday and so on are for, begun anew when the list ends: `[звонки, встречи]`."""

    @field_validator("mail")
    @classmethod
    def _mail(cls, value: str) -> str:
        if value and Email.parse(value) is None:
            raise ValueError("write one address such as ivanova@example.ru")
        return value


class Calendar(_Model):
    """Office hours and the firm's own changes to the production calendar."""

    hours: str = "09:00-13:00 14:00-18:00"
    """Office hours with the lunch break left out."""
    extended: str = "08:00-21:00"
    """Hours in which somebody is on duty, every day."""
    days_off: tuple[date, ...] = ()
    """Days off besides the official ones."""
    working_days: tuple[date, ...] = ()
    """Official days off on which the firm works."""
    short_days: tuple[date, ...] = ()
    """Days that end an hour earlier besides the official ones."""


class OwnKind(_Model):
    """A kind of document that the firm adds: its template lies in the folder of templates under the kind's name."""

    title: str
    """Name of the document as people read it."""
    copies: int = Field(default=1, ge=1, le=20)
    """How many are printed for a client folder."""
    numbered: bool = True
    """`false` gives it no number."""
    needs_signature: bool = False
    """It is to come back signed."""
    fields: tuple[str, ...] = ()
    """Names of what must be given with `--field name=value` and stands in the template as `{{ name }}`."""

    @field_validator("fields")
    @classmethod
    def _fields(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [name for name in value if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name) or name in _TAKEN]:
            raise ValueError(
                f"{wrong[0]!r} cannot be a field: small Latin letters, digits and _, no name that is taken"
            )
        return value


_TAKEN = ("heading", "number", "date", "date_short", "date_iso", "organisation", "client", "contract", "mark", "qr")
"""What every document of a firm's own kind shows under these names."""


class Documents(_Model):
    """How the documents the hub makes are numbered, drawn and kept."""

    folder: str = "documents"
    """Where issued files lie."""
    templates: str = "templates"
    """Folder with the firm's own templates, `invoice.docx` or `.xlsx`; without one the built-in form is used."""
    pdf_engine: Literal["auto", "soffice", "dxpdf", "typst"] = "auto"
    """What makes PDF of the firm's own templates: LibreOffice, dxpdf, whichever is there, or the built-in form."""
    kinds: Mapping[str, OwnKind] = {}
    """Kinds of documents the firm adds, by a short name such as `handover`."""
    approve: tuple[str, ...] = ()
    """Kinds that are issued only after `hub document approve`."""
    month: tuple[str, ...] = ("invoice", "act")
    """Kinds that `hub document month` makes for each contract."""
    month_line: str = "Абонентское обслуживание за {month} по договору № {contract}"
    """The line of these documents; `{month}` is such as «ноябрь 2026 г.»."""
    month_part: Literal["whole", "days"] = "whole"
    """What a contract pays for a month in which it begins or ends: the whole fee, or the share of its days."""
    client_folder: tuple[str, ...] = ("title_page", "contract|contract_software|contract_installation", "invoice")
    """Kinds in the printed order of a client's folder; of those with `|` between them the newest is meant."""
    number_pattern: str = "{seq}"
    """Form of a number: `{seq}`, `{seq:03d}`, `{year}` and plain text."""
    invoice_due_days: int = Field(default=5, ge=0, le=3650)
    """Days to pay an invoice when none are said."""

    @field_validator("kinds")
    @classmethod
    def _kinds(cls, value: Mapping[str, OwnKind]) -> Mapping[str, OwnKind]:
        if wrong := [kind for kind in value if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", kind)]:
            raise ValueError(f"{wrong[0]!r} cannot be a kind: write small Latin letters, digits and _")
        return value

    @field_validator("month_line")
    @classmethod
    def _line(cls, value: str) -> str:
        if set(re.sub(r"\{(month|contract)\}", "", value)) & set("{}"):
            raise ValueError("write a text; {month} and {contract} may stand in it")
        return value

    @field_validator("number_pattern")
    @classmethod
    def _pattern(cls, value: str) -> str:
        rest = re.sub(r"\{seq(:0?[1-9]d)?\}|\{year\}", "", value)
        if rest == value.replace("{year}", "") or set(rest) & set("{}") or not rest.isprintable() or len(value) > 60:
            raise ValueError("write a pattern such as {seq}, {seq:03d} or {year}/{seq}; {seq} must be in it")
        return value


class ChannelConfig(_Model):
    """A way to tell employees at once by a message to an address of the web, such as a bot of Telegram."""

    url: str
    """Where to post: a secret reference, since the address holds the token, such as `env:TELEGRAM_URL`."""
    body: Mapping[str, str] = {"chat_id": "{to}", "text": "{subject}\n\n{text}"}
    """The JSON object to post, with {to}, {subject} and {text} in its values; as it stands, for Telegram."""


class Outbox(_Model):
    """What may leave without a second look."""

    approve: tuple[str, ...] = ()
    """Command kinds that wait for `hub command approve`."""
    second_person: tuple[str, ...] = ()
    """Command kinds that wait for the approval of somebody else than who wanted them."""
    mail_connection: str = ""
    """The connection that sends mail; needed when several can."""

    def has_to_wait(self, kind: str) -> bool:
        """Tell whether a command of this kind goes out only after an approval."""
        return kind in self.approve or kind in self.second_person


class Reports(_Model):
    """How reports count what the demands of the firm leave open; sums are in roubles, with VAT as on the documents."""

    pay: Mapping[str, str] = {
        "manager": "manager_pay", "key_manager": "key_manager_pay", "probation": "probation_pay"
    }  # fmt: skip
    """Which formula pays whom: id or role of an employee to the name of a formula."""
    deals: Literal["fee", "total"] = "fee"
    """Whether a won contract counts by its monthly fee or by its total (fee × months, twelve without an end)."""
    subscriptions: tuple[str, ...] = ()
    """Types of contracts that make a client of the base; empty means every contract with a monthly fee."""
    revenue: Literal["payments", "acts"] = "payments"
    """What counts as sales: money that came, or acts of what was done."""
    growth_plan: int = Field(default=3, ge=0)
    """How many clients the base is to grow by each month."""
    polls_plan: int = Field(default=1000, ge=0)
    """How many surveys a manager on probation takes in a month."""
    sales_plan: Mapping[str, Decimal] = {}
    """Sales of a month by id of an employee."""
    answer_seconds: int = Field(default=15, ge=0)
    """A call that rang longer was answered late."""
    callback_hours: int = Field(default=24, ge=1)
    """A missed call that was called back later than this counts as lost."""
    talk_seconds: int = Field(default=20, ge=0)
    """A shorter connection is no call back."""
    hung_days: int = Field(default=2, ge=0)
    """A ticket without activity for so many working days hangs."""
    renewal_days: int = Field(default=60, ge=0)
    """How far the list of renewals looks ahead."""
    funnel_norm: Decimal = Field(default=Decimal("0.1"), ge=0, le=1)
    """The share of prospects who sign: one of ten."""
    meetings_norm: Decimal = Field(default=Decimal(1), ge=0)
    """Meetings on a working day: 1 to 2 for services to firms, 20 for everyday goods."""
    calls_norm: Decimal = Field(default=Decimal(0), ge=0)
    """Talks on a working day; 0 sets no norm."""
    object_percent: Mapping[str, Decimal] = {}
    """Share of the profit that a closed object pays by its type, in percent."""
    attraction: Mapping[str, Decimal] = {}
    """What winning new clients cost in a month, `2026-11: 40000`."""
    retention: Mapping[str, Decimal] = {}
    """What keeping clients cost in a month: gifts, discounts, events."""


class ConnectionConfig(_Model):
    """One configured connection: which connector, how often, and its own settings as text."""

    name: str
    """Name of the connection; the key under `connections:`."""
    connector: str
    """Which connector reads it; see `hub plugin list`."""
    every: Duration = timedelta(minutes=10)
    """How often the daemon reads it."""
    enabled: bool = True
    """`false` leaves it out of every run."""
    vanish_limit: Decimal = Field(default=Decimal("0.2"), ge=0, le=1)
    """The share of a snapshot that may vanish at once before the hub asks a person."""
    min_interval: Duration = timedelta(0)
    """The least time between two requests."""
    ca_file: str = ""
    """Certificate authority of a private installation."""
    settings: Mapping[str, Any] = {}
    """The connector's own settings; see the connectors' page."""


class SavedAttachments(_Model):
    """Files that come by mail and belong into a folder, where another connection or program reads them."""

    connection: str
    """Connection that reads the mail."""
    sender: Listed[str] = Field(min_length=1)
    """Addresses or domains whose files are taken; anybody can write anything into a letter, so name who may."""
    name: str = "*"
    """Which files, such as `kl_to_1c*.txt`; upper and lower case count as the same."""
    folder: str
    """Folder into which they are saved, relative to this file."""

    @property
    def senders(self) -> frozenset[str]:
        """Return the senders as mail knows them."""
        return frozenset(it.strip().lower().removeprefix("@") for it in self.sender)


class HubConfig(_Model):
    """The whole file."""

    zone: ZoneName = "Asia/Krasnoyarsk"
    """Time zone of the firm, in which times are shown and days begin."""
    language: Literal["ru"] = "ru"
    """Language of what managers and clients read; Russian is the one there is."""
    area_code: str = ""
    """City code that completes short phone numbers, for example 391."""
    store: str = "sqlite:///hub.db"
    """Where everything is kept: `sqlite:///FILE` beside this file, or `postgresql://…`, best as `env:NAME`."""
    synchronous: Literal["full", "normal"] = "full"
    """SQLite durability; `normal` may lose the last seconds at a power failure."""
    organisation: Organisation | None = None
    """Our own firm, for documents."""
    employees: tuple[Employee, ...] = ()
    """Our people; reminders go to them."""
    connections: Mapping[str, ConnectionConfig] = {}
    """The systems to read, by name; in the order in which they are believed when several speak of one client."""
    calendar: Calendar = Calendar()
    """Office hours and days off."""
    documents: Documents = Documents()
    """How documents are numbered and where they lie."""
    channels: Mapping[str, ChannelConfig] = {}
    """Ways to tell employees at once besides mail, by name."""
    outbox: Outbox = Outbox()
    """What may leave by itself."""
    attachments: tuple[SavedAttachments, ...] = ()
    """Files that come by mail and are saved into folders."""
    letters: tuple[LetterRule, ...] = ()
    """What letters of clients become by themselves: tickets, surveys, complaints, documents that came back."""
    reports: Reports = Reports()
    """How reports count."""
    formulas: Mapping[str, str] = {}
    """Formulas of pay and indicators by name; they replace the shipped ones of that name."""
    entering: Entering = Entering()
    """What is asked when people enter something."""
    rules: str = "rules"
    """Folder with rule files, beside this file."""
    feeds: str = ""
    """Folder into which the daemon writes a calendar feed for each employee, `ivanova.ics`; empty means none."""
    enforce_from: str = ""
    """Nothing older raises a reminder; empty means the day the store was made."""
    workers: int = Field(default=4, ge=1, le=32)
    """How many connections run at a time."""
    plugins: tuple[str, ...] = ()
    """Names of the plugins that may be loaded; empty allows all installed ones."""


_CONNECTION_KEYS = ("connector", "every", "enabled", "vanish_limit", "min_interval", "ca_file")


class Config:
    """A loaded configuration and where each value stood."""

    def __init__(self, model: HubConfig, document: Document, path: Path) -> None:
        self.model = model
        self.document = document
        self.path = path
        self.folder = path.resolve().parent

    @property
    def zone(self) -> ZoneInfo:
        """Return the firm's time zone."""
        return ZoneInfo(self.model.zone)

    def resolve(self, name: str) -> Path:
        """Return a path of the configuration, relative ones beside the file."""
        return self.folder / Path(name).expanduser()

    @property
    def store_url(self) -> str:
        """Return the store's address with a relative SQLite path made absolute."""
        url = self.model.store
        if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
            return f"sqlite:///{self.resolve(url.removeprefix('sqlite:///'))}"
        return reveal(url) if url.startswith(("env:", "file:")) else url

    def connection(self, name: str) -> ConnectionConfig:
        """Return a connection. Raises SettingsError that names the known ones."""
        try:
            return self.model.connections[name]
        except KeyError:
            raise SettingsError(
                f"no connection is called {name!r}.", field=name, hint=nearest(name, list(self.model.connections))
            ) from None

    def settings(self, connection: ConnectionConfig, model: type[Settings]) -> Settings:
        """Type the settings of a connection and resolve its secrets. Raises SettingsError with file and line."""
        path = ("connections", connection.name)
        values = dict(connection.settings)
        for shared in ("zone", "area_code"):
            if shared in model.model_fields and shared not in values and getattr(self.model, shared):
                values[shared] = getattr(self.model, shared)
        if connection.ca_file and "ca_file" in model.model_fields:  # a connector with a protocol of its own
            values["ca_file"] = str(self.resolve(connection.ca_file))
        for name, field in model.model_fields.items():
            if _is_secret(field.annotation) and isinstance(values.get(name), str) and values[name]:
                try:
                    values[name] = reveal(values[name])
                except SettingsError as error:
                    raise self.document.error((*path, name), str(error)) from error
        try:
            return model.model_validate(values)
        except ValidationError as error:
            raise _explain(error, self.document, path, model) from error


def _is_secret(annotation: Any) -> bool:
    return annotation is Secret or Secret in getattr(annotation, "__args__", ())


def find_config(given: str | None) -> Path:
    """Return the configuration file: the one given, `HUB_CONFIG`, or config/hub.yaml under the present folder."""
    return Path(given or os.environ.get("HUB_CONFIG") or DEFAULT_FILE)


def permitted_plugins(given: str | None) -> tuple[str, ...]:
    """Return the list `plugins:` for commands that need no configuration; empty permits all.

    Where there is a configuration that cannot be read, nobody knows what it permits: then only the bundled ones.
    """
    path = find_config(given)
    if path == Path(DEFAULT_FILE) and not path.exists():
        return ()
    try:
        return load_config(path).model.plugins
    except SettingsError:
        return _NO_PLUGIN


def load_config(path: Path) -> Config:
    """Read and type the configuration. Raises SettingsError with file, line and the nearest valid key."""
    document = load_file(path)
    if not isinstance(document.data, dict):
        raise SettingsError(f"{path}:1: a mapping of settings is expected.", hint="See config/hub.example.yaml")
    values = dict(document.data)
    connections = values.get("connections") or {}
    if not isinstance(connections, dict):
        raise document.error(("connections",), "a mapping of name to connection is expected.")
    split: dict[str, Any] = {}
    for name, raw in connections.items():
        path_here = ("connections", name)
        if not isinstance(raw, dict):
            raise document.error(path_here, "a mapping with at least `connector:` is expected.")
        if not name.replace("-", "").replace("_", "").isalnum():
            raise document.error(path_here, "use letters, digits, - and _ in a connection's name.")
        if "connector" not in raw:
            raise document.error(path_here, "`connector:` is missing.", hint="For example: connector: onec")
        known = {key: raw[key] for key in _CONNECTION_KEYS if key in raw}
        split[name] = known | {"name": name, "settings": {k: v for k, v in raw.items() if k not in known}}
    values["connections"] = split
    try:
        model = HubConfig.model_validate(values)
    except ValidationError as error:
        raise _explain(error, document, (), HubConfig) from error
    config = Config(model, document, path)
    check_together(config)
    return config


def _explain(
    error: ValidationError, document: Document, prefix: tuple[str | int, ...], model: type[BaseModel]
) -> SettingsError:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    location = tuple(part for part in first["loc"] if not (isinstance(part, str) and part.startswith("function-")))
    if prefix == () and len(location) > 2 and location[0] == "connections" and location[2] == "settings":
        location = (*location[:2], *location[3:])
    field = ".".join(map(str, location))
    if first["type"] == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        return document.error(
            (*prefix, *location), f"unknown key {location[-1]!r}.", hint=nearest(str(location[-1]), known)
        )
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        message = f"`{location[-1]}:` is missing"
    return document.error((*prefix, *location), f"{field}: {message}.")


def _fields_at(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    current: Any = model
    for part in location:
        if isinstance(part, int) or not hasattr(current, "model_fields") or part not in current.model_fields:
            continue
        annotation = current.model_fields[part].annotation
        inner = [a for a in (annotation, *getattr(annotation, "__args__", ())) if hasattr(a, "model_fields")]
        current = inner[0] if inner else current
    fields = list(getattr(current, "model_fields", {}))
    return (
        [*(f for f in fields if f not in ("name", "settings")), *_CONNECTION_KEYS]
        if current is ConnectionConfig
        else fields
    )
