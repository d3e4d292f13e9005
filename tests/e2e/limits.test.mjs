// Rate limits on the real binary: each scope and each thing, who recovers and who is sent away, and what a node gives up
// when its memory is short. The nodes are open (--dev) with the limits of the scenario, for --dev sets none.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import WebSocket from 'ws';
import { Client, RpcError } from './client.mjs';
import { eventually, scenario, within } from './harness.mjs';
import { Raw, RawWebSocket, exchange, frame } from './raw.mjs';

const limits = (scope, settings) =>
  `[node]\nshards = 2\n[limits.${scope}]\n${Object.entries(settings).map(([key, value]) => `${key} = ${value}\n`).join('')}`;

const things = {
  messages: (client) => client.call('room.publish', { room: 'x', event: 'say', payload: 1 }),
  joins: (client) => client.join('x'),
  reads: (client) => client.call('room.history', { room: 'x' }),
};

async function figure(node, line) {
  const text = await (await fetch(`${node.http}/metrics`)).text();
  const found = text.split('\n').find((each) => each.startsWith(`${line} `));
  return found ? Number(found.slice(line.length + 1)) : 0;
}

async function refusal(call) {
  const error = await call.then(
    () => assert.fail('it was not refused'),
    (why) => why,
  );
  assert.ok(error instanceof RpcError, String(error));
  assert.equal(error.code, -32003);
  assert.ok(error.data.retry_after_ms >= 1, JSON.stringify(error.data));
  return error.data.retry_after_ms;
}

for (const scope of ['connection', 'session', 'user', 'address'])
  for (const [what, act] of Object.entries(things))
    scenario(`limits: ${what} of one ${scope} are refused over their burst, and let in again when they said so`, async (s) => {
      const node = await s.node({ config: limits(scope, { [`${what}_per_second`]: 2, [`${what}_burst`]: 5 }) });
      const client = await Client.connect(node.url);
      s.defer(() => client.end());
      await client.open({ user: 'ann' });
      let granted = 0;
      const wait = await refusal((async () => {
        for (; granted < 100; ++granted) await act(client);
      })());
      assert.ok(granted >= 3 && granted <= 7, `${granted} were let in`);
      await pause(wait + 10);
      await act(client);
      const line = `greenroom_rate_limited_total{scope="${scope}",what="${what}"}`;
      await eventually(async () => assert.ok((await figure(node, line)) >= 1)); // who asks may have to wait, too
    });

scenario('limits: who is told to wait and does comes through with everything', async (s) => {
  const node = await s.node({ config: limits('user', { messages_per_second: 50, messages_burst: 10 }) });
  const clients = await Promise.all(['json', 'msgpack', 'json'].map((kind) => s.client(node, { kind, user: 'ann' })));
  let refused = 0;
  await Promise.all(
    clients.map(async (client) => {
      for (let n = 0; n < 30; ++n)
        for (;;)
          try {
            await things.messages(client);
            break;
          } catch (error) {
            assert.equal(error.code, -32003);
            ++refused;
            await pause(error.data.retry_after_ms);
          }
    }),
  );
  assert.ok(refused > 0);
  const { last } = await pause(300).then(() => clients[0].call('room.history', { room: 'x' }));
  assert.equal(last, 90);
});

scenario('limits: a client that goes on regardless is closed with 1008 flood', async (s) => {
  const node = await s.node({ config: limits('connection', { messages_per_second: 10, messages_burst: 20 }) });
  const other = await s.client(node, { user: 'bob' });
  const client = await Client.connect(node.url);
  s.defer(() => client.end());
  await client.open({ user: 'ann' });
  const call = JSON.stringify({ jsonrpc: '2.0', method: 'room.publish', params: { room: 'x', event: 'e', payload: 1 } });
  for (let n = 0; n < 2_000; ++n) client.send(call);
  assert.deepEqual(await within(20_000, 'the close', client.closed), { code: 1008, reason: 'flood' });
  await things.messages(other);
  const again = await s.client(node, { user: 'ann' }); // it may come back, later
  await things.messages(again);
});

