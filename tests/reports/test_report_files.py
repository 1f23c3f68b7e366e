"""A report as people and scripts get it: text of 80 columns, JSON, a workbook, a picture."""

from __future__ import annotations

import io
import json
import struct
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result
from small_firm import NOW, ZONE, Firm, local

from hub.cli import cli
from hub.model.entries import Survey
from hub.model.errors import HubError
from hub.reports.picture import drawing, png
from hub.reports.report import Chart, Column, Report, shown, summed
from hub.reports.workbook import xlsx
from hub.store.database import Store

COLUMNS = (
    Column("client", "Клиент"), Column("day", "День", "day"), Column("paid", "Оплачено", "money", is_summed=True),
    Column("part", "Доля", "share"), Column("count", "Число", "number", is_summed=True),
)  # fmt: skip
ROWS = (
    ('=HYPERLINK("http://example.ru";"x")', date(2026, 11, 1), Decimal("20000.50"), Decimal("0.3333"), 3),
    ("+7 391 200-00-00", None, Decimal(-10), None, 4),
    ("@sum", date(2026, 11, 3), Decimal(0), Decimal(1), 0),
    ("-1+1\x00", date(2026, 11, 4), None, Decimal(0), None),
)
REPORT = Report(
    name="x", title="Пример", period="ноябрь 2026", columns=COLUMNS, rows=ROWS, totals=summed(COLUMNS, ROWS),
    chart=Chart("client", bars=("paid",), lines=("part",)), notes=("=1+1",),
)  # fmt: skip


@pytest.mark.parametrize(("cell", "kind", "text"), [
    (Decimal(20_000), "money", "20 000 ₽"), (Decimal("-0.5"), "money", "−0,50 ₽"),
    (Decimal("0.333"), "share", "33,3 %"),
    (Decimal(1), "share", "100 %"), (date(2026, 11, 5), "day", "05.11.2026"), (NOW, "moment", "22.11.2026 10:00"),
    (1234, "number", "1 234"), (Decimal("7.25"), "number", "7,3"), (None, "money", "—"), (None, "text", ""),
])  # fmt: skip
def test_cells_read_as_people_write_them(cell, kind, text) -> None:
    assert shown(cell, kind, ZONE).replace("\N{NO-BREAK SPACE}", " ") == text


def test_workbook_has_typed_cells_and_totals_with_stored_values() -> None:
    content = xlsx(REPORT, ZONE, NOW)
    values = openpyxl.load_workbook(io.BytesIO(content), data_only=True)["Отчёт"]
    formulas = openpyxl.load_workbook(io.BytesIO(content))["Отчёт"]
    assert (values["A1"].value, values["A2"].value) == ("Пример", "ноябрь 2026")
    assert [cell.value for cell in values[4]] == ["Клиент", "День", "Оплачено", "Доля", "Число"]
    assert (values["C5"].value, values["D5"].value, values["B5"].value.date()) == (20000.5, 0.3333, date(2026, 11, 1))
    assert (formulas["C9"].value, values["C9"].value) == ("=SUM(C5:C8)", 19990.5)
    assert (formulas["E9"].value, values["E9"].value, values["D9"].value) == ("=SUM(E5:E8)", 7, None)
    assert "₽" in formulas["C5"].number_format
    assert len(formulas._charts) == 1


def test_workbook_has_room_for_its_sums_and_headings() -> None:
    """A sum too wide for its column is shown as ###, a heading of two lines is cut, 97 of 96 is no 1.01041667."""
    columns = (Column("m", "Месяц"), Column("sum", "Долг", "money"), Column("each", "Стали постоянными", "number"))
    made = Report(name="x", title="П", period="п", columns=columns, rows=(("ноя", Decimal(82950), Decimal(97) / 96),))
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx(made, ZONE, NOW)))["Отчёт"]
    assert sheet.column_dimensions["B"].width >= len("82 950,00 ₽") + 1
    assert sheet.row_dimensions[4].height >= 30
    assert sheet["C5"].number_format == "#,##0.0#"


def test_text_from_outside_is_never_a_formula() -> None:
    """L33, S-08."""
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx(REPORT, ZONE, NOW)))["Отчёт"]
    assert [sheet.cell(row, 1).data_type for row in range(5, 9)] == ["s"] * 4
    assert [sheet.cell(row, 1).value for row in (5, 6, 7)] == [row[0] for row in ROWS[:3]]
    notes = [cell for row in sheet.iter_rows() for cell in row if cell.value == "=1+1"]
    assert [cell.data_type for cell in notes] == ["s"]


@pytest.mark.parametrize(("text", "cell"), [
    ("н" * 40_000, "н" * 32_766 + "…"), ("н" * 32_767, "н" * 32_767), ("a\x00b\x1b[2J\ud800", "a b [2J "),
    ("https://x.example", "https://x.example"),
], ids=["long", "fits", "control", "address"])  # fmt: skip
def test_any_text_fits_into_its_cell_or_is_cut_visibly(text: str, cell: str) -> None:
    """L34, L35: the library would leave the cell out, or fail."""
    rows = ((text, None, None, None, None),)
    report = Report(name="x", title="П", period="", columns=COLUMNS, rows=rows)
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx(report, ZONE, NOW)))["Отчёт"]
    assert (sheet["A5"].value, sheet["A5"].hyperlink) == (cell, None)


def test_the_same_report_gives_the_same_workbook() -> None:
    assert xlsx(REPORT, ZONE, NOW) == xlsx(REPORT, ZONE, NOW)


