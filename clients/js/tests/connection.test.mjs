// The connection: its states, its pauses, what each close code means, and how a dead one is noticed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Backoff } from '../backoff.js';
import { may_reconnect } from '../close_codes.js';
import { Greenroom, socket_url } from '../index.js';
import { FakeNet, refuse, settle, silence, start } from './fake.mjs';

const names = (states) => states.map(({ state }) => state);

test('backoff: full jitter under a cap that doubles up to its maximum', () => {
  const options = { min_ms: 100, max_ms: 1_000 };
  const pauses = (random, again) => {
    const backoff = new Backoff(options, { random: () => random, now: () => 0 });
    return Array.from({ length: 6 }, () => backoff.next(again));
  };
  assert.deepEqual(pauses(0, 'yes'), [0, 0, 0, 0, 0, 0]);
  assert.deepEqual(pauses(1, 'yes'), [100, 200, 400, 800, 1_000, 1_000]);
  assert.deepEqual(pauses(0.5, 'yes'), [50, 100, 200, 400, 500, 500]);
  assert.deepEqual(pauses(0, 'later'), [50, 100, 200, 400, 500, 500], 'later is never short');
  assert.deepEqual(pauses(1, 'later'), [100, 200, 400, 800, 1_000, 1_000]);
});

test('backoff: ten thousand pauses stay within their bounds and fill them', () => {
  const backoff = new Backoff({ min_ms: 100, max_ms: 100 }, { random: Math.random, now: () => 0 });
  const all = Array.from({ length: 10_000 }, () => backoff.next());
  assert.ok(all.every((pause) => pause >= 0 && pause <= 100));
  for (let tenth = 0; tenth < 10; ++tenth) {
    const share = all.filter((pause) => pause >= tenth * 10 && pause < (tenth + 1) * 10).length;
    assert.ok(share > 700 && share < 1_300, `${share} of 10,000 pauses from ${tenth * 10} ms`);
  }
});

test('backoff: only a connection that held makes the next pause short again', () => {
  let now = 0;
  const backoff = new Backoff({ min_ms: 100, max_ms: 10_000, stable_ms: 5_000 }, { random: () => 1, now: () => now });
  assert.deepEqual([backoff.next(), backoff.next()], [100, 200]);
  backoff.opened();
  now += 4_999;
  assert.equal(backoff.next(), 400);
  backoff.opened();
  now += 5_000;
  assert.equal(backoff.next(), 100);
});

