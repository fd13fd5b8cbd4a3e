"""What customers do, by a client that was generated from the description: create an endpoint, send
an event, page through the log, replay, recover.

    python client.py <API> <key> <receiver's URL>
"""

import sys
import time
from datetime import datetime, timezone

from posthorn_client import AuthenticatedClient
from posthorn_client.api.deliveries import get_delivery, list_deliveries, replay_delivery
from posthorn_client.api.endpoints import create_endpoint, get_endpoint
from posthorn_client.api.events import send_events
from posthorn_client.api.tasks import get_task, recover
from posthorn_client.models import (
    Delivery,
    NewEndpoint,
    NewEvent,
    NewEventData,
    Problem,
    Status,
    TaskStatus,
    Window,
)

DEADLINE = 60


def eventually(ask):
    """Asks until the answer is true."""
    deadline = time.monotonic() + DEADLINE
    while not (answer := ask()):
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.05)
    return answer


def main(api, key, url):
    client = AuthenticatedClient(base_url=api, token=key)

    endpoint = create_endpoint.sync(client=client, body=NewEndpoint(url=url))
    assert endpoint.secret.startswith("whsec_"), endpoint
    assert get_endpoint.sync(endpoint.id, client=client).url == url

    refused = create_endpoint.sync(client=client, body=NewEndpoint(url="https://user@example.com/"))
    assert isinstance(refused, Problem), refused
    assert refused.errors[0].pointer == "/url", refused

    data = NewEventData.from_dict({"vaultId": "vault_1"})
    ids = [send_events.sync(client=client, body=NewEvent(type_="vault.created", data=data)).id for _ in range(3)]

    def delivered():
        delivery = get_delivery.sync(ids[0], endpoint.id, client=client)
        return isinstance(delivery, Delivery) and delivery.status == Status.DELIVERED and delivery

    assert eventually(delivered).attempts[0].status_code == 200

    def page_through():
        found, cursor = [], None
        while True:
            more = {"cursor": cursor} if cursor else {}
            page = list_deliveries.sync(endpoint.id, client=client, limit=1, **more)
            found += [delivery.event_id for delivery in page.data]
            cursor = page.next_cursor
            if not cursor:
                return len(found) == 3 and found

    assert set(eventually(page_through)) == set(ids)

    replay_delivery.sync(ids[0], endpoint.id, client=client)
    eventually(lambda: get_delivery.sync(ids[0], endpoint.id, client=client).attempt_count == 2)

    window = Window(since=datetime(2026, 1, 1, tzinfo=timezone.utc))
    task = recover.sync(endpoint.id, client=client, body=window)
    ended = lambda: get_task.sync(task.task_id, client=client).status == TaskStatus.COMPLETED
    eventually(ended)
    print("all done")


main(*sys.argv[1:])
