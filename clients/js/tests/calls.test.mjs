// Calls: what waits, what is sent again and what is not, deadlines and bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RpcError } from '../index.js';
import { FakeNet, refuse, settle, silence, start } from './fake.mjs';

const publish = (client, id, more) =>
  client.call('room.publish', { room: 'lobby', event: 'say', payload: 'hi', ...(id && { id }) }, more);

/** A client whose node takes every call and answers none. */
async function mute(options, net = new FakeNet()) {
  const all = start(options, net);
  await all.client.ready();
  net.answering = { ...net.handlers };
  for (const method of ['room.publish', 'user.send', 'room.history', 'some.method'])
    net.handlers[method] = () => silence;
  return all;
}

test('call: resolves with the result, rejects with the node’s error', async () => {
  const { client, net } = start();
  net.handlers['some.method'] = ({ a, b }) => a + b;
  assert.equal(await client.call('some.method', { a: 1, b: 2 }), 3);
  net.handlers['some.method'] = () => refuse(-32602, 'no such thing', { path: 'params.a' });
  const error = await client.call('some.method').catch((why) => why);
  assert.ok(error instanceof RpcError);
  assert.deepEqual(
    [error.code, error.message, error.data.path, error.reason, error.unknown, error.method],
    [-32602, 'no such thing', 'params.a', 'refused', false, 'some.method'],
  );
});

test('call: made before the connection is open, it waits and leaves in its order', async () => {
  const { client, net } = start();
  const all = Promise.all([1, 2, 3].map((n) => client.call('room.history', { n }).catch(() => n)));
  assert.equal(net.wires.length, 0);
  await all;
  assert.deepEqual(
    net.wire.requests.map(({ method, params }) => params?.n ?? method),
    ['session.open', 1, 2, 3],
  );
});

