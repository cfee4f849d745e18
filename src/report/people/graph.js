"use strict";
// The graph opened at one hop: a box with a + opens by click, Enter or Space. Without this script,
// and on paper, everything is there.
for (const svg of document.querySelectorAll("svg.lineage")) {
  const boxes = [...svg.querySelectorAll(".node")];
  const edges = [...svg.querySelectorAll(".edge")];
  const near = boxes.map(() => new Set());
  for (const edge of edges) {
    near[edge.dataset.a].add(Number(edge.dataset.b));
    near[edge.dataset.b].add(Number(edge.dataset.a));
  }
  if (boxes.length < 2) continue;
  const whole = svg.getAttribute("viewBox");
  const open = new Set([0]);
  let shown = new Set();
  let printing = false;
  // Where everything stands when everything is shown.
  const first = boxes.map((box) => { const { e, f } = box.transform.baseVal.consolidate().matrix; return { x: e, y: f }; });
  const lines = edges.map((edge) => {
    const words = edge.querySelector("text");
    return { path: edge.querySelector("path").getAttribute("d"), x: words.getAttribute("x"), y: words.getAttribute("y") };
  });
  const [wide, tall, pitch] = [Number(svg.dataset.w), Number(svg.dataset.h), Number(svg.dataset.p)];
  // Layers of which nothing is shown take no room.
  function arrange(everything) {
    const layers = [...new Set([...shown].map((at) => first[at].x))].sort((a, b) => a - b);
    const now = first.map(({ x, y }) => ({ x: everything ? x : layers.indexOf(x) * pitch + 18, y }));
    boxes.forEach((box, at) => box.setAttribute("transform", `translate(${now[at].x} ${now[at].y})`));
    edges.forEach((edge, at) => {
      const [from, to] = [now[edge.dataset.a], now[edge.dataset.b]];
      let { path, x, y } = lines[at];
      if (!everything) {
        const beside = Number(path.match(/^M[-.\d]+ ([-.\d]+)/)[1]) - first[edge.dataset.a].y;
        const [x1, y1, x2, y2] = [from.x + wide, from.y + beside, to.x, to.y + beside];
        const reach = Math.max(30, Math.abs(x2 - x1) / 2);
        path = `M${x1} ${y1}C${x1 + reach} ${y1} ${x2 - reach} ${y2} ${x2} ${y2}`;
        [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2 + 4];
      }
      edge.querySelector("path").setAttribute("d", path);
      edge.querySelector("text").setAttribute("x", x);
      edge.querySelector("text").setAttribute("y", y);
    });
    return now;
  }
  const marks = boxes.map((box) => {
    const mark = document.createElementNS(svg.namespaceURI, "g");
    mark.setAttribute("class", "mark");
    mark.setAttribute("transform", `translate(${svg.dataset.w} 0)`);
    const round = document.createElementNS(svg.namespaceURI, "rect");
    for (const [name, value] of [["x", -36], ["y", -10], ["width", 36], ["height", 20], ["rx", 10]]) {
      round.setAttribute(name, value);
    }
    const words = document.createElementNS(svg.namespaceURI, "text");
    words.setAttribute("x", -18);
    words.setAttribute("y", 5);
    words.setAttribute("text-anchor", "middle");
    mark.append(round, words);
    box.append(mark);
    return words;
  });
  function draw() {
    shown = new Set([0]);
    const waiting = [0];
    while (waiting.length) {
      const at = waiting.shift();
      if (!open.has(at)) continue;
      for (const next of near[at]) if (!shown.has(next)) { shown.add(next); waiting.push(next); }
    }
    const now = arrange(shown.size === boxes.length);
    let left = Infinity, top = Infinity, right = 0, bottom = 0;
    boxes.forEach((box, at) => {
      const there = shown.has(at);
      box.classList.toggle("away", !there);
      if (!there) { box.removeAttribute("tabindex"); return; }
      const hidden = [...near[at]].filter((next) => !shown.has(next)).length;
      box.setAttribute("tabindex", "0");
      box.setAttribute("aria-expanded", String(open.has(at)));
      box.querySelector(".mark").classList.toggle("away", hidden === 0);
      marks[at].textContent = "+" + hidden;
      const { x, y } = now[at];
      left = Math.min(left, x); top = Math.min(top, y);
      right = Math.max(right, x + wide); bottom = Math.max(bottom, y + tall);
    });
    for (const edge of edges) {
      edge.classList.toggle("away", !(shown.has(Number(edge.dataset.a)) && shown.has(Number(edge.dataset.b))));
    }
    if (!printing) view(`${left - 18} ${top - 18} ${right - left + 36} ${bottom - top + 36}`);
    all.disabled = shown.size === boxes.length;
    said.textContent = `${shown.size} of ${boxes.length} things are shown.`;
  }
  function view(box) {
    svg.setAttribute("viewBox", box);
    const [, , width, height] = box.split(" ");
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
  }
  function turn(at) {
    if (open.has(at)) open.delete(at); else open.add(at);
    draw();
  }
  boxes.forEach((box, at) => {
    box.setAttribute("role", "button");
    box.addEventListener("click", () => turn(at));
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); turn(at); }
    });
  });
  svg.setAttribute("role", "group");
  const bar = document.createElement("p");
  bar.className = "bar";
  const button = (words, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = words;
    made.addEventListener("click", act);
    bar.append(made, " ");
    return made;
  };
  const all = button("Show everything", () => { boxes.forEach((_, at) => open.add(at)); draw(); });
  button("One hop only", () => { open.clear(); open.add(0); draw(); });
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  bar.append(said, " A box with a + has more behind it: click it, or press Enter on it.");
  svg.parentElement.before(bar);
  draw();
  addEventListener("beforeprint", () => { printing = true; arrange(true); view(whole); });
  addEventListener("afterprint", () => { printing = false; draw(); });
}
// On paper the trees are there too.
const details = [...document.querySelectorAll("details")];
let closed = [];
addEventListener("beforeprint", () => { closed = details.filter((tree) => !tree.open); for (const tree of closed) tree.open = true; });
addEventListener("afterprint", () => { for (const tree of closed) tree.open = false; });
