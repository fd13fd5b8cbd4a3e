// Goes through the portal as its users do. Standard input: one JSON object, from
// tests/end_to_end/tests/slow/browser.rs.

import { strict as assert } from "node:assert";
import { text } from "node:stream/consumers";

import { Watched, accessible, named, pictures } from "./browser.mjs";
import { platform } from "./platform.mjs";
import { reading } from "./reading.mjs";

const input = JSON.parse(await text(process.stdin));
const watched = await Watched.start();
const page = await watched.page();
const base = `${input.api}/portal`;
const picture = (name) => pictures(page, input.screenshots, name);

async function api(method, path, body, key = input.key) {
  const answer = await fetch(`${input.api}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const content = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${content}`);
  return content ? JSON.parse(content) : null;
}

const heading = (name) => page.getByRole("heading", { name });
const { button, link } = named(page);

const flows = {
  async "a link opens the portal by itself"() {
    await page.goto(input.link);
    await page.waitForURL(`${base}/endpoints`);
    await heading("Webhooks").waitFor();
    // The product's word, not Posthorn's.
    assert.ok(!/\bendpoints?\b/i.test(await page.locator("main").innerText()));
    await picture("list");
  },

  async "a page is light and quick"() {
    let bytes = 0;
    const weigh = async (response) => { bytes += (await response.body().catch(() => Buffer.alloc(0))).length; };
    page.on("response", weigh);
    const paints = [];
    for (let round = 0; round < 6; round += 1) {
      await page.goto(`${base}/endpoints/${input.busy}`);
      await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
      paints.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
    }
    page.off("response", weigh);
    // A figure to look at: on a busy machine it is the browser's own time that it shows.
    console.log(`first paint: ${paints.map(Math.round).join(", ")} ms; six loads: ${bytes} bytes`);
    const whole = await page.evaluate(() => {
      const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
      return all.reduce((sum, one) => sum + one.decodedBodySize, 0);
    });
    assert.ok(whole < 150_000, `${whole} bytes`);
  },

  async "the keyboard goes everywhere, and what has the focus is seen"() {
    await page.goto(`${base}/endpoints`);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "content");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), "Add webhook");
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(outline, "solid");
  },

  async "the theme is the reader's, and stays"() {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await button("Dark theme").click();
    const dark = await ground();
    assert.notEqual(dark, light);
    await page.reload();
    assert.equal(await ground(), dark);
    assert.equal(await button("Dark theme").getAttribute("aria-pressed"), "true");
    await button("Dark theme").click();
    assert.equal(await ground(), light);
    await page.evaluate(() => localStorage.clear());
  },

  async "a webhook is added, and what is wrong with it is said where it is wrong"() {
    await page.goto(`${base}/endpoints`);
    await link("Add webhook").first().click();
    await page.getByLabel("URL").fill("ftp://example.com");
    await page.getByText("Only those that I choose").click();
    await page.getByText("Advanced:").click();
    await picture("add");
    await button("Add webhook").click();
    await page.getByRole("alert").waitFor();
    assert.equal(await page.getByLabel("URL").getAttribute("aria-invalid"), "true");
    assert.match(await page.locator("#url-error").innerText(), /http/);
    assert.match(await page.locator("#events-error").innerText(), /tick at least one/);
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "alert");
    await picture("add-refused");

    // Typing into the search leaves what fits.
    await page.getByLabel("URL").fill(input.broken);
    await page.getByLabel("Find events").fill("no such thing");
    await page.getByText("No event has these words.").waitFor();
    await page.getByLabel("Find events").fill("vault");
    const first = page.locator("#catalog [data-words]:visible input").first();
    assert.match(await first.getAttribute("value"), /vault/);
    const chosen = await first.getAttribute("value");
    const one = page.locator(`#catalog input[value="${chosen}"]`);
    await one.check();
    // A group that is wanted whole includes each of its types.
    await page.getByLabel("Find events").fill("");
    const group = page.locator("#catalog [data-group]", { has: page.locator(`input[value="${chosen}"]`) });
    await group.locator("[data-whole]").check();
    assert.ok(await one.isDisabled());
    await group.locator("[data-whole]").uncheck();

    if (!(await page.getByLabel("Filter", { exact: true }).isVisible())) await page.getByText("Advanced:").click();
    const filter = page.getByLabel("Filter", { exact: true });
    const verdict = page.locator("#filter-verdict");
    await filter.fill('{"data": {"nowhere": [{"exists": true}]}}');
    await verdict.getByText("It does not match").waitFor();
    await filter.fill('{"data": ');
    await verdict.getByText("This is no filter yet.").waitFor();
    await filter.fill('{"data": {"nowhere": [{"exists": false}]}}');
    await verdict.getByText("It matches").waitFor();
    await filter.fill("");
    await verdict.getByText("Without a filter").waitFor();
    await page.getByLabel("Deliveries per second, at most").fill("50");
    await page.getByLabel("Retries, as pauses after each failure").fill("1s");
    await page.getByLabel("Header name").last().fill("X-Environment");
    await page.getByLabel("Header value").last().fill("staging");
    await button("+ Another header").click();
    await page.getByLabel("Header name").last().fill("Authorization");
    await page.getByLabel("Header value").last().fill("Bearer very-secret");
    await button("Add webhook").click();
    await page.getByText("Webhook added.").waitFor();
    input.added = new URL(page.url()).pathname.split("/")[3];
    const known = await api("GET", `/v1/endpoints/${input.added}`);
    assert.deepEqual(known.event_types, [chosen]);
    assert.deepEqual(known.rate_limit, { per_second: 50 });
    assert.deepEqual(known.headers, { "X-Environment": "staging", Authorization: "***" });
    input.event_type = chosen;
  },

  async "the secret is hidden until somebody wants to see it"() {
    const { secret } = await api("GET", `/v1/endpoints/${input.added}/secret`);
    assert.ok(!(await page.content()).includes(secret));
    await button("Show").click();
    await page.getByText(secret).waitFor();
    await button("Copy").click();
    await page.getByText("Copied").waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
    await button("Hide").click();
    await button("Show").waitFor();
    assert.ok(!(await page.content()).includes(secret));
    await picture("settings");

    await button("Replace the secret…").click();
    const dialog = page.getByRole("dialog", { name: "Replace the signing secret" });
    await dialog.waitFor();
    await page.screenshot({ path: `${input.screenshots}/rotate-1280-light.png` });
    await accessible(page, "the dialog");
    // Escape leaves all as it was, and the focus where it came from.
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Replace the secret…");
    assert.equal((await api("GET", `/v1/endpoints/${input.added}/secret`)).secret, secret);
    await button("Replace the secret…").click();
    await dialog.getByRole("button", { name: "Replace it" }).click();
    await page.getByText("There is a new secret.").waitFor();
    assert.notEqual((await api("GET", `/v1/endpoints/${input.added}/secret`)).secret, secret);
  },

  async "a test is sent, and its answer arrives"() {
    await page.goto(`${base}/endpoints/${input.busy}/test`);
    const types = page.getByLabel("Event type");
    const data = page.getByLabel("Its data");
    const second = await types.locator("option").nth(1).getAttribute("value");
    const before = await data.inputValue();
    await types.selectOption(second);
    await page.waitForFunction((before) => document.getElementById("data").value !== before, before);
    await data.fill("{");
    await button("Send test event").click();
    await page.getByText("is not JSON").waitFor();
    await data.fill('{"vaultId": "from-the-portal", "amount": 1.50}');
    await button("Send test event").click();
    await page.locator("#result").getByText("200 OK").first().waitFor();
    assert.match(await page.locator("#result").innerText(), /from-the-portal/);
    assert.match(await page.locator("#result").innerText(), /12345678901234567890/);
    await picture("test");
  },

  async "deliveries show up by themselves"() {
    await page.goto(`${base}/endpoints/${input.busy}`);
    const rows = page.locator("#log tbody tr");
    const before = await rows.count();
    const { id } = await api("POST", "/v1/events", { type: input.event_type, data: { vaultId: "live" } });
    await page.locator("#log").getByText(id).waitFor();
    assert.ok((await rows.count()) > before);
    await picture("deliveries");
    // A chart says in words what it shows.
    for (const chart of await page.locator("svg[role=img]").all()) {
      assert.match(await chart.getAttribute("aria-label"), /\d/);
    }
    await page.getByText("The numbers, hour by hour").click();
    assert.ok((await page.locator("details table tbody tr").count()) >= 24);

    // While nobody looks nothing is asked for.
    await page.evaluate(() => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
    });
    let asked = 0;
    const count = (request) => { if (request.url().includes("/log")) asked += 1; };
    page.on("request", count);
    await page.waitForTimeout(5_000);
    page.off("request", count);
    assert.equal(asked, 0);
  },

  async "the log is narrowed"() {
    await page.goto(`${base}/endpoints/${input.busy}`);
    await page.getByLabel("Status").selectOption("failed");
    await button("Show").click();
    await page.getByText("Nothing in the log is like that").waitFor();
    await link("Clear").click();
    await page.locator("#log tbody tr").first().waitFor();
    await page.getByLabel("From").fill("2099-01-01T00:00");
    await button("Show").click();
    await page.getByText("Nothing in the log is like that").waitFor();
    assert.match(page.url(), /since=2098-12-31T23%3A00/);
    assert.equal(await page.getByLabel("From").inputValue(), "2099-01-01T00:00");
  },

  async "a failure says what it is, what was sent and what came back"() {
    const hostile = "<script>window.hacked = true</script><img src=x onerror='window.hacked = true'>";
    const { id } = await api("POST", "/v1/events", { type: input.event_type, data: { note: hostile, [hostile]: 1.5 } });
    input.failed = id;
    await page.goto(`${base}/endpoints/${input.added}`);
    await page.locator("#log").getByText(id).waitFor();
    await page.locator("#log tr", { hasText: id }).getByText("Failed").waitFor({ timeout: 40_000 });
    await page.locator("#log tr", { hasText: id }).getByRole("link").click();
    await page.getByText("500 Internal Server Error").first().waitFor();
    await page.getByText("The receiver failed with an error of its own.").first().waitFor();
    const shown = await page.locator("details.attempt[open]").innerText();
    assert.match(shown, /POST http/);
    assert.match(shown, /Authorization\s+\*\*\*/);
    assert.ok(!shown.includes("very-secret"));
    assert.match(shown, /X-Filedgr-Signature/);
    assert.ok(shown.includes(hostile.slice(0, 20)), shown);
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    await picture("delivery");
    const before = await page.locator("details.attempt").count();
    await button("Send again").click();
    await page.getByText("Sent once more.").waitFor();
    await page.waitForFunction((before) => document.querySelectorAll("details.attempt").length > before, before);
  },

  ...reading({ page, input }),

  async "what failed is recovered, and what is missing is sent"() {
    await page.goto(`${base}/endpoints/${input.added}/again`);
    await picture("again");
    await button("Recover").click();
    await page.locator("#task").getByText("Done.").waitFor();
    assert.match(await page.locator("#task").innerText(), /[1-9]\d* failed deliver(y|ies) looked at/);
    await button("Send what is missing").click();
    await page.locator("#task").getByText("Done.").waitFor();
    await page.locator("#recover-since").fill("2099-01-01T00:00");
    await button("Recover").click();
    await page.getByText("Not started.").waitFor();
  },

  async "a webhook is changed, switched off and on, and deleted"() {
    await page.goto(`${base}/endpoints/${input.added}`);
    await link("Edit").click();
    await page.getByLabel("Description").fill("Changed <b>here</b>");
    await page.getByLabel("Header name").first().fill("");
    await page.getByLabel("Header value").first().fill("");
    await button("Save").click();
    await page.getByText("Saved.").waitFor();
    const known = await api("GET", `/v1/endpoints/${input.added}`);
    assert.equal(known.description, "Changed <b>here</b>");
    assert.deepEqual(known.headers, { Authorization: "***" });

    await button("Switch off").click();
    await page.getByRole("dialog").getByRole("button", { name: "Switch off" }).click();
    await page.getByText("Webhook switched off.").waitFor();
    assert.equal((await api("GET", `/v1/endpoints/${input.added}`)).active, false);
    await picture("switched-off");
    await button("Switch on").click();
    await page.getByText("Webhook switched on.").waitFor();

    await link("Settings").click();
    await button("Delete…").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("This can't be undone.").waitFor();
    assert.match(await dialog.innerText(), /failed in the last 30 days/);
    await page.screenshot({ path: `${input.screenshots}/delete-1280-light.png` });
    await page.setViewportSize({ width: 360, height: 740 });
    await page.screenshot({ path: `${input.screenshots}/delete-360-light.png` });
    await page.setViewportSize({ width: 1280, height: 900 });
    await dialog.getByRole("button", { name: "Keep it" }).click();
    await api("GET", `/v1/endpoints/${input.added}`);
    await button("Delete…").click();
    await dialog.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByText("Webhook deleted.").waitFor();
    assert.ok(!(await page.locator("main").innerText()).includes("/broken"));
  },

  async "what is not there, and what is over, is explained"() {
    await page.goto(`${base}/endpoints/${input.added}`);
    await heading("There is no such").waitFor();
    await picture("missing");
    await button("Sign out").click();
    await heading("You are signed out").waitFor();
    await page.goto(`${base}/endpoints`);
    await heading("You are not signed in").waitFor();
    await picture("signed-out");
    await page.goto(input.link);
    await heading("This link was used already").waitFor();
    await picture("link-used");
  },

  async "without scripts links, forms and pages still work"() {
    const without = await Watched.start({ javaScriptEnabled: false });
    const bare = await without.page();
    await bare.goto(input.plain_link);
    await bare.getByRole("button", { name: "Continue" }).click();
    await bare.getByRole("heading", { name: "No endpoints yet" }).waitFor();
    await bare.getByRole("link", { name: "Add endpoint" }).click();
    await bare.getByLabel("URL").fill(`${input.hook}/plain`);
    await bare.getByRole("button", { name: "Add endpoint" }).click();
    await bare.getByText("Endpoint added.").waitFor();
    await without.end();
  },

  ...platform({ page, input }),
};

let failed = false;
for (const [name, flow] of Object.entries(flows)) {
  const began = Date.now();
  try {
    await flow();
    console.log(`ok: ${name} (${Date.now() - began} ms)`);
  } catch (error) {
    failed = true;
    console.error(`FAILED: ${name}, at ${page.url()}\n${error.stack}`);
    await page.screenshot({ path: `${input.screenshots}/failed.png`, fullPage: true }).catch(() => {});
    break;
  }
}
if (failed) {
  console.error(watched.complaints.join("\n"));
  await watched.context.close();
  process.exit(1);
}
await watched.end();
