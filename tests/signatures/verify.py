"""Verifies deliveries with the Standard Webhooks reference library for Python.

Standard input: one JSON object per line, {"secret": "whsec_…", "headers": {…}, "body": "…"}.
Standard output: one line for each, "ok" or "error: <why>".
"""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError


def verdict(line):
    delivery = json.loads(line)
    try:
        Webhook(delivery["secret"]).verify(delivery["body"], delivery["headers"])
    except WebhookVerificationError as error:
        return f"error: {error}"
    return "ok"


for line in sys.stdin:
    # At once, so that a test may ask and wait, line by line.
    print(verdict(line), flush=True)
