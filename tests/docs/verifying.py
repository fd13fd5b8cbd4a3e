"""The portal's page "Verify a signature": for every built-in dialect, and for secrets with a public key, its code takes
what Posthorn really sent and refuses everything else, in every language that this machine has."""

import base64
import hashlib
import hmac
import html
import http.client
import re
import subprocess
import tempfile
import time
import unittest
import urllib.parse
from pathlib import Path

import languages
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_server import Server
from languages import Missing
from local_stack import Stack, eventually

HERE = Path(__file__).resolve().parent / "verifying"


def go(code, folder):
    # What the check around it imports, by names of its own.
    imports = "".join(f'import std{name} "{name}"\n' for name in ("bytes", "fmt", "io", "os"))
    return languages.go(code.replace("package webhooks\n", f"package main\n\n{imports}"), folder)


def java(code, folder):
    return languages.java(code.replace("public final class", "final class"), folder)


def interpreted(program, name, least):
    def prepare(code, folder):
        languages.need(program, least, "--version")
        (folder / name).write_text(code)
        return [program, name]
    return prepare


# The page's name of a language, what is around its code here, and how that is made a command.
LANGUAGES = {
    "node": ("node.mjs", languages.node),
    "python": ("python.py", languages.python),
    "go": ("go.go", go),
    "java": ("Check.java", java),
    "rust": ("rust.rs", languages.rust),
    "ruby": ("ruby.rb", interpreted("ruby", "program.rb", (3, 0))),
    "php": ("php.php", interpreted("php", "program.php", (8, 0))),
}


