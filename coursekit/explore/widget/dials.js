// The controls of an explorer: native inputs with labels, so that mouse, touch, keyboard and screen readers all work.
// Each dial has `row` (its element) and `follow(value)` (show what the session holds); `arrived(frame)` and `close()`
// if it wants to be told.

const make = (tag, className, set = {}, ...children) => {
  const { style, ...rest } = set;
  const node = Object.assign(document.createElement(tag), { className }, rest);
  Object.entries(style ?? {}).forEach(([key, value]) => node.style.setProperty(key, value));
  node.append(...children);
  return node;
};

let serial = 0;

const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
const ENDS = { Home: "low", End: "high" };
const LEAPS = { PageUp: 0.1, PageDown: -0.1 }; // of the groove
const PRESS = 1.1; // what a key multiplies a fraction on a logarithmic slider by: seen in two digits

// An <input type=range> with its label before and its value behind; double click puts it back.
class Slide {
  constructor(control, session, panels) {
    Object.assign(this, { control, session, name: control.name });
    const id = `ck-${Date.now().toString(36)}-${++serial}`;
    this.input = make("input", "ck-range", { id, type: "range", title: control.help });
    this.scale();
    this.field = this.typed();
    this.label = make("label", "ck-label", { htmlFor: id, textContent: control.label, title: control.help });
    this.track = make("div", "ck-track", {}, this.input);
    this.track.style.setProperty("--home", this.share(control.value));
    this.row = make("div", "ck-row", {}, this.label, this.track, this.field.box);
    this.pictures = picturesFor(this, panels);
    if (this.pictures?.box) this.row = make("div", "ck-shelved", {}, this.row, this.pictures.box);
    this.input.dataset.lmSuppressShortcuts = "true"; // arrow keys belong to the slider, not to the notebook
    this.input.dataset.name = control.name;
    this.input.addEventListener("input", () => this.moved());
    this.input.addEventListener("pointerdown", () => session.hold());
    this.input.addEventListener("pointerup", () => session.settle());
    if (control.log) this.input.addEventListener("keydown", (event) => this.key(event));
    this.track.addEventListener("dblclick", () => session.set({ [this.name]: control.value }, true));
  }
  scale() {
    const { low, high, step, log } = this.control;
    Object.assign(this.input, log ? { min: 0, max: 1, step: "any" } : { min: low, max: high, step });
  }
  moved() { this.session.set({ [this.name]: this.read() }); }
  read() {
    const { low, high, log, whole } = this.control;
    const raw = this.input.valueAsNumber;
    const value = log ? low * (high / low) ** raw : raw;
    return whole ? Math.round(value) : Number(value.toPrecision(6));
  }
  typed() {
    const { label } = this.control;
    const read = (text) => { const value = numberIn(text); return value === undefined ? value : this.fit(value); };
    return new Field({ label, wanted: this.wanted, read, take: (value) => this.take(value), home: this.input });
  }
  get wanted() { return `${this.words(this.control.low)} to ${this.words(this.control.high)}`; }
  pick(index) {
    this.input.focus({ preventScroll: true });
    this.take(this.fit(this.control.low + index * this.control.step));
  }
  arrived({ final }) { if (final !== false) this.pictures?.arrived?.(); }
  take(value) { this.session.set({ [this.name]: value }, true); }
  fit(value) { // the nearest of the slider's values
    const { low, high, step, log, whole } = this.control;
    const near = log && !whole ? value : low + Math.round((value - low) / step) * step;
    return Number(Math.max(low, Math.min(high, near)).toPrecision(6));
  }
  key(event) { // on a logarithmic slider: the next number, or a tenth more
    const { key, ctrlKey, metaKey, altKey } = event;
    if (ctrlKey || metaKey || altKey || !(key in STEPS || key in ENDS || key in LEAPS)) return;
    event.preventDefault();
    this.session.set({ [this.name]: this.fit(this.beside(key, this.session.state[this.name])) });
  }
  beside(key, value) {
    const { low, high, step, whole } = this.control;
    if (key in ENDS) return this.control[ENDS[key]];
    const leap = LEAPS[key] ? value * (high / low) ** LEAPS[key] : value * PRESS ** STEPS[key];
    if (!whole) return leap;
    const next = value + step * Math.sign(LEAPS[key] ?? STEPS[key]);
    return LEAPS[key] && Math.abs(leap - value) > step ? leap : next;
  }
  position(value) {
    const { low, high, log } = this.control;
    return log ? Math.log(value / low) / Math.log(high / low) : value;
  }
  share(value) {
    const { low, high, log } = this.control;
    return log ? this.position(value) : (value - low) / (high - low);
  }
  words(value) {
    const { whole, step, log, low } = this.control;
    if (whole) return String(value);
    if (log) return String(Number(value.toPrecision(2)));
    const digits = Math.min(4, Math.max(1, Math.ceil(-Math.log10(step))));
    return (low < 0 && value > 0 ? "+" : "") + value.toFixed(digits).replace("-", "−");
  }
  follow(value) {
    if (this.shown === value) return; // most dials rest while one moves
    this.shown = value;
    if (this.read() !== value) this.input.value = this.position(value);
    this.track.style.setProperty("--at", this.share(value));
    this.field.show(this.words(value));
    this.pictures?.mark(Math.round((value - this.control.low) / this.control.step));
    this.input.setAttribute("aria-valuetext", this.words(value));
  }
}

