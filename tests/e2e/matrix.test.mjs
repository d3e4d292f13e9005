// One room, one client of each protocol: what any of them publishes, all of them hear, with one position and in one order,
// each payload in its protocol's own spelling; and a publish is encoded once an encoding, however many members hear it.
import assert from 'node:assert/strict';
import { ExtData } from '@msgpack/msgpack';
import msgpack_parser from 'socket.io-msgpack-parser';
import { client as sio_client, ask as sio_ask, connects } from './conformance.mjs';
import { eventually, fresh, scenario, sharedNode } from './harness.mjs';
import { answer, connect as phoenix_connect, join as phoenix_join } from './phoenix.mjs';

const set = (...all) => all.flatMap((each) => ['--set', each]);
const args = set(
  'node.shards=2',
  'endpoint.packed.path=/packed/',
  'endpoint.packed.protocol=socketio',
  'endpoint.packed.parser=msgpack',
);
const shared = sharedNode({ args });

/** Bytes by themselves, wherever a protocol gives them: Buffer, ArrayBuffer, Uint8Array. */
const is_bytes = (value) => ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
const bytes_of = (value) => Buffer.from(ArrayBuffer.isView(value) ? value : new Uint8Array(value));
const map = (value, leaf) =>
  leaf(value) ??
  (Array.isArray(value) ? value.map((each) => map(each, leaf))
  : value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, map(each, leaf)]))
  : value); // prettier-ignore
/** A payload as JSON spells it: bytes are {"$bytes": base64}. */
const in_json = (value) =>
  map(value, (leaf) => (is_bytes(leaf) ? { $bytes: bytes_of(leaf).toString('base64') } : undefined));
/** The same with bytes as Buffers, whatever kind of bytes they were. */
const in_bytes = (value) => map(value, (leaf) => (is_bytes(leaf) ? bytes_of(leaf) : undefined));

// --- members: publish(event, payload), and heard(): {event, payload, epoch, seq}

const native = (kind) => async (s, node, room) => {
  const client = await s.client(node, { kind });
  await client.join(room);
  return {
    spells: kind === 'json' ? in_json : in_bytes,
    publish: (event, payload) =>
      client.call('room.publish', { room, event, payload: kind === 'json' ? in_json(payload) : payload }),
    async heard() {
      const { event, payload, epoch, seq, from, id } = await client.next('room.message');
      return { event, payload, epoch, seq, from, id };
    },
    members: () => client.call('room.members', { room }),
  };
};
const socketio = (how) => async (s, node, room) => {
  const client = sio_client(s, node, how);
  const arrived = [];
  const waiting = [];
  client.onAny((event, ...said) => {
    if (event.startsWith('room.')) return;
    waiting.length ? waiting.shift()([event, said]) : arrived.push([event, said]);
  });
  await connects(client);
  await sio_ask(client, 'room.join', { room });
  return {
    spells: in_bytes,
    publish: async (event, payload) => {
      const [ack] = await sio_ask(client, 'room.publish', { room, event, payload });
      assert.equal(ack.error, undefined);
      return ack;
    },
    async heard() {
      const [event, said] = arrived.length ? arrived.shift() : await new Promise((resolve) => waiting.push(resolve));
      const [payload, { epoch, seq, from, id, room: where }] = said;
      assert.equal(where, room);
      return { event, payload, epoch, seq, from, id };
    },
  };
};
async function phoenix(s, node, room) {
  const channel = await phoenix_join(await phoenix_connect(s, node), room, { positions: true });
  return {
    spells: (value) => (is_bytes(value) ? bytes_of(value) : in_json(value)), // what is bytes as a whole is a binary frame
    publish: (event, payload) =>
      answer(channel.push(event, is_bytes(payload) ? new Uint8Array(payload).buffer : in_json(payload))),
    async heard(event) {
      const payload = await channel.next(event);
      const { epoch, seq } = await channel.next('greenroom_position');
      return { event, payload, epoch, seq };
    },
  };
}
const protocols = {
  'JSON-RPC, JSON': native('json'),
  'JSON-RPC, MessagePack': native('msgpack'),
  'Socket.IO': socketio({ transports: ['websocket'] }),
  'Socket.IO, msgpack parser': socketio({ transports: ['websocket'], path: '/packed/', parser: msgpack_parser }),
  Phoenix: phoenix,
};
const names = Object.keys(protocols);
/** One of each in one room. */
const one_of_each = (s, node, room) => Promise.all(names.map((name) => protocols[name](s, node, room)));

