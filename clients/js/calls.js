/**
 * CALLS are the client's requests from call() to their result. Each has a deadline for its whole life, waiting and retries
 * included, and is encoded once: what is sent again is the same bytes.
 *
 *   call() ──▶ waiting ──release, in order──▶ sent ──▶ answered
 *                 ▲                            │
 *                 └─ lost, and safe to repeat ─┤ lost, and not: rejected, `unknown`
 *
 * - A call that has not been sent may wait for the next connection whatever it is.
 * - One that was sent is sent again only where a repeat has no second effect (`retry`). The same holds for the answers that
 *   say "unknown" (-32603, -32009): a repeat, `repeats_max` times, after a pause.
 * - The node that drains (-32010) has done nothing: the call waits for the next connection.
 * - `bound` calls belong to one connection: they leave at once, and end with it.
 *
 * Bounds: `calls_max` calls that are not bound, waiting and sent together: one more is refused. It stays below what the node
 * reads ahead of its answers (1,024 in flight).
 */
import { GreenroomError, RpcError, codes, is_unknown } from './errors.js';

const repeats_max = 3;
const repeat_pause_ms = 200; // doubles

export class Calls {
  #calls = new Map(); // id → call, in the order in which they were made
  #next_id = 1;
  #released = false;
  #ended = false;
  #waitable = 0; // those that are not bound
  #options;

  /** options: encode, send, calls_max, timeout_ms, bytes_max() of a frame, clock, random, stats. */
  constructor(options) {
    this.#options = options;
  }

  /**
   * `params` may be left out. `apply` sees the result in its place among the frames, before any later one is looked at; the
   * promise has what it returns.
   */
  call(method, params, { retry = false, bound = false, timeout_ms = this.#options.timeout_ms, signal, apply } = {}) {
    return new Promise((resolve, reject) => {
      if (this.#ended) throw new GreenroomError('closed', 'the client is closed', { method });
      if (signal?.aborted) throw signal.reason;
      if (!bound && this.#waitable >= this.#options.calls_max)
        throw new GreenroomError('too_many_calls', `${this.#options.calls_max} calls wait already`, { method });
      const id = this.#next_id++;
      const frame = this.#options.encode({ jsonrpc: '2.0', id, method, ...(params !== undefined && { params }) });
      const call = {
        id,
        method,
        frame,
        retry,
        bound,
        apply,
        resolve,
        reject,
        sent: false,
        doubtful: false,
        repeats: 0,
      };
      call.timer = this.#options.clock.setTimeout(() => this.#time_out(call, timeout_ms), timeout_ms);
      if (signal) this.#watch(call, signal);
      this.#calls.set(id, call);
      if (!bound) ++this.#waitable;
      if (bound || this.#released) this.#send(call);
    });
  }

  /** The session is open: what waits leaves, in its order. */
  release() {
    this.#released = true;
    for (const call of [...this.#calls.values()]) if (!call.sent && !call.paused) this.#send(call);
  }

  /** The connection is gone. */
  lost({ code, reason }) {
    this.#released = false;
    for (const call of [...this.#calls.values()]) {
      if (!call.sent && !call.bound) continue;
      if (call.retry && !call.bound) call.sent = false;
      else
        this.#fail(
          call,
          'connection_lost',
          `the connection was lost (${code} ${reason}) before ${call.method} was answered`,
        );
    }
  }

  /** Every call is rejected, and every later one. */
  end(message) {
    this.#ended = true;
    for (const call of [...this.#calls.values()]) this.#fail(call, 'closed', message);
  }

  /** An answer; false where nobody waits for it. */
  answered({ id, result, error }) {
    const call = this.#calls.get(id);
    if (!call) return false;
    if (!error) {
      this.#remove(call);
      this.#settle(call, result);
    } else if (error.code === codes.draining && !call.bound) {
      call.sent = call.doubtful = false;
    } else if (is_unknown(error.code) && call.retry && !call.bound && call.repeats < repeats_max) {
      this.#repeat_later(call);
    } else {
      this.#remove(call);
      call.reject(new RpcError(error, call.method));
    }
    return true;
  }

  #settle(call, result) {
    try {
      call.resolve(call.apply ? call.apply(result) : result);
    } catch (error) {
      call.reject(error);
    }
  }

  #send(call) {
    const max = this.#options.bytes_max();
    const bytes = call.frame.byteLength ?? bytes_of(call.frame, max);
    if (bytes > max)
      return this.#fail(call, 'too_large', `${call.method} has ${bytes} bytes, and the node takes ${max}`);
    if (call.doubtful) ++this.#options.stats.retries;
    call.sent = call.doubtful = true;
    return this.#options.send(call.frame);
  }

  #repeat_later(call) {
    call.sent = false;
    call.paused = true;
    const pause = repeat_pause_ms * 2 ** call.repeats++ * (0.5 + this.#options.random() / 2);
    call.pause = this.#options.clock.setTimeout(() => {
      call.paused = false;
      if (this.#released) this.#send(call);
    }, pause);
  }

  #time_out(call, timeout_ms) {
    this.#fail(call, 'timed_out', `no answer to ${call.method} within ${timeout_ms} ms`);
  }

  #watch(call, signal) {
    const abort = () => {
      this.#remove(call);
      call.reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    call.unwatch = () => signal.removeEventListener('abort', abort);
  }

  /** `doubtful`: it was sent once, so that nobody knows whether it had an effect. */
  #fail(call, reason, message) {
    this.#remove(call);
    call.reject(new GreenroomError(reason, message, { unknown: call.doubtful, method: call.method }));
  }

  #remove(call) {
    this.#calls.delete(call.id);
    if (!call.bound) --this.#waitable;
    this.#options.clock.clearTimeout(call.timer);
    this.#options.clock.clearTimeout(call.pause);
    call.unwatch?.();
  }
}

const utf8 = new TextEncoder();
/** Of a text in UTF-8; counted only where it may matter. */
function bytes_of(text, max) {
  return text.length * 3 <= max ? text.length : utf8.encode(text).length;
}
