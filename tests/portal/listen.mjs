// Goes through the page of `posthorn listen`. Standard input: one JSON object, from
// tests/end_to_end/tests/slow/browser.rs; it has two deliveries, a verified one and a forged one.

import { strict as assert } from "node:assert";
import { text } from "node:stream/consumers";

import { Watched, accessible, pictures } from "./browser.mjs";

const input = JSON.parse(await text(process.stdin));
const watched = await Watched.start();
const page = await watched.page();
const picture = (name) => pictures(page, input.screenshots, name);
const list = page.locator("#list");
const chosen = page.locator("#detail");

await page.goto(input.url);
await list.getByText("✓ Verified").waitFor();
await list.getByText("✗ Refused").waitFor();
await picture("list");

// What was refused says why, and what to do.
await list.getByRole("link").filter({ hasText: "✗ Refused" }).click();
await chosen.getByText("Refused: signature differs").waitFor();
assert.ok((await chosen.locator("#advice li").count()) > 0);
assert.match(await chosen.locator("#body").innerText(), /<script>/);
assert.equal(await page.evaluate(() => window.hacked), undefined);
await picture("refused");
await page.getByRole("button", { name: "As it came, byte for byte" }).click();
assert.ok(!(await chosen.locator("#body").innerText()).includes("\n  "));
await page.getByRole("button", { name: "Copy the command" }).click();
await page.getByText("Copied").waitFor();
assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^curl /);

// With the keyboard alone.
await list.getByRole("link").filter({ hasText: "✓ Verified" }).focus();
await page.keyboard.press("Enter");
await chosen.getByText("Verified with").waitFor();

// It answers otherwise from now on, and what comes shows up by itself.
await page.locator("#answers > summary").click();
await page.getByLabel("Status", { exact: true }).fill("99");
await page.getByRole("button", { name: "Answer so from now on" }).click();
await page.locator("#answers-error").filter({ hasText: /\w/ }).waitFor();
await accessible(page, "answers, refused");
await page.getByLabel("Status", { exact: true }).fill("503");
await page.getByRole("button", { name: "Answer so from now on" }).click();
await page.locator("#answering").filter({ hasText: "503" }).waitFor();
await picture("answers");
const before = await list.locator("li").count();
const answer = await fetch(`${new URL(input.url).origin}/later`, { method: "POST", headers: input.headers, body: input.body });
assert.equal(answer.status, 503);
await page.waitForFunction((before) => document.querySelectorAll("#list li").length > before, before);
await list.getByText("503").first().waitFor();
console.log("ok: the page of posthorn listen");
await watched.end();
