"""How a block of each language is made a command that runs."""

import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from documents import ROOT
from programs import TARGET

# Seconds that a compiler may take.
COMPILES = 300
NODE_MODULES = Path(os.environ.get("POSTHORN_NODE_MODULES", ROOT / "tests" / "toolchain" / "node_modules"))


class Missing(Exception):
    """This machine can't run it; the text says why."""


def version(program, *arguments):
    """The first number that a program tells of itself."""
    found = shutil.which(program)
    if not found:
        raise Missing(f"{program} is not installed")
    told = subprocess.run([found, *arguments], capture_output=True, text=True, timeout=60)
    numbers = re.search(r"(\d+)(?:\.(\d+))?", told.stdout + told.stderr)
    if told.returncode or not numbers:
        raise Missing(f"{program} does not run: {(told.stdout + told.stderr).strip()[:200]}")
    return int(numbers[1]), int(numbers[2] or 0)


def need(program, least, *arguments):
    found = version(program, *arguments)
    if found < least:
        raise Missing(f"{program} {'.'.join(map(str, found))} is older than the page says: {'.'.join(map(str, least))}")


def compiled(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=COMPILES)
    assert done.returncode == 0, f"does not compile: {' '.join(command)[:200]}\n{done.stderr[-4000:]}"


def python(code, folder):
    (folder / "program.py").write_text(code)
    return [sys.executable, "-W", "ignore", "program.py"]


def node(code, folder):
    need("node", (20, 0), "--version")
    for package in re.findall(r"from '(@[^']+)'", code):
        if not (NODE_MODULES / package).is_dir():
            raise Missing(f"the npm package {package} is not in {NODE_MODULES.name}")
        if not (folder / "node_modules").exists():
            (folder / "node_modules").symlink_to(NODE_MODULES)
    (folder / "program.mjs").write_text(code)
    return ["node", "program.mjs"]


def java(code, folder):
    need("javac", (17, 0), "-version")
    name = re.search(r"public class (\w+)", code)[1]
    (folder / f"{name}.java").write_text(code)
    compiled(["javac", "-Xlint:all", "-Werror", f"{name}.java"], folder)
    return ["java", "-XX:TieredStopAtLevel=1", name]


def go(code, folder):
    need("go", (1, 19), "version")
    (folder / "program.go").write_text(code)
    compiled(["go", "vet", "program.go"], folder)
    compiled(["go", "build", "-o", "program", "program.go"], folder)
    return ["./program"]


def rust(code, folder, main=""):
    """Compiled with the crates that the workspace was built of: the deliver function has them all."""
    if not shutil.which("rustc"):
        raise Missing("rustc is not installed")
    (folder / "program.rs").write_text(code + main)
    known = re.findall(r'^name = "(.+)"$', (ROOT / "Cargo.lock").read_text(), re.M)
    paths = re.findall(r"(?<![\w:.])([a-z_0-9]+)::", code)
    wanted = sorted(set(paths) & {name.replace("-", "_") for name in known})
    crates = libraries(wanted)
    externs = itertools.chain.from_iterable(("--extern", f"{name}={path}") for name, path in crates.items())
    dependencies = next(iter(crates.values())).parent
    compiled(["rustc", "--edition", "2024", "-D", "warnings", "-A", "linker-messages", "-L", f"dependency={dependencies}",
              *map(str, externs), "program.rs"], folder)
    return ["./program"]


def libraries(wanted):
    """The compiled crates of these names that belong together: an rlib's metadata has the hashes of all that it needs."""
    folder = TARGET / os.environ.get("POSTHORN_PROFILE", "release") / "deps"
    roots = sorted(folder.glob("libposthorn_deliver-*.rlib"), key=lambda path: path.stat().st_mtime, reverse=True)
    lacking = ["posthorn_deliver"]
    for root in roots:
        hashes = set(re.findall(rb"-[0-9a-f]{16}", root.read_bytes()))
        found = {name: [path for path in folder.glob(f"lib{name}-*.rlib") if path.stem[-17:].encode() in hashes]
                 for name in wanted}
        lacking = [name for name, paths in found.items() if not paths]
        if not lacking:
            return {name: max(paths, key=crate_version) for name, paths in found.items()}
    raise Missing(f"the workspace is not built ({folder.parent.name}), or without {', '.join(lacking)}")


def crate_version(library):
    listed = library.with_name(library.stem.removeprefix("lib") + ".d").read_text()
    numbers = re.search(r"-(\d+)\.(\d+)\.(\d+)[^/]*/src/", listed)
    return tuple(map(int, numbers.groups())) if numbers else (0, 0, 0)


LANGUAGES = {
    "Python": ("python", python),
    "Node.js": ("js", node),
    "Java": ("java", java),
    "Go": ("go", go),
    "Rust": ("rust", rust),
}
