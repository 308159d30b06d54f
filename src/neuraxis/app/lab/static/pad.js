// A pad to draw an image on, by pointer or by keys, or to open one from a file.
import {make} from "./make.js";
import {picker} from "./picker.js";
import {colors, onTheme} from "./theme.js";

const LEVELS = "0123456789abcdef", MOST = 15, SIDE = 224;

export function pad(about, set) {
  const {height, width} = about, levels = new Float32Array(height * width);
  const canvas = make("canvas", {className: "pad", tabIndex: 0, width: SIDE, height: (SIDE * height) / width, role: "img",
    "aria-label": `${about.label}: draw with the pointer, or move with the arrow keys and toggle pixels with the space bar`});
  const context = canvas.getContext("2d"), unit = SIDE / width;
  let cursor = [Math.floor(width / 2), Math.floor(height / 2)], drawing = false, shown = "";

  const paint = () => {
    const theme = colors();
    context.fillStyle = theme.paper;
    context.fillRect(0, 0, canvas.width, canvas.height);
    levels.forEach((level, k) => {
      if (!level) return;
      context.globalAlpha = level / MOST;
      context.fillStyle = theme.ink;
      context.fillRect((k % width) * unit, Math.floor(k / width) * unit, unit, unit);
    });
    context.globalAlpha = 1;
    if (document.activeElement === canvas) {
      context.strokeStyle = theme.lines[1];
      context.strokeRect(cursor[0] * unit + 1, cursor[1] * unit + 1, unit - 2, unit - 2);
    }
  };
  const tell = () => { shown = Array.from(levels, (level) => LEVELS[Math.round(level)]).join(""); paint(); set(shown); };
  // A round brush: full in its middle, fading over a pixel.
  const brush = (x, y) => {
    const radius = Math.max(0.6, width / 16);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
        const level = MOST * Math.min(1, Math.max(0, radius + 0.6 - distance));
        levels[row * width + column] = Math.max(levels[row * width + column], level);
      }
    }
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  };
  canvas.onpointerdown = (event) => { drawing = true; canvas.setPointerCapture(event.pointerId); brush(...place(event)); tell(); };
  canvas.onpointermove = (event) => { if (drawing) { brush(...place(event)); tell(); } };
  canvas.onpointerup = canvas.onpointercancel = () => { drawing = false; };
  canvas.onfocus = canvas.onblur = paint;
  canvas.onkeydown = (event) => {
    const [x, y] = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key] ?? [0, 0];
    if (!x && !y && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    cursor = [Math.min(width - 1, Math.max(0, cursor[0] + x)), Math.min(height - 1, Math.max(0, cursor[1] + y))];
    const here = cursor[1] * width + cursor[0];
    if (event.key === " ") { levels[here] = levels[here] ? 0 : MOST; tell(); } else paint();
  };
  const clear = make("button", {type: "button"}, "Clear");
  clear.onclick = () => { levels.fill(0); tell(); };
  const open = picker({label: "Open or drop an image …", accept: "image/*", largest: 20_000_000, async read(file) { take(await createImageBitmap(file)); tell(); }});
  // Scale an image to the pad; ink is what differs from the colour of its corner.
  const take = (bitmap) => {
    const small = make("canvas", {width, height}).getContext("2d", {willReadFrequently: true});
    const fit = Math.min(width / bitmap.width, height / bitmap.height), [w, h] = [bitmap.width * fit, bitmap.height * fit];
    small.fillStyle = "white";
    small.fillRect(0, 0, width, height);
    small.imageSmoothingQuality = "high";
    small.drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
    const data = small.getImageData(0, 0, width, height).data;
    const grey = levels.map((_, k) => (data[4 * k] + data[4 * k + 1] + data[4 * k + 2]) / 3);
    const ground = grey[0], most = Math.max(1, ...grey.map((value) => Math.abs(value - ground)));
    levels.forEach((_, k) => { levels[k] = (MOST * Math.abs(grey[k] - ground)) / most; });
  };
  onTheme(paint);
  return {
    elements: [canvas, make("div", {className: "row"}, clear, open)],
    show(text) {
      if (text === shown || drawing) return;
      shown = text;
      [...text].forEach((level, k) => { levels[k] = LEVELS.indexOf(level); });
      paint();
    },
  };
}
