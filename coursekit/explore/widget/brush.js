// Pixels that a reader paints on a panel with mouse, finger, pen or keys: a layer over the panel's picture.
// The value is a string of bits, row by row, four in a hexadecimal digit; "" while nothing is painted.

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const KEYS = "arrow keys move the brush, space paints or erases, delete clears";

class Brush {
  constructor(control, session, panels) {
    const [height, width] = control.shape;
    Object.assign(this, { control, session, name: control.name, height, width, value: "" });
    this.bits = new Uint8Array(height * width);
    this.row0 = Math.floor(height / 2);
    this.column0 = Math.floor(width / 2);
    this.canvas = make("canvas", "ck-sharp", { height, width });
    this.cursor = make("div", "ck-cursor");
    this.told = make("span", "ck-unseen");
    this.told.setAttribute("aria-live", "polite");
    this.layer = make("div", "ck-brush", { tabIndex: 0, title: `${control.help}; ${KEYS}` }, this.canvas, this.cursor, this.told);
    this.layer.setAttribute("role", "application");
    this.layer.setAttribute("aria-label", `${control.label}: ${KEYS}`);
    this.layer.dataset.name = control.name;
    this.layer.dataset.lmSuppressShortcuts = "true";
    panels[control.panel].figure.append(this.layer);
    this.listen();
    this.row = this.line();
    this.place();
  }
  line() {
    const { label, help } = this.control;
    const clear = make("button", "ck-button", { type: "button", textContent: "Clear" });
    clear.setAttribute("aria-label", `clear: ${label}`);
    clear.addEventListener("click", () => this.clear());
    const hint = make("span", "ck-hint", { textContent: "drag on the picture; shift: erase" });
    return make("div", "ck-row ck-paint", { title: help }, make("span", "ck-label", { textContent: label }), hint, clear);
  }
  listen() {
    const { layer } = this;
    layer.addEventListener("pointerdown", (event) => this.press(event));
    layer.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) layer.addEventListener(end, () => this.lift());
    layer.addEventListener("contextmenu", (event) => event.preventDefault());
    layer.addEventListener("keydown", (event) => this.key(event));
  }
  press(event) {
    event.preventDefault(); // neither a selection nor the notebook's command mode
    this.layer.focus({ preventScroll: true });
    this.layer.setPointerCapture(event.pointerId);
    this.session.hold();
    this.stroke = { ink: event.shiftKey || event.button === 2 ? 0 : this.ink, at: this.spot(event) };
    this.drag(event);
  }
  move(event) {
    if (this.stroke) for (const step of event.getCoalescedEvents?.() ?? []) this.drag(step, false);
    if (this.stroke) return this.drag(event);
    this.aim(this.spot(event));
  }
  drag(event, send = true) { // a dab at every half pixel of the way, however fast the hand
    const { at, ink } = this.stroke;
    const to = this.spot(event);
    const dabs = Math.ceil(2 * Math.max(Math.abs(to[0] - at[0]), Math.abs(to[1] - at[1]), 0.5));
    for (let i = 1; i <= dabs; i++) {
      this.aim(at.map((from, axis) => from + ((to[axis] - from) * i) / dabs));
      this.dab(ink);
    }
    this.stroke.at = to;
    if (send) this.send();
  }
  lift() {
    if (!this.stroke) return;
    this.stroke = null;
    this.session.settle();
  }
  key(event) {
    const { key } = event;
    if (MOVES[key]) this.aim([this.row0 + MOVES[key][0] + this.half, this.column0 + MOVES[key][1] + this.half]);
    else if (key === " " || key === "Enter") this.dab(this.painted ? 0 : this.ink);
    else if (key === "Delete" || key === "Backspace") return this.clear();
    else return;
    event.preventDefault();
    this.told.textContent = `row ${this.row0 + 1}, column ${this.column0 + 1}${this.painted ? ", painted" : ""}`;
    if (!MOVES[key]) this.send(true);
  }
  get half() { return this.control.brush / 2; }
  get ink() { return 1; }
  get painted() { return this.bits[this.row0 * this.width + this.column0] > 0; }
  spot({ clientX, clientY }) { // [row, column] in pixels of the picture
    const box = this.layer.getBoundingClientRect();
    return [((clientY - box.top) / box.height) * this.height, ((clientX - box.left) / box.width) * this.width];
  }
  aim([row, column]) { // the brush's upper left pixel, so that all of it stays on the picture
    const corner = (middle, side) => Math.max(0, Math.min(side - this.control.brush, Math.round(middle - this.half)));
    this.row0 = corner(row, this.height);
    this.column0 = corner(column, this.width);
    this.place();
  }
  dab(ink) {
    const { brush } = this.control;
    for (let row = this.row0; row < Math.min(this.height, this.row0 + brush); row++)
      this.bits.fill(ink, row * this.width + this.column0, row * this.width + Math.min(this.width, this.column0 + brush));
  }
  clear() {
    this.bits.fill(0);
    this.send(true);
  }
  send(final = false) {
    const value = this.text();
    if (value === this.value) return;
    this.value = value;
    this.draw(); // at once, however long the picture takes
    this.session.set({ [this.name]: value }, final);
  }
  text() {
    let text = "";
    for (let i = 0; i < this.bits.length; i += 4) {
      const [a, b = 0, c = 0, d = 0] = this.bits.subarray(i, i + 4);
      text += (8 * a + 4 * b + 2 * c + d).toString(16);
    }
    return /[^0]/.test(text) ? text : "";
  }
  follow(value) {
    if (value === this.value) return;
    this.value = value;
    this.bits.forEach((_, i) => (this.bits[i] = (parseInt(value[i >> 2] ?? "0", 16) >> (3 - (i & 3))) & 1));
    this.draw();
  }
  draw() {
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, this.width, this.height);
    pen.fillStyle = this.control.colour;
    this.bits.forEach((bit, i) => bit && pen.fillRect(i % this.width, Math.floor(i / this.width), 1, 1));
  }
  place() {
    const { height, width, row0, column0, control } = this;
    const share = { top: row0 / height, left: column0 / width, height: control.brush / height, width: control.brush / width };
    for (const [side, part] of Object.entries(share)) this.cursor.style[side] = `${100 * part}%`;
  }
}

dials.paint = Brush;
