// A client of the native protocol over npm's `ws`, as an application would write one: calls, notifications, both
// encodings. It keeps what came, in order, for the scenarios to look at.
import { decode, encode } from '@msgpack/msgpack';
import WebSocket from 'ws';
import { patience } from './patience.mjs';

const subprotocols = { json: 'greenroom.json.1', msgpack: 'greenroom.msgpack.1' };
const answer_timeout_ms = 10_000;

/** An error answer. */
export class RpcError extends Error {
  constructor({ code, message, data }) {
    super(`${code} ${message}`);
    Object.assign(this, { code, data });
  }
}

export const pack = (kind, message) => (kind === 'msgpack' ? encode(message) : JSON.stringify(message));
export const unpack = (data, binary) => (binary ? decode(data) : JSON.parse(data.toString()));

export class Client {
  #next_id = 0;
  #pending = new Map();
  #waiting = [];
  notifications = []; // {method, params, kind}, not yet taken by next()
  requests = []; // the server's
  /** Every frame: {kind, message}. */
  frames = [];

  /** Connects; `kind` chooses the subprotocol, null offers none; `deflate` is what `ws` takes for perMessageDeflate. */
  static async connect(url, { kind = 'json', autoPong = true, deflate = false } = {}) {
    const offered = kind ? [subprotocols[kind]] : [];
    const socket = new WebSocket(url, offered, { autoPong, perMessageDeflate: deflate });
    const client = new Client(socket, kind ?? 'json');
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  constructor(socket, kind) {
    this.socket = socket;
    this.kind = kind;
    socket.on('error', () => {});
    socket.on('message', (data, binary) => this.#on_frame(data, binary));
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.close = { code, reason: reason.toString() };
        for (const { reject } of this.#pending.values()) reject(new Error(`closed: ${code} ${reason}`));
        this.#pending.clear();
        this.#wake();
        resolve(this.close);
      });
    });
  }

  #on_frame(data, binary) {
    const kind = binary ? 'msgpack' : 'json';
    const message = unpack(data, binary);
    this.frames.push({ kind, message });
    if (Array.isArray(message) || message.id === null) this.#wake();
    else if (message.method !== undefined && message.id !== undefined) this.requests.push({ kind, ...message });
    else if (message.method !== undefined) this.notifications.push({ kind, ...message });
    else this.#settle(message, kind);
    this.#wake();
  }

  #settle(message, kind) {
    const call = this.#pending.get(message.id);
    if (!call) return;
    this.#pending.delete(message.id);
    clearTimeout(call.timer);
    call.kind = kind;
    if (message.error) call.reject(new RpcError(message.error));
    else call.resolve(call.whole ? { kind, message } : message.result);
  }

  #wake() {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  send(data) {
    this.socket.send(data);
  }
  /** Answers a request of the node's, one of `requests`. */
  answer({ id, kind = this.kind }, result) {
    this.send(pack(kind, { jsonrpc: '2.0', id, result }));
  }
  fail({ id, kind = this.kind }, code, message = 'no') {
    this.send(pack(kind, { jsonrpc: '2.0', id, error: { code, message } }));
  }
  /** Takes the next request of the node's. */
  request(ms) {
    return this.until(() => this.requests.shift(), "a request of the node's", ms);
  }
  notify(method, params) {
    this.send(pack(this.kind, { jsonrpc: '2.0', method, params }));
  }

  /** Resolves with the result, rejects with RpcError. `whole`: resolves with {kind, message} instead. */
  call(method, params = {}, { kind = this.kind, whole = false } = {}) {
    const id = ++this.#next_id;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${method}`)), answer_timeout_ms * patience);
      this.#pending.set(id, { resolve, reject, timer, whole });
      if (this.socket.readyState !== WebSocket.OPEN) {
        this.#pending.delete(id);
        clearTimeout(timer);
        reject(new Error(`closed: ${this.close?.code} ${this.close?.reason}`));
      } else {
        this.send(pack(kind, { jsonrpc: '2.0', id, method, params }));
      }
    });
  }
  async open(params = {}) {
    return (this.session = await this.call('session.open', params));
  }
  join(room, more = {}) {
    return this.call('room.join', { room, ...more });
  }
  publish(room, payload, more = {}) {
    return this.call('room.publish', { room, event: 'test', payload, ...more });
  }

  /** Waits until `ready()` gives something; looks again after every frame. */
  async until(ready, what = 'it', ms = answer_timeout_ms) {
    const end = Date.now() + ms * patience;
    for (;;) {
      const found = ready();
      if (found !== undefined) return found;
      if (this.close) throw new Error(`closed while waiting for ${what}: ${this.close.code} ${this.close.reason}`);
      const left = end - Date.now();
      if (left <= 0) throw new Error(`${what} did not come within ${ms * patience} ms`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Takes the next notification of that method; its params. */
  async next(method, ms) {
    const found = await this.until(
      () => {
        const at = this.notifications.findIndex((one) => one.method === method);
        return at < 0 ? undefined : this.notifications.splice(at, 1)[0];
      },
      method,
      ms,
    );
    return found.params;
  }
  /** Takes the next `count` of them. */
  async take(method, count, ms) {
    const taken = [];
    while (taken.length < count) taken.push(await this.next(method, ms));
    return taken;
  }
  /** The next frame that is no notification, answer or request of ours: a batch's array, or an answer with a null id. */
  async odd() {
    return this.until(() => {
      const at = this.frames.findIndex(({ message }) => Array.isArray(message) || message.id === null);
      return at < 0 ? undefined : this.frames.splice(at, 1)[0];
    }, 'a batch or an answer without id');
  }
  /** What came before the answer to a call made now: everything that the node had for this connection. */
  async barrier() {
    await this.call('rpc.discover').catch(() => {});
  }

  /** Ends the connection: politely, or (`abrupt`) without a close frame. */
  async end({ abrupt = false } = {}) {
    if (this.close) return;
    if (abrupt) this.socket.terminate();
    else this.socket.close(1000);
    const timer = setTimeout(() => this.socket.terminate(), 1_000);
    await this.closed;
    clearTimeout(timer);
  }
}
