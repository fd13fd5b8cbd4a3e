"""The Lambda Runtime API, for one process of a function."""

import json
import queue
import time

from http_server import Server

ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


class RuntimeApi:
    """Hands invocations to whoever asks for the next one, and keeps what is answered."""

    def __init__(self, function):
        self.function = function
        self.invocations = queue.Queue()
        self.answers = queue.Queue()
        self.first_next = queue.Queue()
        self.count = 0
        self.server = Server(self.respond)
        self.address = f"127.0.0.1:{self.server.port}"

    def respond(self, method, path, _headers, body):
        parts = path.strip("/").split("/")
        if parts[1:] == ["runtime", "invocation", "next"]:
            if self.count == 0:
                self.first_next.put(time.monotonic())
            event = self.invocations.get()
            self.count += 1
            headers = {
                "lambda-runtime-aws-request-id": f"request-{self.count}",
                "lambda-runtime-deadline-ms": str(int((time.time() + 60) * 1000)),
                "lambda-runtime-invoked-function-arn": ARN + self.function,
                "content-type": "application/json",
            }
            return 200, headers, event
        kind = parts[-1]  # response or error
        self.answers.put((kind, json.loads(body or b"null"), time.monotonic()))
        return 202, {"content-type": "application/json"}, b"{}"

    def invoke(self, event, timeout=30):
        """Answers `response` or `error`, and what was said."""
        if not isinstance(event, bytes):
            event = json.dumps(event).encode()
        self.invocations.put(event)
        kind, answer, self.answered_at = self.answers.get(timeout=timeout)
        return kind, answer

    def close(self):
        self.server.close()
