/* What a person does with a report, in a real browser: node check.mjs REPORT
   Prints one JSON object: {"steps": [...], "violations": [...], "errors": [...]}; a step that fails
   ends with its error and exit code 1. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { launch, open } from "./open.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const [file] = process.argv.slice(2);
const browser = await launch();
const result = { steps: [], violations: [], errors: [] };

const text = (page, selector) => page.locator(selector).first().innerText();

async function findMiss({ page }) {
  assert.equal(await text(page, "h1"), "Fleet");
  await readReason({ page });
  await page.getByLabel("Filter").fill("failed");
  const row = page.locator(".list tbody tr").first();
  assert.match(await row.innerText(), /fitness: .*image/);
  await row.getByRole("link").click();
  await page.waitForSelector(".gate[open]");
  const gate = await text(page, ".gate[open]");
  assert.match(gate, /failed/);
  assert.match(gate, /KiB/);
  assert.match(gate, /To fix it: /);
}

async function walkByKeyboard({ page }) {
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => location.hash === "#/export");
  assert.match(await text(page, "h1"), /^\/\/exports/);
  await page.locator("summary").first().focus();
  const before = await page.locator("details[open]").count();
  await page.keyboard.press("Enter");
  assert.notEqual(await page.locator("details[open]").count(), before);
}

async function readAgent({ page }) {
  await page.getByRole("link", { name: "Agent" }).click();
  await page.waitForSelector(".heatmap");
  const names = await page.locator(".heatmap figcaption b").allInnerTexts();
  for (const letter of ["A0", "B0", "C0", "D0"]) assert.ok(names.includes(letter), letter);
  const title = await page.locator(".heatmap td[title]").first().getAttribute("title");
  assert.match(title, /: (\d|\.|e|-)+ probability$/);
}

/* Every reason is whole inside the window, without scrolling sideways. */
async function readReason({ page }) {
  const item = page.locator(".misses li").first();
  assert.match(await item.innerText(), /failed \/\/exports.*image: needs .* the budget says/);
  const [wide, right] = await item.evaluate((one) => [one.scrollWidth, one.getBoundingClientRect().right]);
  assert.ok(right <= (await page.evaluate(() => innerWidth)), `the reason ends at ${right} px`);
  assert.ok(wide <= (await item.evaluate((one) => one.clientWidth)), "the reason is cut");
}

async function stayInside({ page }) {
  await readReason({ page });
  for (const name of ["fleet", "export", "agent", "graph", "build"]) {
    await page.evaluate((hash) => (location.hash = hash), `#/${name}`);
    await page.waitForSelector("h1");
    await page.waitForTimeout(50);
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(beyond <= 0, `${name}: ${beyond} px beyond a window of 360 px`);
  }
}

async function audit({ page }) {
  for (const name of ["fleet", "export", "agent", "graph", "build"]) {
    await page.evaluate((hash) => (location.hash = hash), `#/${name}`);
    await page.waitForSelector("h1");
    await page.waitForTimeout(50);
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    for (const { id, nodes } of violations)
      result.violations.push(`${name}: ${id}: ${nodes.length}: ${nodes[0].target.join(" ")}`);
  }
}

const STEPS = [
  ["find which board misses its budget and why", findMiss, {}],
  ["walk by keyboard alone", walkByKeyboard, {}],
  ["read the matrices of an agent", readAgent, {}],
  ["narrow", stayInside, { width: 360 }],
  ["axe, light", audit, {}],
  ["axe, dark", audit, { dark: true }],
];
try {
  for (const [name, step, how] of STEPS) {
    const opened = await open(browser, file, how);
    try {
      await step(opened);
      result.steps.push(name);
    } catch (error) {
      result.errors.push(`${name}: ${error.message}`);
      process.exitCode = 1;
    }
    result.errors.push(...opened.errors);
    await opened.context.close();
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(result));
