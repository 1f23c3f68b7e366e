"""What a writer added to a letter: the text without the quoted letters and the signature.

Programs introduce a quote in their own words; Russian ones are listed here, and each form below stands in the tests.
Nothing is lost by an error: the whole letter stays stored, and where nothing would be left the whole text is returned.
"""

from __future__ import annotations

import re

CUT = "\ue000"
"""A line of its own at which HTML says that a quote begins; never part of a text that people see."""

_MOST_LINES = 5000
_MONTH = (
    r"(?:янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек"
    r"|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*\.?"
)
_DAY = (
    r"(?:пн|вт|ср|чт|пт|сб|вс|понедельник|вторник|сред[ау]|четверг|пятниц[ау]|суббот[ау]|воскресенье"
    r"|mon|tue|wed|thu|fri|sat|sun)\w*\.?"
)
_DATE = rf"(?:\d{{1,2}}[./-]\d{{1,2}}[./-]\d{{2,4}}|\d{{4}}[./-]\d\d[./-]\d\d|\d{{1,2}} {_MONTH},? (?:\d{{4}})?)"
_DATE_EN = rf"{_MONTH} \d{{1,2}},? \d{{4}}"
_TIME = r"\d{1,2}[:.]\d\d"
_VERB = r"(?:(?:на)?писал[аи]?|пишет|пишут|сообщил[аи]?|сообщает|ответил[аи]?|wrote|writes|schrieb)(?:\(а\)|/а)?"

_WHEN = re.compile(rf"{_DATE}|{_DATE_EN}", re.IGNORECASE)
_BEGINS_WITH_DATE = re.compile(
    rf"(?:(?:on|в|во|am|le|el|от|в письме от|от кого:?) )?(?:{_DAY},? )*(?:{_DATE}|{_DATE_EN})"
    rf"|(?:on|в|во|am|le) {_DAY},?"
    r"|вы (?:писали|написали)\b",
    re.IGNORECASE,
)
_SAYS = re.compile(
    rf"\b{_VERB}(?: (?:следующее|в своём письме|{_DATE}[^:]{{0,20}}(?:{_TIME}(?::\d\d)?)?))? ?:$", re.IGNORECASE
)
_SAID = re.compile(rf"\b{_VERB}\b", re.IGNORECASE)
_BRACKETED = re.compile(r"[<\[(](?:mailto:)?[^<>\s@]+@[^<>\s@]+[>\])]+,? ?:$", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>@:]+@[^\s<>@]+\.\w+")
_QUOTED = re.compile(r"\s{0,3}[A-ZА-ЯЁ]{0,4}>")
_RULE = re.compile(r"\s*[-_=*–—]{3,}\s*")

_FORWARDED = re.compile(
    r"\W*(?:(?:исходное|оригинальное|первоначальное|пересылаемое|пересланное|переадресованное|перенаправленное)"
    r" (?:сообщение|письмо)|(?:начало|конец) (?:переадресованного|пересылаемого|пересланного) (?:сообщения|письма)"
    r"|original (?:message|appointment|email)|(?:begin )?forwarded (?:message|by)|reply message"
    r"|вихідне повідомлення|ursprüngliche nachricht)\b.{0,60}",
    re.IGNORECASE,
)
_LABELS = {
    name: kind
    for kind, names in {
        "from": "от|от кого|отправитель|автор|from|sender|von|від",
        "sent": "отправлено|отправленные|дата|дата отправки|дата и время|когда|sent|date|gesendet|datum",
        "to": "кому|получатель|to|an",
        "copy": "копия|копии|скрытая копия|cc|bcc|kopie",
        "subject": "тема|subject|betreff",
    }.items()
    for name in names.split("|")
}
_LABEL = re.compile(
    rf"[\s*_>]*({'|'.join(sorted(_LABELS, key=len, reverse=True))})\s?[*_]*\s?:[*_]*(?=\s|$|\S)", re.IGNORECASE
)

_SIGN_OFF = re.compile(
    r"[\s*_–—-]*(?:(?:с уважением|всего доброго|всего хорошего|всего наилучшего)"
    r"(?: и (?:наилучшими|добрыми) пожеланиями| и благодарностью)?(?= ?,|$)|с благодарностью|искренне ваш[аи]?"
    r"|с (?:глубоким |искренним |большим |неизменным )?(?:уважением|почтением)(?: к вам)?"
    r"|с (?:самыми )?(?:наилучшими|добрыми|лучшими) пожеланиями|с наилучшими|с ув\.?"
    r"|(?:(?:best|kind|warm|with best|with kind) )?regards|best wishes|yours (?:sincerely|faithfully)"
    r"|sincerely(?: yours)?)"
    r"(?P<tail>.*)",
    re.IGNORECASE,
)
_SIGNER = re.compile(r"[\s*_]*[,.!;:)]+(?P<told>.{0,100})|\s*|(?:\s+[А-ЯЁA-Z«\"][\w.«»\"'-]*,?)+\s*")
_DASHES = re.compile(r"\s*(?:-{2,3}|[–—]{1,2}|_{2,4})\s*")
_SENT_FROM = re.compile(
    r"[\s*_-]*(?:(?:отправлено|отослано|послано|написано) (?:с|со|из|через|при помощи|от)\b.{1,90}"
    r"|sent (?:from|via|with)\b.{1,90}|(?:получите|получить|скачать|загрузить) outlook для\b.{1,80}"
    r"|get outlook for\b.{1,80}"
    r"|надіслано з\b.{1,60})",
    re.IGNORECASE,
)
_DISCLAIMER = re.compile(
    r"[\s*_-]*(?:(?:это|данное|настоящее|this) (?:электронное )?(?:сообщение|письмо|e-?mail|message)\b.*"
    r"(?:конфиденциал|предназначен|провер|вирус|confidential|intended|virus)"
    r"|(?:уведомление о )?конфиденциальност[ьи]\s*:?|confidentiality notice|без вирусов\.|virus-free\."
    r"|(?:прежде чем|перед тем как) (?:рас)?печатать (?:это|данное) )",
    re.IGNORECASE,
)
_BANNER = re.compile(
    r"[\s*_\[!]*(?:внимание|осторожно|caution|warning|external)\b.{0,40}"
    r"\b(?:внешн\w+ (?:отправител|источник|адрес|почт)|из вне|outside|external)",
    re.IGNORECASE,
)
_POSTSCRIPT = re.compile(r"\s*(?:p\.? ?s\b\.?|з\.? ?ы\b\.?|п\.? ?с\b\.)", re.IGNORECASE)


