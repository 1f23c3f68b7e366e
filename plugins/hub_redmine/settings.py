"""Settings of one Redmine."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, field_validator

from hub.api import Duration, Listed, Secret, ServerUrl, Settings

State = Literal["new", "open", "postponed", "solved", "closed", "cancelled"]
Priority = Literal["urgent", "important", "normal", "low"]


class RedmineSettings(Settings):
    """Where the server is, who reads, and what its statuses and priorities mean."""

    url: ServerUrl
    """Address of the server with its path, for example `https://help.example.ru/redmine`."""
    key: Secret
    """API access key of the account that reads, from its page «My account»; the REST API must be switched on."""
    client_field: str = "Клиент ИНН"
    """Name or id of the custom field of an issue that holds the client's ИНН."""
    statuses: dict[int, State] = Field(default_factory=dict)
    """What a status means, by its id: `5: closed`. Others are read by `is_closed` and their names."""
    priorities: dict[int, Priority] = Field(default_factory=dict)
    """What a priority means, by its id: `4: urgent`. Others are read by their names, then by rank."""
    projects: Listed[int] = ()
    """Ids of the projects to read, separated by commas; all that the account sees when empty."""
    overlap: Annotated[Duration, Field(le=timedelta(days=30))] = timedelta(minutes=2)
    """How far each read reaches back behind the newest change it knows."""
    full_scan: Duration = timedelta(hours=24)
    """How often all issues are compared: only then deleted issues and edited comments are noticed."""

    @field_validator("client_field")
    @classmethod
    def _field(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("write the name or the id of the custom field")
        return value.strip()
