"""How code in each language is checked, and made a command that runs."""

import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from documents import ROOT
from example_table import LANGUAGES
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
        raise Missing(f"{program} {'.'.join(map(str, found))} is older than {'.'.join(map(str, least))}")


def compiled(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=COMPILES)
    assert done.returncode == 0, f"does not compile: {' '.join(command)[:200]}\n{done.stderr[-4000:]}"


def python(code, folder):
    (folder / "program.py").write_text(code)
    return [sys.executable, "-W", "ignore", "program.py"]


def node(code, folder):
    node_packages(code, folder)
    (folder / "program.mjs").write_text(code)
    return ["node", "program.mjs"]


def node_packages(code, folder):
    """Links the npm packages that the code imports into its folder."""
    need("node", LANGUAGES["Node.js"].least, "--version")
    for package in re.findall(r"from '(@[^']+)'", code):
        if not (NODE_MODULES / package).is_dir():
            raise Missing(f"the npm package {package} is not in {NODE_MODULES.name}")
        if not (folder / "node_modules").exists():
            (folder / "node_modules").symlink_to(NODE_MODULES)


def java(code, folder):
    name = re.search(r"public class (\w+)", code)[1]
    (folder / f"{name}.java").write_text(code)
    javac(folder / f"{name}.java", folder)
    return ["java", "-XX:TieredStopAtLevel=1", name]


def javac(source, output):
    need("javac", LANGUAGES["Java"].least, "-version")
    compiled(["javac", "-Xlint:all", "-Werror", "-d", str(output), source.name], source.parent)


def go(code, folder):
    need("go", LANGUAGES["Go"].least, "version")
    (folder / "program.go").write_text(code)
    compiled(["go", "vet", "program.go"], folder)
    compiled(["go", "build", "-o", "program", "program.go"], folder)
    return ["./program"]


def rust(code, folder):
    """With every crate of the workspace's Cargo.lock that the code names."""
    (folder / "program.rs").write_text(code)
    known = re.findall(r'^name = "(.+)"$', (ROOT / "Cargo.lock").read_text(), re.M)
    paths = re.findall(r"(?<![\w:.])([a-z_0-9]+)::", code)
    wanted = set(paths) & {name.replace("-", "_") for name in known}
    rustc(folder / "program.rs", folder / "program", wanted)
    return ["./program"]


def rustc(source, output, crates, *flags):
    """Compiles with these crates and no others."""
    need("rustc", LANGUAGES["Rust"].least, "--version")
    found = libraries(sorted(crates))
    externs = itertools.chain.from_iterable(("--extern", f"{name}={path}") for name, path in found.items())
    dependencies = next(iter(found.values())).parent
    output.parent.mkdir(parents=True, exist_ok=True)
    compiled(["rustc", "--edition", "2024", "-D", "warnings", "-A", "linker-messages", *flags, "-L", f"dependency={dependencies}",
              *map(str, externs), "-o", str(output), str(source)], source.parent)


def libraries(wanted):
    """The compiled crates of these names that belong together: an rlib's metadata has the hashes of all that it needs.
    The one-machine stack needs them all."""
    folder = TARGET / os.environ.get("POSTHORN_PROFILE", "debug") / "deps"
    roots = sorted(folder.glob("libposthorn-*.rlib"), key=lambda path: path.stat().st_mtime, reverse=True)
    lacking = ["posthorn"]
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
