"""A client that others wrote for the real 1C reads from the stand-in: an independent check of its answers."""

from __future__ import annotations

from typing import Any

import pytest

http = pytest.importorskip("PyOData1C.http", reason="the client PyOData1C is not installed")

from pydantic import Field  # noqa: E402
from PyOData1C.exeptions import ResponseError  # noqa: E402
from PyOData1C.models import ODataModel  # noqa: E402
from PyOData1C.odata import OData, Q  # noqa: E402

from hub.testing.peers.onec import OneCServer  # noqa: E402
from hub.testing.peers.onec.samples import counterparty  # noqa: E402

CLIENTS = "Catalog_Контрагенты"


class Owner(ODataModel):
    """A counterparty behind a reference."""

    key: str = Field(alias="Ref_Key")
    name: str = Field(alias="Description")


class Contract(ODataModel):
    """A contract with its counterparty."""

    key: str = Field(alias="Ref_Key")
    title: str = Field(alias="Description")
    owner: Owner | None = Field(alias="Owner")
    nested_models = {"owner": Owner}  # noqa: RUF012 - that is how this client is told


class Clients(OData):
    database = "base"
    entity_model = Owner
    entity_name = CLIENTS


class Contracts(OData):
    database = "base"
    entity_model = Contract
    entity_name = "Catalog_ДоговорыКонтрагентов"


@pytest.fixture
def connection(server: OneCServer) -> Any:
    place = server.url.removeprefix("http://").partition("/")[0]
    login = http.auth.HTTPBasicAuth(server.user.encode(), server.password.encode())
    with http.Connection(place, "http", login) as opened:
        yield opened


@pytest.fixture
def keys(server: OneCServer) -> list[str]:
    return [server.base.add(CLIENTS, **counterparty(number)) for number in range(7)]


def test_it_reads_all_and_one(connection: Any, keys: list[str]) -> None:
    manager = Clients.manager(connection)
    assert {it.key for it in manager.all()} == set(keys)
    assert manager.get(keys[0]).name == "Ромашка 0 ООО"


def test_it_filters_and_pages(connection: Any, keys: list[str]) -> None:
    manager = Clients.manager(connection)
    assert [it.key for it in manager.filter(Q(key__eq__guid=keys[2])).all()] == [keys[2]]
    names = ["Ромашка 3 ООО", "Ромашка 4 ООО"]
    assert {it.name for it in Clients.manager(connection).filter(name__in=names).all()} == set(names)
    assert len(Clients.manager(connection).top(3).all()) == 3
    assert len(Clients.manager(connection).skip(5).all()) == 2


def test_it_expands_references(connection: Any, keys: list[str], server: OneCServer) -> None:
    server.base.add("Catalog_ДоговорыКонтрагентов", Description="Договор", Owner_Key=keys[1])
    server.base.add("Catalog_ДоговорыКонтрагентов", Description="Ничей")
    found = {it.title: it.owner for it in Contracts.manager(connection).expand("owner").all()}
    assert found["Договор"].name == "Ромашка 1 ООО"
    assert found["Ничей"] is None


def test_it_sees_refusals(connection: Any) -> None:
    with pytest.raises(ResponseError, match="Status: 404"):
        Clients.manager(connection).get("00000000-0000-0000-0000-000000000000")
