// Visits a dashboard in a real browser and says what is wrong with it, one line each.
// Usage: node dashboard.mjs live|history|again|begin|tabs|still|hours|picture URL [SCREENSHOTS]. `live` also tells, as JSON, which numbers it saw
// at the end, and `hours` what the tab took.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

const [mode, url, screenshots] = process.argv.slice(2);
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browsers = process.env.PATH.split(delimiter).flatMap((place) => ["chromium", "chromium-browser", "google-chrome"].map((name) => join(place, name)));
const executablePath = browsers.find((path) => existsSync(path));
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const { origin } = new URL(url);
const problems = [];
const wrong = (text) => problems.push(text);
const holds = (is, text) => is || wrong(text);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });

/** A window whose page may load from the dashboard alone and complains about nothing. */
async function open({ isRefused = false, ...options }) {
  const context = await browser.newContext({ viewport: DESK, ...options });
  const page = await context.newPage();
  // A browser trusts an address of this machine that others reach too little for one of our headers, and says so.
  const isTold = (message) => !message.text().includes("Cross-Origin-Opener-Policy header has been ignored") && !(isRefused && message.text().includes("the server responded with a status of 4"));
  page.on("console", (message) => isTold(message) && wrong(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => wrong(`error: ${error.message}`));
  page.on("request", (request) => request.url().startsWith(origin) || wrong(`asked for ${request.url()}`));
  return page;
}

const shot = async (page, name, fullPage = false) => { if (screenshots) await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage }); };

/** axe-core; its script needs a context without the page's policy. What depends on colors is asked in the dark too. */
async function accessible(storageState, path, isRefused = false) {
  const page = await open({ storageState, bypassCSP: true, isRefused });
  await page.goto(origin + path);
  await page.addStyleTag({ content: "section { content-visibility: visible !important }" });
  // The rows of a table are made alike; twelve show every kind.
  await page.$$eval("tbody", (bodies) => bodies.forEach((body) => [...body.rows].slice(12).forEach((row) => row.remove())));
  await page.evaluate(AXE);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  for (const [colorScheme, runOnly] of [["light", { type: "tag", values: tags }], ["dark", { type: "rule", values: ["color-contrast", "link-in-text-block"] }]]) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await page.evaluate((asked) => window.axe.run({ runOnly: asked, resultTypes: ["violations"], preload: false }), runOnly);
    for (const { id, nodes } of violations) wrong(`${path} ${colorScheme}: ${id}: ${nodes.slice(0, 3).map((node) => node.target + " " + node.failureSummary).join(" | ")}`);
  }
  await page.context().close();
}

