// The native protocol: subprotocols, kinds of frames, JSON-RPC 2.0 as it is specified.
import assert from 'node:assert/strict';
import { Client, RpcError, pack } from './client.mjs';
import { fresh, scenario, sharedNode } from './harness.mjs';

const shared = sharedNode();
const rejects = (code) => (error) => error instanceof RpcError && error.code === code;

scenario('subprotocol: the one that is offered is chosen, none means JSON', async (s) => {
  const node = await shared.get();
  for (const [kind, chosen] of [
    ['json', 'greenroom.json.1'],
    ['msgpack', 'greenroom.msgpack.1'],
    [null, ''],
  ]) {
    const client = await s.client(node, { kind });
    assert.equal(client.socket.protocol, chosen);
    const { kind: answered } = await client.call('rpc.discover', {}, { whole: true });
    assert.equal(answered, kind ?? 'json');
  }
});

scenario('frames: a reply comes in its request’s kind, a push in the connection’s kind', async (s) => {
  const node = await shared.get();
  for (const [own, other] of [
    ['json', 'msgpack'],
    ['msgpack', 'json'],
  ]) {
    const client = await s.client(node, { kind: own, user: fresh('ann') });
    const room = fresh();
    assert.equal((await client.call('room.join', { room }, { kind: other, whole: true })).kind, other);
    assert.equal(
      (await client.call('room.publish', { room, event: 'e', payload: 1 }, { kind: own, whole: true })).kind,
      own,
    );
    assert.equal(
      (await client.call('room.publish', { room, event: 'e', payload: 2 }, { kind: other, whole: true })).kind,
      other,
    );
    await client.take('room.message', 2);
    const pushes = client.frames.filter(({ message }) => message.method === 'room.message');
    assert.deepEqual(
      pushes.map(({ kind }) => kind),
      [own, own],
    );
  }
});

scenario('JSON-RPC: an answer carries jsonrpc and the id in its own type', async (s) => {
  const client = await s.client(await shared.get(), { user: fresh('ann') });
  for (const id of ['a string', 7, -1, 1.5, '', null]) {
    client.frames.length = 0;
    client.send(JSON.stringify({ jsonrpc: '2.0', id, method: 'room.leave', params: { room: fresh() } }));
    const { message } = await client.until(() => client.frames.find((f) => 'id' in f.message), 'the answer');
    assert.equal(message.jsonrpc, '2.0');
    assert.deepEqual(message.id, id);
  }
});

scenario('JSON-RPC: MessagePack requests may leave jsonrpc out, answers carry it', async (s) => {
  const client = await s.client(await shared.get(), { kind: 'msgpack' });
  client.send(pack('msgpack', { id: 'x', method: 'rpc.discover' }));
  const { message } = await client.until(() => client.frames.find((f) => f.message.id === 'x'), 'the answer');
  assert.equal(message.jsonrpc, '2.0');
  assert.ok(message.result.methods.length > 0);
});

scenario('JSON-RPC: a notification is never answered, not even with an error', async (s) => {
  const client = await s.client(await shared.get(), { user: fresh('ann') });
  const room = fresh();
  await client.join(room);
  client.frames.length = 0;
  client.notify('room.publish', { room, event: 'e', payload: 'quiet' });
  client.notify('no.such.method', {});
  client.notify('room.publish', { room: 5 });
  assert.equal((await client.next('room.message')).payload, 'quiet');
  await client.barrier();
  assert.deepEqual(
    client.frames.filter(({ message }) => message.id !== undefined && message.error),
    [],
  );
  assert.equal(client.frames.length, 2); // the message and the barrier's answer
});

scenario('JSON-RPC: a batch is answered as one array, without its notifications', async (s) => {
  const client = await s.client(await shared.get(), { user: fresh('ann') });
  const room = fresh();
  for (const kind of ['json', 'msgpack']) {
    client.send(
      pack(kind, [
        { jsonrpc: '2.0', id: 1001, method: 'room.publish', params: { room, event: 'e', payload: 1 } },
        { jsonrpc: '2.0', method: 'room.publish', params: { room, event: 'e', payload: 2 } },
        { jsonrpc: '2.0', id: 'x', method: 'no.such.method' },
        { jsonrpc: '2.0', id: 1002, method: 'room.publish', params: { room, event: 'e', payload: 3 } },
        17,
      ]),
    );
    const { kind: answered, message } = await client.odd();
    assert.equal(answered, kind);
    assert.equal(message.length, 4);
    const by_id = new Map(message.map((one) => [one.id, one]));
    assert.equal(by_id.get(1002).result.seq, by_id.get(1001).result.seq + 2);
    assert.equal(by_id.get('x').error.code, -32601);
    assert.equal(by_id.get(null).error.code, -32600);
  }
});

scenario(
  'JSON-RPC: a batch of notifications is not answered, an empty one and one in another are refused',
  async (s) => {
    const client = await s.client(await shared.get(), { user: fresh('ann') });
    const room = fresh();
    client.send(JSON.stringify([{ jsonrpc: '2.0', method: 'room.publish', params: { room, event: 'e', payload: 1 } }]));
    client.send('[]');
    const empty = await client.odd();
    assert.equal(empty.message.error.code, -32600);
    assert.equal(empty.message.id, null);
    client.send(JSON.stringify([[{ jsonrpc: '2.0', id: 1, method: 'rpc.discover' }]]));
    const nested = await client.odd();
    assert.deepEqual(
      nested.message.map((one) => [one.id, one.error.code]),
      [[null, -32600]],
    );
  },
);

