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
      for (const name of ["Limits", "Portal sessions"]) await heading(name).waitFor();
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

    async "where secrets may have public keys, there is code for both"() {
      // An account of the standard dialect.
      await page.goto(`${base}/accounts/plain`);
      await button("Open its portal").click();
      // Another account's session is there: the link asks first.
      await heading("Open the endpoints of plain?").waitFor();
      await picture("link-asks");
      await button("Continue").click();
      await page.waitForURL(`${input.api}/portal/endpoints`);
      await link("Signatures").click();
      await heading("Verify a signature").waitFor();
      const sample = page.getByRole("group", { name: "Code in Python" });
      await link("Python").click();
      await sample.waitFor();
      assert.match(await sample.innerText(), /whsec_/);
      await page.getByRole("link", { name: "Public key" }).click();
      await sample.getByText("whpk_").waitFor();
      assert.equal(await page.getByRole("link", { name: "Public key" }).getAttribute("aria-current"), "true");
      await picture("verify-public-key");
      // The other languages are for the same kind of key.
      await link("Go").click();
      assert.match(await page.getByRole("group", { name: "Code in Go" }).innerText(), /ed25519/);
    },

    async "who signs out is out"() {
      await page.goto(base);
      await button("Sign out").click();
      await heading("You are signed out").waitFor();
      await page.goto(`${base}/accounts/${input.account}`);
      await key.waitFor();
      assert.ok(!(await page.content()).includes(input.account_name));
    },
  };
};