scenario('limits: a flood of pings is slowed down, and so is one of empty fragments', async (s) => {
  const node = await s.node({ config: limits('connection', { messages_per_second: 100, messages_burst: 100 }) });
  for (const one of [frame({ opcode: 9 }), frame({ opcode: 0, fin: false })]) {
    const client = await RawWebSocket.connect(node);
    s.defer(() => client.end());
    const fragments = one[0] === 0;
    if (fragments) client.send(frame({ payload: '{"jsonrpc":"2.0",', fin: false }));
    const count = fragments ? 120 : 300; // gateway.fragments_max is 128
    const began = Date.now();
    client.send(Buffer.concat(Array(count).fill(one)));
    client.send(
      fragments
        ? frame({ opcode: 0, payload: '"id":1,"method":"rpc.discover"}' })
        : frame({ payload: '{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}' }),
    );
    let got;
    do got = await client.next(15_000);
    while (got && got.opcode === 10);
    assert.ok(got, 'the connection is still there');
    assert.match(got.payload.toString(), /"id":1/);
    const least = (count - 100) * 10;
    if (JSON.parse(got.payload.toString()).error === undefined) assert.ok(Date.now() - began >= least * 0.9, `${Date.now() - began} ms`);
  }
  assert.ok((await figure(node, 'greenroom_rate_limited_total{scope="connection",what="messages"}')) >= 1);
});

for (const scope of ['connection', 'user', 'address'])
  scenario(`limits: bytes of one ${scope} over its burst are read later, and all of them arrive`, async (s) => {
    const node = await s.node({
      config: limits(scope, { bytes_per_second: '"256KiB"', bytes_burst: '"256KiB"' }),
    });
    const client = await s.client(node, { user: 'ann' });
    const payload = 'x'.repeat(32_000);
    const began = Date.now();
    await Promise.all(Array.from({ length: 24 }, () => client.publish('x', payload))); // 768 KB: 2 s beyond the burst
    assert.ok(Date.now() - began >= 1_500, `${Date.now() - began} ms`);
    assert.ok((await figure(node, `greenroom_rate_limited_total{scope="${scope}",what="bytes"}`)) >= 1);
  });

scenario('limits: connections of one address: 429 with Retry-After, at once and in a second', async (s) => {
  const node = await s.node({
    config: limits('address', { connections_per_second: 1, connections_burst: 5, connections_max: 3 }),
  });
  const request = `GET /health HTTP/1.1\r\nHost: ${node.host}\r\n\r\n`;
  const open = await Promise.all([1, 2, 3].map(() => Raw.connect(node)));
  for (const each of open) s.defer(() => each.end());
  for (const each of open) {
    each.write(request); // who is answered has been let in
    await each.until((bytes) => bytes.includes('HTTP/1.1 200') || undefined, 'an answer');
  }
  const full = await exchange(node, request);
  assert.equal(full.status, 429);
  assert.equal(full.headers['retry-after'], '5');
  assert.ok(full.closes);
  await Promise.all(open.map((each) => each.end()));
  await eventually(async () => assert.equal((await exchange(node, request)).status, 200));
  const answers = [];
  for (let n = 0; n < 8; ++n) answers.push((await exchange(node, request, { wait_close_ms: 1 })).status);
  assert.ok(answers.includes(429), answers.join());
  await pause(2_100);
  assert.equal((await exchange(node, request)).status, 200);
});

scenario('limits: connections of one user are refused to its session.open', async (s) => {
  const node = await s.node({ config: limits('user', { connections_max: 2 }) });
  const [one] = await Promise.all([1, 2].map(() => s.client(node, { user: 'ann' })));
  const third = await s.client(node);
  assert.equal(await refusal(third.open({ user: 'ann' })), 5_000);
  await s.client(node, { user: 'bob' });
  await one.end();
  await eventually(() => third.open({ user: 'ann' }));
});

async function rpc(node, calls) {
  const response = await fetch(`${node.http}/rpc`, {
    method: 'POST',
    body: JSON.stringify(calls),
    headers: { 'content-type': 'application/json' },
  });
  return { status: response.status, retry: response.headers.get('retry-after'), body: await response.json() };
}
const publish_call = (id = 1) => ({ jsonrpc: '2.0', id, method: 'room.publish', params: { room: 'x', event: 'e', payload: 1 } });

scenario('limits: POST /rpc counts with its address, each call of a batch once', async (s) => {
  const node = await s.node({ config: limits('address', { messages_per_second: 1, messages_burst: 8 }) });
  const first = await rpc(node, Array.from({ length: 6 }, (_, n) => publish_call(n)));
  assert.equal(first.status, 200);
  assert.ok(first.body.every((each) => each.result), JSON.stringify(first.body));
  const second = await rpc(node, Array.from({ length: 4 }, (_, n) => publish_call(n)));
  assert.deepEqual(
    second.body.sort((a, b) => a.id - b.id).map((each) => each.error?.code ?? 0),
    [0, 0, -32003, -32003],
  );
  const third = await rpc(node, publish_call());
  assert.equal(third.status, 429);
  assert.equal(third.retry, '1');
  assert.equal((await fetch(`${node.http}/health`)).status, 200); // whoever watches the node is let through
  assert.equal((await fetch(`${node.http}/ready`)).status, 200);
});

