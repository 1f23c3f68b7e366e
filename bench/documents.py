"""The end of a month: invoices and acts of many contracts, issued by `hub document month` into a fresh store.

Documents per second are of wall time with everything durable: number, PDF/A, Word file, hash, audit and event of each.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Cost, Failed, run
from bench.report import DOCUMENTS_BEGIN, DOCUMENTS_END, Verdict, budget, markdown, write_between

CONTRACTS = 5000
"""What the page stands for: `python -m bench --documents --contracts 5000`."""
USUAL = 1000
"""What is measured without being asked for more."""
SMALL = 250
"""Memory at this size is compared with memory at the full one."""
LEAST_PER_CPU_SECOND = 8.0
"""Of the whole process tree: seconds on the clock depend on who else is at work on the machine."""
MEMORY_MB = 300.0
GROWTH = 1.5
"""What is planned is held as a whole, a few kilobytes for each contract."""
_CONFIG = """\
zone: Asia/Krasnoyarsk
store: sqlite:///hub.db
organisation:
  name: ООО «Пример»
  inn: "2465000007"
  kpp: "246501001"
  address: 660000, г. Красноярск, ул. Примерная, д. 1
  director: Соколова А. Б.
  bank: {name: ПАО СБЕРБАНК, bic: "044525225", account: "40702810138250123017", corr_account: "30101810400000000225"}
  vat_rate: "22"
"""


@dataclass(frozen=True)
class Figure:
    """What one pass over so many contracts took."""

    contracts: int
    what: str
    documents: int
    cost: Cost

    @property
    def per_second(self) -> float:
        """Return documents for each second of wall time."""
        return self.documents / self.cost.wall

    @property
    def per_cpu_second(self) -> float:
        """Return documents for each second of CPU."""
        return self.documents / self.cost.cpu


def measure(contracts: int = USUAL) -> list[Figure]:
    """Make the end of a month for few and for all contracts; print each pass."""
    found: list[Figure] = []
    for count in dict.fromkeys((min(SMALL, contracts), contracts)):
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
            for figure in _passes(Path(folder), count):
                found.append(figure)
                cost = figure.cost
                speed = f", {figure.per_second:.1f} a second" if figure.documents else ""
                print(f"documents  {count:6} {figure.what:8} {figure.documents:6} in {cost.wall:.1f} s, "
                      f"{cost.cpu:.1f} s CPU, {cost.peak_mb:.0f} MB{speed}", flush=True)  # fmt: skip
    return found


def _passes(folder: Path, contracts: int) -> Iterator[Figure]:
    (folder / "hub.yaml").write_text(_CONFIG, encoding="utf-8")
    (folder / "log.jsonl").write_text("\n".join(_facts(contracts)), encoding="utf-8")
    _run(folder, "init")
    _run(folder, "event", "import", str(folder / "log.jsonl"))
    month = ("--now", "2026-12-01T10:00+07:00", "document", "month", "--month", "2026-11", "--json")
    cost = _run(folder, *month)
    issued = int(json.loads(cost.output)["issued"])
    if issued != 2 * contracts:
        raise Failed(f"{issued} documents were issued for {contracts} contracts")
    files = sum(1 for it in (folder / "documents").iterdir() if it.suffix in (".pdf", ".docx"))
    if files != 2 * issued:
        raise Failed(f"{files} files lie there for {issued} documents")
    yield Figure(contracts, "month", issued, cost)
    again = _run(folder, *month)
    if json.loads(again.output)["issued"]:
        raise Failed("the second run issued something again")
    yield Figure(contracts, "again", 0, again)


def _facts(contracts: int) -> Iterator[str]:
    def line(kind: str, key: int, data: dict[str, object]) -> str:
        name = f"{kind}/{key}"
        return json.dumps({"id": name, "source": "b", "type": f"{kind}.observed", "subject": name, "data": data})

    for number in range(1, contracts + 1):
        yield line("client", number, {
            "name": f"Школа № {number}", "full_name": f"МБОУ «Средняя школа № {number}»", "inn": _inn(number),
            "kpp": "246601001", "status": "client",
            "points": [{"type": "address", "value": f"660001, г. Красноярск, ул. Школьная, д. {number}"}],
        })  # fmt: skip
        yield line("contract", number, {
            "number": f"{number}/2026", "client": {"kind": "client", "external_id": str(number)}, "date": "2026-02-01",
            "fee": {"amount": str(5000 + number), "currency": "RUB"},
        })  # fmt: skip


def _inn(number: int) -> str:
    """Return an ИНН with right check digits."""
    nine = f"2466{number:05d}"
    weights = (2, 4, 10, 3, 5, 9, 4, 6, 8)
    return nine + str(sum(weight * int(digit) for weight, digit in zip(weights, nine, strict=True)) % 11 % 10)


def _run(folder: Path, *arguments: str) -> Cost:
    command = [
        sys.executable,
        "-c",
        "from hub.cli import main; main()",
        "--config",
        str(folder / "hub.yaml"),
        *arguments,
    ]
    return run(command, folder=folder, environment=dict(os.environ))


def verdicts(figures: Sequence[Figure]) -> Iterator[Verdict]:
    """Compare with the budget."""
    months = [it for it in figures if it.what == "month"]
    full = months[-1]
    least, speed = f"at least {LEAST_PER_CPU_SECOND:.0f}", full.per_cpu_second
    yield Verdict("month end, documents for a second of CPU", f"{speed:.1f}", least, speed >= LEAST_PER_CPU_SECOND)
    peak = full.cost.peak_mb
    yield Verdict("month end, peak memory", f"{peak:.0f} MB", f"at most {MEMORY_MB:.0f} MB", peak <= MEMORY_MB)
    if len(months) > 1:
        few = months[0].cost.peak_mb
        words = f"{few:.0f} → {peak:.0f} MB"
        yield Verdict(f"month end, memory from {months[0].contracts} to {full.contracts} contracts", words,
                      f"at most × {GROWTH}", peak <= GROWTH * few)  # fmt: skip


def write_section(figures: Sequence[Figure], found: Sequence[Verdict]) -> None:
    """Put the figures between their markers of the page."""
    head = ("contracts", "run", "documents", "wall, s", "CPU, s", "peak MB", "a second", "a second of CPU")
    rows = [
        (f"{it.contracts:,}", {"month": "first", "again": "again, nothing to do"}[it.what], f"{it.documents:,}",
         f"{it.cost.wall:.1f}", f"{it.cost.cpu:.1f}", f"{it.cost.peak_mb:.0f}",
         f"{it.per_second:.1f}" if it.documents else "–", f"{it.per_cpu_second:.1f}" if it.documents else "–")
        for it in figures
    ]  # fmt: skip
    write_between(DOCUMENTS_BEGIN, DOCUMENTS_END, f"{markdown(head, rows)}\n\n{budget(found)}")
