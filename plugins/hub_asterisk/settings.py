"""Settings of one telephone exchange."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import ConfigDict, Field, field_validator

from hub.api import Duration, Listed, Secret, Settings, ZoneName


class AsteriskSettings(Settings):
    """Where the call records are, and how outside and inside are told apart."""

    model_config = ConfigDict(hide_input_in_errors=True)

    source: str
    """Path of `Master.csv`, or address of the database, for example `mysql+pymysql://hub@pbx.example.ru/asteriskcdrdb`."""
    password: Secret | None = None
    """Password of the database user."""
    table: str = "cdr"
    """Table of call records in the database."""
    zone: ZoneName
    """Time zone in which the exchange writes its times; `UTC` where `usegmtime=yes`. The firm's zone if not given."""
    trunks: Listed[str] = ("from-trunk", "from-pstn")
    """What begins the context or channel name of an outside line, separated by commas: `from-trunk, SIP/provider`."""
    internal_length: Annotated[int, Field(ge=1, le=7)] = 4
    """Most digits of an internal number."""
    area_code: str = ""
    """Code of our city, to complete six and seven digit numbers. The firm's code if not given."""
    prefixes: Listed[str] = ()
    """Digits that the exchange puts before an outside number and that are not part of it, for example `9, 00`."""
    own_numbers: Listed[str] = ()
    """Our own outside numbers, which are never those of a client."""
    quiet_seconds: Annotated[int, Field(ge=0, le=3600)] = 60
    """A conversation is judged when nothing of it was written for so long."""
    overlap: Annotated[Duration, Field(le=timedelta(days=7))] = timedelta(hours=4)
    """The longest call: its record is written at its end and bears the time of its start."""

    @field_validator("source")
    @classmethod
    def _source(cls, value: str) -> str:
        value = value.strip()
        if not value:
            raise ValueError("write the path of Master.csv or the address of a database")
        if re.match(r"[^/]+://[^/@]*:[^/@]*@", value):
            raise ValueError("write the password as the setting `password`, not into the address")
        return value

    @field_validator("area_code", "prefixes", "own_numbers")
    @classmethod
    def _digits(cls, value: Any) -> Any:
        for text in (value,) if isinstance(value, str) else value:
            if re.search(r"[^\d\s+()-]", text, re.ASCII):
                raise ValueError("write digits only")
        return value

    @property
    def is_database(self) -> bool:
        """Tell whether the records are in a database and not in a file."""
        return "://" in self.source
