"""Answers captured from real bases: understood by the connector, and of the shape that the stand-in gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.api import Contract, Record, Reference
from hub.testing.peers.onec import OneCServer
from hub_onec.client import error_of

CAPTURED = Path(__file__).parents[3].parent / "shared" / "data" / "onec" / "json"
CONTRACTS = "Catalog_ДоговорыКонтрагентов"
pytestmark = pytest.mark.skipif(not CAPTURED.is_dir(), reason="the captured answers are not beside the tree")


@pytest.fixture
def captured() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CAPTURED / "bp30_contracts_minimalmetadata.json").read_bytes())
    (row,) = found["value"]
    return {"": found["odata.metadata"], **row}


def test_a_captured_contract_is_understood(hub: Any, captured: dict[str, Any]) -> None:
    payload = json.dumps(captured, ensure_ascii=False).encode()
    (event,) = hub.connector().normalise(Record(captured["Ref_Key"], payload, stream="contracts"))
    contract: Contract = event.data
    assert contract.client == Reference("client", captured["Owner_Key"])
    assert (contract.title, contract.type) == (captured["Description"], "СПокупателем")
    assert (contract.date, contract.end, contract.number) == (None, None, ""), "empty dates and texts say nothing"


def test_the_stand_in_gives_a_contract_of_that_shape(web: Any, server: OneCServer, captured: dict[str, Any]) -> None:
    key = server.base.add(CONTRACTS, Owner_Key=server.base.add("Catalog_Контрагенты"), ВидДоговора="СПокупателем")
    _, _, body = web.get(f"{CONTRACTS}?$format=json")
    answer = json.loads(body)
    (row,) = answer["value"]
    assert answer["odata.metadata"].endswith(f"/$metadata#{CONTRACTS}")
    assert captured[""].endswith("#Catalog_ДоговорыКонтрагентов")
    assert row["Ref_Key"] == key
    for name in row.keys() & captured.keys():
        if not name.endswith("navigationLinkUrl"):
            assert type(row[name]) is type(captured[name]), name
    assert {type(it["СрокОплаты"]) for it in (row, captured)} == {str}, "whole numbers travel as text"
    for it in (row, captured):
        linked = {name.partition("@")[0] for name in it if name.endswith("@navigationLinkUrl")}
        filled = {name.removesuffix("_Key") for name, value in it.items() if name.endswith("_Key") and "1" in value}
        assert linked <= filled, "an empty reference has no link"


def test_captured_refusals_are_read() -> None:
    refusals = json.loads((CAPTURED / "errors.json").read_bytes())
    assert len(refusals) > 5
    for name, content in refusals.items():
        found = error_of(json.dumps(content, ensure_ascii=False).encode())
        assert found is not None, name
        assert f"(code {found.code})" in name
        assert found.message.value
