// A brush with several colours: in the value a hexadecimal digit for each pixel, 0 where nothing is painted.

class Palette extends Brush {
  get ink() { return this.chosen ?? 1; }
  get colour() { return this.control.colours[this.ink - 1]; }
  line() {
    const { colours, names } = this.control;
    this.pots = colours.map((colour, i) => {
      const pot = make("button", "ck-pot", { type: "button", title: names[i], style: { "--colour": colour } });
      pot.setAttribute("aria-label", `paint in ${names[i]}`);
      pot.dataset.lmSuppressShortcuts = "true";
      pot.addEventListener("click", () => this.dip(i + 1));
      return pot;
    });
    const row = super.line();
    const pots = make("div", "ck-pots", {}, ...this.pots);
    pots.setAttribute("role", "group");
    this.dip(1);
    return make("div", "ck-shelved", {}, row, pots);
  }
  dip(chosen) {
    this.chosen = chosen;
    this.pots.forEach((pot, i) => pot.setAttribute("aria-pressed", i + 1 === chosen));
  }
  text() {
    const text = Array.from(this.bits, (digit) => digit.toString(16)).join("");
    return /[^0]/.test(text) ? text : "";
  }
  follow(value) {
    if (value === this.value) return;
    this.value = value;
    this.bits.forEach((_, i) => (this.bits[i] = parseInt(value[i] ?? "0", 16)));
    this.draw();
  }
  draw() {
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, this.width, this.height);
    this.bits.forEach((digit, i) => {
      if (!digit) return;
      pen.fillStyle = this.control.colours[digit - 1];
      pen.fillRect(i % this.width, Math.floor(i / this.width), 1, 1);
    });
  }
}

dials.palette = Palette;
