"""`hub checklist`, `hub questionnaire` and `hub term`: entries that have more than fields."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from hub.cli.app import App, pass_app, print_json, print_table, print_wrapped, say
from hub.cli.entry import desk_of, group, said_of
from hub.entries import acts
from hub.entries.acts import EntryError
from hub.entries.checklist import CHECKLIST, templates, tick, untick
from hub.entries.office import TERM, words_of
from hub.entries.talks import QUESTIONNAIRE
from hub.model.entries import Answer, Checklist

checklist = group(CHECKLIST)
questionnaire = group(QUESTIONNAIRE)
term = group(TERM)


@checklist.command("templates")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def templates_(app: App, as_json: bool) -> None:
    """List the templates: those of the hub and the firm's own."""
    found = templates(app.config)
    if as_json:
        print_json(
            [{"id": it.id, "title": it.title, "lines": [title for title, *_ in it.lines]} for it in found.values()]
        )
        return
    print_table(("template", "lines", "title"), [(it.id, len(it.lines), it.title) for it in found.values()], grow=2)


@checklist.command("tick")
@click.argument("key")
@click.argument("lines", type=int, nargs=-1, required=True)
@click.option("--by", default="", help="Who did it; else whoever enters it.")
@click.option("--when", default="", metavar="TIME", help="When; else now.")
@pass_app
def tick_(app: App, key: str, lines: tuple[int, ...], by: str, when: str) -> None:
    """Note that LINES of a list are done."""
    with app.store.write() as connection:
        done = tick(desk_of(app, connection), key, lines, by=by, when=when)
    assert isinstance(done.entity, Checklist)
    left = sum(1 for item in done.entity.items if item.done is None)
    say(f"checklist {done.id}: {'completed.' if not left else f'{left} lines are left.'}")


@checklist.command("untick")
@click.argument("key")
@click.argument("lines", type=int, nargs=-1, required=True)
@pass_app
def untick_(app: App, key: str, lines: tuple[int, ...]) -> None:
    """Take back that LINES of a list are done."""
    with app.store.write() as connection:
        done = untick(desk_of(app, connection), key, lines)
    assert isinstance(done.entity, Checklist)
    left = sum(1 for item in done.entity.items if item.done is None)
    say(f"checklist {done.id}: {left} lines are left.")


@checklist.command("lines")
@click.argument("key")
@pass_app
def lines(app: App, key: str) -> None:
    """Show the lines of a list, who did which and when."""
    with app.store.read() as connection:
        row = acts.find_entry(desk_of(app, connection), CHECKLIST, key)
    names = {person.id: person.name for person in app.config.model.employees}
    print_wrapped([
        (it["number"], _local(app, it.get("done")), names.get(it.get("by", ""), it.get("by", "")), it["title"])
        for it in row["items"]
    ])  # fmt: skip


def _local(app: App, text: str | None) -> str:
    return app.local(datetime.fromisoformat(text)) if text else ""


@questionnaire.command("questions")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def questions(app: App, as_json: bool) -> None:
    """List the questions of each questionnaire, as the configuration has them."""
    known = app.config.model.entering.questions
    if as_json:
        print_json({name: list(asked) for name, asked in known.items()})
        return
    rows = [(name, place, text) for name, asked in known.items() for place, text in enumerate(asked, 1)]
    print_table(("type", "№", "question"), rows, grow=2)


def _answers(app: App, as_json: bool, answers: tuple[str, ...] = (), **said: Any) -> None:
    """Enter what a client answered; the questions: hub questionnaire questions."""
    asked = app.config.model.entering.questions.get(said.get("type") or "")
    if asked is None:
        known = ", ".join(app.config.model.entering.questions)
        raise click.BadParameter(f"say which questionnaire: {known}", param_hint="--type")
    if len(answers) > len(asked):
        raise click.BadParameter(f"there are {len(asked)} questions and {len(answers)} answers", param_hint="--answer")
    texts = [*("" if it.strip() == "-" else it.strip() for it in answers), *[""] * (len(asked) - len(answers))]
    given = tuple(Answer(question=question, answer=text) for question, text in zip(asked, texts, strict=True))
    said_of(app, QUESTIONNAIRE, "answered", as_json,
            lambda desk: acts.begin(desk, QUESTIONNAIRE, {**said, "answers": given}))  # fmt: skip


questionnaire.commands["new"].callback = pass_app(_answers)


@term.command("say")
@click.argument("dictionary")
@click.argument("text")
@click.option("--language", default="en", show_default=True, help="Into which language.")
@pass_app
def say_(app: App, dictionary: str, text: str, language: str) -> None:
    """Print how TEXT reads in another language; exit code 1 and the way to learn it when nobody has entered it."""
    with app.store.read() as connection:
        rows = words_of(desk_of(app, connection), dictionary)
    for row in rows:
        if row["text"].casefold() == text.strip().casefold() and row["language"] == language:
            click.echo(row["value"])
            return
    raise EntryError(f"nobody has entered how {text!r} reads in {language}.",
                     hint=f"Learn it: hub term new --dictionary {dictionary} --text … --value …")  # fmt: skip
