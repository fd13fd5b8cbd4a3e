// Verifies deliveries as the products' pages describe it: HMAC-SHA256 of the raw body with the
// secret, in hex. One delivery per line, as JSON; one verdict per line.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createInterface } from 'node:readline';

const digest = (secret, content) => createHmac('sha256', secret).update(content).digest('hex');

function same(expected, signature) {
  const [a, b] = [Buffer.from(expected), Buffer.from(signature)];
  return a.length === b.length && timingSafeEqual(a, b);
}

const plain = ({ secret, signature, body }) => same(digest(secret, body), signature);

// The page's six steps, and what its specification (Standard Webhooks) adds: a delivery of more than
// five minutes ago is somebody sending again what was overheard.
function flowcode({ secret, id, timestamp, signature, body }) {
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return same(expected, signature.split(' ')[0].replace(/^v1,/, ''));
}

const verifiers = {
  flowcode,
  github: ({ secret, signature, body }) => same(`sha256=${digest(secret, body)}`, signature),
  stripe: ({ secret, signature, body }) => {
    const parts = signature.split(',').map((part) => part.split('='));
    const [, timestamp] = parts.find(([name]) => name === 't');
    const expected = digest(secret, `${timestamp}.${body}`);
    return parts.some(([name, value]) => name === 'v1' && same(expected, value));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const delivery = JSON.parse(line);
  const verify = verifiers[delivery.dialect] ?? plain;
  console.log(verify(delivery) ? 'accepted' : 'refused');
}
