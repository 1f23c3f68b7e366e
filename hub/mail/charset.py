"""Turn bytes of mail into text: the declared charset where it is true, else the one that makes Russian of them.

Nothing here raises for any input, and what comes out can be stored: no NUL, no half of a surrogate pair.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import quopri
import re
from functools import lru_cache

CYRILLIC = ("cp1251", "koi8-r", "cp866")
_SINGLE_BYTE = re.compile(r"cp12\d\d|cp8\d\d|cp437|iso8859-\d+|koi8-[rut]|mac-\w+|latin-1|ascii")
_OTHER = re.compile(
    r"utf-(8|8-sig|16|16-[bl]e|32|32-[bl]e|7)|gb\w+|big5\w*|euc_\w+|shift_jis\w*|iso2022_\w+|hz|cp9\d\d"
)
_LABEL = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,39}")
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_WORDS = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\s]*)\?=")
_SHARE = dict(zip("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё", range(33, 0, -1), strict=True))
"""Russian letters from the most to the least frequent, with a weight each."""


def to_text(content: bytes, declared: str = "") -> str:
    """Decode bytes whose declared charset may be wrong, unknown or absent."""
    return clean(_decode(content, codec(declared)))


def clean(text: str) -> str:
    """Leave out what no store takes: control characters and lone surrogates."""
    return _UNSTORABLE.sub("", text)


@lru_cache(maxsize=256)
def codec(label: str) -> str:
    """Return Python's name of a charset that mail may be in, or an empty string."""
    label = label.strip().strip("\"'").lower()
    if not _LABEL.fullmatch(label):
        return ""
    for name in (
        label,
        re.sub(r"^(x-)?(win|windows|cp)[-_]?(?=\d)", "cp", label),
        re.sub(r"^koi8[-_]?", "koi8-", label),
    ):
        try:
            found = codecs.lookup(name).name
        except LookupError:
            continue
        if _SINGLE_BYTE.fullmatch(found) or _OTHER.fullmatch(found):
            return found
    return ""


def _decode(content: bytes, declared: str) -> str:
    if declared and not _SINGLE_BYTE.fullmatch(declared) and declared != "utf-8":
        try:
            return content.decode(declared)
        except (UnicodeError, ValueError):
            pass
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    if content.isascii():
        return content.decode("ascii")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _best(content, declared)


def _best(content: bytes, declared: str) -> str:
    """Choose by how Russian a sample looks: the declared charset wins unless another is clearly better."""
    sample = content[:4096]
    high = sum(byte > 127 for byte in sample)
    broken = sample.decode("utf-8", "replace").count("\ufffd")
    if broken * 8 < high:  # a damaged byte or two in what is UTF-8 otherwise
        return content.decode("utf-8", "replace")
    scores = {name: russian(sample.decode(name, "replace")) for name in CYRILLIC}
    best = max(scores, key=lambda name: scores[name])
    if declared and declared not in ("ascii", "utf-8"):
        told = russian(sample.decode(declared, "replace"))
        letters = sum(chr(byte).isalpha() for byte in sample if byte < 128)
        is_cyrillic = declared in CYRILLIC or high > letters
        if not is_cyrillic or scores[best] < told + 3 * high**0.5:
            best = declared
    return content.decode(best, "replace")


def russian(text: str) -> float:
    """Return how much the text looks like Russian: frequent letters count, odd signs and capitals inside words cost."""
    score, before = 0.0, " "
    for sign in text:
        lower = sign.lower()
        if lower in _SHARE:
            score += _SHARE[lower] / (1 if sign == lower or not before.islower() else -1)
        elif sign > "\x7f" and sign not in "«»—–…№ \u00a0“”„":
            score -= 30
        before = sign
    return score


def words(value: str) -> str:
    """Decode a raw header value: unfold it, decode its encoded words, repair bytes that stand there undeclared.

    Words of one charset that follow each other are joined before they are decoded, because senders cut letters in two.
    """
    value = re.sub(r"\r?\n[ \t]?|\r", " ", value) if "\n" in value or "\r" in value else value
    pieces: list[str] = []
    run, run_charset, end = b"", "", 0
    for found in _WORDS.finditer(value):
        between = value[end : found.start()]
        charset, content = found[1].partition("*")[0], _word(found[2], found[3])
        if run and not between.strip() and charset.lower() == run_charset.lower():
            run += content
        else:
            pieces += [to_text(run, run_charset)] if run else []
            pieces += [_raw(between)] if between.strip() or not run else []
            run, run_charset = content, charset
        end = found.end()
    pieces += [to_text(run, run_charset)] if run else []
    pieces.append(_raw(value[end:]))
    return " ".join(clean("".join(pieces)).split())


def _raw(value: str) -> str:
    if value.isascii():
        return value
    return to_text(value.encode("utf-8", "surrogateescape"))


def _word(encoding: str, text: str) -> bytes:
    content = text.encode("utf-8", "surrogateescape")
    if encoding in "qQ":
        return quopri.decodestring(content.replace(b"_", b" "), header=False)
    try:
        return base64.b64decode(content + b"=" * (-len(content) % 4))
    except (binascii.Error, ValueError):
        return b""
