// Looks at a report in a real browser: what it says on its console, what it asks of the network,
// what it does by keyboard and click, with and without script, on paper, and what axe-core finds.
//
//   node look.mjs REPORT.html OUT_DIR [PICTURE.png=KEPT.png]…
//
// A picture of OUT_DIR that is named with a kept one is compared with it, roughly: fonts differ
// between machines.
// Writes pictures and a PDF into OUT_DIR and prints what was seen as one JSON object. Decides
// nothing: the test that starts it does.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const [report, folder, ...kept] = process.argv.slice(2);
const url = pathToFileURL(path.resolve(report)).href;
const executablePath = [
  process.env.HERDBOOK_CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
].find((name) => name && existsSync(name));
await mkdir(folder, { recursive: true });

const browser = await puppeteer.launch({
  executablePath,
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-device-scale-factor=1"],
});
const seen = { console: [], requests: [], violations: {} };

async function open({ script = true, scheme = "light", width = 1100 } = {}) {
  const page = await browser.newPage();
  await page.setViewport({ width, height: 900 });
  await page.setJavaScriptEnabled(script);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  page.on("console", (line) => seen.console.push(line.text()));
  page.on("pageerror", (error) => seen.console.push(String(error)));
  page.on("request", (request) => { if (request.url() !== url) seen.requests.push(request.url()); });
  await page.goto(url, { waitUntil: "load" });
  return page;
}

// How many boxes of the graph can be seen, and the rest of what can be counted.
const counts = () => {
  const shown = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0;
  };
  const nodes = [...document.querySelectorAll("svg.lineage .node")];
  return {
    nodes: nodes.length,
    shown: nodes.filter(shown).length,
    role: document.querySelector("svg.lineage")?.getAttribute("role") ?? null,
    charts: [...document.querySelectorAll("svg.chart")].filter(shown).length,
    // Labels of charts that stick out of their drawing.
    cut: [...document.querySelectorAll("svg.chart text")].filter((text) => {
      const inner = text.getBoundingClientRect();
      const outer = text.ownerSVGElement.getBoundingClientRect();
      return inner.right > outer.right + 1 || inner.left < outer.left - 1;
    }).length,
    // Words in boxes of the graph that stick out of their box.
    spilled: nodes.filter(shown).flatMap((node) => {
      const outer = node.querySelector(".shape").getBoundingClientRect();
      return [...node.querySelectorAll(":scope > text")].filter((text) => {
        const inner = text.getBoundingClientRect();
        return inner.width > 0 && (inner.right > outer.right + 1 || inner.left < outer.left - 1);
      }).map((text) => text.textContent);
    }),
    // The page itself may not have to be moved sideways.
    sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    text: document.body.innerText.length,
  };
};

const picture = async (page, name, whole = false) =>
  page.screenshot({ path: path.join(folder, name), fullPage: whole });

// The graph with its legend and buttons, at the width that it has now.
async function figure(page, name) {
  const wide = await page.evaluate(() => Number(document.querySelector("svg.lineage").getAttribute("width")) + 80);
  await page.setViewport({ width: Math.max(1100, Math.ceil(wide)), height: 900 });
  await page.evaluate(() => { document.body.style.maxWidth = "none"; });
  const graph = await page.$("figure:has(svg.lineage)");
  await graph.screenshot({ path: path.join(folder, name) });
  await page.evaluate(() => { document.body.style.maxWidth = ""; });
  await page.setViewport({ width: 1100, height: 900 });
}

async function axe(page, name) {
  const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  // Past the page's own policy, as an inspector is; the page itself is loaded under it.
  const client = await page.createCDPSession();
  await client.send("Runtime.evaluate", { expression: source });
  const { result } = await client.send("Runtime.evaluate", {
    expression: "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']}).then((found) => JSON.stringify(found.violations.map((v) => v.id + ': ' + v.nodes.slice(0, 4).map((n) => n.target.join(' ') + ' ' + (n.any[0]?.message ?? '')).join(' | '))))",
    awaitPromise: true,
    returnByValue: true,
  });
  seen.violations[name] = JSON.parse(result.value);
}