def own_text(text: str) -> str:
    """Return what the writer added, or the whole text where nothing would be left."""
    lines = text.split("\n", _MOST_LINES)[:_MOST_LINES]
    kept = _unsigned(_unquoted([line.replace("\u00a0", " ").replace("\u202f", " ").rstrip() for line in lines]))
    own = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()
    return own or shown(text)


def shown(text: str) -> str:
    """Return the text without the marks that HTML left in it."""
    return text.replace(f"\n{CUT}", "").replace(CUT, "").strip() if CUT in text else text.strip()


def _unquoted(lines: list[str]) -> list[str]:
    kept: list[str] = []
    place = 0
    while place < len(lines):
        line = lines[place]
        if line == CUT or _begins_copy(lines, place):
            return _without_rule(kept)
        if _QUOTED.match(line):
            _drop_introduction(kept)
            place += 1
            continue
        size = _introduction(lines, place, is_new=not kept or not kept[-1].strip())
        if size:
            after = next((it for it in lines[place + size :] if it.strip()), "")
            if not _QUOTED.match(after):
                return _without_rule(kept)
        else:
            kept.append(line)
        place += size or 1
    return kept


def _begins_copy(lines: list[str], place: int) -> bool:
    """Tell whether the copy of a letter begins here, under a title or its headers; nothing after it is the writer's."""
    line = lines[place]
    title = line.strip()
    if _FORWARDED.fullmatch(title) and (title[:2] in ("--", "__", "==", "**", "> ", "- ") or title.endswith(":")):
        return True
    if not _LABEL.match(line):
        return False
    kinds = set()
    for following in lines[place : place + 9]:
        found = _LABEL.match(following)
        if found:
            kinds.add(_LABELS[found[1].lower()])
    if place and _RULE.fullmatch(next((it for it in reversed(lines[:place]) if it.strip()), "")):
        return len(kinds) > 1
    return len(kinds) > 2


def _introduction(lines: list[str], place: int, *, is_new: bool) -> int:
    """Return how many lines introduce a quote here; 0 for none. Programs wrap long introductions."""
    if not lines[place].strip():
        return 0
    joined = ""
    for size, line in enumerate(lines[place : place + 4], start=1):
        if not line.strip() or len(joined) + len(line) > 400:
            return 0
        joined = f"{joined} {line.strip()}".strip()
        if joined.endswith(":") and _introduces(joined, is_new=is_new or size == 1):
            return size
    return 0


def _introduces(line: str, *, is_new: bool) -> bool:
    has_date, has_time = _WHEN.search(line), re.search(_TIME, line)
    if _BEGINS_WITH_DATE.match(line):
        return bool(_SAYS.search(line) or (has_time and (_BRACKETED.search(line) or _ADDRESS.search(line))))
    if not is_new:
        return False
    if has_date and has_time and _SAYS.search(line):
        return True
    return bool(_ADDRESS.search(line) and (_SAYS.search(line) or (has_time and has_date and _SAID.search(line))))


def _drop_introduction(kept: list[str]) -> None:
    """Take back the line that stands right above a quote and speaks of it, whatever its form."""
    while kept and not kept[-1].strip():
        kept.pop()
    line = kept[-1].strip() if kept else ""
    if line.endswith(":") and len(line) <= 300 and (_SAYS.search(line) or _WHEN.search(line) or _ADDRESS.search(line)):
        kept.pop()
    kept.append("")


def _without_rule(kept: list[str]) -> list[str]:
    """Return the lines without the rule a program draws above a copy."""
    while kept and (not kept[-1].strip() or (_RULE.fullmatch(kept[-1]) and len(kept[-1].strip()) > 4)):
        kept.pop()
    return kept


def _unsigned(lines: list[str]) -> list[str]:
    """Return the lines without signature, without what programs add under it, and without a banner on top."""
    lines = [line for line in lines if not _BANNER.match(line)]
    left = sum(bool(line.strip()) for line in lines)
    for place, line in enumerate(lines):
        if not line.strip():
            continue
        left -= 1
        if _ends(line, left):
            after = next((at for at in range(place + 1, len(lines)) if _POSTSCRIPT.match(lines[at])), len(lines))
            return [*_without_rule(lines[:place]), *(["", *_unsigned(lines[after:])] if after < len(lines) else [])]
    return lines


def _ends(line: str, left: int) -> bool:
    """Tell whether a signature begins with this line; `left` lines with words follow it."""
    if _DASHES.fullmatch(line):
        return left <= (30 if line.strip() == "--" else 10)
    if _SENT_FROM.fullmatch(line):
        return left <= 4
    if _DISCLAIMER.match(line):
        return left <= 20
    found = _SIGN_OFF.fullmatch(line)
    return bool(found and _SIGNER.fullmatch(found["tail"]) and left <= 25)
