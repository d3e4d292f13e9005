// The inbox: stored first, delivered second, gone when acknowledged.
import assert from 'node:assert/strict';
import { RpcError } from './client.mjs';
import { fresh, scenario, sharedNode } from './harness.mjs';

const shared = sharedNode();
const rejects = (code) => (error) => error instanceof RpcError && error.code === code;
const stored = 'durable'; // every directed message is on disk before its ack
const send = (client, to, payload, more = {}) => client.call('user.send', { to, event: 'e', payload, ...more });
const payloads = (messages) => messages.map(({ payload }) => payload);

scenario('user.send: reaches every session of the user, as {n, id, from, event, payload, at}', async (s) => {
  const node = await shared.get();
  const ann = await s.client(node, { user: fresh('ann') });
  const bob = fresh('bob');
  const one = await s.client(node, { user: bob });
  const two = await s.client(node, { user: bob, kind: 'msgpack' });
  assert.deepEqual(await send(ann, bob, { hi: 1 }, { id: 'x-1' }), { id: 'x-1', ack: stored });
  for (const session of [one, two]) {
    const { n, at, ...message } = await session.next('inbox.message');
    assert.deepEqual(message, { id: 'x-1', from: ann.session.user, event: 'e', payload: { hi: 1 } });
    assert.ok(n >= 1);
    assert.ok(Math.abs(Number(at) - Date.now()) < 60_000);
  }
});

scenario('inbox: waits for a user who is away, in order, with growing n', async (s) => {
  const node = await shared.get();
  const ann = await s.client(node, { user: fresh('ann') });
  const bob = fresh('bob');
  for (let i = 1; i <= 5; ++i) await send(ann, bob, i);
  const one = await s.client(node, { user: bob });
  const got = await one.take('inbox.message', 5);
  assert.deepEqual(payloads(got), [1, 2, 3, 4, 5]);
  assert.ok(got.every(({ n }, i) => i === 0 || n > got[i - 1].n));
});

scenario('inbox.ack: is cumulative, tells what is left and tells the other sessions', async (s) => {
  const node = await shared.get();
  const ann = await s.client(node, { user: fresh('ann') });
  const bob = fresh('bob');
  const one = await s.client(node, { user: bob });
  const two = await s.client(node, { user: bob });
  for (let i = 1; i <= 3; ++i) await send(ann, bob, i);
  const got = await one.take('inbox.message', 3);
  await two.take('inbox.message', 3);
  assert.deepEqual(await one.call('inbox.ack', { upto: got[1].n }), { upto: got[1].n, left: 1 });
  assert.deepEqual(await two.next('inbox.acked'), { upto: got[1].n });
  await one.barrier();
  assert.deepEqual(one.notifications, [], 'the acknowledging session is not told');
  assert.equal((await two.call('inbox.ack', { upto: got[0].n })).left, 1, 'an older ack takes nothing back');
  assert.deepEqual(await two.call('inbox.ack', { upto: got[2].n }), { upto: got[2].n, left: 0 });
});

scenario('inbox.ack: above what was sent to this session is refused', async (s) => {
  const node = await shared.get();
  const ann = await s.client(node, { user: fresh('ann') });
  const bob = await s.client(node, { user: fresh('bob') });
  await assert.rejects(bob.call('inbox.ack', { upto: 1_000_000 }), rejects(-32602));
  await send(ann, bob.session.user, 1);
  const { n } = await bob.next('inbox.message');
  await assert.rejects(bob.call('inbox.ack', { upto: n + 1 }), rejects(-32602));
  assert.deepEqual(await bob.call('inbox.ack', { upto: 0 }), { upto: 0, left: 1 });
  await assert.rejects(bob.call('inbox.ack', { upto: -1 }), rejects(-32602));
});

