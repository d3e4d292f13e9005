// Phoenix Channels at /socket of examples/conformance, with phoenix.js and with frames by hand: each topic and event of
// the program, JSON and binary payloads alike.
import assert from 'node:assert/strict';
import { LongPoll } from 'phoenix';
import { sharedConformance } from './conformance.mjs';
import { eventually, fresh, scenario } from './harness.mjs';
import { Presence, Raw, answer, bytes, connect, join, numbers, refusal, refused } from './phoenix.mjs';

const shared = sharedConformance();
const topic_of = () => `room:${fresh()}`;
const joined = async (s, topic, params, options) => join(await connect(s, await shared.get(), options), topic, params);
const calm = { rejoinAfterMs: () => 60_000 };
const ok = (response = {}) => ['phx_reply', { status: 'ok', response }];
const failed = (response) => ['phx_reply', { status: 'error', response }];
const beat = async (raw) => {
  raw.send([null, 'beat', 'phoenix', 'heartbeat', {}]);
  assert.deepEqual(await raw.next(), [null, 'beat', 'phoenix', ...ok()]);
};
async function joined_by_hand(s, topic = topic_of(), params = {}) {
  const raw = await Raw.connect(s, await shared.get());
  assert.deepEqual(await raw.ask(['1', '1', topic, 'phx_join', params]), ['1', '1', topic, ...ok({ topic, params })]);
  return Object.assign(raw, { topic });
}
/** Frames of serializer v2 whose payload is bytes. */
const strings = (...all) => [
  Buffer.from(all.map((each) => Buffer.byteLength(each))),
  ...all.map((each) => Buffer.from(each)),
];
const push_frame = (join_ref, ref, topic, event, payload) =>
  Buffer.concat([Buffer.from([0]), ...strings(join_ref, ref, topic, event), payload]);
const reply_frame = (join_ref, ref, topic, status, payload) =>
  Buffer.concat([Buffer.from([1]), ...strings(join_ref, ref, topic, status), payload]);
const broadcast_frame = (topic, event, payload) => Buffer.concat([Buffer.from([2]), ...strings(topic, event), payload]);
const pushed_frame = (join_ref, topic, event, payload) =>
  Buffer.concat([Buffer.from([0]), ...strings(join_ref, topic, event), payload]);

// --- the socket

scenario('conformance phoenix, socket: vsn=3.0.0 and token=bad are refused at the handshake', async (s) => {
  const node = await shared.get();
  assert.equal(await refusal(node, { query: 'vsn=3.0.0' }), 403);
  assert.equal(await refusal(node, { query: 'vsn=2.0.0&token=bad' }), 403);
  assert.equal(await refusal(node, { query: 'token=bad&vsn=2.0.0&more=1' }), 403);
  for (const query of ['vsn=2.0.0&token=good', 'vsn=2.0.0&token=', 'vsn=2.0.0'])
    await beat(await Raw.connect(s, node, { query }));
});

scenario('conformance phoenix, socket: a heartbeat is answered ok, joined or not', async (s) => {
  await beat(await Raw.connect(s, await shared.get()));
  await beat(await joined_by_hand(s));
});

scenario('conformance phoenix, socket: malformed input closes that socket and hurts no other', async (s) => {
  const bystander = await joined_by_hand(s);
  const inputs = ['', '{', '[]', '{}', 'null', '"text"', '[1,2,3,4,5]', '[null,"1","a","b"]', '[null,"1",7,"b",{}]',
    '[null,"1","a","b",{}', Buffer.from([]), Buffer.from([0]), Buffer.from([3, 0, 0, 0]),
    Buffer.from([1, 0, 0, 1, 1, 97, 98]), Buffer.from([0, 9, 9, 9, 9, 1]), Buffer.from([0, 0, 0, 1, 1, 0xff, 98])]; // prettier-ignore
  for (const input of inputs) {
    const raw = await joined_by_hand(s);
    raw.send(input);
    assert.equal((await raw.closed)[0], 1003, JSON.stringify(input));
  }
  assert.deepEqual(await bystander.ask(['1', '2', bystander.topic, 'echo', { still: 1 }]), ['1', '2', bystander.topic, ...ok({ still: 1 })]); // prettier-ignore
});

// --- joins

scenario('conformance phoenix, join: room:* replies topic and params', async (s) => {
  const topic = topic_of();
  const params = { a: [1, { b: null }], text: 'ü' };
  const channel = await joined(s, topic, params);
  assert.deepEqual(channel.joined, { topic, params });
  assert.deepEqual((await joined(s, 'room:')).joined, { topic: 'room:', params: {} });
});

