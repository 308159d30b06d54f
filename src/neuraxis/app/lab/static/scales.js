// From values to places on the screen, with ticks at round numbers, and from values to colours.
const VIRIDIS = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];
const BELOW = [0, 114, 178], ABOVE = [213, 94, 0];

export function scale(low, high, from, to, logarithmic = false) {
  const f = logarithmic ? (value) => Math.log10(Math.max(value, 1e-30)) : (value) => value;
  const [a, b] = [f(low), f(high)];
  const at = (value) => from + ((f(value) - a) / (b - a || 1)) * (to - from);
  at.ticks = (count) => (logarithmic ? powers(a, b, count) : rounds(low, high, count));
  return at;
}

function rounds(low, high, count) {
  const raw = (high - low) / Math.max(1, count) || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const size = [1, 2, 5, 10].find((factor) => factor * power >= raw) * power;
  const ticks = [];
  for (let k = Math.ceil(low / size - 1e-9); k * size <= high + 1e-9 * size; k++) ticks.push(k * size);
  return ticks;
}

function powers(a, b, count) {
  const every = Math.max(1, Math.ceil((b - a) / Math.max(1, count)));
  const ticks = [];
  for (let k = Math.ceil(a - 1e-9); k <= b + 1e-9; k++) if (k % every === 0) ticks.push(10 ** k);
  return ticks;
}

export function written(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) {
    const [mantissa, exponent] = value.toExponential(1).split("e");
    const power = `10${exponent.replace("+", "").replace(/./g, (sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign]))}`;
    return (mantissa === "1.0" ? power : `${mantissa}·${power}`).replace("-", "−");
  }
  return `${+value.toPrecision(4)}`.replace("-", "−");
}

// The least and largest of arrays, without NaN, a little apart.
export function extent(...arrays) {
  let low = Infinity, high = -Infinity;
  for (const array of arrays) {
    for (const value of array) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return [0, 1];
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

export function limits(values, range, signed) {
  let [low, high] = range ?? extent(values);
  if (signed) { high = Math.max(Math.abs(low), Math.abs(high)); low = -high; }
  return [low, high > low ? high : low + 1];
}

// Colour values: "signed" from one colour over paper to another, "grey" from paper to ink, "viridis".
export function paint(values, [low, high], kind, theme) {
  const pixels = new Uint8ClampedArray(4 * values.length);
  for (let k = 0; k < values.length; k++) {
    const [r, g, b] = color((values[k] - low) / (high - low), kind, theme);
    pixels[4 * k] = r; pixels[4 * k + 1] = g; pixels[4 * k + 2] = b; pixels[4 * k + 3] = 255;
  }
  return pixels;
}

// Colour groups, half as strong as the dots of the same group and the paler the less a weight is.
export function shade(groups, weights, theme) {
  const pixels = new Uint8ClampedArray(4 * groups.length);
  for (let k = 0; k < groups.length; k++) {
    pixels.set([...mix(theme.zero, bytes(theme.classes[groups[k] % 10]), 0.5 * weights[k]), 255], 4 * k);
  }
  return pixels;
}

const bytes = (hex) => [1, 3, 5].map((place) => parseInt(hex.slice(place, place + 2), 16));

export function color(share, kind, theme) {
  const t = Math.min(1, Math.max(0, share || 0));
  if (kind === "signed") return t < 0.5 ? mix(BELOW, theme.zero, 2 * t) : mix(theme.zero, ABOVE, 2 * t - 1);
  if (kind === "grey") return mix(theme.zero, theme.zero[0] > 128 ? [20, 24, 28] : [240, 244, 247], t);
  const place = t * (VIRIDIS.length - 1), below = Math.min(Math.floor(place), VIRIDIS.length - 2);
  return mix(VIRIDIS[below], VIRIDIS[below + 1], place - below);
}

const mix = (a, b, t) => a.map((value, k) => value + (b[k] - value) * t);
