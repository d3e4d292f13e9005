// Socket.IO v5 with its own client, over each transport and both parsers, against two shards; and by raw clients the
// cases of the published suite (socket.io-protocol/test-suite) that a service which gives back what it hears can answer.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import msgpack_parser from 'socket.io-msgpack-parser';
import { eventually, fresh, scenario, sharedNode, within } from './harness.mjs';
import { call, client, config, connects, next, once, raw } from './socketio_client.mjs';

const shared = sharedNode({ config });

const ways = [
  ['polling only', { transports: ['polling'] }],
  ['WebSocket only', { transports: ['websocket'] }],
  ['polling, then the upgrade', {}],
  ['polling only, msgpack parser', { transports: ['polling'], path: '/packed/', parser: msgpack_parser }],
  ['WebSocket only, msgpack parser', { transports: ['websocket'], path: '/packed/', parser: msgpack_parser }],
  ['the upgrade, msgpack parser', { path: '/packed/', parser: msgpack_parser }],
];

for (const [name, how] of ways) {
  scenario(`socket.io-client: ${name}: rooms, messages with meta, acks, errors`, async (s) => {
    const node = await shared.get();
    const room = fresh();
    const [ann, bob] = [client(s, node, how), client(s, node, how)];
    await Promise.all([connects(ann), connects(bob)]);
    const joined = await call(ann, 'room.join', { room });
    assert.equal(joined.room, room);
    assert.equal((await call(bob, 'room.join', { room })).members, 2);
    const sent = await call(ann, 'room.publish', { room, event: 'chat', payload: { text: 'hi', n: [1, -2.5, null, true] } });
    for (const each of [ann, bob]) {
      const [payload, meta] = await next(each, 'chat');
      assert.deepEqual(payload, { text: 'hi', n: [1, -2.5, null, true] });
      const { from, at, ...rest } = meta;
      assert.deepEqual(rest, { room, epoch: joined.epoch, seq: 1, id: sent.id });
      assert.equal(typeof from, 'string');
      assert.ok(Math.abs(at - Date.now()) < 60_000);
    }
    const failed = await call(ann, 'room.join', { room: 7 });
    assert.deepEqual([failed.error.code, failed.error.data.path], [-32602, 'params.room']);
    assert.equal((await call(ann, 'no.such.method', 1)).error.code, -32601);
  });

  scenario(`socket.io-client: ${name}: bytes, nested and at the top, in rooms and acks`, async (s) => {
    const node = await shared.get();
    const room = fresh();
    const [ann, bob] = [client(s, node, how), client(s, node, how)];
    await Promise.all([connects(ann), connects(bob)]);
    await call(bob, 'room.join', { room });
    const payload = { file: Buffer.from([0, 255, 1]), list: [Buffer.alloc(3_000, 7), { deep: Buffer.from('x') }] };
    await call(ann, 'room.publish', { room, event: 'file', payload });
    const [got] = await next(bob, 'file');
    assert.deepEqual(got, payload);
    await call(ann, 'room.publish', { room, event: 'raw', payload: Buffer.from([9, 8]) });
    assert.deepEqual((await next(bob, 'raw'))[0], Buffer.from([9, 8]));
    const { messages } = await call(ann, 'room.history', { room });
    assert.deepEqual(messages[0].payload, payload);
  });

  scenario(`socket.io-client: ${name}: a service hears every event of its namespace and answers it`, async (s) => {
    const node = await shared.get();
    const parrot = client(s, node, { ...how, nsp: '/parrot', auth: { token: 'x', n: 1 } });
    await connects(parrot);
    const [auth] = await next(parrot, 'auth');
    assert.deepEqual([auth.token, auth.n], ['x', 1]);
    const args = [1, 'two', { three: [4] }, [Buffer.from([5]), null], true];
    parrot.emit('message', ...args);
    assert.deepEqual((await next(parrot, 'message-back')).slice(0, args.length), args);
    parrot.emit('message', { only: 'one' });
    assert.deepEqual((await next(parrot, 'message-back'))[0], { only: 'one' });
    const acked = await within(
      5_000,
      'the ack',
      new Promise((resolve) => parrot.emit('message-with-ack', ...args, (...back) => resolve(back))),
    );
    assert.deepEqual(acked, args);
    parrot.on('question', (what, ack) => ack({ to: what, b: Buffer.from([1]) }));
    assert.deepEqual(await call(parrot, 'ask-me', 'why'), { to: 'why', b: Buffer.from([1]) });
    parrot.off('question');
    assert.equal(await call(parrot, 'ask-me', 'again'), 'timeout');
  });

  scenario(`socket.io-client: ${name}: several namespaces on one connection, one refused with data`, async (s) => {
    const node = await shared.get();
    const root = client(s, node, how);
    await connects(root);
    const parrot = root.io.socket('/parrot');
    const secret = root.io.socket('/secret', { auth: { token: 'wrong' } });
    const nowhere = root.io.socket('/nowhere');
    for (const each of [parrot, secret, nowhere]) s.defer(() => each.disconnect());
    const refused = once(secret, 'connect_error');
    const unknown = once(nowhere, 'connect_error');
    await connects(parrot);
    const [why] = await refused;
    assert.equal(why.message, 'unauthorized');
    assert.deepEqual(why.data, { code: 401, hint: 'token' });
    assert.equal((await unknown)[0].message, 'Invalid namespace');
    secret.auth = { token: 'secret' };
    secret.connect();
    await connects(secret);
    assert.deepEqual(await call(secret, 'message-with-ack', 1), 1);
    parrot.disconnect();
    assert.equal((await call(root, 'room.join', { room: fresh() })).members, 1);
    parrot.connect();
    await connects(parrot);
    assert.deepEqual(await call(parrot, 'message-with-ack', 2), 2);
    assert.ok(root.connected);
  });
}

