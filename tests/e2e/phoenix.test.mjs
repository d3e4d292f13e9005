// Phoenix Channels, serializer v2, with phoenix.js itself and with frames by hand; named after the published rules.
import assert from 'node:assert/strict';
import { join as path } from 'node:path';
import { Node, binary, eventually, fresh, scenario, sharedNode } from './harness.mjs';
import { Presence, Raw, Serializer, answer, bytes, connect, join, numbers, refusal, refused } from './phoenix.mjs';

const shared = sharedNode({ args: ['--set', 'node.shards=2'] });
const user = (name) => ({ params: { user: name } });
const reply = (status, response) => ['phx_reply', { status, response }];

// --- the socket

scenario('phoenix socket: vsn other than ~> 2.0 is refused with 403 before the upgrade', async () => {
  const node = await shared.get();
  for (const query of ['vsn=3.0.0', 'vsn=1.0.0', 'vsn=', 'vsn=20.0', ''])
    assert.equal(await refusal(node, { query }), 403);
});

scenario('phoenix socket: a bad token is refused with 403, in the params and in the subprotocol', async (s) => {
  const node = await shared.get();
  assert.equal(await refusal(node, { query: 'vsn=2.0.0&token=bad' }), 403);
  const coded = Buffer.from('bad').toString('base64').replaceAll('=', '');
  assert.equal(await refusal(node, { protocols: ['phoenix', `base64url.bearer.phx.${coded}`] }), 403);
  const raw = await Raw.connect(s, node, { protocols: ['phoenix'] });
  assert.equal(raw.socket.protocol, 'phoenix');
});

scenario('phoenix socket: a page of another origin is refused with 403', async (s) => {
  const node = await shared.get();
  assert.equal(await refusal(node, { headers: { Origin: 'https://elsewhere.example' } }), 403);
  await Raw.connect(s, node, { headers: { Origin: `http://${node.host}:${node.port}` } });
});

scenario('phoenix socket: a request that is no handshake hears 426', async () => {
  const node = await shared.get();
  assert.equal((await fetch(`${node.http}/socket/websocket?vsn=2.0.0`)).status, 426);
  assert.equal((await fetch(`${node.http}/socket/other?vsn=2.0.0`)).status, 404);
});

scenario('phoenix socket: a heartbeat is answered ok on topic phoenix', async (s) => {
  const raw = await Raw.connect(s, await shared.get());
  assert.deepEqual(await raw.ask([null, '7', 'phoenix', 'heartbeat', {}]), [null, '7', 'phoenix', ...reply('ok', {})]);
  const socket = await connect(s, await shared.get(), { heartbeatIntervalMs: 50 });
  await new Promise((resolve) => socket.ping(resolve));
  assert.ok(socket.isConnected());
});

scenario('phoenix socket: malformed input closes that socket with 1003 and hurts no other', async (s) => {
  const node = await shared.get();
  const topic = fresh();
  const ann = await join(await connect(s, node), topic);
  const inputs = ['', '{', '[]', '{}', 'null', '[null,"1","a","b"]', '[null,"1",7,"b",{}]', Buffer.from([]),
    Buffer.from([1, 0, 0, 1, 1, 97, 98]), Buffer.from([0, 9, 9, 9, 9, 1]), Buffer.from([0, 0, 0, 1, 1, 0xff, 98])]; // prettier-ignore
  for (const input of inputs) {
    const raw = await Raw.connect(s, node);
    raw.send(input);
    assert.deepEqual(await raw.closed, [1003, 'wrong_data'], JSON.stringify(input));
  }
  await answer(ann.push('say', { still: 'here' }));
  assert.deepEqual(await ann.next('say'), { still: 'here' });
});

scenario('phoenix socket: a message over the limit closes it with 1009', async (s) => {
  const raw = await Raw.connect(s, await shared.get());
  raw.send([null, '1', 'a', 'b', 'x'.repeat(17 * 1024 * 1024)]);
  assert.equal((await raw.closed)[0], 1009);
});

// --- channels

scenario('phoenix channel: a join is answered ok with the position of the room', async (s) => {
  const socket = await connect(s, await shared.get());
  const { joined } = await join(socket, fresh());
  assert.equal(typeof joined.epoch, 'string');
  assert.deepEqual([joined.seq, joined.members], [0, 1]);
});

