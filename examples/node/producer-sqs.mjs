import { SQSClient, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';

const sqs = new SQSClient();

// Sends up to ten events, 1 MiB together.
async function push(events) {
  let entries = events.map((event, number) => ({ Id: String(number), MessageBody: JSON.stringify(event) }));
  for (const pause of [1, 2, 4, 8, null]) {
    const command = new SendMessageBatchCommand({ QueueUrl: process.env.EVENTS_QUEUE_URL, Entries: entries });
    const { Failed: failed = [] } = await sqs.send(command);
    if (failed.length === 0) return;
    if (pause === null || failed.some((entry) => entry.SenderFault)) throw new Error(JSON.stringify(failed));
    entries = entries.filter((entry) => failed.some(({ Id }) => Id === entry.Id));
    await sleep(pause * 1000);
  }
}

const orders = [4716, 4717];
await push(
  orders.map((order) => ({ account: 'acme', id: `order-${order}.shipped`, type: 'order.shipped', data: { order } })),
);
