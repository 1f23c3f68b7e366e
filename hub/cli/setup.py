"""`hub init` makes a configuration and a store; `hub doctor` checks everything and names the fix of each finding."""

from __future__ import annotations

import shlex
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import click

from hub.attachments import check_attachments
from hub.cli.app import App, pass_app, print_json, say
from hub.cli.deep import damages
from hub.cli.modes import too_open
from hub.cli.suggest import manager_findings, organisation_findings
from hub.config import Config, find_config, load_config
from hub.connections import Hub, mail_connection, open_connection
from hub.documents import pdf
from hub.documents.own import forms_of
from hub.files import JOURNALS, replacing, write_file
from hub.letters import letter_rules_and_mistake
from hub.model.errors import HubError, SettingsError
from hub.paperwork.sheet import template_of
from hub.remind import note_installed, rules_and_mistakes
from hub.store import documents
from hub.store.database import Store, StoreError, wal_is_safe
from hub.tools import SystemClock

Found: TypeAlias = Callable[..., None]

EXAMPLE = """\
# The firm's configuration. Every value is text; secrets are references: env:NAME, file:PATH, keyring:SERVICE/NAME.
zone: Asia/Krasnoyarsk
language: ru
area_code: "391"
store: sqlite:///hub.db

# organisation:
#   name: ООО «Пример»
#   inn: "2465000007"
#   kpp: "246501001"
#   bank: {name: ПАО СБЕРБАНК, bic: "044525225", account: "40702810138250123017", corr_account: "30101810400000000225"}

employees: []
#  - {id: ivanova, name: Иванова Мария Сергеевна, role: manager, mail: ivanova@example.ru}

connections: {}
#  accounting: {connector: onec, url: https://1c.example/bp/, user: hub, password: env:ONEC_PASSWORD}
#  office:     {connector: imap, host: imap.example.ru, user: office@example.ru, password: env:MAIL_PASSWORD}
#  helpdesk:   {connector: redmine, url: https://help.example, key: env:REDMINE_KEY}
#  telephony:  {connector: asterisk, source: /var/log/asterisk/cdr-csv/Master.csv}
"""


@click.command()
@click.option("--new", is_flag=True, help="Make a new store although there was one before.")
@pass_app
def init(app: App, new: bool) -> None:
    """Write a first configuration if there is none, and make the store.

    A store that was emptied or is gone is not made anew silently: bring it back with `hub db restore`, or say --new.
    """
    path = find_config(app._config_file)
    if path.exists():
        say(f"{path} is there already; it stays as it is.")
    else:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(path, EXAMPLE.encode())
        say(f"Wrote {path}.")
    config = load_config(path)
    store = Store(config.store_url, synchronous=config.model.synchronous)
    if store.path is None or (store.path.exists() and store.path.stat().st_size):
        _create(store, app)
    else:
        if not new:
            _refuse_lost(store.path, config)
        store.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(store.path) as fresh:  # so that an init that is killed leaves no empty store
            _create(Store(f"sqlite:///{fresh}"), app)
            for suffix in JOURNALS:
                fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
                store.path.with_name(store.path.name + suffix).unlink(missing_ok=True)
    say(f"The store is ready: {store.name}.")
    say("Next: add a connection to the file, then run: hub doctor")


def _create(store: Store, app: App) -> None:
    try:
        store.create()
        with store.write() as connection:
            note_installed(connection, app.now())
    finally:
        store.close()


def _refuse_lost(path: Path, config: Config) -> None:
    """Raise StoreError where a store was before: its file is empty, or others that go with it are there alone."""
    hint = "Bring it back: hub db restore FILE. If a new store is meant, run: hub init --new"
    if path.exists():
        raise StoreError(f"{path} is there but empty: something emptied the store.", hint=hint)
    beside = [path.with_name(path.name + suffix) for suffix in (*JOURNALS, ".before-restore")]
    folders = [config.folder / "blobs", config.resolve(config.model.documents.folder)]
    traces = [it for it in beside if it.exists()] + [it for it in folders if it.is_dir() and any(it.iterdir())]
    if traces:
        raise StoreError(f"{path} is gone: {traces[0]} shows that there was a store.", hint=hint)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--offline", is_flag=True, help="Do not talk to the other systems.")
