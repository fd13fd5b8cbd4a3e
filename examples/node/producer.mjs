import { setTimeout as sleep } from 'node:timers/promises';

const { POSTHORN_URL, POSTHORN_KEY } = process.env;

async function send(event) {
  const request = {
    method: 'POST',
    headers: { Authorization: `Bearer ${POSTHORN_KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(event),
  };
  for (const pause of [1, 2, 4, 8, 16, null]) {
    // No answer: it may have been taken, and its id counts once.
    const answer = await fetch(`${POSTHORN_URL}/v1/events`, { ...request, signal: AbortSignal.timeout(30_000) })
      .catch((error) => ({ status: 503, text: () => String(error) }));
    if (answer.status === 202) return (await answer.json()).id;
    if (pause === null || (answer.status < 500 && answer.status !== 429)) throw new Error(await answer.text());
    await sleep(pause * 1000);
  }
}

const order = 4721;
console.log(await send({ id: `order-${order}.shipped`, type: 'order.shipped', data: { order } }));
