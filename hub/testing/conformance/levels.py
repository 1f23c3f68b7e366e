"""Quality levels: computed from what the checks found, never declared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from hub.testing.conformance.kit import PROMISES, Finding, Level

LEVELS: tuple[Level, ...] = ("bronze", "silver", "gold", "platinum")

ASKS: dict[Level, str] = {
    "bronze": "It is described well, signs in honestly, reads everything there is and turns it into proper events.",
    "silver": "It resumes anywhere, and no trouble on the way loses a record.",
    "gold": "It notices deletions, leaves nothing behind and does not touch what it reads.",
    "platinum": "Its README explains every setting, and its commands have one effect whatever happens.",
}


def level(findings: Iterable[Finding]) -> Level | None:
    """Return the highest level whose checks, and those of all levels below it, hold; `None` below bronze.

    bronze    no check of bronze failed or was skipped
    silver    no check of silver failed, and `read_survives_down` was not skipped
    gold      no check of gold failed
    platinum  no check of platinum failed

    From silver on a check may be skipped only because the peer declares that such a system has no such trouble or
    deletion. Checks of groups that do not apply (a connector that only reads has no `execute`) are not asked for.
    """
    outcomes = {finding.check: finding.outcome for finding in findings}
    reached: Level | None = None
    for candidate in LEVELS:
        asked = [outcomes[it.name] for it in PROMISES.values() if it.level == candidate and it.name in outcomes]
        if "failed" in asked or not asked or "passed" not in asked:
            break
        if candidate == "bronze" and not _is_whole(outcomes.values(), asked):
            break
        reached = candidate
    return reached


def _is_whole(outcomes: Iterable[str], asked: Sequence[str]) -> bool:
    return bool(outcomes) and "skipped" not in asked


class Report(Struct, frozen=True):
    """The findings of one run of the kit."""

    findings: Sequence[Finding]

    @property
    def level(self) -> Level | None:
        """Return the level that the findings prove."""
        return level(self.findings)

    @property
    def failed(self) -> list[Finding]:
        """Return what did not hold."""
        return [finding for finding in self.findings if finding.outcome == "failed"]


def levels_markdown() -> str:
    """Return the levels and their checks as a Markdown table for the documentation."""
    lines = ["| level | asks for | checks |", "| --- | --- | --- |"]
    for name in LEVELS:
        checks = ", ".join(f"`{it.name}`" for it in PROMISES.values() if it.level == name)
        lines.append(f"| {name} | {ASKS[name]} | {checks} |")
    return "\n".join(lines) + "\n"
