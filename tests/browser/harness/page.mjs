// Opens the pages of a folder in a real browser and says what is wrong with them, one line each; says nothing else. Each
// page is opened once for all that can be seen of it, once without scripts and once for axe-core, where that is asked.
// Usage: node page.mjs pages|pictures FOLDER [SCREENSHOTS]. Needs a Chromium on the PATH.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { brightness, differing, misplaced } from "./layout.mjs";

const [what, folder, screenshots] = process.argv.slice(2);
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browsers = process.env.PATH.split(delimiter).flatMap((place) => ["chromium", "chromium-browser", "google-chrome"].map((name) => join(place, name)));
const executablePath = browsers.find((path) => existsSync(path));
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
/** A desk's screen at 400 %. */
const NARROW = { width: 320, height: 256 };
/** As far apart as a reader may set text (WCAG 1.4.12). */
const SPACED = "* { letter-spacing: .12em !important; word-spacing: .16em !important; line-height: 1.5 !important } p { margin-bottom: 2em !important }";
/** Every kind of mark of the failed page. */
const MARKS = [
  ".line.p50", ".line.p95", ".line.p99", ".line.earlier", ".range", ".line.limit", ".line.median", ".line.own", ".line.load", ".line.due", ".line.answered",
  "circle.past", ".band", ".beyond", ".over", ".whisker", ".this path", ".phase.judged", ".edge", ".bars.class-status", ".bars.class-timeout", ".spark path", ".rule",
];
/** A4 between its margins. */
const PAPER = { width: 718, height: 1050 };
/** The page is promised in 300 ms on two cores; a machine that does something else at the same time is given more. */
const PAINTED = 1000;
const problems = [];

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const contexts = new Map();

/** A context of these options; one serves all its pages. */
async function contextWith(options) {
  const key = JSON.stringify(options);
  if (!contexts.has(key)) contexts.set(key, await browser.newContext({ viewport: DESK, ...options }));
  return contexts.get(key);
}

/** Opens a page, lets `look` look at it, and holds that it asked for nothing and complained about nothing. */
async function visit(name, options, look) {
  const page = await (await contextWith(options)).newPage();
  const url = pathToFileURL(resolve(folder, `${name}.html`)).href;
  const wrong = (text) => problems.push(`${name}: ${text}`);
  page.on("console", (message) => wrong(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => wrong(`error: ${error.message}`));
  page.on("request", (request) => request.url() !== url && wrong(`asked for ${request.url()}`));
  page.on("dialog", (dialog) => { wrong("a dialog opened"); dialog.dismiss(); });
  await page.goto(url);
  const holds = (is, text) => is || wrong(text);
  await look(page, holds).catch((error) => wrong(error.message));
  await page.close();
}

const shot = async (page, name, fullPage = false) => { if (screenshots) await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage }); };
const column = (page, region, index) =>
  page.$$eval(`[aria-label="${region}"] tbody tr:not([hidden])`, (rows, at) => rows.map((row) => row.cells[at].dataset.v ?? row.cells[at].textContent), index);

/** axe-core with folds open; its script needs a context without the page's policy. What depends on colors is asked in the dark too. */
async function accessible(name) {
  await visit(name, { bypassCSP: true }, async (page, holds) => {
    await page.addStyleTag({ content: "section { content-visibility: visible !important }" });
    await page.$$eval("details", (folds) => folds.slice(0, 12).forEach((fold) => { fold.open = true; }));
    // Endpoints are made alike, and so are the rows of a table: two, and twelve, worst first, show every kind.
    await page.$$eval("details.endpoint", (folds) => folds.slice(2).forEach((fold) => fold.remove()));
    await page.$$eval("tbody", (bodies) => bodies.forEach((body) => [...body.rows].slice(12).forEach((row) => row.remove())));
    await page.evaluate(AXE);
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    for (const [colorScheme, runOnly] of [["light", { type: "tag", values: tags }], ["dark", { type: "rule", values: ["color-contrast", "link-in-text-block"] }]]) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await page.evaluate((asked) => window.axe.run({ runOnly: asked, resultTypes: ["violations"], preload: false }), runOnly);
      for (const { id, nodes } of violations) holds(false, `${colorScheme}: ${id}: ${nodes.slice(0, 3).map((node) => node.target + " " + node.failureSummary).join(" | ")}`);
    }
    await page.setViewportSize(PHONE);
    await page.addStyleTag({ content: SPACED });
    const width = await page.evaluate(() => document.scrollingElement.scrollWidth);
    holds(width <= PHONE.width, `with text set far apart the page is ${width} px wide on a phone`);
    await page.setViewportSize(DESK);
  });
}

