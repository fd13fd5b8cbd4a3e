"""infra/deploy, with programs in place of cargo and sam that write down how they were called; and that all files that
name the release, or the toolchain that it is built with, agree. Needs Python alone."""

import json
import os
import re
import subprocess
import tempfile
import tomllib
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """#!/usr/bin/env python3
import json, os, sys
with open(os.environ["CALLS"], "a") as calls:
    print(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]), file=calls)
sys.exit(int(os.environ.get("FAILS") == " ".join(sys.argv[1:2])))
"""


def deploy(*arguments, fails=""):
    """How it ended, what it printed, and what it called."""
    with tempfile.TemporaryDirectory() as directory:
        for name in ("cargo", "sam"):
            program = Path(directory) / name
            program.write_text(PROGRAM)
            program.chmod(0o755)
        calls = Path(directory) / "calls"
        calls.touch()
        path = f"{directory}:{os.environ['PATH']}"
        environment = dict(os.environ, PATH=path, CALLS=str(calls), FAILS=fails)
        command = [ROOT / "infra" / "deploy", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        called = [json.loads(line) for line in calls.read_text().splitlines()]
        return done.returncode, done.stdout + done.stderr, called


class Stages(unittest.TestCase):
    def test_a_stage_is_built_for_what_it_is_deployed_as(self):
        for given, flag, architecture in (((), "--arm64", "arm64"), (("Architecture=x86_64",), "--x86-64", "x86_64")):
            code, printed, (compiled, built, deployed) = deploy("prod", *given, "LogLevel=debug", "--no-confirm-changeset")
            self.assertEqual(code, 0, printed)
            self.assertEqual(compiled[:5], ["cargo", "lambda", "build", "--release", flag])
            self.assertEqual(set(compiled[5:]), {"--bin", "api", "dispatch", "deliver", "retry"})
            self.assertEqual(built, ["sam", "build", "--parameter-overrides", f"Architecture={architecture}"])
            file = str(ROOT / "infra" / "stages" / "prod.toml")
            self.assertEqual(deployed[:5], ["sam", "deploy", "--config-file", file, "--no-confirm-changeset"])
            parameters = deployed[deployed.index("--parameter-overrides") + 1 :]
            # What the stage's file says, what was said here, and a new release.
            self.assertIn("GradualDeployments=true", parameters)
            self.assertGreater(parameters.index("LogLevel=debug"), parameters.index("LogLevel=info"))
            self.assertRegex(parameters[-1], r"^Release=\d{10}$")

    def test_the_templates_functions_are_those_that_are_compiled(self):
        template = (ROOT / "template.yaml").read_text()
        binaries = re.findall(r"BuildProperties: \{ Binary: (\w+) \}", template)
        _, _, (compiled, *_) = deploy("prod")
        self.assertEqual(sorted(binaries), sorted(set(compiled[5:]) - {"--bin"}))
        default = re.search(r"  Architecture:\n    Type: String\n    Default: (\w+)", template)[1]
        self.assertIn(f"--{default}", compiled)

    def test_nothing_is_optimised_less_for_lambda(self):
        here = tomllib.loads((ROOT / "Cargo.toml").read_text())["profile"]["release"]["package"]
        there = tomllib.loads((ROOT / "infra" / "lambda.toml").read_text())["profile"]["release"]
        for name, settings in here.items():
            if "opt-level" in settings:
                self.assertEqual(there["package"][name]["opt-level"], there["opt-level"], f"{name} in infra/lambda.toml")

    def test_what_fails_ends_it(self):
        code, _, called = deploy("prod", fails="build")
        self.assertEqual((code, [one[:2] for one in called]), (1, [["cargo", "lambda"], ["sam", "build"]]))

    def test_who_names_no_stage_is_told_which_there_are(self):
        code, printed, called = deploy("staging")
        self.assertEqual((code, called), (1, []))
        self.assertIn("there is no stage staging: dev, prod", printed)
        self.assertIn("infra/deploy STAGE", deploy()[1])


class Release(unittest.TestCase):
    """What .github/workflows/release.yml checks before it builds anything."""

    def setUp(self):
        self.package = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
        self.version = self.package["version"]
        section = re.search(
            r"^  AWS::ServerlessRepo::Application:\n((?:    .*\n)+)", (ROOT / "template.yaml").read_text(), re.MULTILINE
        )
        self.metadata = dict(re.findall(r"^    (\w+): (.*(?:\n      .*)*)$", section[1], re.MULTILINE))

    def test_the_template_is_published_as_this_version(self):
        self.assertEqual(self.metadata["SemanticVersion"], self.version)
        self.assertEqual(self.metadata["SpdxLicenseId"], self.package["license"])
        for name in ("LicenseUrl", "ReadmeUrl"):
            self.assertTrue((ROOT / self.metadata[name]).is_file(), self.metadata[name])

    def test_the_template_is_described_within_the_repositorys_limits(self):
        # https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-template-publishing-applications-metadata-properties.html
        self.assertRegex(self.metadata["Name"], r"^[a-zA-Z0-9-]{1,140}$")
        self.assertRegex(self.metadata["Author"], r"^(?=.{1,127}$)[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?$")
        description = " ".join(self.metadata["Description"].removeprefix(">-").split())
        self.assertTrue(1 <= len(description) <= 256, description)
        labels = self.metadata["Labels"].strip("[]").split(", ")
        self.assertLessEqual(len(labels), 10)
        for label in labels:
            self.assertRegex(label, r"^[a-zA-Z0-9+\-_:/@]{1,127}$")

    def test_the_changelog_has_this_version(self):
        changelog = (ROOT / "CHANGELOG.md").read_text()
        self.assertIn("\n## [Unreleased]\n", changelog)
        releases = re.findall(r"^## \[(\d\S*)\] - \d{4}-\d\d-\d\d$", changelog, re.MULTILINE)
        self.assertEqual(releases[:1], [self.version])
        for name in ("Unreleased", *releases):
            self.assertRegex(changelog, rf"(?m)^\[{re.escape(name)}\]: https://")

    def test_releases_are_built_with_the_toolchain_of_the_tests(self):
        channel = tomllib.loads((ROOT / "rust-toolchain.toml").read_text())["toolchain"]["channel"]
        self.assertEqual(re.search(r"^ARG RUST_VERSION=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[1], channel)
        least = self.package["rust-version"].split(".")
        self.assertGreaterEqual([int(part) for part in channel.split(".")], [int(part) for part in least])

    def test_the_workflow_checks_this_first(self):
        workflow = (ROOT / ".github" / "workflows" / "release.yml").read_text()
        self.assertIn("python3 tests/deployment/stages.py Release\n", workflow)


if __name__ == "__main__":
    unittest.main(verbosity=2)
