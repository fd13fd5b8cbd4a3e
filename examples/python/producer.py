import json
import os
import time
import urllib.error
import urllib.request

URL, KEY = os.environ["POSTHORN_URL"], os.environ["POSTHORN_KEY"]


def send(event):
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{URL}/v1/events", json.dumps(event).encode(), headers)
    for pause in (1, 2, 4, 8, 16, None):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)["id"]
        except urllib.error.HTTPError as refusal:
            if pause is None or refusal.code < 500 and refusal.code != 429:
                raise RuntimeError(refusal.read().decode()) from refusal
        except OSError:  # no answer: it may have been taken, and its id counts once
            if pause is None:
                raise
        time.sleep(pause)


order = 4711
print(send({"id": f"order-{order}.shipped", "type": "order.shipped", "data": {"order": order}}))
