/**
 * LINK keeps one WebSocket to the node alive: connects, waits, connects again.
 *
 *   idle ──start──▶ connecting ──ready──▶ open
 *                     ▲    │               │
 *             its time│    │ lost          │ lost
 *                     │    ▼               ▼
 *                   reconnecting ◀─────────┘      closed: by stop(), or where the close code says that the next
 *                     │                                   connection would end the same way
 *                     └── retry(): now
 *
 * At most one socket is listened to; one that is dropped is forgotten at once, however long its own end takes. A connection
 * that is not ready within `connect_timeout_ms` counts as lost.
 */
import { Backoff } from './backoff.js';
import { may_reconnect } from './close_codes.js';

const lost_code = 1006; // no close frame at all
const cut_code = 4000;
const sockets_that_go = 2; // readyState: CLOSING, CLOSED

export class Link {
  state = 'idle';
  #options;
  #socket;
  #timer;
  #problem;
  #backoff;

  /** options: url, subprotocol, WebSocket, backoff, connect_timeout_ms, clock, random; on: {state, open, frame, lost}. */
  constructor(options, on) {
    this.#options = options;
    this.on = on;
    const { clock, random } = options;
    this.#backoff = new Backoff(options.backoff, { random, now: () => clock.now() });
  }

  get attempt() {
    return this.#backoff.attempt;
  }

  start() {
    const { url, subprotocol, WebSocket, clock, connect_timeout_ms } = this.#options;
    this.#stop_waiting();
    let socket;
    try {
      socket = new WebSocket(url, subprotocol);
    } catch (error) {
      return this.stop({ reason: 'bad_url', error }); // no attempt would do better
    }
    this.#socket = socket;
    this.#problem = undefined;
    socket.binaryType = 'arraybuffer';
    const current = (handle) => (event) => {
      if (socket === this.#socket) handle(event ?? {});
    };
    socket.onopen = current(() => this.on.open());
    socket.onmessage = current(({ data }) => this.on.frame(data));
    socket.onerror = current(({ message, error }) => (this.#problem = error ?? (message && new Error(message))));
    socket.onclose = current(({ code, reason }) =>
      this.#lost({ code: code ?? lost_code, reason: String(reason ?? '') }),
    );
    this.#timer = clock.setTimeout(() => this.drop({ reason: 'connect_timeout' }), connect_timeout_ms);
    this.#enter('connecting', { attempt: this.attempt });
  }

  /** The session is open: this connection counts. */
  ready(more) {
    this.#stop_waiting();
    this.#backoff.opened();
    this.#enter('open', more);
  }

  send(frame) {
    this.#socket?.send(frame);
  }

  /** Ends the wait for the next attempt. */
  retry() {
    if (this.state === 'reconnecting') this.start();
  }

  /** Gives the connection up as if it had been lost; the next attempt is after `delay_ms`, or after the ordinary pause. */
  drop({ code = lost_code, reason, delay_ms, again, error }) {
    if (this.state !== 'connecting' && this.state !== 'open') return;
    this.#let_go(cut_code, reason);
    this.#lost({ code, reason, delay_ms, again, error });
  }

  /** Ends for good. */
  stop({ code, reason, error }) {
    if (this.state === 'closed') return;
    this.#stop_waiting();
    this.#let_go(1000, '');
    this.on.lost({ code, reason, final: true });
    this.#enter('closed', { code, reason, error });
  }

  #lost({ code, reason, delay_ms, again = may_reconnect(code, reason), error = this.#problem }) {
    this.#stop_waiting();
    this.#socket = undefined;
    if (again === 'no') return this.stop({ code, reason, error });
    delay_ms ??= this.#backoff.next(again);
    if (this.#backoff.exhausted) return this.stop({ code, reason, error });
    this.on.lost({ code, reason });
    this.#timer = this.#options.clock.setTimeout(() => this.start(), delay_ms);
    this.#enter('reconnecting', { attempt: this.attempt, delay_ms, code, reason, error });
  }

  #let_go(code, reason) {
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket || socket.readyState >= sockets_that_go) return;
    if (code !== 1000 && typeof socket.terminate === 'function') socket.terminate();
    else socket.close(code, reason);
  }

  #stop_waiting() {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #enter(state, more) {
    this.state = state;
    this.on.state({ state, ...more });
  }
}
