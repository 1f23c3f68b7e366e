"""Russian names in Latin letters as in passports: ICAO Doc 9303."""

from __future__ import annotations

_TABLE = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch ie y - e iu ia".replace("-", "").split(" "),
        strict=True,
    )
)


def latin(text: str) -> str:
    """Return the text in Latin letters; what is not Russian stays, capitals stay capitals."""
    made = []
    for place, sign in enumerate(text):
        new = _TABLE.get(sign.lower())
        if new is None:
            made.append(sign)
        elif sign.islower():
            made.append(new)
        else:
            near = text[place + 1 : place + 2] or text[place - 1 : place]
            made.append(new.upper() if near.isupper() else new.capitalize())
    return "".join(made)
