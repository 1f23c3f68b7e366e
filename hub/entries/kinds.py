"""Every kind of entry by its name: the command line and the page take what can be entered from here."""

from __future__ import annotations

from collections.abc import Mapping

from hub.entries.acts import Kind
from hub.entries.checklist import CHECKLIST
from hub.entries.objects import PAYMENT, PROJECT
from hub.entries.offers import OFFER
from hub.entries.office import CAMPAIGN, DIARY, OCCASION, TASK, TERM, TRAIT
from hub.entries.parcels import SHIPMENT
from hub.entries.prospects import REFERRAL
from hub.entries.supplies import HANDOVER, PURCHASE
from hub.entries.talks import COMPLAINT, DECISION, MEETING, NOTE, PROMISE, QUESTIONNAIRE, SURVEY
from hub.entries.tickets import TICKET

_ALL = (
    SURVEY, COMPLAINT, NOTE, PROMISE, DECISION, QUESTIONNAIRE, MEETING, REFERRAL, CHECKLIST, SHIPMENT, DIARY, TASK,
    OCCASION, CAMPAIGN, TRAIT, TERM, PROJECT, OFFER, HANDOVER, PURCHASE, PAYMENT, TICKET,
)  # fmt: skip
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}