class Verifying(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.seen = {}
        cls.receiver = Server(cls.receive)
        cls.addClassCleanup(cls.receiver.close)
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.close)
        listed = cls.stack.call("GET", "/v1/dialects", status=200)["data"]
        cls.dialects = [cls.speaking(dialect) for dialect in listed]
        standard = next(dialect for dialect in listed if dialect["name"] == "standard")
        cls.dialects.append(cls.with_public_key(standard))

    @classmethod
    def receive(cls, _method, path, headers, body):
        cls.seen[path] = (list(headers.items()), body)
        return 204, {}, b""

    @classmethod
    def with_public_key(cls, dialect):
        private = Ed25519PrivateKey.generate()
        secret = "whsk_" + base64.b64encode(private.private_bytes_raw()).decode()
        rule = dialect["signatures"][0]
        rule = {**rule, "each": rule["each"].replace("v1,", "v1a,")}
        dialect = {**dialect, "signatures": [rule], "private": private}
        return {**cls.speaking(dialect, "public", secret), "secret": public_key(private), "query": "&key=public"}

    @classmethod
    def speaking(cls, dialect, name=None, secret=None):
        """An account that speaks it, its portal, and a delivery that its endpoint got."""
        name, call = name or dialect["name"], cls.stack.call
        call("POST", "/v1/accounts", {"id": name, "name": name, "dialect": dialect["name"]}, status=201)
        wish = {"name": "tests", "scopes": ["manage", "publish"]}
        key = call("POST", f"/v1/accounts/{name}/keys", wish, status=201)["key"]
        hook = {"url": f"{cls.receiver.url}/{name}", "secret": secret}
        endpoint = call("POST", "/v1/endpoints", hook, key=key, status=201)
        types = dialect["event_types"] or ["order.paid"]
        event = {"type": types[0], "data": {"to": "Zürich", "total": 12.50}}
        call("POST", "/v1/events", event, key=key, status=202)
        headers, body = eventually("a delivery", lambda: cls.seen.get(f"/{name}"))
        link = call("POST", f"/v1/accounts/{name}/portal-sessions", status=201)["url"]
        return {**dialect, "name": name, "identifying": dialect["headers"], "secret": endpoint["secret"],
                "token": endpoint.get("token") or "", "headers": headers, "sent_body": body, "cookie": cls.enter(link),
                "query": ""}

    @classmethod
    def http(cls, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(cls.stack.url).netloc, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    @classmethod
    def enter(cls, link):
        form = urllib.parse.urlencode({"session": link.partition("session=")[2]})
        content = {"content-type": "application/x-www-form-urlencoded"}
        status, headers, text = cls.http("POST", "/portal/enter", form, content)
        assert status == 303, text
        return headers["set-cookie"].partition(";")[0]

    def sample(self, dialect, language):
        status, _, page = self.http("GET", f"/portal/verify?in={language}{dialect['query']}", headers={"cookie": dialect["cookie"]})
        self.assertEqual(status, 200, page)
        sample = html.unescape(re.search(r'id="sample"[^>]*>(.*?)</pre>', page, re.S)[1])
        self.assertEqual("whpk_" in sample, bool(dialect["query"]), "a sample for the kind of key that it is asked for")
        return sample

    def check(self, language):
        around, prepare = LANGUAGES[language]
        for dialect in self.dialects:
            with self.subTest(dialect["name"]), tempfile.TemporaryDirectory() as folder:
                check = (HERE / around).read_text()
                if not dialect["has_token"]:
                    check = re.sub(r"(erify\([^\n]*), _?\$?token\)", r"\1)", check)
                try:
                    command = prepare(self.sample(dialect, language) + check, Path(folder))
                except Missing as missing:
                    self.skipTest(f"not run: {language}: {missing}")
                for what, (genuine, secret, headers, body) in cases(dialect).items():
                    head = "\n".join([secret, dialect["token"] or "-", *(f"{name}: {value}" for name, value in headers)])
                    ran = subprocess.run(command, cwd=folder, input=head.encode("latin-1") + b"\n\n" + body,
                                         capture_output=True, timeout=60)
                    said = (ran.returncode, ran.stdout.decode().strip())
                    expected = (0, "true" if genuine else "false")
                    self.assertEqual(said, expected, f"{what}: {ran.stderr.decode()[-2000:]}")

    def test_node(self):
        self.check("node")

    def test_python(self):
        self.check("python")

    def test_go(self):
        self.check("go")

    def test_java(self):
        self.check("java")

    def test_rust(self):
        self.check("rust")

    def test_ruby(self):
        self.check("ruby")

    def test_php(self):
        self.check("php")


def cases(dialect):
    """Requests by what they are: whether they are genuine, secret, headers, body."""
    sent, body, secret = dialect["headers"], dialect["sent_body"], dialect["secret"]
    rule = dialect["signatures"][0]
    name = rule["header"]
    value_of = {header.lower(): value for header, value in sent}
    signature = value_of[name.lower()]

    def changed(**values):
        values = {header.lower(): value for header, value in values.items()}
        return [(header, values.get(header.lower(), value)) for header, value in sent
                if values.get(header.lower(), value) is not None]

    def with_signature(value):
        return changed(**{name: value})

    half = len(signature) // 2
    found = {
        "what was sent": (True, secret, sent, body),
        "another body": (False, secret, sent, body.replace(b"12.5", b"99.5")),
        "a longer body": (False, secret, sent, body + b" "),
        "no body": (False, secret, sent, b""),
        "another key": (False, forged(secret), sent, body),
        "no signature": (False, secret, with_signature(None), body),
        "an empty signature": (False, secret, with_signature(""), body),
        "half a signature": (False, secret, with_signature(signature[:half]), body),
        "a signature with more in it": (False, secret, with_signature(signature[:half] + "AAAA" + signature[half:]), body),
        "what is no signature": (False, secret, with_signature("é½"), body),
    }
    # Behind the padding of Base64 some decoders read nothing, and Ed25519 verifies what was decoded.
    if not secret.startswith("whpk_"):
        found["a longer signature"] = (False, secret, with_signature(signature + "0"), body)
    if dialect["has_token"]:
        token = header_of(dialect, "${token}")
        found["another token"] = (False, secret, changed(**{token: dialect["token"][::-1]}), body)
        found["no token"] = (False, secret, changed(**{token: None}), body)
    if rule["carries_several"]:
        other = made({**dialect, "private": Ed25519PrivateKey.generate()}, forged(secret), value_of, body)
        found["one of several"] = (True, secret, with_signature(f"{other} v9,AAAA {signature}"), body)
        found["none of several"] = (False, secret, with_signature(f"{other} v9,AAAA"), body)
    if "${id}" in rule["content"]:
        found["another id"] = (False, secret, changed(**{header_of(dialect, "${id}"): "evt-2"}), body)
    if "${unix}" in rule["content"]:
        header = header_of(dialect, "${unix}")
        now = int(time.time())
        for what, genuine, at in [("late", True, now - 200), ("too late", False, now - 310),
                                  ("too early", False, now + 900)]:
            value = made(dialect, secret, value_of | {header.lower(): str(at)}, body)
            found[what] = (genuine, secret, changed(**{header: str(at), name: value}), body)
        for odd in ["", "soon", "9" * 400, "-1", str(now) + ".0"]:
            value = made(dialect, secret, value_of | {header.lower(): odd}, body)
            found[f"a time like {odd[:9]}"] = (False, secret, changed(**{header: odd, name: value}), body)
        found["another time"] = (False, secret, changed(**{header: str(int(value_of[header.lower()]) - 7)}), body)
    return found


def header_of(dialect, template):
    return next(name for name, value in dialect["identifying"].items() if value == template)


def forged(secret):
    """Another key of the same form."""
    if secret.startswith("whpk_"):
        return public_key(Ed25519PrivateKey.generate())
    if secret.startswith("whsec_"):
        return "whsec_" + base64.b64encode(b"x" * 32).decode()
    return "x" * len(secret)


def public_key(private):
    return "whpk_" + base64.b64encode(private.public_key().public_bytes_raw()).decode()


def made(dialect, secret, headers, body):
    """A signature by this secret, or by the private key of a public one, as the dialect's description says."""
    rule = dialect["signatures"][0]
    parts = {template: headers[name.lower()].encode() for name, template in dialect["identifying"].items()}
    content = b"".join({**parts, "${body}": body}.get(part, part.encode())
                       for part in re.split(r"(\$\{\w+\})", rule["content"]))
    if secret.startswith("whpk_"):
        digest = dialect["private"].sign(content)
    else:
        key = base64.b64decode(secret.removeprefix("whsec_")) if dialect["secret_form"] == "standard" else secret.encode()
        digest = hmac.new(key, content, hashlib.sha256).digest()
    text = digest.hex() if rule["encoding"] == "hex" else base64.b64encode(digest).decode()
    return rule["value"].replace("${signatures}", rule["each"].replace("${signature}", text))


if __name__ == "__main__":
    unittest.main(verbosity=2)
