// QR codes (ISO/IEC 18004) of a text: byte mode, error correction M, versions 1 to 20 (666 bytes).
// matrix[y][x] is 1 for dark and 0 for light.
//
// Why in the browser: the code contains a new account. A server that draws codes spends CPU on strangers (segno takes
// about 10 ms a code), and would send or receive the password a second time.
// Why not a library: node-qrcode-generator is the only generator in Debian 13, and nixpkgs does not have it.
// tests/web reads codes of every size with an independent decoder (ZXing).
"use strict";

// index: version; error correction codewords of a block, and number of blocks (table 9, level M)
const CHECK_CODEWORDS = [0, 10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26];
const BLOCKS = [0, 1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16];
const LAST_VERSION = 20;
const QUIET_ZONE = 4;
const FINDER_SIDE = 7;
const DARK = "#111a33";

const MASKS = [
  (x, y) => (x + y) % 2,
  (x, y) => y % 2,
  (x) => x % 3,
  (x, y) => (x + y) % 3,
  (x, y) => ((x / 3 | 0) + (y / 2 | 0)) % 2,
  (x, y) => (x * y) % 2 + (x * y) % 3,
  (x, y) => ((x * y) % 2 + (x * y) % 3) % 2,
  (x, y) => ((x + y) % 2 + (x * y) % 3) % 2,
];

function qrMatrix(text) {
  const bytes = new TextEncoder().encode(text);
  for (let version = 1; version <= LAST_VERSION; version++) {
    const frame = drawFrame(version);
    const codewords = frame.flat().filter((module) => module === null).length >> 3;
    const room = codewords - BLOCKS[version] * CHECK_CODEWORDS[version];
    const header = version < 10 ? 12 : 20;
    if (bytes.length * 8 + header > room * 8) continue;
    const data = dataCodewords(bytes, version < 10 ? 8 : 16, room);
    return bestMasked(frame, interleaved(data, version), version);
  }
  throw new RangeError("too long for a QR code");
}

// The matrix with finder, timing and alignment patterns, format and version; null for data modules.
function drawFrame(version) {
  const size = 17 + 4 * version;
  const frame = Array.from({ length: size }, () => Array(size).fill(null));
  const rings = (cx, cy, radius, dark) => {
    for (let dy = -radius; dy <= radius; dy++) {
      for (let dx = -radius; dx <= radius; dx++) {
        const [x, y] = [cx + dx, cy + dy];
        const distance = Math.max(Math.abs(dx), Math.abs(dy));
        if (x >= 0 && y >= 0 && x < size && y < size) frame[y][x] = dark.includes(distance) ? 1 : 0;
      }
    }
  };
  for (let i = 0; i < size; i++) frame[6][i] = frame[i][6] = 1 - (i % 2);
  const places = alignmentPlaces(version, size);
  const last = places.length - 1;
  places.forEach((x, i) => places.forEach((y, j) => {
    const underFinder = (i === 0 && (j === 0 || j === last)) || (i === last && j === 0);
    if (!underFinder) rings(x, y, 2, [0, 2]);
  }));
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]]) rings(x, y, 4, [0, 1, 3]);
  drawFormat(frame, 0);
  if (version >= 7) drawVersion(frame, version);
  return frame;
}

function alignmentPlaces(version, size) {
  if (version === 1) return [];
  const gaps = (version / 7 | 0) + 1;
  const step = Math.ceil((size - 13) / (2 * gaps)) * 2;
  return [6, ...Array.from({ length: gaps }, (_, i) => size - 7 - (gaps - 1 - i) * step)];
}

// The remainder of value * x^degree divided by the polynomial, over GF(2).
function remainder(value, degree, polynomial) {
  let rest = value << degree;
  for (let bit = 31 - Math.clz32(rest); bit >= degree; bit = 31 - Math.clz32(rest)) {
    rest ^= polynomial << (bit - degree);
  }
  return rest;
}

function drawFormat(matrix, mask) {
  const size = matrix.length;
  const bits = ((mask << 10) | remainder(mask, 10, 0x537)) ^ 0x5412; // level M is 00
  for (let i = 0; i < 15; i++) {
    const bit = (bits >> i) & 1;
    const along = i < 6 ? i : i < 8 ? i + 1 : size - 15 + i;
    const across = i < 8 ? size - 1 - i : i === 8 ? 7 : 14 - i;
    matrix[along][8] = bit;
    matrix[8][across] = bit;
  }
  matrix[size - 8][8] = 1;
}

function drawVersion(matrix, version) {
  const bits = (version << 12) | remainder(version, 12, 0x1f25);
  for (let i = 0; i < 18; i++) {
    const [near, far] = [i / 3 | 0, matrix.length - 11 + (i % 3)];
    matrix[near][far] = matrix[far][near] = (bits >> i) & 1;
  }
}

function dataCodewords(bytes, lengthBits, room) {
  const bits = [];
  const put = (value, count) => {
    for (let i = count - 1; i >= 0; i--) bits.push((value >> i) & 1);
  };
  put(0b0100, 4);
  put(bytes.length, lengthBits);
  for (const byte of bytes) put(byte, 8);
  put(0, Math.min(4, room * 8 - bits.length));
  put(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < room * 8; pad ^= 0xec ^ 0x11) put(pad, 8);
  return Array.from({ length: room }, (_, i) => parseInt(bits.slice(i * 8, i * 8 + 8).join(""), 2));
}

