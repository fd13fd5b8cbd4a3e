"""The one-machine stack, from its binary, with its data in a directory of its own, and requests to its API."""

import configparser
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import botocore.config

import documents  # noqa: F401  (where the programs are)
from programs import POSTHORN

ADMIN_KEY = "documents-are-held-to-what-they-say"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def eventually(what, ask, seconds=30):
    """Asks until the answer is true, and answers it."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def request(method, url, body=None, headers=None):
    """Status, headers and body, whatever the status."""
    sent = urllib.request.Request(url, body, headers or {}, method=method)
    try:
        with DIRECT.open(sent, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def stop(process):
    """Ends a process and what it started in its session."""
    for end in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, end)
            process.wait(timeout=10)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            pass


class Stack:
    """Runs until it is closed."""

    def __init__(self):
        assert POSTHORN.exists(), f"{POSTHORN} is not there: cargo build, or set POSTHORN_PROFILE"
        self.aws_url = f"http://127.0.0.1:{free_port()}"
        self.directory = tempfile.TemporaryDirectory(prefix="posthorn-documents-")
        self.credentials = Path(self.directory.name) / "aws-credentials"
        environment = os.environ | {
            "POSTHORN_LISTEN": f"127.0.0.1:{free_port()}",
            "POSTHORN_AWS_LISTEN": self.aws_url.removeprefix("http://"),
            "POSTHORN_DATA_DIR": self.directory.name,
            "POSTHORN_ADMIN_KEY": ADMIN_KEY,
            "POSTHORN_LOG_LEVEL": "warn",
        }
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [str(POSTHORN)], env=environment, stdout=subprocess.PIPE, stderr=self.log, text=True,
            start_new_session=True)
        told = {}

        def read():
            for line in self.process.stdout:
                name, _, value = line.strip().partition(": ")
                told[name] = value

        threading.Thread(target=read, daemon=True).start()
        try:
            eventually("posthorn ready", lambda: "posthorn ready" in told or self.process.poll() is not None, 60)
            assert "posthorn ready" in told, self.last_words()
        except AssertionError:
            self.close()
            raise
        self.url, self.queue_url = told["posthorn ready"], told["events queue"]
        self.dead_letters_url = f"{self.queue_url}-dlq"

    def last_words(self):
        self.log.seek(0)
        return self.log.read()[-4000:]

    def close(self):
        stop(self.process)
        self.process.stdout.close()
        self.log.close()
        self.directory.cleanup()

    def aws_environment(self):
        """The environment of programs with an AWS SDK, without what whoever runs the tests has in theirs."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return others | {
            "AWS_SHARED_CREDENTIALS_FILE": str(self.credentials), "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}

    def sqs(self):
        config = botocore.config.Config(proxies={}, retries={"total_max_attempts": 1}, read_timeout=30)
        file = configparser.ConfigParser(interpolation=None)
        file.read(self.credentials)
        key = {name: file["default"][name] for name in ("aws_access_key_id", "aws_secret_access_key")}
        return boto3.client("sqs", endpoint_url=self.aws_url, region_name="us-east-1", config=config, **key)

    def call(self, method, path, body=None, key=ADMIN_KEY, status=None, headers=None):
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"} | (headers or {})
        body = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        code, _, answer = request(method, self.url + path, body, headers)
        assert status in (None, code), f"{method} {path}: {code} {answer.decode()}"
        try:
            answer = json.loads(answer)
        except ValueError:
            answer = answer.decode()
        return answer if status else (code, answer)

    def account(self, name):
        """A new account's key for everything."""
        self.call("POST", "/v1/accounts", {"id": name, "name": name}, status=201)
        wish = {"name": "tests", "scopes": ["manage"]}
        return self.call("POST", f"/v1/accounts/{name}/keys", wish, status=201)["key"]