async function fits(storageState, path, name) {
  const page = await open({ storageState, viewport: PHONE, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
  await page.goto(origin + path);
  const width = await page.evaluate(() => document.scrollingElement.scrollWidth);
  holds(width <= PHONE.width, `${path} is ${width} px wide on a phone`);
  await shot(page, `${name}-phone`);
  await page.context().close();
  const dark = await open({ storageState, colorScheme: "dark" });
  await dark.goto(origin + path);
  await shot(dark, `${name}-dark`);
  await dark.context().close();
}

const tiles = (page) => page.$$eval("[data-tile]", (found) => Object.fromEntries(found.map((tile) => [tile.dataset.tile, tile.querySelector("dd").textContent])));

async function live() {
  const page = await open({});
  await page.goto(url);
  holds(page.url() === `${origin}/`, `the token stays in the address: ${page.url()}`);
  const seen = new Set();
  await page.waitForFunction(() => document.querySelectorAll("#charts svg.plot").length >= 4, null, { timeout: 30_000 });
  for (let second = 0; second < 5; second += 1) {
    seen.add(await page.locator("[data-tile=load] .whole").innerText());
    await page.waitForTimeout(1000);
  }
  holds(seen.size >= 3, `in five seconds the counts were ${[...seen]}`);
  await page.waitForFunction(() => document.querySelectorAll("#endpoints tbody tr").length > 0, null, { timeout: 15_000 });
  await shot(page, "live");
  const storageState = await page.context().storageState();
  await fits(storageState, "/", "live");
  const still = await open({ storageState, javaScriptEnabled: false });
  await still.goto(`${origin}/`);
  holds((await still.locator("#charts svg.plot").count()) >= 4, "without scripts the charts are missing");
  await still.context().close();
  await accessible(storageState, "/");
  // Somebody reads the table: it stands still while it has the focus, and at the end it is right all the same.
  const table = page.locator("#endpoints .scroll");
  await table.focus();
  await page.waitForFunction(() => document.getElementById("stage").textContent.startsWith("ended"), null, { timeout: 120_000 });
  await shot(page, "live-ended");
  holds((await page.title()).startsWith("perfgate: ended"), `at the end the tab is called ${await page.title()}`);
  holds((await page.locator("#state header").getAttribute("class")) !== "loading", "at the end the header looks as if it were loading");
  const lost = page.locator("#lost");
  holds(!(await lost.isVisible()), `at the end it says: ${await lost.textContent()}`);
  const requests = await page.$$eval("#endpoints tbody tr", (rows) => rows.map((row) => Number(row.cells[1].textContent.replaceAll(",", ""))));
  holds(await table.evaluate((place) => place === document.activeElement), "at the end the table lost the focus");
  process.stderr.write(`${JSON.stringify({ requests, tiles: await tiles(page), failures: await page.locator("[data-tile=failures] .whole").textContent(), ended: await page.locator("#stage").textContent() })}\n`);
}

async function history() {
  const page = await open({});
  await page.goto(url);
  const rows = () => page.locator("table[data-sort] tbody tr").count();
  const all = await rows();
  holds(all >= 20, `${all} runs`);
  holds((await page.locator(".trends svg.plot").count()) >= 2, "there are no trends");
  holds((await page.locator(".trends .line.step").count()) >= 1, "no step is marked");
  holds((await page.locator(".trends .note").allInnerTexts()).some((text) => text.includes("stepped from")), "no step is told");
  holds((await page.locator(".trends .line.median").count()) >= 1, "the pinned run is not shown");
  holds((await page.locator(".trends .key.median").allInnerTexts()).some((text) => text.startsWith("p99")), "the pinned run has no p99");
  const trend = page.locator("[data-trend]").first();
  const dot = trend.locator("circle.dot.p95").first();
  const told = await dot.locator("title").textContent();
  const rows0 = trend.locator("tbody tr");
  holds(/^p95 .*ms, 20\d\d-.* UTC$/.test(told), `a dot says ${told}`);
  holds((await trend.locator("circle.dot.p95").count()) === (await rows0.count()), "a trend has dots without values behind it");
  const ticks = await trend.locator(".tx").allTextContents();
  holds(new Set(ticks).size === ticks.length, `days repeat below a trend: ${ticks}`);
  const compared = page.getByRole("button", { name: "Compare two marked runs" });
  holds(await compared.isDisabled(), "nothing is marked, and can be compared");
  holds((await page.getByLabel("Scenario").count()) === 1, "two lists are called Scenario");
  holds((await page.locator("main").innerText()).includes("perfgate-out"), "the folders are not named");
  await shot(page, "history", true);
  await dot.click();
  holds(/\/runs\/\d+$/.test(page.url()), `a dot leads to ${page.url()}`);
  await page.goto(`${origin}/?page=999`);
  holds((await rows()) === all, "a page behind the last one is empty");
  await page.goto(`${origin}/`);
  await page.locator("select[name=outcome]").selectOption("fail");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  const failed = await rows();
  holds(failed > 0 && failed < all, `${failed} of ${all} runs failed`);
  holds((await page.locator("tbody .outcome").allInnerTexts()).every((text) => text.includes("failed")), "the filter let others through");
  await page.getByRole("link", { name: "Show all" }).click();
  await page.locator("tbody input[type=checkbox]").nth(0).check();
  holds(await compared.isDisabled(), "one run is marked, and can be compared");
  await page.locator("tbody input[type=checkbox]").nth(all - 1).check();
  await page.getByRole("button", { name: "Compare two marked runs" }).click();
  holds(page.url().includes("/compare?"), `comparing leads to ${page.url()}`);
  holds((await page.getByRole("group", { name: "Endpoints of both runs" }).locator("tbody tr").count()) >= 2, "no endpoint is compared");
  const compare = page.url().slice(origin.length);
  await shot(page, "compare");
  await page.goto(`${origin}/`);
  const report = await page.locator("table[data-sort] tbody th a").first().getAttribute("href");
  await page.locator("table[data-sort] tbody th a").first().click();
  holds((await page.locator("h1").innerText()).includes("shop"), "a run does not lead to its report");
  holds((await page.locator("svg.plot").count()) >= 3, "its report has no charts");
  await page.getByRole("link", { name: "All runs" }).click();
  holds(page.url() === `${origin}/`, `back leads to ${page.url()}`);
  await page.keyboard.press("Tab");
  holds((await page.evaluate(() => document.activeElement.textContent)).includes("Skip"), "the first tab does not offer to skip");
  const storageState = await page.context().storageState();
  for (const [path, name] of [["/", "history"], [compare, "compare"], ["/live", "nothing"], [report, "served-report"]]) {
    await fits(storageState, path, name);
    await accessible(storageState, path);
  }
}

/** The same runs once more: from the index that an earlier program made. */
async function again() {
  const page = await open({});
  await page.goto(url);
  const all = await page.locator("table[data-sort] tbody tr").count();
  holds(all >= 20, `${all} runs`);
  holds((await page.locator(".trends .line.step").count()) >= 1 && (await page.locator(".trends .line.median").count()) >= 1, "the step or the pinned run is gone");
  await page.locator("table[data-sort] tbody th a").first().click();
  holds((await page.locator("svg.plot").count()) >= 3, "the report of a run has no charts");
}

/** At an address that other machines reach too, which a browser trusts less: a form of the page does what it says. */
async function begin() {
  // Its report may be asked for before it is there.
  const page = await open({ isRefused: true });
  await page.goto(url);
  await page.getByRole("button", { name: "Begin a run" }).click();
  holds(page.url() === `${origin}/runs/1`, `beginning a run leads to ${page.url()}: ${await page.locator("body").innerText()}`);
  await page.waitForFunction(() => document.getElementById("stage").textContent.startsWith("ended"), null, { timeout: 60_000 });
  const header = await page.locator("#state").innerText();
  holds(header.includes("target unavailable") && header.includes("http://127.0.0.1:9") && header.includes("shop"), `a run that could not begin is headed ${header}`);
  holds((await page.locator("#charts, #endpoints, #generator").allInnerTexts()).join("") === "", "a run that could not begin waits for its charts");
  holds(await page.getByRole("button", { name: "Begin a run" }).isVisible(), "no other run can be begun without loading the page again");
  await shot(page, "begun-ended");
  for (let patience = 0; patience < 20; patience += 1) {
    await page.goto(`${origin}/runs/1/report`);
    if (page.url() !== `${origin}/runs/1/report`) break;
    await page.waitForTimeout(300);
  }
  holds((await page.locator("h1").innerText()).startsWith("error"), `its report is at ${page.url()}`);
  const storageState = await page.context().storageState();
  await accessible(storageState, "/runs/1");
  await accessible(storageState, "/");
  await accessible(storageState, "/nowhere", true);
  await accessible(undefined, "/", true);
  // A user stops what a page began.
  await page.goto(`${origin}/`);
  await page.getByLabel("Scenario to load").selectOption("slow");
  await page.getByRole("button", { name: "Begin a run" }).click();
  await page.waitForFunction(() => document.getElementById("stage").textContent === "loading", null, { timeout: 60_000 });
  holds((await page.title()) === "perfgate: loading · slow", `the tab is called ${await page.title()}`);
  await accessible(storageState, "/");
  await shot(page, "begun");
  const refused = await page.context().request.post(`${origin}/runs`, { form: { scenario: "shop" }, headers: { origin } });
  const told = await refused.text();
  holds(refused.status() === 409 && told.includes('href="/runs/2"') && told.includes("<nav"), `a second run is answered ${refused.status()}: ${told}`);
  await page.getByRole("button", { name: "Stop this run" }).click();
  await page.waitForFunction(() => document.getElementById("stage").textContent.startsWith("ended"), null, { timeout: 60_000 });
  holds((await page.locator("#state").innerText()).includes("no verdict"), `a run that was stopped is headed ${await page.locator("#state").innerText()}`);
  for (const [path, name] of [["/runs/2", "begun-stopped"], ["/runs/1", "begun-unavailable"]]) await fits(storageState, path, name);
  await accessible(storageState, "/runs/2");
}

/** A tab that nobody sees leaves its connection to others; what is marked or scrolled stays; a program that is gone is told. */
async function tabs() {
  const page = await open({});
  await page.addInitScript(() => {
    window.streams = [];
    window.EventSource = class extends EventSource {
      constructor(...given) { super(...given); window.streams.push(this); }
    };
    Object.defineProperty(document, "hidden", { get: () => window.isAway === true });
  });
  await page.setViewportSize({ width: PHONE.width, height: PHONE.height });
  await page.goto(url);
  await page.waitForFunction(() => document.querySelectorAll("#endpoints tbody tr").length > 0, null, { timeout: 30_000 });
  const turn = (isAway) => page.evaluate((away) => { window.isAway = away; document.dispatchEvent(new Event("visibilitychange")); }, isAway);
  const states = () => page.evaluate(() => window.streams.map((stream) => stream.readyState));
  await turn(true);
  holds((await states()).every((state) => state === 2), `streams of a hidden tab: ${await states()}`);
  await turn(false);
  await page.waitForFunction(() => window.streams.at(-1).readyState === 1, null, { timeout: 10_000 });
  holds((await states()).length === 2, `streams after it is shown again: ${await states()}`);
  // What is read out changes with the stage alone, and what somebody reads stays in its place.
  const spoken = await page.evaluate(async () => {
    let count = 0;
    const watching = new MutationObserver(() => { count += 1; });
    watching.observe(document.getElementById("stage"), { childList: true, characterData: true, subtree: true });
    const scroll = document.querySelector("#endpoints .scroll");
    scroll.scrollLeft = 40;
    const before = scroll.scrollLeft;
    await new Promise((done) => setTimeout(done, 1500));
    const after = document.querySelector("#endpoints .scroll");
    const moved = after.scrollLeft - before;
    const marked = document.createRange();
    marked.selectNodeContents(document.querySelector("#endpoints tbody th"));
    getSelection().addRange(marked);
    const text = getSelection().toString();
    await new Promise((done) => setTimeout(done, 1500));
    const isKept = text !== "" && getSelection().toString() === text;
    getSelection().removeAllRanges();
    await new Promise((done) => setTimeout(done, 500));
    return { count, isNew: scroll !== after, moved, isKept, isLater: document.querySelector("#endpoints .scroll") !== after };
  });
  holds(spoken.count === 0, `while it loads the stage is told ${spoken.count} times`);
  holds(spoken.isNew && spoken.moved === 0, `the table is ${spoken.isNew ? "new" : "the old one"} and moved by ${spoken.moved} px`);
  holds(spoken.isKept && spoken.isLater, `a selection is ${spoken.isKept ? "kept" : "lost"}, and the table ${spoken.isLater ? "goes on" : "stands still"} afterwards`);
  // It is gone.
  process.stderr.write("seen\n");
  const lost = page.locator("#lost");
  await lost.waitFor({ state: "visible", timeout: 30_000 });
  await page.waitForFunction(() => /No news for [0-9]+ s/.test(document.getElementById("lost").textContent), null, { timeout: 30_000 });
  holds(/lost/.test(await page.locator("#stage").textContent()) || /no news/.test(await page.locator("#stage").textContent()), "nobody is told that it is lost");
  holds(await page.evaluate(() => document.querySelector("[data-parts]").classList.contains("stale")), "what is lost looks alive");
  await shot(page, "lost");
  problems.splice(0, problems.length, ...problems.filter((text) => !text.includes("ERR_CONNECTION_REFUSED") && !text.includes("ERR_INCOMPLETE_CHUNKED_ENCODING") && !text.includes("ERR_NETWORK_CHANGED") && !text.includes("ERR_CONNECTION_RESET") && !text.includes("ERR_EMPTY_RESPONSE")));
}

/** A page without scripts, alone: it asks again by itself, and is told figures all the same. */
async function still() {
  const page = await open({ javaScriptEnabled: false });
  await page.goto(url);
  const begun = Date.now();
  while ((await page.locator("#endpoints tbody tr").count()) === 0 && Date.now() - begun < 30_000) await page.waitForTimeout(500);
  holds((await page.locator("#endpoints tbody tr").count()) > 0, "a page without scripts is told of no endpoint");
}

/**
 * As many events as a view of eight hours gets, as quickly as the page takes them: what the tab holds then. Where nothing may be
 * left out; else of an hour, and what it would hold after eight.
 */
async function hours() {
  const EIGHT_HOURS = 8 * 3600;
  const HALF = process.env.PERFGATE_REQUIRE_TOOLS === "1" ? EIGHT_HOURS / 2 : 1800;
  const page = await open({});
  await page.addInitScript(() => {
    window.recorded = [];
    window.EventSource = class extends EventSource {
      addEventListener(type, listener) {
        if (type === "parts") {
          window.stream = this;
          window.show = listener;
          super.addEventListener(type, (event) => window.recorded.push(event.data));
        }
        super.addEventListener(type, listener);
      }
    };
  });
  await page.goto(url);
  await page.waitForFunction(() => window.recorded.length >= 30, null, { timeout: 120_000 });
  await page.evaluate(() => window.stream.close());
  const points = await page.$eval("#charts path.line.load", (line) => line.getAttribute("d").split("l").length);
  holds(points > 300 && points <= 601, `eight hours are shown by ${points} points`);
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const processes = await browser.newBrowserCDPSession();
  const MIB = 1024 * 1024;
  async function taken() {
    await session.send("HeapProfiler.collectGarbage");
    const { metrics } = await session.send("Performance.getMetrics");
    const of = (name) => metrics.find((metric) => metric.name === name).value;
    const { processInfo } = await processes.send("SystemInfo.getProcessInfo");
    const held = (id) => Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1] ?? 0) / 1024;
    const whole = process.platform === "linux" ? Math.max(...processInfo.filter((one) => one.type === "renderer").map((one) => held(one.id))) : 0;
    return { heap: of("JSHeapUsedSize") / MIB, nodes: of("Nodes"), process: Math.round(whole) };
  }
  const replay = (events) => page.evaluate(async (count) => {
    for (let event = 0; event < count; event += 1) {
      window.show({ data: window.recorded[event % window.recorded.length] });
      if (event % 25 === 24) await new Promise((done) => requestAnimationFrame(done));
    }
  }, events);
  await replay(HALF);
  const early = await taken();
  await replay(HALF);
  const late = await taken();
  const afterEight = (what) => late[what] + (EIGHT_HOURS / HALF - 2) * Math.max(0, late[what] - early[what]);
  const told = `${JSON.stringify(late)} MiB after ${2 * HALF} events, ${JSON.stringify(early)} after half of them`;
  holds(late.process < 150 && afterEight("heap") < 150, `the tab holds too much: ${told}`);
  holds(afterEight("heap") < early.heap + 10 && afterEight("nodes") < early.nodes * 1.5, `it grows: ${told}`);
  process.stderr.write(`${JSON.stringify({ events: 2 * HALF, bytes: await page.evaluate(() => window.recorded.at(-1).length), early, late })}\n`);
}

/** The live view for the README. */
async function picture() {
  const page = await open({});
  await page.goto(url);
  await page.waitForFunction(() => document.querySelectorAll("#endpoints tbody tr").length > 0, null, { timeout: 30_000 });
  await shot(page, "live");
}

await ({ live, history, again, begin, tabs, still, hours, picture }[mode])().catch((error) => wrong(error.message));
await browser.close();
for (const problem of problems) console.log(problem);
process.exit(problems.length === 0 ? 0 : 1);