scenario('conformance phoenix, join: room:forbidden is unauthorized', async (s) => {
  const raw = await Raw.connect(s, await shared.get());
  assert.deepEqual(await raw.ask(['1', '1', 'room:forbidden', 'phx_join', {}]), [
    '1',
    '1',
    'room:forbidden',
    ...failed({ reason: 'unauthorized' }),
  ]);
  await assert.rejects(joined(s, 'room:forbidden', {}, calm), refused({ reason: 'unauthorized' }));
  await joined(s, 'room:forbidden-not');
});

scenario('conformance phoenix, join: other topics are unmatched', async (s) => {
  const raw = await Raw.connect(s, await shared.get());
  for (const topic of ['other', 'rooms:1', 'room', 'presence', 'Room:1', 'xroom:1'])
    assert.deepEqual(await raw.ask(['1', '1', topic, 'phx_join', {}]), [null, '1', topic, ...failed({ reason: 'unmatched topic' })]); // prettier-ignore
  await assert.rejects(joined(s, 'nothing:1', {}, calm), refused({ reason: 'unmatched topic' }));
});

scenario('conformance phoenix, join: a push to a topic that was not joined is unmatched', async (s) => {
  const raw = await Raw.connect(s, await shared.get());
  assert.deepEqual(await raw.ask(['1', '2', 'room:x', 'echo', {}]), [null, '2', 'room:x', ...failed({ reason: 'unmatched topic' })]); // prettier-ignore
});

scenario(
  'conformance phoenix, join: a second one closes the first with its join_ref, and its pushes are ignored',
  async (s) => {
    const raw = await joined_by_hand(s);
    const { topic } = raw;
    assert.deepEqual(await raw.ask(['2', '2', topic, 'phx_join', { n: 2 }]), ['1', '1', topic, 'phx_close', {}]);
    assert.deepEqual(await raw.next(), ['2', '2', topic, ...ok({ topic, params: { n: 2 } })]);
    raw.send(['1', '3', topic, 'echo', { from: 'the first' }]);
    assert.deepEqual(await raw.ask(['2', '4', topic, 'echo', { n: 2 }]), ['2', '4', topic, ...ok({ n: 2 })]);
  },
);

scenario('conformance phoenix, leave: answered ok, then phx_close; a rejoin is a new join', async (s) => {
  const raw = await joined_by_hand(s);
  const { topic } = raw;
  assert.deepEqual(await raw.ask(['1', '2', topic, 'phx_leave', {}]), ['1', '2', topic, ...ok()]);
  assert.deepEqual(await raw.next(), ['1', '1', topic, 'phx_close', {}]);
  assert.deepEqual(await raw.ask(['1', '3', topic, 'echo', {}]), [
    null,
    '3',
    topic,
    ...failed({ reason: 'unmatched topic' }),
  ]);
  assert.deepEqual(await raw.ask(['4', '4', topic, 'phx_join', {}]), ['4', '4', topic, ...ok({ topic, params: {} })]);
  assert.deepEqual(await raw.ask(['4', '5', topic, 'ack', {}]), ['4', '5', topic, ...ok()]);
});

scenario('conformance phoenix, join: one socket has many topics, each with its own', async (s) => {
  const socket = await connect(s, await shared.get());
  const channels = await Promise.all(Array.from({ length: 20 }, () => join(socket, topic_of())));
  for (const each of channels) each.push('shout', { topic: each.topic });
  for (const each of channels) assert.deepEqual(await each.next('shout'), { topic: each.topic });
  await hear_no_more(channels);
});
async function hear_no_more(channels) {
  await Promise.all(channels.map((each) => answer(each.push('ack', {}))));
  for (const each of channels)
    assert.deepEqual(
      each.heard.filter(({ event }) => event !== 'phx_reply'),
      [],
    );
}

// --- events, JSON and binary

const documents = [
  {},
  { a: [1, 'two', { three: null }], b: true, c: -1.5 },
  [1, 2],
  'text',
  7,
  null,
  { text: 'ü\u0000"\\' },
];
const binaries = [[], [0], [1, 2, 255], Array.from({ length: 70_000 }, (_, i) => i & 255)];