for (const [protocol, path] of [
  ['Engine.IO polling', '/socket.io/?EIO=4&transport=polling'],
  ['Phoenix long polling', '/socket/longpoll?vsn=2.0.0'],
])
  scenario(`limits: ${protocol} counts with its address`, async (s) => {
    const node = await s.node({ config: limits('address', { messages_per_second: 1, messages_burst: 4 }) });
    const statuses = [];
    for (let n = 0; n < 6; ++n) statuses.push((await fetch(node.http + path)).status);
    assert.deepEqual(statuses.slice(0, 4), [200, 200, 200, 200]);
    assert.ok(statuses.slice(4).includes(429), statuses.join());
  });

scenario('limits: --dev has none, and a node without it has all of the table', async (s) => {
  const dev = await s.node();
  const client = await s.client(dev, { user: 'ann' });
  await Promise.all(Array.from({ length: 3_000 }, () => things.messages(client)));
  assert.doesNotMatch(await (await fetch(`${dev.http}/metrics`)).text(), /greenroom_rate_limited/);
  const closed = await s.run(['config', 'default']).result();
  assert.match(closed.stdout, /\[limits\.user\][^[]*messages_per_second = 200/);
  const open = await s.run(['config', 'default', '--dev']).result();
  assert.match(open.stdout, /\[limits\.user\][^[]*messages_per_second = 0/);
});

// --- memory

scenario('memory: a node near its budget takes no connection, says so, and goes on with those that it has', async (s) => {
  const node = await s.node({ config: '[memory]\nbudget_bytes = "8MiB"\n' }); // it has more than that from the start on
  const ask = (path) => exchange(node, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await eventually(async () => assert.equal((await ask('/health')).status, 503));
  const refused = await ask('/ready');
  assert.equal(refused.status, 503);
  assert.equal(refused.headers['retry-after'], '5');
  const socket = new WebSocket(node.url);
  const status = await within(
    5_000,
    'the refusal',
    new Promise((resolve) => {
      socket.once('unexpected-response', (_, response) => resolve(response.statusCode));
      socket.on('error', () => resolve('error'));
    }),
  );
  assert.equal(status, 503);
  await eventually(() => assert.equal(node.stderr.all.filter((line) => /memory is short/.test(line)).length, 1));
});

const resident = ({ pid }) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) * 1_024;

scenario('memory: what clients do not read is given up before the budget is used up, and others notice nothing', async (s) => {
  const at_rest = await s.node();
  const budget = resident(at_rest) + 160e6;
  await at_rest.stop();
  const node = await s.node({
    config: `[memory]\nbudget_bytes = ${budget}\n[outbox]\nbytes_max = "64MiB"\nframes_max = 100000\n[namespace.feed]\nslow_members = "disconnect"\n`,
  });
  const publisher = await s.client(node, { user: 'ann' });
  const watcher = await s.client(node, { user: 'eve' });
  await watcher.join('calm');
  const readers = [];
  for (let n = 0; n < 8; ++n) {
    const one = await RawWebSocket.connect(node);
    s.defer(() => one.end());
    one.text({ jsonrpc: '2.0', id: 1, method: 'room.join', params: { room: `feed:heavy-${n}` } });
    assert.ok((await one.json()).result);
    one.raw.socket.pause();
    readers.push(one);
  }
  const payload = 'x'.repeat(60_000);
  let worst = 0;
  // Not the step in the log: it may be over by itself before a shard has looked.
  const given_up = () => figure(node, 'greenroom_shed_total{what="outboxes"}');
  for (let round = 0; (await given_up()) === 0; ++round) {
    assert.ok(round < 400, 'nothing was given up');
    await pause(20); // else it grows by more than a tenth of the budget between two looks of the node
    await Promise.all(Array.from({ length: 16 }, (_, n) => publisher.publish(`feed:heavy-${n % 8}`, payload)));
    await publisher.publish('calm', round);
    assert.equal((await watcher.next('room.message')).payload, round);
    worst = Math.max(worst, resident(node));
  }
  assert.ok(worst < budget * 1.1, `${worst} of ${budget}`); // between two looks it may grow
  for (const one of readers) one.raw.socket.resume();
  const ends = await Promise.allSettled(readers.map((one) => one.close_of(3_000))); // some may stay
  assert.ok(
    ends.some(({ value }) => value?.code === 1013 && value.reason === 'overloaded'),
    JSON.stringify(ends),
  );
  await eventually(() => assert.ok(node.stderr.all.some((line) => /memory is less short/.test(line))), 20_000);
  await publisher.publish('calm', 'still here');
  assert.equal((await watcher.next('room.message')).payload, 'still here');
});
