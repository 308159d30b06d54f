// Draw a panel (see panels.py) with a pen.
import {extent, limits, paint, scale, shade, written} from "./scales.js";

// `look`: theme, size of type, ghost (an earlier state of the panel), lit (the symbol that is pointed at).
export function drawPanel(pen, panel, width, height, look) {
  pen.rect(0, 0, width, height, {color: look.theme.paper});
  const top = panel.title ? 2 * look.type : 0.6 * look.type;
  if (panel.title) {
    const size = look.type * Math.min(1, (0.88 * width) / pen.width(panel.title, look.type));
    pen.text(panel.title, 0.4 * look.type, 1.3 * look.type, {color: look.theme.ink, size, bold: true});
  }
  PANELS[panel.kind](pen, panel, {x: 0, y: top, w: width, h: height - top}, look);
}

function plot(pen, panel, box, look) {
  const {theme, type} = look;
  const heat = panel.marks.find((mark) => mark.kind === "Heat" && mark.label);
  const frame = {x: box.x + 4.6 * type, y: box.y + 0.4 * type, w: box.w - 5.6 * type - (heat ? 5 * type : 0), h: box.h - 4 * type};
  const named = panel.marks.find((mark) => mark.kind === "Bars");
  const [xs, ys] = [rangeOf(panel, "x"), rangeOf(panel, "y")];
  if (panel.equal) square(frame, xs, ys);
  const x = scale(...xs, frame.x, frame.x + frame.w, panel.x_logarithmic);
  const y = scale(...ys, frame.y + frame.h, frame.y, panel.y_logarithmic);
  const grid = !panel.marks.some(isArea);
  for (const tick of y.ticks(frame.h / (4 * type))) {
    if (grid) pen.line([frame.x, y(tick), frame.x + frame.w, y(tick)], {color: theme.grid});
    pen.text(written(tick), frame.x - 0.5 * type, y(tick), {color: theme.faint, size: 0.85 * type, align: "right", baseline: "middle"});
  }
  for (const tick of named ? [] : x.ticks(frame.w / (6 * type))) {
    if (grid) pen.line([x(tick), frame.y, x(tick), frame.y + frame.h], {color: theme.grid});
    pen.text(written(tick), x(tick), frame.y + frame.h + 0.4 * type, {color: theme.faint, size: 0.85 * type, align: "center", baseline: "top"});
  }
  pen.text(panel.x, frame.x + frame.w / 2, frame.y + frame.h + 2.7 * type, {color: theme.ink, size: type, align: "center"});
  const fits = Math.min(type, (type * (frame.h + 3 * type)) / pen.width(panel.y, type));
  pen.text(panel.y, frame.x - 3.5 * type, frame.y + frame.h / 2, {color: theme.ink, size: fits, align: "center", turned: true});
  pen.within(frame.x, frame.y, frame.w, frame.h, () => {
    panel.marks.filter(isArea).forEach((mark) => MARKS[mark.kind](pen, mark, x, y, "", look));
    if (look.ghost?.kind === "Plot") ghost(pen, look.ghost, panel, x, y, theme);
    let next = 0;
    for (const mark of panel.marks.filter((mark) => !isArea(mark))) {
      const stroke = mark.reference ? theme.faint : theme.lines[next++ % theme.lines.length];
      MARKS[mark.kind](pen, mark, x, y, stroke, look, frame);
    }
  });
  if (named) names(pen, named, x, frame, look);
  if (heat) scaleBar(pen, heat, {x: frame.x + frame.w + 1.2 * type, y: frame.y, w: type, h: frame.h}, look);
  legend(pen, panel, frame, look);
}

// What lies below the lines.
const isArea = (mark) => mark.kind === "Heat" || mark.kind === "Regions";

