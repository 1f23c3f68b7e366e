"""Tables of goods, accounts and balances, and of what people enter themselves; how a client found us."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from alembic import op

from hub.store.types import Amount, Day, Flag, Instant, Number

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = """
organisation: name full_name inn kpp ogrn prefix address phone director accountant
bank_account: client_id number organisation title bank bic corr_account currency is_main=flag is_closed=flag
product: name full_name code article type unit vat_rate=number group note is_folder=flag
price: product type price=amount price_currency unit date=day
stock: product warehouse quantity reserved unit
order: client_id number contract date=day shipping=day state total=amount total_currency is_posted=flag
    is_closed=flag note lines
balance: client_id contract organisation amount=amount amount_currency date=day
survey: client_id contact answered=instant score=number software=number support=number company=number verdict
    reason text employee
complaint: client_id number survey ticket department state text action filed=instant acknowledged=instant
    corrected=instant confirmed=instant employee
note: client_id contact about topic result text written=instant next_contact=day employee
promise: client_id ticket given=instant until=instant who text employee
decision: client_id ticket decision specialist reason planned=day decided=instant employee
referral: client_id referrer stage need competitor origin free_tickets=number next_contact=day created=instant
    ended=instant fee=amount fee_currency reason employee
checklist: client_id about template title created=instant completed=instant items employee
project: client_id contract name type state address start=day end=day next_call=day accepted=day has_photo=flag
    is_cash=flag papers_collected=flag closed=day profit=amount profit_currency employee
offer: client_id number project state date=day sent=instant received=day next_call=day answer total=amount
    total_currency cost=amount cost_currency profit=amount profit_currency lines employee
handover: client_id number project offer date=day lines employee
purchase: client_id number project state needed=day ready=day lines employee
questionnaire: client_id type answered=instant answers employee
meeting: client_id contact held=instant minutes=number place has_decider=flag result text employee
diary: client_id project begun=instant ended=instant place activity employee
task: client_id about title text given=instant due=instant done=instant result by employee
occasion: client_id contact title type date=day is_yearly=flag
campaign: title block segment text published=day date=day sent=instant employee
trait: client_id contact type value text noticed=day employee
term: dictionary text language value
shipment: client_id number carrier city state status content cost=amount cost_currency ordered=instant
    picked_up=instant planned=day delivered=instant employee
"""
"""Each kind with its own columns, which are text unless it is said otherwise; `client_id` stands where it has one."""
_TYPES: dict[str, Any] = {"day": Day(), "flag": Flag(), "amount": Amount(), "instant": Instant(), "number": Number}


def upgrade() -> None:
    """Make the tables and give `client` its new columns."""
    for kind, columns in re.findall(r"^(\w+): ((?:.|\n )+)", _TABLES, re.M):
        op.create_table(
            kind,
            sa.Column("id", sa.Text(), nullable=False),
            sa.Column("connection", sa.Text(), nullable=False),
            sa.Column("external_id", sa.Text(), nullable=False),
            sa.Column("deleted", Flag(), nullable=False),
            *(_column(*text.split("=")) for text in columns.split()),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{kind}")),
            sqlite_strict=True,
            sqlite_with_rowid=True,
        )
        if "client_id" in columns.split():
            op.create_index(op.f(f"ix_{kind}_client_id"), kind, ["client_id"], unique=False)
    for text in ("origin", "segment", "refuses_mailings=flag"):
        op.add_column("client", _column(*text.split("=")))


def _column(name: str, type_: str = "") -> sa.Column[Any]:
    return sa.Column(name, _TYPES.get(type_, sa.Text()), nullable=True)
