// Points that a reader drags on a panel with mouse, finger, pen or keys: handles on a layer over the panel's picture.
// The value is [x, y], y upwards; `frame` says where `low` and `high` lie, in shares of the picture's sides.

const ARROWS = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const LEAP = 5; // steps of an arrow key with shift
const APART = 0.04; // of the box: pictures along the way are kept at places so far from each other
const KEPT = 15; // pictures
const HOW = "arrow keys move the point, shift for larger steps, Home puts it back";

// The layer of one panel. A press anywhere fetches the nearest of its points; one on a handle moves it without a jump.
class Board {
  constructor({ canvas, figure }) {
    this.points = [];
    this.lines = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.lines.setAttribute("viewBox", "0 0 1000 1000");
    this.lines.setAttribute("preserveAspectRatio", "none");
    this.layer = make("div", "ck-board", {}, this.lines);
    const ground = make("div", "ck-ground");
    figure.replaceChild(ground, canvas);
    ground.append(canvas, this.layer);
    this.layer.addEventListener("pointerdown", (event) => this.press(event));
    this.layer.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) this.layer.addEventListener(end, () => this.lift());
  }
  add(point) {
    this.points.push(point);
    this.layer.append(point.handle);
  }
  spot({ clientX, clientY }) { // in shares of the picture
    const box = this.layer.getBoundingClientRect();
    return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
  }
  press(event) {
    if (event.button) return;
    event.preventDefault(); // neither a selection nor the notebook's command mode
    const [x, y] = this.spot(event);
    const away = (point) => Math.hypot(point.at[0] - x, point.at[1] - y);
    const held = this.points.reduce((best, point) => (away(point) < away(best) ? point : best));
    const offset = event.target === held.handle ? [held.at[0] - x, held.at[1] - y] : [0, 0];
    this.hand = { held, offset };
    held.session.hold();
    held.handle.focus({ preventScroll: true });
    this.layer.setPointerCapture(event.pointerId);
    this.drag(event);
  }
  drag(event) {
    if (!this.hand) return;
    const { held, offset } = this.hand;
    held.go(this.spot(event).map((share, axis) => share + offset[axis]));
  }
  lift() {
    this.hand?.held.session.settle();
    this.hand = null;
  }
  line(className) {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute("class", className);
    this.lines.append(line);
    return line;
  }
}

class Handle {
  constructor(control, session, panels) {
    Object.assign(this, { control, session, name: control.name, at: [0, 0] });
    this.handle = make("div", "ck-point", { tabIndex: 0, title: `${control.help || control.label}: drag; ${HOW}` });
    this.handle.style.setProperty("--colour", control.colour);
    this.handle.dataset.name = control.name;
    this.handle.dataset.lmSuppressShortcuts = "true"; // arrow keys belong to the point, not to the notebook
    const said = { role: "slider", "aria-roledescription": "point in a plane", "aria-label": `${control.label}: ${HOW}`,
      "aria-valuemin": control.low[0], "aria-valuemax": control.high[0] };
    for (const [key, words] of Object.entries(said)) this.handle.setAttribute(key, words);
    this.handle.addEventListener("keydown", (event) => this.key(event));
    this.board = panels[control.panel].board ??= new Board(panels[control.panel]);
    this.board.add(this);
    if (control.trail) this.trails = ["ck-trail-rim", "ck-trail"].map((name) => this.board.line(name));
    this.trails?.[1].style.setProperty("--colour", control.colour);
    this.field = this.typed();
    this.row = this.line();
    if (control.film !== null) panels[control.film].figure.append((this.reel = make("div", "ck-film")));
    this.reel?.setAttribute("aria-hidden", "true");
  }
  line() {
    const { label, help } = this.control;
    const hint = make("span", "ck-hint", { textContent: "drag it, or press anywhere; arrow keys" });
    return make("div", "ck-row ck-pointing", { title: help }, make("span", "ck-label", { textContent: label }), this.field.box, hint);
  }
  typed() {
    const { label, low, high, axes } = this.control;
    const wanted = axes.map((axis, i) => `${axis} from ${low[i]} to ${high[i]}`.replaceAll("-", "−")).join(", ");
    return new Field({ label, wanted, read: pairIn, take: (place) => this.send(place, true), home: this.handle });
  }
  go([left, top]) {
    const { frame, low, high } = this.control;
    const shares = [(left - frame[0]) / (frame[2] - frame[0]), (frame[3] - top) / (frame[3] - frame[1])];
    this.send(shares.map((share, axis) => low[axis] + share * (high[axis] - low[axis])));
  }
  send(place, final = false) {
    const { low, high } = this.control;
    const inside = place.map((x, axis) => Number(Math.max(low[axis], Math.min(high[axis], x)).toFixed(4)));
    this.session.set({ [this.name]: inside }, final);
  }
  key(event) {
    const { step, value } = this.control;
    const way = ARROWS[event.key];
    if (!way && event.key !== "Home") return;
    event.preventDefault();
    const now = this.session.state[this.name];
    this.send(way ? now.map((x, axis) => x + way[axis] * step * (event.shiftKey ? LEAP : 1)) : value);
  }
  place(value) {
    const { frame, low, high } = this.control;
    const [x, y] = value.map((number, axis) => (number - low[axis]) / (high[axis] - low[axis]));
    return [frame[0] + x * (frame[2] - frame[0]), frame[3] - y * (frame[3] - frame[1])];
  }
  follow(value) {
    this.at = this.place(value);
    ["left", "top"].forEach((side, axis) => (this.handle.style[side] = `${100 * this.at[axis]}%`));
    const words = value.map((number) => number.toFixed(2).replace("-", "−"));
    this.field.show(`(${words.join(", ")})`);
    this.handle.setAttribute("aria-valuenow", value[0]);
    this.handle.setAttribute("aria-valuetext", words.map((number, axis) => `${this.control.axes[axis]} = ${number}`).join(", "));
    this.trace(value);
  }
  get past() { return (this.session.past[this.name] ??= { way: [], film: [] }); }
  trace(value) {
    const { way, film } = this.past;
    if (way.at(-1)?.join() !== value.join()) way.push(value);
    if (way.length > this.control.trail) way.shift();
    const points = way.map((place) => this.place(place).map((share) => 1000 * share).join()).join(" ");
    this.trails?.forEach((line) => line.setAttribute("points", points));
    if (!film.length) this.unroll();
  }
  // Pictures come anyway: those at places apart from each other are kept in a row, at no cost for the source.
  arrived({ state = this.session.state, images }) {
    if (!this.reel) return;
    const { low, high } = this.control;
    const { film } = this.past;
    const at = state[this.name];
    const gap = film.length ? Math.hypot(...at.map((x, axis) => (x - film.at(-1).at[axis]) / (high[axis] - low[axis]))) : 1;
    if (gap > APART) film.push({ at, image: images[this.control.film] });
    if (film.length > KEPT) film.shift();
    this.unroll();
  }
  unroll() {
    const { film } = this.past;
    if (!this.reel || this.shown === film.at(-1)) return;
    this.shown = film.at(-1);
    this.reel.replaceChildren(...film.map(({ image }) => {
      const small = make("canvas", "ck-sharp", { width: image.width, height: image.height });
      small.getContext("2d").drawImage(image, 0, 0);
      return small;
    }));
  }
}

dials.point = Handle;
