"""The 150 demands of the five documents the hub was made for, what answers each, and the tests that prove it.

`ROWS` says in a few words what is demanded and what kind of thing answers it. A row is proven when a built-in rule with
its scenario or a test names it (`S004-12` in the test, `s004_12` in its name). Nobody writes here that a row is done.
`WAITS` is read for rows that nothing proves, `PARTS` names what is missing of those that are proven in part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from hub.reminders import rules
from hub.yaml_text import load_file

ROOT = Path(__file__).parents[1]
SCENARIOS = ROOT / "tests" / "reminders" / "scenarios"
TESTS = ("tests/**/test_*.py", "plugins/*/tests/test_*.py")
COUNTS = {"S000": 24, "S001": 20, "S002": 48, "S003": 28, "S004": 30}
NOT_SOFTWARE = "not software"

_TEXT = """
S000-1  function      the card of a client: organisation, chief accountant, one manager
S000-2  report        growth of the base: renewed contracts and new clients by recommendation
S000-3  rule          every subscription contract is renewed
S000-4  rule          urgent and important tickets are under control until solved
S000-5  rule          no call is missed, on a day off neither
S000-6  rule          the client's promise to wait, and its term
S000-7  rule          a specialist stays in the evening or works on a day off
S000-8  rule          the specialist is replaced in time
S000-9  rule          hung tickets are planned
S000-10 rule          a call to each client at least once a week
S000-11 rule          the weekly call has its reasons before it
S000-12 rule          books are checked before reports are due
S000-13 rule          useful articles go to clients
S000-14 document      contracts, acts and invoices are right, delivered and back in time
S000-15 rule          a content client is asked for a recommendation
S000-16 rule          only when his tickets are solved
S000-17 function      three questions of a prospect are solved free of charge
S000-18 rule          then he is offered a contract
S000-19 calculation   30 roubles for a poll, 1000 polls
S000-20 calculation   or the sum of deals when it is more
S000-21 calculation   pay of a manager: share of the base, growth, half of the loss
S000-22 calculation   the worked example: 50 000
S000-23 function      who does not react is passed over to the head
S000-24 not software  requirements to candidates
S001-1  function      clients in all zones are called at their own time
S001-2  function      tickets come in and find their client
S001-3  report        money at risk: fee of those with open urgent and important tickets
S001-4  rule          a client with many or old unsolved tickets is at risk
S001-5  rule          the manager asks the client whether a closed ticket is solved
S001-6  rule          an urgent ticket goes by minutes: taken, assigned, started, solved
S001-7  rule          each cause of loss has its reminder
S001-8  rule          urgent work is over when the client is content
S001-9  rule          important tickets that are not begun, not finished or cancelled
S001-10 rule          the weekly call has exactly these three groups of tickets
S001-11 rule          long and complex tickets stay under control
S001-12 rule          no recommendation is asked for with a ticket open
S001-13 rule          only promoters are asked
S001-14 rule          each prospect has a day of the next contact
S001-15 function      his ticket is solved free of charge, counted, then a contract
S001-16 report        won against lost
S001-17 report        plan and fact of the number of clients: 100, 103, 106
S001-18 calculation   the worked example: 150 000
S001-19 calculation   negative growth: 70 000 and an alarm
S001-20 function      the office of the example is in Красноярск
S002-1  function      search by surname fills the fields
S002-2  function      several matches are told apart by further keys
S002-3  function      a person is added once, then changed
S002-4  function      a change in another place is shown before it is overwritten
S002-5  function      lists of people are imported
S002-6  function      from text, Word, Excel, the clipboard
S002-7  function      columns are mapped and the mapping is kept
S002-8  function      names between Latin and Russian letters
S002-9  function      full names are split and cleaned
S002-10 function      people of earlier orders are taken again
S002-11 function      imported people are bound to an order
S002-12 document      forms with fields of a directory
S002-13 function      values are translated by a dictionary that learns
S002-14 function      optional fields are chosen from options
S002-15 report        80 % of the revenue from 20 % of the clients
S002-16 rule          dates of firms and birthdays of people
S002-17 rule          who bought twice is a regular client
S002-18 rule          congratulations on holidays and birthdays
S002-19 function      mailings of news, of useful things, of greetings
S002-20 rule          readiness to recommend, 0 to 10, and why
S002-21 calculation   promoters 9–10, passives 7–8, critics 0–6
S002-22 report        the net index by week
S002-23 rule          the reasons of a critic are learnt and he is called
S002-24 rule          passives get interesting offers
S002-25 report        what clients say goes round the firm each week
S002-26 rule          cards are complete and up to date
S002-27 report        new, regular and repeat purchases
S002-28 report        cost of attraction against cost of retention
S002-29 function      refusals, returns and complaints have three questions
S002-30 report        solvency of a client: debts on his card
S002-31 rule          prolongation of contracts
S002-32 function      orders and payments come into the base
S002-33 rule          debts are reminded of
S002-34 rule          complaints are worked on and their causes counted
S002-35 report        invoices, payments, projects, campaigns
S002-36 function      competitors and what is known of them
S002-37 rule          invitations to events, with calls
S002-38 function      conflicts go up; who saw personal data is kept
S002-39 report        meetings a day against a norm
S002-40 rule          a day of calls, a day of meetings
S002-41 report        recommendations asked for and got
S002-42 rule          many meetings without a contract: who decides?
S002-43 report        one contract from ten prospects
S002-44 report        plan and fact of orders
S002-45 report        results of newcomers
S002-46 calculation   discounts by volume and term of payment
S002-47 function      stock, lead time, analogues
S002-48 not software  how many candidates come to interviews
S003-1  function      who bought is a client
S003-2  calculation   a share of purchases of satisfied clients
S003-3  rule          the greeting when a call is taken
S003-4  rule          a question about goods: sales react in a minute
S003-5  function      the card of a new caller
S003-6  function      the call is kept as an interaction with its fields
S003-7  function      who asks for a certain manager is put through
S003-8  rule          who asks for support is found and handed over
S003-9  rule          questions of cooperation: management calls back
S003-10 rule          payment starts the papers and the parcel
S003-11 document      the title page of the client's folder
S003-12 document      the contract in three copies
S003-13 document      the invoice in two copies
S003-14 rule          sales hand the folder over
S003-15 function      the check-list is filled in
S003-16 rule          what is wrong in the folder is told to two people
S003-17 rule          stamps and signatures are on all papers
S003-18 function      the courier: when, and ordered for the nearest time
S003-19 rule          the welcome call and the letter with our contacts
S003-20 rule          the check on the planned day of delivery
S003-21 function      box, book and key by product
S003-22 document      acts of handing over software and of works
S003-23 function      the parcel waits for the courier
S003-24 document      Приложение 1: ten lines, who and when
S003-25 rule          a poll every two weeks, three aspects
S003-26 rule          a satisfied client writes a recommendation
S003-27 rule          a complaint reaches the head at fault and the director at once
S003-28 rule          broken terms of delivery are our matter
S004-1  function      catalogue with stock, cost and price
S004-2  function      clients and offers of each manager
S004-3  rule          a calendar of reminders of each object
S004-4  calculation   works and forecast profit of an offer
S004-5  document      works for the installers, objects in work
S004-6  function      goods beyond the offer and warranty goods
S004-7  rule          tasks from heads
S004-8  function      working time
S004-9  rule          each hour of the probation in the diary
S004-10 rule          a call that rings 15 seconds is intercepted
S004-11 rule          what to say when taking it
S004-12 rule          how the client found us
S004-13 function      what the client sends lies in the object's folder
S004-14 rule          an object has the day of its first control call
S004-15 document      the offer as an Excel file
S004-16 rule          receipt of the offer is confirmed, then the decision
S004-17 rule          the next call is set after each answer
S004-18 rule          after a refusal in a year
S004-19 rule          agreement: contract, prepayment, invoice
S004-20 rule          start and end of works, the offer becomes a contract
S004-21 report        dates and sums received
S004-22 rule          a request to purchasing before the start
S004-23 rule          all that was shipped stands in the offer
S004-24 rule          wishes: the engineer knows, an additional offer
S004-25 rule          three conditions of closing an object
S004-26 calculation   the bonus by type of object
S004-27 function      a sketch of the site, a step is 0.7 m
S004-28 function      photos of the visit
S004-29 function      folders of the object for photos and papers
S004-30 not software  pay of a vacancy
"""
ROWS: Mapping[str, tuple[str, str]] = {
    row: (kind, words) for row, kind, words in re.findall(r"^(S\d+-\d+) +(not software|\w+) +(.+)$", _TEXT, re.M)
}
"""Row → the kind of its answer and what is demanded."""

WAITS: Mapping[str, str] = {
    "S002-28": "figures of spending, which no source brings yet",
    "S002-44": "plans of orders, which no source brings yet",
    "S003-6": "the page: a call is kept with its fields while one talks",
    "S003-18": "the connection to couriers",
}
"""What rows wait for that nothing proves; one that is proven meanwhile is taken as proven."""
DEFAULT_WAIT = "a test that names the row"
PARTS: Mapping[str, str] = {
    "S004-10": "the rule stands; the telephone exchange does not yet tell of ringing calls while they ring",
}
"""Rows that are proven in part, and what is missing."""


def is_row(text: str) -> bool:
    """Tell whether there is such a row."""
    document, _, number = text.partition("-")
    return document in COUNTS and number.isdigit() and 1 <= int(number) <= COUNTS[document]


_NAMED = re.compile(r"""[Ss](00[0-4])[-_](\d+)((?:(?:,[ ]|[ ]?…[ ]?)(?:S\1-)?\d{1,2}(?=[,;.:…\s)"']))*)""")


def rows_in(text: str) -> Iterator[str]:
    """Yield the rows a text names: `S000-5`, `s000_5`, `S004-16…18`, `S003-11, 12, 24;`."""
    for document, first, rest in _NAMED.findall(text):
        last = int(first)
        numbers = [last]
        for sign, each in re.findall(r"(,|…)[ ]?(?:S00\d-)?(\d+)", rest):
            numbers += range(last + 1, int(each) + 1) if sign == "…" else [int(each)]
            last = int(each)
        yield from (row for row in (f"S{document}-{number}" for number in numbers) if is_row(row))


def proving_tests() -> dict[str, list[str]]:
    """Return the tests that name a row, by row, as `module::test`."""
    found: dict[str, list[str]] = {}
    for file in sorted(path for pattern in TESTS for path in ROOT.glob(pattern)):
        text = file.read_text(encoding="utf-8")
        if "s00" not in text.casefold() or file.name == "test_seeds.py":
            continue
        for part in re.split(r"\n(?=@|(?:    )?(?:async )?def test_|class )", text):
            name = re.search(r"def (test_\w+)", part)
            for row in dict.fromkeys(rows_in(part)) if name else ():
                found.setdefault(row, []).append(f"{file.stem}::{name[1]}" if name else "")
    return found


def answering_rules() -> dict[str, list[str]]:
    """Return the built-in rules that answer a row, by row. Raises SystemExit when one has no scenario."""
    found: dict[str, list[str]] = {}
    for file in sorted(rules.BUILTIN.glob("*.yaml")):
        if not (SCENARIOS / f"{file.stem}.jsonl").is_file():
            raise SystemExit(f"{file.name} has no scenario: nothing proves it.")
        for rule in rules.read_rules(load_file(file)):
            for row in rule.seeds:
                found.setdefault(row, []).append(rule.id)
    return found


def states() -> dict[str, tuple[list[str], list[str], str]]:
    """Return rules, tests and state of each row."""
    answers, tests = answering_rules(), proving_tests()
    found = {}
    for row, (kind, _) in ROWS.items():
        proofs = answers.get(row, []), tests.get(row, [])
        if kind == NOT_SOFTWARE:
            state = NOT_SOFTWARE
        elif not any(proofs):
            state = f"waits for {WAITS.get(row, DEFAULT_WAIT)}"
        else:
            state = f"in part: {PARTS[row]}" if row in PARTS else "proven"
        found[row] = (*proofs, state)
    return found
