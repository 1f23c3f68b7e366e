"""Replies as Russian mail programs write them, with what the writer added. Persons and firms are invented.

Each row: name, the letter as plain text, the writer's own words.
"""

from __future__ import annotations

OWN = "Добрый день, Мария Сергеевна!\n\nАкт подписали, оригинал отправим завтра."
ASKED = "Анна Павловна, добрый день!\nНаправляем акт за ноябрь. Подпишите, пожалуйста, до 25.11.2026."
QUOTED = "\n".join(f"> {line}" for line in ASKED.split("\n"))
WHO = "Мария Иванова <ivanova@example.com>"
SIGNED = "С уважением,\nБелова Анна Павловна\nглавный бухгалтер МБОУ «Школа № 7»\nтел. 8 (391) 200-00-07"


def above(introduction: str, quote: str = QUOTED, own: str = OWN, signature: str = "") -> str:
    """Return a reply with the answer above the quote."""
    return "\n\n".join(part for part in (own, signature, introduction) if part) + f"\n{quote}\n"


INTRODUCTIONS = {
    "thunderbird": "20.11.2026 10:15, Мария Иванова пишет:",
    "thunderbird, older": "20.11.2026 10:15, Мария Иванова написал:",
    "thunderbird, english": "On 20.11.2026 10:15, Мария Иванова wrote:",
    "gmail": f"пт, 20 нояб. 2026 г. в 10:15, {WHO}:",
    "gmail, wrapped": "пт, 20 нояб. 2026 г. в 10:15, Мария Сергеевна Иванова, сопровождение\n<ivanova@example.com>:",
    "gmail, older": f"20 ноября 2026 г., 10:15 пользователь {WHO} написал:",
    "gmail, english": f"On Fri, Nov 20, 2026 at 10:15 AM {WHO} wrote:",
    "gmail, no-break spaces": f"пт, 20\u00a0нояб. 2026\u202fг. в\u00a010:15, {WHO}:",
    "mail.ru": f"Пятница, 20 ноября 2026, 10:15 +07:00 от {WHO}:",
    "mail.ru, older": "Fri, 20 Nov 2026 10:15:00 +0700 от Мария Иванова <ivanova@example.com>:",
    "mail.ru, only the address": "Пятница, 20 ноября 2026, 10:15 +07:00 от ivanova@example.com:",
    "yandex": '20.11.2026, 10:15, "Мария Иванова" <ivanova@example.com>:',
    "yandex, older": '20.11.2026, 10:15, "Мария Иванова" <ivanova@example.com> написал:',
    "apple": f"20 нояб. 2026 г., в 10:15, {WHO} написал(а):",
    "apple, older": "20.11.2026, в 10:15, Мария Иванова написал(а):",
    "apple, wrapped": "20 нояб. 2026 г., в 10:15, Мария Иванова\n<ivanova@example.com>\nнаписал(а):",
    "the bat": "Вы писали 20 ноября 2026 г., 10:15:35:",
    "kmail": "В письме от пятница, 20 ноября 2026 г. 10:15:00 +07 пользователь Мария Иванова написал:",
    "evolution": "В Пт, 20/11/2026 в 10:15 +0700, Мария Иванова пишет:",
    "roundcube": "Мария Иванова писал 2026-11-20 10:15:",
    "roundcube, with address": "Иванова М. С. <ivanova@example.com> писал(а) 20.11.2026 10:15:",
    "only a name": "Мария Иванова пишет:",
    "spark": f"В пт, 20 нояб. 2026 г. в 10:15, {WHO} написал:",
    "iso date": f"2026-11-20 10:15 GMT+07:00 {WHO}:",
    "gmail on a telephone": f"чт, 19 нояб. 2026 г., 18:30 {WHO}:",
    "gmail, a bare address": "пт, 20 нояб. 2026 г. в 10:15, <ivanova@example.com>:",
    "claws": f"On Fri, 20 Nov 2026 10:15:00 +0700\n{WHO} wrote:",
    "a user in the middle": "Пользователь Мария Иванова (ivanova@example.com) 20 ноября 2026 г. в 10:15 написал:",
    "when at the end": f"{WHO} написал(а) в пт, 20 нояб. 2026 г. в 10:15:",
    "a short year": "20.11.26 10:15, Мария Иванова пишет:",
    "she wrote": "20.11.2026 в 10:15 Мария Иванова написала:",
    "the bat, english": "Friday, November 20, 2026, 10:15:35, you wrote:",
    "r7": "20.11.2026 10:15:02, ivanova@example.com пишет:",
}

UNMARKED = (
    "gmail", "gmail, wrapped", "gmail, older", "gmail, no-break spaces", "mail.ru", "mail.ru, older",
    "mail.ru, only the address", "yandex", "yandex, older", "apple", "thunderbird", "kmail", "evolution", "the bat",
    "r7", "gmail on a telephone", "gmail, a bare address", "claws", "a user in the middle", "a short year", "she wrote",
)  # fmt: skip
"""Introductions that stand above an unmarked copy as well, as plain text made of HTML has it."""

