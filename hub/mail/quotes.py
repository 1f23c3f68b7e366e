"""What a writer added to a letter: the text without the quoted letters and the signature."""

from __future__ import annotations


def own_text(text: str) -> str:
    """Return what the writer added, or the whole text where nothing would be left."""
    return text
