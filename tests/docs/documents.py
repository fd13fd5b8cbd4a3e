"""The code in the documents, as it is printed there."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "deployment"))

# How files of a language end, by the name that its blocks have.
SUFFIXES = {"python": ".py", "js": ".mjs", "java": ".java", "go": ".go", "rust": ".rs"}
EXAMPLE = re.compile(r"\]\(\.\./(examples/[^)#]+)\)")


@dataclass(frozen=True)
class Block:
    heading: str
    language: str
    code: str
    # The file that the block is a copy of: the last link between the heading and the block to a file of its language
    # in examples/.
    source: str | None
    # Numbers of the lines, from 0: the first line of code, and the closing fence.
    start: int
    end: int


class Document:
    """A page: its blocks of code, by the heading above them."""

    def __init__(self, path):
        self.path = path
        self.text = (ROOT / path).read_text(encoding="utf-8")
        self.lines = self.text.splitlines()
        self.blocks = []
        heading, language, links, start = "", None, [], 0
        for number, line in enumerate(self.lines):
            if language is not None:
                if line == "```":
                    code = "\n".join(self.lines[start:number]) + "\n"
                    source = next((link for link in reversed(links) if Path(link).suffix == SUFFIXES.get(language)), None)
                    self.blocks.append(Block(heading, language, code, source, start, number))
                    language, links = None, []
            elif line.startswith("```"):
                language, start = line[3:], number + 1
            elif line.startswith("#"):
                heading, links = line.lstrip("#").strip(), []
            else:
                links += EXAMPLE.findall(line)

    def code(self, heading, language, number=0):
        """The block of this language below this heading, the first unless another is asked for."""
        found = [block.code for block in self.blocks if (block.heading, block.language) == (heading, language)]
        assert len(found) > number, f"no such block: {language} below {heading!r}"
        return found[number]

    def with_sources(self):
        """The page's text with every block that is a copy replaced by the file as it is now."""
        lines = list(self.lines)
        for block in reversed(self.blocks):
            if block.source:
                lines[block.start:block.end] = (ROOT / block.source).read_text(encoding="utf-8").splitlines()
        return "\n".join(lines) + "\n"


PRODUCING = Document("docs/PRODUCING.md")
RECEIVING = Document("docs/RECEIVING.md")
EXAMPLES = Document("examples/README.md")
