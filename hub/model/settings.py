"""Base of every connector's settings: a strict pydantic model over text scalars."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr

from hub.model.values import parse_duration


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        parsed = parse_duration(value)
        if parsed is None:
            raise ValueError("write a duration such as 30s, 15m, 2h or 3d")
        return parsed
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""A setting such as `15m`; a timedelta inside."""

Secret = SecretStr
"""A setting that is written as a reference (`env:NAME`, `file:PATH`, `keyring:SERVICE/NAME`) and never shown."""


class Settings(BaseModel):
    """Settings of one connection. Field descriptions become the reference page; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
