"""Verifies deliveries as the products' pages describe it: HMAC-SHA256 of the raw body with the secret,
in hex. One delivery per line, as JSON; one verdict per line."""

import hashlib
import hmac
import json
import sys


def digest(secret, content):
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def plain(secret, signature, body):
    return hmac.compare_digest(digest(secret, body), signature)


def github(secret, signature, body):
    return hmac.compare_digest("sha256=" + digest(secret, body), signature)


def stripe(secret, signature, body):
    parts = [part.split("=", 1) for part in signature.split(",")]
    timestamp = next(value for name, value in parts if name == "t")
    expected = digest(secret, timestamp.encode() + b"." + body)
    return any(hmac.compare_digest(expected, value) for name, value in parts if name == "v1")


VERIFIERS = {"github": github, "stripe": stripe}

for line in sys.stdin:
    delivery = json.loads(line)
    verify = VERIFIERS.get(delivery["dialect"], plain)
    genuine = verify(delivery["secret"], delivery["signature"], delivery["body"].encode())
    print("accepted" if genuine else "refused")
