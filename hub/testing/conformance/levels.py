"""Quality levels: computed from what the checks found, never declared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from hub.testing.conformance.kit import PROMISES, Finding, Level

LEVELS: tuple[Level, ...] = ("bronze", "silver", "gold", "platinum")

ASKS: dict[Level, str] = {
    "bronze": "It is described well, signs in honestly, reads everything there is and turns it into proper events.",
    "silver": "It resumes anywhere, and no trouble on the way loses a record.",
    "gold": "It notices deletions, leaves nothing behind, does not touch what it reads, and waits honestly for news.",
    "platinum": "Its README explains every setting, and its commands have one effect whatever happens.",
}


def level(findings: Iterable[Finding]) -> Level | None:
    """Return the highest level whose checks, and those of all levels below it, hold; `None` below bronze.

    A level holds when none of its checks failed and none of its vital checks was skipped. A check is skipped only when
    the peer declares that a system of this kind has no such trouble, deletion or change. Checks of a group that does
    not apply (`execute` of a connector that only reads) are not asked for.
    """
    outcomes = {finding.check: finding.outcome for finding in findings}
    reached: Level | None = None
    for candidate in LEVELS:
        asked = [it for it in PROMISES.values() if it.level == candidate and it.name in outcomes]
        unmet = [it for it in asked if outcomes[it.name] != "passed" and (it.vital or outcomes[it.name] == "failed")]
        if unmet or (candidate == "bronze" and not asked):
            break
        reached = candidate
    return reached


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
        checks = ", ".join(f"`{it.name}`{'*' if it.vital else ''}" for it in PROMISES.values() if it.level == name)
        lines.append(f"| {name} | {ASKS[name]} | {checks} |")
    return "\n".join(lines) + "\n\n\\* vital: must have passed, must not have been skipped.\n"
