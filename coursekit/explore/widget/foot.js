// The last line of an explorer: what concerns all its controls, and what the source says of itself.

class Foot {
  constructor(session) {
    this.session = session;
    this.calm = make("span");
    this.alarm = make("span"); // only troubles are said aloud, not each picture's milliseconds
    this.alarm.setAttribute("role", "alert");
    this.light = make("span", "ck-light", {}, this.calm, this.alarm);
    this.row = make("div", "ck-foot", {}, ...this.buttons(), this.light);
  }
  buttons() {
    const { session } = this;
    const button = (words, pressed) => {
      const made = make("button", "ck-button", { type: "button", textContent: words });
      made.addEventListener("click", pressed);
      return made;
    };
    const icon = (words, keys, path, pressed) => {
      const made = button("", pressed);
      made.classList.add("ck-icon");
      made.title = keys ? `${words} (${keys})` : words;
      made.setAttribute("aria-label", words);
      made.append(drawn(path));
      return made;
    };
    this.undo = icon("Undo", "Ctrl+Z", "M5.5 2.5 2.5 5.5l3 3M2.5 5.5H9a3.5 3.5 0 0 1 0 8H5", () => session.undo());
    this.redo = icon("Redo", "Ctrl+Shift+Z", "M10.5 2.5l3 3-3 3M13.5 5.5H7a3.5 3.5 0 0 0 0 8h4", () => session.redo());
    const save = icon("Save picture", "", "M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11", () => savePicture(save.closest(".ck")));
    return [button("Surprise me", () => session.surprise()), button("Reset", () => session.reset()),
      this.undo, this.redo, save];
  }
  tell() {
    const { status, words, ms, spec, memory } = this.session;
    const lines = {
      ready: spec.device,
      live: `${spec.device} · ${ms < 10 ? ms?.toFixed(1) : Math.round(ms)} ms`,
      silent: "no answer: the kernel is busy, or has restarted (run this cell again; if that does not help, reload the page)",
      lost: "the kernel has restarted: run this cell again",
      error: words,
    };
    const calm = ["ready", "live"].includes(status);
    write(this.calm, calm ? lines[status] : "");
    write(this.alarm, calm ? "" : lines[status]);
    this.undo.setAttribute("aria-disabled", !memory.back); // not disabled: the focus would be lost, and with it the keys
    this.redo.setAttribute("aria-disabled", !memory.forth);
    this.light.title = status === "live" ? "where the picture is computed, and how long that takes" : "";
  }
}

function write(node, words) { if (node.textContent !== words) node.textContent = words; }

function drawn(path) { // a small picture of lines, in the ink of the words around
  const made = (tag, set) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    Object.entries(set).forEach(([key, value]) => node.setAttribute(key, value));
    return node;
  };
  const svg = made("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" });
  svg.append(made("path", { d: path }));
  return svg;
}
