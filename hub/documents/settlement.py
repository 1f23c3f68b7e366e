"""Settlements: the reconciliation act (акт сверки) and the letter to a client who owes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from msgspec import Struct

from hub.config import Organisation
from hub.documents import words
from hub.documents.form import SAMPLE_CLIENT, Form, Letter, Values
from hub.documents.issued import Issued, common_values, covering, issue
from hub.documents.letters import as_mail, letter_values
from hub.documents.limits import Value
from hub.documents.lines import LIMIT, currency_mark, rounded
from hub.documents.parties import Party
from hub.model.errors import HubError
from hub.model.values import Money


class Turnover(Struct, frozen=True, omit_defaults=True):
    """One document between the sides: `debit` is what the client came to owe us, `credit` what was paid."""

    day: date
    text: str
    debit: Decimal = Decimal(0)
    credit: Decimal = Decimal(0)


class ReconciliationDraft(Struct, frozen=True, omit_defaults=True):
    """Turnover from `start` to `end`; a positive `opening` balance is owed to us."""

    client: Party
    start: date
    end: date
    rows: tuple[Turnover, ...] = ()
    opening: Decimal = Decimal(0)
    basis: str = ""
    currency: str = "RUB"


class Debt(Struct, frozen=True, omit_defaults=True):
    """One document that is overdue."""

    document: str
    due: date
    total: Decimal
    paid: Decimal = Decimal(0)


class DebtDraft(Struct, frozen=True, omit_defaults=True):
    """A letter about a debt; `step` 1 asks kindly, 2 insists, 3 is a claim before court."""

    client: Party
    debts: tuple[Debt, ...]
    pay_by: date
    step: int = 1
    contact: str = ""
    basis: str = ""
    manager: str = ""
    manager_phone: str = ""


def build_reconciliation(
    own: Organisation | None, draft: ReconciliationDraft, number: str, day: date
) -> Issued[ReconciliationDraft]:
    """Check the rows. Raises HubError for one outside the period, so that no turnover is counted twice."""
    if draft.end < draft.start:
        raise HubError(f"The period ends on {draft.end:%d.%m.%Y}, before it starts on {draft.start:%d.%m.%Y}.")
    for place, row in enumerate(draft.rows, 1):
        if not draft.start <= row.day <= draft.end:
            raise HubError(f"Row {place} of the reconciliation is of {row.day:%d.%m.%Y}, outside the period.")
        for amount in (row.debit, row.credit):
            _check(amount, f"Row {place} of the reconciliation")
    _check(draft.opening, "The opening balance")
    return issue(own, draft, number, day)


def _check(amount: Decimal, where: str) -> None:
    if not amount.is_finite() or not abs(amount) < LIMIT or amount != rounded(amount):
        raise HubError(f"{where}: sums are below 10^12 and in whole kopecks.")


def closing(draft: ReconciliationDraft) -> Decimal:
    """Return the balance at the end of the period; positive is owed to us."""
    return rounded(draft.opening + sum((row.debit - row.credit for row in draft.rows), Decimal(0)))


def reconciliation_values(issued: Issued[ReconciliationDraft]) -> dict[str, Value]:
    """Return the texts of a reconciliation; our half is filled in, theirs is left to them."""
    draft = issued.draft
    debit, credit, rows = Decimal(0), Decimal(0), []
    for row in sorted(draft.rows, key=lambda row: row.day):
        debit, credit = debit + row.debit, credit + row.credit
        rows.append(
            {
                "day": words.short_day(row.day),
                "text": row.text,
                "debit": _shown(row.debit),
                "credit": _shown(row.credit),
                "running": f"дебет {words.format_number(debit)}, кредит {words.format_number(credit)}",
            }
        )
    balance = closing(draft)
    return common_values(issued, "Акт сверки взаимных расчётов") | {
        "period": f"с {words.day_in_words(draft.start)} по {words.day_in_words(draft.end)}",
        "start_short": words.short_day(draft.start),
        "end_short": words.short_day(draft.end),
        "basis": draft.basis,
        "rows": list(rows),
        "opening_debit": _side(draft.opening),
        "opening_credit": _side(-draft.opening),
        "turnover_debit": words.format_number(debit),
        "turnover_credit": words.format_number(credit),
        "closing_debit": _side(balance),
        "closing_credit": _side(-balance),
        "conclusion": _conclusion(issued, balance),
        "currency": currency_mark(draft.currency),
    }


def _shown(amount: Decimal) -> str:
    return words.format_number(amount) if amount else ""


def _side(amount: Decimal) -> str:
    return words.format_number(amount) if amount > 0 else ""


def _conclusion(issued: Issued[ReconciliationDraft], balance: Decimal) -> str:
    draft = issued.draft
    start = f"По данным {issued.us.name} на {words.day_in_words(draft.end)} "
    if not balance:
        return f"{start}взаимная задолженность отсутствует."
    whose = issued.us.name if balance > 0 else draft.client.name
    amount = Money(abs(balance), draft.currency)
    return (
        f"{start}задолженность в пользу {whose} составляет {words.format_number(amount.amount)} "
        f"{currency_mark(draft.currency)} ({words.amount_in_words(amount)})."
    )


def reconciliation_letter(values: Values) -> Letter:
    """Ask for the signed copy back."""
    return covering(
        values,
        f"акт сверки взаимных расчётов за период {values['period']}",
        "Просим проверить его, подписать и вернуть нам один экземпляр. Если данные расходятся, сообщите нам об этом.",
    )


def build_debt(own: Organisation | None, draft: DebtDraft, number: str, day: date) -> Issued[DebtDraft]:
    """Check the debts. Raises HubError for one that is not overdue or is paid already."""
    if not draft.debts:
        raise HubError("A letter about a debt needs at least one overdue document.")
    if draft.step not in (1, 2, 3):
        raise HubError("`step` of a debt letter is 1, 2 or 3.")
    if draft.pay_by < day:
        raise HubError(f"The letter is dated {day:%d.%m.%Y} and would ask to pay before, by {draft.pay_by:%d.%m.%Y}.")
    for debt in draft.debts:
        _check(debt.total, f"{debt.document}")
        _check(debt.paid, f"{debt.document}")
        if debt.due >= day:
            raise HubError(f"{debt.document} is due on {debt.due:%d.%m.%Y} and not overdue on {day:%d.%m.%Y}.")
        if debt.paid < 0 or debt.paid >= debt.total:
            raise HubError(f"{debt.document} is paid: nothing is owed on it.")
    return issue(own, draft, number, day)


_DEMANDS: Mapping[int, tuple[str, str, str]] = {
    1: (
        "Напоминание об оплате",
        (
            "Возможно, платёж уже в пути — тогда не обращайте внимания на это письмо. Если нет, просим оплатить "
            "задолженность не позднее {until}"
        ),
        "Если с оплатой возникли трудности, позвоните нам: найдём решение.",
    ),
    2: (
        "Уведомление о задолженности",
        "Просим погасить задолженность не позднее {until}",
        (
            "Если у Вас есть возражения по сумме или документам, сообщите о них в тот же срок. К письму можем "
            "приложить акт сверки взаимных расчётов."
        ),
    ),
    3: (
        "Претензия",
        "Требуем погасить задолженность не позднее {until}",
        (
            "Если задолженность не будет погашена в указанный срок, мы будем вынуждены обратиться в арбитражный суд "
            "с требованием о взыскании долга, неустойки и судебных расходов."
        ),
    ),
}


def debt_values(issued: Issued[DebtDraft]) -> dict[str, Value]:
    """Return the texts of a debt letter with its table."""
    draft = issued.draft
    title, demand, end = _DEMANDS[draft.step]
    left = sum((debt.total - debt.paid for debt in draft.debts), Decimal(0))
    owed = f"{words.format_number(left)} руб. ({words.amount_in_words(Money(left))})"
    rows: list[Value] = [
        [debt.document, words.short_day(debt.due), str((issued.day - debt.due).days), words.format_number(debt.total),
         words.format_number(debt.paid), words.format_number(debt.total - debt.paid)]
        for debt in sorted(draft.debts, key=lambda debt: debt.due)
    ]  # fmt: skip
    under = f" ({draft.basis[:1].lower()}{draft.basis[1:]})" if draft.basis else ""
    return letter_values(
        issued, title, contact=draft.contact, manager=draft.manager, manager_phone=draft.manager_phone, official=True,
        before=[f"По состоянию на {words.day_in_words(issued.day)} Ваша задолженность{under} составляет {owed}:"],
        heads=["Документ", "Оплатить до", "Дней просрочки", "Сумма", "Оплачено", "Долг"], rows=rows,
        after=[demand.format(until=words.day_in_words(draft.pay_by)), end],
    ) | {"total": words.format_number(left), "until": words.day_in_words(draft.pay_by)}  # fmt: skip


FORMS = (
    Form(
        kind="reconciliation", title="Акт сверки взаимных расчётов", copies=2, needs_signature=True,
        draft=ReconciliationDraft, context=Issued[ReconciliationDraft], build=build_reconciliation,
        values=reconciliation_values, letter=reconciliation_letter,
        example=ReconciliationDraft(
            SAMPLE_CLIENT, date(2026, 7, 1), date(2026, 9, 30),
            (
                Turnover(date(2026, 7, 31), "Акт № 41 от 31.07.2026", debit=Decimal("12400.00")),
                Turnover(date(2026, 8, 12), "Платёжное поручение № 118 от 12.08.2026", credit=Decimal("17400.00")),
                Turnover(date(2026, 8, 31), "Акт № 47 от 31.08.2026", debit=Decimal("12400.00")),
                Turnover(date(2026, 9, 30), "Акт № 53 от 30.09.2026", debit=Decimal("12400.00")),
            ),
            Decimal("5000.00"), "Договор № 17/2026 от 01.02.2026",
        ),
    ),
    Form(
        kind="debt_letter", title="Письмо о задолженности", copies=2, look="letter",
        draft=DebtDraft, context=Issued[DebtDraft], build=build_debt, values=debt_values, letter=as_mail,
        example=DebtDraft(
            SAMPLE_CLIENT,
            (
                Debt("Акт № 47 от 31.08.2026", date(2026, 9, 15), Decimal("12400.00"), Decimal("2400.00")),
                Debt("Акт № 53 от 30.09.2026", date(2026, 10, 15), Decimal("12400.00")),
            ),
            date(2026, 12, 1), 2, "Ларина Мария Сергеевна", "Договор № 17/2026 от 01.02.2026",
            "Иванова Ольга Петровна", "+7 391 200-00-02",
        ),
    ),
)  # fmt: skip
