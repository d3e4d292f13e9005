// What the tests of the module stand on: a clock that only the test moves, and a node of a few lines behind a WebSocket
// without a network. Nothing here waits for a time to pass.
import { Greenroom } from '../index.js';
import * as json from '../json.js';
import * as msgpack from '../msgpack.js';

export class FakeClock {
  at = 1_000_000;
  #timers = new Map();
  #next = 1;

  now = () => this.at;
  setTimeout = (body, ms) => {
    const id = this.#next++;
    this.#timers.set(id, { due: this.at + ms, body });
    return id;
  };
  clearTimeout = (id) => this.#timers.delete(id);
  get waiting() {
    return [...this.#timers.values()].map(({ due }) => due - this.at).sort((a, b) => a - b);
  }
  /** Moves on, timer by timer. */
  async pass(ms) {
    const end = this.at + ms;
    for (;;) {
      const [id, next] = [...this.#timers].sort(([, a], [, b]) => a.due - b.due)[0] ?? [];
      if (!next || next.due > end) break;
      this.#timers.delete(id);
      this.at = Math.max(this.at, next.due);
      next.body();
      await settle();
    }
    this.at = end;
    await settle();
  }
}

/** Lets every promise that can go on do so. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** One WebSocket as the node sees it. */
class Wire {
  readyState = 0;
  constructor(net, url, protocol) {
    Object.assign(this, { net, url, protocol, requests: [], ended: undefined });
    net.wires.push(this);
    queueMicrotask(() => net.accepts && this.accept());
  }
  // --- the browser's half
  send(frame) {
    const request = typeof frame === 'string' ? json.decode(frame) : msgpack.decode(frame);
    this.requests.push(request);
    this.net.on_request(this, request);
  }
  close(code = 1005, reason = '') {
    this.readyState = 3;
    this.ended = { code, reason };
  }
  // --- the node's half
  accept() {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.onopen?.({});
  }
  push(message) {
    const whole = { jsonrpc: '2.0', ...message };
    this.onmessage?.({ data: this.protocol.includes('json') ? json.encode(whole) : msgpack.encode(whole).buffer });
  }
  notify(method, params) {
    this.push({ method, params });
  }
  drop(code = 1006, reason = '') {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}

/** A node: answers by `handlers[method](params, wire)`, which gives a result, throws {code, message}, or `silence`. */
export const silence = Symbol('no answer');
export class FakeNet {
  wires = [];
  accepts = true;
  sessions = 0;
  handlers = {
    'session.open': ({ user = 'guest', resume }) => this.opened({ user, resumed: Boolean(resume) }),
    'room.join': ({ room }) => ({ room, epoch: 'e1', seq: 0, members: 1 }),
    'room.leave': () => ({}),
    'room.publish': ({ id }) => ({ id, epoch: 'e1', seq: 1, ack: 'accepted' }),
    'room.members': () => ({ total: 0, members: [] }),
    'session.close': () => ({}),
    'inbox.ack': ({ upto }) => ({ upto, left: 0 }),
  };
  opened({ user = 'guest', resumed = false, rooms = [], ...more } = {}) {
    const number = ++this.sessions;
    const limits = { message_bytes_max: 65536, rooms_max: 128, in_flight_max: 1024 };
    return { session: `s${number}`, user, resume_token: `t${number}`, resumed, rooms, limits, time: 1, ...more };
  }
  get wire() {
    return this.wires.at(-1);
  }
  /** Every request of that method, on all connections. */
  all(method) {
    return this.wires.flatMap(({ requests }) => requests).filter((request) => request.method === method);
  }
  on_request(wire, { id, method, params }) {
    if (method === undefined || id === undefined) return;
    const handler = this.handlers[method];
    if (!handler) return wire.push({ id, error: { code: -32601, message: 'method not found' } });
    let answer;
    try {
      const result = handler(params ?? {}, wire);
      if (result === silence) return undefined;
      answer = { id, result };
    } catch (error) {
      answer = { id, error: { code: error.code, message: error.message ?? 'no', data: error.data } };
    }
    return wire.push(answer);
  }
  get WebSocket() {
    const net = this;
    return class extends Wire {
      constructor(url, protocol) {
        super(net, url, protocol);
      }
    };
  }
}

export const refuse = (code, message = 'refused', data) => {
  throw { code, message, data };
};

/** A client of a fake node: {net, clock, client, states}; `random` is 0.5 unless said otherwise. */
export function start(options = {}, net = new FakeNet()) {
  const clock = new FakeClock();
  const client = new Greenroom('ws://node/ws', { WebSocket: net.WebSocket, clock, random: () => 0.5, ...options });
  const states = [];
  client.on('state', (state) => states.push(state));
  return { net, clock, client, states };
}

/** The same, open, and in a room; what the room says is in `heard`. */
export async function in_room(options = {}, { net = new FakeNet(), room: name = 'lobby', ...join } = {}) {
  const all = start(options, net);
  const room = await all.client.join(name, join);
  const heard = [];
  for (const kind of ['message', 'notice', 'resync', 'left'])
    room.on(kind, (what, more) => heard.push({ kind, ...what, ...more }));
  return {
    ...all,
    room,
    heard,
    texts: () => heard.filter(({ kind }) => kind === 'message').map(({ payload }) => payload),
  };
}

export const message = (seq, more = {}) => ({
  ...{ room: 'lobby', epoch: 'e1', seq, id: `m-${seq}`, event: 'say', payload: `m${seq}`, from: 'bob', at: 1 },
  ...more,
});

export const run = (first, last, more) => Array.from({ length: last - first + 1 }, (_, i) => message(first + i, more));
export const entry = (more) => ({ room: 'lobby', epoch: 'e1', seq: 0, recovered: true, ...more });

/** Loses the connection; the next session.open is answered with `opened`. */
export async function lose({ net, clock }, opened) {
  net.handlers['session.open'] = () => net.opened(opened);
  net.wire.drop();
  await clock.pass(1_000);
}
