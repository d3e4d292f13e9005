/**
 * A room's POSITION as the client has it, and what tells a repeat from something new:
 *
 * - by position: within an epoch a `seq` that is not above the newest delivered one is a repeat;
 * - by id: where the epoch changed, positions say nothing about what was delivered before. A message whose sender and id were
 *   delivered in an earlier epoch is a repeat: its sender's retry reached the node after its history was lost.
 *
 * Bounds: the newest `ids_max` ids of the epochs before, and as many of this one.
 */
const ids_max = 1_000;

export class Position {
  epoch;
  seq = 0;
  #now = new Set(); // ids of this epoch
  #before = new Set(); // and of those before it

  constructor(since) {
    if (since) this.move(since);
  }

  get known() {
    return this.epoch !== undefined;
  }

  /** What the node is told: {epoch, seq}; nothing where nothing is known. */
  get since() {
    return this.known ? { epoch: this.epoch, seq: this.seq } : undefined;
  }

  /** Whether everything of {epoch, seq} has been delivered. */
  reaches({ epoch, seq }) {
    return this.epoch === epoch && this.seq >= seq;
  }

  /** Takes a message's place; false where it is a repeat. */
  take({ epoch, seq, from, id }) {
    if (this.reaches({ epoch, seq })) return false;
    this.move({ epoch, seq });
    const key = `${from}\n${id}`;
    if (this.#before.has(key)) return false;
    this.#now.add(key);
    if (this.#now.size > ids_max) this.#now.delete(this.#now.values().next().value);
    return true;
  }

  /** To another epoch, or forward in this one. */
  move({ epoch, seq }) {
    if (epoch === this.epoch) {
      this.seq = Math.max(this.seq, seq);
      return;
    }
    this.#before = new Set([...this.#before, ...this.#now].slice(-ids_max));
    this.#now.clear();
    this.epoch = epoch;
    this.seq = seq;
  }
}