const payloads = [
  { text: 'hello', n: [1, -1, 2.5, -0.125, 9_007_199_254_740_991, 0], deep: { er: [{ est: null }, true, false] } },
  { empty: [{}, [], ''], 'a key': 'ü \u{1f600} \u0001 "\\' },
  { bytes: Buffer.from([0, 1, 255]), in: { a: [Buffer.alloc(0), { list: Buffer.alloc(3_000, 7) }] } },
  [1, 'two', { three: Buffer.from([3]) }],
  Buffer.from([9, 8, 7]),
  Buffer.alloc(0),
  'just a text',
  42,
  null,
  true,
];

for (const [at, name] of names.entries()) {
  scenario(`matrix: what ${name} publishes, clients of every protocol hear with one position`, async (s) => {
    const node = await shared.get();
    const room = fresh();
    const members = await one_of_each(s, node, room);
    for (const [i, given] of payloads.entries()) {
      // phoenix.js has no payload that is null: it sends {} then
      const payload = name === 'Phoenix' && given === null ? {} : given;
      const event = `event-${i}`;
      const { epoch, seq } = await members[at].publish(event, payload);
      assert.equal(seq, i + 1);
      for (const [who, member] of members.entries()) {
        const heard = await member.heard(event);
        const told = `${names[who]} hears payload ${i} of ${name}`;
        assert.deepEqual([heard.event, heard.epoch, heard.seq], [event, epoch, seq], told);
        assert.deepEqual(in_bytes(heard.payload), member.spells(payload), told);
      }
    }
  });
}

scenario('matrix: everybody publishes at once, and all hear everything in one order', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const members = await one_of_each(s, node, room);
  const each = 20;
  await Promise.all(
    members.flatMap((member, at) => Array.from({ length: each }, (_, i) => member.publish('n', { by: at, i }))),
  );
  const total = each * members.length;
  const orders = [];
  for (const [at, member] of members.entries()) {
    if (names[at] === 'Phoenix') continue; // its positions stand behind turns, not behind messages
    const order = [];
    while (order.length < total) {
      const { payload, seq } = await member.heard('n');
      order.push([seq, payload]);
    }
    orders.push(order);
  }
  for (const order of orders) assert.deepEqual(order, orders[0]);
  assert.deepEqual(orders[0].map(([seq]) => seq), Array.from({ length: total }, (_, i) => i + 1)); // prettier-ignore
  for (const by of members.keys())
    assert.deepEqual(orders[0].filter(([, payload]) => payload.by === by).map(([, { i }]) => i), Array.from({ length: each }, (_, i) => i)); // prettier-ignore
});

scenario('matrix: Phoenix hears the same order, and greenroom_position ends at the last of it', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const channel = await phoenix_join(await phoenix_connect(s, node), room, { positions: true });
  const json = await s.client(node);
  await json.join(room);
  for (let i = 0; i < 50; ++i) json.notify('room.publish', { room, event: 'n', payload: { i } });
  const heard = await json.take('room.message', 50);
  for (const { payload } of heard) assert.deepEqual(await channel.next('n'), payload);
  const { epoch, seq } = heard.at(-1);
  await eventually(async () => assert.deepEqual(await channel.next('greenroom_position'), { epoch, seq }));
});

