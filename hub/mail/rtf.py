"""The RTF body of a letter that Outlook wrote without text and HTML: unpacked ([MS-OXRTFCP]) and read.

Outlook hides HTML in RTF ([MS-OXRTFEX]); it is taken out again. Of other RTF the words remain. Own, because the known
readers (compressed-rtf, RTFDE) rest or bring a parser generator for these hundred lines. Damage gives what stands
before it, or nothing; never an error.
"""

from __future__ import annotations

import re
import struct
import zlib

from msgspec import Struct
from msgspec.structs import replace

from hub.mail.charset import codec, to_text

MOST_PACKED = 1024 * 1024
MOST_RTF = 4 * 1024 * 1024
MOST_LEVELS = 200
_RUNS, _PLAIN = 0x75465A4C, 0x414C454D
_WINDOW = 4096
_PRESET = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor "
    b"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})?[ ]?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)
_SILENT = frozenset(
    {b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"object", b"header", b"footer", b"footnote", b"xe"}
)
_SIGNS = {b"par": "\n", b"line": "\n", b"tab": "\t", b"row": "\n", b"cell": "\t", b"page": "\n", b"sect": "\n",
          b"emdash": "—", b"endash": "–", b"bullet": "•", b"lquote": "‘", b"rquote": "’", b"ldblquote": "“",
          b"rdblquote": "”", b"emspace": " ", b"enspace": " "}  # fmt: skip
_OF_FONTS = {77: "mac-roman", 128: "cp932", 129: "cp949", 134: "gbk", 136: "big5", 161: "cp1253", 162: "cp1254",
             177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250"}  # fmt: skip


def read_rtf(packed: bytes) -> tuple[str, str]:
    """Return text and HTML of a packed RTF body; one of them is empty, both where nothing can be read."""
    return _Reader(unpack(packed)).read()


def unpack(packed: bytes) -> bytes:
    """Return the RTF of a packed body, or nothing for what is none or is damaged."""
    if len(packed) < 16:
        return b""
    size, raw_size, kind, checksum = struct.unpack_from("<IIII", packed)
    content = packed[16 : max(size + 4, 16)]
    if kind == _PLAIN:
        return content[: min(raw_size, MOST_RTF)]
    if kind != _RUNS or zlib.crc32(content, 0xFFFFFFFF) ^ 0xFFFFFFFF != checksum:
        return b""
    return _unrolled(content[:MOST_PACKED], min(raw_size, MOST_RTF))


def _unrolled(content: bytes, raw_size: int) -> bytes:
    """Follow the runs: a bit says whether a byte follows, or a place in the last 4096 bytes and how many from there."""
    out = bytearray(_PRESET)
    place = 0
    while place < len(content):
        flags = content[place]
        place += 1
        for bit in range(8):
            if place >= len(content) or len(out) - len(_PRESET) >= raw_size:
                return bytes(out[len(_PRESET) : len(_PRESET) + raw_size])
            if not flags >> bit & 1:
                out.append(content[place])
                place += 1
                continue
            if place + 2 > len(content):
                return bytes(out[len(_PRESET) :])
            reference = content[place] << 8 | content[place + 1]
            place += 2
            distance = (len(out) - (reference >> 4)) % _WINDOW
            if distance == 0:  # a place where nothing was written yet: the end
                return bytes(out[len(_PRESET) :])
            for _ in range((reference & 15) + 2):
                out.append(out[-distance] if distance <= len(out) else 0)
    return bytes(out[len(_PRESET) :])


class _Group(Struct):
    """What holds inside of a pair of braces."""

    is_silent: bool = False
    is_tag: bool = False
    is_hidden: bool = False
    skip: int = 1
    charset: str = ""


class _Reader:
    def __init__(self, rtf: bytes) -> None:
        self._rtf = rtf
        self._groups = [_Group()]
        self._deeper = 0
        self._charset = "cp1252"
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._is_html = b"\\fromhtml1" in rtf[:4096]
        self._is_fonts = False
        self._bytes = bytearray()
        self._out: list[str] = []
        self._skip = 0

    def read(self) -> tuple[str, str]:
        if not self._rtf.lstrip().startswith(b"{\\rtf"):
            return "", ""
        before = b""
        for token in _TOKEN.finditer(self._rtf):
            self._take(token, before)
            before = token[0]
        self._flush()
        joined = (
            "".join(self._out).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        )  # \u writes pairs
        text = joined.replace("\0", "").strip()
        return ("", text) if self._is_html else (text, "")

    def _take(self, token: re.Match[bytes], before: bytes) -> None:
        group = self._groups[-1]
        if token[5] == b"{":
            self._flush()
            self._deeper += len(self._groups) >= MOST_LEVELS
            if not self._deeper:
                self._groups.append(replace(group))
        elif token[5] == b"}":
            self._flush()
            if self._deeper:
                self._deeper -= 1
            elif len(self._groups) > 1:
                self._groups.pop()
            self._skip = 0
        elif token[1]:
            self._word(group, token[1], int(token[2]) if token[2] else None, is_extra=before == b"\\*")
        elif token[4] == b"*":
            return
        elif token[3]:
            self._put(bytes([int(token[3], 16)]))
        elif token[4]:
            self._sign({b"~": "\u00a0", b"_": "-", b"\n": "\n", b"\r": "\n"}.get(token[4], ""), token[4])
        elif token[6]:
            self._put(token[6])

    def _word(self, group: _Group, word: bytes, number: int | None, *, is_extra: bool) -> None:
        if is_extra:
            group.is_tag = word == b"htmltag"
            group.is_silent = not group.is_tag or not self._is_html
        elif word in _SILENT:
            group.is_silent = True
            self._is_fonts = word == b"fonttbl"
        elif word == b"htmlrtf" and self._is_html:
            self._flush()
            group.is_hidden = number != 0
        elif word == b"ansicpg" and number:
            self._charset = codec(f"cp{number}") or self._charset
        elif word == b"fcharset" and self._is_fonts:
            self._fonts[self._font] = _OF_FONTS.get(number or 0, "")
        elif word == b"f" and number is not None:
            self._flush()
            self._font, group.charset = number, self._fonts.get(number, "")
        elif word == b"uc":
            group.skip = min(max(number or 0, 0), 8)
        elif word == b"u" and number is not None:
            self._sign(chr(number & 0xFFFF))
            self._skip = group.skip
        elif word in _SIGNS:
            self._sign(_SIGNS[word])

    def _sign(self, sign: str, literal: bytes = b"") -> None:
        if literal in (b"\\", b"{", b"}"):
            self._put(literal)
        elif sign and self._is_shown():
            self._flush()
            self._out.append(sign)

    def _put(self, content: bytes) -> None:
        passed = min(self._skip, len(content))
        self._skip -= passed
        if self._is_shown():
            self._bytes += content[passed:]

    def _is_shown(self) -> bool:
        group = self._groups[-1]
        return not group.is_silent and (group.is_tag or not group.is_hidden)

    def _flush(self) -> None:
        if self._bytes:
            self._out.append(to_text(bytes(self._bytes), self._groups[-1].charset or self._charset))
            self._bytes.clear()