scenario('socket.io-client: starts with polling and goes over to a WebSocket', async (s) => {
  const node = await shared.get();
  const ann = client(s, node);
  await connects(ann);
  await eventually(() => assert.equal(ann.io.engine.transport.name, 'websocket'));
  assert.match(await (await fetch(`${node.http}/metrics`)).text(), /greenroom_engineio_events_total\{.*upgraded.*\} [1-9]/);
});

scenario('socket.io-client: messages published during the upgrade are neither lost nor repeated', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const writer = client(s, node, { transports: ['websocket'] });
  await connects(writer);
  let n = 0;
  let over = false;
  const writing = (async () => {
    while (!over) await call(writer, 'room.publish', { room, event: 'n', payload: n++ });
  })();
  for (let i = 0; i < 5; i++) {
    const reader = client(s, node);
    const got = [];
    reader.on('n', (payload) => got.push(payload));
    await connects(reader);
    await call(reader, 'room.join', { room });
    await eventually(() => assert.equal(reader.io.engine.transport.name, 'websocket'));
    const enough = got.length + 20;
    await eventually(() => assert.ok(got.length >= enough));
    assert.deepEqual(
      got,
      got.map((_, at) => got[0] + at),
    );
    reader.disconnect();
  }
  over = true;
  await writing;
});

scenario('socket.io-client: kick ends client and connection, leave-namespace only that, drop without a word', async (s) => {
  const node = await shared.get();
  for (const transports of [['polling'], ['websocket']]) {
    const leaving = client(s, node, { transports, nsp: '/parrot', path: '/suite/' });
    await connects(leaving);
    const beside = leaving.io.socket('/');
    s.defer(() => beside.disconnect());
    await connects(beside);
    const left = once(leaving, 'disconnect');
    leaving.emit('leave-namespace');
    assert.equal((await left)[0], 'io server disconnect');
    assert.equal((await call(beside, 'room.join', { room: fresh() })).members, 1);

    leaving.connect();
    await connects(leaving);
    const [kicked, with_it] = [once(leaving, 'disconnect'), once(beside, 'disconnect')];
    leaving.emit('kick');
    assert.equal((await kicked)[0], 'io server disconnect');
    assert.equal((await with_it)[0], 'io server disconnect');

    const dropped = client(s, node, { transports, nsp: '/parrot', path: '/suite/', reconnection: false });
    await connects(dropped);
    const gone = once(dropped, 'disconnect');
    dropped.emit('drop');
    assert.match((await gone)[0], /^transport (close|error)$/);
  }
});

