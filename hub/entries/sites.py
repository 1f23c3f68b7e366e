"""What is brought back from a site: sizes by steps, photos, and what the client handed over (S004-13, S004-27…29)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from hub.config import Config
from hub.entries.acts import EntryError
from hub.files import write_file
from hub.model.errors import HubError
from hub.model.values import parse_decimal

PHOTOS, FROM_CLIENT = "ФОТО", "ТЗ_от_Клиента"
"""Folders of an object, as the office knows them (S004-29)."""
_PICTURES = (".jpg", ".jpeg", ".png", ".heic", ".webp", ".tif", ".tiff")
_MOST = Decimal(10_000)
_LONGEST_NAME = 100
"""Signs of a file's name: two bytes each, and room for a number."""
_UNFIT = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')


def measured(texts: Sequence[str], step: Decimal) -> str:
    """Return sizes in words, steps turned into metres: `фасад=10` → «фасад — 10 шагов, 7 м». Raises EntryError.

    Several sizes of one thing are joined by x: `комната=10x6`.
    """
    told = []
    for text in texts:
        what, sign, steps = (part.strip() for part in text.partition("="))
        numbers = [parse_decimal(part) for part in re.split(r"\s*[xх×*]\s*", steps)] if steps else []
        if not sign or not what or not numbers or any(it is None or not 0 < it < _MOST for it in numbers):
            raise EntryError(f"{text!r} is no size in steps.", hint="Write what=steps: «фасад=10», «комната=12,5x6».")
        sizes = [it for it in numbers if it is not None]
        metres = " × ".join(_number(it * step) for it in sizes)
        told.append(f"{what} — {' × '.join(_number(it) for it in sizes)} {_steps(sizes[-1])}, {metres} м")
    return "; ".join(told)


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}".replace(".", ",")


def _steps(number: Decimal) -> str:
    """Return the word for steps after a number as it is read aloud."""
    if number != number.to_integral_value():
        return "шага"
    last, tens = int(number) % 10, int(number) % 100
    if last == 1 and tens != 11:
        return "шаг"
    return "шага" if 2 <= last <= 4 and not 12 <= tens <= 14 else "шагов"


def folder_of(config: Config, site: Mapping[str, Any]) -> Path:
    """Return the folder of an object; two of one name have two."""
    name = _UNFIT.sub(" ", str(site["name"])).strip(" .")[:80]
    return config.resolve(config.model.entering.objects) / f"{name} {str(site['id'])[:8]}".strip()


def keep_files(folder: Path, files: Iterable[Path], *, are_photos: bool) -> list[Path]:
    """Copy files into the folder of an object; one that lies there already is not copied again.

    Raises HubError, before any is copied, for a file that cannot be read or is no picture among photos.
    """
    place = folder / (PHOTOS if are_photos else FROM_CLIENT)
    contents = []
    for file in files:
        if are_photos and file.suffix.casefold() not in _PICTURES:
            raise HubError(f"{file.name} is no picture.", hint=f"Photos end in {', '.join(_PICTURES)}.")
        try:
            contents.append((_UNFIT.sub("_", file.name).strip(" ."), file.read_bytes()))
        except OSError as error:
            raise HubError(f"{file} cannot be read: {error.strerror}.") from error
    _make(folder)
    return [_kept(place, name, content) for name, content in contents]


def keep_content(folder: Path, name: str, content: bytes) -> Path:
    """Keep a file that the client sent; one that lies there already is not kept again. Raises OSError."""
    _make(folder)
    return _kept(folder / FROM_CLIENT, _UNFIT.sub("_", name).strip(" .")[-_LONGEST_NAME:] or "file", content)


def _make(folder: Path) -> None:
    for name in (PHOTOS, FROM_CLIENT):
        (folder / name).mkdir(parents=True, exist_ok=True)


def _kept(place: Path, name: str, content: bytes) -> Path:
    path, number = place / name, 1
    while path.exists():
        if path.read_bytes() == content:
            return path
        number += 1
        path = place / f"{Path(name).stem} ({number}){Path(name).suffix}"
    write_file(path, content)
    return path
