
import { readFileSync } from 'node:fs';
const input = readFileSync(0);
const end = input.indexOf('\n\n');
const [secret, token, ...lines] = input.subarray(0, end).toString('latin1').split('\n');
const headers = Object.fromEntries(lines.map((line) => {
  const colon = line.indexOf(': ');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
}));
const body = input.subarray(end + 2);
void token;
console.log(verify(headers, body, secret, token));