/** Nothing lies over something else, is cut off or outside: on a desk, a phone and paper, in the light and in the dark. */
async function standsRight(page, holds, name) {
  for (const [how, viewport, media] of [
    ["desk", DESK, {}],
    ["dark", DESK, { colorScheme: "dark" }],
    ["phone", PHONE, {}],
    ["phone-dark", PHONE, { colorScheme: "dark" }],
    ["narrow", NARROW, {}],
    ["print", PAPER, { media: "print" }],
    ["print-dark", PAPER, { media: "print", colorScheme: "dark" }],
  ]) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ media: "screen", colorScheme: "light", ...media });
    await page.evaluate(() => scrollTo({ top: 0, behavior: "instant" }));
    for (const wrong of await misplaced(page, viewport.width)) holds(false, `${how}: ${wrong}`);
    if (how !== "narrow") await shot(page, `${name}-${how}`, true);
  }
  await page.emulateMedia({ media: "screen", colorScheme: "light" });
  await page.setViewportSize(DESK);
}

/** Every kind of mark can be seen, in the light and in the dark: without it the chart is another picture. */
async function marksAreSeen(page, holds) {
  const blank = await (await contextWith({})).newPage();
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ media: "screen", colorScheme });
    for (const kind of MARKS) {
      const [around, drawn] = kind.startsWith(".spark") ? kind.split(" ") : [".plot", kind];
      const frame = page.locator(around).filter({ has: page.locator(drawn), visible: true }).first();
      if ((await frame.count()) === 0) {
        holds(false, `there is no ${kind}`);
        continue;
      }
      await frame.scrollIntoViewIfNeeded();
      const picture = () => frame.screenshot({ animations: "disabled" });
      const shown = await picture();
      const show = (how) => frame.evaluate((plot, [all, value]) => plot.querySelectorAll(all).forEach((one) => { one.style.visibility = value; }), [drawn, how]);
      await show("hidden");
      const points = await differing(blank, shown, await picture());
      await show("");
      holds(points >= 12, `in the ${colorScheme} ${kind} is ${points} points`);
    }
  }
  await blank.close();
  await page.emulateMedia({ media: "screen", colorScheme: "light" });
  await page.evaluate(() => scrollTo({ top: 0, behavior: "instant" }));
}

/** A finger reads values by a tap, which stay until it taps elsewhere; buttons zoom. */
async function answersFingers(name) {
  await visit(name, { viewport: PHONE, hasTouch: true, isMobile: true }, async (page, holds) => {
    const chart = page.locator("svg.plot.tall[data-table]").first();
    await chart.scrollIntoViewIfNeeded();
    const box = await chart.boundingBox();
    await page.touchscreen.tap(box.x + box.width / 2, box.y + box.height / 2);
    holds((await page.locator(".tip").innerText().catch(() => "")).includes("p95:"), "a tap reads no value");
    await page.touchscreen.tap(box.x + 10, box.y + box.height + 60);
    holds((await page.locator(".tip").count()) === 0, "a tap elsewhere does not take the value away");
    const shown = async () => (await chart.locator(".marks").getAttribute("viewBox")).split(" ").map(Number)[2];
    const whole = await shown();
    for (const [button, factor] of [["Zoom in", 0.5], ["Zoom in", 0.25], ["Later", 0.25], ["Zoom out", 0.5], ["The whole run", 1]]) {
      await page.locator("#over-time").getByRole("button", { name: button }).first().tap();
      holds(Math.abs((await shown()) / whole - factor) < 0.01, `${button} shows ${(await shown()) / whole} of the run`);
    }
    await shot(page, `${name}-tap`);
  });
}

