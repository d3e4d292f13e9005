// What the tests of Socket.IO share: the node's config, clients of socket.io-client that keep what they hear, raw ones.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { io } from 'socket.io-client';
import WebSocket from 'ws';
import { binary, patience, within } from './harness.mjs';

const built = process.env.GREENROOM_TEST_PLUGINS ?? join(binary, '..', 'tests');
export const config = `[node]
shards = 2
[plugins]
load = ["${join(built, 'parrot.so')}"]
[endpoint.suite]
path = "/suite/"
protocol = "socketio"
recovery = false
ping_interval_ms = ${300 * patience}
ping_timeout_ms = ${200 * patience}
connect_timeout_ms = ${1_000 * patience}
[endpoint.packed]
path = "/packed/"
protocol = "socketio"
parser = "msgpack"
[endpoint.recovering]
path = "/recovering/"
protocol = "socketio"
ping_interval_ms = ${300 * patience}
ping_timeout_ms = ${200 * patience}
`;

/** A client of socket.io-client; it goes with its scenario. `next` waits for an event, `heard` has what nobody took. */
export function client(s, node, { nsp = '/', path = '/socket.io/', ...options } = {}) {
  const socket = io(`${node.http}${nsp}`, { path, forceNew: true, reconnectionDelay: 50, ...options });
  s.defer(() => socket.disconnect());
  return listening(socket);
}
export function listening(socket) {
  socket.heard = [];
  socket.waiting = [];
  socket.onAny((event, ...args) => {
    const found = socket.waiting.findIndex((each) => each.event === event);
    if (found >= 0) socket.waiting.splice(found, 1)[0].resolve(args);
    else socket.heard.push({ event, args });
  });
  return socket;
}
export const next = (socket, event, ms = 5_000) =>
  within(
    ms,
    `the event ${event}`,
    new Promise((resolve) => {
      const found = socket.heard.findIndex((each) => each.event === event);
      if (found >= 0) resolve(socket.heard.splice(found, 1)[0].args);
      else socket.waiting.push({ event, resolve });
    }),
  );
export const once = (emitter, event, ms = 5_000) =>
  within(ms, `the event ${event}`, new Promise((resolve) => emitter.once(event, (...args) => resolve(args))));
export const connects = async (socket) => {
  if (!socket.connected) await once(socket, 'connect');
  return socket;
};
export const call = (socket, event, ...args) => within(5_000, `the ack of ${event}`, socket.emitWithAck(event, ...args));

/** A WebSocket that answers pings and keeps the other packets. */
export async function raw(s, node, path = '/suite/') {
  const ws = new WebSocket(`${node.http.replace('http', 'ws')}${path}?EIO=4&transport=websocket`);
  const heard = [];
  const waiting = [];
  ws.on('message', (data, is_binary) => {
    const one = is_binary ? data : data.toString();
    if (one === '2') return ws.send('3');
    waiting.length ? waiting.shift()(one) : heard.push(one);
  });
  ws.on('error', () => {});
  ws.closes = new Promise((resolve) => ws.on('close', (code) => resolve(code)));
  ws.next = () =>
    within(5_000, 'a message', heard.length ? Promise.resolve(heard.shift()) : new Promise((resolve) => waiting.push(resolve)));
  s.defer(() => ws.terminate());
  assert.match(await ws.next(), /^0\{/);
  return ws;
}
