// Verifies deliveries with the Standard Webhooks reference library for Node.js.
//
// Standard input: one JSON object per line, {"secret": "whsec_…", "headers": {…}, "body": "…"}.
// Standard output: one line for each, "ok" or "error: <why>".

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

// The library is installed beside the other tools, not beside this file.
const require = createRequire(new URL("../toolchain/package.json", import.meta.url));
const { Webhook, WebhookVerificationError } = require("standardwebhooks");

function verdict(line) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
  } catch (error) {
    if (error instanceof WebhookVerificationError) return `error: ${error.message}`;
    throw error;
  }
  return "ok";
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(verdict(line));
}
