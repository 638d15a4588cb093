// States where the controls have rested, to go back to and forth again. A drag, a film or a morph is one of them.

const DEEP = 50;

class Memory {
  constructor(state) {
    this.states = [JSON.stringify(state)];
    this.at = 0;
  }
  get back() { return this.at > 0; }
  get forth() { return this.at < this.states.length - 1; }
  note(state) { // true if it is new
    const text = JSON.stringify(state);
    if (text === this.states[this.at]) return false;
    this.states.splice(this.at + 1, Infinity, text);
    if (this.states.length > DEEP + 1) this.states.shift();
    this.at = this.states.length - 1;
    return true;
  }
  go(steps) {
    this.at = Math.max(0, Math.min(this.states.length - 1, this.at + steps));
    return JSON.parse(this.states[this.at]);
  }
}

// Ctrl+Z, Ctrl+Shift+Z, Ctrl+Y (or ⌘) anywhere in an explorer; in a field where one types they belong to the text.
// The page's own shortcuts, which would undo an edit of the notebook, are told before: so on the window, on the way down.
function onUndoKeys(within, undo, redo) {
  const pressed = (event) => {
    const { target, key, ctrlKey, metaKey, altKey, shiftKey } = event;
    const word = key.toLowerCase();
    if (!(ctrlKey || metaKey) || altKey || !"zy".includes(word) || target.type === "text" || !within(target)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (word === "z" && !shiftKey) undo();
    else redo();
  };
  addEventListener("keydown", pressed, true);
  return () => removeEventListener("keydown", pressed, true);
}
