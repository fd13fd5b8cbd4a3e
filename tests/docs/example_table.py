"""The table of examples/README.md: the languages, and the command of each program."""

import re
from dataclasses import dataclass

from documents import EXAMPLES

PRODUCER, RECEIVER, SQS_PRODUCER = "producer", "receiver", "producer, SQS"


@dataclass(frozen=True)
class Language:
    # The oldest version that will do.
    version: str
    # In examples/.
    folder: str
    # By kind of program.
    commands: dict

    @property
    def least(self):
        major, _, minor = self.version.partition(".")
        return int(major), int(minor or 0)


def read():
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in EXAMPLES.lines if line.startswith("|")]
    head, _, *rows = rows
    languages = {}
    for first, folder, *commands in rows:
        name, version = first.split(" ")
        languages[name] = Language(version, re.fullmatch(r"\[`(\w+)`\]\(\1\)", folder)[1], {
            kind: command.strip("`") for kind, command in zip(head[2:], commands) if command})
    return languages


LANGUAGES = read()
