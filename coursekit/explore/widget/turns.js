// The moves of a game: buttons that add some, one that goes on by itself, one that starts again. The value is a string of
// numbers with letters, "40D1G": how many of which kind.

class Turns {
  constructor(control, session) {
    Object.assign(this, { control, session, name: control.name });
    const button = (words, pressed) => {
      const made = make("button", "ck-button ck-turn", { type: "button", textContent: words, title: control.help });
      made.dataset.lmSuppressShortcuts = "true";
      made.addEventListener("click", pressed);
      return made;
    };
    const moves = control.buttons.map(([added, words]) => button(words, () => this.add(added, true)));
    moves[0].classList.add("ck-first-turn");
    moves[0].dataset.name = control.name;
    this.play = make("button", "ck-play", { type: "button" });
    this.play.addEventListener("click", () => (this.playing ? session.interrupt() : this.start()));
    const again = button("Start again", () => session.set({ [this.name]: "" }, true));
    this.count = make("span", "ck-hint");
    const head = make("div", "ck-turns", {}, this.play, make("span", "ck-label", { textContent: control.label }), this.count, again);
    this.row = make("div", "ck-row ck-moves", {}, head, make("div", "ck-turns", {}, ...moves));
    this.row.setAttribute("role", "group");
    this.row.setAttribute("aria-label", control.label);
  }
  get playing() { return this.session.run?.description === this.name; }
  get value() { return this.session.state[this.name]; }
  start() {
    const { session, control } = this;
    const full = () => total(this.value + control.run) > control.most;
    const next = () => ({ [this.name]: joined(this.value + control.run) });
    session.roll(this.name, control.fps, () => !full(), next, full() ? { [this.name]: "" } : null);
    this.follow(this.value);
  }
  add(moves, final) {
    const value = joined(this.value + moves);
    if (total(value) <= this.control.most) this.session.set({ [this.name]: value }, final);
  }
  follow(value) {
    const made = total(value);
    this.count.textContent = made === 1 ? "1 move" : `${made} moves`;
    this.play.classList.toggle("ck-playing", this.playing);
    this.play.setAttribute("aria-label", `${this.playing ? "pause" : "run"}: ${this.control.label}`);
  }
}

const turnsOf = (value) => [...value.matchAll(/(\d+)([A-Z])/g)].map(([, count, kind]) => [Number(count), kind]);
const total = (value) => turnsOf(value).reduce((sum, [count]) => sum + count, 0);

function joined(value) { // neighbours of one kind counted together
  const runs = [];
  for (const [count, kind] of turnsOf(value))
    if (runs.at(-1)?.[1] === kind) runs.at(-1)[0] += count;
    else runs.push([count, kind]);
  return runs.flat().join("");
}

dials.moves = Turns;
