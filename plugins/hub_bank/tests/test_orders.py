"""Payment orders: right before they leave, one file for each command, and readable by who reads statements."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.api import Command, Rejected, Unavailable
from hub_bank.exchange import fields_of, parse
from hub_bank.orders import compose, name_of, read_order
from hub_bank.settings import BankSettings


def changed(command: Command, **data: Any) -> Command:
    return msgspec.structs.replace(command, data={**command.data, **data})


def test_an_order_is_a_file_that_the_parser_of_statements_understands(hub):
    command = hub.peer.command()
    receipt = hub.connector().execute(command)
    content = (hub.peer.outgoing / receipt.external_id).read_bytes()
    read = parse(content)
    (block,) = read.documents
    fields = fields_of(block.raw, read.encoding)

    assert read.encoding == "cp1251"
    assert read.header["ВерсияФормата"] == "1.03"
    assert (fields["Номер"], fields["Дата"], fields["Сумма"]) == (command.data["number"], "13.05.2026", "1500.00")
    assert (fields["ПлательщикИНН"], fields["ПолучательИНН"]) == ("2465000007", "2463000001")
    assert fields["ПолучательСчет"] == command.data["payee_account"]
    assert fields["НазначениеПлатежа"] == command.data["purpose"]
    assert content.endswith("КонецФайла\r\n".encode("cp1251"))


def test_the_same_command_makes_one_file_however_often_it_is_tried(hub):
    command = hub.peer.command()
    first, second = (hub.connector().execute(command) for _ in range(2))

    assert first == second == hub.connector().find(command)
    assert len(list(hub.peer.outgoing.iterdir())) == 1


def test_a_file_of_that_name_with_other_content_is_never_overwritten(hub):
    command = hub.peer.command()
    hub.connector().execute(command)

    with pytest.raises(Rejected, match="is there already and says something else"):
        hub.connector().execute(changed(command, total="2.00"))
    assert hub.peer.effects(command) == 1


DIE = """
import json, os, signal, sys
from pathlib import Path
from hub.api import Command
from hub_bank.connector import BankFiles
from hub_bank.settings import BankSettings

settings, command, at = json.loads(sys.argv[1])
steps = 0

def dying(step):
    def run(*arguments, **named):
        global steps
        steps += 1
        if steps == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*arguments, **named)
    return run

os.fdopen, os.fsync = dying(os.fdopen), dying(os.fsync)
Path.chmod, Path.replace, Path.unlink = dying(Path.chmod), dying(Path.replace), dying(Path.unlink)
BankFiles(BankSettings.model_validate(settings), None).execute(Command(**command))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed by a signal")
@pytest.mark.parametrize("at", range(1, 7))
def test_killed_at_any_step_there_is_one_whole_order_or_none(hub, at):
    """D15, F-05."""
    command = hub.peer.command()
    told = json.dumps([dict(hub.peer.settings()), msgspec.to_builtins(command), at])
    done = subprocess.run([sys.executable, "-c", DIE, told], check=False, timeout=60)
    found = hub.connector().find(command)

    assert done.returncode == -signal.SIGKILL
    assert hub.peer.effects(command) == (found is not None)
    assert hub.connector().execute(command) == hub.connector().find(command)
    assert hub.peer.effects(command) == 1


def test_an_order_that_the_bank_took_away_is_not_found(hub):
    command = hub.peer.command()
    receipt = hub.connector().execute(command)
    (hub.peer.outgoing / receipt.external_id).unlink()

    assert hub.connector().find(command) is None


