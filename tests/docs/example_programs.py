"""The programs in examples/, in a copy of the folder, by the commands of its README."""

import functools
import re
import shlex
import shutil
import tempfile
from pathlib import Path

import languages
from documents import ROOT
from example_table import LANGUAGES
from sources import LEFT_BY_TOOLS

COPY = tempfile.TemporaryDirectory(prefix="posthorn-examples-")


@functools.cache
def copy():
    """A copy of examples/, for as long as this process runs."""
    folder = Path(COPY.name) / "examples"
    shutil.copytree(ROOT / "examples", folder, ignore=shutil.ignore_patterns(*LEFT_BY_TOOLS))
    return folder


def python(_folder, command):
    return [languages.sys.executable, "-W", "ignore", *command[1:]]


def node(folder, command):
    languages.node_packages((folder / command[-1]).read_text(), folder)
    return command


def java(folder, command):
    with tempfile.TemporaryDirectory() as classes:
        languages.javac(folder / command[-1], classes)
    return command


def go(folder, command):
    languages.need("go", LANGUAGES["Go"].least, "version")
    languages.compiled(["go", "vet", command[-1]], folder)
    return command


def rust(folder, command):
    """Compiled by rustc, with the crates that its Cargo.toml lists, each of which has to be used. The program is put where
    Cargo puts it. Cargo itself would compile all the crates again."""
    name = command[-1]
    manifest = (folder / name / "Cargo.toml").read_text()
    crates = re.findall(r"^([\w-]+) = ", manifest.partition("[dependencies]\n")[2], re.M)
    output = folder / "target" / "debug" / name
    crates = {crate.replace("-", "_") for crate in crates}
    languages.rustc(folder / name / "src" / "main.rs", output, crates, "-D", "unused-crate-dependencies")
    return [str(output)]


PREPARE = {"Python": python, "Node.js": node, "Java": java, "Go": go, "Rust": rust}


@functools.cache
def program(language, kind):
    """A program's command, and the folder to run it in.

    Raises `Missing` where this machine can't run it."""
    folder = copy() / LANGUAGES[language].folder
    return PREPARE[language](folder, shlex.split(LANGUAGES[language].commands[kind])), folder