scenario('phoenix channel: a push is answered, and broadcast to all who joined, the sender too', async (s) => {
  const node = await shared.get();
  const topic = fresh();
  const [ann, bob] = [await join(await connect(s, node), topic), await join(await connect(s, node), topic)];
  const ack = await answer(ann.push('say', { text: 'hi', n: [1, null, 2.5] }));
  assert.deepEqual([ack.epoch, ack.seq, ack.ack], [ann.joined.epoch, 1, 'accepted']);
  for (const each of [ann, bob]) assert.deepEqual(await each.next('say'), { text: 'hi', n: [1, null, 2.5] });
});

scenario('phoenix channel: binary payloads go both ways', async (s) => {
  const node = await shared.get();
  const topic = fresh();
  const [ann, bob] = [await join(await connect(s, node), topic), await join(await connect(s, node), topic)];
  const json = await s.client(node);
  await json.join(topic);
  await answer(ann.push('blob', bytes(0, 1, 255)));
  for (const each of [ann, bob]) assert.deepEqual(numbers(await each.next('blob')), [0, 1, 255]);
  assert.deepEqual((await json.next('room.message')).payload, { $bytes: 'AAH/' });
  await json.publish(topic, { $bytes: 'AP8=' });
  assert.deepEqual(numbers(await bob.next('test')), [0, 255]);
  await json.publish(topic, { in: { $bytes: 'AP8=' } });
  assert.deepEqual(await bob.next('test'), { in: { $bytes: 'AP8=' } });
});

scenario('phoenix channel: frames of every kind are what the serializer of phoenix.js reads and writes', async (s) => {
  const raw = await Raw.connect(s, await shared.get());
  const topic = fresh();
  await raw.ask(['1', '1', topic, 'phx_join', {}]);
  await new Promise((resolve) =>
    Serializer.encode({ join_ref: '1', ref: '2', topic, event: 'blob', payload: bytes(7) }, (frame) => {
      raw.send(Buffer.from(frame));
      resolve();
    }),
  );
  const seen = [];
  while (seen.length < 2) {
    const frame = await raw.next();
    if (!Buffer.isBuffer(frame)) {
      if (frame[3] === 'phx_reply') seen.push(frame[1]);
      continue;
    }
    const exact = frame.buffer.slice(frame.byteOffset, frame.byteOffset + frame.byteLength);
    Serializer.decode(exact, (message) => {
      assert.deepEqual({ ...message, payload: numbers(message.payload) }, { join_ref: null, ref: null, topic, event: 'blob', payload: [7] }); // prettier-ignore
      seen.push('blob');
    });
  }
  assert.deepEqual(seen.sort(), ['2', 'blob']);
});

scenario('phoenix channel: a leave is answered ok, then phx_close, and nothing more comes', async (s) => {
  const node = await shared.get();
  const raw = await Raw.connect(s, node);
  const topic = fresh();
  await raw.ask(['1', '1', topic, 'phx_join', {}]);
  assert.deepEqual(await raw.ask(['1', '2', topic, 'phx_leave', {}]), ['1', '2', topic, ...reply('ok', {})]);
  assert.deepEqual(await raw.next(), ['1', '1', topic, 'phx_close', {}]);
  const bob = await join(await connect(s, node), topic);
  await answer(bob.push('say', {}));
  assert.deepEqual(await raw.ask([null, '3', 'phoenix', 'heartbeat', {}]), [null, '3', 'phoenix', ...reply('ok', {})]);
  assert.deepEqual(await raw.ask(['1', '4', topic, 'phx_leave', {}]), ['1', '4', topic, ...reply('ok', {})]);
  const left = await join(await connect(s, node), topic);
  await answer(left.leave());
  assert.equal(left.state, 'closed');
});

scenario('phoenix channel: a duplicate join closes the older one with its join_ref', async (s) => {
  const raw = await Raw.connect(s, await shared.get());
  const topic = fresh();
  await raw.ask(['1', '1', topic, 'phx_join', {}]);
  assert.deepEqual(await raw.ask(['5', '5', topic, 'phx_join', {}]), ['1', '1', topic, 'phx_close', {}]);
  const [join_ref, ref, where, event, payload] = await raw.next();
  assert.deepEqual([join_ref, ref, where, event, payload.status, payload.response.members], ['5', '5', topic, 'phx_reply', 'ok', 1]); // prettier-ignore
  const socket = await connect(s, await shared.get());
  const older = await join(socket, topic);
  const newer = await join(socket, topic);
  await eventually(() => assert.equal(older.state, 'closed'));
  await answer(newer.push('say', {}));
  assert.equal(newer.state, 'joined');
});