scenario('JSON-RPC: 128 calls are one batch, 129 are too many', async (s) => {
  const client = await s.client(await shared.get(), { user: fresh('ann') });
  const batch = (size) =>
    JSON.stringify(
      Array.from({ length: size }, (_, i) => ({
        jsonrpc: '2.0',
        id: `b${i}`,
        method: 'room.leave',
        params: { room: 'x' },
      })),
    );
  client.send(batch(128));
  assert.equal((await client.odd()).message.length, 128);
  client.send(batch(129));
  const { message } = await client.odd();
  assert.equal((Array.isArray(message) ? message[0] : message).error.code, -32600);
});

scenario('JSON-RPC: the codes of the specification, and the path of the bad member', async (s) => {
  const client = await s.client(await shared.get(), { user: fresh('ann') });
  await assert.rejects(client.call('no.such.method'), rejects(-32601));
  await assert.rejects(client.call('room.join', {}), (error) => error.code === -32602 && /room/.test(error.data.path));
  await assert.rejects(
    client.call('room.publish', { room: 'a', event: 5, payload: 1 }),
    (error) => error.code === -32602 && /event/.test(error.data.path),
  );
  await assert.rejects(
    client.call('room.history', { room: 'a', limit: 'many' }),
    (error) => error.code === -32602 && /limit/.test(error.data.path),
  );
  await assert.rejects(
    client.call('room.join', { room: 'a', since: { epoch: 1 } }),
    (error) => error.code === -32602 && /since/.test(error.data.path),
  );
  for (const text of ['{"jsonrpc":"2.0","id":1,"method":"rpc.discover"', 'nonsense', '{"a":01}', '']) {
    client.send(text);
    const { message } = await client.odd();
    assert.deepEqual([message.id, message.error.code], [null, -32700]);
  }
  for (const text of [
    '1',
    '"x"',
    '{}',
    '{"jsonrpc":"1.0","id":null,"method":"rpc.discover"}',
    '{"jsonrpc":"2.0","id":null,"method":5}',
    '{"jsonrpc":"2.0","id":{},"method":"x"}',
  ]) {
    client.send(text);
    const { message } = await client.odd();
    assert.deepEqual([message.id, message.error.code], [null, -32600], text);
  }
  await assert.rejects(client.call('rpc.discover', 5), rejects(-32602));
  assert.ok(await client.call('rpc.discover')); // and the connection still stands
});

scenario('JSON-RPC: unknown parameters are ignored', async (s) => {
  const client = await s.client(await shared.get(), { user: fresh('ann') });
  assert.equal((await client.join(fresh(), { color: 'green' })).seq, 0);
});

scenario('rpc.discover: an OpenRPC document names every method', async (s) => {
  const client = await s.client(await shared.get());
  const document = await client.call('rpc.discover');
  assert.match(document.openrpc, /^1\./);
  assert.ok(document.info.title);
  const names = document.methods.map(({ name }) => name);
  for (const name of [
    'session.open',
    'session.refresh',
    'session.close',
    'room.join',
    'room.leave',
    'room.publish',
    'room.history',
    'room.members',
    'user.send',
    'inbox.ack',
  ])
    assert.ok(names.includes(name), name);
});

scenario('payloads: JSON becomes MessagePack and JSON again without a change of meaning', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const ann = await s.client(node, { user: fresh('ann') });
  const bin = await s.client(node, { kind: 'msgpack', user: fresh('bin') });
  await ann.join(room, {});
  await bin.join(room, {});
  const payloads = [
    null,
    true,
    false,
    0,
    -1,
    2 ** 53,
    -(2 ** 53),
    1.5,
    -0.25,
    1e300,
    '',
    'grün 🌱 \u0000 "\\',
    [],
    {},
    [[]],
    { a: { b: [1, 'x', null] }, ä: 2 },
  ];
  for (const payload of payloads) {
    await ann.publish(room, payload);
    const there = (await bin.next('room.message')).payload;
    assert.deepEqual(there, payload);
    assert.deepEqual((await ann.next('room.message')).payload, payload);
    await bin.publish(room, there);
    assert.deepEqual((await ann.next('room.message')).payload, payload);
    assert.deepEqual((await bin.next('room.message')).payload, payload);
  }
});

scenario('payloads: the original bytes pass through to every subscriber of that format', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const ann = await s.client(node, { user: fresh('ann') });
  const seen = [];
  ann.socket.on('message', (data) => seen.push(data.toString()));
  await ann.join(room);
  const spelled = '{"n": 1.50e+1,  "u":"\\u0061", "big":18446744073709551615}';
  ann.send(`{"jsonrpc":"2.0","method":"room.publish","params":{"room":"${room}","event":"e","payload":${spelled}}}`);
  await ann.next('room.message');
  assert.ok(seen.at(-1).includes(spelled), seen.at(-1));
});

scenario('payloads: bytes are MessagePack bin and {"$bytes"} in JSON', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const ann = await s.client(node, { user: fresh('ann') });
  const bin = await s.client(node, { kind: 'msgpack', user: fresh('bin') });
  await ann.join(room);
  await bin.join(room);
  await bin.publish(room, { data: new Uint8Array([0, 1, 254, 255]) });
  assert.deepEqual((await ann.next('room.message')).payload, { data: { $bytes: 'AAH+/w==' } });
  await bin.next('room.message');
  await ann.publish(room, { data: { $bytes: 'AAH+/w==' } });
  assert.deepEqual(new Uint8Array((await bin.next('room.message')).payload.data), new Uint8Array([0, 1, 254, 255]));
  await ann.publish(room, { data: { $bytes: 'no base64' } });
  assert.deepEqual((await bin.next('room.message')).payload, { data: { $bytes: 'no base64' } });
});

shared.stops();
