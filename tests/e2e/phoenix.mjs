// What the scenarios of Phoenix share: the real phoenix.js, and a socket on which frames are written by hand.
import { Presence, Serializer, Socket } from 'phoenix';
import WebSocket from 'ws';
import { patience, within } from './harness.mjs';

export { Presence, Serializer };
export const bytes = (...values) => new Uint8Array(values).buffer;
export const numbers = (buffer) => [...new Uint8Array(buffer)];

/** A socket of phoenix.js, open. `options` are its own; `LongPoll` as transport needs nothing else. */
export async function connect(s, node, { params = {}, ...options } = {}) {
  const socket = new Socket(`ws://${node.host}:${node.port}/socket`, {
    transport: WebSocket,
    params,
    timeout: 5_000 * patience,
    rejoinAfterMs: () => 50,
    reconnectAfterMs: () => 50,
    ...options,
  });
  s.defer(() => {
    for (const each of socket.channels) each.rejoinTimer.reset(); // else the process waits for it
    return new Promise((resolve) => socket.disconnect(resolve));
  });
  const opened = new Promise((resolve) => socket.onOpen(resolve));
  socket.connect();
  await within(5_000, 'the socket to open', opened);
  return socket;
}

/** The answer to a push: its response, or an error with `response`. */
export const answer = (push) =>
  new Promise((resolve, reject) =>
    push
      .receive('ok', resolve)
      .receive('error', (response) => reject(Object.assign(new Error(JSON.stringify(response)), { response })))
      .receive('timeout', () => reject(new Error('timeout'))),
  );
export const refused = (response) => (error) => {
  for (const [name, value] of Object.entries(response)) if (error.response?.[name] !== value) return false;
  return true;
};

/** A channel, joined: `joined` is the response. */
export async function join(socket, topic, params = {}) {
  const channel = socket.channel(topic, params);
  channel.heard = [];
  const waiting = [];
  channel.onMessage = (event, payload, ref) => {
    if (!event.startsWith('chan_reply_')) {
      channel.heard.push({ event, payload, ref });
      for (const wake of waiting.splice(0)) wake();
    }
    return payload;
  };
  /** The first of `event` that was not taken yet. */
  channel.next = async (event) => {
    const deadline = Date.now() + 5_000 * patience;
    for (;;) {
      const at = channel.heard.findIndex((one) => one.event === event);
      if (at >= 0) return channel.heard.splice(at, 1)[0].payload;
      await within((deadline - Date.now()) / patience, `${event} on ${topic}`, new Promise((wake) => waiting.push(wake)));
    }
  };
  channel.joined = await answer(channel.join(5_000 * patience));
  return channel;
}

/** A WebSocket whose frames are written by hand: texts as arrays, binary ones as Buffers. */
export class Raw {
  static async connect(s, node, { query = 'vsn=2.0.0', protocols = [], path = '/socket/websocket', headers } = {}) {
    const raw = new Raw(new WebSocket(`ws://${node.host}:${node.port}${path}?${query}`, protocols, { headers }));
    s.defer(() => raw.socket.terminate());
    await new Promise((resolve, reject) => {
      raw.socket.once('open', resolve);
      raw.socket.once('error', reject);
    });
    return raw;
  }
  constructor(socket) {
    this.socket = socket;
    this.frames = [];
    this.waiting = [];
    const wake = () => this.waiting.splice(0).forEach((each) => each());
    socket.on('error', () => {});
    socket.on('message', (data, binary) => {
      this.frames.push(binary ? data : JSON.parse(data.toString()));
      wake();
    });
    this.closed = new Promise((resolve) => socket.on('close', (code, why) => resolve([code, why.toString()])));
  }
  send(what) {
    this.socket.send(Array.isArray(what) ? JSON.stringify(what) : what);
  }
  /** The next frame, whatever it is. */
  async next() {
    while (this.frames.length === 0)
      await within(5_000, 'a frame', new Promise((resolve) => this.waiting.push(resolve)));
    return this.frames.shift();
  }
  async ask(what) {
    this.send(what);
    return this.next();
  }
}

/** The status with which a handshake is refused. */
export function refusal(node, { query = 'vsn=2.0.0', protocols = [], headers } = {}) {
  const socket = new WebSocket(`ws://${node.host}:${node.port}/socket/websocket?${query}`, protocols, { headers });
  return new Promise((resolve, reject) => {
    socket.on('unexpected-response', (_, response) => {
      socket.terminate();
      resolve(response.statusCode);
    });
    socket.on('open', () => reject(new Error('the handshake succeeded')));
    socket.on('error', () => {});
  });
}