/** The same page twice is the same picture; the dark one is dark, the light one and paper are light. */
async function isLitRight(page, holds) {
  const picture = async (media) => {
    await page.emulateMedia({ media: "screen", colorScheme: "light", ...media });
    return page.screenshot({ animations: "disabled" });
  };
  await page.evaluate(() => scrollTo({ top: 0, behavior: "instant" }));
  const [light, again, dark, paper] = [await picture({}), await picture({}), await picture({ colorScheme: "dark" }), await picture({ media: "print", colorScheme: "dark" })];
  await picture({});
  holds(light.equals(again), "the same page twice is not the same picture");
  const blank = await (await contextWith({})).newPage();
  const [inLight, inDark, onPaper] = [await brightness(blank, light), await brightness(blank, dark), await brightness(blank, paper)];
  await blank.close();
  holds(inLight > 0.85 && inDark < 0.2, `the light page is ${inLight} bright, the dark one ${inDark}`);
  holds(onPaper > 0.85, `who prints in the dark gets paper of a brightness of ${onPaper}`);
}

async function fits(page, holds, name) {
  await page.evaluate(() => scrollTo({ top: 0, behavior: "instant" }));
  await page.setViewportSize(PHONE);
  const width = await page.evaluate(() => document.scrollingElement.scrollWidth);
  holds(width <= PHONE.width, `is ${width} px wide on a phone`);
  const smallest = await page.$$eval(".plot text", (texts) => Math.min(99, ...texts.map((text) => text.getBoundingClientRect().height).filter((height) => height > 0)));
  holds(smallest >= 10, `text of a chart is ${smallest} px high on a phone`);
  await shot(page, `${name}-phone`);
  await page.setViewportSize(DESK);
}

/** Without scripts nothing is missing, and nothing is there that would do nothing. */
async function readable(name, alive) {
  await visit(name, { javaScriptEnabled: false }, async (page, holds) => {
    const still = await page.locator(".plot").count();
    holds(still === alive, `${still} charts without scripts, ${alive} with them`);
    holds((await page.locator("main button, main input").count()) === 0, "there are controls that do nothing without scripts");
    holds(!(await page.locator("[data-scripted]").first().isVisible().catch(() => false)), "a hint for scripts is shown without them");
    for (const [how, viewport] of [["still", DESK], ["phone-still", PHONE]]) {
      await page.setViewportSize(viewport);
      for (const wrong of await misplaced(page, viewport.width)) holds(false, `${how}: ${wrong}`);
      await shot(page, `${name}-${how}`, true);
    }
  });
}

/** What others wrote is text: it is shown as written, and makes no element of its own. */
async function shownAsText(page, holds) {
  const label = "GET /<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;`";
  const shown = await page.$$eval("code", (codes, text) => codes.filter((code) => code.textContent === text).length, label);
  holds(shown > 1, `the hostile label stands ${shown} times on the page`);
  const made = await page.$$eval("img, iframe, object, embed, link, base, form, script", (elements) => elements.map((element) => element.localName).join());
  holds(made === "script", `a hostile text made ${made}`);
  holds((await page.locator("#environment dd", { hasText: "<svg onload=alert(4)>" }).count()) === 1, "the hostile branch is not shown");
}

/** A failed check leads to its endpoint's charts, which show percentiles over those of the baseline. */
async function leadsOn(page, holds, name) {
  await page.locator(".card .more a").first().click();
  const fold = page.locator("details.endpoint[open]");
  holds((await fold.count()) === 1, `a card's link opens ${await fold.count()} endpoints`);
  const plot = fold.locator("svg.plot", { has: page.locator("path.range") });
  const curves = await plot.locator("path.line").count();
  holds(curves === 6, `${curves} lines by percentile: this run's, and five of the baseline`);
  holds((await plot.boundingBox())?.height > 100, "the percentiles of the endpoint are not to be seen");
  const isThere = () => { const { top } = document.querySelector("details.endpoint[open]").getBoundingClientRect(); return top >= 0 && top < innerHeight / 2; };
  await page.waitForFunction(isThere, undefined, { timeout: 10_000 }).catch(() => holds(false, "a card's link does not lead to the endpoint's charts"));
  await shot(page, `${name}-endpoint`);
  for (const wrong of await misplaced(page, DESK.width)) holds(false, `an endpoint's charts: ${wrong}`);
  await page.$$eval("details.endpoint", (folds) => folds.forEach((each) => { each.open = false; }));
  await page.evaluate(() => { history.replaceState(null, "", location.pathname); scrollTo({ top: 0, behavior: "instant" }); });
}

