// Read a message: a JSON text and then the arrays that it points to (see wire.py).
const TYPES = {f4: Float32Array, i4: Int32Array, u1: Uint8Array};

export function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const arrays = 4 + length;
  return JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)), (key, value) => {
    if (value === null || typeof value !== "object" || !("array" in value)) return value;
    const count = value.shape.reduce((product, size) => product * size, 1);
    const found = new TYPES[value.type](buffer, arrays + value.array, count);
    found.shape = value.shape;
    return found;
  });
}
