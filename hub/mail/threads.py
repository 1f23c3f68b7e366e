"""Conversations: which letter answers which, and how long a client waited for an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from hub.model.entities import Message

_ANSWER = r"re|aw|sv|ответ|отв|на"
_FORWARD = r"fw|fwd|wg|пересл|пер|переслано|переадресовано"
_MARK = r"(?:\[\d{1,3}\]|\(\d{1,3}\)|\^\d{1,3})?"
_PREFIX = re.compile(rf"[\s\u00a0]*(?:{_ANSWER}|{_FORWARD}){_MARK}[\s\u00a0]*[:：][\s\u00a0]*", re.IGNORECASE)
_FORWARDED = re.compile(rf"[\s\u00a0]*(?:{_FORWARD}){_MARK}[\s\u00a0]*[:：]", re.IGNORECASE)

_NEVER = datetime.min.replace(tzinfo=UTC)


def topic(subject: str) -> str:
    """Return the subject without the marks of answers and forwards, however many a conversation has gathered."""
    place = 0
    while found := _PREFIX.match(subject, place):
        place = found.end()
    return " ".join(subject[place:].split()) or " ".join(subject.split())


def is_forward(subject: str) -> bool:
    """Tell whether the letter was passed on, by the first mark of its subject."""
    return _FORWARDED.match(subject) is not None


class Node(Struct, eq=False):
    """One letter of a conversation with those that answer it; `message` is `None` for one that nobody has here."""

    message_id: str
    message: Message | None = None
    parent: Node | None = None
    answers: list[Node] = []


def threads(messages: Iterable[Message]) -> list[Node]:
    """Return conversations, by the ids that letters name (the first steps of JWZ's algorithm).

    Only ids join: letters with the same subject, which offices reuse for years, stay apart. Two letters with one
    Message-ID are two. A letter that claims to be its own forefather is answered by nobody.
    """
    nodes: dict[str, Node] = {}
    told = list(messages)
    for number, message in enumerate(told):
        known = nodes.get(message.message_id)
        if not message.message_id or (known and known.message):
            key = f"#{number}"
            nodes[key] = Node(message.message_id, message)
        else:
            key = message.message_id
            nodes.setdefault(key, Node(key)).message = message
        _link(nodes, [*_ancestors(message), key])
    return [node for node in nodes.values() if node.parent is None and (node.message or node.answers)]


def _ancestors(message: Message) -> Sequence[str]:
    named = [it for it in message.references if it != message.message_id]
    if message.in_reply_to and message.in_reply_to not in named and message.in_reply_to != message.message_id:
        named.append(message.in_reply_to)
    return named


def _link(nodes: dict[str, Node], chain: list[str]) -> None:
    for place, key in enumerate(chain):
        node = nodes.setdefault(key, Node(key))
        parent = nodes.get(chain[place - 1]) if place else None
        is_last = place == len(chain) - 1
        if parent is None or (node.parent is not None and not is_last) or _is_above(node, parent):
            continue
        if node.parent is not None:
            node.parent.answers.remove(node)
        node.parent = parent
        parent.answers.append(node)


def _is_above(node: Node, other: Node) -> bool:
    """Tell whether the node is the other one or one of its forefathers."""
    above: Node | None = other
    while above is not None:
        if above is node:
            return True
        above = above.parent
    return False


class Answer(Struct, frozen=True):
    """A letter of a client with our first answer to it; `waited` is `None` as long as there is none."""

    question: Message
    answer: Message | None = None
    waited: timedelta | None = None


def answers(messages: Iterable[Message]) -> list[Answer]:
    """Return each letter that a client wrote, with the first letter of ours that follows it in its conversation.

    Letters of machines ask nothing and answer nothing. One answer serves all questions before it.
    """
    found: list[Answer] = []
    for root in threads(messages):
        told = sorted((it for it in _messages(root) if it.sent is not None), key=lambda it: it.sent or _NEVER)
        for place, message in enumerate(told):
            if message.direction == "inbound" and not message.is_automatic:
                later = (it for it in told[place + 1 :] if it.direction == "outbound" and not it.is_automatic)
                answer = next(later, None)
                waited = answer.sent - message.sent if answer and answer.sent and message.sent else None
                found.append(Answer(message, answer, waited))
    return found


def _messages(root: Node) -> Iterable[Message]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        waiting += node.answers
        if node.message is not None:
            yield node.message
