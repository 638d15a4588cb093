// The last line of an explorer: what concerns all its controls, and what the source says of itself.

class Foot {
  constructor(session) {
    this.session = session;
    this.light = make("span", "ck-light");
    this.light.setAttribute("role", "status");
    this.row = make("div", "ck-foot", {}, ...this.buttons(), this.light);
  }
  buttons() {
    const { session } = this;
    const button = (words, pressed) => {
      const made = make("button", "ck-button", { type: "button", textContent: words });
      made.addEventListener("click", pressed);
      return made;
    };
    return [button("Surprise me", () => session.surprise()), button("Reset", () => session.reset())];
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
  }
}