scenario('conformance phoenix, echo: ok with the same payload', async (s) => {
  const raw = await joined_by_hand(s);
  for (const document of documents)
    assert.deepEqual(await raw.ask(['1', '2', raw.topic, 'echo', document]), ['1', '2', raw.topic, ...ok(document)]);
  for (const binary of binaries)
    assert.deepEqual(
      await raw.ask(push_frame('1', '3', raw.topic, 'echo', Buffer.from(binary))),
      reply_frame('1', '3', raw.topic, 'ok', Buffer.from(binary)),
    );
  const channel = await joined(s, topic_of());
  for (const document of documents)
    assert.deepEqual(await answer(channel.push('echo', document ?? {})), document ?? {});
  for (const binary of binaries)
    assert.deepEqual(numbers(await answer(channel.push('echo', bytes(...binary)))), binary);
});

scenario('conformance phoenix, fail: error with the same payload', async (s) => {
  const raw = await joined_by_hand(s);
  for (const document of documents)
    assert.deepEqual(await raw.ask(['1', '2', raw.topic, 'fail', document]), [
      '1',
      '2',
      raw.topic,
      ...failed(document),
    ]);
  for (const binary of binaries)
    assert.deepEqual(
      await raw.ask(push_frame('1', '3', raw.topic, 'fail', Buffer.from(binary))),
      reply_frame('1', '3', raw.topic, 'error', Buffer.from(binary)),
    );
});

scenario('conformance phoenix, ack: ok with {}', async (s) => {
  const raw = await joined_by_hand(s);
  assert.deepEqual(await raw.ask(['1', '2', raw.topic, 'ack', { n: 1 }]), ['1', '2', raw.topic, ...ok()]);
  assert.deepEqual(await raw.ask(push_frame('1', '3', raw.topic, 'ack', Buffer.from([1]))), [
    '1',
    '3',
    raw.topic,
    ...ok(),
  ]);
});

scenario('conformance phoenix, quiet: no reply at all, and phoenix.js times out', async (s) => {
  const raw = await joined_by_hand(s);
  raw.send(['1', '2', raw.topic, 'quiet', {}]);
  raw.send(push_frame('1', '3', raw.topic, 'quiet', Buffer.from([1])));
  assert.deepEqual(await raw.ask(['1', '4', raw.topic, 'ack', {}]), ['1', '4', raw.topic, ...ok()]);
  await assert.rejects(answer((await joined(s, topic_of())).push('quiet', {}, 200)), /timeout/);
});

scenario('conformance phoenix, shout: a broadcast to all, the sender too, without a reply', async (s) => {
  const raw = await joined_by_hand(s);
  const { topic } = raw;
  const others = [await joined(s, topic), await joined(s, topic)];
  for (const document of documents) {
    assert.deepEqual(await raw.ask(['1', '2', topic, 'shout', document]), [null, null, topic, 'shout', document]);
    for (const each of others) assert.deepEqual(await each.next('shout'), document);
  }
  for (const binary of binaries) {
    const sent = Buffer.from(binary);
    assert.deepEqual(await raw.ask(push_frame('1', '3', topic, 'shout', sent)), broadcast_frame(topic, 'shout', sent));
    for (const each of others) assert.deepEqual(numbers(await each.next('shout')), binary);
  }
  await beat(raw);
});

scenario('conformance phoenix, shout_others: a broadcast but to the sender, then ok {}', async (s) => {
  const raw = await joined_by_hand(s);
  const { topic } = raw;
  const others = [await joined(s, topic), await joined(s, topic)];
  assert.deepEqual(await raw.ask(['1', '2', topic, 'shout_others', { n: 1 }]), ['1', '2', topic, ...ok()]);
  for (const each of others) assert.deepEqual(await each.next('shout_others'), { n: 1 });
  assert.deepEqual(await raw.ask(push_frame('1', '3', topic, 'shout_others', Buffer.from([7]))), [
    '1',
    '3',
    topic,
    ...ok(),
  ]);
  for (const each of others) assert.deepEqual(numbers(await each.next('shout_others')), [7]);
  await beat(raw);
});

scenario('conformance phoenix, push_me: the server pushes `pushed` to the caller alone', async (s) => {
  const raw = await joined_by_hand(s);
  const { topic } = raw;
  const other = await joined(s, topic);
  for (const document of documents)
    assert.deepEqual(await raw.ask(['1', '2', topic, 'push_me', document]), ['1', null, topic, 'pushed', document]);
  for (const binary of binaries)
    assert.deepEqual(
      await raw.ask(push_frame('1', '3', topic, 'push_me', Buffer.from(binary))),
      pushed_frame('1', topic, 'pushed', Buffer.from(binary)),
    );
  other.push('push_me', { mine: 1 });
  assert.deepEqual(await other.next('pushed'), { mine: 1 });
  other.push('push_me', bytes(1, 2));
  assert.deepEqual(numbers(await other.next('pushed')), [1, 2]);
  await hear_no_more([other]);
});

