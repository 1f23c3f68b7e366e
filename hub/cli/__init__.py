"""The command line: nouns, then verbs. Commands are imported when they are used, so that `hub --help` is quick."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from importlib.metadata import entry_points

import click

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("hub.cli.setup:init", "Create the configuration and the store."),
    "doctor": ("hub.cli.setup:doctor", "Check everything; each finding comes with its fix."),
    "status": ("hub.cli.status:status", "Show runs, problems and backlog."),
    "demo": ("hub.cli.demo:demo", "Play the whole story on local stand-ins, no account needed."),
    "sync": ("hub.cli.sync:sync", "Read connections."),
    "today": ("hub.cli.today:today", "Whom to call, when and why, most urgent first."),
    "reminder": ("hub.cli.reminder:reminder", "Reminders: list, show, why, done, snooze, assign."),
    "rule": ("hub.cli.rule:rule", "Rules: list, check, preview, test."),
    "client": ("hub.cli.client:client", "Clients: list, show, new, set, import, timeline, merge, split."),
    "match": ("hub.cli.match:match", "Suggestions of who may be the same client."),
    "event": ("hub.cli.event:event", "The log: list, export, import."),
    "record": ("hub.cli.record:record", "Raw records: list, show, parse, replay."),
    "contact": ("hub.cli.entity:contact", "Contacts."),
    "contract": ("hub.cli.entity:contract", "Contracts."),
    "invoice": ("hub.cli.entity:invoice", "Invoices."),
    "act": ("hub.cli.entity:act", "Sales and acts."),
    "payment": ("hub.cli.objects:payment", "Payments."),
    "order": ("hub.cli.entity:order", "Orders of clients."),
    "balance": ("hub.cli.entity:balance", "What is owed between us and clients."),
    "employee": ("hub.cli.presence:employee", "Our people: where to put a caller through; as the sources know them."),
    "organisation": ("hub.cli.entity:organisation", "Our own legal persons."),
    "bank-account": ("hub.cli.entity:bank_account", "Bank accounts of ours and of clients."),
    "product": ("hub.cli.entity:product", "What is sold."),
    "price": ("hub.cli.entity:price", "What it costs."),
    "stock": ("hub.cli.entity:stock", "How much of it there is."),
    "ticket": ("hub.cli.entry:ticket", "Tickets: list, show; of our own: new, assign, solve, reopen."),
    "call": ("hub.cli.entity:call", "Calls."),
    "message": ("hub.cli.entity:message", "Messages."),
    "survey": ("hub.cli.entry:survey", "Surveys: how content clients are, and why."),
    "complaint": ("hub.cli.entry:complaint", "Complaints: new, ack, correct, confirm, withdraw."),
    "note": ("hub.cli.entry:note", "What came of a call or a visit, and when the next one is."),
    "promise": ("hub.cli.entry:promise", "Until when a client agreed to wait."),
    "decision": ("hub.cli.entry:decision", "Decisions about a ticket and its specialist."),
    "meeting": ("hub.cli.entry:meeting", "Meetings with clients."),
    "referral": ("hub.cli.entry:referral", "Prospects on the way: new, move, ticket, win, lose."),
    "prospect": ("hub.cli.card:prospect", "Prospects: new ones with the day of the next contact."),
    "project": ("hub.cli.objects:project", "Objects: new, call, sign, pay, payments, accept, close."),
    "offer": ("hub.cli.objects:offer", "Offers (КП): new, add, lines, send, receive, answer, accept."),
    "handover": ("hub.cli.objects:handover", "Goods that went to an object."),
    "purchase": ("hub.cli.objects:purchase", "Requests to purchasing for an object."),
    "checklist": ("hub.cli.checklist:checklist", "Checklists: new, tick, untick, lines, templates."),
    "questionnaire": ("hub.cli.checklist:questionnaire", "The firm's questions and what clients answered."),
    "shipment": ("hub.cli.entry:shipment", "Parcels: new, pickup, mark, move, deliver, fail."),
    "task": ("hub.cli.entry:task", "Tasks for employees: new, done."),
    "diary": ("hub.cli.entry:diary", "The work-time diary."),
    "occasion": ("hub.cli.entry:occasion", "Anniversaries, holidays, reporting dates, events."),
    "campaign": ("hub.cli.entry:campaign", "Mailings and invitations: new, send."),
    "trait": ("hub.cli.entry:trait", "Hobbies, preferences, competitors of clients."),
    "term": ("hub.cli.checklist:term", "Dictionaries: new words, and how they read."),
    "document": ("hub.cli.document:document", "Documents: new, list, show, issue, send."),
    "command": ("hub.cli.command:cli", "The outbox: list, show, approve, retry, cancel."),
    "problem": ("hub.cli.problem:problem", "Problems: list, show; confirm a changed address or account."),
    "report": ("hub.cli.report:report", "Reports: growth, pay, NPS, calls, debts and more."),
    "run": ("hub.cli.run:cli", "Run the daemon."),
    "worker": ("hub.cli.run:worker", "Run a worker process."),
    "job": ("hub.cli.job:cli", "Jobs."),
    "plugin": ("hub.cli.plugin:plugin", "Plugins: list, new, check."),
    "testing": ("hub.cli.testing:testing", "Stand-ins of other systems: onec."),
    "db": ("hub.cli.db:db", "The store: upgrade, backup, dump."),
}
"""Command → where it is and what it does; the help page needs nothing more."""
CONFIG = "hub.config"


class LazyGroup(click.Group):
    """A group that imports a command when it is called, and plugins only when one of theirs may be meant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names in the order of the table, then those of plugins."""
        self._load_plugins(ctx)
        return [*COMMANDS, *sorted(self.commands)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now."""
        if cmd_name in COMMANDS:
            module, _, attribute = COMMANDS[cmd_name][0].partition(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        self._load_plugins(ctx)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the table without importing any command."""
        self._load_plugins(ctx)
        rows = [(name, text) for name, (_, text) in COMMANDS.items()]
        rows += [(name, command.get_short_help_str(60)) for name, command in sorted(self.commands.items())]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note which configuration is meant before `--help` answers, whatever the order of the two."""
        ctx.meta[CONFIG] = self.make_parser(ctx).parse_args(args=list(args))[0].get("config")
        return super().parse_args(ctx, args)

    def _load_plugins(self, ctx: click.Context) -> None:
        """Let permitted plugins of other distributions add commands; the bundled ones add none."""
        if self.commands or all(
            entry.dist and entry.dist.name == "svyazka" for entry in entry_points(group="hub.plugins")
        ):
            return
        from hub.config import permitted_plugins
        from hub.plugins import Plugins

        Plugins(permitted_plugins(ctx.meta.get(CONFIG))).manager.hook.register_commands(cli=self)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config", metavar="FILE", is_eager=True, help="Configuration file; else HUB_CONFIG, else config/hub.yaml."
)
@click.option("--now", metavar="ISO8601", help="Evaluate time as if it were this instant.")
@click.option("--verbose", "-v", is_flag=True, help="Show the log on stderr.")
@click.version_option(package_name="svyazka", prog_name="hub")
@click.pass_context
def cli(ctx: click.Context, config: str | None, now: str | None, verbose: bool) -> None:
    """Bridge 1C, mail, tickets and telephony; know whom to call, when and why."""
    from hub.cli.app import App

    ctx.obj = App(config, now, verbose=verbose)
    ctx.call_on_close(ctx.obj.close)


