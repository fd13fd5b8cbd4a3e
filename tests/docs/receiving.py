"""docs/RECEIVING.md: its receivers take what is genuine and refuse the rest; its commands work."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import subprocess
import threading
import time
import unittest

from documents import RECEIVING
from example_programs import program
from example_table import RECEIVER
from http_server import Server
from languages import Missing
from local_stack import Stack, eventually, free_port, stop

ORDER = {"type": "order.shipped", "data": {"to": "Zürich", "order": 4711}}


def signature(secret, event_id, sent, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{event_id}.{sent}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


class Receiver:
    """A receiver of examples/, on a port of its own."""

    def __init__(self, language):
        self.command, self.folder = program(language, RECEIVER)
        self.port, self.process, self.lines = free_port(), None, []

    def start(self, secret):
        self.lines = []
        environment = os.environ | {"PORT": str(self.port), "WEBHOOK_SECRET": secret}
        self.process = subprocess.Popen(
            self.command, cwd=self.folder, env=environment, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, start_new_session=True)
        threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True).start()
        eventually("the receiver listens", self.listens, 60)

    def listens(self):
        assert self.process.poll() is None, "the receiver has ended"
        try:
            return self.post(b"{}") == 401
        except OSError:
            return False

    def stop(self):
        if self.process:
            stop(self.process)
            self.process.stdout.close()

    def post(self, body, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest("POST", "/hook")
            for name, value in headers:
                connection.putheader(name, value)
            connection.putheader("content-length", str(len(body)))
            connection.endheaders(body)
            return connection.getresponse().status
        finally:
            connection.close()

    def signed(self, secret, body=b'{"type":"order.shipped"}', event_id="evt-1", sent=None, changed=None):
        """Posts what is signed well, but for what is changed."""
        sent = str(int(time.time())) if sent is None else sent
        headers = {"webhook-id": event_id, "webhook-timestamp": sent,
                   "webhook-signature": signature(secret, event_id, sent, body)} | (changed or {})
        return self.post(headers.pop("body", body), [(n, v) for n, v in headers.items() if v is not None])


class Receiving(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.close)
        cls.key = cls.stack.account("acme")

    def call(self, method, path, body=None, status=200):
        return self.stack.call(method, path, body, key=self.key, status=status)

    def receiver(self, language):
        try:
            receiver = Receiver(language)
        except Missing as missing:
            self.skipTest(f"not run: receiver in {language}: {missing}")
        self.addCleanup(receiver.stop)
        return receiver

    def endpoint(self, receiver):
        hook = {"url": f"http://127.0.0.1:{receiver.port}/hook", "retry": {"schedule": ["1s"]}}
        created = self.call("POST", "/v1/endpoints", hook, status=201)
        self.addCleanup(self.call, "DELETE", f"/v1/endpoints/{created['id']}", status=204)
        return created

    def delivery(self, event, endpoint, attempts=1, status=None):
        """The delivery, once it has so many attempts."""
        path = f"/v1/events/{event}/deliveries/{endpoint}"

        def ended():
            code, found = self.stack.call("GET", path, key=self.key)
            over = code == 200 and found["attempt_count"] >= attempts and found["status"] != "retrying"
            return found if over else None

        found = eventually(f"{attempts} attempts of {event}", ended)
        self.assertIn(status, (None, found["status"]), found)
        return found

    def check(self, language):
        receiver = self.receiver(language)
        created = self.endpoint(receiver)
        endpoint, secret = created["id"], created["secret"]
        receiver.start(secret)
        event = self.call("POST", "/v1/events", ORDER, status=202)["id"]
        found = self.delivery(event, endpoint, status="delivered")
        self.assertEqual(found["last_status_code"], 204)
        eventually("it is printed", lambda: len(receiver.lines) == 1)
        self.assertTrue(receiver.lines[0].startswith(f"{event} "), receiver.lines)
        self.assertEqual(json.loads(receiver.lines[0].split(" ", 1)[1])["data"], ORDER["data"])

        # The same event once more: taken, and nothing happens.
        self.call("POST", f"/v1/events/{event}/deliveries/{endpoint}/replay", status=202)
        found = self.delivery(event, endpoint, attempts=2, status="delivered")
        self.assertEqual(found["last_status_code"], 204)

        self.refuses(receiver, secret)
        self.assertEqual(receiver.signed(secret, event_id="evt-last"), 204)
        eventually("the last is printed", lambda: receiver.lines[-1].startswith("evt-last "))
        self.assertEqual([line.split()[0] for line in receiver.lines], [event, "evt-signed", "evt-late", "evt-last"])
        self.rotates(receiver, endpoint, secret)

    def refuses(self, receiver, secret):
        now, forged = int(time.time()), "whsec_" + base64.b64encode(b"x" * 32).decode()
        body = b'{"type":"order.shipped"}'
        good = signature(secret, "evt-1", str(now), body)
        self.assertEqual(receiver.signed(secret, event_id="evt-signed"), 204)
        self.assertEqual(receiver.signed(secret, event_id="evt-late", sent=str(now - 240)), 204)
        refused = {
            "another secret": dict(changed={"webhook-signature": signature(forged, "evt-1", str(now), body)}),
            "another body": dict(changed={"body": body.replace(b"shipped", b"dropped")}),
            "a longer body": dict(changed={"body": body + b" "}),
            "another id": dict(changed={"webhook-id": "evt-2"}),
            "another time": dict(changed={"webhook-timestamp": str(now - 7)}),
            "too old": dict(sent=str(now - 310)),
            "from the future": dict(sent=str(now + 310)),
            "no time": dict(sent="soon"),
            "no time at all": dict(sent=""),
            "a huge time": dict(sent="9" * 400),
            "a time in another script": dict(sent="²", changed={"webhook-signature": good}),
            "without id": dict(changed={"webhook-id": None}),
            "without time": dict(changed={"webhook-timestamp": None}),
            "without signature": dict(changed={"webhook-signature": None}),
            "empty signature": dict(changed={"webhook-signature": ""}),
            "only the version": dict(changed={"webhook-signature": "v1,"}),
            "cut signature": dict(changed={"webhook-signature": good[:-4]}),
            "another version": dict(changed={"webhook-signature": good.replace("v1,", "v2,")}),
            "signature beyond ASCII": dict(changed={"webhook-signature": "v1,é¼"}),
        }
        for name, forgery in refused.items():
            with self.subTest(name):
                self.assertEqual(receiver.signed(secret, body, **forgery), 401)
        # One that fits is enough, wherever it stands.
        wrong = signature(forged, "evt-signed", str(now), body)
        both = {"webhook-signature": f"v1a,AAAA {wrong} {signature(secret, 'evt-signed', str(now), body)}"}
        self.assertEqual(receiver.signed(secret, body, "evt-signed", str(now), both), 204)

    def rotates(self, receiver, endpoint, secret):
        """While both secrets sign, a receiver with either takes deliveries; after that, only the new one."""
        path = f"/v1/endpoints/{endpoint}/secret/rotate"
        new = self.call("POST", path, {"overlap_seconds": 86_400})["secret"]
        self.assertNotEqual(new, secret)
        time.sleep(1.1)  # what the deliver function has read is good for a second
        self.takes(endpoint, "delivered")
        receiver.stop()
        receiver.start(new)
        self.takes(endpoint, "delivered")
        self.call("POST", path, {"overlap_seconds": 0})
        time.sleep(1.1)
        self.takes(endpoint, "failed", attempts=2)

    def takes(self, endpoint, status, attempts=1):
        event = self.call("POST", "/v1/events", ORDER, status=202)["id"]
        found = self.delivery(event, endpoint, attempts, status)
        self.assertEqual(found["last_status_code"], 204 if status == "delivered" else 401)

    def test_python(self):
        self.check("Python")

    def test_node(self):
        self.check("Node.js")

    def test_java(self):
        self.check("Java")

    def test_go(self):
        self.check("Go")

    def test_rust(self):
        self.check("Rust")

    def test_large_bodies_are_refused(self):
        for language in ("Python", "Node.js", "Java", "Go", "Rust"):
            with self.subTest(language):
                receiver = self.receiver(language)
                secret = "whsec_" + base64.b64encode(b"k" * 32).decode()
                receiver.start(secret)
                self.assertEqual(receiver.signed(secret, b"x" * 1_048_576), 204)
                try:
                    self.assertEqual(receiver.signed(secret, b"x" * 1_048_577), 413)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # refused while it was being sent
                receiver.stop()

    def test_the_example_is_signed(self):
        request = RECEIVING.code("What arrives", "http")
        head, body = request.rstrip("\n").split("\n\n")
        headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
        secret = re.search("With the secret `([^`]+)`", RECEIVING.text)[1]
        expected = signature(secret, headers["webhook-id"], headers["webhook-timestamp"], body.encode())
        self.assertEqual(headers["webhook-signature"], expected)

    def test_commands(self):
        """The page's commands, one after the other."""
        receiver = self.receiver("Python")
        created = self.endpoint(receiver)
        endpoint = created["id"]
        event = self.call("POST", "/v1/events", ORDER, status=202)["id"]
        self.delivery(event, endpoint, attempts=2, status="failed")  # nobody listens yet
        receiver.start(created["secret"])
        commands = [RECEIVING.code("Finding out why", "sh"), RECEIVING.code("Finding out why", "sh", 1),
                    RECEIVING.code("Rotate the secret", "sh")]
        environment = os.environ | {
            "POSTHORN_URL": self.stack.url, "POSTHORN_KEY": self.key, "ENDPOINT": endpoint, "EVENT": event,
            "SINCE": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600)), "no_proxy": "127.0.0.1"}
        script = "\n".join(commands)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], env=environment, capture_output=True,
                              text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        answers = [json.loads(line) for line in done.stdout.splitlines() if line]
        self.assertEqual(len(answers), 9, done.stdout)
        self.assertEqual([one["event_id"] for one in answers[1]["data"]], [event])
        self.assertEqual(answers[2]["last_error"]["kind"], "connect")
        self.assertEqual(answers[3]["data"], ORDER["data"])
        self.delivery(event, endpoint, attempts=3, status="delivered")
        self.delivery(answers[4]["event_id"], endpoint, status="delivered")
        for answer in answers[6:8]:
            path = f"/v1/tasks/{answer['task_id']}"
            eventually("the task ends", lambda: self.call("GET", path)["status"] == "completed")
        self.assertTrue(answers[8]["secret"].startswith("whsec_"))

    def test_what_an_answer_does(self):
        """The page's table: statuses, and headers of the answer."""
        answers = {
            "/200": (200, {}), "/302": (302, {"location": "/200"}), "/404": (404, {}), "/410": (410, {}),
            "/abort": (500, {"webhook-delivery": "abort-message"}), "/disable": (500, {"webhook-delivery": "disable"}),
            "/thanks": (200, {"webhook-delivery": "disable"}), "/later": (503, {"retry-after": "3600"}),
        }
        server = Server(lambda _method, path, _headers, _body: (*answers[path], b""))
        self.addCleanup(server.close)
        expected = {
            "/200": ("delivered", 1, None), "/302": ("failed", 2, None), "/404": ("failed", 2, None),
            "/410": ("failed", 1, "gone"), "/abort": ("failed", 1, None), "/disable": ("failed", 1, "requested"),
            "/thanks": ("delivered", 1, "requested"),
        }
        endpoints = {}
        for path in answers:
            hook = {"url": server.url + path, "retry": {"schedule": ["1s"]}, "event_types": ["answer.tested"]}
            endpoints[path] = self.call("POST", "/v1/endpoints", hook, status=201)["id"]
            self.addCleanup(self.call, "DELETE", f"/v1/endpoints/{endpoints[path]}", status=204)
        event = self.call("POST", "/v1/events", ORDER | {"type": "answer.tested"}, status=202)["id"]
        for path, (status, attempts, reason) in expected.items():
            with self.subTest(path):
                found = self.delivery(event, endpoints[path], attempts, status)
                self.assertEqual(found["attempt_count"], attempts)
                shown = f"/v1/endpoints/{endpoints[path]}"
                told = eventually("it is switched off", lambda: self.call("GET", shown)["disabled_reason"]) if reason \
                    else self.call("GET", shown)["disabled_reason"]
                self.assertEqual(told, reason)
        later = self.call("GET", f"/v1/events/{event}/deliveries/{endpoints['/later']}")
        self.assertEqual(later["status"], "retrying")
        due = time.mktime(time.strptime(later["next_attempt_at"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        self.assertAlmostEqual(due, time.time() + 3600, delta=60)
