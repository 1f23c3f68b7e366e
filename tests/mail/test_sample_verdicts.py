"""What sample letters mean to the hub: each is a message, and those that came back are known as such."""

from __future__ import annotations

import json

import msgspec
import pytest

from hub.api import Message

from .test_read import FILES, SAMPLES, message

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample letters are not on this machine")


@pytest.mark.parametrize("path", FILES, ids=lambda it: f"{it.parent.name}/{it.name}")
def test_every_sample_is_read(path):
    found = message(path.read_bytes())
    assert msgspec.json.decode(msgspec.json.encode(found), type=Message) == found
    assert found.text or found.attachments or found.subject


def test_samples_say_what_they_say():
    def sample(name: str) -> Message:
        return message((SAMPLES / name).read_bytes())

    assert sample("php-imap/mixed_filename.eml").subject == "Свежий прайс-лист"
    assert sample("james-mime4j/russian.msg").attachments[0].name == "Список.doc"
    assert sample("mail/multiple_references_with_one_invalid.eml").references


def test_returned_samples_are_known():
    folder = SAMPLES / "p5-sisimai"
    expected = json.loads((folder / "expected.json").read_text())
    for name, verdicts in expected.items():
        found = message((folder / name).read_bytes(), ours=frozenset({"ours.example"}))
        assert found.is_automatic, name
        has_failed = any(it["status"].startswith("5") for it in verdicts)  # 4.x.x is a delay
        assert found.is_bounce == has_failed, name
        assert not found.is_bounce or found.outside, name
