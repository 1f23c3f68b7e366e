"""Saboteurs of the announcement and of signing in."""

from __future__ import annotations

from hub_notebook.connector import Notebook
from hub_notebook.settings import NotebookSettings
from pydantic import ConfigDict
from sabotage import announced, breaks

from hub.api import (
    API,
    AuthError,
    Check,
    Secret,
    Settings,
    Tools,
    Unavailable,
)


class LaxSettings(NotebookSettings):
    model_config = ConfigDict(extra="ignore")


class SilentSettings(Settings):
    url: str
    key: Secret
    """Described."""


class OpenSettings(Settings):
    url: str
    """Described."""
    api_key: str = ""
    """Described, and shown to everybody."""


class MoreSettings(NotebookSettings):
    colour: str = "blue"
    """Described here, but not in the README."""


announced("spec_name_is_plain", "identifier", name="Note book")
announced("spec_has_title", "title is empty", title=" ")
announced("spec_speaks_our_version", "this hub speaks", api=API + 1)
announced("spec_factory_is_there", "cannot be imported", factory="hub_notebook.connector:Nothing")
announced("spec_imports_are_light", "lxml", factory="heavy_plugin:Notebook")
announced("spec_settings_are_strict", "unknown setting is accepted", settings=LaxSettings)
announced("spec_settings_are_described", "docstring under url", settings=SilentSettings)
announced("spec_secrets_are_secret", "api_key must be", settings=OpenSettings)
announced("spec_readme_names_settings", "colour", settings=MoreSettings)


@breaks("spec_capabilities_are_whole", "normalise is missing")
class ReadsByHalf(Notebook):
    normalise = None


@breaks("spec_capabilities_are_whole", "neither reads, writes nor receives")
class DoesNothing:
    def check(self) -> Check:
        return Check("nobody")


@breaks("check_says_who_we_are", "no account")
class SaysNoName(Notebook):
    def check(self) -> Check:
        super().check()
        return Check()


@breaks("check_wrong_password_is_tried_once", "presented 2 times")
class TriesPasswordTwice(Notebook):
    def check(self) -> Check:
        try:
            return super().check()
        except AuthError:
            return super().check()


@breaks("check_wrong_password_is_tried_once", "nothing was raised")
class HidesWrongPassword(Notebook):
    def check(self) -> Check:
        try:
            return super().check()
        except AuthError:
            return Check("hub")


@breaks("check_absence_is_unavailable", "not AuthError")
class TakesAbsenceForRefusal(Notebook):
    def check(self) -> Check:
        try:
            return super().check()
        except Unavailable as error:
            raise AuthError("The server let nobody in.") from error


class Leaky(Notebook):
    def __init__(self, settings: NotebookSettings, tools: Tools) -> None:
        super().__init__(settings, tools)
        self.key = settings.key.get_secret_value()
        self.log = tools.log


@breaks("check_secrets_stay_secret", "a secret is shown")
class LogsKey(Leaky):
    def check(self) -> Check:
        self.log.debug("signing in with %s", self.key)
        return super().check()


@breaks("check_secrets_stay_secret", "a secret is shown")
class NamesKeyInCause(Leaky):
    def check(self) -> Check:
        try:
            return super().check()
        except AuthError as error:
            raise AuthError("The key is wrong.") from ValueError(f"key {self.key}: {error}")
