/**
 * Events: `on` returns what takes the listener away again. A listener that throws never stops the client: its error is
 * reported as an uncaught one, as the platform reports errors of its own events.
 *
 * Events that keep() names wait, up to a bound, until somebody listens: between `await client.join(…)` and
 * `room.on('message', …)` nothing is lost. At the bound the oldest goes, counted.
 */
export class Emitter {
  #listeners = new Map();
  #kept = new Map(); // event → {waiting: [args], max, dropped()}

  on(event, listener) {
    if (typeof listener !== 'function') throw new TypeError(`the listener of '${event}' is no function`);
    if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
    this.#listeners.get(event).add(listener);
    if (this.#kept.get(event)?.waiting.length) queueMicrotask(() => this.#let_go(event));
    return () => this.off(event, listener);
  }

  once(event, listener) {
    const off = this.on(event, (...args) => {
      off();
      listener(...args);
    });
    return off;
  }

  off(event, listener) {
    this.#listeners.get(event)?.delete(listener);
  }

  keep(event, max, dropped = () => {}) {
    this.#kept.set(event, { waiting: [], max, dropped });
  }

  emit(event, ...args) {
    const kept = this.#kept.get(event);
    if (kept && (kept.waiting.length || !this.#listeners.get(event)?.size)) {
      if (kept.waiting.length === kept.max) kept.dropped(kept.waiting.shift());
      kept.waiting.push(args);
    } else {
      this.#tell(event, args);
    }
  }

  #let_go(event) {
    const { waiting } = this.#kept.get(event);
    while (waiting.length && this.#listeners.get(event)?.size) this.#tell(event, waiting.shift());
  }

  #tell(event, args) {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        listener(...args);
      } catch (error) {
        report(error);
      }
    }
  }
}

function report(error) {
  if (typeof globalThis.reportError === 'function') globalThis.reportError(error);
  else
    queueMicrotask(() => {
      throw error;
    });
}