scenario('inbox: what was not acknowledged comes again on reconnect, what was does not', async (s) => {
  const node = await shared.get();
  const ann = await s.client(node, { user: fresh('ann') });
  const bob = fresh('bob');
  const one = await s.client(node, { user: bob });
  for (let i = 1; i <= 4; ++i) await send(ann, bob, i);
  const got = await one.take('inbox.message', 4);
  await one.call('inbox.ack', { upto: got[1].n });
  const { session, resume_token: token } = one.session;
  await one.end({ abrupt: true });
  await send(ann, bob, 5);
  const again = await s.client(node);
  assert.equal((await again.open({ resume: { session, token } })).resumed, true);
  assert.deepEqual(payloads(await again.take('inbox.message', 3)), [3, 4, 5]);
  const other = await s.client(node, { user: bob });
  assert.deepEqual(
    payloads(await other.take('inbox.message', 3)),
    [3, 4, 5],
    'a new session of the user gets them as well',
  );
});

scenario(
  'user.send: the same id again is a duplicate and is not delivered twice, other content is a conflict',
  async (s) => {
    const node = await shared.get();
    const ann = await s.client(node, { user: fresh('ann') });
    const bob = await s.client(node, { user: fresh('bob') });
    const id = fresh('id');
    const first = await send(ann, bob.session.user, { a: 1 }, { id });
    assert.deepEqual(await send(ann, bob.session.user, { a: 1 }, { id }), { ...first, duplicate: true });
    await assert.rejects(send(ann, bob.session.user, { a: 2 }, { id }), rejects(-32005));
    await assert.rejects(send(ann, fresh('eve'), { a: 1 }, { id }), rejects(-32005));
    await send(ann, bob.session.user, 'next');
    assert.deepEqual(payloads(await bob.take('inbox.message', 2)), [{ a: 1 }, 'next']);
  },
);

scenario('user.send: a message that is too old is not delivered', async (s) => {
  const node = await shared.get();
  const ann = await s.client(node, { user: fresh('ann') });
  const bob = fresh('bob');
  await send(ann, bob, 'short', { ttl_s: 1 });
  await send(ann, bob, 'long', { ttl_s: 60 });
  await new Promise((go) => setTimeout(go, 1_300)); // the one test that waits for a wall clock: TTL has seconds
  const one = await s.client(node, { user: bob });
  assert.equal((await one.next('inbox.message')).payload, 'long');
  for (const ttl_s of [0, -1, 31 * 86_400, 1.5]) await assert.rejects(send(ann, bob, 1, { ttl_s }), rejects(-32602));
});

scenario('inbox: at most 1,000 unacknowledged messages are in flight, an ack lets the next ones come', async (s) => {
  const node = await shared.get();
  const ann = await s.client(node, { user: fresh('ann') });
  const bob = fresh('bob');
  const all = [];
  for (let i = 1; i <= 1_100; ++i) all.push(send(ann, bob, i));
  await Promise.all(all);
  const one = await s.client(node, { user: bob });
  const got = await one.take('inbox.message', 1_000);
  await one.barrier();
  assert.deepEqual(one.notifications, []);
  assert.deepEqual(await one.call('inbox.ack', { upto: got[99].n }), { upto: got[99].n, left: 1_000 });
  const more = await one.take('inbox.message', 100);
  assert.deepEqual(
    payloads([...got, ...more]),
    Array.from({ length: 1_100 }, (_, i) => i + 1),
  );
});

scenario('inbox: 10,000 messages fill it, then it is refused to the sender until one is acknowledged', async (s) => {
  const node = await shared.get();
  const ann = await s.client(node, { user: fresh('ann') });
  const bob = fresh('bob');
  for (let done = 0; done < 10_000; done += 500)
    await Promise.all(Array.from({ length: 500 }, (_, i) => send(ann, bob, done + i)));
  await assert.rejects(send(ann, bob, 'over'), rejects(-32007));
  const one = await s.client(node, { user: bob });
  const { n } = await one.next('inbox.message');
  assert.deepEqual(await one.call('inbox.ack', { upto: n }), { upto: n, left: 9_999 });
  assert.equal((await send(ann, bob, 'fits')).ack, stored);
  await assert.rejects(send(ann, bob, 'over again'), rejects(-32007));
});

shared.stops();