scenario('phoenix channel: a message with an outdated join_ref is ignored', async (s) => {
  const raw = await Raw.connect(s, await shared.get());
  const topic = fresh();
  await raw.ask(['1', '1', topic, 'phx_join', {}]);
  raw.send(['0', '2', topic, 'say', {}]);
  raw.send(['0', '3', topic, 'phx_leave', {}]);
  let frame = await raw.ask([null, '4', 'phoenix', 'heartbeat', {}]);
  while (frame[3] === 'presence_state' || frame[3] === 'presence_diff') frame = await raw.next();
  assert.deepEqual(frame, [null, '4', 'phoenix', ...reply('ok', {})]);
});

scenario('phoenix channel: a push to a topic that was not joined is an error, unmatched topic', async (s) => {
  const raw = await Raw.connect(s, await shared.get());
  const unmatched = reply('error', { reason: 'unmatched topic' });
  assert.deepEqual(await raw.ask(['1', '2', 'nowhere', 'say', {}]), [null, '2', 'nowhere', ...unmatched]);
  assert.deepEqual(await raw.ask([null, '3', 'phoenix', 'say', {}]), [null, '3', 'phoenix', ...unmatched]);
});

scenario('phoenix channel: a topic that no pattern has cannot be joined, unmatched topic', async (s) => {
  const node = await s.node({ config: '[endpoint.phoenix]\ntopics = ["room:*"]\n' });
  const socket = await connect(s, node, { rejoinAfterMs: () => 60_000 });
  await assert.rejects(join(socket, 'other'), refused({ reason: 'unmatched topic' }));
  await join(socket, 'room:1');
});

scenario('phoenix channel: a join that is not allowed is refused as unauthorized', async (s) => {
  const node = await s.node({ config: '[namespace."closed"]\njoin = "nobody"\npublish = "nobody"\n' });
  const socket = await connect(s, node, { rejoinAfterMs: () => 60_000 });
  await assert.rejects(join(socket, 'closed:1'), refused({ reason: 'unauthorized', code: -32002 }));
});

scenario('phoenix channel: a push that nobody answers times out at the client', async (s) => {
  const socket = await connect(s, await shared.get());
  const channel = await join(socket, 'greenroom');
  const worker = await join(await connect(s, await shared.get()), 'greenroom');
  const method = `${fresh('slow').replaceAll('-', '_')}.call`;
  await answer(worker.push('service.register', { methods: [method] }));
  await assert.rejects(answer(channel.push(method, {}, 200)), /timeout/);
});

scenario('phoenix channel: no more topics than a session may have rooms', async (s) => {
  const node = await s.node({ args: ['--set', 'sessions.rooms_max=2'] });
  const socket = await connect(s, node, { rejoinAfterMs: () => 60_000 });
  for (const topic of ['a', 'b']) await join(socket, topic);
  await assert.rejects(join(socket, 'c'), refused({ reason: 'too_many_rooms' }));
});

scenario('phoenix channel: an event that phoenix.js acts upon itself comes as greenroom_message', async (s) => {
  const node = await shared.get();
  const topic = fresh();
  const channel = await join(await connect(s, node), topic);
  const json = await s.client(node);
  await json.call('room.publish', { room: topic, event: 'phx_close', payload: { bad: true } });
  const { event, payload } = await channel.next('greenroom_message');
  assert.deepEqual([event, payload], ['phx_close', { bad: true }]);
  assert.equal(channel.state, 'joined');
});

// --- rooms as others see them

scenario('phoenix room: members of every protocol hear the same, in one order and with one position', async (s) => {
  const node = await shared.get();
  const topic = fresh();
  const channel = await join(await connect(s, node), topic, { positions: true });
  const others = [await s.client(node), await s.client(node, { kind: 'msgpack' })];
  for (const each of others) await each.join(topic);
  for (let i = 1; i <= 20; ++i)
    await (i % 2 ? answer(channel.push('n', { i })) : others[i % 4 ? 0 : 1].publish(topic, { i }));
  const heard = await Promise.all(others.map((each) => each.take('room.message', 20)));
  assert.deepEqual(heard[0], heard[1]);
  const own = [];
  for (let i = 1; i <= 20; ++i) own.push(await channel.next(i % 2 ? 'n' : 'test'));
  assert.deepEqual(
    own,
    heard[0].map(({ payload }) => payload),
  );
  const { epoch } = heard[0][0];
  let last;
  while (last?.seq !== 20) last = await channel.next('greenroom_position');
  assert.deepEqual(last, { epoch, seq: 20 });
});