scenario('socket.io-client: the inbox comes as events, and an ack acknowledges up to its message', async (s) => {
  const node = await shared.get();
  const reader = client(s, node, { transports: ['websocket'] });
  await connects(reader);
  const room = fresh();
  await call(reader, 'room.join', { room });
  await call(reader, 'room.publish', { room, event: 'me', payload: 0 });
  const [, { from: name }] = await next(reader, 'me');
  const sender = await s.client(node, { user: fresh('sender') });
  await sender.call('user.send', { to: name, event: 'dm', payload: 'one' });
  await sender.call('user.send', { to: name, event: 'dm', payload: 'two' });
  const [first] = await next(reader, 'inbox.message');
  assert.deepEqual([first.n, first.event, first.payload], [1, 'dm', 'one']);
  const [second, ack] = await next(reader, 'inbox.message');
  assert.equal(second.n, 2);
  ack();
  await eventually(async () => assert.equal((await call(reader, 'inbox.ack', { upto: 2 })).left, 0));
});

scenario('socket.io-client: sits in one room with JSON-RPC clients: same order, same positions, bytes as each has them', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const [text, packed, native] = [client(s, node), client(s, node, ways[4][1]), await s.client(node, { user: fresh('native') })];
  await Promise.all([connects(text), connects(packed)]);
  await native.join(room);
  for (const each of [text, packed]) await call(each, 'room.join', { room });
  const bytes = Buffer.from([0, 254, 255]);
  const as_json = { deep: [{ $bytes: bytes.toString('base64') }], n: 2 ** 40, f: 1.5, s: 'hé' };
  const as_is = { ...as_json, deep: [bytes] };
  await native.call('room.publish', { room, event: 'e', payload: as_json });
  await call(text, 'room.publish', { room, event: 'e', payload: as_is });
  await call(packed, 'room.publish', { room, event: 'e', payload: as_is });
  for (const seq of [1, 2, 3]) {
    const heard = await native.next('room.message');
    assert.deepEqual([heard.seq, heard.payload], [seq, as_json]);
    for (const each of [text, packed]) {
      const [payload, meta] = await next(each, 'e');
      assert.deepEqual(payload, as_is);
      assert.deepEqual([meta.seq, meta.id, meta.from], [seq, heard.id, heard.from]);
    }
  }
});

scenario('socket.io: a volatile event is dropped where no GET waits for it, and others are not', async (s) => {
  const node = await shared.get();
  const path = `${node.http}/socket.io/?EIO=4&transport=polling`;
  const { sid } = JSON.parse((await (await fetch(path)).text()).substring(1));
  const push = (body) => fetch(`${path}&sid=${sid}`, { method: 'POST', body }).then((r) => assert.equal(r.status, 200));
  const packets = async () =>
    (await (await fetch(`${path}&sid=${sid}`)).text()).split('\x1e');
  await push('40/parrot,');
  let first = [];
  while (first.length < 2) first.push(...(await packets()));
  await push('42/parrot,["volatile",1]\x1e42/parrot,1["message-with-ack",1]');
  await sleep(100); // the service has heard both
  const next_ones = [];
  while (!next_ones.some((packet) => packet.startsWith('43'))) next_ones.push(...(await packets()));
  assert.deepEqual(next_ones, ['43/parrot,1[1]']);
  const waiting = packets();
  await sleep(20);
  await push('42/parrot,["volatile",2]');
  assert.deepEqual(await waiting, ['42/parrot,["volatile-back",2]']);
});

// --- the published suite, by raw clients

async function joined(s, node, nsp = '/parrot') {
  const ws = await raw(s, node);
  ws.send(`40${nsp},`);
  assert.match(await ws.next(), new RegExp(`^40${nsp},\\{"sid"`));
  assert.equal(await ws.next(), `42${nsp},["auth",{}]`);
  return ws;
}

