// The controls of a page, as its description lists them (see controls.py). Values are texts.
import {make, symbolOf} from "./make.js";
import {pad} from "./pad.js";
import {picker} from "./picker.js";

// Gives {element, show(texts), problem(name, sentence)}; `change(texts)` is called when the visitor changes a control.
export function controlsOf(descriptions, change) {
  const rows = {};
  for (const about of descriptions) {
    const set = (text) => change({[about.name]: text});
    const part = KINDS[about.kind](about, set);
    const problem = make("p", {className: "problem", role: "alert", hidden: true});
    const element = make("div", {className: `control ${about.kind}`}, part.element, problem);
    if (about.symbol) element.dataset.symbol = about.symbol;
    rows[about.name] = {element, problem, show: part.show};
  }
  return {
    elements: Object.values(rows).map((row) => row.element),
    show(texts) { for (const [name, text] of Object.entries(texts)) rows[name]?.show(text); },
    problem(name, sentence) {
      const row = rows[name];
      if (!row) return;
      row.problem.textContent = sentence;
      row.problem.hidden = !sentence;
    },
  };
}

function labelOf(about) {
  const label = make("span", {className: "label"}, about.label);
  if (about.symbol) label.append(" ", symbolOf(about.symbol));
  return label;
}

const KINDS = {
  slider(about, set) {
    const {low, high, logarithmic, whole} = about, name = about.unit ? `${about.label} [${about.unit}]` : about.label;
    const size = 10 ** Math.floor(Math.log10((high - low) / 500));
    const to = (value) => (logarithmic ? (1000 * Math.log(value / low)) / Math.log(high / low) : value);
    const from = (place) => {
      if (logarithmic) { const value = +(low * (high / low) ** (place / 1000)).toPrecision(3); return whole ? Math.round(value) : Math.min(high, Math.max(low, value)); }
      return whole ? Math.round(place) : Math.min(high, Math.max(low, +(Math.round(place / size) * size).toPrecision(12)));
    };
    const range = make("input", {type: "range", min: logarithmic ? 0 : low, max: logarithmic ? 1000 : high, step: logarithmic ? 1 : whole ? 1 : "any", "aria-label": name});
    const number = make("input", {type: "text", inputMode: "decimal", className: "number", size: 7, "aria-label": `${name}, value`});
    range.oninput = () => { number.value = from(+range.value); set(number.value); };
    range.onkeydown = (event) => {
      if (logarithmic || whole || !event.key.startsWith("Arrow")) return;
      event.preventDefault();
      const up = event.key === "ArrowRight" || event.key === "ArrowUp" ? 1 : -1;
      range.value = +range.value + up * (event.shiftKey ? 10 : 1) * size;
      range.oninput();
    };
    number.onchange = () => set(number.value.trim().replace(",", ".").replace("−", "-"));
    number.onkeydown = (event) => { if (event.key === "Enter") { event.preventDefault(); number.onchange(); } };
    const line = make("div", {className: "line"}, labelOf(about), make("span", {className: "value"}, number, " ", make("span", {className: "unit"}, about.unit)));
    return {
      element: make("label", {}, line, range),
      show(text) {
        if (document.activeElement !== number) number.value = text;
        if (!range.matches(":active")) range.value = to(+text);
      },
    };
  },
  choice(about, set) {
    const select = make("select", {}, ...about.options.map((option) => make("option", {value: option}, option)));
    select.onchange = () => set(select.value);
    return {element: make("label", {className: "line"}, labelOf(about), select), show(text) { select.value = text; }};
  },
  switch(about, set) {
    const box = make("input", {type: "checkbox"});
    box.onchange = () => set(box.checked ? "on" : "off");
    return {element: make("label", {className: "line"}, labelOf(about), box), show(text) { box.checked = text === "on"; }};
  },
  button(about, set) {
    let count = 0;
    const button = make("button", {type: "button"}, about.label);
    button.onclick = () => set(`${count + 1}`);
    return {element: button, show(text) { count = +text; }};
  },
  text(about, set) {
    const area = make("textarea", {rows: about.longest > 40 ? 2 : 1, maxLength: about.longest, spellcheck: false});
    let waiting = 0;
    area.oninput = () => { clearTimeout(waiting); waiting = setTimeout(() => set(area.value), about.restarts ? 600 : 150); };
    return {element: make("label", {}, labelOf(about), area), show(text) { if (document.activeElement !== area) area.value = text; }};
  },
  drawing(about, set) {
    const drawn = pad(about, set);
    return {element: make("div", {}, labelOf(about), ...drawn.elements), show: drawn.show};
  },
  table(about, set) {
    const picked = picker({
      label: "Open or drop a CSV file …", accept: ".csv,.txt,text/csv", largest: 200_000,
      async read(file) { set(await file.text()); },
    });
    const clear = make("button", {type: "button", hidden: true}, "Use the built-in data");
    clear.onclick = () => set("");
    const what = make("p", {className: "hint"}, `Columns: ${about.columns.join(", ")}`);
    return {element: make("div", {}, labelOf(about), picked, what, clear), show(text) { clear.hidden = !text; }};
  },
};
