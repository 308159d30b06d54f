// A page: its controls, its plots, and the connection to the run behind them.
import {controlsOf} from "./controls.js";
import {make} from "./make.js";
import {columnsOf, drawPanel} from "./panels.js";
import {CanvasPen, SvgPen} from "./pen.js";
import {colors, followTheme, onTheme} from "./theme.js";
import {decode} from "./wire.js";
import {written} from "./scales.js";

const $ = (id) => document.getElementById(id);
const name = location.pathname.slice(1);
const about = await (await fetch(`/api/pages/${name}${location.search}`)).json();
const defaults = Object.fromEntries(about.controls.map((control) => [control.name, control.default]));
const panels = [];  // {canvas, panel, ghost}
let frame = null, lit = "", socket = null, waiting = false, addressed = 0;

// For measurements: number of pictures painted, the controls of the last one, and a function that sets a control.
window.lab = {pictures: 0, shown: {}, set: (control, value) => change({[control]: `${value}`})};

const isRunning = () => ["running", "compiling"].includes(document.body.dataset.status);
const send = (message) => { if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message)); };
const change = (texts) => send({set: texts});
const controls = controlsOf(about.controls, change);

function build() {
  document.title = `${about.title} · neuraxis lab`;
  $("title").textContent = about.title;
  $("summary").textContent = about.summary;
  $("equations").innerHTML = about.equations.map((equation) => `<div class="equation" tabindex="0">${equation}</div>`).join("");
  $("controls").append(...controls.elements);
  $("controls").onsubmit = (event) => event.preventDefault();
  $("text").append(...about.text.map((paragraph) => make("p", {}, paragraph)));
  fill($("presets"), Object.entries(about.presets).map(([title, texts]) => {
    const button = make("button", {type: "button"}, title);
    button.onclick = () => { change(texts); send({run: true}); };
    return button;
  }));
  fill($("missions"), about.missions.map((text) => make("li", {}, text)));
  if (about.ignored.length) left(`These parts of the address were ignored: ${about.ignored.join("; ")}.`);
  for (const element of document.querySelectorAll("[data-symbol]")) {
    const point = (symbol) => () => { lit = symbol; light(); };
    element.addEventListener("pointerenter", point(element.dataset.symbol));
    element.addEventListener("focusin", point(element.dataset.symbol));
    element.addEventListener("pointerleave", point(""));
    element.addEventListener("focusout", point(""));
  }
}

function fill(section, elements) {
  section.hidden = !elements.length;
  section.lastElementChild.replaceChildren(...elements);
}

function light() {
  for (const element of document.querySelectorAll("[data-symbol]")) element.classList.toggle("lit", element.dataset.symbol === lit);
  paint();
}

function notice(sentence) {
  $("notice").textContent = sentence;
  $("notice").hidden = !sentence;
}

// This notice stays until the visitor closes it.
function left(sentence) {
  const close = make("button", {type: "button"}, "Close");
  const element = make("div", {className: "notice", role: "alert"}, make("span", {}, sentence), close);
  close.onclick = () => element.remove();
  $("notice").before(element);
}

function connect() {
  socket = new WebSocket(`ws://${location.host}/live/${name}${location.search}`);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({data}) => receive(decode(data));
  socket.onopen = () => document.body.classList.remove("lost");
  socket.onclose = () => {
    document.body.classList.add("lost");
    notice("The connection to the lab is lost: is it still running in its terminal? This page reconnects by itself.");
    setTimeout(connect, 1000);
  };
}

function receive(message) {
  if (message.status) document.body.dataset.status = message.status;
  if (message.problems) for (const [control, sentence] of Object.entries(message.problems)) controls.problem(control, sentence);
  if (message.script) showScript(message);
  if (message.link) copyLink(message.link);
  if (message.refused) left(`${message.refused}.`);
  if (message.picture) {
    frame = message;
    if (!waiting) { waiting = true; requestAnimationFrame(show); }
    else send({painted: message.step});  // overtaken by this one
  }
}

function show() {
  waiting = false;
  const {picture} = frame;
  controls.show(frame.controls);
  if (document.activeElement !== $("seed")) $("seed").value = frame.seed;
  $("run").textContent = isRunning() ? "Pause" : "Run";
  $("count").textContent = `step ${frame.step}`;
  if (frame.stopped) notice(`The run has stopped: ${frame.stopped}.`);
  else if (window.lab.pictures) notice("");
  if (picture.panels) {
    arrange(picture.panels);
    $("numbers").querySelector("dl").replaceChildren(...Object.entries(picture.numbers).flatMap(([label, value]) =>
      [make("dt", {}, label), make("dd", {}, typeof value === "number" ? written(value) : `${value ?? "—"}`)]));
    picture.missions.forEach((done, k) => { if (done) $("missions").querySelectorAll("li")[k].classList.add("done"); });
  }
  paint();
  window.lab.pictures += 1;
  window.lab.shown = frame.controls;
  send({painted: frame.step});
  if (performance.now() - addressed > 400) address();
}

function address() {
  if (!isRunning() && location.search.includes("at=")) return;
  addressed = performance.now();
  const moved = Object.entries(frame.controls).filter(([control, text]) => text !== defaults[control] && encodeURIComponent(text).length < 4000);
  if (frame.seed) moved.push(["seed", `${frame.seed}`]);
  const query = new URLSearchParams(moved).toString();
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
}

// The heights of the rows; two halves that follow each other share one.
function rowsOf(drawn) {
  const rows = [];
  let open = false;
  for (const panel of drawn) {
    if (panel.half && open) rows.push(Math.max(rows.pop(), panel.height));
    else rows.push(panel.height);
    open = panel.half && !open;
  }
  return rows;
}

