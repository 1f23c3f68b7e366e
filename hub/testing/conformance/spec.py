"""How a connector is announced: its name, its settings, what it imports and what its methods say it can do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

from pydantic import SecretStr, ValidationError

from hub.api import API
from hub.testing.conformance.kit import Case, expect, factory, fail, promise
from hub.testing.meanings import meanings

NAME = re.compile(r"[a-z][a-z0-9_]*")
SECRET_WORDS = ("password", "secret", "token", "key")
METHODS = {
    "Reads": ("streams", "read", "normalise"),
    "Writes": ("commands", "execute", "find"),
    "Receives": ("receive",),
    "Wakes": ("wait",),
}

_IMPORT = """
import sys, json
import hub.api
before = set(sys.modules)
import {package}
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@promise("bronze")
def name_is_plain(case: Case) -> None:
    """The connector's name is a lower-case identifier, because it stands in configuration and file names."""
    expect(NAME.fullmatch(case.spec.name), f"name {case.spec.name!r} is not a lower-case identifier such as `redmine`")


@promise("bronze")
def has_title(case: Case) -> None:
    """The connector has a title for people."""
    expect(case.spec.title.strip(), "title is empty")


@promise("bronze")
def speaks_our_version(case: Case) -> None:
    """The connector was written for this version of the contract."""
    expect(case.spec.api == API, f"api is {case.spec.api}, but this hub speaks {API}")


@promise("bronze")
def factory_is_there(case: Case) -> None:
    """The factory can be imported and called."""
    try:
        made = factory(case.spec)
    except (ImportError, AttributeError, ValueError) as error:
        raise AssertionError(f"factory {case.spec.factory!r} cannot be imported: {error}") from error
    expect(callable(made), f"factory {case.spec.factory!r} is not callable")


@promise("bronze")
def imports_are_light(case: Case) -> None:
    """Importing the plugin loads nothing but `hub.api` and its settings, and prints nothing."""
    package = case.spec.factory.partition(":")[0].partition(".")[0]
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT.format(package=package)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    expect(done.returncode == 0, f"import {package} fails: {done.stderr.strip().splitlines()[-1:]}")
    *printed, modules = done.stdout.splitlines()
    expect(not printed, f"import {package} prints {printed[:1]}")
    heavy = {name.partition(".")[0] for name in json.loads(modules) if not _is_light(name, package)}
    expect(not heavy, f"import {package} loads {sorted(heavy)}; import them where the connection runs")


def _is_light(name: str, package: str) -> bool:
    top = name.partition(".")[0]
    return top in {package, "pydantic", "pydantic_core"} or top in sys.stdlib_module_names


@promise("bronze")
def settings_are_strict(case: Case) -> None:
    """The settings take what the peer gives, as text, and refuse a key they do not know."""
    harness = case.start()
    given = harness.peer.settings()
    expect(all(isinstance(value, str) for value in given.values()), "a person writes settings as text")
    harness.settings()
    try:
        harness.settings(no_such_setting="1")
    except ValidationError:
        return
    fail("an unknown setting is accepted; derive the settings from hub.api.Settings")


@promise("bronze")
def settings_are_described(case: Case) -> None:
    """Every setting has a description, because the reference page is made of them."""
    said = meanings(case.spec.settings)
    silent = [name for name in case.spec.settings.model_fields if not said.get(name, "").strip()]
    expect(not silent, f"write a docstring under {', '.join(silent)}")


@promise("bronze")
def secrets_are_secret(case: Case) -> None:
    """A setting named like a password, secret, token or key is a `Secret`, so that nothing shows it."""
    for name, field in case.spec.settings.model_fields.items():
        if any(part.endswith(SECRET_WORDS) for part in name.lower().split("_")):
            kinds = (field.annotation, *get_args(field.annotation))
            expect(SecretStr in kinds, f"{name} must be of type hub.api.Secret")


@promise("bronze")
def capabilities_are_whole(case: Case) -> None:
    """The connector answers `check` and has at least one capability, and none by half."""
    made = factory(case.spec)
    expect(callable(getattr(made, "check", None)), "the connector has no method check")
    whole = 0
    for capability, methods in METHODS.items():
        missing = [name for name in methods if not callable(getattr(made, name, None))]
        expect(not missing or len(missing) == len(methods), f"{capability} by half: {', '.join(missing)} is missing")
        whole += not missing
    expect(whole, "the connector neither reads, writes nor receives")


@promise("platinum")
def readme_names_settings(case: Case) -> None:
    """The package has a README.md beside its code that names every setting."""
    package = case.spec.factory.partition(":")[0].partition(".")[0]
    found = find_spec(package)
    expect(found is not None and found.origin, f"the package {package} has no file")
    readme = Path(found.origin).with_name("README.md") if found and found.origin else Path()
    expect(readme.is_file(), f"there is no README.md beside {package}/__init__.py")
    text = readme.read_text(encoding="utf-8")
    silent = [name for name in case.spec.settings.model_fields if not re.search(rf"\b{re.escape(name)}\b", text)]
    expect(not silent, f"README.md does not name the settings {', '.join(silent)}")