GC_THRESHOLD = (50_000, 20, 50)
"""A batch makes a thousand records into many thousand rows that all live until it is stored: looking for cycles among
them after every 700 took a tenth of a sync."""


def main() -> None:
    """Run the command line; exit codes: 0 done, 1 failed, 2 wrong usage, 3 some connections failed."""
    os.umask(0o077)
    gc.set_threshold(*GC_THRESHOLD)
    screen = sys.stdout
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        cli(prog_name="hub", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        _stop_writing()
        sys.exit(0)
    except SystemExit:
        if sys.stdout is not screen:  # click saw that nobody reads any more and put a silent one in its place
            _stop_writing()
            sys.exit(0)
        raise
    except Exception as error:  # noqa: BLE001 the outermost edge: a person sees one sentence, never a traceback
        sys.exit(_fail(error))


def _stop_writing() -> None:
    """Let what is still to be written go nowhere: the reader has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _fail(error: Exception) -> int:
    from hub.model.errors import HubError
    from hub.redaction import one_line, redact

    if "--verbose" in sys.argv or "-v" in sys.argv:
        import traceback

        click.echo(redact(traceback.format_exc()), err=True)
    if isinstance(error, HubError):
        click.echo(f"Error: {one_line(str(error))}", err=True)
        return 1
    if isinstance(error, OverflowError | UnicodeEncodeError):
        click.echo(
            "Error: an argument is a number or a date beyond all limits, or holds bytes that are no UTF-8.", err=True
        )
        return 2
    click.echo(f"Error: unexpected {type(error).__name__}: {one_line(str(error))[:300]}", err=True)
    click.echo("Run again with --verbose and report what it prints.", err=True)
    return 1
