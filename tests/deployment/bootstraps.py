"""The real bootstraps, each against a Lambda Runtime API of this file's making, with the services of
the one-machine stack behind them: what they answer to everything that AWS calls them with, how they
end, how fast they start and how much memory they take."""

import base64
import json
import os
import queue
import re
import subprocess
import tempfile
import time
import unittest
import zlib
from pathlib import Path

from http_server import Server
from programs import BUILD, POSTHORN
from runtime_api import RuntimeApi

ADMIN_KEY = "the-admin-key-of-the-bootstraps"
AWS_KEY, AWS_SECRET = "bootstraps", "the-aws-secret-of-the-bootstraps"
ADMIN_KEY_SHA256 = "e53dd23d7a5189e0cf324a5ae03e1f8d1c2ab0dba42b3b398b1fe98b5b5b74e2"
FUNCTIONS = ["Api", "Dispatch", "Deliver", "Retry"]

MIB = 1024 * 1024
# What is uploaded, stored and fetched at a cold start is the bootstrap in a zip file.
MAX_ZIPPED = 8 * MIB
# As it is mapped. What checks events against JSON Schemas has an engine for regular expressions and the schemas of
# all drafts aboard, 2.5 MB; the API the portal and the page of its description as well.
MAX_BYTES = {"Api": 12 * MIB, "Dispatch": 8.5 * MIB, "Deliver": 7 * MIB, "Retry": 6 * MIB}
COLD_START_MS = 40
FIRST_INVOCATION_MS = 60
MAX_MEMORY_MIB = 64
STARTS = 7


