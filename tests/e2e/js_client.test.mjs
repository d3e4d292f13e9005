// clients/js against the real binary, in both encodings: resume, recovery, retries across `kill -9`, the inbox.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import WebSocket from 'ws';
import { Greenroom } from '../../clients/js/index.js';
import { Node, eventually, fresh, random, scenario, sharedNode, within } from './harness.mjs';

const shared = sharedNode();
const encodings = ['json', 'msgpack'];
const quick = { min_ms: 10, max_ms: 100 };
const seed = Number(process.env.GREENROOM_TEST_SEED ?? Date.now() % 1_000_000);

/** A client of this scenario. */
function client_of(s, node, options = {}) {
  const sent = [];
  class Watched extends WebSocket {
    send(frame) {
      sent.push(frame);
      super.send(frame);
    }
  }
  const client = new Greenroom(node.url, { WebSocket: Watched, user: fresh('user'), backoff: quick, ...options });
  client.sent = sent;
  client.on('error', (error) => assert.fail(error));
  s.defer(() => client.close());
  return client;
}
/** How often the client has asked who is in a room. */
const asked = (client) => client.sent.filter((frame) => Buffer.from(frame).includes('room.members')).length;
/** The room, and what it delivers. */
async function listen(client, name, options) {
  const room = await client.join(name, options);
  const heard = { messages: [], sources: [], notices: [], resyncs: [] };
  room.on('message', (message, { source }) => {
    heard.messages.push(message);
    heard.sources.push(source);
  });
  room.on('notice', (notice) => heard.notices.push(notice));
  room.on('resync', (resync) => heard.resyncs.push(resync));
  return { room, heard, payloads: () => heard.messages.map(({ payload }) => payload) };
}
const next_state = (client, wanted) =>
  within(
    10_000,
    `the state ${wanted}`,
    new Promise((resolve) => {
      const off = client.on('state', (state) => {
        if (state.state !== wanted) return;
        off();
        resolve(state);
      });
    }),
  );

for (const encoding of encodings)
  scenario(`${encoding}: joins, publishes, receives, leaves`, async (s) => {
    const client = client_of(s, await shared.get(), { encoding });
    const { room, payloads, heard } = await listen(client, fresh());
    const done = await room.publish('say', { text: 'hello' });
    assert.deepEqual([done.seq, done.ack], [1, 'accepted']);
    await eventually(() => assert.deepEqual(payloads(), [{ text: 'hello' }]));
    assert.deepEqual(
      [heard.messages[0].id, heard.messages[0].from, heard.messages[0].event],
      [done.id, client.user, 'say'],
    );
    assert.deepEqual((await room.history({ limit: 1 })).messages[0].payload, { text: 'hello' });
    await eventually(() =>
      assert.deepEqual(
        room.members.map(({ user }) => user),
        [client.user],
      ),
    );
    await room.leave();
    assert.equal(client.rooms.size, 0);
    assert.equal((await client.call('room.members', { room: room.name })).total, 0);
  });

scenario('both encodings: documents arrive as what they were, from each to each', async (s) => {
  const node = await shared.get();
  const payload = {
    ...{
      bytes: Uint8Array.of(0, 255, 7),
      big: 2n ** 63n,
      low: -(2n ** 63n),
      safe: 2 ** 53 - 1,
      real: 0.1,
      text: 'ü😀\u2028"',
    },
    ...{ list: [null, true, [], {}], deep: { a: { b: [Uint8Array.of()] } } },
  };
  const name = fresh();
  const listeners = [];
  for (const encoding of encodings) listeners.push(await listen(client_of(s, node, { encoding }), name));
  for (const encoding of encodings)
    await client_of(s, node, { encoding }).call('room.publish', { room: name, event: 'e', payload });
  for (const { payloads } of listeners) await eventually(() => assert.deepEqual(payloads(), [payload, payload]));
});

for (const encoding of encodings)
  scenario(`${encoding}: a lost connection is resumed, with what was missed and nothing twice`, async (s) => {
    const node = await shared.get();
    const name = fresh();
    const ann = client_of(s, node, { encoding });
    const bob = client_of(s, node);
    const { heard, payloads } = await listen(ann, name);
    const publish = (payload) => bob.call('room.publish', { room: name, event: 'e', payload });
    await publish(1);
    await eventually(() => assert.deepEqual(payloads(), [1]));
    const { session } = ann.session;
    ann.cut(60_000);
    assert.equal(ann.state, 'reconnecting');
    for (const n of [2, 3, 4]) await publish(n);
    ann.reconnect();
    assert.equal((await next_state(ann, 'open')).resumed, true);
    await publish(5);
    await eventually(() => assert.deepEqual(payloads(), [1, 2, 3, 4, 5]));
    assert.deepEqual(heard.sources, ['live', 'missed', 'missed', 'missed', 'live']);
    assert.deepEqual(heard.resyncs, [{ how: 'resumed', recovered: true, missed: 3 }]);
    assert.equal(ann.session.session, session);
  });