COPIES = {
    "outlook": "От: Мария Иванова <ivanova@example.com>\nОтправлено: 20 ноября 2026 г. 10:15\n"
    "Кому: Белова Анна <belova@client.example>\nТема: Акт за ноябрь",
    "outlook with mailto": "From: Мария Иванова [mailto:ivanova@example.com]\n"
    "Sent: Friday, November 20, 2026 10:15 AM\nTo: Белова Анна\nCc: Петров\nSubject: Акт за ноябрь",
    "outlook under a rule": "________________________________\nОт: Мария Иванова <ivanova@example.com>\n"
    "Отправлено: пятница, 20 ноября 2026 г. 10:15:00\nКому: Белова Анна; Петрова Ольга;\nБухгалтерия\n"
    "Копия: Отдел\nТема: Акт",
    "outlook in bold": "*От:* Мария Иванова <ivanova@example.com>\n*Отправлено:* 20 ноября 2026 г. 10:15\n"
    "*Кому:* Белова Анна <belova@client.example>\n*Тема:* Акт за ноябрь",
    "outlook express": "----- Исходное сообщение -----\nОт: Мария Иванова\nКому: belova@client.example\n"
    "Отправлено: 20 ноября 2026 г. 10:15\nТема: Акт за ноябрь",
    "original message": "-----Исходное сообщение-----",
    "original message, english": "-----Original Message-----\nFrom: Мария Иванова\nSubject: Акт за ноябрь",
    "samsung": "-------- Исходное сообщение --------\nОт: Мария Иванова <ivanova@example.com>\n"
    "Дата: 20.11.2026 10:15 (GMT+07:00)\nКому: belova@client.example\nТема: Акт за ноябрь",
    "yandex, new": "----------------\nКому: belova@client.example (belova@client.example);\nТема: Акт за ноябрь;\n"
    '20.11.2026, 10:15, "Мария Иванова" <ivanova@example.com>:',
    "zimbra": 'От: "Мария Иванова" <ivanova@example.com>\nКому: "belova" <belova@client.example>\n'
    "Отправленные: Пятница, 20 Ноябрь 2026 г 10:15:00\nТема: Акт за ноябрь",
    "mail.ru, headers": "-------- Пересылаемое сообщение --------\nОт кого: Мария Иванова <ivanova@example.com>\n"
    "Кому: belova@client.example\nДата: Пятница, 20 ноября 2026, 10:15 +07:00\nТема: Акт за ноябрь",
    "gmail, forwarded": "---------- Forwarded message ---------\nОт: Мария Иванова <ivanova@example.com>\n"
    "Date: пт, 20 нояб. 2026 г. в 10:15\nSubject: Акт за ноябрь\nTo: <belova@client.example>",
    "apple, forwarded": "Начало переадресованного сообщения:",
    "thunderbird, forwarded": "-------- Перенаправленное сообщение --------\nТема: Акт за ноябрь\n"
    "Дата: Fri, 20 Nov 2026 10:15:00 +0700\nОт: Мария Иванова <ivanova@example.com>\nКому: belova@client.example",
    "stars": "***** Исходное сообщение *****\nМария Иванова",
    "russian, short": "--- Исходное письмо ---",
    "labels apart": "От: Мария Иванова\n\nОтправлено: 20 ноября 2026 г. 10:15\n\nКому: Белова Анна\n\nТема: Акт",
    "notes": "От: Мария Иванова/OOO Primer\nКому: Анна Белова\nДата: 20.11.2026 10:15\nТема: Акт за ноябрь",
}

SIGNATURES = {
    "a name and a post": SIGNED,
    "on one line": "С уважением, Белова А. П., тел. 200-00-07",
    "without a comma": "С уважением Анна Белова",
    "two wishes": "С уважением и наилучшими пожеланиями,\nАнна Белова",
    "wishes": "С наилучшими пожеланиями,\nАнна",
    "dashes": "-- \nБелова Анна Павловна\nгл. бухгалтер",
    "dashes and regards": "--\nС уважением,\nАнна Белова",
    "mail.ru": "--\nОтправлено из Почты Mail.ru",
    "yandex": "-- \nОтправлено из мобильного приложения Яндекс Почты",
    "iphone": "Отправлено с iPhone",
    "windows": "Отправлено из Почты для Windows",
    "outlook for android": "Получите Outlook для Android<https://aka.ms/x>",
    "regards, then the telephone": "С уважением,\nАнна Белова\n\nОтправлено с устройства Galaxy",
    "a dash": "—\nАнна Белова",
    "english": "Best regards,\nAnna Belova",
    "a disclaimer": "С уважением,\nАнна\n\nДанное сообщение и вложения к нему являются конфиденциальными и "
    "предназначены исключительно для адресата. Если Вы получили его по ошибке, сообщите отправителю и удалите его.",
    "a rule above": f"____________________\n{SIGNED}",
    "short regards": "С ув., Анна",
    "regards to you": "С уважением к Вам,\nАнна",
    "with thanks": "С благодарностью,\nАнна Белова",
    "all the best": "Всего доброго,\nАнна Белова",
    "my iphone": "Отправлено с моего iPhone",
    "english telephone": "Sent from my Galaxy",
    "an antivirus": "Это сообщение проверено на вирусы антивирусом Avast.\nwww.avast.example",
}