def test_a_write_that_is_broken_off_leaves_no_order(hub, monkeypatch):
    command = hub.peer.command()

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(Unavailable, match="No space left") as caught:
        hub.connector().execute(command)

    assert caught.value.unsent
    assert list(hub.peer.outgoing.iterdir()) == []
    assert hub.connector().find(command) is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"payee_account": "40703810900000000022"}, "payee_account .* key fits payee_bic"),
        ({"payee_inn": "2463000002"}, "payee_inn .* right check digits"),
        ({"payee_kpp": "1"}, "payee_kpp"),
        ({"total": "0.00"}, "total .* a sum such as 1500.00"),
        ({"total": "1500.005"}, "total"),
        ({"total": "-1"}, "total"),
        ({"total": 1500.0}, r"Expected `str`, got `float` - at `\$.total`"),
        ({"number": "1234567"}, "number .* up to six digits"),
        ({"number": "²"}, "number"),
        ({"purpose": ""}, "purpose"),
        ({"purpose": "я" * 211}, "purpose .* 1 to 210 characters"),
        ({"purpose": "Оплата\r\nПолучательСчет=40702810900000000001"}, "purpose .* line break"),
        ({"payee_name": "МБОУ\nСОШ"}, "payee_name .* line break"),
        ({"purpose": "Оплата 💰"}, "purpose .* '💰', which banks cannot read"),
        ({"priority": 6}, "priority"),
        ({"uin": "12"}, "uin"),
        ({"date": "32.05.2026"}, r"\$.date"),
        ({"payer": "x"}, "unknown field"),
    ],
)
def test_what_a_bank_would_refuse_is_refused_before(hub, data, words):
    command = changed(hub.peer.command(), **data)

    with pytest.raises(Rejected, match=words):
        hub.connector().execute(command)
    assert list(hub.peer.outgoing.iterdir()) == []


def test_a_missing_field_is_named(hub):
    command = hub.peer.command()
    data = {name: value for name, value in command.data.items() if name != "payee_bic"}

    with pytest.raises(Rejected, match="payee_bic"):
        hub.connector().execute(msgspec.structs.replace(command, data=data))


@pytest.mark.parametrize("identifier", ["../evil", "a/b", "заказ 1", "x" * 500, ".", "nul\0"])
def test_an_id_never_leads_out_of_the_folder(hub, identifier):
    """S-06."""
    command = msgspec.structs.replace(hub.peer.command(), id=identifier)
    receipt = hub.connector().execute(command)

    assert [it.name for it in hub.peer.outgoing.iterdir()] == [receipt.external_id]
    assert hub.connector().find(command) == receipt


def test_different_commands_have_different_files(hub):
    names = {name_of(msgspec.structs.replace(hub.peer.command(), id=it)) for it in ("a", "A", "a/b", "a_b", "")}

    assert len(names) == 5


def test_without_a_folder_for_orders_the_connection_only_reads(hub):
    connector = hub.connector(outgoing="")

    assert connector.commands() == ()
    with pytest.raises(Rejected):
        connector.execute(hub.peer.command())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"payer_inn": "", "payer_bank": ""}, "payment orders .* need payer_inn, payer_bank"),
        ({"payer_account": "40702810700000000011"}, "does not fit payer_bic"),
        ({"payer_inn": "1"}, "check digits"),
        ({"payer_kpp": "1"}, "9 characters"),
        ({"folder": " "}, "cannot be empty"),
        ({"pattern": "a/*.txt"}, "without a folder"),
    ],
)
def test_wrong_settings_say_what_is_wrong(bank, data, words):
    with pytest.raises(ValidationError, match=words):
        BankSettings.model_validate({**bank.settings(), **data})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    purpose=st.text(st.characters(codec="cp1251", exclude_categories=["Cc", "Zs", "Cf"]), min_size=1, max_size=210),
    total=st.decimals("0.01", "999999999.99", places=2),
)
def test_every_accepted_order_comes_back_as_it_was_given(bank, purpose, total):
    data = {**bank.command().data, "purpose": purpose, "total": str(total)}
    read = parse(compose(read_order(data), BankSettings.model_validate(bank.settings())))
    fields = fields_of(read.documents[0].raw, read.encoding)

    assert (fields["НазначениеПлатежа"], fields["Сумма"]) == (purpose, f"{total:.2f}")
