"""examples/README.md, followed step by step in every language: the receiver prints what the producer sent."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from documents import EXAMPLES
from example_programs import copy, program
from example_table import LANGUAGES, PRODUCER, RECEIVER, SQS_PRODUCER
from languages import Missing
from local_stack import ADMIN_KEY, Stack, free_port, stop
from programs import POSTHORN
from producing import ORDERS

ACCOUNT = "2. Create an account and a key"
# Seconds for all steps together.
TAKES = 120
# Around the page's commands: `cargo run` of what is built already, and what a person does by looking.
AROUND = r"""
set -euo pipefail -m
trap 'kill %%' EXIT
cargo() {
  case "$*" in
    "run -p "*) "target/debug/$3" ;;
    "run --quiet --release -- "*) "$POSTHORN" "${@:5}" ;;
    *) echo "not expected: cargo $*" >&2; return 1 ;;
  esac
}
listening() { until (: <"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; do sleep 0.1; done; }
printed() { until grep -q "^$1 {\"type\":\"order.shipped\"," "$PRINTED"; do sleep 0.1; done; }
"""


class Walkthrough(unittest.TestCase):
    def setUp(self):
        self.stack = Stack()
        self.addCleanup(self.stack.close)
        self.port = free_port()

    def commands(self, heading, number=0):
        """A step's commands, for this test's ports and folder."""
        code = EXAMPLES.code(heading, "sh", number)
        for said, here in {"http://127.0.0.1:8080": self.stack.url, "http://127.0.0.1:4566": self.stack.aws_url,
                           "127.0.0.1:3000": f"127.0.0.1:{self.port}", "cd examples/": f"cd {copy()}/",
                           "../../.posthorn/aws-credentials": str(self.stack.credentials)}.items():
            code = code.replace(said, here)
        return code

    def follow(self, steps):
        with tempfile.NamedTemporaryFile("w+", prefix="posthorn-walkthrough-") as printed:
            # The page sets what an AWS SDK needs.
            environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
                "POSTHORN": str(POSTHORN), "POSTHORN_AWS_LISTEN": self.stack.aws_url.removeprefix("http://"),
                "POSTHORN_DATA_DIR": self.stack.directory.name, "PORT": str(self.port), "PRINTED": printed.name,
                "no_proxy": "127.0.0.1", "PYTHONWARNINGS": "ignore",
                # The Python that runs this: it has the AWS SDK.
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
            process = subprocess.Popen(["bash", "-c", AROUND + "\n".join(steps)], env=environment, text=True,
                                       stdout=printed, stderr=subprocess.STDOUT, start_new_session=True)
            try:
                code = process.wait(TAKES)
            except subprocess.TimeoutExpired:
                code = f"not within {TAKES} s"
            finally:
                stop(process)
            printed.seek(0)
            text = printed.read()
        self.assertEqual(code, 0, text)
        return text

    def steps(self, language, kind):
        """The page's steps, with a language's commands in place of Python's."""
        try:
            program(language, kind)
            program(language, RECEIVER)
        except Missing as missing:
            self.skipTest(f"not run: the steps in {language}: {missing}")
        row, python = LANGUAGES[language], LANGUAGES["Python"]

        def spoken(code, kind):
            self.assertIn(python.commands[PRODUCER if kind == SQS_PRODUCER else kind], code)
            code = code.replace(python.commands[PRODUCER if kind == SQS_PRODUCER else kind], row.commands[kind])
            return re.sub(r"(^cd .*/)python$", rf"\g<1>{row.folder}", code, flags=re.M)

        return [
            self.commands(ACCOUNT),
            self.commands("3. Register the receiver"),
            spoken(self.commands("4. Start the receiver"), RECEIVER),
            "listening",
            self.commands("Send events through SQS") if kind == SQS_PRODUCER else "",
            spoken(self.commands("5. Send an event"), kind),
        ]

    def sends(self, language):
        text = self.follow([*self.steps(language, PRODUCER), f"printed order-{ORDERS[language]}.shipped"])
        if language == "Python":
            self.assert_as_shown(text)

    def assert_as_shown(self, text):
        """What the page says that the receiver prints, but for the time."""
        shown = EXAMPLES.code("5. Send an event", "").strip()
        pattern = re.escape(shown).replace(re.escape("2026-11-21T10:00:00Z"), r"[^\"]+")
        self.assertRegex(text, f"(?m)^{pattern}$")

    def pushes(self, language, orders):
        self.follow([*self.steps(language, SQS_PRODUCER), *(f"printed order-{order}.shipped" for order in orders)])

    def test_python(self):
        self.sends("Python")

    def test_node(self):
        self.sends("Node.js")

    def test_java(self):
        self.sends("Java")

    def test_go(self):
        self.sends("Go")

    def test_rust(self):
        self.sends("Rust")

    def test_python_by_sqs(self):
        self.pushes("Python", (4714, 4715))

    def test_node_by_sqs(self):
        self.pushes("Node.js", (4716, 4717))

    def test_account_through_the_api(self):
        with tempfile.TemporaryDirectory() as folder:
            kept = Path(folder) / ".posthorn" / "admin-key"
            kept.parent.mkdir()
            kept.write_text(ADMIN_KEY)
            text = self.follow(["trap - EXIT", f"cd {folder}", self.commands(ACCOUNT, 1), r'printf "\nkey: %s\n" "$POSTHORN_KEY"'])
        key = re.search("^key: (.+)$", text, re.M)[1]
        self.stack.call("GET", "/v1/endpoints", key=key, status=200)
