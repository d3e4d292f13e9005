// What the scenarios of examples/conformance share: the program as a node, sockets of Engine.IO by hand, socket.io-client.
//
// GREENROOM_CONFORMANCE names the program.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import WebSocket from 'ws';
import { binary, patience, sharedNode, within } from './harness.mjs';
import { listening } from './socketio_client.mjs';

export const program = process.env.GREENROOM_CONFORMANCE ?? join(dirname(binary), 'greenroom-conformance');

// The published suites' times, constants there that whoever runs them sets as the server has them. Where a sanitizer makes
// the node slow they grow: a ping that comes between two requests would be one packet more than these cases expect.
export const ping_interval_ms = 300 * patience;
export const ping_timeout_ms = 200 * patience;
export const connect_timeout_ms = 1_000 * patience;
const times = { ping_interval_ms, ping_timeout_ms, connect_timeout_ms };
const slower = ['engineio', 'socketio', 'recovery', 'msgpack'].flatMap((endpoint) =>
  Object.entries(times).flatMap(([key, ms]) => ['--set', `endpoint.${endpoint}.${key}=${ms}`]),
);

/** What `Node.start` and `Scenario.node` take for it. On two shards, so that neither may know what only the other does. */
export const conformance = {
  program,
  command: [],
  dev: false,
  args: ['--set', 'node.shards=2', ...(patience > 1 ? slower : [])], // else the program's own
};
export const sharedConformance = () => sharedNode(conformance);

export const max_payload = 1_000_000;

// --- Engine.IO by hand

export const url_of = (node, path, query) => `${node.http}${path}?${query}`;
export const websocket_url_of = (node, path, query) => url_of(node, path, query).replace('http', 'ws');

/** Requests of Engine.IO's polling at one path. */
export class Polling {
  static at(node, path) {
    return Object.assign(new Polling(), { node, path });
  }
  get(query, options) {
    return fetch(url_of(this.node, this.path, query), options);
  }
  poll(sid, options) {
    return this.get(`EIO=4&transport=polling&sid=${sid}`, options);
  }
  push(sid, body, options) {
    return this.get(`EIO=4&transport=polling&sid=${sid}`, { method: 'POST', body, ...options });
  }
  async open() {
    const response = await this.get('EIO=4&transport=polling');
    assert.equal(response.status, 200);
    return JSON.parse((await response.text()).substring(1)).sid;
  }
  /** A GET, and the client's close behind it; a slow node gets the time to read them in this order. */
  async close(sid) {
    const polled = this.poll(sid);
    if (patience > 1) await new Promise((resolve) => setTimeout(resolve, 20 * patience));
    return Promise.all([polled, this.push(sid, '1')]);
  }
  async text(sid, options) {
    const response = await this.poll(sid, options);
    assert.equal(response.status, 200);
    return response.text();
  }
}

/** A WebSocket that keeps what came: `next()` takes one message, `closes` and `opens` wait for that. */
export function socket_at(s, url, { protocols = [], ...options } = {}) {
  const ws = new WebSocket(url, protocols, options);
  const heard = [];
  const waiting = [];
  ws.on('message', (data, is_binary) => {
    const one = is_binary ? data : data.toString();
    if (ws.skips?.(one)) return;
    waiting.length ? waiting.shift()(one) : heard.push(one);
  });
  ws.heard = heard;
  ws.closes = new Promise((resolve) => ws.on('close', (code) => resolve(code)));
  ws.opens = new Promise((resolve, reject) => {
    ws.on('open', resolve);
    ws.on('error', (error) => {
      reject(Object.assign(error, { status: Number(error.message.match(/^Unexpected server response: (\d+)/)?.[1]) }));
    });
  });
  ws.opens.catch(() => {});
  ws.next = (ms = 5_000) =>
    within(
      ms,
      'a message',
      heard.length ? Promise.resolve(heard.shift()) : new Promise((resolve) => waiting.push(resolve)),
    );
  s.defer(() => ws.terminate());
  return ws;
}
export const refused_status = (ws) =>
  ws.opens.then(
    () => assert.fail('the WebSocket opened'),
    ({ status }) => status,
  );
/** The next message alone: what comes while nobody waits is lost, as with the published suites' `waitFor`. */
export const heard_anew = (ws, event = 'message') =>
  within(
    5_000,
    `a ${event}`,
    new Promise((resolve) => ws.once(event, (data, is_binary) => resolve(is_binary ? data : data?.toString()))),
  );

// --- socket.io-client

export { client, connects, next, once } from './socketio_client.mjs';
/** One more namespace on the connection of `socket`; it connects by itself. */
export function beside(s, socket, nsp, options) {
  const other = listening(socket.io.socket(nsp, options));
  s.defer(() => other.disconnect());
  return other;
}
/** Emits and awaits the ack: all its arguments. */
export const ask = (socket, event, ...args) =>
  within(
    5_000,
    `the ack of ${event}`,
    new Promise((resolve) => socket.emit(event, ...args, (...back) => resolve(back))),
  );