test('close codes: every row of the node’s own table is known here, and means the same', () => {
  const table = readFileSync(new URL('../../../codecs/close_code.hpp', import.meta.url), 'utf8');
  const rows = [...table.matchAll(/close_code \w+\{(\d+), "(\w+)", reconnect::(\w+)/g)];
  assert.ok(rows.length > 10);
  for (const [, code, reason, again] of rows)
    assert.equal(may_reconnect(Number(code), reason), again, `${code} ${reason}`);
  assert.equal(may_reconnect(1006, ''), 'yes');
  assert.equal(may_reconnect(4001, 'somebody else’s'), 'yes');
});

test('state: connecting, open, reconnecting with its pause, open again and resumed', async () => {
  const { client, net, clock, states } = start({ user: 'ann' });
  await client.ready();
  assert.deepEqual(names(states), ['connecting', 'open']);
  assert.deepEqual([states[1].resumed, states[1].user, client.user], [false, 'ann', 'ann']);
  net.wire.drop();
  assert.deepEqual([client.state, states.at(-1).delay_ms, states.at(-1).code], ['reconnecting', 125, 1006]);
  await clock.pass(124);
  assert.equal(client.state, 'reconnecting');
  await clock.pass(1);
  assert.equal(client.state, 'open');
  assert.deepEqual(names(states).slice(2), ['reconnecting', 'connecting', 'open']);
  assert.equal(states.at(-1).resumed, true);
  assert.deepEqual(net.all('session.open')[1].params.resume, { session: 's1', token: 't1', positions: {} });
  assert.deepEqual([client.stats.connections, client.stats.fresh, client.stats.resumed], [2, 1, 1]);
});

test('state: each token is used once, the newest counts', async () => {
  const { client, net, clock } = start();
  await client.ready();
  for (let i = 0; i < 3; ++i) {
    net.wire.drop();
    await clock.pass(60_000);
  }
  assert.deepEqual(
    net.all('session.open').map(({ params }) => params.resume?.token),
    [undefined, 't1', 't2', 't3'],
  );
});

test('state: attempts that fail wait longer and longer, within the bounds', async () => {
  const net = new FakeNet();
  net.accepts = false;
  const { client, clock, states } = start({ random: () => 1, backoff: { min_ms: 100, max_ms: 1_000 } }, net);
  for (let i = 0; i < 7; ++i) {
    await settle();
    net.wire.drop();
    await clock.pass(1_000);
  }
  const waits = states.filter(({ state }) => state === 'reconnecting');
  assert.deepEqual(
    waits.map(({ delay_ms }) => delay_ms),
    [100, 200, 400, 800, 1_000, 1_000, 1_000],
  );
  assert.deepEqual(
    waits.map(({ attempt }) => attempt),
    [1, 2, 3, 4, 5, 6, 7],
  );
  await client.close();
});

test('state: attempts_max attempts, then closed', async () => {
  const net = new FakeNet();
  net.accepts = false;
  const { client, clock } = start({ backoff: { attempts_max: 3 } }, net);
  for (let i = 0; i < 4; ++i) {
    await settle();
    net.wire.drop();
    await clock.pass(60_000);
  }
  assert.equal(client.state, 'closed');
  assert.equal(net.wires.length, 4);
  assert.deepEqual(clock.waiting, []);
});

for (const [code, reason] of [
  [1002, 'protocol_error'],
  [1007, 'bad_utf8'],
  [1009, 'too_big'],
  [1008, 'kicked'],
  [1008, 'revoked'],
  [1008, 'You have lost three games in a row.'],
  [4009, 'session_replaced'],
])
  test(`state: after ${code} ${reason} the client stays away, and says why`, async () => {
    const { client, net, clock, states } = start();
    await client.ready();
    net.handlers['some.method'] = () => silence;
    const waits = client.call('some.method');
    net.wire.drop(code, reason);
    assert.deepEqual([states.at(-1).state, states.at(-1).code, states.at(-1).reason], ['closed', code, reason]);
    await assert.rejects(waits, { unknown: true });
    await assert.rejects(client.call('room.history', {}), { reason: 'closed' });
    await assert.rejects(client.ready(), { reason: 'closed' });
    await clock.pass(1_000_000);
    assert.equal(net.wires.length, 1);
  });

test('state: 1013 is never answered by an attempt at once', async () => {
  const { client, net, states } = start({ random: () => 0 });
  await client.ready();
  net.wire.drop(1013, 'slow_consumer');
  assert.equal(states.at(-1).delay_ms, 125);
});

test('state: a connection that is not open in time counts as lost, and its late events are nothing', async () => {
  const net = new FakeNet();
  net.accepts = false;
  const { client, clock, states } = start({ connect_timeout_ms: 5_000 }, net);
  await settle();
  await clock.pass(5_000);
  assert.deepEqual([states.at(-1).state, states.at(-1).reason], ['reconnecting', 'connect_timeout']);
  const [late] = net.wires;
  assert.ok(late.ended);
  late.onopen?.({});
  late.onclose?.({ code: 1006, reason: '' });
  assert.deepEqual(names(states), ['connecting', 'reconnecting']);
  net.accepts = true;
  await clock.pass(60_000);
  assert.equal(client.state, 'open');
});

test('state: a node that never answers session.open is left, too', async () => {
  const net = new FakeNet();
  net.handlers['session.open'] = () => silence;
  const { clock, states } = start({ connect_timeout_ms: 5_000 }, net);
  await settle();
  await clock.pass(5_000);
  assert.equal(states.at(-1).state, 'reconnecting');
});

test('session.open: a refusal ends the client with the node’s error; one that passes does not', async () => {
  const net = new FakeNet();
  net.handlers['session.open'] = () => refuse(-32001, 'who are you?');
  const refused = start({}, net);
  await assert.rejects(refused.client.ready(), { code: -32001, message: 'who are you?' });
  assert.equal(refused.states.at(-1).reason, 'session_refused');

  const other = new FakeNet();
  other.handlers['session.open'] = () => refuse(-32010, 'draining');
  const { client, clock, states } = start({}, other);
  await settle();
  assert.equal(states.at(-1).state, 'reconnecting');
  other.handlers['session.open'] = () => refuse(-32003, 'slower', { retry_after_ms: 7_000 });
  await clock.pass(250);
  assert.equal(states.at(-1).delay_ms, 7_000);
  delete other.handlers['session.open'];
  other.handlers['session.open'] = () => other.opened();
  await clock.pass(7_000);
  assert.equal(client.state, 'open');
});

test('session.open: a token may be a function, asked before each opening; without one it is tried again', async () => {
  let asked = 0;
  const token = async () => {
    if (++asked === 2) throw new Error('no network');
    return `token-${asked}`;
  };
  const { client, net, clock, states } = start({ token });
  await client.ready();
  net.wire.drop(1008, 'token_expired');
  await clock.pass(200);
  assert.match(states.findLast(({ error }) => error).error.message, /no network/);
  await clock.pass(60_000);
  assert.equal(client.state, 'open');
  assert.deepEqual(
    net.all('session.open').map(({ params }) => params.token),
    ['token-1', 'token-3'],
  );
});

test('session.open: a token that comes late opens nothing on a later connection', async () => {
  const waiting = [];
  const token = () => new Promise((resolve) => waiting.push(resolve));
  const { client, net, clock } = start({ token });
  await settle();
  net.wire.drop();
  await clock.pass(1_000);
  waiting[0]('late');
  waiting[1]('now');
  await client.ready();
  assert.deepEqual(
    net.all('session.open').map(({ params }) => params.token),
    ['now'],
  );
});

test('silence: a connection on which nothing comes is asked, and given up where it does not answer', async () => {
  const { client, net, clock, states } = start({ probe_ms: 30_000, silence_ms: 15_000 });
  await client.ready();
  await clock.pass(95_000);
  assert.equal(net.all('inbox.ack').length, 3);
  assert.equal(client.state, 'open');
  net.handlers['inbox.ack'] = () => silence;
  await clock.pass(25_000 + 15_000);
  assert.deepEqual([states.at(-1).state, states.at(-1).reason], ['reconnecting', 'silent']);
  assert.ok(net.wires[0].ended, 'the silent socket is closed');
});

test('silence: a connection that talks is not asked', async () => {
  const { client, net, clock } = start({ probe_ms: 30_000 });
  await client.ready();
  for (let i = 0; i < 10; ++i) {
    await clock.pass(20_000);
    net.wire.notify('session.notice', { code: 'announcement', text: 'still here' });
  }
  assert.equal(net.all('inbox.ack').length, 0);
});

test('cut: stays away for so long, reconnect() ends that', async () => {
  const { client, net, clock, states } = start();
  await client.ready();
  client.cut(8_000);
  assert.deepEqual(
    [states.at(-1).state, states.at(-1).delay_ms, net.wires[0].ended?.code],
    ['reconnecting', 8_000, 4000],
  );
  await clock.pass(7_999);
  assert.equal(net.wires.length, 1);
  client.reconnect();
  await settle();
  assert.equal(client.state, 'open');
  client.reconnect();
  await clock.pass(0);
  assert.equal(net.wires.length, 3);
  assert.equal(states.at(-1).resumed, true);
});

test('close: ends the session, waits for nobody, and leaves no timer', async () => {
  const { client, net, clock, states } = start();
  await client.ready();
  await client.close();
  assert.equal(net.all('session.close').length, 1);
  assert.deepEqual([states.at(-1).state, states.at(-1).code, states.at(-1).reason], ['closed', 1000, 'closed']);
  assert.deepEqual(clock.waiting, []);
  await client.close();
  const early = start();
  await early.client.close();
  assert.deepEqual([early.net.wires.length, early.client.state], [0, 'closed']);
});

test('close: a node that does not answer is not waited for', async () => {
  const { client, net, clock } = start();
  net.handlers['session.close'] = () => silence;
  await client.ready();
  const closed = client.close();
  await clock.pass(2_000);
  await closed;
  assert.equal(client.state, 'closed');
});

test('resume: another client goes on with a session', async () => {
  const { client, net } = start();
  await client.ready();
  const again = start({ resume: client.session }, net);
  await again.client.ready();
  assert.equal(again.states.at(-1).resumed, true);
  assert.deepEqual(net.all('session.open')[1].params.resume, { session: 's1', token: 't1', positions: {} });
});

test('url: the path may be left out, the scheme may be http, a page’s own is the base', () => {
  assert.equal(socket_url('http://node:8080'), 'ws://node:8080/ws');
  assert.equal(socket_url('https://node/'), 'wss://node/ws');
  assert.equal(socket_url('ws://node/other'), 'ws://node/other');
  assert.equal(socket_url('/ws', 'http://127.0.0.1:8080/page#x'), 'ws://127.0.0.1:8080/ws');
});

test('options: what cannot be is said at once', () => {
  assert.throws(() => new Greenroom('ws://x', { encoding: 'xml', WebSocket: class {} }), /no encoding is named xml/);
  assert.throws(() => new Greenroom('ws://x', { WebSocket: null }), /there is no WebSocket here/);
  assert.throws(() => new Greenroom('ws://x', { WebSocket: class {}, backoff: { min_ms: 0 } }), RangeError);
});

test('frames: one that is not well-formed is an error event, and the connection goes on', async () => {
  const { client, net } = start();
  const errors = [];
  client.on('error', (error) => errors.push(error.reason));
  await client.ready();
  net.wire.onmessage({ data: '{"half' });
  net.wire.onmessage({ data: Uint8Array.of(0xc1).buffer });
  assert.deepEqual(errors, ['bad_frame', 'bad_frame']);
  assert.equal((await client.call('inbox.ack', { upto: 0 })).left, 0);
});

test('listeners: one that throws stops nobody', async () => {
  const { client, net } = start();
  const uncaught = [];
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => uncaught.push(error.message));
  client.on('notice', () => {
    throw new Error('a bug');
  });
  const heard = [];
  client.on('notice', ({ code }) => heard.push(code));
  await client.ready();
  net.wire.notify('session.notice', { code: 'draining' });
  await settle();
  process.removeAllListeners('uncaughtException');
  for (const listener of before) process.on('uncaughtException', listener);
  assert.deepEqual([heard, uncaught], [['draining'], ['a bug']]);
});