scenario('a fresh session after a lost one: joined again with since, nothing lost and nothing twice', async (s) => {
  const node = await s.node({ config: '[sessions]\nresume_window_ms = 0\n' });
  const name = fresh();
  const ann = client_of(s, node);
  const bob = client_of(s, node);
  const { heard, payloads } = await listen(ann, name);
  for (const payload of [1, 2]) await bob.call('room.publish', { room: name, event: 'e', payload });
  await eventually(() => assert.deepEqual(payloads(), [1, 2]));
  ann.cut(60_000);
  await bob.call('room.publish', { room: name, event: 'e', payload: 3 });
  ann.reconnect();
  assert.equal((await next_state(ann, 'open')).resumed, false);
  await eventually(() => assert.deepEqual(payloads(), [1, 2, 3]));
  assert.deepEqual(
    heard.resyncs.map(({ how, recovered }) => [how, recovered]),
    [['rejoined', true]],
  );
});

for (const encoding of encodings)
  scenario(
    `${encoding}: cut at random while others publish, a member sees every message once and in order`,
    async (s) => {
      const node = await shared.get();
      const chance = random(seed);
      const name = fresh('durable:room'); // its history is long enough for all of it
      const ann = client_of(s, node, { encoding, random: chance });
      const bob = client_of(s, node, { encoding, random: chance });
      const { payloads, heard } = await listen(ann, name);
      await bob.ready();
      const count = 300;
      const published = [];
      for (let n = 1; n <= count; ++n) {
        published.push(bob.call('room.publish', { room: name, event: 'e', payload: n }));
        if (chance() < 0.05) ann.cut(chance() * 5);
        if (chance() < 0.05) bob.cut(chance() * 5);
        if (chance() < 0.1)
          await Promise.race(published.slice(-1)); // else many are on their way at once
        else await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(published);
      await eventually(() => assert.equal(payloads().length, count, `seed ${seed}`), 20_000);
      assert.deepEqual(
        payloads(),
        Array.from({ length: count }, (_, i) => i + 1),
        `seed ${seed}`,
      );
      assert.deepEqual(
        heard.messages.map(({ seq }) => seq),
        payloads(),
        `seed ${seed}: a retry took a place of its own`,
      );
      assert.ok(ann.stats.resumed > 0 && bob.stats.resumed > 0, `seed ${seed}: nothing was cut`);
    },
  );

scenario('kill -9: what waited for an answer is sent again with its id, and every listener has it once', async (s) => {
  let node = await Node.start();
  const { port, dir } = node;
  s.defer(() => node.stop());
  const name = fresh('durable:room'); // its history is long enough for all of it
  const ann = client_of(s, node, { encoding: 'msgpack' });
  const bob = client_of(s, node);
  const { payloads, heard } = await listen(ann, name);
  await bob.ready();
  const publish = (n) => bob.call('room.publish', { room: name, event: 'e', payload: n });
  const published = Array.from({ length: 100 }, (_, n) => publish(n));
  await published[0];
  node.child.kill('SIGSTOP');
  await eventually(() => assert.match(readFileSync(`/proc/${node.pid}/stat`, 'utf8'), /\) T /)); // nothing is answered
  for (let n = 100; n < 200; ++n) published.push(publish(n));
  await node.kill('SIGKILL');
  await eventually(() => assert.deepEqual([ann.state, bob.state], ['reconnecting', 'reconnecting']));
  const late = bob.call('room.publish', { room: name, event: 'e', payload: 'late' });
  node = await Node.start({ listen: `127.0.0.1:${port}`, dir });
  await Promise.all([...published, late]);
  await eventually(() => assert.equal(new Set(payloads()).size, 201), 20_000);
  assert.equal(payloads().length, 201, 'once in effect for who listens');
  assert.equal(ann.stats.fresh, 1, 'the session outlives the node');
  assert.ok(ann.stats.resumed >= 1);
  assert.ok(bob.stats.retries >= 100, `${bob.stats.retries} retries`);
  assert.deepEqual(heard.notices, [], 'nothing is lost');
});

