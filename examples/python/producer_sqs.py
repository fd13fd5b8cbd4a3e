import json
import os
import time

import boto3

sqs = boto3.client("sqs")


def push(events):
    """Sends up to ten events, 1 MiB together."""
    waiting = {str(number): json.dumps(event) for number, event in enumerate(events)}
    for pause in (1, 2, 4, 8, None):
        entries = [{"Id": number, "MessageBody": body} for number, body in waiting.items()]
        answer = sqs.send_message_batch(QueueUrl=os.environ["EVENTS_QUEUE_URL"], Entries=entries)
        failed = answer.get("Failed", [])
        if not failed:
            return
        if pause is None or any(entry["SenderFault"] for entry in failed):
            raise RuntimeError(failed)
        waiting = {entry["Id"]: waiting[entry["Id"]] for entry in failed}
        time.sleep(pause)


orders = [4714, 4715]
push(
    [
        {"account": "acme", "id": f"order-{order}.shipped", "type": "order.shipped", "data": {"order": order}}
        for order in orders
    ]
)