def test_picture_is_a_small_png_and_holds_the_figures() -> None:
    content = png(REPORT, ZONE)
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", content[16:24])
    assert 700 <= width <= 900
    assert 200 <= height <= 700
    assert len(content) < 60_000
    drawn = drawing(REPORT, ZONE)
    assert drawn["ticks"][0]["part"] == 0
    assert [it["words"] for it in drawn["ticks_right"]][-1].startswith("100")
    assert drawn["series"][0]["parts"][0] > drawn["series"][0]["parts"][1]
    assert drawn["series"][1]["parts"] == [0.3333, None, 1.0, 0.0]


def test_picture_of_nothing_is_refused_with_a_way_out() -> None:
    with pytest.raises(HubError, match="is empty"):
        png(Report(name="x", title="П", period="", columns=COLUMNS, rows=(), chart=REPORT.chart), ZONE)
    with pytest.raises(HubError, match="has no chart"):
        png(Report(name="x", title="П", period="", columns=COLUMNS, rows=ROWS), ZONE)


@pytest.fixture
def office(sqlite_url: str, tmp_path: Path, made_file: Path) -> Path:
    """A configuration with a store in which one client pays."""
    import shutil

    shutil.copyfile(made_file, tmp_path / "hub.db")
    (tmp_path / "hub.db").chmod(0o600)
    (tmp_path / "hub.yaml").write_text(
        "zone: Asia/Krasnoyarsk\nstore: sqlite:///hub.db\n"
        "employees:\n  - {id: ivanova, name: Иванова Мария Сергеевна}\n",
        encoding="utf-8",
    )
    store = Store(f"sqlite:///{tmp_path / 'hub.db'}")
    firm = Firm(store)
    firm.client("a", name="МБОУ «Средняя общеобразовательная школа № 5 имени полярных лётчиков»\x1b[31m")
    firm.subscription("a", 250_000, "2026-11-05")
    store.close()
    return tmp_path


def hub(office: Path, *words: str) -> Result:
    arguments = ["--config", str(office / "hub.yaml"), "--now", "2026-11-22T10:00", "report", *words]
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def test_tables_fit_80_columns_and_show_no_control_characters(office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("growth", "moves", "pay", "list"):
        done = hub(office, name)
        assert done.exit_code == 0, done.output
        assert max(map(len, done.output.splitlines())) <= 80, done.output
        assert "\x1b" not in done.output
    assert "МБОУ «Средняя" in hub(office, "moves").output


def test_json_has_raw_values_under_stable_keys(office: Path) -> None:
    found = json.loads(hub(office, "moves", "--json").stdout)
    assert (found["report"], found["period"], found["rows"][0]["fee"]) == (
        "moves", "с 01.11.2026 по 22.11.2026", "250000"
    )  # fmt: skip
    assert [it["key"] for it in found["columns"]] == list(found["rows"][0])
    assert set(found) == {"report", "title", "period", "columns", "rows", "totals", "notes"}


def test_nps_goes_down_to_the_answers_of_a_week_and_a_client(office: Path) -> None:
    store = Store(f"sqlite:///{office / 'hub.db'}")
    firm = Firm(store)
    client = firm.client("b", inn="2465000007")
    firm.put(Survey(score=4, reason="долго", answered=local("2026-11-17T10:00"), employee="ivanova"), client="b")
    store.close()
    for words in (["--week", "2026-11-18"], ["--week", "2026-W47"], ["--client", client], ["--client", "2465000007"]):
        assert [it["reason"] for it in json.loads(hub(office, "nps", *words, "--json").stdout)["rows"]] == ["долго"]
    assert json.loads(hub(office, "nps", "--week", "2026-11-10", "--json").stdout)["rows"] == []
    weeks = json.loads(hub(office, "nps", "--employee", "Иванова Мария Сергеевна", "--json").stdout)
    assert weeks["rows"][-1]["nps"] == "-100"
    assert "no day such as" in hub(office, "nps", "--week", "later").output
    with pytest.raises(HubError, match="no client"):
        hub(office, "nps", "--client", "nobody")


def test_days_are_days_or_months_and_both_ends_are_inside(office: Path) -> None:
    def period(*words: str) -> str:
        return str(json.loads(hub(office, "moves", *words, "--json").stdout)["period"])

    assert period("--from", "2026-10", "--to", "2026-10") == "октябрь 2026"
    assert period("--from", "2026-10-05", "--to", "2026-11") == "с 05.10.2026 по 30.11.2026"
    assert period("--to", "2026-10-31") == "октябрь 2026"
    assert period("--from", "2026-11-22") == "на 22.11.2026"


@pytest.mark.parametrize(("words", "told"), [
    (["moves", "--from", "soon"], "no day such as 2026-11-01"), (["moves", "--from", "2026-13"], "no month such as"),
    (["moves", "--from", "2026-11-05", "--to", "2026-11-04"], "is before"), (["moves", "--from", "1900-01"], "twenty"),
    (["pay", "--employee", "nobody"], "no employee is called 'nobody'"), (["nothing"], "No such command"),
    (["moves", "--from", "0001-01-01"], "beyond 1990"),
])  # fmt: skip
def test_wrong_usage_is_explained(office: Path, words: list[str], told: str) -> None:
    done = hub(office, *words)
    assert (done.exit_code, told in done.output) == (2, True), done.output


def test_files_are_written_whole_and_the_table_is_left_out(office: Path) -> None:
    done = hub(office, "growth", "--xlsx", str(office / "r.xlsx"), "--png", str(office / "r.png"))
    assert (done.exit_code, done.stdout) == (0, "")
    assert (office / "r.png").read_bytes().startswith(b"\x89PNG")
    assert openpyxl.load_workbook(office / "r.xlsx")["Отчёт"]["A1"].value == "Прирост базы клиентов"
    with pytest.raises(HubError, match="cannot be written"):
        hub(office, "growth", "--xlsx", str(office / "none" / "r.xlsx"))
