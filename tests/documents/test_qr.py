from __future__ import annotations

import io
import json
from collections.abc import Callable
from decimal import Decimal

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hub.documents.qr import payment_payload, qr_png, qr_svg
from hub.model.errors import HubError, SettingsError
from hub.model.values import Money

BIC, ACCOUNT, CORR_ACCOUNT = "040407777", "40702810900000000017", "30101810200000000777"


def payload(**changes: object) -> str:
    fields = {
        "name": "ООО «Полярная сова»", "account": ACCOUNT, "bank_name": "АО «ПРИМЕРБАНК»", "bic": BIC,
        "corr_account": CORR_ACCOUNT, "amount": Money(Decimal("67800.50")), "purpose": "Оплата по счёту № 17",
        "inn": "2465000007", "kpp": "246501001",
    }  # fmt: skip
    return payment_payload(**(fields | changes))


def parse(text: str) -> dict[str, str]:
    """Read a payment text as a bank does."""
    assert text.startswith("ST00012")
    pairs = [part.split("=", 1) for part in text[8:].split(text[7])]
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


def test_the_whole_payload() -> None:
    assert payload() == (
        "ST00012|Name=ООО «Полярная сова»|PersonalAcc=40702810900000000017|BankName=АО «ПРИМЕРБАНК»|BIC=040407777"
        "|CorrespAcc=30101810200000000777|Sum=6780050|Purpose=Оплата по счёту № 17|PayeeINN=2465000007|KPP=246501001"
    )


def test_the_reference_payload(shared_text: Callable[[str], str]) -> None:
    sample = json.loads(shared_text("gost56042.json"))["samples"][0]
    fields = parse(sample["payload"])
    made = payment_payload(
        name=fields["Name"], account=fields["PersonalAcc"], bank_name=fields["BankName"], bic=fields["BIC"],
        corr_account=fields["CorrespAcc"], amount=Money(Decimal(sample["sum_rub"])), purpose=fields["Purpose"],
        inn=fields["PayeeINN"], kpp=fields["KPP"],
    )  # fmt: skip
    assert made == sample["payload"]


def test_reference_accounts_decide_whether_there_is_a_code(shared_text: Callable[[str], str]) -> None:
    accounts = json.loads(shared_text("requisites.json"))["account"]
    for bic, account in accounts["valid"]:
        assert parse(payload(bic=bic, account=account, corr_account=""))["PersonalAcc"] == account
    for bic, account in accounts["invalid"]:
        with pytest.raises(SettingsError):
            payload(bic=bic, account=account, corr_account="")


@given(st.text(alphabet="|~^#;!=аб ", max_size=40), st.text(alphabet="|~^#;!=вг\n", max_size=40))
def test_signs_of_the_format_in_a_value_never_change_the_fields(name: str, purpose: str) -> None:
    fields = parse(payload(name=f"И{name}И", purpose=f"О{purpose}О"))
    assert list(fields)[:5] == ["Name", "PersonalAcc", "BankName", "BIC", "CorrespAcc"]
    assert (fields["PersonalAcc"], fields["Sum"], fields["KPP"]) == (ACCOUNT, "6780050", "246501001")
    if not set("|~^#;!") <= set(name + purpose):
        assert fields["Name"] == " ".join(f"И{name}И".split())
        assert fields["Purpose"] == " ".join(f"О{purpose}О".split())


def test_another_separator_is_chosen_when_a_value_holds_the_usual_one() -> None:
    text = payload(purpose="Работы | материалы")
    assert text[7] == "~"
    assert parse(text)["Purpose"] == "Работы | материалы"


def test_long_texts_are_cut_to_the_lengths_of_the_standard() -> None:
    fields = parse(payload(name="Н" * 300, bank_name="Б" * 300, purpose="П" * 300))
    assert (len(fields["Name"]), len(fields["BankName"]), len(fields["Purpose"])) == (160, 45, 210)


def test_a_sole_trader_has_no_kpp_and_a_bank_may_have_no_correspondent_account() -> None:
    fields = parse(payload(kpp="", corr_account=""))
    assert "KPP" not in fields
    assert fields["CorrespAcc"] == "0"


def test_a_treasury_account_has_no_key_and_is_taken() -> None:
    fields = parse(payload(bic="010407105", account="03224643040000001900", corr_account="40102810245370000011"))
    assert fields["PersonalAcc"] == "03224643040000001900"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"account": "40702810800000000017"}, "organisation.bank.account"),
        ({"account": "4070281090000000001"}, "organisation.bank.account"),
        ({"corr_account": "30101810300000000777"}, "organisation.bank.corr_account"),
        ({"bic": "04040777"}, "organisation.bank.bic"),
        ({"name": " "}, "organisation.name"),
        ({"bank_name": ""}, "organisation.bank.name"),
    ],
)
def test_requisites_that_cannot_be_right_get_no_code(change: dict[str, str], field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        payload(**change)
    assert caught.value.field == field
    assert ACCOUNT[:8] not in str(caught.value)


@pytest.mark.parametrize(
    "amount", [Money(Decimal(0)), Money(Decimal("-1")), Money(Decimal("0.001")), Money(Decimal(1), "USD")]
)
def test_a_sum_that_cannot_be_paid_gets_no_code(amount: Money) -> None:
    with pytest.raises(HubError):
        payload(amount=amount)


def test_the_picture_reads_back_and_has_its_quiet_zone() -> None:
    text = payload()
    picture = Image.open(io.BytesIO(qr_png(text)))
    code = zxingcpp.read_barcode(picture)
    assert (code.text, code.ec_level) == (text, "M")
    assert set(picture.convert("L").crop((0, 0, picture.width, 4 * 8)).tobytes()) == {255}
    assert b"<svg" in qr_svg(text)