function rangeOf(panel, axis) {
  const given = panel[`${axis}_range`];
  if (given) return given;
  const found = [];
  for (const mark of panel.marks) {
    if (mark.kind === "Spikes") found.push(axis === "x" ? mark.times : mark.neurons);
    else if (mark.kind === "Bars") found.push(axis === "x" ? [-0.6, mark.names.length - 0.4] : [0, ...mark.heights]);
    else found.push(mark[axis]);
  }
  const logarithmic = panel[`${axis}_logarithmic`];
  const [low, high] = extent(...(logarithmic ? found.map((values) => Array.from(values).filter((value) => value > 0)) : found));
  const margin = axis === "y" && !logarithmic ? 0.05 * (high - low) : 0;
  return [low - (panel.marks.some((mark) => mark.kind === "Bars") && low === 0 ? 0 : margin), high + margin];
}

function square(frame, [left, right], [bottom, top]) {
  const unit = Math.min(frame.w / (right - left), frame.h / (top - bottom));
  const [w, h] = [unit * (right - left), unit * (top - bottom)];
  frame.x += (frame.w - w) / 2;
  Object.assign(frame, {w, h});
}

function points(mark, x, y) {
  const found = new Float64Array(2 * mark.x.length);
  for (let k = 0; k < mark.x.length; k++) { found[2 * k] = x(mark.x[k]); found[2 * k + 1] = y(mark.y[k]); }
  return found;
}

// Others than the one pointed at step back.
const opacityOf = (mark, look) => (look.lit && mark.symbol && look.lit !== mark.symbol ? 0.25 : 1);

const MARKS = {
  Line(pen, mark, x, y, stroke, look) {
    const lit = look.lit && look.lit === mark.symbol;
    const width = (lit ? 3.4 : 1.7) * look.type / 12;
    pen.line(points(mark, x, y), {color: stroke, width, dash: mark.dashed ? [5, 4] : [], opacity: opacityOf(mark, look)});
    const last = mark.x.length - 1;
    if (mark.head) pen.circle(x(mark.x[last]), y(mark.y[last]), 5 * look.type / 12, {color: stroke, opacity: opacityOf(mark, look), edge: look.theme.paper});
  },
  Dots(pen, mark, x, y, stroke, look) {
    const radius = mark.size / 2 * look.type / 12;
    for (let k = 0; k < mark.x.length; k++) {
      const group = mark.groups ? look.theme.classes[mark.groups[k] % 10] : stroke;
      pen.circle(x(mark.x[k]), y(mark.y[k]), radius, {color: group, opacity: opacityOf(mark, look), edge: mark.size > 7 ? look.theme.paper : null});
    }
  },
  Spikes(pen, mark, x, y, stroke, look) {
    const {ink, lines} = look.theme;
    for (let k = 0; k < mark.times.length; k++) {
      const color = mark.groups ? lines[mark.groups[k] % lines.length] : ink;
      pen.rect(x(mark.times[k]) - 0.75, y(mark.neurons[k]) - 0.75, 1.5, 1.5, {color});
    }
  },
  Heat(pen, mark, x, y, stroke, look) {
    const [rows, columns] = mark.values.shape;
    const pixels = paint(turned(mark.values, rows, columns), limits(mark.values, mark.range, mark.signed), mark.signed ? "signed" : mark.grey ? "grey" : "viridis", look.theme);
    pen.image(pixels, columns, rows, x(mark.x[0]), y(mark.y[1]), x(mark.x[1]) - x(mark.x[0]), y(mark.y[0]) - y(mark.y[1]));
  },
  Regions(pen, mark, x, y, stroke, look) {
    const [rows, columns] = mark.groups.shape;
    const pixels = shade(turned(mark.groups, rows, columns), turned(mark.weights, rows, columns), look.theme);
    pen.image(pixels, columns, rows, x(mark.x[0]), y(mark.y[1]), x(mark.x[1]) - x(mark.x[0]), y(mark.y[0]) - y(mark.y[1]));
  },
  Bars(pen, mark, x, y, stroke, look) {
    const width = (x(1) - x(0)) * 0.75;
    for (let k = 0; k < mark.heights.length; k++) {
      const place = y(mark.heights[k]), zero = y(0);
      pen.rect(x(k) - width / 2, Math.min(place, zero), width, Math.abs(zero - place), {color: k === mark.highlighted ? look.theme.lines[1] : stroke, opacity: opacityOf(mark, look)});
    }
  },
  Arrows(pen, mark, x, y, stroke, look) {
    for (let k = 0; k < mark.x.length; k++) {
      const [a, b, c, d] = [x(mark.x[k]), y(mark.y[k]), x(mark.x[k] + mark.u[k]), y(mark.y[k] + mark.v[k])];
      arrow(pen, a, b, c, d, {color: look.theme.faint, width: 1});
    }
  },
  Labels(pen, mark, x, y, stroke, look, frame) {
    const {theme, type} = look, taken = [];
    const order = [...mark.highlighted, ...mark.texts.keys()].filter((k, place, all) => all.indexOf(k) === place);
    for (const k of order) {
      const stands = mark.highlighted.includes(k), [a, b] = [x(mark.x[k]), y(mark.y[k])];
      pen.circle(a, b, 0.2 * type, {color: stands ? theme.lines[1] : theme.faint});
      const place = free(a, b, pen.width(mark.texts[k], type) + 0.5 * type, 1.1 * type, frame, taken);
      if (!place) continue;
      taken.push(place);
      pen.rect(place.x, place.y, place.w, place.h, {color: theme.paper, opacity: 0.6});
      pen.text(mark.texts[k], place.x + place.w / 2, place.y + place.h / 2, {color: stands ? theme.lines[1] : theme.ink, size: type, bold: stands, align: "center", baseline: "middle"});
    }
  },
};

