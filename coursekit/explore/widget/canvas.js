// The page's half of an explorer: controls, one request in flight, pictures.
// A source answers `request(state, final) -> Promise<frame>` and `surprise() -> Promise<state>`, tells `onStray(state)`
// where another page has put the controls, and is closed; the kernel is one source (source.js). A decoder that runs in the page can be another: nothing here knows where frames come from.
// `make`, `grouped` and `dials` come from dials.js, brush.js and point.js; the five files are sent as one module.

const QUIET = 150; // ms without an event until the full picture is asked for
const PATIENCE = 2500; // ms without an answer until the request is repeated, and again until the reader is told
const MORPH = 650; // ms that "surprise me" and "reset" take
const sessions = new Map(); // one for each widget: all its views share state, pictures and the request in flight

const initialize = ({ model }) => {
  const key = model.get("_key");
  const session = new Session(model, kernelSource(model));
  sessions.set(key, session);
  return () => { session.close(); sessions.delete(key); };
};

const render = ({ model, el }) => {
  const view = new View(sessions.get(model.get("_key")), el);
  return () => view.close();
};

export default { initialize, render };

// The newest wish replaces an older one, and a frame is the acknowledgement: nothing queues, whatever the hand does.
// One request is in flight. A second one, sent while the first is on its way, was measured: on a busy machine it brings
// no more pictures, only older ones.
class Gate {
  constructor(source, { arrived, silent, lost }) {
    Object.assign(this, { source, arrived, silent, lost, count: 0, tries: 0, wish: null });
    this.flying = new Set(); // numbers of the requests without an answer: more than one only after a repetition
  }
  want(state, final) {
    this.wish = { state, final };
    if (this.tries > 1 && performance.now() - this.since > PATIENCE) this.flying.clear(); // they will not come
    this.pump();
  }
  get busy() { return this.flying.size > 0; }
  pump() { if (this.wish && !this.busy) this.launch(); }
  launch() {
    const job = (this.job = this.wish ?? this.job);
    const number = ++this.count;
    this.wish = null;
    this.since = performance.now();
    this.flying.add(number);
    this.watch();
    this.source.request(job.state, job.final).then((frame) => this.land(number, frame), () => this.drop());
  }
  watch() {
    clearTimeout(this.clock);
    if (this.flying.size) this.clock = setTimeout(() => this.wait(), PATIENCE);
  }
  wait() {
    this.tries += 1;
    if (this.tries === 1) this.launch();
    else this.silent();
  }
  land(number, frame) {
    for (const older of this.flying) if (older <= number) this.flying.delete(older);
    this.tries = 0;
    this.watch();
    this.pump(); // before decoding: the source works while the page draws
    this.arrived(frame, number);
  }
  drop() { // the way to the source is cut: nothing is in flight, nothing will come
    this.flying.clear();
    this.close();
    this.lost();
  }
  close() { clearTimeout(this.clock); }
}