scenario('phoenix room: positions come only where they are asked for', async (s) => {
  const node = await shared.get();
  const topic = fresh();
  const channel = await join(await connect(s, node), topic);
  await answer(channel.push('a', {}));
  await channel.next('a');
  await answer(channel.push('b', {}));
  await channel.next('b');
  assert.ok(!channel.heard.some(({ event }) => event === 'greenroom_position'));
});

scenario(
  'phoenix room: after kill -9 and a restart phoenix.js rejoins with since, and nothing is lost or repeated',
  async (s) => {
    let node = await s.node();
    const topic = fresh('durable:room');
    const socket = await connect(s, node);
    let position;
    const seen = [];
    const params = () => ({ positions: true, ...(position && { since: position }) });
    const channel = socket.channel(topic, params);
    channel.on('n', ({ i }) => seen.push(i));
    channel.on('greenroom_position', (at) => (position = at));
    const joins = []; // the answers of all of them
    channel.joinPush.receive('ok', (response) => joins.push(response));
    const { epoch, seq } = await answer(channel.join());
    position = { epoch, seq };
    for (let i = 1; i <= 10; ++i) await answer(channel.push('n', { i }));
    await eventually(() => assert.equal(position.seq, 10));
    const { port, dir } = node;
    await node.kill('SIGKILL');
    socket.reconnectTimer.reset(); // it stays away while others speak
    socket.reconnectAfterMs = () => 60_000;
    node = await Node.start({ listen: `127.0.0.1:${port}`, dir });
    s.defer(() => (node.ended ? undefined : node.stop()));
    const other = await join(await connect(s, node), topic);
    for (let i = 11; i <= 20; ++i) await answer(other.push('n', { i }));
    socket.disconnect(() => socket.connect());
    await eventually(() => assert.equal(joins.length, 2));
    assert.equal(joins[1].recovered, true);
    await answer(other.push('n', { i: 21 }));
    await eventually(() => assert.equal(seen.at(-1), 21));
    assert.deepEqual(
      seen,
      Array.from({ length: 21 }, (_, i) => i + 1),
    );
    assert.deepEqual(position, { epoch, seq: 21 });
  },
);

// --- behaviours

const examples = process.env.GREENROOM_EXAMPLES ?? path(binary, '..', 'examples');
const with_behaviour = (plugin) => ({
  config: `[plugins]\nload = ["${path(examples, `${plugin}.so`)}"]\n[namespace.x]\nbehaviour = "${plugin}"\n`
    + 'join = "anyone"\npublish = "anyone"\nread = "anyone"\n', // prettier-ignore
});

scenario('phoenix behaviour: a push that crashes its room is phx_error for the pusher, who joins anew', async (s) => {
  const node = await s.node(with_behaviour('saboteur'));
  const topic = `x:${fresh()}`;
  const raw = await Raw.connect(s, node);
  const bob = await join(await connect(s, node), topic);
  await raw.ask(['1', '1', topic, 'phx_join', {}]);
  raw.send(['1', '2', topic, 'crash', {}]);
  let frame;
  while (frame?.[3] !== 'phx_error') frame = await raw.next();
  assert.deepEqual(frame, ['1', '1', topic, 'phx_error', {}]);
  assert.equal(bob.state, 'joined'); // members notice nothing
  const socket = await connect(s, node);
  const channel = await join(socket, topic);
  const answers = [];
  channel.joinPush.receive('ok', (response) => answers.push(response));
  channel.push('crash', {});
  await eventually(() => assert.equal(answers.length, 2)); // receive() told the first at once
  await answer(channel.push('say', { still: 'here' }));
  assert.deepEqual(await bob.next('say'), { still: 'here' });
});

scenario(
  'phoenix behaviour: who is sent out of a room hears phx_close, and errors of its own are the response',
  async (s) => {
    const node = await s.node(with_behaviour('moderated_chat'));
    const topic = `x:${fresh()}`;
    const channel = await join(await connect(s, node, user('ann')), topic);
    await assert.rejects(answer(channel.push('dance', {})), refused({ reason: 'forbidden', code: -32002 }));
    await answer(channel.push('say', { text: 'heck' }));
    await answer(channel.push('say', { text: 'heck' }));
    channel.push('say', { text: 'heck' });
    assert.deepEqual(await channel.next('phx_close'), { reason: 'mind your language' });
    assert.equal(channel.state, 'closed');
  },
);

// --- presence