try {
  const page = await open();
  seen.first = await page.evaluate(counts);
  await page.setViewport({ width: 1100, height: 1500 });
  await picture(page, "top.png");
  await page.setViewport({ width: 1100, height: 900 });
  await picture(page, "whole.png", true);
  await axe(page, "light");

  // By keyboard: Tab to the first box that has more behind it, Enter, and look again.
  seen.focus = [];
  if (seen.first.nodes > 1) {
    await page.evaluate(() => document.activeElement.blur());
    for (let at = 0; at < 200; at += 1) {
      await page.keyboard.press("Tab");
      const focus = await page.evaluate(() => {
        const on = document.activeElement;
        return {
          tag: on.tagName.toLowerCase(),
          node: on.dataset?.n ?? null,
          more: on.querySelector?.(".mark:not(.away)") !== null && on.dataset?.n !== undefined,
          name: (on.getAttribute("aria-label") ?? on.querySelector?.("title")?.textContent ?? on.textContent ?? "").slice(0, 60),
          open: on.getAttribute("aria-expanded"),
        };
      });
      seen.focus.push(focus);
      if (focus.tag === "body") break;
      if (focus.more && seen.by_key === undefined) {
        await page.keyboard.press("Enter");
        seen.by_key = await page.evaluate(counts);
        seen.by_key.open = await page.evaluate(() => document.activeElement.getAttribute("aria-expanded"));
        await page.keyboard.press("Enter");
        seen.by_key_again = await page.evaluate(counts);
      }
    }
    // By click: the first box with a mark; then everything.
    const marked = await page.$("svg.lineage .node:has(.mark:not(.away))");
    if (marked) {
      await marked.click();
      seen.by_click = await page.evaluate(counts);
      await figure(page, "graph-open.png");
    }
    const buttons = await page.$$(".bar button");
    await buttons[0].click();
    seen.all = await page.evaluate(counts);
    await page.evaluate(() => document.querySelector(".graph").scrollIntoView({ block: "center" }));
    await picture(page, "graph.png");
    await figure(page, "graph-only.png");
    await buttons[1].click();
    seen.one_hop = await page.evaluate(counts);
  }
  const pdf = await page.pdf({ format: "A4", printBackground: true });
  await writeFile(path.join(folder, "paper.pdf"), pdf);
  seen.after_print = await page.evaluate(counts);
  await page.close();

  const dark = await open({ scheme: "dark" });
  await dark.setViewport({ width: 1100, height: 1500 });
  await picture(dark, "dark-top.png");
  await picture(dark, "dark.png", true);
  await axe(dark, "dark");
  await dark.close();

  const narrow = await open({ width: 390 });
  seen.narrow = await narrow.evaluate(counts);
  await picture(narrow, "narrow.png");
  await narrow.close();

  // How far two pictures are from each other: mean difference of brightness (0 to 1) over a grid of
  // 24 by 24, and how much brightness varies within each: a blank page does not.
  seen.alike = {};
  const compare = await browser.newPage();
  for (const pair of kept) {
    const [name, other] = pair.split("=");
    const data = async (file) => `data:image/png;base64,${(await readFile(file)).toString("base64")}`;
    seen.alike[name] = await compare.evaluate(async (urls) => {
      const GRID = 24;
      const read = async (url) => {
        const image = new Image();
        image.src = url;
        await image.decode();
        const canvas = document.createElement("canvas");
        canvas.width = GRID;
        canvas.height = GRID;
        const context = canvas.getContext("2d");
        context.imageSmoothingQuality = "high";
        context.drawImage(image, 0, 0, image.width, image.height, 0, 0, GRID, GRID);
        const { data } = context.getImageData(0, 0, GRID, GRID);
        const light = [];
        for (let at = 0; at < data.length; at += 4) {
          light.push((0.2126 * data[at] + 0.7152 * data[at + 1] + 0.0722 * data[at + 2]) / 255);
        }
        const mean = light.reduce((a, b) => a + b) / light.length;
        const spread = Math.sqrt(light.reduce((a, b) => a + (b - mean) ** 2, 0) / light.length);
        return { light, spread, width: image.width, height: image.height };
      };
      const [a, b] = [await read(urls[0]), await read(urls[1])];
      const difference = a.light.reduce((sum, value, at) => sum + Math.abs(value - b.light[at]), 0) / a.light.length;
      return {
        difference,
        spread: a.spread,
        size: [a.width, a.height],
        kept_size: [b.width, b.height],
      };
    }, [await data(path.join(folder, name)), await data(other)]);
  }
  await compare.close();

  const plain = await open({ script: false });
  seen.no_script = await plain.evaluate(counts);
  await picture(plain, "no-script.png", true);
  await plain.close();
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
