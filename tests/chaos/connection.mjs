// One WebSocket of a participant. Answers and notifications are handed on in the order in which they came, in the same
// turn: what the journal says of them is then in that order, too.
import { createRequire } from 'node:module';
import { pack, unpack } from '../e2e/client.mjs';
import { patience } from '../e2e/patience.mjs';

const WebSocket = createRequire(new URL('../e2e/package.json', import.meta.url))('ws');
const subprotocols = { json: 'greenroom.json.1', msgpack: 'greenroom.msgpack.1' };
const connect_timeout_ms = 2_000 * patience;
const answer_timeout_ms = 8_000 * patience; // then the client gives its connection up, as one that was lost

export class Connection {
  #next_id = 0;
  #pending = new Map(); // id → {answer, timer}

  /** Resolves with an open connection, or rejects; `retry_after_ms` of the error is what the node asked for. */
  static open(url, kind, on_notification) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, [subprotocols[kind]], {
        perMessageDeflate: false,
        handshakeTimeout: connect_timeout_ms,
      });
      socket.once('error', reject);
      socket.once('unexpected-response', (request, response) => {
        request.destroy();
        const retry_after_ms = 1_000 * Number(response.headers['retry-after'] ?? 0);
        reject(Object.assign(new Error(`HTTP ${response.statusCode}`), { retry_after_ms }));
      });
      socket.once('open', () => resolve(new Connection(socket, kind, on_notification)));
    });
  }

  constructor(socket, kind, on_notification) {
    this.socket = socket;
    this.kind = kind;
    socket.on('error', () => {});
    socket.on('message', (data, binary) => this.#on_message(unpack(data, binary), on_notification));
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        this.over = { code };
        const pending = [...this.#pending.values()];
        this.#pending.clear();
        for (const { answer, timer } of pending) {
          clearTimeout(timer);
          answer(undefined, undefined);
        }
        resolve(code);
      });
    });
  }

  #on_message(message, on_notification) {
    if (message.method !== undefined) return on_notification(message.method, message.params);
    const call = this.#pending.get(message.id);
    if (!call) return;
    this.#pending.delete(message.id);
    clearTimeout(call.timer);
    call.answer(message.result, message.error);
  }

  /** Calls `answer(result, error)` once, in the turn of the answer; with neither where none came. */
  call(method, params, answer) {
    if (this.over || this.socket.readyState !== WebSocket.OPEN) return answer(undefined, undefined);
    const id = ++this.#next_id;
    this.#pending.set(id, { answer, timer: setTimeout(() => this.cut(), answer_timeout_ms) });
    this.socket.send(pack(this.kind, { jsonrpc: '2.0', id, method, params }));
  }
  /** The same as a promise of {result, error}. */
  ask(method, params) {
    return new Promise((resolve) => this.call(method, params, (result, error) => resolve({ result, error })));
  }

  cut() {
    this.socket.terminate();
  }
  close() {
    this.socket.close(1000);
  }
}
