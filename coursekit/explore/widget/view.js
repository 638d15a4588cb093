// What stands in the page: title, pictures, controls, foot.

class View {
  constructor(session, el) {
    this.session = session;
    const { title, alt, panels, controls } = session.spec;
    this.panels = panels.map((panel) => this.panel(panel));
    this.rows = inRows(panels);
    this.readout = make("p", "ck-readout");
    this.spoken = make("div", "ck-unseen");
    this.spoken.setAttribute("aria-live", "polite");
    this.foot = new Foot(session);
    this.fill = new Fill(this, el);
    this.dials = controls.map((control) => new dials[control.kind](control, session, this.panels));
    this.build(title, alt);
    this.fill.listen();
    for (const event of ["pointerdown", "keydown"]) // a hand on the controls stops what moves by itself
      this.root.addEventListener(event, ({ target }) => target.closest(".ck-play") || session.interrupt());
    el.append(this.root);
    this.fit = new Fit(this, el);
    session.views.add(this);
    this.follow();
    this.tell();
    if (session.frame) this.paint();
  }
  build(title, alt) {
    const groups = grouped(this.dials, this.session, () => this.fit.place());
    this.stage = make("div", "ck-stage", {}, ...this.rows.map((columns) => this.row(columns)), this.readout);
    this.side = make("div", "ck-side", {}, make("div", "ck-controls", {}, ...groups), this.foot.row);
    this.body = make("div", "ck-body", {}, this.stage, this.side);
    this.root = make("section", "ck", {},
      make("div", "ck-head", {}, make("div", "ck-title", { textContent: title, title }), this.fill.button),
      make("p", "ck-unseen", { textContent: alt }), this.body, this.spoken);
    this.root.setAttribute("aria-label", title);
    this.root.classList.toggle("ck-dense", this.dials.length > 14);
  }
  panel({ width, smooth, caption }) {
    const canvas = make("canvas", smooth ? "ck-smooth" : "ck-sharp");
    canvas.setAttribute("role", "img");
    const words = make("figcaption", "", { textContent: caption });
    words.setAttribute("aria-hidden", "true"); // the picture has its words for a name
    return { canvas, words, figure: make("figure", "ck-panel", { style: { "--width": `${width}px` } }, canvas, words) };
  }
  row(columns) {
    const column = (numbers) => make("div", "ck-column", {}, ...numbers.map((i) => this.panels[i].figure));
    return make("div", "ck-panels", {}, ...columns.map(column));
  }
  follow() { this.dials.forEach((dial) => dial.follow(this.session.state[dial.name])); }
  paint() {
    const { frame, frames } = this.session;
    this.panels.forEach(({ canvas, words }, i) => {
      const [width, height] = frame.sizes[i];
      if (canvas.width !== width) canvas.width = width;
      if (canvas.height !== height) canvas.height = height;
      canvas.getContext("2d").drawImage(frame.images[i], 0, 0, width, height);
      words.textContent = words.title = frame.captions[i];
      canvas.setAttribute("aria-label", frame.captions[i] || `picture ${i + 1} of ${this.panels.length}`);
    });
    this.dials.forEach((dial) => dial.arrived?.(frame));
    this.readout.textContent = frame.readout;
    if (frame.final !== false) this.spoken.textContent = frame.readout;
    Object.assign(this.root.dataset, { frames, final: frame.final !== false, way: frame.way ?? "" });
    this.measure(frame.sizes);
  }
  measure(sizes) { // pictures of other proportions take other room
    const shapes = sizes.map(([width, height]) => (width / height).toFixed(3)).join();
    if (shapes === this.shapes) return;
    this.shapes = shapes;
    this.fit.place();
  }
  tell() {
    this.root.dataset.status = this.session.status;
    this.foot.tell();
  }
  close() {
    this.dials.forEach((dial) => dial.close?.());
    this.fill.close();
    this.fit.close();
    this.session.views.delete(this);
    this.root.remove();
  }
}

// The panels' numbers: in rows, in columns, in the order from top to bottom.
function inRows(panels) {
  const rows = [];
  panels.forEach(({ below, row }, i) => {
    if (row || !rows.length) rows.push([]);
    if (below && !row) rows.at(-1).at(-1).push(i);
    else rows.at(-1).push([i]);
  });
  return rows;
}
