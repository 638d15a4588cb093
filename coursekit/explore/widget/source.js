// The kernel as a source of frames: over a line of its own where the page reaches it (line.py), else by the widget's
// messages. Pictures that the page still has are not sent again: a map under a moving point.

const KEEP = 24; // pictures
const NEAR = ["localhost", "127.0.0.1", "[::1]"]; // hosts of pages that may have the kernel on their own machine

function kernelSource(model) {
  const client = Math.random().toString(36).slice(2);
  const waiting = new Map(); // questions without an answer, by their numbers
  const kept = new Map(); // token → bytes, the latest last
  const line = openLine(model.get("_line"), heard, () => waiting.forEach(post)); // cut: ask again by messages
  let count = 0;
  let elsewhere = ""; // the state that another page asked for last
  const source = {
    request: (state, final) => frame(state, final),
    surprise: () => ask({ kind: "surprise" }).then((reply) => reply.state),
    onStray: () => {}, // another page has moved the controls
    close: () => line?.close(),
  };
  function ask(content) {
    const question = { ...content, id: ++count, client };
    return new Promise((resolve, reject) => {
      waiting.set(question.id, { question, resolve, reject });
      post(waiting.get(question.id));
    });
  }
  function post({ question, reject }) {
    try {
      if (line?.readyState === WebSocket.OPEN) line.send(JSON.stringify(question));
      else model.send(question);
    } catch (error) { // the kernel is gone
      waiting.delete(question.id);
      reject(error);
    }
  }
  function heard(reply) {
    if (reply.client === client) {
      waiting.get(reply.id)?.resolve(reply);
      waiting.delete(reply.id);
    } else if (reply.final && !reply.following) {
      elsewhere = JSON.stringify(reply.state);
      source.onStray(reply.state);
    }
  }
  async function frame(state, final, have = [...kept.keys()]) { // of no state: of where the controls stand in the kernel
    const following = !state || JSON.stringify(state) === elsewhere; // else two pages would follow each other for ever
    if (!following) elsewhere = "";
    const reply = await ask({ kind: "frame", state, final, following, dark: isDark(), have });
    return complete(reply) ? reply : frame(state, final, []);
  }
  function complete(reply) { // with the kept pictures in their places; false if one is missing
    if (reply.error) return true;
    reply.buffers = reply.tokens.map((token, i) => (reply.buffers[i]?.byteLength ? reply.buffers[i] : kept.get(token)));
    reply.tokens.forEach((token, i) => kept.delete(token) | (reply.buffers[i] && kept.set(token, reply.buffers[i])));
    while (kept.size > KEEP) kept.delete(kept.keys().next().value);
    return reply.buffers.every(Boolean);
  }
  model.on("msg:custom", (content, buffers) => heard({ ...content, buffers, way: "messages" }));
  complete({ ...model.get("_first") });
  return source;
}

function openLine(address, heard, cut) {
  if (!address || !NEAR.includes(location.hostname)) return null;
  try {
    const line = new WebSocket(address);
    line.binaryType = "arraybuffer";
    line.onmessage = ({ data }) => heard({ ...unpacked(data), way: "line" });
    line.onclose = cut;
    return line;
  } catch { // the page's rules forbid it
    return null;
  }
}

function unpacked(data) { // the length of the words, the words, the pictures
  const start = 4 + new DataView(data).getUint32(0, true);
  const reply = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, start - 4)));
  let at = start;
  return { ...reply, buffers: reply.lengths.map((length) => new Uint8Array(data, (at += length) - length, length)) };
}
