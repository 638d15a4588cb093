// One for each widget: the state, the pictures and the request in flight, which all its views share.

class Session {
  constructor(model, source) {
    this.model = model;
    this.spec = model.get("_spec");
    this.views = new Set();
    this.state = Object.fromEntries(this.spec.controls.map((c) => [c.name, model.get(c.name)]));
    this.status = "ready";
    this.source = source;
    this.memory = new Memory(this.state);
    this.past = {}; // where points have been, by their names: all views show the same way
    this.painted = 0;
    this.frames = 0;
    this.gate = new Gate(source, {
      arrived: (frame, number) => this.receive(frame, number),
      silent: () => this.report("silent"),
      lost: () => this.report("lost"),
    });
    source.onStray = (state) => { this.adopt(state); this.settle(); };
    const within = (node) => [...this.views].some((view) => view.root.contains(node));
    this.ends = [onTheme(() => this.look()), onUndoKeys(within, () => this.undo(), () => this.redo())];
    for (const { name } of this.spec.controls)
      model.on(`change:${name}`, () => this.quiet || this.set({ ...this.state, [name]: model.get(name) }, true));
    model.on("comm_live_update", () => this.lose());
    this.begin(model.get("_first"));
  }
  begin(first) { // the picture that was drawn when the widget was made: it may not be what the controls say by now
    const same = Object.keys(this.state).every((name) => alike(this.state[name], first.state[name]));
    if (same) this.show(first);
    if (!same || isDark()) this.look();
  }
  look() { // ask how it looks where the controls stand in the kernel, unless a newer question waits
    if (!this.gate.wish) this.gate.want(null, true);
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
    this.adopt({ ...this.begun(state), ...state });
    this.gate.want({ ...this.state }, final);
    this.rough = !final;
    this.soon();
  }
  begun(state) { // games that start again since a hand has moved one of the controls that they depend on
    const [name, ...others] = Object.keys(state);
    const games = this.spec.controls.filter(({ afresh }) => !others.length && afresh?.includes(name));
    return Object.fromEntries(games.map((game) => [game.name, ""]));
  }
  settle() {
    this.rough = true;
    this.rested();
  }
  soon() {
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.rested(), QUIET);
  }
  rested() {
    clearTimeout(this.rest);
    if (this.rough) this.gate.want({ ...this.state }, true);
    this.rough = false;
    if (!this.held && !this.run) this.note();
  }
  note() { if (this.memory.note(this.state)) this.views.forEach((view) => view.tell()); }
  hold() { // until the hand is lifted, wherever: a drag that pauses is one drag
    const lifted = () => {
      ["pointerup", "pointercancel"].forEach((kind) => removeEventListener(kind, lifted, true));
      this.held = false;
      this.soon();
    };
    if (!this.held) ["pointerup", "pointercancel"].forEach((kind) => addEventListener(kind, lifted, true));
    this.held = true;
  }
  undo() { this.travel(-1); }
  redo() { this.travel(1); }
  travel(steps) {
    this.run = null;
    this.memory.note(this.state); // where a hand has just been is a place to come back to
    this.set(this.memory.go(steps), true);
    this.views.forEach((view) => view.tell());
  }
  async morph(target) {
    this.note();
    const from = { ...this.state };
    const run = (this.run = Symbol("morph"));
    const started = performance.now();
    const still = document.hidden || matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (let t = still ? 1 : 0; t < 1 && this.run === run; ) {
      t = Math.min(1, (performance.now() - started) / MORPH);
      this.set(between(this.spec.controls, from, target, t * t * (3 - 2 * t)));
      await pause(30);
    }
    if (this.run !== run) return;
    this.run = null;
    this.set(target, true);
  }
  surprise() { this.source.surprise().then((state) => this.morph(state), () => this.report("lost")); }
  async reset() {
    await this.morph(this.neutral());
    this.past = {};
    this.views.forEach((view) => view.follow());
  }
  interrupt() {
    if (this.run) this.soon();
    this.run = null;
    this.views.forEach((view) => view.follow());
  }
  play({ name, frames, fps, loop }) {
    const ended = () => this.state[name] >= frames - 1;
    const start = ended() ? { [name]: 0 } : null;
    return this.roll(name, fps, () => loop || !ended(), () => ({ [name]: (this.state[name] + 1) % frames }), start);
  }
  async roll(name, fps, more, next, start = null) { // move by itself, a step for each picture that has come
    this.note();
    const run = (this.run = Symbol(name));
    if (start) this.set(start);
    while (this.run === run && more()) {
      await pause(1000 / fps);
      while (this.gate.busy && this.run === run) await pause(4);
      if (this.run === run) this.set(next());
    }
    if (this.run === run) this.interrupt();
  }
  async receive(frame, number) {
    if (frame.error) return this.report("error", frame.error);
    if (number < this.painted) return;
    this.painted = number;
    this.ms = frame.ms;
    this.report("live");
    if (this.gate.clear) this.agree(frame.state);
    await this.show(frame, () => number >= this.painted);
  }
  agree(state = this.state) { // nothing newer has been asked for: the controls stand where the picture is
    if (Object.keys(state).every((name) => alike(state[name], this.state[name]))) return;
    this.adopt(state);
    this.soon();
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
    this.run = null;
    clearTimeout(this.rest);
    this.ends.forEach((end) => end());
    this.gate.close();
    this.source.close?.();
    this.interrupt();
  }
}

const alike = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function between(controls, from, to, share) {
  const mix = ({ name, kind, whole }) => {
    if (kind === "point") return from[name].map((start, i) => Math.round((start + share * (to[name][i] - start)) * 1e4) / 1e4);
    if (kind === "moves") return share < 1 ? "" : to[name]; // no game is played again with settings on the way
    if (kind !== "slider") return share < 0.5 ? from[name] : to[name];
    const value = from[name] + share * (to[name] - from[name]);
    return whole ? Math.round(value) : Math.round(value * 1e4) / 1e4;
  };
  return Object.fromEntries(controls.map((control) => [control.name, mix(control)]));
}
