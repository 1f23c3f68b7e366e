"""Parcels on their way to clients that no courier's system tells of: ordered, marked by hand (S003-18…23)."""

from __future__ import annotations

from msgspec.structs import replace

from hub.entries.acts import Action, Desk, EntryError, Kind
from hub.entries.talks import CLIENT, EMPLOYEE, not_past
from hub.model.entries import Shipment

_ENDED = ("delivered", "cancelled")


def _ordered(desk: Desk, before: Shipment | None, entry: Shipment) -> Shipment:
    if before is None or before.planned != entry.planned:
        not_past(desk, entry.planned, "planned")
    return entry


def _on(desk: Desk, before: Shipment | None, entry: Shipment) -> Shipment:
    if before and before.state in _ENDED:
        raise EntryError(f"the parcel is {before.state} already.")
    return _ordered(desk, before, entry)


def _moved(desk: Desk, before: Shipment | None, entry: Shipment) -> Shipment:
    """After a failure a new day means that it is on the way again."""
    again = before is not None and before.state == "failed"
    return _on(desk, before, replace(entry, state="on_the_way") if again else entry)


SHIPMENT = Kind(
    entity=Shipment,
    title="Parcels: ordered, on their way, delivered (S003-18…23).",
    meanings={
        "client": CLIENT,
        "number": "Number of the carrier.",
        "carrier": "Who carries it.",
        "city": "Where it goes.",
        "content": "What is in it.",
        "cost": "What it costs.",
        "planned": "The day of delivery that the carrier names.",
        "status": "The carrier's own word.",
        "ordered": "When; else now.",
        "picked_up": "When; else now.",
        "delivered": "When; else now.",
        "employee": EMPLOYEE,
    },
    columns=("ordered", "number", "carrier", "state", "planned", "delivered"),
    order="ordered",
    open_while="delivered",
    over=("cancelled",),
    actions=(
        Action(
            name="new",
            verb="ordered",
            help="Enter a parcel for which a courier was ordered.",
            fields=("client", "number", "carrier", "city", "content", "cost", "planned", "employee"),
            needs=("client", "carrier"),
            stamp="ordered",
            fixed={"state": "ordered"},
            check=_ordered,
        ),
        Action(
            name="pickup",
            verb="picked_up",
            help="The courier has taken it.",
            fields=("number", "planned", "status"),
            stamp="picked_up",
            fixed={"state": "picked_up"},
            check=_on,
        ),
        Action(
            name="mark",
            verb="status",
            help="Enter the carrier's word about it.",
            fields=("status", "number"),
            needs=("status",),
            fixed={"state": "on_the_way"},
            check=_on,
        ),
        Action(
            name="move",
            verb="eta_changed",
            help="The carrier names another day.",
            fields=("planned", "status"),
            needs=("planned",),
            check=_moved,
        ),
        Action(
            name="deliver",
            verb="delivered",
            help="The client has it.",
            fields=("status",),
            stamp="delivered",
            fixed={"state": "delivered"},
            check=_on,
        ),
        Action(
            name="fail",
            verb="failed",
            help="It could not be delivered.",
            fields=("status",),
            needs=("status",),
            fixed={"state": "failed"},
            check=_on,
        ),
        Action(
            name="cancel",
            verb="status",
            help="It is not sent after all.",
            fields=("status",),
            fixed={"state": "cancelled"},
            check=_on,
        ),
    ),
)
