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

const verifiers = {
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