scenario('conformance phoenix, stop: ok {}, then phx_close, and the topic is left', async (s) => {
  const raw = await joined_by_hand(s);
  const { topic } = raw;
  assert.deepEqual(await raw.ask(['1', '2', topic, 'stop', {}]), ['1', '2', topic, ...ok()]);
  const [join_ref, ref, where, event] = await raw.next();
  assert.deepEqual([join_ref, ref, where, event], ['1', '1', topic, 'phx_close']);
  assert.deepEqual(await raw.ask(['1', '3', topic, 'echo', {}]), [
    null,
    '3',
    topic,
    ...failed({ reason: 'unmatched topic' }),
  ]);
  assert.deepEqual(await raw.ask(['4', '4', topic, 'phx_join', {}]), ['4', '4', topic, ...ok({ topic, params: {} })]);
  const channel = await joined(s, topic);
  const closed = new Promise((resolve) => channel.onClose(resolve));
  assert.deepEqual(await answer(channel.push('stop', bytes(1))), {});
  await closed;
  assert.equal(channel.state, 'closed');
});

scenario('conformance phoenix, crash: phx_error to who did it, who rejoins; the others stay', async (s) => {
  const raw = await joined_by_hand(s);
  const { topic } = raw;
  const channel = await joined(s, topic);
  for (const payload of [{}, bytes(1)]) {
    let errors = 0;
    channel.onError(() => ++errors);
    channel.push('crash', payload);
    await eventually(() => assert.equal(errors, 1));
    await eventually(() => assert.equal(channel.state, 'joined'));
    assert.deepEqual(await answer(channel.push('echo', { n: 1 })), { n: 1 });
  }
  await beat(raw);
  raw.send(['1', '2', topic, 'crash', {}]);
  assert.deepEqual(await raw.next(), ['1', '1', topic, 'phx_error', {}]);
  assert.deepEqual(await raw.ask(['1', '3', topic, 'echo', {}]), [
    null,
    '3',
    topic,
    ...failed({ reason: 'unmatched topic' }),
  ]);
  assert.deepEqual(await raw.ask(['4', '4', topic, 'phx_join', {}]), ['4', '4', topic, ...ok({ topic, params: {} })]);
  channel.push('shout', { all: 'here' });
  assert.deepEqual(await channel.next('shout'), { all: 'here' });
  assert.deepEqual(await raw.next(), [null, null, topic, 'shout', { all: 'here' }]);
});

scenario('conformance phoenix, push: pushes of one channel are answered in their order', async (s) => {
  const raw = await joined_by_hand(s);
  for (let i = 2; i < 502; ++i) raw.send(['1', `${i}`, raw.topic, 'echo', { i }]);
  for (let i = 2; i < 502; ++i) assert.deepEqual(await raw.next(), ['1', `${i}`, raw.topic, ...ok({ i })]);
});

// --- 1 MiB

scenario('conformance phoenix, sizes: a message of 1 MiB is echoed and shouted, JSON and binary', async (s) => {
  const raw = await joined_by_hand(s);
  const { topic } = raw;
  const other = await joined(s, topic);
  const mib = 1_048_576;
  for (const event of ['echo', 'shout']) {
    const around = JSON.stringify(['1', '2', topic, event, { x: '' }]).length;
    const x = 'x'.repeat(mib - around);
    const [, , , said, payload] = await raw.ask(['1', '2', topic, event, { x }]);
    assert.ok(said === 'phx_reply' ? payload.response.x === x : payload.x === x);
    if (event === 'shout') assert.ok((await other.next('shout')).x === x);
    const head = push_frame('1', '3', topic, event, Buffer.alloc(0));
    const sent = Buffer.concat([head, Buffer.alloc(mib - head.length, 0xa5)]);
    const back = await raw.ask(sent);
    assert.ok(Buffer.isBuffer(back) && back.subarray(-1_000_000).equals(sent.subarray(-1_000_000)));
    if (event === 'shout') assert.equal((await other.next('shout')).byteLength, mib - head.length);
  }
  raw.send(['1', '4', topic, 'echo', 'x'.repeat(mib + 4096)]);
  assert.equal((await raw.closed)[0], 1009);
  assert.deepEqual(await answer(other.push('ack', {})), {});
});

// --- presence

const shown = (presence) =>
  Object.fromEntries(
    presence.list((user, { metas }) => [user, metas.map(({ phx_ref, phx_ref_prev, ...rest }) => rest)]),
  );