scenario('socket.io: connect: should allow connection to the main namespace', async (s) => {
  const ws = await raw(s, await shared.get());
  ws.send('40');
  const packet = await ws.next();
  assert.match(packet, /^40\{/);
  assert.equal(typeof JSON.parse(packet.substring(2)).sid, 'string');
});

scenario('socket.io: connect: should allow connection to a custom namespace with a payload', async (s) => {
  const ws = await raw(s, await shared.get());
  ws.send('40/parrot,{"token":"abc"}');
  assert.match(await ws.next(), /^40\/parrot,\{"sid"/);
  assert.equal(await ws.next(), '42/parrot,["auth",{"token":"abc"}]');
});

scenario('socket.io: connect: should disallow connection to an unknown namespace', async (s) => {
  const ws = await raw(s, await shared.get());
  ws.send('40/random');
  assert.equal(await ws.next(), '44/random,{"message":"Invalid namespace"}');
});

scenario('socket.io: connect: should disallow connection with an invalid handshake', async (s) => {
  const ws = await raw(s, await shared.get());
  ws.send('4abc');
  await within(2_000, 'the close', ws.closes);
});

scenario('socket.io: connect: should close the connection if no handshake is received', async (s) => {
  const ws = await raw(s, await shared.get());
  await within(3_000, 'the close', ws.closes);
});

scenario('socket.io: disconnect: should disconnect from a namespace and stay connected to the others', async (s) => {
  const ws = await joined(s, await shared.get());
  ws.send('40');
  assert.match(await ws.next(), /^40\{/);
  ws.send('41/parrot,');
  ws.send('421["room.join",{"room":"suite"}]');
  assert.match(await ws.next(), /^431\[\{"room":"suite"/);
});

scenario('socket.io: message: should send a plain-text packet, and one with acknowledgement', async (s) => {
  const ws = await joined(s, await shared.get());
  ws.send('42/parrot,["message",1,"2",{"3":[true]}]');
  assert.equal(await ws.next(), '42/parrot,["message-back",1,"2",{"3":[true]}]');
  ws.send('42/parrot,456["message-with-ack",1,"2",{"3":[false]}]');
  assert.equal(await ws.next(), '43/parrot,456[1,"2",{"3":[false]}]');
});

scenario('socket.io: message: should send a packet with binary attachments, and one with acknowledgement', async (s) => {
  const ws = await joined(s, await shared.get());
  ws.send('452-/parrot,["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
  ws.send(Buffer.from([1, 2, 3]));
  ws.send(Buffer.from([4, 5, 6]));
  assert.equal(
    await ws.next(),
    '452-/parrot,["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]',
  );
  assert.deepEqual(await ws.next(), Buffer.from([1, 2, 3]));
  assert.deepEqual(await ws.next(), Buffer.from([4, 5, 6]));
  ws.send('452-/parrot,789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
  ws.send(Buffer.from([1, 2, 3]));
  ws.send(Buffer.from([4, 5, 6]));
  assert.equal(await ws.next(), '462-/parrot,789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
  assert.deepEqual(await ws.next(), Buffer.from([1, 2, 3]));
  assert.deepEqual(await ws.next(), Buffer.from([4, 5, 6]));
});

scenario('socket.io: message: malformed packets close that client and nobody else', async (s) => {
  const node = await shared.get();
  const bystander = await joined(s, node);
  for (const bad of [
    ['4abc'],
    ['4'],
    ['42/parrot,{}'],
    ['42/parrot,["connect"]'],
    ['42/parrot,["a"'],
    ['40/parrot,'], // a second time
    ['42["a"]'], // not joined
    ['44/parrot,{}'],
    ['4511-/parrot,["a"]'],
    ['450-/parrot,["a"]'],
    ['451-/parrot,["a",{"_placeholder":true,"num":0}]', '42/parrot,["b"]'],
    ['451-/parrot,["a",{"_placeholder":true,"num":7}]', Buffer.from([1])],
    [Buffer.from([1])],
  ]) {
    const ws = await joined(s, node);
    for (const part of bad) ws.send(part);
    await within(2_000, `the close after ${bad[0]}`, ws.closes);
  }
  bystander.send('42/parrot,1["message-with-ack"]');
  assert.equal(await bystander.next(), '43/parrot,1[]');
});

scenario('socket.io: an event without an ack is heard by a service, and its errors say nothing', async (s) => {
  const ws = await joined(s, await shared.get());
  ws.send('42/parrot,["room.join",{"room":7}]');
  ws.send('42/parrot,["message","still"]');
  assert.equal(await ws.next(), '42/parrot,["message-back","still"]');
});

shared.stops();