scenario('phoenix presence: presence_state, then presence_diff, keep phoenix.js’ Presence up to date', async (s) => {
  const node = await shared.get();
  const topic = fresh();
  const channel = (await connect(s, node, user('ann'))).channel(topic, { presence: { mood: 'fine' } });
  const presence = new Presence(channel);
  const shown = () => Object.fromEntries(presence.list((name, { metas }) => [name, metas.map(({ mood }) => mood)]));
  await answer(channel.join());
  await eventually(() => assert.deepEqual(shown(), { ann: ['fine'] }));
  const bob = await join(await connect(s, node, user('bob')), topic, { presence: { mood: 'sad' } });
  const json = await s.client(node, { user: 'carl' });
  await json.join(topic, { presence: { mood: 'new' } });
  await eventually(() => assert.deepEqual(shown(), { ann: ['fine'], bob: ['sad'], carl: ['new'] }));
  const second = await join(await connect(s, node, user('bob')), topic, { presence: { mood: 'glad' } });
  await eventually(() => assert.deepEqual(shown().bob.sort(), ['glad', 'sad']));
  const before = presence.state.carl.metas[0].phx_ref;
  await json.join(topic, { presence: { mood: 'old' } });
  await eventually(() => assert.deepEqual(shown().carl, ['old']));
  assert.equal(presence.state.carl.metas[0].phx_ref_prev, before);
  await answer(bob.leave());
  await eventually(() => assert.deepEqual(shown().bob, ['glad']));
  second.socket.disconnect(); // without a leave: it leaves with its socket
  await json.call('room.leave', { room: topic });
  await eventually(() => assert.deepEqual(shown(), { ann: ['fine'] }));
});

scenario('phoenix presence: JSON-RPC’s clients see members that came by Phoenix', async (s) => {
  const node = await shared.get();
  const topic = fresh();
  const json = await s.client(node, { user: 'ann' });
  await json.join(topic);
  await json.next('room.presence');
  await join(await connect(s, node, user('bob')), topic, { presence: 'hi' });
  const { joined } = await json.next('room.presence');
  assert.deepEqual([joined[0].user, joined[0].entries[0].meta], ['bob', 'hi']);
});

// --- topics that the node has by itself

scenario('phoenix topic greenroom: the native methods and notifications under their names', async (s) => {
  const node = await shared.get();
  const [ann, bob] = [fresh('ann'), fresh('bob')];
  const channel = await join(await connect(s, node, user(ann)), 'greenroom');
  const { users } = await answer(channel.push('presence.watch', { users: [bob] }));
  assert.equal(users[bob].online, false);
  const other = await join(await connect(s, node, user(bob)), 'greenroom');
  assert.equal((await channel.next('presence.changed')).user, bob);
  await answer(other.push('presence.set', { status: 'busy' }));
  await eventually(async () => assert.equal((await channel.next('presence.changed')).status, 'busy'));
  await assert.rejects(answer(channel.push('no.such', {})), refused({ code: -32601 }));
  await assert.rejects(answer(channel.push('room.publish', {})), refused({ code: -32602, path: 'params.room' }));
});

scenario('phoenix topic inbox:USER: messages, and ack upto', async (s) => {
  const node = await shared.get();
  const [ann, bob] = [fresh('ann'), fresh('bob')];
  const sender = await s.client(node, { user: bob });
  await sender.call('user.send', { to: ann, event: 'dm', payload: 1 });
  const socket = await connect(s, node, { ...user(ann), rejoinAfterMs: () => 60_000 });
  const inbox = await join(socket, `inbox:${ann}`);
  const { n, from, event, payload } = await inbox.next('message');
  assert.deepEqual([from, event, payload], [bob, 'dm', 1]);
  assert.deepEqual(await answer(inbox.push('ack', { upto: n })), { upto: n, left: 0 });
  await assert.rejects(join(socket, `inbox:${bob}`), refused({ reason: 'unauthorized' }));
});

scenario('phoenix topic service:NAME: methods; the node asks a worker by an event with a ref', async (s) => {
  const node = await shared.get();
  const service = fresh('svc').replaceAll('-', '_');
  const worker = await join(await connect(s, node), 'greenroom');
  worker.on(`${service}.add`, ({ a, b }, ref) => {
    const failed = a === null;
    worker.push('greenroom_answer', failed
      ? { ref, status: 'error', response: { code: -32004, message: 'none' } }
      : { ref, status: 'ok', response: { sum: a + b } }); // prettier-ignore
  });
  await answer(worker.push('service.register', { methods: [`${service}.add`] }));
  const caller = await join(await connect(s, node), `service:${service}`);
  assert.deepEqual(await answer(caller.push('add', { a: 1, b: 2 })), { sum: 3 });
  await assert.rejects(answer(caller.push('add', { a: null })), refused({ code: -32004 }));
});

shared.stops();
