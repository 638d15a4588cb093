// What stands in the page: title, pictures, controls, foot.

class View {
  constructor(session, el) {
    this.session = session;
    const { title, panels, controls } = session.spec;
    this.panels = panels.map((panel) => this.panel(panel));
    this.readout = make("p", "ck-readout");
    this.spoken = make("div", "ck-unseen");
    this.spoken.setAttribute("aria-live", "polite");
    this.foot = new Foot(session);
    this.dials = controls.map((control) => new dials[control.kind](control, session, this.panels));
    this.root = make("section", "ck", {},
      make("div", "ck-title", { textContent: title }),
      make("div", "ck-body", {},
        make("div", "ck-stage", {}, ...this.rows(panels), this.readout),
        make("div", "ck-controls", {}, ...grouped(this.dials), this.foot.row)),
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
    this.root.dataset.status = this.session.status;
    this.foot.tell();
  }
  close() {
    this.dials.forEach((dial) => dial.close?.());
    this.session.views.delete(this);
    this.root.remove();
  }
}
