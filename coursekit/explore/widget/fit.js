// An explorer in the room it has: the width of its place in the page, and the height of which is seen at once.

const ROOM = {
  margin: 12, // of the seen height: around the explorer
  tight: 460, // px of height: below, words are kept short
  slim: 420, // px of width: below, rims are narrow
  still: 24, // px that a room may grow before anything moves: a scroll bar that goes must not bring itself back
  track: 120, // the least width of a groove
  foot: 268, // the buttons in one line
  label: 180, // the most of a label: longer ones are broken
  grown: 3, // the largest scale of pictures that fill the screen
};

class Fit {
  constructor(view, el) {
    Object.assign(this, { view, el, room: { width: 0, height: 0 } });
    el.classList.add("ck-room");
    this.rooms = new ResizeObserver(() => this.look());
    this.rooms.observe(el);
    this.stage = new ResizeObserver(() => this.level());
    this.stage.observe(view.stage);
  }
  get filled() { return "filled" in this.view.root.dataset; }
  space() {
    if (this.filled) return { width: innerWidth, height: innerHeight };
    const scroller = this.el.closest(".jp-WindowedPanel-outer, .lm-DockPanel-widget");
    if (scroller && this.scroller !== scroller) this.rooms.observe((this.scroller = scroller));
    const seen = scroller?.clientHeight ?? (self === top ? innerHeight : 0.7 * screen.availHeight);
    return { width: this.el.clientWidth, height: seen - ROOM.margin };
  }
  look() {
    const { width, height } = this.space();
    const same = (now, before) => now >= before && now < before + ROOM.still;
    if (same(width, this.room.width) && same(height, this.room.height)) return;
    this.place();
  }
  place() {
    const room = this.space();
    if (room.width < 1 || !this.view.session.frame) return; // hidden, or nothing to show yet
    this.room = room;
    const { root, body } = this.view;
    root.toggleAttribute("data-tight", room.height < ROOM.tight);
    root.toggleAttribute("data-slim", room.width < ROOM.slim);
    for (let turn = 0; turn < 2; turn++) { // again if words are broken otherwise than before
      this.inner = { width: room.width - (root.offsetWidth - body.offsetWidth), height: room.height - this.rim() };
      this.apply(plan({ ...this.measured(), room: this.inner, most: this.filled ? ROOM.grown : 1 }));
      if (Math.max(root.offsetHeight, root.scrollHeight) <= room.height) return;
    }
  }
  rim() { // what is above the body and below it; the root may be as high as the screen
    const { root, body } = this.view;
    const { paddingBottom, borderBottomWidth } = getComputedStyle(root);
    return body.getBoundingClientRect().top - root.getBoundingClientRect().top + parseFloat(paddingBottom) + parseFloat(borderBottomWidth);
  }
  measured() {
    const { rows, panels, session } = this.view;
    const column = (numbers) => {
      const own = numbers.map((i) => {
        const [width, height] = session.frame.sizes[i];
        const { figure, canvas } = panels[i];
        const usual = session.spec.panels[i].width;
        return { width: usual, tall: (usual * height) / width, words: figure.offsetHeight - canvas.offsetHeight };
      });
      const sum = (name) => own.reduce((total, one) => total + one[name], 0);
      return { width: Math.max(...own.map(({ width }) => width)), tall: sum("tall"), words: sum("words") + 8 * (own.length - 1) };
    };
    return { rows: rows.map((columns) => columns.map(column)), readout: this.readout(), controls: this.controls() };
  }
  readout() { // two lines at least: numbers come and go
    const { readout } = this.view;
    if (!readout.textContent) return () => 0;
    const long = this.tight ? 0 : readout.textContent.length * 6.4;
    return (width) => 8 + 18.2 * Math.max(2, Math.ceil(long / Math.min(width, 460)));
  }
  get tight() { return this.view.root.hasAttribute("data-tight"); }
  controls() {
    const { root, side, dials } = this.view;
    const longest = Math.max(60, ...dials.map(({ row }) => natural(row.querySelector(".ck-label"))));
    const label = Math.min(longest + 1, ROOM.label, 0.42 * this.inner.width);
    root.style.setProperty("--label", `${Math.ceil(label)}px`);
    const wide = Math.min(Math.max(label + ROOM.track + 68, ROOM.foot), this.inner.width);
    const heights = [1, 2, 3].map((columns) => {
      Object.entries({ "--columns": columns, "--side": `${columns * (wide + SPACE.gap) - SPACE.gap}px`, "--tall": "none" })
        .forEach(([name, value]) => root.style.setProperty(name, value));
      return side.offsetHeight;
    });
    return { wide, heights: heights.filter((height, i) => !i || height < heights[i - 1]) };
  }
  apply(chosen) {
    const { root } = this.view;
    this.chosen = chosen;
    root.dataset.layout = chosen.beside ? "beside" : "above";
    const set = { "--scale": chosen.scale.toFixed(3), "--stage": `${Math.ceil(chosen.beside ? chosen.stage : Math.max(chosen.stage, chosen.side))}px`, "--side": `${chosen.side}px`,
      "--columns": chosen.columns };
    Object.entries(set).forEach(([name, value]) => root.style.setProperty(name, value));
    this.level();
  }
  level() { // the controls get what the pictures leave
    if (!this.chosen) return;
    const { root, stage, foot } = this.view;
    const left = this.inner.height - (this.chosen.beside ? 0 : stage.offsetHeight + SPACE.rows);
    root.style.setProperty("--tall", `${Math.floor(Math.max(left, SPACE.seen))}px`);
    root.style.setProperty("--foot", `${foot.row.offsetHeight}px`); // what it covers of the controls that scroll below it
  }
  close() {
    this.rooms.disconnect();
    this.stage.disconnect();
  }
}

function natural(label) { // the width of a label's words in one line
  if (!label) return 0;
  const range = document.createRange();
  range.selectNodeContents(label);
  return [...range.getClientRects()].reduce((sum, { width }) => sum + width, 0);
}
