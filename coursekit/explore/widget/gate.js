// The newest wish replaces an older one, and a frame is the acknowledgement: nothing queues, whatever the hand does.
// One request is in flight. A second one, sent while the first is on its way, was measured: on a busy machine it brings
// no more pictures, only older ones.
class Gate {
  constructor(source, { arrived, silent, lost }) {
    Object.assign(this, { source, arrived, silent, lost, count: 0, tries: 0, wish: null });
    this.flying = new Set(); // numbers of the requests without an answer: more than one only after a repetition
  }
  want(state, final) {
    this.wish = { state, final };
    if (this.tries > 1 && performance.now() - this.since > PATIENCE) this.flying.clear(); // they will not come
    this.pump();
  }
  get clear() { return !this.wish && !this.busy; } // what has come is the answer to the last wish
  get busy() { return this.flying.size > 0; }
  pump() { if (this.wish && !this.busy) this.launch(); }
  launch() {
    const job = (this.job = this.wish ?? this.job);
    const number = ++this.count;
    this.wish = null;
    this.since = performance.now();
    this.flying.add(number);
    this.watch();
    this.source.request(job.state, job.final).then((frame) => this.land(number, frame), () => this.drop());
  }
  watch() {
    clearTimeout(this.clock);
    if (this.flying.size) this.clock = setTimeout(() => this.wait(), PATIENCE);
  }
  wait() {
    this.tries += 1;
    if (this.tries === 1) this.launch();
    else this.silent();
  }
  land(number, frame) {
    for (const older of this.flying) if (older <= number) this.flying.delete(older);
    this.tries = 0;
    this.watch();
    this.pump(); // before decoding: the source works while the page draws
    this.arrived(frame, number);
  }
  drop() { // the way to the source is cut: nothing is in flight, nothing will come
    this.flying.clear();
    this.close();
    this.lost();
  }
  close() { clearTimeout(this.clock); }
}