scenario(
  'matrix: MessagePack’s ext is {"$ext": [type, base64]} to JSON, Socket.IO and Phoenix, and ext to MessagePack',
  async (s) => {
    const node = await shared.get();
    const room = fresh();
    const members = await one_of_each(s, node, room);
    await members[1].publish('ext', { ext: new ExtData(7, new Uint8Array([1, 2])) });
    const spelled = { ext: { $ext: [7, Buffer.from([1, 2]).toString('base64')] } };
    for (const at of [0, 2, 4]) assert.deepEqual((await members[at].heard('ext')).payload, spelled, names[at]);
    const { ext } = (await members[1].heard('ext')).payload;
    assert.deepEqual([ext.type, [...ext.data]], [7, [1, 2]]);
    await members[0].publish('back', spelled);
    const back = (await members[1].heard('back')).payload.ext;
    assert.deepEqual([back.type, [...back.data]], [7, [1, 2]]);
  },
);

scenario('matrix: {"$bytes": base64} from a Phoenix or JSON client is bytes to those that have them', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const members = await one_of_each(s, node, room);
  for (const at of [0, 4]) {
    await members[at].publish('b', { in: { $bytes: 'AAH/' } });
    for (const each of [1, 2, 3])
      assert.deepEqual(in_bytes((await members[each].heard('b')).payload), { in: Buffer.from([0, 1, 255]) });
    for (const each of [0, 4]) assert.deepEqual((await members[each].heard('b')).payload, { in: { $bytes: 'AAH/' } });
  }
});

scenario('matrix: one presence list for the members of every protocol', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const [json] = await one_of_each(s, node, room);
  assert.equal((await json.members()).total, names.length);
});

// --- encode once

const encodings = ['json', 'msgpack', 'socketio', 'socketio-msgpack', 'phoenix'];
async function encoded(node) {
  const text = await (await fetch(`${node.http}/metrics`)).text();
  const all = {};
  for (const [, codec, n] of text.matchAll(
    /^greenroom_encoded_messages_total\{(?:[^}]*,)?codec="([^"]+)"[^}]*\} (\d+)$/gm,
  ))
    all[codec] = (all[codec] ?? 0) + Number(n);
  return all;
}
const plain_phoenix = async (s, node, room) => {
  const channel = await phoenix_join(await phoenix_connect(s, node), room);
  return { heard: (event) => channel.next(event) };
};

scenario('matrix: a publish into a room with three members of each encoding is encoded five times', async (s) => {
  const node = await s.node({ args });
  const room = fresh();
  const kinds = [...Object.values(protocols).slice(0, 4), plain_phoenix];
  const members = (
    await Promise.all(kinds.map((make) => Promise.all(Array.from({ length: 3 }, () => make(s, node, room)))))
  ).flat();
  const writer = await s.client(node);
  const before = await encoded(node);
  for (const name of encodings) assert.equal(typeof before[name], 'number', name);
  const publishes = 10;
  for (let i = 1; i <= publishes; ++i) {
    await writer.publish(room, { i, bytes: { $bytes: 'AAH/' } });
    await Promise.all(members.map((each) => each.heard('test')));
    const now = await encoded(node);
    const grown = Object.fromEntries(Object.keys(now).map((name) => [name, now[name] - before[name]]));
    assert.deepEqual(grown, {
      ...Object.fromEntries(Object.keys(now).map((name) => [name, 0])),
      ...Object.fromEntries(encodings.map((name) => [name, i])),
    });
  }
});

scenario('matrix: a room with members of one encoding is encoded once', async (s) => {
  const node = await s.node({ args });
  const room = fresh();
  const members = await Promise.all(Array.from({ length: 5 }, () => protocols['Socket.IO'](s, node, room)));
  const before = await encoded(node);
  await members[0].publish('once', {});
  await Promise.all(members.map((each) => each.heard()));
  const now = await encoded(node);
  const sum = (all) => Object.values(all).reduce((a, b) => a + b, 0);
  assert.deepEqual([now.socketio - before.socketio, sum(now) - sum(before)], [1, 1]);
});

shared.stops();
