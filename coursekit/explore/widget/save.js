// An explorer's pictures as one PNG: as they stand on the page, with their words, twice as fine as the screen.

const FINE = 2;
const RIM = 14; // CSS pixels around

function savePicture(root) {
  const title = root.querySelector(".ck-title");
  const stage = root.querySelector(".ck-stage");
  const canvas = composed(root, [title, stage]);
  const name = title.textContent.normalize("NFKD").replace(/[^\w]+/g, " ").trim().replaceAll(" ", "-").toLowerCase();
  canvas.toBlob((blob) => {
    const link = make("a", "", { href: URL.createObjectURL(blob), download: `${name || "picture"}.png` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000); // when the browser has surely read it
  }, "image/png");
}

function composed(root, parts) {
  const boxes = seen(parts, "canvas, figcaption, .ck-readout, .ck-title").map((node) => node.getBoundingClientRect());
  const left = Math.min(...boxes.map((box) => box.left)) - RIM;
  const top = Math.min(...boxes.map((box) => box.top)) - RIM;
  const width = Math.max(...boxes.map((box) => box.right)) - left + RIM;
  const height = Math.max(...boxes.map((box) => box.bottom)) - top + RIM;
  const canvas = make("canvas", "", { width: Math.round(FINE * width), height: Math.round(FINE * height) });
  const pen = canvas.getContext("2d");
  pen.fillStyle = getComputedStyle(root).backgroundColor;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.setTransform(FINE, 0, 0, FINE, -FINE * left, -FINE * top);
  seen(parts, "canvas").forEach((picture) => copy(pen, picture));
  seen(parts, "polyline").forEach((line) => trace(pen, line));
  seen(parts, ".ck-point").forEach((point) => disc(pen, point));
  seen(parts, "figcaption, .ck-readout, .ck-title").flatMap(lines).forEach((line) => spell(pen, line));
  return canvas;
}

function seen(parts, selector) {
  return parts.flatMap((part) => [...(part.matches(selector) ? [part] : []), ...part.querySelectorAll(selector)])
    .filter((node) => node.getBoundingClientRect().height > 0);
}

function copy(pen, canvas) {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  pen.imageSmoothingEnabled = canvas.classList.contains("ck-smooth");
  pen.imageSmoothingQuality = "high";
  const edge = (x) => Math.round(FINE * x) / FINE; // sharp pixels stay sharp
  pen.drawImage(canvas, edge(left), edge(top), edge(width), edge(height));
}

function trace(pen, line) { // in thousandths of its picture's sides
  const box = line.ownerSVGElement.getBoundingClientRect();
  const style = getComputedStyle(line);
  pen.save();
  pen.beginPath();
  for (const { x, y } of line.points) pen.lineTo(box.left + (x * box.width) / 1000, box.top + (y * box.height) / 1000);
  Object.assign(pen, { strokeStyle: style.stroke, lineWidth: parseFloat(style.strokeWidth), globalAlpha: style.opacity,
    lineJoin: "round", lineCap: "round" });
  pen.stroke();
  pen.restore();
}

function disc(pen, point) { // ring, rim and colour, as in canvas.css
  const { left, top, width, height } = point.getBoundingClientRect();
  const style = getComputedStyle(point);
  const rings = [[1, "#262a33"], [0, style.borderTopColor], [-parseFloat(style.borderTopWidth), style.backgroundColor]];
  for (const [more, colour] of rings) {
    pen.beginPath();
    pen.arc(left + width / 2, top + height / 2, width / 2 + more, 0, 2 * Math.PI);
    pen.fillStyle = colour;
    pen.fill();
  }
}

function lines(node) { // a node's words in lines, broken where the page has broken them
  const range = document.createRange();
  const style = getComputedStyle(node);
  const found = [];
  for (const { index, 0: word } of node.textContent.matchAll(/\S+/g)) {
    range.setStart(node.firstChild, index);
    range.setEnd(node.firstChild, index + word.length);
    const { top, left, right, height } = range.getBoundingClientRect();
    const line = found.at(-1);
    if (line && Math.abs(line.top - top) < height / 2) Object.assign(line, { words: `${line.words} ${word}`, right });
    else found.push({ words: word, top, left, right, height, style });
  }
  return found;
}

function spell(pen, { words, top, left, right, height, style }) {
  const middle = style.textAlign === "center";
  Object.assign(pen, { font: style.font, fillStyle: style.color, textBaseline: "middle", textAlign: middle ? "center" : "left" });
  pen.fillText(words, middle ? (left + right) / 2 : left, top + height / 2);
}
