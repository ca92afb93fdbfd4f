"use strict";

const $ = (id) => document.getElementById(id);
const facts = JSON.parse($("facts-data").textContent);
const LEVELS = 8; // shades on each side of zero
const WINDOW = 160; // tokens in the map
const TYPES = { int8: Int8Array, int32: Int32Array, float32: Float32Array };

let arrays; // by name: typed arrays
let spans; // of the tokens
let picked = { quantity: "surprise", layer: Object.keys(facts.layers)[0], unit: 0 };
let cursor = 0;

// ---- data

async function unpack() {
  const bytes = Uint8Array.from(atob($("arrays-data").textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
  arrays = {};
  for (const [name, { at, shape, type }] of Object.entries(facts.arrays)) {
    arrays[name] = new TYPES[type](buffer, at, shape.reduce((a, b) => a * b, 1));
  }
}

const length = () => facts.pieces.length;
const isUnit = () => picked.quantity !== "surprise";
const shown = () => (isUnit() ? picked.quantity : mapped()); // in the map
const mapped = () => (facts.layers[picked.layer].quantities.includes("c") ? "c" : "h");

/** The values of one unit, each a share of its scale. */
function series(layer, quantity, unit) {
  return arrays[`${layer}/${quantity}`].subarray(unit * length(), (unit + 1) * length());
}

function scaleOf(layer, quantity, unit) {
  return arrays[`${layer}/${quantity}/scale`][unit];
}

// ---- elements

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  Object.assign(made, attributes);
  made.append(...children);
  return made;
}

function drawn(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function fill(select, options) {
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
}

// ---- the text

/** Rules for the shades, so that a change of the theme changes them. */
function shades() {
  const rules = [];
  for (const name of ["above", "below", "surprise"]) {
    for (let level = 1; level <= LEVELS; level++) {
      const share = (100 * level) / LEVELS;
      rules.push(`.${name}${level}{background:color-mix(in srgb,var(--${name}) ${share}%,transparent)}`);
    }
  }
  document.head.append(element("style", {}, rules.join("\n")));
}

function showText() {
  spans = facts.pieces.map((piece, at) => element("span", { textContent: piece, at }));
  $("text").replaceChildren(...spans);
}

function color() {
  let kind;
  if (isUnit()) {
    const values = series(picked.layer, picked.quantity, picked.unit);
    const full = strongest(values);
    kind = (t) => [values[t] < 0 ? "below" : "above", Math.abs(values[t]) / full];
  } else {
    // Eight nats are a chance of one in 3,000.
    kind = (t) => ["surprise", (arrays.surprise[t] || 0) / 8];
  }
  spans.forEach((span, t) => {
    const [name, share] = kind(t);
    const level = Math.round(LEVELS * Math.min(1, share));
    span.className = level ? name + level : "";
  });
  spans[cursor].classList.add("here");
  showScale();
}

/** The value of the full colour: one that only a fiftieth of all exceed, so that few outliers do
 *  not make everything else pale. */
function strongest(values) {
  return Math.max(1, values.map(Math.abs).sort()[Math.floor(0.98 * values.length)]);
}

function showScale() {
  const bar = element("i");
  let low = "expected";
  let high = "8 nats";
  if (isUnit()) {
    const values = series(picked.layer, picked.quantity, picked.unit);
    const full = (strongest(values) / 127) * scaleOf(picked.layer, picked.quantity, picked.unit);
    const signed = values.some((v) => v < 0);
    low = signed ? `−${full.toFixed(2)}` : "0";
    high = full.toFixed(2);
    const from = signed ? "var(--below), var(--card)" : "var(--card)";
    bar.style.background = `linear-gradient(90deg, ${from}, var(--above))`;
  } else {
    bar.style.background = "linear-gradient(90deg, var(--card), var(--surprise))";
  }
  $("scale").replaceChildren(low, bar, high);
}

// ---- what is seen of one token

function go(t) {
  t = Math.max(0, Math.min(length() - 1, t));
  spans[cursor].classList.remove("here");
  const moved = Math.floor(t / WINDOW) !== Math.floor(cursor / WINDOW);
  cursor = t;
  spans[t].classList.add("here");
  showToken();
  showGates();
  if (moved) drawMap();
  markMap();
}

const percent = (p) => (p < 0.001 ? "<0.1 %" : `${(100 * p).toFixed(1)} %`);

function showToken() {
  const nats = arrays.surprise[cursor];
  const token = arrays.tokens[cursor];
  const surprise = Number.isNaN(nats)
    ? "the first: nothing predicts it"
    : `${nats.toFixed(2)} nats, ${(nats / Math.LN2).toFixed(2)} bits; had ${percent(Math.exp(-nats))}`;
  $("token").replaceChildren(
    element("b", { textContent: facts.names[token] }),
    element("small", { textContent: surprise }),
    element("small", { textContent: `token ${cursor.toLocaleString("en")}` }),
  );
  const k = facts.arrays.expected.shape[1];
  const rows = [];
  for (let at = cursor * k; at < (cursor + 1) * k; at++) {
    const guess = arrays.expected[at];
    if (guess < 0) continue;
    const p = arrays.probabilities[at];
    const name = element("code", { textContent: facts.names[guess], title: facts.names[guess] });
    if (guess === token) name.className = "came";
    rows.push(name, bar(p, false), element("span", { textContent: percent(p) }));
  }
  $("expected").replaceChildren(...rows);
}

/** A bar from the middle for what may be negative, from the left for what may not. */
function bar(share, signed) {
  const inner = element("i", { className: share < 0 ? "below" : "" });
  const size = Math.min(1, Math.abs(share)) * (signed ? 50 : 100);
  inner.style.width = `${size}%`;
  inner.style.left = signed ? `${share < 0 ? 50 - size : 50}%` : "0";
  return element("div", { className: signed ? "signed" : "" }, inner);
}

function showGates() {
  const { layer, unit } = picked;
  $("unit-title").textContent = `Unit ${unit} of ${layer}`;
  const rows = facts.layers[layer].quantities.flatMap((quantity) => {
    const share = series(layer, quantity, unit)[cursor] / 127;
    const value = share * scaleOf(layer, quantity, unit);
    return [
      element("code", { textContent: quantity }),
      bar(share, "hcg".includes(quantity)),
      element("span", { textContent: value.toFixed(2).replace("-", "−") }),
    ];
  });
  $("gates").replaceChildren(...rows);
}

// ---- the map of units and tokens

const first = () => Math.floor(cursor / WINDOW) * WINDOW;

function rgb(name) {
  const code = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return [1, 3, 5].map((at) => parseInt(code.slice(at, at + 2), 16));
}

function drawMap() {
  const canvas = $("cells");
  const units = facts.layers[picked.layer].units;
  const quantity = shown();
  const [card, above, below] = ["--card", "--above", "--below"].map(rgb);
  canvas.width = WINDOW;
  canvas.height = units;
  canvas.style.height = `${Math.max(120, Math.min(480, 3 * units))}px`;
  const context = canvas.getContext("2d");
  const image = context.createImageData(WINDOW, units);
  for (let unit = 0; unit < units; unit++) {
    const values = series(picked.layer, quantity, unit);
    for (let x = 0; x < WINDOW && first() + x < length(); x++) {
      const share = values[first() + x] / 127;
      const pole = share < 0 ? below : above;
      const pixel = 4 * (unit * WINDOW + x);
      for (let c = 0; c < 3; c++) image.data[pixel + c] = card[c] + Math.abs(share) * (pole[c] - card[c]);
      image.data[pixel + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  const last = Math.min(first() + WINDOW, length()) - 1;
  $("map-title").textContent = `${quantity} of all units of ${picked.layer}, tokens ${first()} to ${last}`;
}

function markMap() {
  const units = facts.layers[picked.layer].units;
  Object.assign($("row").style, { top: `${(100 * picked.unit) / units}%`, height: `${100 / units}%` });
  const left = `${(100 * (cursor - first())) / WINDOW}%`;
  Object.assign($("step").style, { left, width: `${100 / WINDOW}%` });
}

// ---- picking

function pick(change) {
  picked = { ...picked, ...change };
  const { units, quantities } = facts.layers[picked.layer];
  picked.unit = Math.max(0, Math.min(units - 1, Math.round(picked.unit) || 0));
  if (isUnit() && !quantities.includes(picked.quantity)) picked.quantity = mapped();
  fill($("quantity"), [["surprise", "surprise"], ...quantities.map((q) => [q, `${q} of a unit`])]);
  $("quantity").value = picked.quantity;
  $("layer").value = picked.layer;
  $("unit").max = units - 1;
  $("unit").value = picked.unit;
  for (const button of document.querySelectorAll("#found button")) {
    const { layer, quantity, unit } = button.unit;
    const same = layer === picked.layer && quantity === picked.quantity && unit === picked.unit;
    button.setAttribute("aria-pressed", same);
  }
  color();
  showGates();
  drawMap();
  markMap();
  history.replaceState(null, "", `#${new URLSearchParams(picked)}`);
}

function showFound() {
  $("found").hidden = !facts.units.length;
  const rows = facts.units.map((found) => {
    const { layer, quantity, unit } = found;
    const button = element("button", { unit: found, textContent: `${layer} ${unit} ${quantity}` });
    button.addEventListener("click", () => pick({ layer, quantity, unit }));
    const cells = [
      found.property.replaceAll("_", " "),
      button,
      found.score.toFixed(2).replace("-", "−"),
      `${found.control.toFixed(2)} ± ${found.deviation.toFixed(3)}`,
      found.sigmas.toFixed(0),
    ];
    return element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
  });
  document.querySelector("#found tbody").replaceChildren(...rows);
}

function listen() {
  fill($("layer"), Object.keys(facts.layers).map((name) => [name, name]));
  $("quantity").addEventListener("change", (event) => pick({ quantity: event.target.value }));
  $("layer").addEventListener("change", (event) => pick({ layer: event.target.value }));
  $("unit").addEventListener("change", (event) => {
    pick({ unit: Number(event.target.value), quantity: shown() });
  });
  for (const kind of ["pointerover", "click"]) {
    $("text").addEventListener(kind, (event) => {
      if ("at" in event.target) go(event.target.at);
    });
  }
  $("text").addEventListener("keydown", (event) => {
    const to = target(event.key);
    if (to === undefined) return;
    event.preventDefault();
    go(to);
    spans[cursor].scrollIntoView({ block: "nearest" });
  });
  $("cells").addEventListener("click", (event) => {
    const box = $("cells").getBoundingClientRect();
    const unit = Math.floor(((event.clientY - box.top) / box.height) * facts.layers[picked.layer].units);
    go(first() + Math.floor(((event.clientX - box.left) / box.width) * WINDOW));
    pick({ unit, quantity: shown() });
    spans[cursor].scrollIntoView({ block: "nearest" });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawMap);
}

/** The token that a key goes to; undefined for other keys. */
function target(key) {
  switch (key) {
    case "ArrowLeft": return cursor - 1;
    case "ArrowRight": return cursor + 1;
    case "ArrowUp": return beside(-1);
    case "ArrowDown": return beside(1);
    case "PageUp": return cursor - 500;
    case "PageDown": return cursor + 500;
    case "Home": return 0;
    case "End": return length() - 1;
  }
}

/** The token above or below the cursor, as the lines are broken on the screen. */
function beside(direction) {
  const here = spans[cursor].getClientRects()[0];
  let best = cursor;
  let line;
  for (let t = cursor + direction; t >= 0 && t < length(); t += direction) {
    const box = spans[t].getClientRects()[0];
    if (!box || box.top === here.top) continue;
    if (line === undefined) line = box.top;
    if (box.top !== line) break;
    if (best === cursor || Math.abs(box.left - here.left) < Math.abs(spans[best].getClientRects()[0].left - here.left)) best = t;
  }
  return best;
}

// ---- charts

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [420, 260, 52, 40, 22, 20];

/** Maps numbers to a stretch of the picture; has ticks. */
function axis(values, log, from, to) {
  const kept = values.filter((v) => v !== null && (!log || v > 0));
  let [low, high] = [Math.min(...kept), Math.max(...kept)];
  if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  const at = log ? Math.log10 : (v) => v;
  let ticks;
  if (log) {
    low = Math.max(low, high * 1e-12);
    const powers = [];
    const every = Math.ceil((at(high) - at(low)) / 6) || 1;
    for (let p = Math.floor(at(low)); p <= Math.ceil(at(high)); p += every) powers.push(10 ** p);
    ticks = powers.filter((v) => v >= low * 0.999 && v <= high * 1.001);
    if (ticks.length < 2) ticks = [low, high];
  } else {
    const rough = (high - low) / 4;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = unit * [1, 2, 5, 10].find((k) => k * unit >= rough);
    low = Math.floor(low / step) * step;
    high = Math.ceil(high / step) * step;
    ticks = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, k) => low + k * step);
  }
  const place = (v) => from + ((at(v) - at(low)) / (at(high) - at(low))) * (to - from);
  return { ticks, place, has: (v) => v !== null && (!log || v >= low) };
}

function label(v) {
  if (v !== 0 && (Math.abs(v) < 0.001 || Math.abs(v) >= 1e6)) return v.toExponential(0).replace("-", "−");
  return Number(v.toPrecision(3)).toLocaleString("en").replace("-", "−");
}

function chart({ title, note, x, y, series, points }) {
  const xs = axis(series.flatMap((s) => s.x), x.log, LEFT, WIDTH - RIGHT);
  const ys = axis(series.flatMap((s) => s.y), y.log, HEIGHT - BOTTOM, TOP);
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}. ${note}` });
  for (const v of ys.ticks) {
    const at = ys.place(v);
    svg.append(drawn("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: at, y2: at }));
    svg.append(drawn("text", { x: LEFT - 6, y: at + 4, "text-anchor": "end" }, label(v)));
  }
  for (const v of xs.ticks) {
    svg.append(drawn("text", { x: xs.place(v), y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" }, label(v)));
  }
  svg.append(drawn("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, x.label));
  svg.append(drawn("text", { x: 0, y: 11 }, y.label));
  let key = WIDTH - RIGHT;
  [...series].reverse().forEach((one, back) => {
    const kind = `s${(series.length - 1 - back) % 4}`;
    const at = one.x.map((v, k) => [v, one.y[k]]).filter(([a, b]) => xs.has(a) && ys.has(b));
    const places = at.map(([a, b]) => [xs.place(a).toFixed(1), ys.place(b).toFixed(1)]);
    if (points) {
      for (const [cx, cy] of places) svg.append(drawn("circle", { class: kind, cx, cy, r: 3 }));
    } else {
      svg.append(drawn("polyline", { class: `line ${kind}`, points: places.join(" ") }));
    }
    if (!one.name) return;
    svg.append(drawn("text", { x: key, y: 11, "text-anchor": "end" }, one.name));
    key -= 7 * one.name.length + 4;
    svg.append(points
      ? drawn("circle", { class: kind, cx: key - 4, cy: 7, r: 3.5 })
      : drawn("line", { class: `line ${kind}`, x1: key - 18, x2: key, y1: 7, y2: 7 }));
    key -= points ? 18 : 30;
  });
  return element("figure", {}, element("figcaption", {}, element("b", { textContent: title }), note), svg);
}

// ---- all of it

async function main() {
  const rows = facts.facts.map(([name, text]) => element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: text })));
  $("facts").replaceChildren(...rows);
  $("charts").replaceChildren(...facts.charts.map(chart));
  await unpack();
  shades();
  showText();
  showFound();
  listen();
  const wanted = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  pick(wanted.layer in facts.layers ? { ...wanted, unit: Number(wanted.unit) } : {});
  go(1); // Nothing predicts the first token.
  document.documentElement.dataset.ready = "true";
}

main();
