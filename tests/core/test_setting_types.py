"""Types of settings that several plugins share: an address, a zone, a list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from hub.api import Listed, ServerUrl, Settings, ZoneName
from hub.plugins import Plugins

ADDRESS, ZONE = TypeAdapter(ServerUrl), TypeAdapter(ZoneName)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("https://help.example.ru", "https://help.example.ru"),
        (" http://1c.example.ru:8080/base/ ", "http://1c.example.ru:8080/base"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]/x"),
        ("https://пример.рф/база", "https://пример.рф/база"),
    ],
)
def test_address_is_taken_without_the_last_slash(text: str, meant: str) -> None:
    assert ADDRESS.validate_python(text) == meant


@pytest.mark.parametrize(
    ("text", "says"),
    [
        *((text, "write an address such as") for text in ("", "help.example.ru", "ftp://x.ru", "https://", "//x.ru")),
        *((text, "write an address such as") for text in ("http://[x", "http://x:99999", "file:///etc/passwd")),
        *((f"https://{text}", "write the address alone") for text in ("u:p@x.ru", "x.ru?key=1", "x.ru#y", "u@x.ru")),
    ],
)
def test_what_is_no_bare_address_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        ADDRESS.validate_python(text)


@given(st.text(max_size=40))
def test_no_text_is_more_than_refused(text: str) -> None:
    for kind in (ADDRESS, ZONE):
        for each in (text, f"https://{text}"):
            try:
                kind.validate_python(each)
            except ValidationError:
                continue


def test_zone_is_one_there_is() -> None:
    assert ZONE.validate_python("Asia/Krasnoyarsk") == "Asia/Krasnoyarsk"
    for text in ("", "Asia", "Asia/Красноярск", "../etc/passwd", "+07:00", "x\0"):
        with pytest.raises(ValidationError, match="write a zone such as"):
            ZONE.validate_python(text)


class Sample(Settings):
    """A list of words and one of numbers."""

    words: Listed[str] = ()
    numbers: Listed[int] = ()


@pytest.mark.parametrize("words", ["a, b ,,c", ["a", "b", "c"]])
def test_list_is_written_with_commas_or_as_one(words: object) -> None:
    sample = Sample.model_validate({"words": words, "numbers": "1,2"})
    assert (sample.words, sample.numbers) == (("a", "b", "c"), (1, 2))
    with pytest.raises(ValidationError):
        Sample.model_validate({"numbers": "1, x"})


def test_the_bundled_plugins_use_them() -> None:
    """Whoever takes an address or a zone takes the shared type: none has rules of its own that differ."""
    for spec in Plugins().connectors.values():
        if spec.name in ("onec", "redmine", "asterisk", "imap"):
            for name, kind in (("url", _of(ServerUrl)), ("zone", _of(ZoneName))):
                if name in spec.settings.model_fields:
                    assert kind in spec.settings.model_fields[name].metadata, (spec.name, name)


def _of(kind: object) -> object:
    return kind.__metadata__[0]  # type: ignore[attr-defined]
