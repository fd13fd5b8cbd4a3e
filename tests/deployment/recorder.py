"""A proxy before the emulator that keeps every call that a function makes: service, action, resource."""

import http.client
import json
import re
import threading
import urllib.parse

from http_server import Server

ACCOUNT, REGION = "000000000000", "us-east-1"
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Recorder:
    def __init__(self, upstream_port):
        self.upstream_port = upstream_port
        self.calls = set()  # (access key, action, resource)
        self.denied = []
        self.connections = threading.local()
        self.server = Server(self.respond)
        self.url = self.server.url

    def respond(self, method, path, headers, body):
        credential = re.search(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/", headers.get("authorization", ""))
        if credential:
            for action, resource in called(credential[2], method, path, headers, body):
                self.calls.add((credential[1], action, resource))
        status, answered, answer = self.forward(method, path, headers, body)
        if status in (400, 403) and b"AccessDenied" in answer:
            self.denied.append(answer.decode())
        kept = {name: value for name, value in answered if name.lower() not in HOP_BY_HOP | {"date", "server"}}
        return status, kept, answer

    def forward(self, method, path, headers, body):
        for last in (False, True):
            connection = getattr(self.connections, "open", None)
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.upstream_port, timeout=120)
                self.connections.open = connection
            try:
                # As it was signed, the host included.
                connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
                for name, value in headers.items():
                    if name.lower() not in HOP_BY_HOP:
                        connection.putheader(name, value)
                connection.putheader("content-length", str(len(body)))
                connection.endheaders(body)
                response = connection.getresponse()
                return response.status, response.getheaders(), response.read()
            except (http.client.HTTPException, OSError):
                connection.close()
                self.connections.open = None
                if last:
                    raise


def table(name, index=None):
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"
    return f"{arn}/index/{index}" if index else arn


def called(service, method, path, headers, body):
    """What IAM calls the actions of a request, and what they are done to."""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if service == "dynamodb":
        request = json.loads(body)
        if operation == "TransactWriteItems":
            for item in request["TransactItems"]:
                ((kind, what),) = item.items()
                action = kind if kind == "ConditionCheck" else f"{kind}Item"
                yield f"dynamodb:{action}{'Item' if kind == 'ConditionCheck' else ''}", table(what["TableName"])
        elif operation.startswith("Batch"):
            for name in request["RequestItems"]:
                yield f"dynamodb:{operation}", table(name)
        else:
            yield f"dynamodb:{operation}", table(request["TableName"], request.get("IndexName"))
    elif service == "sqs":
        name = json.loads(body)["QueueUrl"].rpartition("/")[2]
        yield f"sqs:{operation.removesuffix('Batch')}", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    elif service == "secretsmanager":
        yield f"secretsmanager:{operation}", json.loads(body)["SecretId"]
    elif service == "scheduler" and method == "POST":
        request = json.loads(body)
        name = urllib.parse.unquote(path.partition("?")[0].rpartition("/")[2])
        group = request.get("GroupName", "default")
        yield "scheduler:CreateSchedule", f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{group}/{name}"
        yield "iam:PassRole", request["Target"]["RoleArn"]
    else:
        yield f"{service}:{operation or f'{method} {path}'}", "?"
