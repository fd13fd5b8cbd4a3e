"""The code in the documents, as it is printed there."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "deployment"))


class Document:
    """A page: its blocks of code, by the heading above them."""

    def __init__(self, name):
        self.text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        self.blocks = []
        heading, language, lines = "", None, []
        for line in self.text.splitlines():
            if language is not None:
                if line == "```":
                    self.blocks.append((heading, language, "\n".join(lines) + "\n"))
                    language = None
                else:
                    lines.append(line)
            elif line.startswith("```"):
                language, lines = line[3:], []
            elif line.startswith("#"):
                heading = line.lstrip("#").strip()

    def code(self, heading, language, number=0):
        """The block of this language below this heading, the first unless another is asked for."""
        found = [code for under, kind, code in self.blocks if (under, kind) == (heading, language)]
        assert len(found) > number, f"no such block: {language} below {heading!r}"
        return found[number]


PRODUCING = Document("PRODUCING.md")
RECEIVING = Document("RECEIVING.md")
