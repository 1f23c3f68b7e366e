"""Write what Outlook writes, for tests: winmail.dat, and letters saved as .msg."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def padded(content: bytes, size: int = 4) -> bytes:
    return content + b"\0" * (-len(content) % size)


# winmail.dat


def attribute(identifier: int, content: bytes, level: int = 2) -> bytes:
    return struct.pack("<BII", level, identifier, len(content)) + content + struct.pack("<H", sum(content) & 0xFFFF)


def properties(values: dict[int, str | bytes | int]) -> bytes:
    packed = [struct.pack("<I", len(values))]
    for identifier, value in values.items():
        if isinstance(value, int):
            packed.append(struct.pack("<HHI", 3, identifier, value))
            continue
        content = (value + "\0").encode("utf-16-le") if isinstance(value, str) else value
        kind = 0x1F if isinstance(value, str) else 0x102
        packed.append(struct.pack("<HHII", kind, identifier, 1, len(content)) + padded(content))
    return b"".join(packed)


def tnef(*files: tuple[str, bytes], text: str = "", inner: bytes = b"") -> bytes:
    """Return a winmail.dat with these files and this text; `inner` is a letter inside the letter."""
    parts = [b"\x78\x9f\x3e\x22\x01\x00", attribute(0x00069007, struct.pack("<II", 1251, 0), 1)]
    if text:
        parts.append(attribute(0x00069003, properties({0x1000: text, 0x3FDE: 1251}), 1))
    for name, content in files:
        parts.append(attribute(0x00069002, b"\0" * 14))
        parts.append(attribute(0x00018010, name[:8].encode("cp1251", "replace") + b"\0"))
        parts.append(attribute(0x0006800F, content))
        parts.append(attribute(0x00069005, properties({0x3707: name, 0x370E: "application/pdf"})))
    if inner:
        parts.append(attribute(0x00069002, b"\0" * 14))
        parts.append(attribute(0x00069005, properties({0x3701: b"\0" * 16 + inner})))
    return b"".join(parts)


# .msg


class Saved:
    """A compound file with streams in folders; `write` returns its bytes."""

    def __init__(self) -> None:
        self.streams: dict[tuple[str, ...], bytes] = {}

    def text(self, identifier: int, value: str, *folder: str) -> None:
        self.streams[*folder, f"__substg1.0_{identifier:04X}001F"] = value.encode("utf-16-le")

    def binary(self, identifier: int, value: bytes, *folder: str) -> None:
        self.streams[*folder, f"__substg1.0_{identifier:04X}0102"] = value

    def fixed(self, offset: int, values: dict[int, int], *folder: str) -> None:
        rows = b"".join(struct.pack("<HHIQ", 0x40, identifier, 6, value) for identifier, value in values.items())
        self.streams[*folder, "__properties_version1.0"] = b"\0" * offset + rows

    def write(self) -> bytes:
        sectors: list[bytes] = []
        table: list[int] = []

        def put(content: bytes) -> int:
            if not content:
                return END
            first = len(sectors)
            pieces = [padded(content[at : at + 512], 512) for at in range(0, len(content), 512)]
            sectors.extend(pieces)
            table.extend([*range(first + 1, first + len(pieces)), END])
            return first

        small, small_table = b"", []
        places: dict[tuple[str, ...], tuple[int, int]] = {}
        for path, content in self.streams.items():
            if len(content) >= 4096:
                places[path] = (put(content), len(content))
            elif content:
                first, count = len(small) // 64, -(-len(content) // 64)
                small += padded(content, 64)
                small_table += [*range(first + 1, first + count), END]
                places[path] = (first, len(content))
        small_place = put(small)
        small_table_place = put(padded(struct.pack(f"<{len(small_table)}I", *small_table), 512))
        directory_place = put(self._directory(places, small_place, len(small)))
        count = len(sectors) // 127 + 1
        table_place = len(sectors)
        numbers = [*table, *([FAT] * count)]
        numbers += [FREE] * (count * 128 - len(numbers))
        sectors.append(struct.pack(f"<{len(numbers)}I", *numbers))
        fats = [*range(table_place, table_place + count), *([FREE] * (109 - count))]
        head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
        head += struct.pack("<IIIIIIIII", 0, count, directory_place, 0, 4096, small_table_place, 1, END, 0)
        return head + struct.pack("<109I", *fats) + b"".join(sectors)

    def _directory(self, places: dict[tuple[str, ...], tuple[int, int]], small: int, small_size: int) -> bytes:
        folders = {path[:depth] for path in places for depth in range(1, len(path))}
        order = [(), *sorted({*folders, *places}, key=lambda path: (len(path), path))]
        number = {path: place for place, path in enumerate(order)}
        rows = []
        for path in order:
            siblings = [it for it in order if len(it) == len(path) and it[:-1] == path[:-1] and it > path]
            children = [it for it in order if len(it) == len(path) + 1 and it[: len(path)] == path]
            name = (path[-1] if path else "Root Entry").encode("utf-16-le") + b"\0\0"
            kind = 5 if not path else 1 if path in folders else 2
            start, size = (small, small_size) if not path else places.get(path, (0, 0))
            right = number[min(siblings)] if siblings and path else FREE
            child = number[min(children)] if children else FREE
            rows.append(
                struct.pack("<64sHBBIII16x4x8x8xII4x", name, len(name), kind, 1, FREE, right, child, start, size)
            )
        return b"".join(rows)


def saved_letter(**files: bytes) -> bytes:
    """Return a letter that Outlook saved as .msg, with these files."""
    letter = Saved()
    letter.text(0x0037, "Акт за ноябрь")
    letter.text(0x1000, "Добрый день!\r\n\r\nАкт во вложении.\r\n\r\nС уважением,\r\nАнна Белова")
    letter.text(0x0C1A, "Анна Белова")
    letter.text(0x0C1F, "/O=EXCHANGE/CN=BELOVA")
    letter.text(0x5D01, "belova@client.example")
    letter.text(0x1035, "<saved-1@client.example>")
    filetime = (datetime(2026, 11, 20, 3, 15, tzinfo=UTC) - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds() * 10**7
    letter.fixed(32, {0x0039: int(filetime)})
    for number, (kind, address) in enumerate([(1, "office@example.com"), (2, "ivanova@example.com")]):
        letter.text(0x3001, f"Получатель {number}", f"__recip_version1.0_#{number:08X}")
        letter.text(0x39FE, address, f"__recip_version1.0_#{number:08X}")
        letter.fixed(8, {0x0C15: kind}, f"__recip_version1.0_#{number:08X}")
    for number, (name, content) in enumerate(files.items()):
        letter.text(0x3707, name, f"__attach_version1.0_#{number:08X}")
        letter.text(0x370E, "application/pdf", f"__attach_version1.0_#{number:08X}")
        letter.binary(0x3701, content, f"__attach_version1.0_#{number:08X}")
    return letter.write()
