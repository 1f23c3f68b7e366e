"""Tables on the terminal: one text that is far too long spoils neither its line nor the others."""

from __future__ import annotations

import pytest

from hub.cli.app import print_table, width_of


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("long", range(4))
def test_a_long_text_in_any_column_is_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int, long: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    row = ["cl0123456789abcd", "Ромашка", "client", "Иванова"]
    spoilt = [text if place != long else "н" * 10_000 for place, text in enumerate(row)]
    print_table(("id", "name", "status", "manager"), [row, spoilt], grow=1)
    shown = capsys.readouterr().out
    widths = [width_of(line) for line in shown.splitlines()]
    assert max(widths) <= max(columns, 63), "a terminal of 40 columns is too narrow for ids: they stay whole"
    assert "cl0123456789abcd" in shown
    assert "…" in shown


def test_a_table_that_fits_is_not_cut(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_table(("a", "b"), [("x" * 39, "y" * 39)], grow=0)
    assert capsys.readouterr().out.splitlines()[1] == "x" * 39 + "  " + "y" * 39