FORMS: list[tuple[str, str, str]] = [
    ("below the quote", f"20.11.2026 10:15, Мария Иванова пишет:\n{QUOTED}\n\n{OWN}\n", OWN),
    (
        "between the quotes",
        "Мария Иванова пишет:\n> Подписали акт?\n\nДа, вчера.\n\n> Когда пришлёте оригинал?\n\nЗавтра с курьером.\n",
        "Да, вчера.\n\nЗавтра с курьером.",
    ),
    ("the bat's initials", above("Вы писали 20 ноября 2026 г., 10:15:35:", QUOTED.replace(">", "МИ>")), OWN),
    ("quotes in quotes", above(INTRODUCTIONS["yandex"], f"{QUOTED}\n>\n>> Прошу акт.\n>>> Какой?"), OWN),
    ("an unknown introduction", above("Иванова М. С. 20 ноября говорила так (ivanova@example.com):"), OWN),
    (
        "apple marks its introduction",
        above("Отправлено с iPhone", f"\n> 20 нояб. 2026 г., в 10:15, Мария Иванова написал(а):\n>\n{QUOTED}"),
        OWN,
    ),
    ("a signature under the quote", above(INTRODUCTIONS["thunderbird"]) + "\n-- \nАнна Белова\n", OWN),
    ("a postscript", f"{OWN}\n\nС уважением,\nАнна\n\nP.S. Счёт тоже нужен.", f"{OWN}\n\nP.S. Счёт тоже нужен."),
    ("a banner on top", f"ВНИМАНИЕ! Это письмо от внешнего отправителя.\n\n{OWN}", OWN),
    ("nothing but a quote", f"{INTRODUCTIONS['yandex']}\n{QUOTED}", f"{INTRODUCTIONS['yandex']}\n{QUOTED}"),
    ("nothing but a signature", SIGNED, SIGNED),
]

LEFT_ALONE: list[tuple[str, str]] = [
    ("a letter without a quote", OWN),
    (
        "an address and a date in a sentence",
        "Прошу до 25.11.2026 направить акты на адрес buh@client.example:\n\nул. Мира, 1",
    ),
    ("regards in a sentence", "С уважением относимся к вашей работе, но счёт неверен.\nПроверьте, пожалуйста."),
    ("a list after a colon", "Сегодня 20.11.2026 нужны:\n- акт\n- счёт\n- накладная"),
    ("a word that begins as a label", "От: вас жду ответа.\nСпасибо."),
    ("two labels", "Тема: отчётность за год\nКому: всем бухгалтерам\nПросим сдать отчёты."),
    ("what somebody wrote, in a sentence", "Иванова написала: акт готов.\nМы согласны."),
    ("thanks at the end", f"{OWN}\n\nСпасибо!"),
    ("a good day", f"{OWN}\n\nВсего доброго!"),
    (
        "a rule between paragraphs",
        "Часть первая.\n----------\n" + "Часть вторая, и дальше много строк.\n" * 12 + "Конец.",
    ),
    ("when we wrote", "Мы писали вам 15.11.2026 в 10:00 на support@example.com:\nответа нет."),
    ("what the ministry sent", "Отправлено из министерства письмо № 5.\n" + "Просим исполнить.\n" * 6 + "Срок вчера."),
]


def variants() -> list[tuple[str, str, str]]:
    """Return every reply: name, letter, own words."""
    found = [(f"{name}, marked", above(line), OWN) for name, line in INTRODUCTIONS.items()]
    found += [(f"{name}, unmarked", above(INTRODUCTIONS[name], f"\n{ASKED}"), OWN) for name in UNMARKED]
    found += [(f"{name}, a copy", above(line, f"\n{ASKED}"), OWN) for name, line in COPIES.items()]
    found += [(f"signed: {name}", f"{OWN}\n\n{lines}\n", OWN) for name, lines in SIGNATURES.items()]
    found += [
        (f"signed: {name}, then quoted", above(INTRODUCTIONS["gmail"], signature=lines), OWN)
        for name, lines in SIGNATURES.items()
    ]
    found += [
        (f"signed, then {name}", above(line, f"\n{ASKED}", signature=SIGNED), OWN) for name, line in COPIES.items()
    ]
    return found + FORMS + [(name, text, text.strip()) for name, text in LEFT_ALONE]
