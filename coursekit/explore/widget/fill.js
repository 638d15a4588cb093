// The button that fills the screen with an explorer: the browser's own way where the page may, else above the page.

class Fill {
  constructor(view, el) {
    Object.assign(this, { view, el });
    this.button = make("button", "ck-fill", { type: "button" });
    this.button.addEventListener("click", () => (this.filled ? this.leave() : this.enter()));
    this.changed = () => this.own || this.show(document.fullscreenElement === view.root);
    document.addEventListener("fullscreenchange", this.changed);
    this.tell();
  }
  get filled() { return this.view.fit?.filled ?? false; }
  listen() {
    this.view.root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented || !this.filled) return;
      event.stopPropagation();
      this.leave();
    });
  }
  async enter() {
    const { root } = this.view;
    this.el.style.minHeight = `${root.offsetHeight}px`; // the page below stays where it is
    this.own = !document.fullscreenEnabled;
    if (!this.own) await root.requestFullscreen().catch(() => (this.own = true));
    if (!this.own) return;
    root.popover = "manual";
    root.showPopover?.();
    this.show(true);
  }
  leave() {
    if (!this.own) return document.exitFullscreen();
    this.view.root.removeAttribute("popover");
    this.own = false;
    this.show(false);
  }
  show(filled) {
    if (filled === this.filled) return;
    this.view.root.toggleAttribute("data-filled", filled);
    this.tell();
    this.view.fit.place();
    if (!filled) this.el.style.minHeight = "";
  }
  tell() {
    const words = this.filled ? "back to the page" : "fill the screen";
    this.button.title = this.filled ? `${words} (Escape)` : words;
    this.button.setAttribute("aria-label", words);
  }
  close() {
    document.removeEventListener("fullscreenchange", this.changed);
    if (document.fullscreenElement === this.view.root) document.exitFullscreen();
  }
}
