# ruff: noqa: E501 tables of cases read better in one line each
"""B-06: the configuration as people write it wrong; each error names file, line and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab import HEAD

from hub.config import load_config
from hub.model.errors import SettingsError

GOOD = HEAD.format(store="sqlite:///hub.db")


def _load(tmp_path: Path, text: str | bytes) -> object:
    path = tmp_path / "hub.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(path)


@pytest.mark.parametrize(("text", "says"), [
    ("zone: Asia/Krasnoyarsk\nzonne: x\n", "hub.yaml:2: unknown key 'zonne'. Did you mean 'zone'?"),
    ("zone: Asia/Krasnojarsk\n", "hub.yaml:1: zone: write a zone such as"),
    ("language: de\n", "hub.yaml:1: language"),
    ("workers: viele\n", "hub.yaml:1: workers"),
    ("workers: 99\n", "hub.yaml:1: workers"),
    ("zone: UTC\nzone: UTC\n", "hub.yaml:2: the key 'zone' stands twice"),
    ("zone:\n\t- x\n", "hub.yaml:2"),
    ("a: &a [1]\nb: *a\n", "aliases"),
    ("a: &a [*a]\n", "aliases"),
    ("a: &a {b: 1}\nc: {<<: *a}\n", "hub.yaml:2"),
    ("zone: !!python/object:os.system x\n", "hub.yaml:1: tag"),
    ("zone: [\n", "hub.yaml:"),
    ("[" * 3000, "hub.yaml"),
    ("- a\n- b\n", "hub.yaml:1: a mapping of settings is expected"),
    ("connections: [a]\n", "hub.yaml:1: a mapping of name to connection"),
    ("connections:\n  a: 7\n", "hub.yaml:2: a mapping with at least `connector:`"),
    ("connections:\n  a: {}\n", "hub.yaml:2: `connector:` is missing"),
    ("connections:\n  a b: {connector: onec}\n", "hub.yaml:2: use letters"),
    ("connections:\n  a: {connector: onec, every: often}\n", "hub.yaml:2: connections.a.every: write a duration"),
    ("connections:\n  a:\n    connector: onec\n    vanish_limit: 7\n", "hub.yaml:4: connections.a.vanish_limit"),
    ("employees:\n  - {id: a, name: А, rolle: x}\n", "hub.yaml:2: unknown key 'rolle'. Did you mean 'role'?"),
    ("employees:\n  - {id: a}\n", "hub.yaml:2: employees.0.name: `name:` is missing"),
    ("employees:\n  - {id: a, name: А}\n  - {id: a, name: Б}\n", "hub.yaml:3: the employee id 'a' stands twice"),
    ("employees:\n  - {id: petrov, name: А}\n  - {id: b, name: Б, head: petrow}\n", "hub.yaml:3: no employee has the id 'petrow'. Did you mean 'petrov'?"),
    ("organisation: {name: x, inn: 2465000001}\n", "hub.yaml:1: organisation.inn: the check digits"),
    ("organisation: {name: x, inn: 2465000007, kpp: 24650100}\n", "hub.yaml:1: organisation.kpp"),
    ("organisation:\n  name: x\n  inn: 2465000007\n  bank: {name: b, bic: 044525225, account: 40702810138250123018, corr_account: 30101810400000000225}\n",
     "hub.yaml:4: the account does not fit"),
    ("zone: 'Красноярск\n".encode("cp1251"), "hub.yaml: not UTF-8 at byte 7"),
    (b"\xff\xfe" + "zone: UTC".encode("utf-16-le"), "not UTF-8"),
    (b"zone: U\0TC\n", "hub.yaml"),
    (b"\x00\x01\x02" * 1000, "hub.yaml"),
    (b"#" * (2 * 1024 * 1024), "larger than"),
])  # fmt: skip
def test_mistake_is_named_with_its_place(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        _load(tmp_path, text)
    assert says in str(caught.value)


def test_scalars_stay_what_was_written(tmp_path: Path) -> None:
    """L29: КПП with a leading zero, `no`, 12:30."""
    text = "organisation: {name: no, inn: 2465000007, kpp: 046501001, phone: 12:30:00}\nemployees:\n  - {id: 007, name: on, mail: ~}\n"
    with pytest.raises(SettingsError, match=r"hub.yaml:3"):
        _load(tmp_path, text)
    model = _load(tmp_path, text.replace(", mail: ~", "")).model  # type: ignore[attr-defined]
    assert (model.organisation.name, model.organisation.kpp, model.organisation.phone) == (
        "no",
        "046501001",
        "12:30:00",
    )
    assert (model.employees[0].id, model.employees[0].name) == ("007", "on")


@pytest.mark.parametrize("text", ["", "\n", "# only a remark\n", "\ufeffzone: UTC\n", GOOD, GOOD + "connections:\n"])
def test_good_twins_pass(tmp_path: Path, text: str) -> None:
    _load(tmp_path, text)


@pytest.mark.parametrize("name", ["absent.yaml", "."])
def test_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=r"hub init|absent|directory"):
        load_config(tmp_path / name)