// Where there is room for a text at a point: right or left of it, above or below, or nowhere.
function free(a, b, w, h, frame, taken) {
  const gap = 0.2 * h, corners = [[a + gap, b - h / 2], [a - gap - w, b - h / 2], [a - w / 2, b - gap - h], [a - w / 2, b + gap]];
  const places = corners.map(([x, y]) => ({x, y, w, h}));
  const apart = (p, q) => p.x + p.w <= q.x || q.x + q.w <= p.x || p.y + p.h <= q.y || q.y + q.h <= p.y;
  return places.find((p) => p.x >= frame.x && p.x + p.w <= frame.x + frame.w && taken.every((q) => apart(p, q)));
}

function arrow(pen, a, b, c, d, style) {
  const angle = Math.atan2(d - b, c - a), size = Math.min(6, Math.hypot(c - a, d - b) / 2);
  const tip = (turn) => [c - size * Math.cos(angle + turn), d - size * Math.sin(angle + turn)];
  pen.line([a, b, c, d], style);
  pen.line([...tip(0.5), c, d, ...tip(-0.5)], style);
}

// An image's first row is at the top, that of a heat map at the bottom.
function turned(values, rows, columns) {
  const found = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) found.set(values.subarray((rows - 1 - r) * columns, (rows - r) * columns), r * columns);
  return found;
}

function ghost(pen, before, panel, x, y, theme) {
  // A time axis has moved on since.
  const shift = before.x_range && panel.x_range ? panel.x_range[0] - before.x_range[0] : 0;
  for (const mark of before.marks.filter((mark) => mark.kind === "Line" && !mark.reference)) {
    const moved = {x: shift ? mark.x.map((value) => value + shift) : mark.x, y: mark.y};
    pen.line(points(moved, x, y), {color: theme.ghost, width: 1.4, dash: [2, 3]});
  }
}

function names(pen, mark, x, frame, look) {
  const room = x(1) - x(0), widest = Math.max(...mark.names.map((name) => pen.width(name, 0.85 * look.type)));
  const every = Math.max(1, Math.ceil((widest + 4) / room));
  mark.names.forEach((name, k) => {
    if (k % every === 0) pen.text(name, x(k), frame.y + frame.h + 0.4 * look.type, {color: look.theme.faint, size: 0.85 * look.type, align: "center", baseline: "top"});
  });
}

