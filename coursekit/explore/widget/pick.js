// Pictures to click on, for sliders that pick one by its number: small ones below the slider, or cells of a panel.
// They are for mouse, pen and finger; keyboard and screen reader have the slider.

function picturesFor(slide, panels) {
  const { pick } = slide.control;
  if (!pick) return null;
  if (pick.sprite) return new Thumbs(slide, pick);
  const cells = (panels[pick.panel].cells ??= new Cells(panels[pick.panel], pick));
  cells.add(slide);
  return cells;
}

class Thumbs {
  constructor(slide, { sprite, count }) {
    const { label, low } = slide.control;
    const all = Array.from({ length: count }, (_, i) => make("span", "ck-thumb", { title: `${label} ${low + i}`,
      style: { "--sprite": `url(${sprite})`, "--count": count, "--place": `${(100 * i) / Math.max(1, count - 1)}%` } }));
    this.box = make("div", "ck-thumbs", {}, ...all);
    this.box.setAttribute("aria-hidden", "true");
    this.box.addEventListener("click", ({ target }) => target !== this.box && slide.pick(all.indexOf(target)));
    this.mark = (index) => {
      this.chosen?.classList.remove("ck-chosen");
      this.chosen = all[index];
      this.chosen?.classList.add("ck-chosen");
    };
  }
  arrived() { // a chosen one that is out of sight comes into it; here, where no hand moves, and no page but this box
    const { box, chosen } = this;
    if (!chosen || box.scrollHeight <= box.clientHeight) return;
    const below = chosen.offsetTop + chosen.offsetHeight - box.clientHeight - box.offsetTop;
    box.scrollTop = Math.max(below, Math.min(box.scrollTop, chosen.offsetTop - box.offsetTop));
  }
}

class Cells {
  constructor({ canvas, figure }, { count, columns, frame }) {
    Object.assign(this, { count, columns, frame, rows: Math.ceil(count / columns), slides: [] });
    this.outline = make("div", "ck-cell");
    this.layer = make("div", "ck-cells", {}, this.outline);
    this.chooser = make("div", "ck-choose", {}, "a click sets");
    const ground = make("div", "ck-ground");
    figure.replaceChild(ground, canvas);
    ground.append(canvas, this.layer);
    figure.append(this.chooser);
    this.layer.addEventListener("pointermove", (event) => this.aim(event));
    this.layer.addEventListener("pointerleave", () => this.show(-1));
    this.layer.addEventListener("click", (event) => this.take(this.at(event)));
  }
  add(slide) {
    const button = make("button", "ck-button", { type: "button", textContent: slide.control.label });
    button.addEventListener("click", () => this.choose(slide));
    slide.input.addEventListener("focus", () => this.choose(slide)); // the one that was moved last
    this.slides.push({ slide, button });
    if (this.slides.length > 1) this.chooser.append(...this.slides.map((each) => each.button));
    this.chooser.hidden = this.slides.length < 2;
    this.choose(this.slides[0].slide);
  }
  choose(slide) {
    this.chosen = slide;
    for (const each of this.slides) each.button.setAttribute("aria-pressed", each.slide === slide);
    this.show(-1);
  }
  at({ clientX, clientY }) { // the cell under a hand, −1 for none
    const { left, top, width, height } = this.layer.getBoundingClientRect();
    const [x0, y0, x1, y1] = this.frame;
    const column = Math.floor((((clientX - left) / width - x0) / (x1 - x0)) * this.columns);
    const row = Math.floor((((clientY - top) / height - y0) / (y1 - y0)) * this.rows);
    const index = row * this.columns + column;
    return column >= 0 && column < this.columns && row >= 0 && index < this.count ? index : -1;
  }
  aim(event) { this.show(event.pointerType === "touch" ? -1 : this.at(event)); }
  show(index) {
    if (index === this.shown) return;
    this.shown = index;
    this.layer.classList.toggle("ck-aimed", index >= 0);
    if (index < 0) return this.layer.removeAttribute("title");
    const [x0, y0, x1, y1] = this.frame;
    const [width, height] = [(x1 - x0) / this.columns, (y1 - y0) / this.rows];
    const place = { left: x0 + (index % this.columns) * width, top: y0 + Math.floor(index / this.columns) * height, width, height };
    for (const [side, share] of Object.entries(place)) this.outline.style[side] = `${100 * share}%`;
    const { label, low } = this.chosen.control;
    this.layer.title = `click to pick picture ${low + index} for ${label}`;
  }
  take(index) {
    if (index >= 0) this.chosen.pick(index);
  }
  mark() {} // the panel's own picture says what is picked
}
