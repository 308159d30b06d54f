// Two pens with the same strokes: one draws on a canvas, the other writes an SVG file.
const FONT = "system-ui, sans-serif";

export class CanvasPen {
  constructor(context) { this.context = context; }

  line(points, {color, width = 1, dash = [], opacity = 1}) {
    const c = this.context;
    c.beginPath();
    let down = false;
    for (let k = 0; k < points.length; k += 2) {
      const x = points[k], y = points[k + 1];
      if (!(Number.isFinite(x) && Number.isFinite(y))) { down = false; continue; }
      if (down) c.lineTo(x, y); else c.moveTo(x, y);
      down = true;
    }
    Object.assign(c, {strokeStyle: color, lineWidth: width, globalAlpha: opacity, lineJoin: "round"});
    c.setLineDash(dash);
    c.stroke();
    c.globalAlpha = 1;
  }

  rect(x, y, w, h, {color, opacity = 1}) {
    Object.assign(this.context, {fillStyle: color, globalAlpha: opacity});
    this.context.fillRect(x, y, w, h);
    this.context.globalAlpha = 1;
  }

  circle(x, y, radius, {color, opacity = 1, edge = null}) {
    const c = this.context;
    c.beginPath();
    c.arc(x, y, radius, 0, 2 * Math.PI);
    Object.assign(c, {fillStyle: color, globalAlpha: opacity});
    c.fill();
    if (edge) { Object.assign(c, {strokeStyle: edge, lineWidth: 1}); c.setLineDash([]); c.stroke(); }
    c.globalAlpha = 1;
  }

  text(text, x, y, {color, size = 12, align = "left", baseline = "alphabetic", turned = false, bold = false}) {
    const c = this.context;
    c.save();
    Object.assign(c, {fillStyle: color, textAlign: align, textBaseline: baseline, font: `${bold ? "600 " : ""}${size}px ${FONT}`});
    c.translate(x, y);
    if (turned) c.rotate(-Math.PI / 2);
    c.fillText(text, 0, 0);
    c.restore();
  }

  // Pixels are RGBA, (height, width).
  image(pixels, width, height, x, y, w, h) {
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(bitmap(pixels, width, height), x, y, w, h);
  }

  within(x, y, w, h, draw) {
    this.context.save();
    this.context.beginPath();
    this.context.rect(x, y, w, h);
    this.context.clip();
    draw();
    this.context.restore();
  }

  width(text, size) {
    this.context.font = `${size}px ${FONT}`;
    return this.context.measureText(text).width;
  }
}

export class SvgPen {
  constructor(width, height) {
    this.size = [width, height];
    this.parts = [];
    this.clips = 0;
    this.ruler = new CanvasPen(document.createElement("canvas").getContext("2d"));
  }

  line(points, {color, width = 1, dash = [], opacity = 1}) {
    let path = "", down = false;
    for (let k = 0; k < points.length; k += 2) {
      const x = points[k], y = points[k + 1];
      if (!(Number.isFinite(x) && Number.isFinite(y))) { down = false; continue; }
      path += `${down ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`;
      down = true;
    }
    this.parts.push(`<path d="${path}" fill="none" stroke="${color}" stroke-width="${width}" stroke-dasharray="${dash.join(" ")}" stroke-opacity="${opacity}" stroke-linejoin="round"/>`);
  }

  rect(x, y, w, h, {color, opacity = 1}) {
    this.parts.push(`<rect x="${x}" y="${y}" width="${Math.max(0, w)}" height="${Math.max(0, h)}" fill="${color}" fill-opacity="${opacity}"/>`);
  }

  circle(x, y, radius, {color, opacity = 1, edge = null}) {
    this.parts.push(`<circle cx="${x.toFixed(2)}" cy="${y.toFixed(2)}" r="${radius}" fill="${color}" fill-opacity="${opacity}"${edge ? ` stroke="${edge}"` : ""}/>`);
  }

  text(text, x, y, {color, size = 12, align = "left", baseline = "alphabetic", turned = false, bold = false}) {
    const anchor = {left: "start", center: "middle", right: "end"}[align];
    const down = {alphabetic: 0, middle: 0.35, top: 0.8, bottom: -0.2}[baseline] * size;
    const place = turned ? `translate(${x + down} ${y}) rotate(-90)` : `translate(${x} ${y + down})`;
    this.parts.push(`<text transform="${place}" fill="${color}" font-family="${FONT}" font-size="${size}" text-anchor="${anchor}"${bold ? ' font-weight="600"' : ""}>${escaped(text)}</text>`);
  }

  image(pixels, width, height, x, y, w, h) {
    const data = bitmap(pixels, width, height).toDataURL();
    this.parts.push(`<image x="${x}" y="${y}" width="${w}" height="${h}" preserveAspectRatio="none" style="image-rendering:pixelated" href="${data}"/>`);
  }

  within(x, y, w, h, draw) {
    const id = `clip${this.clips++}`;
    this.parts.push(`<clipPath id="${id}"><rect x="${x}" y="${y}" width="${w}" height="${h}"/></clipPath><g clip-path="url(#${id})">`);
    draw();
    this.parts.push("</g>");
  }

  width(text, size) { return this.ruler.width(text, size); }

  get file() {
    const [width, height] = this.size;
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${this.parts.join("\n")}</svg>\n`;
  }
}

function bitmap(pixels, width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, {width, height});
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
  return canvas;
}

const escaped = (text) => `${text}`.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
