// Goes through the platform team's pages as that team does: flows for flows.mjs, with a page of its browser.
// Of the input they need `api`, `screenshots`, `admin_key`, `account` (the id of one with endpoints) and
// `account_name` (what it is called).

import { strict as assert } from "node:assert";

import { named, pictures } from "./browser.mjs";

export const platform = ({ page, input }) => {
  const base = `${input.api}/portal/platform`;
  const picture = (name) => pictures(page, input.screenshots, name);
  const { heading, button, link } = named(page);
  const key = page.getByLabel("Admin key");

  return {
    async "the platform team signs in with an admin key, and with nothing else"() {
      await page.goto(`${base}/accounts`);
      await key.waitFor();
      await page.goto(base);
      // One can write at once.
      assert.equal(await page.evaluate(() => document.activeElement.id), "key");
      await picture("platform-sign-in");
      await key.fill("no-key-of-this-deployment");
      await button("Sign in").click();
      await page.getByText("This is no admin key of this deployment").waitFor();
      assert.equal(await key.getAttribute("aria-invalid"), "true");
      assert.equal(await key.inputValue(), "");
      await picture("platform-wrong-key");
      await key.fill(input.admin_key);
      await key.press("Enter");
      await page.waitForURL(base);
      await heading("Overview").waitFor();
    },

    async "the overview shows queues, rates, and what fails most"() {
      await page.goto(base);
      await heading("Overview").waitFor();
      for (const name of ["Last 24 hours", "Queues", "Endpoints that fail most"]) await heading(name).waitFor();
      const queues = page.getByRole("table", { name: "Messages on each queue" });
      for (const name of ["events", "deliveries", "tasks"]) {
        await queues.getByText(`posthorn-${name}`, { exact: true }).waitFor();
        await queues.getByText(`posthorn-${name}-dlq`, { exact: true }).waitFor();
      }
      assert.ok(!(await page.locator("main").innerText()).includes("can't be read"));
      await picture("platform-overview");
    },

    async "an account is found, and how it is doing"() {
      await link("Accounts").click();
      await heading("Accounts").waitFor();
      const row = page.getByRole("row", { name: input.account_name }).first();
      assert.match(await row.innerText(), /Healthy|Failing|Idle/);
      await picture("platform-accounts");
      await row.getByRole("link", { name: input.account_name, exact: true }).click();
      await heading(input.account_name).waitFor();
      assert.match(await page.locator("main").innerText(), new RegExp(`\\b${input.account}\\b`));
      await heading("Limits").waitFor();
      await picture("platform-account");
    },

    async "its portal opens, and the way back is open"() {
      await page.goto(`${base}/accounts/${input.account}`);
      await button("Open its portal").click();
      await page.waitForURL(`${input.api}/portal/endpoints`);
      await page.locator("header").getByText(input.account_name, { exact: true }).waitFor();
      await page.goto(`${base}/accounts/${input.account}`);
      await heading(input.account_name).waitFor();
    },

    async "who signs out is out"() {
      await button("Sign out").click();
      await heading("You are signed out").waitFor();
      await page.goto(`${base}/accounts/${input.account}`);
      await key.waitFor();
      assert.ok(!(await page.content()).includes(input.account_name));
    },
  };
};
