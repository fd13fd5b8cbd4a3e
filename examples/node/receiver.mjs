import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const { PORT = 3000, WEBHOOK_SECRET } = process.env;
const KEY = Buffer.from(WEBHOOK_SECRET.replace(/^whsec_/, ''), 'base64');
const TOLERANCE = 300; // seconds
const MAX_BODY = 1_048_576; // bytes
const SEEN = new Set();

function isGenuine(headers, body) {
  const { 'webhook-id': id, 'webhook-timestamp': sent = '', 'webhook-signature': given = '' } = headers;
  if (!/^[0-9]{1,12}$/.test(sent) || Math.abs(Date.now() / 1000 - Number(sent)) > TOLERANCE) return false;
  const digest = createHmac('sha256', KEY).update(`${id}.${sent}.`).update(body).digest('base64');
  const expected = Buffer.from(`v1,${digest}`);
  return given.split(' ').some((text) => {
    const signature = Buffer.from(text);
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  });
}

async function receive(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > MAX_BODY) return 413;
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (!isGenuine(request.headers, body)) return 401;
  const id = request.headers['webhook-id'];
  if (!SEEN.has(id)) {
    console.log(id, body.toString()); // store it here, work on it later
    SEEN.add(id);
  }
  return 204;
}

createServer(async (request, response) => {
  response.writeHead(await receive(request).catch(() => 500)).end();
}).listen(PORT, '127.0.0.1');