async function sorts(page, holds) {
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
}

async function readsAndZooms(page, holds, name) {
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
  await chart.focus();
  for (let key = 0; key < 30; key += 1) await page.keyboard.press("ArrowRight");
  const cursor = parseFloat(await chart.locator(".cursor").getAttribute("x1"));
  holds(cursor >= 0 && cursor <= 100, `the arrow keys lead to ${cursor} % of what is shown`);
  await page.keyboard.press("Escape");
  holds((await chart.locator(".marks").getAttribute("viewBox")).split(" ").map(Number).join(" ") === whole.split(" ").map(Number).join(" "), "Escape does not show all again");
  await page.evaluate(() => document.activeElement.blur());
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.keyboard.press("Escape");
  holds((await page.locator(".tip").count()) === 0, "Escape does not take away what covers the chart");
}

/** What the failed page draws: every baseline run as a dot, this run once, and both classes of its failures in keys, bars and table. */
async function draws(page, holds) {
  const dots = await page.$$eval(".card svg.plot", (plots) => plots.map((plot) => [plot.querySelectorAll("circle.past").length, plot.querySelectorAll(".this").length, plot.querySelectorAll(".over").length]));
  const compared = dots.filter(([past]) => past > 0);
  holds(compared.length > 0 && compared.every(([past, own]) => past === 7 && own === 1), `dots of seven nights and this run: ${JSON.stringify(dots)}`);
  holds(dots.some(([, , over]) => over > 3), `no step of the run is shown as beyond the limit: ${JSON.stringify(dots)}`);
  holds((await page.locator(".card .where").count()) > 1, "a card does not say where in the run, and since when");
  const keys = await page.locator("#over-time .key.block").allInnerTexts();
  holds(keys.map((key) => key.split(" ")[0]).join() === "status,timeout", `failures by class are ${keys}`);
  for (const name of ["status", "timeout"]) holds((await page.locator(`#over-time path.class-${name}`).getAttribute("d")).length > 100, `${name} has no bars`);
  const titles = await page.$$eval("#rates-v thead th", (cells) => cells.map((cell) => cell.textContent).join());
  holds(titles === "from,requests,answered,failures,status,timeout,at once", `the table of rates has ${titles}`);
}

/** Every breach says where in the run, also of what is judged seldom; of what a run does not know by the second it says why not. */
async function saysWhere(page, holds) {
  const cards = await page.$$eval(".card.fail", (all) => all.map((card) => [card.querySelector("h2").textContent, card.querySelector(".where")?.textContent ?? "", card.querySelectorAll("svg.plot.low").length]));
  holds(cards.length === 5, `${cards.length} breaches: ${cards.map(([title]) => title).join("; ")}`);
  const unknown = cards.filter(([, where]) => where.includes("not known"));
  holds(unknown.length === 1 && unknown[0][1].includes("by status") && unknown[0][2] === 0, `not known is ${JSON.stringify(unknown)}`);
  const known = cards.filter((card) => !unknown.includes(card));
  holds(known.every(([, where, strips]) => /Where in the run: (above|below) \d/.test(where) && strips === 1), `where in the run: ${JSON.stringify(known)}`);
  holds(known.some(([, where]) => where.includes("below 100/s throughout, from 30 s to the end")), `throughput: ${JSON.stringify(known)}`);
}

/** Rounds beside another deployment: its loads are the dots and the curves, and each load is listed. */
async function sitsBeside(page, holds) {
  const dots = await page.$$eval(".card svg.plot", (plots) => plots.map((plot) => plot.querySelectorAll("circle.past").length).filter((count) => count > 0));
  holds(dots.length > 0 && dots.every((count) => count === 3), `the other deployment's loads are ${dots} dots`);
  holds((await page.locator("#hdr-t, [aria-describedby=hdr-d]").count()) > 0 && (await page.locator("#distribution path.line.earlier").count()) === 3, "its percentiles are not below those of the run");
  holds((await page.locator("#loads tbody tr").count()) === 6, "not every load is listed");
  holds((await page.locator(".first").innerText()).includes("loaded 3 times beside http"), "the first screen does not say that there were rounds");
}