test('call: publishing and sending get a UUIDv7 where no id is given, and keep the one that is', async () => {
  const { client, net, clock } = start();
  net.handlers['user.send'] = ({ id }) => ({ id, ack: 'accepted' });
  await publish(client);
  await publish(client, 'm-1');
  await client.send('bob', 'alarm', 1);
  const [made, given] = net.all('room.publish').map(({ params }) => params.id);
  assert.match(made, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(parseInt(made.replace('-', '').slice(0, 12), 16), clock.now());
  assert.equal(given, 'm-1');
  assert.match(net.all('user.send')[0].params.id, /-7/);
});

test('loss: a publish without an answer is sent again with the same id, and resolves once', async () => {
  const { client, net, clock } = await mute();
  const published = publish(client);
  await settle();
  net.handlers['room.publish'] = ({ id }) => ({ id, epoch: 'e1', seq: 7, ack: 'accepted', duplicate: true });
  net.wire.drop();
  await clock.pass(1_000);
  assert.deepEqual([(await published).seq, (await published).duplicate], [7, true]);
  const [first, second] = net.all('room.publish');
  assert.deepEqual(second, first, 'the same bytes');
  assert.equal(client.stats.retries, 1);
});

test('loss: what is not safe to repeat is rejected, and says that its effect is unknown', async () => {
  const { client, net, clock } = await mute();
  const call = client.call('some.method');
  await settle();
  net.wire.drop();
  await assert.rejects(call, { reason: 'connection_lost', unknown: true, method: 'some.method' });
  await clock.pass(1_000);
  assert.equal(net.all('some.method').length, 1);
});

test('loss: the caller may say that a repeat is harmless', async () => {
  const { client, net, clock } = await mute();
  const call = client.call('some.method', {}, { retry: true });
  await settle();
  net.handlers['some.method'] = () => 'done';
  net.wire.drop();
  await clock.pass(1_000);
  assert.equal(await call, 'done');
});

test('loss: what was never sent waits, whatever it is', async () => {
  const { client, net, clock } = await mute();
  net.wire.drop();
  const call = client.call('some.method');
  net.handlers['some.method'] = () => 'done';
  await clock.pass(1_000);
  assert.equal(await call, 'done');
  assert.equal(client.stats.retries, 0);
});

test('loss: several calls leave again in the order in which they were made', async () => {
  const { client, net, clock } = await mute();
  const all = ['a', 'b', 'c'].map((id) => publish(client, id));
  await settle();
  net.wire.drop();
  all.push(publish(client, 'd'));
  Object.assign(net.handlers, net.answering);
  await clock.pass(1_000);
  await Promise.all(all);
  const ids = net.wire.requests.filter(({ method }) => method === 'room.publish').map(({ params }) => params.id);
  assert.deepEqual(ids, ['a', 'b', 'c', 'd']);
});

test('unknown: -32603 is repeated with the same id after growing pauses, three times', async () => {
  const { client, net, clock } = await mute({ random: () => 1 });
  net.handlers['room.publish'] = () => refuse(-32603, 'internal');
  const failed = publish(client, 'm-1').catch((error) => error);
  await settle();
  assert.equal(net.all('room.publish').length, 1);
  const times = [];
  for (let passed = 0; passed < 2_000; passed += 50) {
    const before = net.all('room.publish').length;
    await clock.pass(50);
    if (net.all('room.publish').length > before) times.push(passed + 50);
  }
  assert.deepEqual(times, [200, 600, 1_400]);
  assert.deepEqual([(await failed).code, (await failed).unknown], [-32603, true]);
  assert.deepEqual(new Set(net.all('room.publish').map(({ params }) => params.id)), new Set(['m-1']));
  net.handlers['some.method'] = () => refuse(-32603, 'internal');
  await assert.rejects(client.call('some.method'), { code: -32603, unknown: true }, 'not safe: not repeated');
});

test('draining: -32010 says that nothing was done, so every call waits for the next connection', async () => {
  const { client, net, clock } = await mute();
  net.handlers['some.method'] = () => refuse(-32010, 'draining');
  const call = client.call('some.method');
  await settle();
  net.handlers['some.method'] = () => 'done';
  net.wire.drop(1012, 'restart');
  await clock.pass(1_000);
  assert.equal(await call, 'done');
});

test('deadline: it holds for the whole life of a call, waiting and retries included', async () => {
  const { client, net, clock } = await mute({ call_timeout_ms: 10_000 });
  const sent = publish(client).catch((error) => error);
  net.accepts = false;
  net.wire.drop();
  const unsent = client.call('some.method', {}, { timeout_ms: 3_000 }).catch((error) => error);
  await clock.pass(3_000);
  assert.deepEqual([(await unsent).reason, (await unsent).unknown], ['timed_out', false]);
  await clock.pass(7_000);
  assert.deepEqual([(await sent).reason, (await sent).unknown], ['timed_out', true]);
});

test('deadline: an answer that comes late is nothing', async () => {
  const { client, net, clock } = await mute();
  const call = client.call('some.method', {}, { timeout_ms: 100 });
  const late = assert.rejects(call, { reason: 'timed_out' });
  await clock.pass(100);
  await late;
  net.wire.push({ id: net.all('some.method')[0].id, result: 1 });
  assert.equal(client.stats.ignored, 1);
});

test('bound: calls_max calls wait, one more is refused at once, and places come free', async () => {
  const { client, net, clock } = await mute({ calls_max: 3 });
  const waiting = ['a', 'b', 'c'].map((id) => publish(client, id));
  await assert.rejects(publish(client, 'd'), { reason: 'too_many_calls', unknown: false });
  net.wire.push({ id: net.all('room.publish')[0].id, result: { id: 'a', epoch: 'e1', seq: 1, ack: 'accepted' } });
  await waiting[0];
  waiting.push(publish(client, 'e'));
  net.wire.drop();
  await assert.rejects(publish(client, 'f'), { reason: 'too_many_calls' });
  Object.assign(net.handlers, net.answering);
  await clock.pass(1_000);
  await Promise.all(waiting);
});

test('bound: what the node would not take is not sent', async () => {
  const { client, net } = start();
  await client.ready();
  const payload = 'x'.repeat(70_000);
  await assert.rejects(client.call('room.publish', { payload }), { reason: 'too_large', unknown: false });
  await assert.rejects(client.call('room.publish', { payload: 'ü'.repeat(33_000) }), { reason: 'too_large' });
  assert.equal(net.all('room.publish').length, 0);
  await client.call('room.publish', { payload: 'ü'.repeat(32_000) });
});

test('signal: an aborted call is rejected with the signal’s reason', async () => {
  const { client, clock } = await mute();
  const abort = new AbortController();
  const call = client.call('some.method', {}, { signal: abort.signal });
  abort.abort(new Error('never mind'));
  await assert.rejects(call, /never mind/);
  await assert.rejects(client.call('some.method', {}, { signal: abort.signal }), /never mind/);
  assert.equal(clock.waiting.length, 1, 'its timer went: only the probe of the connection is left');
});

test('encode: what cannot be sent rejects its call and nothing else', async () => {
  const { client } = start();
  await assert.rejects(client.call('room.publish', { payload: NaN }), TypeError);
  await assert.rejects(client.call('room.publish', { payload: 2n ** 64n }), RangeError);
  assert.equal((await publish(client)).seq, 1);
});

test('params: what the caller changes after the call does not change what is sent again', async () => {
  const { client, net, clock } = await mute();
  const payload = { n: 1 };
  const call = client.call('room.publish', { room: 'lobby', event: 'e', payload });
  payload.n = 2;
  await settle();
  Object.assign(net.handlers, net.answering);
  net.wire.drop();
  await clock.pass(1_000);
  await call;
  assert.deepEqual(
    net.all('room.publish').map(({ params }) => params.payload.n),
    [1, 1],
  );
});

test('close: every call that waits is rejected, and every later one', async () => {
  const { client } = await mute();
  const all = [publish(client), client.call('some.method')].map((call) => call.catch((error) => error));
  await client.close();
  assert.deepEqual(
    (await Promise.all(all)).map(({ unknown }) => unknown),
    [true, true],
  );
  await assert.rejects(client.call('some.method'), { reason: 'closed', unknown: false });
});