// Make a canvas for every panel, and keep those that are there.
function arrange(drawn) {
  $("panels").style.gridTemplateRows = rowsOf(drawn).map((height) => `minmax(${5 * height}rem, ${height}fr)`).join(" ");
  while (panels.length > drawn.length) panels.pop().element.remove();
  drawn.forEach((panel, k) => {
    if (!panels[k]) {
      const canvas = make("canvas", {role: "img"});
      const buttons = make("div", {className: "export"}, ...Object.entries(EXPORTS).map(([label, save]) => {
        const button = make("button", {type: "button", title: `Save this plot as ${label}`}, label);
        button.onclick = () => save(panels[k], k);
        return button;
      }));
      const element = make("figure", {}, canvas, buttons);
      $("panels").append(element);
      panels[k] = {element, canvas, ghost: null};
      resized.observe(element);
    }
    panels[k].panel = panel;
    panels[k].element.classList.toggle("half", panel.half);
    panels[k].canvas.setAttribute("aria-label", panel.title || (panel.y ? `${panel.y} against ${panel.x}` : "Plot"));
  });
}

const type = () => (document.body.classList.contains("presenter") ? 19 : innerWidth < 600 ? 11 : 13);
// A symbol that no mark has lights none, and dims none.
const isDrawn = (symbol) => panels.some(({panel}) => [...(panel.marks ?? []), ...(panel.nodes ?? [])].some((part) => part.symbol === symbol));
const look = (ghost) => ({theme: colors(), type: type(), ghost, lit: isDrawn(lit) ? lit : ""});

function paint() {
  for (const {element, canvas, panel, ghost} of panels) {
    const ratio = devicePixelRatio || 1, {clientWidth: width, clientHeight: height} = element;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawPanel(new CanvasPen(context), panel, width, height, look(ghost));
  }
}
const resized = new ResizeObserver(() => paint());

const EXPORTS = {
  PNG({canvas}, k) { canvas.toBlob((blob) => save(blob, `${name}-${k + 1}.png`)); },
  SVG({element, panel, ghost}, k) {
    const pen = new SvgPen(element.clientWidth, element.clientHeight);
    drawPanel(pen, panel, element.clientWidth, element.clientHeight, look(ghost));
    save(new Blob([pen.file], {type: "image/svg+xml"}), `${name}-${k + 1}.svg`);
  },
  CSV({panel}, k) {
    const columns = columnsOf(panel), count = Math.max(...columns.map(([, values]) => values.length));
    const cell = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const lines = [columns.map(([title]) => cell(title)).join(",")];
    for (let row = 0; row < count; row++) lines.push(columns.map(([, values]) => cell(`${values[row] ?? ""}`)).join(","));
    save(new Blob([`${lines.join("\n")}\n`], {type: "text/csv"}), `${name}-${k + 1}.csv`);
  },
};

function save(blob, file) {
  const url = URL.createObjectURL(blob);
  make("a", {href: url, download: file}).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function showScript({script, command}) {
  const dialog = $("script");
  dialog.querySelector("pre").textContent = script;
  dialog.querySelector("code").textContent = command;
  $("copy").onclick = () => copy(script, $("copy"));
  $("save").onclick = () => save(new Blob([script], {type: "text/x-python"}), `${name.replaceAll("-", "_")}.py`);
  if (!dialog.open) dialog.showModal();
}

function copyLink(query) {
  history.replaceState(null, "", query);
  copy(location.href, $("link"));
}

async function copy(text, button) {
  const before = button.textContent;
  try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; } catch { button.textContent = "Copying failed"; }
  setTimeout(() => { button.textContent = before; }, 1500);
}

function toggleGhost() {
  const on = $("ghost").getAttribute("aria-pressed") !== "true";
  for (const part of panels) part.ghost = on ? part.panel : null;
  $("ghost").setAttribute("aria-pressed", on);
  paint();
}

function reset() {
  const typed = $("seed").value.trim(), seed = /^\d{1,9}$/.test(typed) ? +typed : NaN;
  if (Number.isNaN(seed)) return notice(`The seed must be a whole number from 0 to 999999999, but is ${typed || "empty"}.`);
  send({reset: $("lock").checked ? seed : Math.floor(Math.random() * 1e6)});
}

$("run").onclick = () => send({run: !isRunning()});
$("step").onclick = () => send({step: 1});
$("speed").onchange = () => send({speed: +$("speed").value});
$("reset").onclick = reset;
$("seed").onchange = () => { $("lock").checked = true; reset(); };
$("ghost").onclick = toggleGhost;
$("link").onclick = () => send({link: true});
$("python").onclick = () => send({script: true});
$("help").onclick = () => $("keys").showModal();
$("presenter").onclick = () => {
  const on = document.body.classList.toggle("presenter");
  $("presenter").setAttribute("aria-pressed", on);
  paint();
};
const KEYS = {" ": "run", ".": "step", r: "reset", g: "ghost", l: "link", y: "python", p: "presenter", d: "theme", "?": "help"};
document.onkeydown = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=range]):not([type=checkbox]), textarea, select, dialog *")) return;
  if (event.key === " " && event.target.matches("button, [type=checkbox], .pad")) return;
  if (event.key === "s") { $("speed").selectedIndex = ($("speed").selectedIndex + 1) % $("speed").options.length; $("speed").onchange(); }
  const button = KEYS[event.key];
  if (button) { event.preventDefault(); $(button).click(); }
};

build();
followTheme($("theme"));
onTheme(paint);
connect();
