"""Letters that are taken in while something goes wrong: nothing is lost, nothing is made twice, nothing half."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from letters_firm import SUPPORT, Firm

from hub import letters


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", ["enter", "set_meta"])
def test_killed_while_a_letter_is_taken_in_it_is_taken_in_once(
    supported: Firm, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    supported.mail()
    supported.mail("Ещё одна просьба.", minute=1)

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(letters, step, die)
        with pytest.raises(Killed):
            supported.sync()
    assert supported.rows("ticket") == []
    assert len(supported.rows("message")) == 3, "the letters are stored before they are looked at"
    supported.sync()
    assert supported.happened() == ["ticket.created", "ticket.created"]


def test_two_mailboxes_with_one_letter_at_the_same_time_make_one_ticket(anywhere: Firm) -> None:
    anywhere.configure(SUPPORT)
    for number in range(5):
        for folder in ("INBOX", "Second"):
            anywhere.mail(f"Просьба {number}", identifier=f"<same-{number}@client.example>", folder=folder)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(anywhere.sync, ("office", "second")))
    assert len(anywhere.rows("ticket")) == 5
    assert anywhere.rows("comment") == []
    assert anywhere.problems() == []
