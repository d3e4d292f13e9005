// What the scenarios of examples/conformance share: the program as a node, sockets of Engine.IO by hand, socket.io-client.
//
// GREENROOM_CONFORMANCE names the program.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { io } from 'socket.io-client';
import WebSocket from 'ws';
import { binary, sharedNode, within } from './harness.mjs';

export const program = process.env.GREENROOM_CONFORMANCE ?? join(dirname(binary), 'greenroom-conformance');
/** What `Node.start` and `Scenario.node` take for it. On two shards, so that neither may know what only the other does. */
export const conformance = { program, command: [], dev: false, args: ['--set', 'node.shards=2'] };
export const sharedConformance = () => sharedNode(conformance);

export const ping_interval_ms = 300;
export const ping_timeout_ms = 200;
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

/** A client of socket.io-client; it goes with its scenario. `next` waits for an event, `heard` has what nobody took. */
export function client(s, node, { nsp = '/', path = '/socket.io/', ...options } = {}) {
  const socket = io(`${node.http}${nsp}`, { path, forceNew: true, reconnectionDelay: 50, ...options });
  s.defer(() => socket.disconnect());
  return listening(socket);
}
/** One more namespace on the connection of `socket`; it connects by itself. */
export function beside(s, socket, nsp, options) {
  const other = listening(socket.io.socket(nsp, options));
  s.defer(() => other.disconnect());
  return other;
}
function listening(socket) {
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
/** Emits and awaits the ack: all its arguments. */
export const ask = (socket, event, ...args) =>
  within(
    5_000,
    `the ack of ${event}`,
    new Promise((resolve) => socket.emit(event, ...args, (...back) => resolve(back))),
  );