scenario('restart: a node that drains and comes back is no more than a pause', async (s) => {
  let node = await Node.start();
  const { port, dir } = node;
  s.defer(() => (node.ended ? undefined : node.stop()));
  const ann = client_of(s, node);
  const { room, payloads } = await listen(ann, fresh());
  const notices = [];
  ann.on('notice', ({ code }) => notices.push(code));
  const lost = next_state(ann, 'reconnecting');
  await node.stop();
  const { code, reason } = await lost;
  assert.deepEqual([code, reason, notices], [1012, 'restart', ['draining']]);
  const waiting = room.publish('e', 'made while away');
  node = await Node.start({ listen: `127.0.0.1:${port}`, dir });
  assert.equal((await waiting).seq, 1);
  await eventually(() => assert.deepEqual(payloads(), ['made while away']));
});

scenario('inbox: delivered, acknowledged, and once across a reconnect', async (s) => {
  const node = await shared.get();
  const user = fresh('ann');
  const ann = client_of(s, node, { user });
  const bob = client_of(s, node, { encoding: 'msgpack' });
  const inbox = [];
  ann.on('inbox', (message, ack) => inbox.push({ ...message, ack }));
  await ann.ready();
  for (const n of [1, 2, 3]) await bob.send(user, 'alarm', n);
  await eventually(() =>
    assert.deepEqual(
      inbox.map(({ payload }) => payload),
      [1, 2, 3],
    ),
  );
  assert.equal(await inbox[0].ack(), true);
  ann.reconnect();
  await next_state(ann, 'open');
  await bob.send(user, 'alarm', 4);
  await eventually(() =>
    assert.deepEqual(
      inbox.map(({ payload }) => payload),
      [1, 2, 3, 4],
    ),
  );
  assert.equal(ann.stats.duplicates, 2, 'what was not acknowledged came again');
  assert.equal(await inbox[3].ack(), true);
  assert.equal((await ann.call('inbox.ack', { upto: 0 })).left, 0);
});

for (const encoding of encodings)
  scenario(`${encoding}: who comes, goes and changes is told, and nobody is asked`, async (s) => {
    const node = await shared.get();
    const name = fresh();
    const ann = client_of(s, node, { encoding });
    const { room } = await listen(ann, name);
    const shows = (...wanted) =>
      eventually(() => {
        const here = room.members.map(({ user, entries }) => [user, ...entries.map(({ meta }) => meta)]);
        assert.deepEqual([here.sort(), room.total], [wanted.sort(), wanted.length]);
      }, 10_000);
    await shows([ann.user, undefined]);
    const user = fresh('bob');
    const bob = client_of(s, node, { user });
    await bob.join(name, { presence: { colour: 'red' } });
    await shows([ann.user, undefined], [user, { colour: 'red' }]);
    await bob.join(name, { presence: { colour: 'blue' } });
    await shows([ann.user, undefined], [user, { colour: 'blue' }]);
    ann.cut(60_000);
    await bob.close();
    ann.reconnect();
    await shows([ann.user, undefined]);
    assert.equal(asked(ann), 0, 'the node tells');
  });

scenario('session_replaced: a session that goes on elsewhere is over here, and does not fight back', async (s) => {
  const node = await shared.get();
  const ann = client_of(s, node);
  await ann.ready();
  const closed = next_state(ann, 'closed');
  const other = client_of(s, node, { resume: ann.session });
  await other.ready();
  assert.deepEqual([(await closed).code, (await closed).reason], [4009, 'session_replaced']);
  assert.equal(other.user, ann.user);
});

scenario('errors: the node’s own, with their path; too large is said before it is sent', async (s) => {
  const client = client_of(s, await shared.get());
  await assert.rejects(client.call('room.publish', { room: 'r', event: 5, payload: 1 }), {
    code: -32602,
    data: { path: 'params.event' },
  });
  await assert.rejects(client.call('no.such.method'), { code: -32601 });
  await assert.rejects(client.call('room.publish', { room: 'r', event: 'e', payload: 'x'.repeat(70_000) }), {
    reason: 'too_large',
  });
  assert.equal(client.stats.connections, 1, 'the connection is still the first');
});

scenario('anonymous access off: the refusal is the client’s end, not a loop', async (s) => {
  const node = await s.node({ dev: false });
  const client = client_of(s, node);
  await assert.rejects(client.ready(), { code: -32001 });
  assert.deepEqual([client.state, client.stats.connections], ['closed', 1]);
});

scenario('close: the session is gone at once', async (s) => {
  const node = await shared.get();
  const name = fresh();
  const ann = client_of(s, node);
  await ann.join(name);
  const bob = client_of(s, node);
  assert.equal((await bob.call('room.members', { room: name })).total, 1);
  await ann.close();
  assert.equal((await bob.call('room.members', { room: name })).total, 0);
});

shared.stops();
