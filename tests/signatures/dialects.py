"""Verifies deliveries as the products' pages describe it. One delivery per line, as JSON; one verdict
per line."""

import base64
import hashlib
import hmac
import json
import sys
import time


def digest(secret, content):
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def plain(delivery):
    """HMAC-SHA256 of the raw body with the secret, in hex."""
    expected = digest(delivery["secret"], delivery["body"].encode())
    return hmac.compare_digest(expected, delivery["signature"])


def github(delivery):
    expected = "sha256=" + digest(delivery["secret"], delivery["body"].encode())
    return hmac.compare_digest(expected, delivery["signature"])


def stripe(delivery):
    parts = [part.split("=", 1) for part in delivery["signature"].split(",")]
    timestamp = next(value for name, value in parts if name == "t")
    expected = digest(delivery["secret"], f"{timestamp}.{delivery['body']}".encode())
    return any(hmac.compare_digest(expected, value) for name, value in parts if name == "v1")


def flowcode(delivery):
    """The page's six steps, and what its specification (Standard Webhooks) adds: a delivery of more
    than five minutes ago is somebody sending again what was overheard."""
    if abs(time.time() - int(delivery["timestamp"])) > 300:
        return False
    content = f"{delivery['id']}.{delivery['timestamp']}.{delivery['body']}"
    key = base64.b64decode(delivery["secret"].removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, content.encode(), hashlib.sha256).digest())
    first = delivery["signature"].split(" ")[0].removeprefix("v1,")
    return hmac.compare_digest(expected.decode(), first)


VERIFIERS = {"github": github, "stripe": stripe, "flowcode": flowcode}

for line in sys.stdin:
    delivery = json.loads(line)
    verify = VERIFIERS.get(delivery["dialect"], plain)
    print("accepted" if verify(delivery) else "refused")
