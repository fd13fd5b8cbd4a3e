// A browser that is watched: whatever it complains about fails the test.

import { strict as assert } from "node:assert";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

// The packages are installed beside the other tools, not beside this file.
const require = createRequire(new URL("../toolchain/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const PROGRAM = process.env.POSTHORN_CHROMIUM ?? "/usr/bin/chromium";
const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

export const WIDTHS = [360, 768, 1280];
export const THEMES = ["light", "dark"];

// What a browser says by itself of a page that was asked for with a session that is over, or of a
// form that is refused: the status, not a fault of the page.
const EXPECTED = /Failed to load resource: the server responded with a status of (401|403|404|410|422)/;

export class Watched {
  static async start(options = {}) {
    const profile = mkdtempSync(join(tmpdir(), "posthorn-portal-"));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: PROGRAM,
      headless: true,
      args: ARGUMENTS,
      viewport: { width: 1280, height: 900 },
      colorScheme: "light",
      locale: "en-GB",
      timezoneId: "Europe/Berlin",
      permissions: ["clipboard-read", "clipboard-write"],
      ...options,
    });
    context.setDefaultTimeout(20_000);
    return new Watched(profile, context);
  }

  constructor(profile, context) {
    this.profile = profile;
    this.context = context;
    this.complaints = [];
  }

  async page() {
    const page = await this.context.newPage();
    page.on("console", (message) => {
      if (message.type() === "error" && !EXPECTED.test(message.text())) {
        this.complaints.push(`${page.url()}: ${message.text()}`);
      }
    });
    page.on("pageerror", (error) => this.complaints.push(`${page.url()}: ${error}`));
    page.on("requestfailed", (request) => {
      // One that a page leaves behind is given up.
      if (request.failure()?.errorText !== "net::ERR_ABORTED") {
        this.complaints.push(`${request.url()}: ${request.failure()?.errorText}`);
      }
    });
    return page;
  }

  async end() {
    await this.context.close();
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
    assert.deepEqual(this.complaints, [], "the browser complained");
  }
}

// What there is on a page, by the name that people hear or see, the whole of it.
export function named(page) {
  const role = (kind) => (name) => page.getByRole(kind, { name, exact: true });
  return { heading: role("heading"), button: role("button"), link: role("link") };
}

// Nothing serious on the page, for people who use it otherwise than by looking and pointing.
export async function accessible(page, name) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const found = await globalThis.axe.run(document, { runOnly: tags, resultTypes: ["violations"] });
    return found.violations.map((one) => ({
      id: one.id,
      impact: one.impact,
      help: one.help,
      where: one.nodes.slice(0, 4).map((node) => `${node.html.slice(0, 200)} ${node.any.map((check) => check.message).join("; ")}`),
    }));
  });
  const serious = violations.filter((one) => ["serious", "critical", "moderate"].includes(one.impact));
  assert.deepEqual(serious, [], `${name}: axe-core finds something`);
}

// The page at every width and in both themes: looked at by axe-core, and kept as a picture.
export async function pictures(page, folder, name) {
  mkdirSync(folder, { recursive: true });
  const before = page.viewportSize();
  for (const theme of THEMES) {
    await page.emulateMedia({ colorScheme: theme });
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${name} is ${wide} px too wide at ${width} px`);
      await page.screenshot({ path: join(folder, `${name}-${width}-${theme}.png`), fullPage: true });
    }
    await accessible(page, `${name}, ${theme}`);
  }
  await page.setViewportSize({ width: 320, height: 900 });
  const wide = await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${name} is ${wide} px too wide at 320 px`);
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(before);
}