class OneMachineStack:
    """The services that the functions call; its own functions work off what they send."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory()
        environment = {
            "PATH": os.environ["PATH"],
            "POSTHORN_DATA_DIR": self.directory.name,
            "POSTHORN_LISTEN": "127.0.0.1:0",
            "POSTHORN_AWS_LISTEN": "127.0.0.1:0",
            "POSTHORN_ADMIN_KEY": ADMIN_KEY,
            "POSTHORN_AWS_KEY": f"{AWS_KEY}:{AWS_SECRET}",
        }
        self.process = subprocess.Popen(
            [POSTHORN], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        told = ""
        for line in self.process.stdout:
            told += line
            if "posthorn ready: " in line:
                break
        self.aws_url = re.search(r"(http://127\.0\.0\.1:\d+)/000000000000/", told)[1]
        key = (Path(self.directory.name) / "deployment-key").read_text().strip()
        answer = json.dumps({"ARN": "arn", "Name": "key", "SecretString": key}).encode()
        self.secrets = Server(lambda *_: (200, {"content-type": "application/x-amz-json-1.1"}, answer))

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.secrets.close()
        self.directory.cleanup()

    def queue(self, name):
        return f"{self.aws_url}/000000000000/posthorn-{name}"

    def environment(self):
        return {
            "AWS_ACCESS_KEY_ID": AWS_KEY,
            "AWS_SECRET_ACCESS_KEY": AWS_SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.secrets.url,
            "AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH": "true",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "POSTHORN_TABLE": "posthorn",
            "POSTHORN_ADMIN_KEY_SHA256": ADMIN_KEY_SHA256,
            "POSTHORN_ALLOWED_NETWORKS": "127.0.0.0/8",
            "POSTHORN_DEPLOYMENT_KEY_ARN": "arn:aws:secretsmanager:us-east-1:000000000000:secret:key",
            "POSTHORN_EVENTS_QUEUE_URL": self.queue("events"),
            "POSTHORN_EVENTS_DLQ_URL": self.queue("events-dlq"),
            "POSTHORN_DELIVERIES_QUEUE_URL": self.queue("deliveries"),
            "POSTHORN_DELIVERIES_DLQ_URL": self.queue("deliveries-dlq"),
            "POSTHORN_TASKS_QUEUE_URL": self.queue("tasks"),
            "POSTHORN_TASKS_DLQ_URL": self.queue("tasks-dlq"),
            "POSTHORN_OPERATIONS_QUEUE_URL": self.queue("operations"),
            "POSTHORN_SCHEDULE_GROUP": "posthorn",
            "POSTHORN_RETRY_FUNCTION_ARN": "arn:aws:lambda:us-east-1:000000000000:function:retry",
            "POSTHORN_SCHEDULER_ROLE_ARN": "arn:aws:iam::000000000000:role/scheduler",
        }


class Bootstrap:
    """One process of a function."""

    def __init__(self, function, environment):
        self.api = RuntimeApi(function)
        environment = dict(
            environment, AWS_LAMBDA_RUNTIME_API=self.api.address, AWS_LAMBDA_FUNCTION_NAME=function
        )
        self.log = tempfile.TemporaryFile("w+")
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [BUILD / f"{function}Function" / "bootstrap"], env=environment, stdout=self.log, stderr=self.log
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.api.close()
        self.log.close()

    def start_ms(self):
        return (self.api.first_next.get(timeout=20) - self.started_at) * 1000

    def invoke(self, event):
        try:
            return self.api.invoke(event)
        except queue.Empty:
            raise AssertionError(f"no answer; it said: {self.said()}") from None

    def peak_mib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024

    def said(self):
        self.log.seek(0)
        return self.log.read()


def rest_event(method, path, body=None, key=ADMIN_KEY, encode=False):
    """As a REST API of API Gateway hands on a request (proxy integration, payload 1.0)."""
    text = None if body is None else json.dumps(body)
    if encode:
        text = base64.b64encode(text.encode()).decode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json", "Host": "api.example.com"}
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "abcdef1234",
            "domainName": "abcdef1234.execute-api.us-east-1.amazonaws.com",
            "httpMethod": method,
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "curl/8"},
            "path": f"/live{path}",
            "protocol": "HTTP/1.1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTime": "21/Nov/2026:10:00:00 +0000",
            "requestTimeEpoch": 1795255200000,
            "resourceId": "123456",
            "resourcePath": "/{proxy+}",
            "stage": "live",
        },
        "body": text,
        "isBase64Encoded": encode,
    }


def http_event(method, path, body=None, key=ADMIN_KEY):
    """As an HTTP API of API Gateway, or a function URL, hands on a request (payload 2.0)."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "limit=5",
        "headers": {"authorization": f"Bearer {key}", "content-type": "application/json", "host": "api.example.com"},
        "queryStringParameters": {"limit": "5"},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "abcdef1234",
            "domainName": "abcdef1234.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abcdef1234",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "curl/8"},
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "21/Nov/2026:10:00:00 +0000",
            "timeEpoch": 1795255200000,
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def sqs_event(queue, *bodies):
    return {
        "Records": [
            {
                "messageId": f"059f36b4-87a3-44ab-83d2-{number:012}",
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": str(int(time.time() * 1000)),
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                    "ApproximateFirstReceiveTimestamp": str(int(time.time() * 1000)),
                },
                "messageAttributes": {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:posthorn-{queue}",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


class Bootstraps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = OneMachineStack()
        cls.addClassCleanup(cls.stack.close)
        cls.seen = []
        cls.receiver = Server(cls.receive)
        cls.addClassCleanup(cls.receiver.close)
        with cls.start("Api") as api:
            cls.call(api, "POST", "/v1/accounts", {"id": "acme", "name": "Acme"}, 201)
            key = cls.call(api, "POST", "/v1/accounts/acme/keys", {"name": "k", "scopes": ["manage", "publish"]}, 201)
            cls.key = key["key"]

    @classmethod
    def receive(cls, method, path, headers, body):
        cls.seen.append((path, body))
        return 200, {}, b""

    @classmethod
    def start(cls, function, **environment):
        return Bootstrap(function, dict(cls.stack.environment(), **environment))

    @staticmethod
    def call(api, method, path, body, status, key=ADMIN_KEY):
        kind, answer = api.invoke(rest_event(method, path, body, key))
        assert kind == "response" and answer["statusCode"] == status, answer
        return json.loads(answer["body"] or "null")

    def endpoint(self, path):
        with self.start("Api") as api:
            hook = {"url": f"{self.receiver.url}{path}"}
            return self.call(api, "POST", "/v1/endpoints", hook, 201, self.key)["id"]

    def first(self, endpoint, data):
        return {"v": 1, "a": "acme", "e": endpoint, "k": KEY, "t": "a.b", "n": 1, "b": data}

    # --- what they are --------------------------------------------------------------------------

    def test_each_is_small_and_stripped(self):
        for function in FUNCTIONS:
            bootstrap = BUILD / f"{function}Function" / "bootstrap"
            size, zipped = bootstrap.stat().st_size, len(zlib.compress(bootstrap.read_bytes()))
            print(f"{function}: {size / MIB:.1f} MiB, {zipped / MIB:.1f} MiB zipped")
            with self.subTest(function):
                self.assertLessEqual(zipped, MAX_ZIPPED)
                self.assertLessEqual(size, MAX_BYTES[function])
                sections = subprocess.run(["readelf", "-SW", bootstrap], capture_output=True, text=True).stdout
                self.assertNotIn(".symtab", sections)
                self.assertNotIn(".debug_info", sections)

    # --- what they answer -----------------------------------------------------------------------

    def test_api_answers_rest_and_http_apis(self):
        with self.start("Api") as api:
            kind, answer = api.invoke(rest_event("GET", "/v1/accounts/acme"))
            self.assertEqual((kind, answer["statusCode"]), ("response", 200))
            self.assertEqual(json.loads(answer["body"])["id"], "acme")
            self.assertFalse(answer["isBase64Encoded"])
            kind, answer = api.invoke(http_event("GET", "/v1/accounts"))
            self.assertEqual((kind, answer["statusCode"]), ("response", 200))
            event = {"type": "a.b", "data": {"text": "grüße"}}
            kind, answer = api.invoke(rest_event("POST", "/v1/events", event, self.key, encode=True))
            self.assertEqual((kind, answer["statusCode"]), ("response", 202), answer)
            # What a client writes there is none of our business.
            for host in ("1.2.3.4.5", "[::", "", "a b"):
                event = rest_event("GET", "/v1/accounts/acme")
                event["headers"].update({"Host": host, "X-Forwarded-Proto": "no scheme"})
                kind, answer = api.invoke(event)
                self.assertEqual((kind, answer["statusCode"]), ("response", 200), (host, answer))
            kind, answer = api.invoke(rest_event("GET", "/v1/nothing"))
            self.assertEqual((kind, answer["statusCode"]), ("response", 404))
            self.assertEqual(json.loads(answer["body"])["status"], 404)

    def test_malformed_invocations_fail_by_themselves(self):
        """Each is an error of its own, and the process goes on."""
        good = {"Api": rest_event("GET", "/v1/accounts/acme"), "Retry": {"sweep": True}}
        for function in FUNCTIONS:
            with self.subTest(function), self.start(function) as process:
                for event in [b"{}", b"[1, 2]", b"null", b'{"nothing": "known"}', b'{"Records": 1}', b"not json"]:
                    kind, answer = process.invoke(event)
                    if kind == "error":
                        self.assertIn("errorMessage", answer)
                    elif function == "Api":
                        self.assertGreaterEqual(answer["statusCode"], 400, (event, answer))
                    else:
                        # A batch of nothing.
                        self.assertEqual((event, answer), (b"{}", {"batchItemFailures": []}))
                kind, answer = process.invoke(good.get(function, sqs_event("events")))
                self.assertEqual(kind, "response", answer)

    def test_dispatch_takes_events_and_moves_what_are_none(self):
        path = "/dispatched"
        self.endpoint(path)
        with self.start("Dispatch") as dispatch:
            event = {"account": "acme", "type": "a.b", "data": {"for": path}}
            kind, answer = dispatch.invoke(sqs_event("events", event, "no json", ""))
        self.assertEqual((kind, answer), ("response", {"batchItemFailures": []}))
        # The one-machine stack's deliver function does the rest.
        self.wait_for(path)

    def test_dispatch_gives_back_what_it_could_not_store(self):
        with self.start("Dispatch", AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:9") as dispatch:
            event = {"account": "acme", "type": "a.b", "data": {}}
            kind, answer = dispatch.invoke(sqs_event("events", event))
        self.assertEqual(kind, "response")
        self.assertEqual(len(answer["batchItemFailures"]), 1, answer)

    def test_deliver_makes_signed_attempts(self):
        path = "/delivered"
        endpoint = self.endpoint(path)
        with self.start("Deliver") as deliver:
            kind, answer = deliver.invoke(sqs_event("deliveries", self.first(endpoint, {"n": 1}), "no message"))
        self.assertEqual((kind, answer), ("response", {"batchItemFailures": []}))
        self.wait_for(path)

    def test_retry_is_called_by_scheduler_and_by_its_queue(self):
        with self.start("Retry") as retry:
            for event in [
                {"bucket": "20261121T101500Z", "shard": 2},
                {"sweep": True},
                {"rotation": True},
            ]:
                kind, answer = retry.invoke(event)
                self.assertEqual(kind, "response", answer)
                self.assertEqual(answer["sent"], 0)
            task = {"account": "acme", "task": "task_01h455vb4pex5vsknk084sn02q"}
            kind, answer = retry.invoke(sqs_event("tasks", task, "no task"))
            self.assertEqual(kind, "response")
            # A task that is not written down yet, and what is no task: both come back.
            self.assertEqual(len(answer["batchItemFailures"]), 2, answer)

    # --- how they end ---------------------------------------------------------------------------

    def test_a_setting_that_is_wrong_ends_the_start_and_is_named(self):
        for function in FUNCTIONS:
            with self.subTest(function), self.start(function, POSTHORN_RETENTION_DAYS="soon") as process:
                self.assertNotEqual(process.process.wait(timeout=20), 0)
                self.assertIn("POSTHORN_RETENTION_DAYS", process.said())
                self.assertIn('"level":"ERROR"', process.said())

    def test_a_deployment_key_that_cant_be_read_ends_the_start_and_is_named(self):
        for function in ("Api", "Deliver"):
            with self.subTest(function), self.start(
                function, AWS_ENDPOINT_URL_SECRETS_MANAGER="http://127.0.0.1:9"
            ) as process:
                self.assertNotEqual(process.process.wait(timeout=60), 0)
                self.assertIn("deployment key", process.said())

    # --- how fast and how large -----------------------------------------------------------------

    def test_cold_starts(self):
        """Time until the process asks for its first invocation, and until that is answered. The
        limits are for the fastest of several starts: what others take longer is the machine's."""
        path = "/cold"
        endpoint = self.endpoint(path)
        first = {
            "Api": rest_event("POST", "/v1/events", {"type": "a.b", "data": {}}, self.key),
            "Dispatch": sqs_event("events", {"account": "acme", "type": "a.b", "data": {}}),
            "Deliver": sqs_event("deliveries", self.first(endpoint, {})),
            "Retry": {"sweep": True},
        }
        for function in FUNCTIONS:
            starts, answers = [], []
            for _ in range(STARTS):
                with self.start(function) as process:
                    starts.append(process.start_ms())
                    asked = time.monotonic()
                    kind, answer = process.invoke(first[function])
                    self.assertEqual(kind, "response", answer)
                    answers.append((process.api.answered_at - asked) * 1000)
            median = [sorted(times)[STARTS // 2] for times in (starts, answers)]
            print(
                f"{function}: first next after {min(starts):.1f} ms (median {median[0]:.1f}), "
                f"first answer {min(answers):.1f} ms later (median {median[1]:.1f})"
            )
            with self.subTest(function):
                self.assertLessEqual(min(starts), COLD_START_MS)
                self.assertLessEqual(min(answers), FIRST_INVOCATION_MS)

    def test_memory_of_the_largest_batch(self):
        endpoint = self.endpoint("/large")
        text = "x" * (262_144 - 8)
        batches = {
            "Dispatch": sqs_event(
                "events", *({"account": "acme", "type": "a.b", "data": {"a": text}} for _ in range(10))
            ),
            "Deliver": sqs_event(
                "deliveries",
                *(
                    dict(self.first(endpoint, {"a": text}), k=f"evt_01h455vb4pex5vsknk084sn0{number}q")
                    for number in range(10, 20)
                ),
            ),
        }
        for function, batch in batches.items():
            with self.subTest(function), self.start(function) as process:
                for _ in range(3):
                    kind, answer = process.invoke(batch)
                    self.assertEqual((kind, answer), ("response", {"batchItemFailures": []}))
                peak = process.peak_mib()
                print(f"{function}: {peak:.0f} MiB at most")
                self.assertLessEqual(peak, MAX_MEMORY_MIB)

    def wait_for(self, path):
        deadline = time.monotonic() + 20
        while not any(seen == path for seen, _ in self.seen):
            self.assertLess(time.monotonic(), deadline, f"nothing came to {path}")
            time.sleep(0.05)


KEY = "evt_01h455vb4pex5vsknk084sn02q"

if __name__ == "__main__":
    unittest.main(verbosity=2)