class Session {
  constructor(model, source) {
    this.model = model;
    this.spec = model.get("_spec");
    this.views = new Set();
    this.state = Object.fromEntries(this.spec.controls.map((c) => [c.name, model.get(c.name)]));
    this.status = "ready";
    this.source = source;
    this.past = {}; // where points have been, by their names: all views show the same way
    this.painted = 0;
    this.frames = 0;
    this.gate = new Gate(source, {
      arrived: (frame, number) => this.receive(frame, number),
      silent: () => this.report("silent"),
      lost: () => this.report("lost"),
    });
    source.onStray = (state) => { this.adopt(state); this.settle(); };
    for (const { name } of this.spec.controls)
      model.on(`change:${name}`, () => this.quiet || this.set({ [name]: model.get(name) }, true));
    model.on("comm_live_update", () => this.lose());
    this.show(model.get("_first"));
  }
  neutral() { return Object.fromEntries(this.spec.controls.map((c) => [c.name, c.value])); }
  adopt(state) {
    Object.assign(this.state, state);
    this.quiet = true; // the model follows the page here: not a change from Python
    this.model.set(state);
    this.quiet = false;
    this.views.forEach((view) => view.follow());
  }
  // A reader's (or Python's) move: a preview now, the full picture as soon as the hand rests.
  set(state, final = false) {
    this.adopt(state);
    clearTimeout(this.rest);
    this.gate.want({ ...this.state }, final);
    if (!final) this.rest = setTimeout(() => this.gate.want({ ...this.state }, true), QUIET);
  }
  settle() {
    clearTimeout(this.rest);
    this.gate.want({ ...this.state }, true);
  }
  async morph(target) {
    const from = { ...this.state };
    const run = (this.run = Symbol("morph"));
    const started = performance.now();
    const still = document.hidden || matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (let t = still ? 1 : 0; t < 1 && this.run === run; ) {
      t = Math.min(1, (performance.now() - started) / MORPH);
      this.set(between(this.spec.controls, from, target, t * t * (3 - 2 * t)));
      await pause(30);
    }
    if (this.run === run) this.set(target, true);
  }
  surprise() { this.source.surprise().then((state) => this.morph(state), () => this.report("lost")); }
  async reset() {
    await this.morph(this.neutral());
    this.past = {};
    this.views.forEach((view) => view.follow());
  }
  interrupt() {
    this.run = null;
    this.views.forEach((view) => view.follow());
  }
  async play({ name, frames, fps, loop }) {
    const run = (this.run = Symbol("play"));
    if (this.state[name] >= frames - 1) this.set({ [name]: 0 });
    while (this.run === run && (loop || this.state[name] < frames - 1)) {
      await pause(1000 / fps);
      while (this.gate.busy && this.run === run) await pause(4);
      if (this.run === run) this.set({ [name]: (this.state[name] + 1) % frames });
    }
    if (this.run === run) this.interrupt();
  }
  async receive(frame, number) {
    if (frame.error) return this.report("error", frame.error);
    if (number < this.painted) return;
    this.painted = number;
    this.ms = frame.ms;
    this.report("live");
    await this.show(frame, () => number >= this.painted);
  }
  async show(frame, fresh = () => true) {
    const before = this.frame; // pictures that have not changed need not be decoded again
    const image = (token, i) => token === before?.tokens[i] ? before.images[i]
      : createImageBitmap(new Blob([frame.buffers[i]], { type: frame.types[i] }));
    const images = await Promise.all(frame.tokens.map(image));
    if (!fresh()) return;
    this.frame = { ...frame, images, buffers: null };
    this.frames += 1;
    this.views.forEach((view) => view.paint());
  }
  lose() { // a kernel that is about to go would still answer over the line, with half of its names gone
    this.source.close?.();
    this.report("lost");
  }
  report(status, words = "") {
    Object.assign(this, { status, words });
    this.views.forEach((view) => view.tell());
  }
  close() {
    clearTimeout(this.rest);
    this.gate.close();
    this.source.close?.();
    this.interrupt();
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function between(controls, from, to, share) {
  const mix = ({ name, kind, whole }) => {
    if (kind === "point") return from[name].map((start, i) => Math.round((start + share * (to[name][i] - start)) * 1e4) / 1e4);
    if (kind !== "slider") return share < 0.5 ? from[name] : to[name];
    const value = from[name] + share * (to[name] - from[name]);
    return whole ? Math.round(value) : Math.round(value * 1e4) / 1e4;
  };
  return Object.fromEntries(controls.map((control) => [control.name, mix(control)]));
}

class View {
  constructor(session, el) {
    this.session = session;
    const { title, panels, controls } = session.spec;
    this.panels = panels.map((panel) => this.panel(panel));
    this.readout = make("p", "ck-readout");
    this.spoken = make("div", "ck-unseen");
    this.spoken.setAttribute("aria-live", "polite");
    this.light = make("span", "ck-light");
    this.light.setAttribute("role", "status");
    this.dials = controls.map((control) => new dials[control.kind](control, session, this.panels));
    this.root = make("section", "ck", {},
      make("div", "ck-title", { textContent: title }),
      make("div", "ck-body", {},
        make("div", "ck-stage", {}, ...this.rows(panels), this.readout),
        make("div", "ck-controls", {}, ...grouped(this.dials), this.foot())),
      this.spoken);
    this.root.setAttribute("aria-label", title);
    for (const event of ["pointerdown", "keydown"]) // a hand on the controls stops what moves by itself
      this.root.addEventListener(event, ({ target }) => target.closest(".ck-play") || session.interrupt());
    el.append(this.root);
    session.views.add(this);
    this.follow();
    this.tell();
    if (session.frame) this.paint();
  }
  panel({ width, smooth, caption }) {
    const canvas = make("canvas", smooth ? "ck-smooth" : "ck-sharp");
    canvas.setAttribute("role", "img");
    const words = make("figcaption", "", { textContent: caption });
    return { canvas, words, figure: make("figure", "ck-panel", { style: { "--width": `${width}px` } }, canvas, words) };
  }
  rows(panels) {
    const rows = [];
    panels.forEach(({ below, row }, i) => {
      if (row || !rows.length) rows.push([]);
      if (below && !row) rows.at(-1).at(-1).push(i);
      else rows.at(-1).push([i]);
    });
    const column = (numbers) => make("div", "ck-column", {}, ...numbers.map((i) => this.panels[i].figure));
    return rows.map((columns) => make("div", "ck-panels", {}, ...columns.map(column)));
  }
  foot() {
    const { session } = this;
    const surprise = make("button", "ck-button", { type: "button", textContent: "Surprise me" });
    const reset = make("button", "ck-button", { type: "button", textContent: "Reset" });
    surprise.addEventListener("click", () => session.surprise());
    reset.addEventListener("click", () => session.reset());
    return make("div", "ck-foot", {}, surprise, reset, this.light);
  }
  follow() { this.dials.forEach((dial) => dial.follow(this.session.state[dial.name])); }
  paint() {
    const { frame, spec, frames } = this.session;
    this.panels.forEach(({ canvas, words }, i) => {
      const [width, height] = frame.sizes[i];
      if (canvas.width !== width) canvas.width = width;
      if (canvas.height !== height) canvas.height = height;
      canvas.getContext("2d").drawImage(frame.images[i], 0, 0, width, height);
      words.textContent = frame.captions[i];
      canvas.setAttribute("aria-label", [frame.captions[i], spec.alt].filter(Boolean).join(". "));
    });
    this.dials.forEach((dial) => dial.arrived?.(frame));
    this.readout.textContent = frame.readout;
    if (frame.final !== false) this.spoken.textContent = frame.readout;
    Object.assign(this.root.dataset, { frames, final: frame.final !== false, way: frame.way ?? "" });
  }
  tell() {
    const { status, words, ms, spec } = this.session;
    const lines = {
      ready: spec.device,
      live: `${spec.device} · ${ms < 10 ? ms?.toFixed(1) : Math.round(ms)} ms`,
      silent: "no answer: the kernel is busy, or has restarted (run this cell again; if that does not help, reload the page)",
      lost: "the kernel has restarted: run this cell again",
      error: words,
    };
    this.light.textContent = lines[status];
    this.light.title = status === "live" ? "where the picture is computed, and how long that takes" : "";
    this.root.dataset.status = status;
  }
  close() {
    this.dials.forEach((dial) => dial.close?.());
    this.session.views.delete(this);
    this.root.remove();
  }
}
