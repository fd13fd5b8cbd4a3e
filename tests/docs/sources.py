"""The programs in the documents are the files in examples/, and what those say they need is what they are tested with.

    POSTHORN_UPDATE=1 python3 tests/docs/sources.py

copies the files into the documents. It needs only Python.
"""

import json
import os
import re
import shutil
import subprocess
import unittest

from documents import PRODUCING, RECEIVING, ROOT, SUFFIXES
from example_table import LANGUAGES

FOLDER = ROOT / "examples"
TOOLCHAIN = ROOT / "tests" / "toolchain"
# The documents print the check of this receiver, verify.rs, and link to its server.
LINKED_ONLY = {"examples/rust/receiver/src/main.rs"}
LEFT_BY_TOOLS = {"node_modules", "target", ".venv", "__pycache__"}


def program_files():
    paths = [path.relative_to(ROOT) for path in FOLDER.rglob("*") if path.suffix in SUFFIXES.values()]
    return {path.as_posix() for path in paths if not LEFT_BY_TOOLS & set(path.parts)}


def numbers(version):
    return tuple(map(int, version.split(".")))


def fits(requirement, version):
    """Whether a version is what `^1.2` (Cargo, npm) or `~=1.2` (pip) asks for."""
    least = numbers(requirement.removeprefix("^").removeprefix("~="))
    same = next((place for place, number in enumerate(least) if number), 0) + 1
    version = numbers(version)
    return version[:same] == least[:same] and version >= least


class Sources(unittest.TestCase):
    def test_blocks_are_copies(self):
        for document in (PRODUCING, RECEIVING):
            for block in document.blocks:
                if block.source:
                    with self.subTest(block.source):
                        self.assertEqual(
                            block.code, (ROOT / block.source).read_text(encoding="utf-8"),
                            f"{document.path}, {block.heading}, is not a copy of {block.source}. Make it one: "
                            "POSTHORN_UPDATE=1 python3 tests/docs/sources.py")

    def test_every_program_is_printed_once(self):
        printed = [block.source for block in PRODUCING.blocks + RECEIVING.blocks if block.source]
        self.assertEqual(sorted(printed), sorted(program_files() - LINKED_ONLY))
        for path in LINKED_ONLY:
            self.assertIn(f"](../{path})", RECEIVING.text)

    def test_links_lead_to_files(self):
        for document in (PRODUCING, RECEIVING):
            for path in re.findall(r"\]\(\.\./(examples/[^)#]+)", document.text):
                self.assertTrue((ROOT / path).is_file(), f"{document.path}: {path}")

    def test_versions_of_languages(self):
        listed = {name: language.version for name, language in LANGUAGES.items()}
        for document in (PRODUCING, RECEIVING):
            said = re.findall(r"\b(Python|Node\.js|Java|Go|Rust) ([0-9.]+) or\s+newer", document.text)
            self.assertEqual({name for name, _ in said}, set(listed), document.path)
            for name, version in said:
                self.assertEqual(version, listed[name], f"{document.path}: {name}")
        package = json.loads((FOLDER / "node" / "package.json").read_text())
        self.assertEqual(package["engines"]["node"], f">={listed['Node.js']}")
        self.assertIn(f"\ngo {listed['Go']}\n", (FOLDER / "go" / "go.mod").read_text())
        for manifest in self.manifests():
            self.assertEqual(manifest["package"]["rust-version"], listed["Rust"])

    def test_go_is_formatted(self):
        self.assert_formatted("gofmt", "-l", files=FOLDER.glob("go/*/*.go"))

    def test_rust_is_formatted(self):
        self.assert_formatted("rustfmt", "--edition", "2024", "--check", files=FOLDER.glob("rust/*/src/*.rs"))

    def assert_formatted(self, *command, files):
        if not shutil.which(command[0]):
            self.skipTest(f"not run: {command[0]} is not installed")
        done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    # That they list the crates that the code uses shows when it is compiled.
    def test_crates_are_the_workspaces(self):
        """With these versions the examples are compiled here: the newest of each in the workspace's Cargo.lock."""
        locked = {}
        for name, version in re.findall(r'^name = "(.+)"\nversion = "([0-9.]+)"$', (ROOT / "Cargo.lock").read_text(), re.M):
            locked[name] = max(locked.get(name, version), version, key=numbers)
        for manifest in self.manifests():
            for name, wanted in manifest["dependencies"].items():
                requirement = wanted if isinstance(wanted, str) else wanted["version"]
                self.assertIn(name, locked)
                self.assertTrue(fits(requirement, locked[name]), f"{name} {requirement}, but {locked[name]} is tested")

    def manifests(self):
        try:
            import tomllib
        except ImportError:
            self.skipTest("not run: the Rust examples' manifests: Python is older than 3.11")
        found = [tomllib.loads(path.read_text()) for path in sorted(FOLDER.glob("rust/*/Cargo.toml"))]
        self.assertEqual(len(found), 2)
        return found

    def test_node_packages_are_the_tested_ones(self):
        tested = json.loads((TOOLCHAIN / "package.json").read_text())["dependencies"]
        wanted = json.loads((FOLDER / "node" / "package.json").read_text())["dependencies"]
        code = "".join(path.read_text() for path in FOLDER.glob("node/*.mjs"))
        self.assertEqual(set(wanted), {name for name in re.findall(r"from '(.+)'", code) if not name.startswith("node:")})
        for name, requirement in wanted.items():
            self.assertTrue(fits(requirement, tested[name]), f"{name} {requirement}, but {tested[name]} is tested")

    def test_python_packages_are_the_tested_ones(self):
        tested = dict(re.findall(r"^([\w-]+)==([0-9.]+)$", (TOOLCHAIN / "emulators.lock").read_text(), re.M))
        wanted = re.findall(r"^([\w-]+)(~=[0-9.]+)$", (FOLDER / "python" / "requirements.txt").read_text(), re.M)
        self.assertEqual([name for name, _ in wanted], ["boto3"])
        for name, requirement in wanted:
            self.assertTrue(fits(requirement, tested[name]), f"{name} {requirement}, but {tested[name]} is tested")


def update():
    for document in (PRODUCING, RECEIVING):
        text = document.with_sources()
        if text != document.text:
            (ROOT / document.path).write_text(text, encoding="utf-8")
            print(f"{document.path}: updated")


if __name__ == "__main__":
    update() if os.environ.get("POSTHORN_UPDATE") else unittest.main()
