"""S004-13: what a client sends by mail lies in the folder of his object, once and by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from letters_firm import NOW, Firm

from hub.connections import Hub
from hub.daemon import handlers_of
from hub.letter_files import letter_files
from hub.object_files import keep_new
from hub.tools import SystemClock

PLAN = (("план дома.pdf", b"%PDF-1.4 plan " * 300),)
SKETCH = (("план дома.pdf", b"%PDF-1.4 other " * 300),)


def looks(firm: Firm) -> list[str]:
    """Look through the letters that came, as the daemon does; return the names of what was kept."""
    with letter_files(firm.hub) as get:
        return [path.name for path in keep_new(firm.store, firm.hub.config, get, now=firm.hub.clock.now())]


def lies(firm: Firm) -> dict[str, bytes]:
    """Return what lies in the folders of objects, by object and name."""
    found = firm.folder.glob("objects/*/ТЗ_от_Клиента/*")
    return {f"{path.parts[-3].rpartition(' ')[0]}/{path.name}": path.read_bytes() for path in sorted(found)}


@pytest.fixture
def site(firm: Firm) -> Firm:
    """A client with one object."""
    return with_object(firm, "Дом на Лесной")


def with_object(firm: Firm, name: str) -> Firm:
    if not firm.rows("client"):
        firm.knows()
    firm.ok("project", "new", "--client", "Школа № 5", "--name", name, "--next-call", "завтра")
    return firm


def test_files_of_the_client_lie_in_the_folder_of_his_only_object(site: Firm) -> None:
    site.takes("Посылаем план.", files=PLAN)
    assert looks(site) == ["план дома.pdf"]
    assert lies(site) == {"Дом на Лесной/план дома.pdf": PLAN[0][1]}
    assert looks(site) == []
    (kept,) = site.folder.glob("objects/*/ТЗ_от_Клиента/*")
    kept.unlink()
    assert looks(site) == [], "what a person removed stays away"
    site.takes("Исправили.", files=PLAN, minute=5)
    site.takes("И ещё раз.", files=SKETCH, minute=6)
    looks(site)
    assert set(lies(site)) == {"Дом на Лесной/план дома.pdf", "Дом на Лесной/план дома (2).pdf"}


def test_of_several_objects_the_subject_says_which(site: Firm) -> None:
    with_object(site, "Гараж")
    site.takes("Вот.", files=PLAN, subject="Re: дом на лесной, план")
    site.takes("Вот.", files=SKETCH, subject="план", minute=1)
    looks(site)
    assert lies(site) == {"Дом на Лесной/план дома.pdf": PLAN[0][1]}
    site.ok("project", "refuse", "Гараж")
    told = site.ok("project", "file", "Дом на Лесной", "--letters")
    assert told.count("план дома") == 2
    assert len(lies(site)) == 2


def test_letters_of_others_of_machines_and_of_long_ago_are_left(site: Firm) -> None:
    site.takes("Реклама", files=PLAN, sender="x@stranger.example")
    site.takes("Нет на месте", files=PLAN, Auto_Submitted="auto-replied", minute=1)
    site.takes("Ответ наш", files=PLAN, sender="orlov@example.com", to="belova@client.example", folder="Sent")
    assert looks(site) == []
    site.ok("project", "refuse", "Дом на Лесной")
    site.takes("После отказа", files=PLAN, minute=2)
    assert (looks(site), lies(site)) == ([], {})


def test_what_came_before_the_object_was_entered_is_his_for_two_weeks(firm: Firm) -> None:
    firm.knows()
    firm.takes("Хотим видеонаблюдение, план здесь.", files=PLAN)
    assert looks(firm) == []
    with_object(firm, "Дом на Лесной")
    assert looks(firm) == ["план дома.pdf"]


def test_a_person_says_from_which_day(firm: Firm) -> None:
    firm.knows()
    firm.takes("План", files=PLAN)
    done = firm.call("project", "new", "--client", "Школа № 5", "--name", "Дом", "--next-call", "2026-07-02",
                     now=NOW + timedelta(days=40))  # fmt: skip
    assert done.exit_code == 0, done.output
    later = {"now": NOW + timedelta(days=40)}
    assert "план" not in firm.call("project", "file", "Дом", "--letters", **later).output
    assert "план" in firm.call("project", "file", "Дом", "--letters", "--since", "2026-05-01", **later).output
    assert "is no day" in firm.call("project", "file", "Дом", "--letters", "--since", "скоро", **later).output


def test_a_folder_that_cannot_be_written_is_tried_again(site: Firm) -> None:
    site.takes("План", files=PLAN)
    (site.folder / "objects").write_text("no folder", encoding="utf-8")
    with pytest.raises(Exception, match="Дом на Лесной cannot be written"):
        looks(site)
    (site.folder / "objects").unlink()
    assert looks(site) == ["план дома.pdf"]


def test_the_daemon_does_it(site: Firm) -> None:
    site.takes("План", files=PLAN)
    hub = site.hub
    later = hub.clock.now() + timedelta(minutes=5)

    class Later(SystemClock):
        def now(self) -> datetime:
            return later

    handlers_of(Hub(hub.config, hub.plugins, hub.store, Later()))["reminders"](None, None)  # type: ignore[arg-type]
    assert len(lies(site)) == 1
