// The page's half of an explorer: controls, one request in flight, pictures.
// A source answers `request(state, final) -> Promise<frame>` and `surprise() -> Promise<state>`, tells `onStray(state)`
// where another page has put the controls, and is closed; the kernel is one source (source.js). A decoder that runs in
// the page can be another: nothing else knows where frames come from. The files beside this one are sent with it, as
// one module (SCRIPTS in canvas.py).

const QUIET = 150; // ms without an event until the full picture is asked for
const PATIENCE = 2500; // ms without an answer until the request is repeated, and again until the reader is told
const MORPH = 650; // ms that "surprise me" and "reset" take
const sessions = new Map(); // one for each widget: all its views share state, pictures and the request in flight

const initialize = ({ model }) => {
  const key = model.get("_key");
  const session = new Session(model, kernelSource(model));
  sessions.set(key, session);
  return () => { session.close(); sessions.delete(key); };
};

const render = ({ model, el }) => {
  const view = new View(sessions.get(model.get("_key")), el);
  return () => view.close();
};

export default { initialize, render };