/** When the first text was painted, and when all was there (ms since the page was asked for). */
async function painted(page) {
  return page.evaluate(async () => {
    const next = () => new Promise((done) => setTimeout(done, 10));
    const paint = () => performance.getEntriesByName("first-contentful-paint")[0];
    for (let tries = 0; tries < 300 && !(paint() && performance.timing.loadEventEnd); tries += 1) await next();
    const { loadEventEnd } = performance.getEntriesByType("navigation")[0];
    return paint() ? [paint().startTime, Math.max(paint().startTime, loadEventEnd)] : null;
  });
}

/** The median of some loads, told, and the quickest of them held against what is promised. */
async function paints(name, loads, most) {
  await visit(name, {}, async (page, holds) => {
    const times = [];
    for (let load = 0; load < loads; load += 1) {
      if (load > 0) await page.reload();
      times.push(await painted(page));
    }
    holds(times.every((time) => time) && Math.min(...times.map((time) => time[0])) < most, `first paint after ${times} ms, ${most} ms are allowed`);
    const median = (index) => Math.round(times.map((time) => time?.[index]).sort((a, b) => a - b)[(loads - 1) / 2]);
    process.stderr.write(`${name}: first paint after ${median(0)} ms, loaded after ${median(1)} ms (medians of ${loads})\n`);
  });
}

async function prints(page, holds) {
  const pdf = await page.pdf({ format: "A4", path: screenshots ? join(screenshots, "printed.pdf") : undefined });
  holds(pdf.length > 20_000, `a PDF of ${pdf.length} bytes`);
}

/** Does this with each of them, two at a time: a browser leaves one of two cores idle. */
async function withEach(items, act) {
  const waiting = [...items];
  const next = async () => { for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await act(item); };
  await Promise.all([next(), next()]);
}

async function pages() {
  const names = readdirSync(folder).filter((name) => name.endsWith(".html")).map((name) => name.slice(0, -5)).sort();
  if (names.length === 0) problems.push(`no page in ${folder}`);
  const charts = new Map();
  // The one that takes longest begins.
  await withEach([...names].sort((one, other) => (other === "failed") - (one === "failed")), async (name) => {
    await visit(name, {}, async (page, holds) => {
      charts.set(name, await page.locator(".plot").count());
      await shot(page, name);
      if (name === "failed") {
        const wide = await page.$eval("#checks .scroll", (table) => table.scrollWidth - table.clientWidth);
        holds(wide <= 0, `on a desk ${wide} px of the table of all checks are out of sight`);
        await draws(page, holds);
        await readsAndZooms(page, holds, name);
        await sorts(page, holds);
        await prints(page, holds);
        await leadsOn(page, holds, name);
        await marksAreSeen(page, holds);
        await isLitRight(page, holds);
      }
      if (name === "seldom") await saysWhere(page, holds);
      if (name === "hostile") await shownAsText(page, holds);
      if (name === "beside") await sitsBeside(page, holds);
      await fits(page, holds, name);
      if (name !== "large") await standsRight(page, holds, name);
    });
  });
  await withEach(["failed", "undecided", "unstarted", "hostile"], (name) => readable(name, charts.get(name)));
  await withEach(["failed", "undecided", "imported", "beside"], accessible);
  await answersFingers("failed");
  await paints("failed", 5, PAINTED);
  await paints("large", 3, 10 * PAINTED);
}

/** The first screen of the report, and the comment as far as it is not folded. */
async function pictures() {
  await visit("report", {}, (page) => shot(page, "report"));
  await visit("comment", {}, async (page) => { await page.locator(".comment").screenshot({ path: join(screenshots, "comment.png") }); });
}

await (what === "pictures" ? pictures() : pages());
await browser.close();
for (const problem of problems) console.log(problem);
process.exit(problems.length === 0 ? 0 : 1);