function scaleBar(pen, mark, box, look) {
  const [low, high] = limits(mark.values, mark.range, mark.signed);
  const count = 64, at = scale(low, high, box.y + box.h, box.y);
  const column = Float32Array.from({length: count}, (_, k) => high - ((k + 0.5) / count) * (high - low));
  pen.image(paint(column, [low, high], mark.signed ? "signed" : "viridis", look.theme), 1, count, box.x, box.y, box.w, box.h);
  for (const tick of at.ticks(4)) pen.text(written(tick), box.x + 1.3 * box.w, at(tick), {color: look.theme.faint, size: 0.85 * look.type, baseline: "middle"});
  pen.text(mark.label, box.x + 4.3 * box.w, box.y + box.h / 2, {color: look.theme.ink, size: 0.9 * look.type, align: "center", turned: true});
}

function legend(pen, panel, frame, look) {
  const entries = [];
  let next = 0;
  for (const mark of panel.marks.filter((mark) => !isArea(mark))) {
    const stroke = mark.reference ? look.theme.faint : look.theme.lines[next++ % look.theme.lines.length];
    if (mark.label) entries.push({mark, stroke});
  }
  if (!entries.length) return;
  const size = 0.9 * look.type, gap = 2.4 * look.type;
  const widths = entries.map(({mark}) => pen.width(mark.label, size) + gap);
  let x = frame.x + frame.w - widths.reduce((sum, width) => sum + width, 0), y = frame.y + 0.9 * look.type;
  const column = x < frame.x;
  if (column) x = frame.x + frame.w - Math.max(...widths);
  const [w, h] = column ? [Math.max(...widths), 1.4 * look.type * entries.length] : [frame.x + frame.w - x, 1.5 * look.type];
  pen.rect(x - 0.3 * look.type, frame.y, w, h, {color: look.theme.paper, opacity: 0.75});
  entries.forEach(({mark, stroke}, k) => {
    const style = {color: stroke, width: 2, dash: mark.dashed ? [4, 3] : [], opacity: opacityOf(mark, look)};
    pen.line([x, y, x + 1.3 * look.type, y], style);
    pen.text(mark.label, x + 1.7 * look.type, y, {color: look.theme.ink, size, baseline: "middle"});
    if (column) y += 1.4 * look.type; else x += widths[k];
  });
}

function images(pen, panel, box, look) {
  const [count, rows, columns] = panel.images.shape, {type} = look;
  const titled = panel.titles.length ? 1.5 * type : 0.3 * type;
  const across = panel.columns || best(count, box, titled, columns / rows);
  const down = Math.ceil(count / across);
  const cell = Math.min(box.w / across - 0.5 * type, ((box.h / down - titled) * columns) / rows);
  const left = box.x + (box.w - across * (cell + 0.5 * type) + 0.5 * type) / 2;
  const high = (cell * rows) / columns;
  const scaled = limits(panel.images, panel.range, panel.signed);
  for (let k = 0; k < count; k++) {
    const x = left + (k % across) * (cell + 0.5 * type), y = box.y + Math.floor(k / across) * (high + titled) + titled;
    const part = panel.images.subarray(k * rows * columns, (k + 1) * rows * columns);
    pen.image(paint(part, scaled, panel.signed ? "signed" : "grey", look.theme), columns, rows, x, y, cell, high);
    if (panel.titles[k]) pen.text(panel.titles[k], x + cell / 2, y - 0.4 * type, {color: look.theme.ink, size: 0.85 * type, align: "center"});
  }
}

// The number of columns at which images are largest.
function best(count, box, titled, ratio) {
  let found = 1, largest = 0;
  for (let across = 1; across <= count; across++) {
    const cell = Math.min(box.w / across, (box.h / Math.ceil(count / across) - titled) * ratio);
    if (cell > largest) [found, largest] = [across, cell];
  }
  return found;
}

