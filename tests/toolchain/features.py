#!/usr/bin/env python3
"""Checks that each package of ours is tested with the same features of third-party crates as the whole workspace, so
that selecting one (`cargo test -p posthorn-shared`) builds nothing a second time. Prints what is missing from
tests/features/Cargo.toml.

It asks cargo for its resolution only; nothing is built.
"""

import json
import subprocess
import sys

# They depend on none of our packages, and are small: what they build by themselves is built in seconds.
APART = {"bench", "posthorn-model", "posthorn-features"}


def cargo(*arguments):
    done = subprocess.run(["cargo", *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"cargo {' '.join(arguments)}:\n{done.stderr}")
    return done.stdout


def features(edges, *selection):
    """The features of each third-party crate."""
    tree = cargo("tree", "--locked", *selection, "--edges", edges, "--prefix", "none", "--format", "{p}|{f}")
    found = {}
    for line in tree.splitlines():
        package, _, listed = line.removesuffix(" (*)").partition("|")
        name_and_version = " ".join(package.split()[:2])
        if "(/" not in package:
            found.setdefault(name_and_version, set()).update(filter(None, listed.split(",")))
    return found


def main():
    members = {one["name"] for one in json.loads(cargo("metadata", "--locked", "--no-deps", "--format-version", "1"))["packages"]}
    whole = features("normal", "--workspace")
    for name, found in features("normal,dev", "--workspace").items():
        whole.setdefault(name, set()).update(found)
    missing = {}
    # The program as `cargo build -p posthorn` and `cargo install` want it, and every package with its tests.
    selections = [("posthorn (program)", features("normal", "--package", "posthorn"))]
    selections += [(name, features("normal,dev", "--package", name)) for name in sorted(members - APART)]
    for selection, found in selections:
        for crate, listed in found.items():
            lacking = whole[crate] - listed
            if lacking:
                missing.setdefault(crate, set()).update(lacking)
                print(f"{selection}: {crate} lacks {', '.join(sorted(lacking))}")
    if missing:
        print("\nAdd to tests/features/Cargo.toml (what the program lacks: to infra/local/Cargo.toml):")
        for crate, lacking in sorted(missing.items()):
            name, version = crate.split()
            wanted = ", ".join(f'"{feature}"' for feature in sorted(lacking))
            print(f'{name} = {{ version = "{version.removeprefix("v")}", default-features = false, features = [{wanted}] }}')
        sys.exit(1)
    print(f"{len(selections)} selections of packages want the same features")


if __name__ == "__main__":
    main()
