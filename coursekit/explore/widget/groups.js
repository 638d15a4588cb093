// Dials under their headings; toggles of one group stand side by side. Where there are several groups each can be
// folded away; the session remembers which are, for all its views to come.

function grouped(dials, session, folded) {
  const names = [...new Set(dials.map((dial) => dial.control.group))];
  const many = names.filter(Boolean).length > 1;
  const folds = (session.folds ??= new Set());
  return names.map((name) => {
    const rows = dials.filter((dial) => dial.control.group === name).map((dial) => dial.row);
    const content = make("div", "ck-rows", {}, ...rows);
    const box = make("div", "ck-group", {}, ...(name ? [heading(name, many && new Fold(content, name, folds, folded))] : []), content);
    box.classList.toggle("ck-long", rows.length > 7); // may go on in the next column
    box.setAttribute("role", "group");
    if (name) box.setAttribute("aria-label", name);
    return box;
  });
}

function heading(name, fold) {
  return fold ? fold.button : make("div", "ck-heading", { textContent: name });
}

class Fold {
  constructor(content, name, folds, folded) {
    Object.assign(this, { content, name, folds, folded });
    this.button = make("button", "ck-heading ck-fold", { type: "button", textContent: name });
    this.button.addEventListener("click", () => this.turn());
    this.show();
  }
  turn() {
    if (!this.folds.delete(this.name)) this.folds.add(this.name);
    this.show();
    this.folded();
  }
  show() {
    this.content.hidden = this.folds.has(this.name);
    this.button.setAttribute("aria-expanded", !this.content.hidden);
  }
}
