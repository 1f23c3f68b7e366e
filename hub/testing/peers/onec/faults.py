"""What the stand-in refuses, in 1C's codes and in the language of its session."""

from __future__ import annotations

_WORDS = {
    "0": ("Возможность не поддерживается", "is not supported"),
    "1": ("Не удалось разобрать значение", "Value cannot be parsed"),
    "2": ("Не удалось разобрать тело запроса", "Request body cannot be parsed"),
    "3": ("Представление не поддерживается", "Representation is not supported"),
    "4": ("Неверное значение", "Wrong value"),
    "5": ("Не указано обязательное свойство", "Required property is missing"),
    "6": ("Сегмент пути не найден", "Path segment is not found"),
    "7": ("Не указана часть ключа", "Key part is missing"),
    "8": ("Сущность не найдена", "entity is not found"),
    "9": ("Экземпляр сущности не найден", "Entity instance not found"),
    "12": ("Не указан аргумент", "Argument is missing"),
    "13": ("Строки табличных частей нельзя создавать отдельно", "Rows of tabular parts cannot be created directly"),
    "14": ("Ошибка разбора параметра запроса", "Error parsing query option"),
    "15": ("Запись с такими ключевыми полями существует", "Record with such key exists"),
    "17": ("Режим загрузки данных не поддерживается", "Data load mode is not supported"),
    "18": ("Повторяется имя свойства", "Property name is repeated"),
    "19": ("Метод запрещен", "Method is not allowed"),
    "20": ("Нарушение прав доступа", "Access rights violation"),
    "21": ("Функция не поддерживается", "Function is not implemented"),
    "-1": ("Внутренняя ошибка", "Internal error"),
}


class Fault(Exception):
    """An answer that refuses: HTTP status and 1C's code; `name` is what the text echoes."""

    def __init__(self, status: int, code: str, name: str = "") -> None:
        super().__init__(f"{status}/{code} {name}")
        self.status = status
        self.code = code
        self.name = name

    def words(self, language: str) -> str:
        """Return the text in the language of the session."""
        russian, english = _WORDS[self.code]
        return f"{russian if language == 'ru' else english}{f': {self.name}' if self.name else ''}"