// The product of two elements of GF(256) with the polynomial 0x11d.
function times(a, b) {
  let product = 0;
  for (let bit = 7; bit >= 0; bit--) {
    product = (product << 1) ^ (product & 0x80 ? 0x11d : 0);
    if ((b >> bit) & 1) product ^= a;
  }
  return product;
}

function generator(degree) {
  let polynomial = [1];
  for (let i = 0, root = 1; i < degree; i++, root = times(root, 2)) {
    const shifted = [...polynomial, 0];
    polynomial = shifted.map((c, j) => c ^ (j ? times(polynomial[j - 1], root) : 0));
  }
  return polynomial;
}

function checkCodewords(block, divisor) {
  const rest = [...block, ...Array(divisor.length - 1).fill(0)];
  for (let i = 0; i < block.length; i++) {
    const factor = rest[i];
    divisor.forEach((coefficient, j) => { rest[i + j] ^= times(coefficient, factor); });
  }
  return rest.slice(block.length);
}

function interleaved(data, version) {
  const count = BLOCKS[version];
  const short = data.length / count | 0;
  const firstLong = count - (data.length % count);
  const divisor = generator(CHECK_CODEWORDS[version]);
  const blocks = [];
  for (let i = 0, start = 0; i < count; i++) {
    const length = short + (i >= firstLong ? 1 : 0);
    blocks.push(data.slice(start, start + length));
    start += length;
  }
  const checks = blocks.map((block) => checkCodewords(block, divisor));
  const byColumn = (rows) => rows.at(-1).flatMap((_, i) => rows.map((row) => row[i]).filter((c) => c !== undefined));
  return [...byColumn(blocks), ...byColumn(checks)];
}

function bestMasked(frame, codewords, version) {
  const candidates = MASKS.map((mask, number) => {
    const matrix = frame.map((row) => [...row]);
    fill(matrix, codewords, mask);
    drawFormat(matrix, number);
    if (version >= 7) drawVersion(matrix, version);
    return { matrix, penalty: penalty(matrix) };
  });
  return candidates.reduce((best, next) => (next.penalty < best.penalty ? next : best)).matrix;
}

// Writes the bits to the data modules: pairs of columns from the right, alternately up and down.
function fill(matrix, codewords, mask) {
  const size = matrix.length;
  let position = 0;
  for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
    if (right === 6) right = 5;
    for (let i = 0; i < size; i++) {
      const y = up ? size - 1 - i : i;
      for (const x of [right, right - 1]) {
        if (matrix[y][x] !== null) continue;
        const bit = (codewords[position >> 3] ?? 0) >> (7 - (position & 7)) & 1;
        matrix[y][x] = bit ^ (mask(x, y) === 0 ? 1 : 0);
        position++;
      }
    }
  }
}

function penalty(matrix) {
  const columns = matrix.map((_, x) => matrix.map((row) => row[x]));
  const lines = [...matrix, ...columns].map((line) => line.join(""));
  let sum = 0;
  for (const line of lines) {
    for (const run of line.match(/0{5,}|1{5,}/g) ?? []) sum += run.length - 2;
    sum += 40 * (line.match(/(?=00001011101|10111010000)/g) ?? []).length;
  }
  for (let y = 1; y < matrix.length; y++) {
    for (let x = 1; x < matrix.length; x++) {
      const four = matrix[y][x] + matrix[y - 1][x] + matrix[y][x - 1] + matrix[y - 1][x - 1];
      if (four % 4 === 0) sum += 3;
    }
  }
  const dark = matrix.flat().reduce((total, module) => total + module, 0) / matrix.length ** 2;
  return sum + 10 * Math.floor(Math.abs(dark - 0.5) * 20);
}

// An SVG element with the code of the text, in the style of chatmail_www/qr.py; screen readers read the label.
function qrPicture(text, label) {
  const matrix = qrMatrix(text);
  const side = matrix.length + 2 * QUIET_ZONE;
  const last = matrix.length - FINDER_SIDE;
  const box = `${-QUIET_ZONE} ${-QUIET_ZONE} ${side} ${side}`;
  const svg = shape("svg", { viewBox: box, role: "img", "aria-label": label });
  svg.append(shape("path", { fill: DARK, d: [...runs(matrix)].join("") }));
  for (const [x, y] of [[0, 0], [last, 0], [0, last]]) svg.append(...finder(x, y));
  return svg;
}

function shape(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// SVG path pieces for runs of dark modules in a row, with round ends, without the finder patterns.
function* runs(matrix) {
  const last = matrix.length - FINDER_SIDE;
  for (const [y, row] of matrix.entries()) {
    const left = y < FINDER_SIDE || y >= last ? FINDER_SIDE : 0;
    const right = y < FINDER_SIDE ? last : matrix.length;
    for (const run of row.slice(left, right).join("").matchAll(/1+/g)) {
      const straight = run[0].length - 1;
      yield `M${left + run.index + 0.5} ${y}h${straight}a.5.5 0 0 1 0 1h${-straight}a.5.5 0 0 1 0-1z`;
    }
  }
}

function finder(left, top) {
  return [[0, 2, DARK], [1, 1, "#fff"], [2, 0.8, DARK]].map(([inset, rx, fill]) => {
    const [x, y, width] = [left + inset, top + inset, FINDER_SIDE - 2 * inset];
    return shape("rect", { x, y, width, height: width, rx, fill });
  });
}
