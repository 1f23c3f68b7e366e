"""`hub document template`: what a template may show, what is wrong in one, and how it looks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from msgspec import structs

from hub.cli.app import App, pass_app, print_json, print_table, say
from hub.cli.client import one
from hub.documents import pdf
from hub.documents.docx import Filler, check_template, read_template
from hub.documents.form import SAMPLE_DAY, Form
from hub.documents.own import form_of, forms_of
from hub.documents.tags import fields
from hub.files import write_file
from hub.model.errors import HubError
from hub.paperwork.drafts import party_of
from hub.paperwork.sheet import SAMPLE_MARK, template_of


@click.group()
def template() -> None:
    """Templates in Word and Excel: list, write, check, try."""


@template.command("list")
@click.argument("kind", default="")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def list_(app: App, kind: str, as_json: bool) -> None:
    """List the kinds of documents and their templates, or with KIND the fields its template may show.

    JSON: [{kind, title, template, copies, needs_signature}], with KIND [{field, example}].
    """
    if kind:
        found = list(fields(_values(form_of(app.config, kind))))
        if as_json:
            print_json([{"field": name, "example": text} for name, text in found])
        else:
            print_table(("field", "example"), [(f"{{{{ {name} }}}}", text) for name, text in found], grow=1)
            say("A name with [] is a list: {%tr for line in lines %} … {{ line.title }} … {%tr endfor %}")
        return
    shown = [
        {"kind": each.kind, "title": each.title, "template": _made_with(app, each), "copies": each.copies,
         "needs_signature": each.needs_signature}
        for each in forms_of(app.config).values()
    ]  # fmt: skip
    if as_json:
        print_json(shown)
        return
    rows = [(it["kind"], it["template"], it["copies"], it["title"]) for it in shown]
    print_table(("kind", "made with", "copies", "title"), rows, grow=3)


def _made_with(app: App, form: Form[Any, Any]) -> str:
    try:
        found = template_of(app.config, form)
    except HubError:
        return "nothing yet"
    return found.path.name if found and found.path else "built in"


def _values(form: Form[Any, Any]) -> dict[str, Any]:
    return {**form.sample_values(), "mark": SAMPLE_MARK if form.needs_signature else ""}


@template.command()
@click.argument("kind")
@click.argument("file", type=click.Path(path_type=Path))
@pass_app
def write(app: App, kind: str, file: Path) -> None:
    """Write the built-in Word template of KIND to FILE, to be changed in Word and put into the templates folder."""
    if file.exists():
        raise HubError(f"{file} exists already.", hint="Give another name.")
    write_file(file, form_of(app.config, kind).template())
    say(f"{file}: change it in Word; `hub document template check {file} --kind {kind}` tells whether it is right.")


@template.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--kind", default="", help="The kind it is for; else the name of the file says it.")
@pass_app
def check(app: App, file: Path, kind: str) -> None:
    """Fill the template FILE with an invented example and say what is wrong in it, and where."""
    form = form_of(app.config, kind or file.stem)
    check_template(file, _values(form))
    say(f"{file} can be filled.")


@template.command("try")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--client", "client_key", default="", help="Id or ИНН of a client; else an invented one.")
@click.option("--kind", default="", help="The kind it is for; else the name of the file says it.")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write; else beside FILE, as FILE-draft.")
@pass_app
def try_(app: App, file: Path, client_key: str, kind: str, out: Path | None) -> None:
    """Fill the template FILE as a draft for a client, with an example for the rest; no number is taken."""
    form = form_of(app.config, kind or file.stem)
    values = _values(form)
    if client_key:
        with app.store.read() as connection:
            party = party_of(one(connection, client_key))
        draft = form.example
        if "client" in draft.__struct_fields__:
            draft = structs.replace(draft, client=party)
        context = form.build(app.config.model.organisation, draft, "черн-1", SAMPLE_DAY)
        values = {**form.values(context), "mark": values["mark"]}
    content = read_template(file)
    ending = file.suffix.lower()[1:]
    with Filler() as filler:
        filled = filler.fill(content, values, name=str(file), ending=ending)
    target = out or file.with_name(f"{file.stem}-draft.{ending}")
    write_file(target, filled)
    say(f"{target}")
    setting = app.config.model.documents.pdf_engine
    made = pdf.convert(filled, ending, setting)
    if made:
        write_file(target.with_suffix(".pdf"), made)
        say(f"{target.with_suffix('.pdf')}, by {pdf.engine_of(setting)}")
    else:
        say("No PDF: neither LibreOffice nor dxpdf is installed, or they are switched off (`documents: pdf_engine`).")
