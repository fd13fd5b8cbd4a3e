"""docs/PRODUCING.md: what its programs and forms send is delivered; what it says is refused is refused."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from documents import PRODUCING
from example_programs import program
from example_table import PRODUCER, SQS_PRODUCER
from http_server import Server
from languages import Missing
from local_stack import ADMIN_KEY, Stack, eventually

# The order that each language's producer reports: a number of its own, so that all can be run for one account.
ORDERS = {"Python": 4711, "Node.js": 4721, "Java": 4731, "Go": 4741, "Rust": 4751}


class Producing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.close)
        cls.seen, cls.lock = [], threading.Lock()
        cls.receiver = Server(cls.receive)
        cls.addClassCleanup(cls.receiver.close)
        # The account that the page's events on the queue name.
        cls.key = cls.subscribed("acme")

    @classmethod
    def receive(cls, _method, path, headers, body):
        with cls.lock:
            cls.seen.append((path, headers["webhook-id"], body.decode()))
        return 204, {}, b""

    @classmethod
    def subscribed(cls, name):
        """An account with an endpoint for everything; its key."""
        key = cls.stack.account(name)
        cls.stack.call("POST", "/v1/endpoints", {"url": f"{cls.receiver.url}/{name}"}, key=key, status=201)
        return key

    def arrived(self, account, event_id):
        """The one request that brought an event."""
        def found():
            return [body for path, seen, body in list(self.seen) if (path, seen) == (f"/{account}", event_id)]

        eventually(f"{event_id} arrives", found)
        self.assertEqual(len(found()), 1)
        return json.loads(found()[0])

    def program(self, language, kind):
        try:
            return program(language, kind)
        except Missing as missing:
            self.skipTest(f"not run: {kind} in {language}: {missing}")

    def run_it(self, command, folder=None, fails=False, **environment):
        environment = self.stack.aws_environment() | {
            "EVENTS_QUEUE_URL": self.stack.queue_url, "EVENTS_DLQ_URL": self.stack.dead_letters_url,
            "AWS_ENDPOINT_URL": self.stack.aws_url, "no_proxy": "127.0.0.1", "POSTHORN_URL": self.stack.url} | environment
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode != 0, fails, done.stdout + done.stderr)
        return done.stdout + done.stderr if fails else done.stdout

    def shell(self, heading, **environment):
        # Version 1 of the AWS CLI does not look at AWS_ENDPOINT_URL.
        script = 'aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }\n' + PRODUCING.code(heading, "sh")
        return self.run_it(["bash", "-euo", "pipefail", "-c", script], **environment)

    # --- by HTTP ---

    def posts(self, language):
        command, folder = self.program(language, PRODUCER)
        event_id = f"order-{ORDERS[language]}.shipped"
        account = f"by-http-{language.lower()}"
        key = self.subscribed(account)
        # Twice: its id counts once.
        for _ in range(2):
            self.assertIn(event_id, self.run_it(command, folder, POSTHORN_KEY=key))
        event = self.arrived(account, event_id)
        self.assertEqual((event["type"], event["data"]), ("order.shipped", {"order": ORDERS[language]}))
        # Once it has got this far, the second one has been dropped.
        later = self.stack.call("POST", "/v1/events", {"type": "a", "data": {}}, key=key, status=202)["id"]
        self.arrived(account, later)
        self.arrived(account, event_id)
        # A refusal is told, at once.
        wrong = self.run_it(command, folder, fails=True, POSTHORN_KEY="a-key-that-nobody-has")
        self.assertIn("this key is unknown", wrong)
        self.tries_again(command, folder, event_id)

    def tries_again(self, command, folder, event_id):
        """What is passing is tried again: an overload, a fault."""
        answers = [(429, b"slower"), (503, b"not now"), (202, json.dumps({"id": event_id}).encode())]
        bodies = []

        def answer(_method, _path, _headers, body):
            bodies.append(body)
            status, text = answers[min(len(bodies), len(answers)) - 1]
            return status, {"content-type": "application/json"}, text

        busy = Server(answer)
        self.addCleanup(busy.close)
        self.assertIn(event_id, self.run_it(command, folder, POSTHORN_URL=busy.url, POSTHORN_KEY="any"))
        self.assertEqual(len(bodies), 3)
        self.assertEqual(len(set(bodies)), 1, "the same each time")

    def test_http_python(self):
        self.posts("Python")

    def test_http_node(self):
        self.posts("Node.js")

    def test_http_java(self):
        self.posts("Java")

    def test_http_go(self):
        self.posts("Go")

    def test_http_rust(self):
        self.posts("Rust")

    def test_http_curl(self):
        first = json.loads(self.shell("By HTTP", POSTHORN_KEY=self.key))
        again = json.loads(self.shell("By HTTP", POSTHORN_KEY=self.key))
        self.assertEqual(first, again)
        self.assertEqual(self.arrived("acme", first["id"])["data"], {"order": 4712})

    def test_nobody_subscribes(self):
        key = self.stack.account("quiet")
        event = self.stack.call("POST", "/v1/events", {"type": "a", "data": {}}, key=key, status=202)["id"]
        path = f"/v1/events/{event}/deliveries"
        eventually("it is on record", lambda: self.stack.call("GET", path, key=key)[0] == 200)
        self.assertEqual(self.stack.call("GET", path, key=key, status=200)["data"], [])

    # --- by SQS ---

    def test_sqs_cli(self):
        if not shutil.which("aws"):
            self.skipTest("not run: the AWS CLI's command: aws is not installed")
        self.shell("By SQS")
        self.assertEqual(self.arrived("acme", "order-4713.shipped")["data"], {"order": 4713})

    def pushes(self, language, orders):
        command, folder = self.program(language, SQS_PRODUCER)
        self.run_it(command, folder)
        for order in orders:
            self.assertEqual(self.arrived("acme", f"order-{order}.shipped")["data"], {"order": order})

    def test_sqs_python(self):
        self.pushes("Python", (4714, 4715))

    def test_sqs_node(self):
        self.pushes("Node.js", (4716, 4717))

    def push(self, body):
        self.stack.sqs().send_message(QueueUrl=self.stack.queue_url, MessageBody=body)

    def test_forms(self):
        """The page's three forms, each as it is printed."""
        # The native one under another id: the programs have sent that one.
        native = PRODUCING.code("An event", "json").replace("order-4711", "order-4710")
        self.push(native)
        self.push(PRODUCING.code("CloudEvents", "json"))
        self.push(PRODUCING.code("EventBridge", "json"))
        for event_id, data in (("order-4710.shipped", {"order": 4711, "total": 1.5}),
                               ("order-4718.shipped", {"order": 4718}),
                               ("6a7e8feb-b491-4cf7-a9f1-bf3703467718", {"order": 4719})):
            event = self.arrived("acme", event_id)
            self.assertEqual(event, {"type": "order.shipped", "timestamp": "2026-11-21T10:00:00Z", "data": data})
        self.assertTrue(any('"total": 1.50' in body for _, _, body in self.seen), "byte for byte")

    def test_what_a_rule_makes(self):
        """The rule's template, filled in as EventBridge fills it in, is an event."""
        template = PRODUCING.code("EventBridge", "yaml").split("InputTemplate: >-\n")[1].split("\n")[0].strip()
        values = {"account": "acme", "id": "from-a-rule", "time": "2026-11-21T10:00:00Z", "detail": {"order": 1}}
        for name, value in values.items():
            template = template.replace(f"<{name}>", json.dumps(value))
        self.push(template)
        self.assertEqual(self.arrived("acme", "from-a-rule")["data"], {"order": 1})

    def test_the_rules_template_is_sound(self):
        lint = Path(sys.executable).with_name("cfn-lint")
        if not lint.exists():
            self.skipTest("not run: the rule's template: cfn-lint is not in this environment")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(PRODUCING.code("EventBridge", "yaml"))
            file.flush()
            done = subprocess.run([lint, file.name], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_permissions(self):
        policy = json.loads(PRODUCING.code("Permissions", "json"))
        self.assertEqual([one["Action"] for one in policy["Statement"]], ["sqs:SendMessage"])

    def test_outbox(self):
        page = {}
        exec(PRODUCING.code("The outbox", "python"), page)
        db = sqlite3.connect(":memory:")
        self.addCleanup(db.close)
        db.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, state TEXT)")
        db.execute("CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL)")
        orders = range(5000, 5012)
        db.executemany("INSERT INTO orders VALUES (?, 'paid')", [(order,) for order in orders])
        for order in orders:
            page["ship"](db, order)
        rows = db.execute("SELECT * FROM outbox").fetchall()
        sqs, url = self.stack.sqs(), self.stack.queue_url
        while page["relay"](db, sqs, url):
            pass
        # It died before it could delete what it had sent.
        db.executemany("INSERT INTO outbox VALUES (?, ?)", rows)
        while page["relay"](db, sqs, url):
            pass
        for order in orders:
            self.arrived("acme", f"order-{order}.shipped")
        self.push(json.dumps({"account": "acme", "id": "after-the-outbox", "type": "a", "data": {}}))
        self.arrived("acme", "after-the-outbox")
        for order in orders:
            self.arrived("acme", f"order-{order}.shipped")

    # --- what is refused ---

    def test_answers(self):
        """The page's table of statuses."""
        fine = {"type": "order.shipped", "data": {}}
        reader = self.stack.call(
            "POST", "/v1/accounts/acme/keys", {"name": "reader", "scopes": ["read"]}, status=201)["key"]
        big = fine | {"data": {"a": "x" * 262_144}}
        cloud_event = json.loads(PRODUCING.code("CloudEvents", "json"))
        cases = [
            (202, fine, {}), (400, b"[]", {}), (400, b"nonsense", {}), (401, fine, {"Authorization": "Bearer none"}),
            (403, fine, {"Authorization": f"Bearer {reader}"}), (413, big, {}), (413, b" " * 4_194_305, {}),
            (415, fine, {"Content-Type": "text/plain"}), (422, fine | {"account": "acme"}, {}),
            (422, fine | {"type": "Order Shipped"}, {}), (422, fine | {"data": []}, {}), (422, cloud_event, {}),
            (422, fine | {"type": "posthorn.endpoint.failing"}, {}), (422, {"events": [fine] * 101}, {}),
            (202, fine, {"Idempotency-Key": "once"}), (202, fine, {"Idempotency-Key": "once"}),
            (409, fine | {"data": {"a": 1}}, {"Idempotency-Key": "once"}),
        ]
        for status, body, headers in cases:
            with self.subTest(status=status, body=str(body)[:80], headers=headers):
                code, answer = self.stack.call("POST", "/v1/events", body, key=self.key, headers=headers)
                self.assertEqual(code, status, str(answer)[:300])
                if status == 422:
                    self.assertTrue(all(one["pointer"] and one["detail"] for one in answer["errors"]))
        code, _ = self.stack.call("POST", "/v1/events", fine, key=ADMIN_KEY)
        self.assertEqual(code, 400)
        code, _ = self.stack.call("POST", "/v1/events", fine, key=ADMIN_KEY, headers={"Posthorn-Account": "nobody"})
        self.assertEqual(code, 404)

    def test_dead_letters(self):
        """Each reason of the page's table, by the page's own command."""
        if not shutil.which("aws"):
            self.skipTest("not run: the dead-letter queue's command: aws is not installed")
        key = self.stack.account("strict")
        schema = {"type": "object", "required": ["order"]}
        self.stack.call("POST", "/v1/event-types", {"name": "order.shipped", "schema": schema}, key=key, status=201)
        event = {"account": "strict", "type": "order.shipped", "data": {"order": 1}}
        wrong = {
            "an event is one JSON object": "nonsense",
            "at most 262144": json.dumps(event | {"data": {"order": "x" * 300_000}}),
            "/account: there is no account nobody": json.dumps(event | {"account": "nobody"}),
            "/type: the account's catalog has no event type order.lost": json.dumps(event | {"type": "order.lost"}),
            "posthorn.endpoint.failing is a type of Posthorn's own events":
                json.dumps(event | {"type": "posthorn.endpoint.failing"}),
            "not valid by the schema of order.shipped": json.dumps(event | {"data": {}}),
            "/time: unknown field": json.dumps(event | {"time": "2026-11-21T10:00:00Z"}),
            "/type: missing": json.dumps({"account": "strict", "data": {}}),
            "/type: is there twice": '{"account": "strict", "type": "a", "type": "b", "data": {}}',
            "/timestamp: expected": json.dumps(event | {"timestamp": "yesterday"}),
        }
        for body in wrong.values():
            self.push(body)
        told = ""

        def all_told():
            nonlocal told
            told += self.shell("What can't be accepted")
            return all(reason in told for reason in wrong)

        try:
            eventually("all reasons", all_told, 60)
        except AssertionError:
            self.fail([reason for reason in wrong if reason not in told])