@click.option("--deep", is_flag=True, help="Read all that is stored and look for what is damaged or gone.")
@pass_app
def doctor(app: App, as_json: bool, offline: bool, deep: bool) -> None:
    """Check configuration, store, plugins, rules and connections. Exit code 1 when something must be mended."""
    findings: list[dict[str, str]] = []

    def found(level: str, what: str, fix: str = "") -> None:
        findings.append({"level": level, "what": what, "fix": fix})

    try:
        _check_here(app, found)
        if deep:
            _check_deeply(app, found)
        if not offline:
            hub = Hub(app.config, app.plugins, app.store, SystemClock())
            for name, connection in app.config.model.connections.items():
                if connection.enabled:
                    _check_connection(hub, name, found)
            try:
                mail_connection(hub)
            except SettingsError as error:
                found("warning", f"nobody can be told by mail: {Exception.__str__(error)}", error.hint)
    except HubError as error:
        found("error", Exception.__str__(error), error.hint)
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            mark = {"ok": "ok   ", "warning": "warn ", "error": "ERROR"}[finding["level"]]
            say(f"{mark}  {finding['what']}")
            if finding["fix"]:
                say(f"       {finding['fix']}")
    if any(finding["level"] == "error" for finding in findings):
        sys.exit(1)


def _check_here(app: App, found: Found) -> None:
    config = app.config
    found(
        "ok",
        f"configuration {config.path}: {len(config.model.connections)} connections, "
        f"{len(config.model.employees)} employees",
    )
    found("ok", f"store {app.store.name}")
    for place, mode, widest in too_open(config, app.store.path):
        found(
            "warning", f"{place} can be read by others ({mode:o})", f"Run: chmod {widest:o} {shlex.quote(str(place))}"
        )
    if app.store.is_sqlite:
        _check_sqlite(found)
    for plugin in app.plugins.found:
        if plugin.problem:
            found(
                "error",
                f"plugin {plugin.name} ({plugin.distribution}) is not used: {plugin.problem}",
                "Update or remove it.",
            )
    rules, mistakes = rules_and_mistakes(config, app.plugins)
    found("ok", f"{len(rules)} rules")
    for mistake in (*mistakes, *letter_rules_and_mistake(config)[1]):
        found("error", f"a rule is not in force: {Exception.__str__(mistake)}", mistake.hint or "Run: hub rule check")
    if not any(employee.role == "manager" for employee in config.model.employees):
        found("warning", "no employee has the role manager", "Add `employees:`; until then reminders go to role:duty.")
    if config.model.organisation is None:
        found("warning", "no `organisation:` is configured", "It is needed for invoices.")
    with app.store.read() as connection:
        for what, fix in organisation_findings(connection, config.model.organisation):
            found("warning", what, fix)
        for what, fix in manager_findings(connection, config):
            found("warning", what, fix)
    _check_papers(app, found)


def _check_papers(app: App, found: Found) -> None:
    """Say what makes PDF, which of the firm's templates are no templates, and which documents wait for their files."""
    setting = app.config.model.documents.pdf_engine
    own = []
    for form in forms_of(app.config).values():
        try:
            template = template_of(app.config, form)
            own += [template.path.name] if template and template.path else []
        except HubError as error:
            found("error", Exception.__str__(error), error.hint)
    engine = pdf.engine_of(setting)
    if engine or not own or setting == "typst":
        found("ok", f"PDF: built-in forms by typst, own templates by {engine or 'nothing'} ({len(own)} there)")
    else:
        found(
            "warning",
            f"nothing makes PDF of own templates ({', '.join(own)}); the Word file is what is sent",
            "Install LibreOffice, or: pip install 'svyazka[pdf]'",
        )
    with app.store.read() as connection:
        waiting = [str(row.id) for row in documents.listed(connection, state="numbered")]
    if waiting:
        shown = " ".join(waiting[:20])
        found("warning", f"{len(waiting)} documents have a number and no files yet", f"Run: hub document issue {shown}")


def _check_deeply(app: App, found: Found) -> None:
    with app.store.read() as connection:
        damaged = list(damages(connection, app.config))
    for what in damaged:
        found("error", what, "Restore a backup: hub db restore FILE")
    if not damaged:
        found("ok", "every record, event and file is as it was stored")


def _check_sqlite(found: Found) -> None:
    version = sqlite3.sqlite_version
    if wal_is_safe():
        found("ok", f"SQLite {version}, journal in WAL mode")
    else:
        found(
            "ok", f"SQLite {version} carries the WAL-reset race; the hub uses a rollback journal, which it cannot touch"
        )


def _check_connection(hub: Hub, name: str, found: Found) -> None:
    try:
        with open_connection(hub, name) as opened:
            result = opened.connector.check()
            odd = list(check_attachments(hub.config, name, opened.connector))
    except HubError as error:
        found("error", f"connection {name}: {Exception.__str__(error)}", error.hint)
        return
    about = ", ".join(part for part in (result.account and f"as {result.account}", result.version) if part)
    found("ok", f"connection {name} ({opened.spec.title}) answers {about}".rstrip())
    for what, fix in (*result.findings, *odd):
        found("warning", f"connection {name}: {what}", fix)
    if result.server_time is not None:
        skew = abs((result.server_time - hub.clock.now()).total_seconds())
        if skew > 120:
            found(
                "warning",
                f"connection {name}: its clock differs by {skew:.0f} s",
                "Set the clock of one of the machines.",
            )
