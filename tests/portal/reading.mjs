// Where customers read: events, event types, how to verify a signature. Flows for flows.mjs, with a page of its
// browser; they need `api` and `screenshots` of the input, `failed`, an event that reached nobody, and `event_type`,
// its type.

import { strict as assert } from "node:assert";

import { named, pictures } from "./browser.mjs";

export const reading = ({ page, input }) => {
  const base = `${input.api}/portal`;
  const picture = (name) => pictures(page, input.screenshots, name);
  const { heading, button, link } = named(page);
  const search = page.getByLabel("Go to an event by its id");

  return {
    async "events are listed, narrowed, and found by their ids"() {
      await page.goto(`${base}/endpoints`);
      await link("Events").click();
      await heading("All events").waitFor();
      const rows = page.locator("table tbody tr");
      assert.ok((await rows.count()) >= 3);
      await picture("events");
      await page.getByLabel("Event type").fill(input.event_type);
      await button("Show").click();
      await heading("Events that fit").waitFor();
      const types = await rows.getByRole("link").allInnerTexts();
      assert.deepEqual([...new Set(types)], [input.event_type]);
      await page.getByLabel("From").fill("2099-01-01T00:00");
      await button("Show").click();
      await page.getByText("There is nothing like that.").waitFor();

      await search.fill("evt_no_such_event");
      await button("Go").click();
      await page.getByText("There is no event with this id.").waitFor();
      assert.equal(await search.getAttribute("aria-invalid"), "true");
      await picture("event-not-found");
      await search.fill(` ${input.failed} `);
      await search.press("Enter");
      await page.waitForURL(`${base}/events/${input.failed}`);
    },

    async "an event shows what it holds and where it went"() {
      await page.goto(`${base}/events/${input.failed}`);
      await heading(input.event_type).waitFor();
      const where = page.getByRole("table", { name: "Deliveries of this event" });
      assert.match(await where.innerText(), /\/broken[\s\S]*Failed/);
      const payload = page.locator("#payload");
      assert.match(await payload.innerText(), /<script>window\.hacked/);
      await button("Copy").click();
      await page.getByText("Copied").waitFor();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await payload.textContent());
      await page.getByText("The body as it is sent").click();
      await page.getByText("Signatures are made of these bytes").waitFor();
      assert.equal(await page.evaluate(() => window.hacked), undefined);
      await picture("event");
      await where.getByRole("link").filter({ hasText: "/broken" }).click();
      await page.waitForURL(`**/deliveries/${input.failed}`);
    },

    async "the catalog tells what can happen, and what an event holds then"() {
      await link("Event types").click();
      await heading("Event types").waitFor();
      await picture("event-types");
      await link(input.event_type).click();
      await heading("What it holds").waitFor();
      await heading("Example").waitFor();
      await picture("event-type");
      await page.goto(`${base}/event-types/described.thing`);
      const tree = page.locator(".tree");
      // What stands inside of something is inside of it, for a screen reader, too.
      const inner = tree.locator("ul ul li", { hasText: "city" });
      assert.match(await inner.innerText(), /city\s+required\s+string/);
      assert.match(await tree.innerText(), /<img src=x onerror=/);
      await page.getByText("The JSON Schema").click();
      await page.locator("#schema").waitFor();
      assert.equal(await page.evaluate(() => window.hacked), undefined);
      await picture("event-type-schema");
    },

    async "there is code to verify a signature, in seven languages, with the product's own headers"() {
      await link("Signatures").click();
      await heading("Verify a signature").waitFor();
      await picture("verify");
      for (const name of ["Node.js", "Python", "Go", "Java", "Rust", "Ruby", "PHP"]) {
        await link(name).click();
        const sample = page.getByRole("group", { name: `Code in ${name}` });
        await sample.waitFor();
        assert.match(await sample.innerText(), /x-filedgr-signature/i);
        await button("Copy").click();
        const code = await sample.textContent();
        await page.waitForFunction(async (code) => (await navigator.clipboard.readText()) === code, code);
      }
    },
  };
};
