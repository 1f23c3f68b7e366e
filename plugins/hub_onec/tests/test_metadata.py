"""`$metadata`: the real shape, duplicates, size, damage and attacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.api import Unavailable
from hub.testing.peers.onec import ACCOUNTING
from hub.testing.peers.onec.edm import metadata
from hub_onec.candidates import SOURCES
from hub_onec.metadata import parse_metadata
from hub_onec.resolve import Found, selection, wanted_types

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "onec" / "metadata" / "ut11_trade_trimmed.xml"
MODELS = {model.name: model for model in ACCOUNTING}


def found(**sets: str) -> dict[str, Found]:
    """Return streams as if these sets were published for them."""
    return {stream: Found(SOURCES[stream], (name,)) for stream, name in sets.items()}


@pytest.mark.skipif(not REAL.exists(), reason="the trimmed $metadata of a real base is not beside the project")
def test_real_metadata_of_a_trade_base_is_understood() -> None:
    sale = "Document_РеализацияТоваровУслуг"
    types = parse_metadata(REAL.read_bytes(), wanted_types(found(counterparties="Catalog_Контрагенты", sales=sale)))
    assert types["Catalog_Контрагенты"]["ИНН"] == "Edm.String"
    whole = selection(SOURCES["sales"], sale, types, [], way=0).split(",")
    assert (whole[0], whole[-1]) == ("**", "Валюта____Presentation")
    assert {"Товары/Номенклатура_Key", "Товары/КоличествоУпаковок", "Товары/СуммаСНДС"} <= set(whole[1:-1])
    assert all(it.startswith("Товары/") for it in whole[1:-1])
    asked = selection(SOURCES["sales"], sale, types, [], way=1).split(",")
    assert {"Контрагент_Key", "Договор_Key", "СуммаДокумента", "Валюта____Presentation"} <= set(asked)
    assert "ДоговорКонтрагента_Key" not in asked


def test_types_and_their_rows_are_found() -> None:
    payments = "Document_ПоступлениеНаРасчетныйСчет"
    types = parse_metadata(metadata(MODELS), wanted_types(found(payments=payments)))
    assert set(types) == {payments, f"{payments}_РасшифровкаПлатежа_RowType"}
    assert types[payments]["Контрагент_Type"] == "Edm.String"


def test_a_type_described_twice_is_merged() -> None:
    text = metadata(MODELS).decode()
    twice = text.replace(
        "</Schema>",
        '<EntityType Name="Catalog_Валюты"><Property Name="Новое" Type="Edm.String"/></EntityType></Schema>',
    )
    types = parse_metadata(twice.encode(), {"Catalog_Валюты"})
    assert {"Description", "Новое"} <= set(types["Catalog_Валюты"])


def test_each_way_of_asking_asks_for_less_than_the_one_before() -> None:
    name = "Document_ПоступлениеНаРасчетныйСчет"
    types = parse_metadata(metadata(MODELS), wanted_types(found(payments=name)))
    whole, named, plain = (selection(SOURCES["payments"], name, types, [], way=way).split(",") for way in range(3))
    assert whole[0] == "**"
    assert "РасшифровкаПлатежа/ДоговорКонтрагента_Key" in whole
    assert {"Ref_Key", "СуммаДокумента", "ВалютаДокумента____Presentation"} <= set(named)
    assert set(named) - set(plain) == {"ВалютаДокумента____Presentation"}


_MEASURE = """
import resource, sys
from hub_onec.metadata import parse_metadata
content = sys.stdin.buffer.read()
parse_metadata(content[: content.index(b"<EntityType ")] + content[content.index(b"<EntityContainer") :], {"X"})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = parse_metadata(content, {"Catalog_Контрагенты"})
assert "ИНН" in found["Catalog_Контрагенты"]
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_real_size_is_read_without_keeping_it() -> None:
    """B-17."""
    content = metadata(MODELS, filler=4000)
    assert len(content) > 15_000_000
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE], input=content, capture_output=True, check=True, timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
    )  # fmt: skip
    assert int(done.stdout) < len(content)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_cut_metadata_is_never_taken_for_whole(share: float) -> None:
    """B-03."""
    content = metadata(MODELS)
    with pytest.raises(Unavailable):
        parse_metadata(content[: int(len(content) * share)], {"Catalog_Контрагенты"})


def test_foreign_xml_and_entities_are_refused() -> None:
    """B-04."""
    with pytest.raises(Unavailable, match="describes nothing"):
        parse_metadata(b"<error/>", {"Catalog_X"})
    with pytest.raises(Unavailable, match="DOCTYPE"):
        parse_metadata(b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', {"Catalog_X"})
