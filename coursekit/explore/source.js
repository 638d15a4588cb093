// The kernel as a source of frames. Pictures that the page still has are not sent again: a map under a moving point.

const KEEP = 24; // pictures

function kernelSource(model) {
  const client = Math.random().toString(36).slice(2);
  const near = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  const waiting = new Map();
  const kept = new Map(); // token → bytes, the latest last
  let count = 0;
  const source = {
    request: (state, final) => frame(state, final),
    surprise: () => ask({ kind: "surprise" }).then((reply) => reply.state),
    onStray: () => {}, // a frame that another page asked for
  };
  async function ask(content) {
    const id = ++count;
    model.send({ ...content, id, client }); // throws once the kernel is gone
    return new Promise((resolve) => waiting.set(id, resolve));
  }
  async function frame(state, final, have = [...kept.keys()]) {
    const reply = await ask({ kind: "frame", state, final, near, have });
    return complete(reply) ? reply : frame(state, final, []);
  }
  function complete(reply) { // with the kept pictures in their places; false if one is missing
    if (reply.error) return true;
    reply.buffers = reply.tokens.map((token, i) => (reply.buffers[i]?.byteLength ? reply.buffers[i] : kept.get(token)));
    reply.tokens.forEach((token, i) => kept.delete(token) | (reply.buffers[i] && kept.set(token, reply.buffers[i])));
    while (kept.size > KEEP) kept.delete(kept.keys().next().value);
    return reply.buffers.every(Boolean);
  }
  async function stray(reply) {
    source.onStray(complete(reply) ? reply : await frame(reply.state, reply.final, []));
  }
  model.on("msg:custom", (content, buffers) => {
    const reply = { ...content, buffers };
    if (reply.client !== client) return reply.kind === "frame" && stray(reply);
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  });
  complete({ ...model.get("_first") });
  return source;
}
