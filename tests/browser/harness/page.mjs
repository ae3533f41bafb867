// Opens the reports of a folder in a real browser and says what is wrong with them, one line each; says nothing else.
// Usage: node page.mjs FOLDER [SCREENSHOTS]. Needs a Chromium on the PATH.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [folder, screenshots] = process.argv.slice(2);
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browsers = process.env.PATH.split(delimiter).flatMap((place) => ["chromium", "chromium-browser", "google-chrome"].map((name) => join(place, name)));
const executablePath = browsers.find((path) => existsSync(path));
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const problems = [];

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });

/** Opens a page, lets `look` look at it, and holds that it asked for nothing and complained about nothing. */
async function visit(name, options, look) {
  const context = await browser.newContext({ viewport: DESK, ...options });
  const page = await context.newPage();
  const url = pathToFileURL(resolve(folder, `${name}.html`)).href;
  const wrong = (text) => problems.push(`${name}: ${text}`);
  page.on("console", (message) => wrong(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => wrong(`error: ${error.message}`));
  page.on("request", (request) => request.url() !== url && wrong(`asked for ${request.url()}`));
  page.on("dialog", (dialog) => { wrong("a dialog opened"); dialog.dismiss(); });
  await page.goto(url);
  const holds = (is, text) => is || wrong(text);
  await look(page, holds).catch((error) => wrong(error.message));
  await context.close();
}

const shot = async (page, name) => { if (screenshots) await page.screenshot({ path: join(screenshots, `${name}.png`) }); };
const column = (page, region, index) =>
  page.$$eval(`[aria-label="${region}"] tbody tr:not([hidden])`, (rows, at) => rows.map((row) => row.cells[at].dataset.v ?? row.cells[at].textContent), index);

/** axe-core with all folds open; its script needs a context without the page's policy. */
async function accessible(name, options) {
  await visit(name, { ...options, bypassCSP: true }, async (page, holds) => {
    await page.addStyleTag({ content: "section { content-visibility: visible !important }" });
    await page.$$eval("details", (folds) => folds.slice(0, 12).forEach((fold) => { fold.open = true; }));
    await page.evaluate(AXE);
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { violations } = await page.evaluate((values) => window.axe.run({ runOnly: { type: "tag", values } }), tags);
    for (const { id, nodes } of violations) holds(false, `${options.colorScheme}: ${id}: ${nodes.slice(0, 3).map((node) => node.target + " " + node.failureSummary).join(" | ")}`);
  });
}

async function fits(name) {
  await visit(name, { viewport: PHONE, deviceScaleFactor: 2, isMobile: true, hasTouch: true }, async (page, holds) => {
    const width = await page.evaluate(() => document.scrollingElement.scrollWidth);
    holds(width <= PHONE.width, `is ${width} px wide on a phone`);
    const smallest = await page.$$eval(".plot text", (texts) => Math.min(99, ...texts.filter((text) => text.getBoundingClientRect().height > 0).map((text) => text.getBoundingClientRect().height)));
    holds(smallest >= 10, `text of a chart is ${smallest} px high on a phone`);
    await shot(page, `${name}-phone`);
  });
}

/** Without scripts nothing is missing, and nothing is there that would do nothing. */
async function readable(name) {
  let alive = 0;
  await visit(name, {}, async (page) => { alive = await page.locator(".plot").count(); });
  await visit(name, { javaScriptEnabled: false }, async (page, holds) => {
    const still = await page.locator(".plot").count();
    holds(still === alive, `${still} charts without scripts, ${alive} with them`);
    holds((await page.locator("main button, main input").count()) === 0, "there are controls that do nothing without scripts");
    holds(!(await page.locator("[data-scripted]").first().isVisible().catch(() => false)), "a hint for scripts is shown without them");
  });
}

async function sorts(name) {
  await visit(name, {}, async (page, holds) => {
    const region = page.getByRole("group", { name: "Endpoints", exact: true });
    const unsorted = (await column(page, "Endpoints", 5)).map(Number);
    await region.getByRole("button", { name: "p95", exact: true }).click();
    const down = (await column(page, "Endpoints", 5)).map(Number);
    holds(String(down) === String([...unsorted].sort((a, b) => b - a)), `p95 sorted down is ${down}`);
    holds(String(down) !== String(unsorted), "the table was sorted already: nothing is tested");
    await region.getByRole("button", { name: "p95", exact: true }).press("Enter");
    holds(String((await column(page, "Endpoints", 5)).map(Number)) === String([...down].reverse()), "Enter does not turn the order");
    holds((await region.locator("th[aria-sort]").getAttribute("aria-sort")) === "ascending", "aria-sort is not told");
    await page.locator("#endpoints input[type=search]").fill("ORDERS 2/:id");
    const left = await column(page, "Endpoints", 0);
    holds(left.length > 0 && left.length < unsorted.length, `the filter left ${left.length} of ${unsorted.length} rows`);
    holds(left.every((text) => text.includes("2/:id")), `the filter left ${left}`);
  });
}

async function readsAndZooms(name) {
  await visit(name, {}, async (page, holds) => {
    const chart = page.locator("svg.plot.tall[data-table]").first();
    await chart.scrollIntoViewIfNeeded();
    const box = await chart.boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    const tip = await page.locator(".tip").innerText();
    const rows = await page.$$eval("#latency-v tbody tr", (rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
    const titles = await page.$$eval("#latency-v thead th", (cells) => cells.map((cell) => cell.textContent));
    const told = (row) => titles.map((title, index) => `${title}: ${row[index]}`).join("\n");
    const middle = rows.findIndex((row) => told(row) === tip);
    holds(Math.abs(middle - rows.length / 2) <= 1.5, `in the middle the chart reads: ${tip}`);
    holds((await page.locator(".cursor").count()) >= 3, "the cursor is not in every chart");
    await shot(page, `${name}-read`);
    await chart.focus();
    await page.keyboard.press("ArrowRight");
    holds((await page.locator(".tip").innerText()) === told(rows[middle + 1]), "the right arrow does not read the next value");

    const whole = await chart.locator(".marks").getAttribute("viewBox");
    await page.mouse.move(box.x + box.width * 0.25, box.y + 30);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 30, { steps: 4 });
    await page.mouse.up();
    const [from, , width] = (await chart.locator(".marks").getAttribute("viewBox")).split(" ").map(Number);
    holds(Math.abs(from - 2500) < 60 && Math.abs(width - 2500) < 60, `a drag over the second quarter shows ${from} to ${from + width}`);
    holds((await page.locator(".tx.zoomed").count()) >= 4, "the zoomed axis has no ticks");
    await shot(page, `${name}-zoom`);
    await page.keyboard.press("Escape");
    holds((await chart.locator(".marks").getAttribute("viewBox")).split(" ").map(Number).join(" ") === whole.split(" ").map(Number).join(" "), "Escape does not show all again");
  });
}

/** What an eye sees: nothing may leave its own box, and the page goes on paper. */
async function paints(name) {
  await visit(name, {}, async (page, holds) => {
    const paint = await page.evaluate(async () => {
      for (let tries = 0; tries < 200; tries += 1) {
        const entry = performance.getEntriesByName("first-contentful-paint")[0];
        if (entry) return entry.startTime;
        await new Promise((done) => setTimeout(done, 10));
      }
      return null;
    });
    holds(paint !== null && paint < 10_000, `first paint after ${paint} ms`);
    process.stderr.write(`${name}: first paint after ${Math.round(paint)} ms\n`);
    await shot(page, name);
  });
}

async function prints(name) {
  await visit(name, {}, async (page, holds) => {
    const pdf = await page.pdf({ format: "A4", path: screenshots ? join(screenshots, `${name}.pdf`) : undefined });
    holds(pdf.length > 20_000, `a PDF of ${pdf.length} bytes`);
  });
}

const names = readdirSync(folder).filter((name) => name.endsWith(".html")).map((name) => name.slice(0, -5)).sort();
if (names.length === 0) problems.push(`no page in ${folder}`);
for (const name of names) {
  await paints(name);
  await fits(name);
}
for (const name of ["failed", "undecided", "unstarted"]) await readable(name);
for (const name of ["failed", "undecided", "imported"]) for (const colorScheme of ["light", "dark"]) await accessible(name, { colorScheme });
await sorts("failed");
await readsAndZooms("failed");
await prints("failed");
await visit("failed", { colorScheme: "dark" }, async (page) => shot(page, "failed-dark"));
await browser.close();
for (const problem of problems) console.log(problem);
process.exit(problems.length === 0 ? 0 : 1);