function matrix(pen, panel, box, look) {
  const {theme, type} = look, size = 0.85 * type;
  const [rows, columns] = panel.values.shape;
  const left = Math.min(0.4 * box.w, Math.max(...panel.rows.map((name) => pen.width(name, size)), 0) + type);
  const under = 1.6 * type;
  const frame = {x: box.x + left, y: box.y, w: box.w - left - 0.5 * type, h: box.h - under};
  const scaled = limits(panel.values, panel.range, panel.signed);
  pen.image(paint(panel.values, scaled, panel.signed ? "signed" : "viridis", theme), columns, rows, frame.x, frame.y, frame.w, frame.h);
  const [w, h] = [frame.w / columns, frame.h / rows];
  panel.rows.forEach((name, k) => {
    if (h >= 0.7 * type || k % Math.ceil((0.9 * type) / h) === 0) pen.text(name, frame.x - 0.4 * type, frame.y + (k + 0.5) * h, {color: theme.ink, size, align: "right", baseline: "middle"});
  });
  const widest = Math.max(...panel.columns.map((name) => pen.width(name, size)), 1);
  const every = Math.max(1, Math.ceil((widest + 2) / w));
  panel.columns.forEach((name, k) => {
    if (k % every === 0) pen.text(name, frame.x + (k + 0.5) * w, frame.y + frame.h + 0.3 * type, {color: theme.ink, size, align: "center", baseline: "top"});
  });
}

function graph(pen, panel, box, look) {
  const {theme, type} = look, radius = 1.5 * type;
  const [w, h] = [box.w - 4 * radius, box.h - 4 * radius];
  const place = (node) => [box.x + 2 * radius + node.x * w, box.y + 1.6 * radius + node.y * h];
  for (const [first, last] of panel.edges) {
    const [a, b] = place(panel.nodes[first]), [c, d] = place(panel.nodes[last]);
    const length = Math.hypot(c - a, d - b) || 1, [u, v] = [(c - a) / length, (d - b) / length];
    arrow(pen, a + u * radius, b + v * radius, c - u * radius, d - v * radius, {color: theme.faint, width: 1.2});
  }
  panel.nodes.forEach((node, k) => {
    const [x, y] = place(node), stands = panel.highlighted.includes(k) || (look.lit && look.lit === node.symbol);
    pen.circle(x, y, radius, {color: stands ? theme.lines[1] : theme.grid, edge: theme.faint});
    pen.text(node.label, x, y, {color: stands ? "#ffffff" : theme.ink, size: 0.9 * type, align: "center", baseline: "middle", bold: true});
    node.below.split("\n").forEach((line, n) => pen.text(line, x, y + radius + (0.9 + n) * type, {color: theme.ink, size: 0.8 * type, align: "center"}));
  });
}

const PANELS = {Plot: plot, Images: images, Matrix: matrix, Graph: graph};

// What a panel shows, as columns with names: for a CSV file.
export function columnsOf(panel) {
  const columns = [];
  const add = (name, values) => columns.push([name, Array.from(values)]);
  if (panel.kind === "Plot") {
    panel.marks.forEach((mark, k) => {
      const name = mark.label || `${mark.kind} ${k + 1}`;
      if (mark.kind === "Spikes") { add(panel.x, mark.times); add(panel.y, mark.neurons); }
      else if (mark.kind === "Bars") { add("name", mark.names); add(name, mark.heights); }
      else if (mark.kind === "Heat") add(`${name}, ${mark.values.shape.join("×")}`, mark.values);
      else if (mark.kind === "Regions") { add(`group, ${mark.groups.shape.join("×")}`, mark.groups); add("weight", mark.weights); }
      else {
        add(`${name}: ${panel.x}`, mark.x); add(`${name}: ${panel.y}`, mark.y);
        if (mark.groups) add(`${name}: group`, mark.groups);
        if (mark.texts) add(`${name}: text`, mark.texts);
        if (mark.kind === "Arrows") { add("u", mark.u); add("v", mark.v); }
      }
    });
  } else if (panel.kind === "Images") {
    const [count, rows, width] = panel.images.shape;
    for (let k = 0; k < count; k++) add(panel.titles[k] || `image ${k + 1}`, panel.images.subarray(k * rows * width, (k + 1) * rows * width));
  } else if (panel.kind === "Matrix") {
    add("row", panel.rows);
    const width = panel.values.shape[1];
    panel.columns.forEach((name, c) => add(name, panel.rows.map((_, r) => panel.values[r * width + c])));
  } else {
    add("node", panel.nodes.map((node) => node.label));
    add("value", panel.nodes.map((node) => node.below.replaceAll("\n", " ")));
  }
  return columns;
}