async function present(s, topic, user, meta) {
  const channel = (await connect(s, await shared.get())).channel(topic, { user, meta });
  const presence = new Presence(channel);
  const joined = await answer(channel.join());
  return Object.assign(channel, { presence, joined });
}

scenario('conformance phoenix, presence: who joins is tracked with its meta, and pushed presence_state', async (s) => {
  const topic = `presence:${fresh()}`;
  const raw = await Raw.connect(s, await shared.get());
  const params = { user: 'ann', meta: { mood: 'fine' } };
  assert.deepEqual(await raw.ask(['1', '1', topic, 'phx_join', params]), ['1', '1', topic, ...ok({ topic, params })]);
  const [join_ref, ref, where, event, payload] = await raw.next();
  assert.ok(join_ref === null || join_ref === '1', 'for all members of the topic, or for this join');
  assert.deepEqual([ref, where, event], [null, topic, 'presence_state']);
  const { phx_ref, ...meta } = payload.ann.metas[0];
  assert.deepEqual([Object.keys(payload), payload.ann.metas.length, meta], [['ann'], 1, { mood: 'fine' }]);
  assert.equal(typeof phx_ref, 'string');
});

scenario('conformance phoenix, presence: joins, updates and leaves keep phoenix.js’ Presence up to date', async (s) => {
  const topic = `presence:${fresh()}`;
  const ann = await present(s, topic, 'ann', { mood: 'fine' });
  await eventually(() => assert.deepEqual(shown(ann.presence), { ann: [{ mood: 'fine' }] }));
  const bob = await present(s, topic, 'bob', { mood: 'sad' });
  for (const each of [ann, bob])
    await eventually(() => assert.deepEqual(shown(each.presence), { ann: [{ mood: 'fine' }], bob: [{ mood: 'sad' }] }));
  const before = ann.presence.state.bob.metas[0].phx_ref;
  const changes = [];
  ann.presence.onJoin((user, was, now) => changes.push(['join', user, was?.metas.length, now.metas[0].phx_ref_prev]));
  ann.presence.onLeave((user, now) => changes.push(['leave', user, now.metas.length]));
  assert.deepEqual(await answer(bob.push('meta', { mood: 'glad' })), {});
  for (const each of [ann, bob])
    await eventually(() =>
      assert.deepEqual(shown(each.presence), { ann: [{ mood: 'fine' }], bob: [{ mood: 'glad' }] }),
    );
  const updated = ann.presence.state.bob.metas[0];
  assert.notEqual(updated.phx_ref, before);
  assert.equal(updated.phx_ref_prev, before);
  const second = await present(s, topic, 'bob', { mood: 'two' });
  await eventually(() => assert.equal(shown(ann.presence).bob.length, 2));
  await answer(second.leave());
  await eventually(() => assert.deepEqual(shown(ann.presence).bob, [{ mood: 'glad' }]));
  bob.socket.disconnect();
  await eventually(() => assert.deepEqual(shown(ann.presence), { ann: [{ mood: 'fine' }] }));
  assert.deepEqual(changes[0].slice(0, 2), ['join', 'bob']);
  assert.deepEqual(changes.at(-1), ['leave', 'bob', 0]);
});

scenario('conformance phoenix, presence: a room: topic has none', async (s) => {
  const raw = await joined_by_hand(s);
  await joined(s, raw.topic);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await beat(raw);
});

// --- long polling

scenario(
  'conformance phoenix, long poll: phoenix.js joins, echoes, fails, shouts and is refused as over a WebSocket',
  async (s) => {
    const node = await shared.get();
    const topic = topic_of();
    const channel = await joined(s, topic, { by: 'poll' }, { transport: LongPoll });
    assert.deepEqual(channel.joined, { topic, params: { by: 'poll' } });
    const other = await joined(s, topic);
    assert.deepEqual(await answer(channel.push('echo', { n: [1] })), { n: [1] });
    await assert.rejects(answer(channel.push('fail', { n: 2 })), refused({ n: 2 }));
    channel.push('shout', { n: 3 });
    for (const each of [channel, other]) assert.deepEqual(await each.next('shout'), { n: 3 });
    channel.push('push_me', { n: 4 });
    assert.deepEqual(await channel.next('pushed'), { n: 4 });
    await answer(channel.push('stop', {}));
    await eventually(() => assert.equal(channel.state, 'closed'));
    const response = await fetch(`${node.http}/socket/longpoll?vsn=2.0.0&token=bad`);
    assert.equal((await response.json()).status, 403);
  },
);

shared.stops();
