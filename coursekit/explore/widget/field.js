// The value beside a control: a number as it stands, and a field as soon as somebody clicks on it or presses Enter on
// the control. Enter sets, Escape leaves; what is no number is marked, and gone when the field is left.

class Field {
  // `read(text)`: a value, or undefined; `take(value)`: set it; `home`: the control, which gets the focus back
  constructor({ label, wanted, read, take, home }) {
    Object.assign(this, { read, take, home, words: "", open: false });
    this.box = make("input", "ck-value", { type: "text", autocomplete: "off", spellcheck: false, tabIndex: -1 });
    this.box.title = `click here, or Enter on the control: type a value, ${wanted}`;
    this.box.setAttribute("aria-label", `${label}: type a value`);
    this.box.setAttribute("aria-description", wanted);
    this.box.dataset.lmSuppressShortcuts = "true";
    this.box.addEventListener("pointerdown", (event) => this.open || (event.preventDefault(), this.begin()));
    this.box.addEventListener("focus", () => (this.open = true));
    this.box.addEventListener("blur", () => this.leave(true));
    this.box.addEventListener("input", () => this.mark());
    this.box.addEventListener("keydown", (event) => this.key(event));
    home.setAttribute("aria-keyshortcuts", "Enter");
    home.addEventListener("keydown", (event) => this.called(event));
  }
  called(event) { // on the control: Enter, or a number's first letter
    const { key, ctrlKey, metaKey, altKey } = event;
    if (ctrlKey || metaKey || altKey || !(key === "Enter" || /^[\d.,+−-]$/.test(key))) return;
    event.preventDefault();
    this.begin(key === "Enter" ? undefined : key);
  }
  begin(text) {
    this.box.focus({ preventScroll: true });
    if (text === undefined) return this.box.select();
    this.box.value = text;
    this.mark();
  }
  show(words) {
    if (this.words === words) return;
    this.words = words;
    if (!this.open) this.box.value = words;
  }
  mark() {
    const wrong = this.box.value !== this.words && this.read(this.box.value) === undefined;
    this.box.setAttribute("aria-invalid", wrong);
    return wrong;
  }
  key(event) {
    if (event.key === "Escape") this.leave(false);
    else if (event.key !== "Enter") return;
    else if (this.mark()) this.box.select();
    else this.leave(true);
    event.preventDefault();
    event.stopPropagation();
    if (!this.open) this.home.focus({ preventScroll: true });
  }
  leave(set) {
    if (!this.open) return;
    const value = set && this.box.value !== this.words ? this.read(this.box.value) : undefined;
    this.open = false;
    this.box.value = this.words;
    this.mark();
    if (value !== undefined) this.take(value);
  }
}

// A number as somebody may write it: "0.5", "−0,5", "+3", "1e-3"; undefined if it is none.
function numberIn(text) {
  const plain = text.trim().replace("−", "-").replace(",", ".");
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : undefined;
}

// Two of them, in brackets or not: "(0.5, −1)", "0,5; −1", "1 2".
function pairIn(text) {
  const found = text.replaceAll("−", "-").match(/[+-]?\d+(?:[.,]\d+)?(?:e[+-]?\d+)?/gi) ?? [];
  const both = found.length === 1 ? found[0].split(",") : found; // "1,2" is one and two
  return both.length === 2 ? both.map(numberIn) : undefined;
}
