/**
 * How long to wait before the next attempt: exponential, with full jitter, between 0 and a cap that doubles from `min_ms`
 * to `max_ms`. Where the node asks to be left alone for a while (`later`), between half the cap and the cap.
 *
 * The cap starts again at `min_ms` only after a connection that held for `stable_ms`: a node that takes connections and
 * drops them again is not hammered.
 */
export class Backoff {
  attempt = 0; // how many have been begun since the last stable connection
  #opened;

  constructor(
    { min_ms = 250, max_ms = 15_000, factor = 2, stable_ms = 5_000, attempts_max = Infinity } = {},
    { random, now },
  ) {
    if (!(min_ms > 0 && max_ms >= min_ms && factor >= 1))
      throw new RangeError('backoff: 0 < min_ms <= max_ms, factor >= 1');
    Object.assign(this, { min_ms, max_ms, factor, stable_ms, attempts_max, random, now });
  }

  get exhausted() {
    return this.attempt > this.attempts_max;
  }

  opened() {
    this.#opened = this.now();
  }

  next(again = 'yes') {
    if (this.#opened !== undefined && this.now() - this.#opened >= this.stable_ms) this.attempt = 0;
    this.#opened = undefined;
    const cap = Math.min(this.max_ms, this.min_ms * this.factor ** this.attempt++);
    const low = again === 'later' ? cap / 2 : 0;
    return Math.round(low + this.random() * (cap - low));
  }
}