// A slider that knows only some numbers: equal steps from each to the next.
class Notches extends Slide {
  get last() { return this.control.stops.length - 1; }
  scale() { Object.assign(this.input, { min: 0, max: this.last, step: 1 }); }
  read() { return this.control.stops[this.input.valueAsNumber]; }
  position(value) { return this.control.stops.indexOf(value); }
  get wanted() { return this.control.stops.join(", "); }
  fit(value) {
    const { stops } = this.control;
    return stops.reduce((best, stop) => (Math.abs(stop - value) < Math.abs(best - value) ? stop : best));
  }
  share(value) { return this.position(value) / this.last; }
  words(value) { return String(value); }
}

// A film: play button, frame slider, frame number.
class Reel extends Slide {
  constructor(control, session) {
    super({ ...control, low: 0, high: control.frames - 1, step: 1, whole: true }, session);
    this.button = make("button", "ck-play", { type: "button" });
    this.button.addEventListener("click", () => (this.playing ? session.interrupt() : this.start()));
    this.row.classList.add("ck-reel");
    this.row.prepend(this.button);
    if (control.autoplay && !matchMedia("(prefers-reduced-motion: reduce)").matches) this.watch();
  }
  get playing() { return this.session.run?.description === this.name; }
  start() {
    this.session.play(this.control);
    this.follow(this.session.state[this.name]);
  }
  watch() {
    this.eye = new IntersectionObserver(([{ isIntersecting }]) => {
      if (!isIntersecting) return;
      this.close();
      if (!this.session.greeted) this.start();
      this.session.greeted = true;
    }, { threshold: 0.6 });
    this.eye.observe(this.row);
  }
  follow(value) {
    super.follow(value);
    if (!this.button) return;
    this.button.classList.toggle("ck-playing", this.playing);
    this.button.setAttribute("aria-label", this.playing ? "pause" : "play");
  }
  close() { this.eye?.disconnect(); }
}

class Pick {
  constructor(control, session) {
    Object.assign(this, { control, name: control.name });
    const options = control.options.map((option) => make("option", "", { value: option, textContent: option }));
    this.select = make("select", "ck-select", { title: control.help }, ...options);
    this.select.dataset.name = control.name;
    this.select.dataset.lmSuppressShortcuts = "true";
    this.select.addEventListener("change", () => session.set({ [this.name]: this.select.value }, true));
    this.row = make("label", "ck-row ck-pick", {}, make("span", "ck-label", { textContent: control.label }), this.select);
  }
  follow(value) { this.select.value = value; }
}

class Switch {
  constructor(control, session) {
    Object.assign(this, { control, name: control.name });
    this.box = make("input", "ck-box", { type: "checkbox", title: control.help });
    this.box.dataset.name = control.name;
    this.box.dataset.lmSuppressShortcuts = "true";
    this.box.addEventListener("change", () => session.set({ [this.name]: this.box.checked }, true));
    this.row = make("label", "ck-switch", { title: control.help }, this.box, make("span", "", { textContent: control.label }));
  }
  follow(value) { this.box.checked = value; }
}

const dials = { slider: Slide, stops: Notches, play: Reel, choice: Pick, toggle: Switch };
