// Start, stop and everything that can go wrong with them, as an operator meets it.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, RpcError } from './client.mjs';
import { fresh, scenario, scratch, within } from './harness.mjs';
import { RawWebSocket } from './raw.mjs';

const config_error = 78;

/** Runs `serve` with arguments with which it must not start; what it said. */
async function refused(s, args, env) {
  const { code, stderr, stdout } = await s.run(['serve', ...args], { env }).result(10_000);
  assert.notEqual(code, 0);
  assert.doesNotMatch(stdout, /^ready/m);
  return { code, text: stderr + stdout };
}
const file_with = (text) => {
  const file = join(scratch(), 'node.toml');
  writeFileSync(file, text);
  return file;
};

scenario('start: one line says ready and where, on IPv4 and on IPv6', async (s) => {
  const four = await s.node();
  assert.equal(four.stdout.all.filter((line) => line.startsWith('ready')).length, 1);
  const six = await s.node({ listen: '[::1]:0' });
  assert.equal(six.host, '[::1]');
  assert.equal((await fetch(`${six.http}/health`)).status, 200);
});

scenario('config: a wrong file ends with 78 and names the file, the line and the key', async (s) => {
  for (const [text, line, pattern] of [
    ['[gateway]\nping_intervall_ms = 5\n', 2, /ping_interval_ms/], // names the nearest known key
    ['[gateway]\n\nmessage_bytes_max = "many"\n', 3, /message_bytes_max/],
    ['[gatewai]\nping_interval_ms = 5\n', 2, /gateway/],
    ['[node]\nshards = -1\n', 2, /shards/],
    ['[outbox]\nbytes_max = "64KiB"\n', undefined, /outbox\.bytes_max/], // under four times the largest message
    ['[node\n', 1, /./],
  ]) {
    const file = file_with(text);
    const { code, text: said } = await refused(s, ['--dev', '--config', file]);
    assert.equal(code, config_error, text);
    assert.match(said, pattern);
    if (line) assert.ok(said.includes(`${file}:${line}`), `${said} names ${file}:${line}`);
  }
});

scenario('config: a missing file, a wrong variable and a wrong flag end with 78 or 64', async (s) => {
  assert.equal((await refused(s, ['--dev', '--config', '/no/such/file.toml'])).code, config_error);
  const { code, text } = await refused(s, ['--dev'], { GREENROOM_GATEWAY_PING_INTERVAL_MS: 'soon' });
  assert.equal(code, config_error);
  assert.match(text, /GREENROOM_GATEWAY_PING_INTERVAL_MS/);
  assert.equal((await refused(s, ['--no-such-flag'])).code, 64);
});

scenario('config: check, default and doc agree with each other', async (s) => {
  const defaults = await s.run(['config', 'default']).result();
  assert.equal(defaults.code, 0);
  assert.equal((await s.run(['config', 'check', file_with(defaults.stdout)]).result()).code, 0);
  const bad = await s.run(['config', 'check', file_with('[node]\nshard = 1\n')]).result();
  assert.equal(bad.code, config_error);
  assert.match(bad.stderr + bad.stdout, /node\.toml:2.*shards/s);
  const doc = await s.run(['config', 'doc']).result();
  assert.equal(doc.code, 0);
  for (const key of ['gateway.ping_interval_ms', 'sessions.resume_window_ms', 'outbox.bytes_max'])
    assert.match(doc.stdout, new RegExp(key.replace('.', '[\\s\\S]*')));
});

scenario('start: a port that is taken is an error that names it', async (s) => {
  const node = await s.node();
  const { text } = await refused(s, ['--dev', '--data', scratch(), '--listen', `127.0.0.1:${node.port}`]);
  assert.match(text, new RegExp(String(node.port)));
  assert.match(text, /in use|taken|already/i);
  assert.equal((await fetch(`${node.http}/health`)).status, 200);
});

scenario('start: a data directory that another node has open is an error that names it', async (s) => {
  const node = await s.node();
  const { text } = await refused(s, ['--dev', '--data', node.dir, '--listen', '127.0.0.1:0']);
  assert.ok(text.includes(node.dir));
  assert.match(text, /lock|in use|another/i);
});

scenario('supervision: what fails again and again ends the node with 70, for the service manager', async (s) => {
  const data = scratch();
  mkdirSync(join(data, 'admin.sock', 'in the way'), { recursive: true }); // no socket can be made here, however often it is tried
  const { code, text } = await refused(s, ['--dev', '--listen', '127.0.0.1:0', '--data', data]);
  assert.equal(code, 70);
  assert.match(text, /supervision gave up/);
});

scenario('SIGTERM: clients are told, closed with 1012 restart, and the exit code is 0', async (s) => {
  const node = await s.node();
  const json = await s.client(node, { user: fresh('ann') });
  const packed = await s.client(node, { kind: 'msgpack', user: fresh('bob') });
  node.child.kill('SIGTERM');
  for (const client of [json, packed]) {
    const found = await client
      .until(() => client.notifications.find(({ method }) => method === 'session.notice'), 'the notice')
      .catch(() => undefined);
    assert.equal(found?.params.code, 'draining');
    assert.deepEqual(await client.closed, { code: 1012, reason: 'restart' });
  }
  await node.stop();
});

scenario('SIGTERM: what was published before is acknowledged before the close', async (s) => {
  const node = await s.node();
  const ann = await s.client(node, { user: fresh('ann') });
  const room = fresh();
  await ann.publish(room, 0);
  const acks = Array.from({ length: 500 }, (_, i) =>
    ann.publish(room, i).then(
      () => 'ack',
      (error) => error,
    ),
  );
  await new Promise(setImmediate); // the calls are on their way
  node.child.kill('SIGTERM');
  const outcomes = await Promise.all(acks);
  for (const outcome of outcomes)
    assert.ok(
      outcome === 'ack' || (outcome instanceof RpcError && outcome.code === -32010) || /1012/.test(outcome.message),
      String(outcome),
    );
  const first_refusal = outcomes.findIndex((outcome) => outcome !== 'ack');
  if (first_refusal >= 0)
    assert.ok(
      outcomes.slice(first_refusal).every((outcome) => outcome !== 'ack'),
      'no ack after a refusal',
    );
  await node.stop();
});

scenario(
  'SIGTERM: with 1,000 connections open every one is closed with 1012, and the exit code is 0',
  async (s) => {
    const node = await s.node();
    const clients = [];
    for (let i = 0; i < 1_000; i += 50)
      clients.push(
        ...(await Promise.all(
          Array.from({ length: 50 }, async (_, k) => {
            const client = await Client.connect(node.url, { kind: k % 2 ? 'json' : 'msgpack' });
            await client.open({ user: `user-${i + k}` });
            await client.join(`room-${k}`);
            return client;
          }),
        )),
      );
    node.child.kill('SIGTERM');
    const closes = await within(
      30_000,
      'all connections to be closed',
      Promise.all(clients.map(({ closed }) => closed)),
    );
    assert.deepEqual(new Set(closes.map(({ code }) => code)), new Set([1012]));
    await node.stop();
  },
  { timeout: 90_000 },
);

scenario('SIGTERM: a client that does not answer the close does not hold the node up', async (s) => {
  const node = await s.node({ config: '[gateway]\nclose_timeout_ms = 500\n' });
  const mute = await RawWebSocket.connect(node);
  s.defer(() => mute.end());
  mute.text({ jsonrpc: '2.0', id: 1, method: 'session.open', params: { user: 'mute' } });
  await mute.json();
  mute.raw.socket.pause();
  const before = Date.now();
  await node.stop();
  assert.ok(Date.now() - before < 15_000);
});

scenario('SIGTERM: a second one ends the node at once', async (s) => {
  const node = await s.node();
  const mute = await RawWebSocket.connect(node);
  s.defer(() => mute.end());
  mute.text({ jsonrpc: '2.0', id: 1, method: 'session.open', params: { user: 'mute' } });
  await mute.json();
  mute.raw.socket.pause(); // the drain waits for this one
  node.child.kill('SIGTERM');
  await node.stderr.match(/drain|stop/i, 5_000);
  node.child.kill('SIGTERM');
  await within(2_000, 'the end', node.exited);
});

scenario('SIGINT: is SIGTERM', async (s) => {
  const node = await s.node();
  const { code } = await within(20_000, 'the end', node.kill('SIGINT'));
  assert.equal(code, 0);
});

scenario('kill -9: the same data directory starts again, within 2 s', async (s) => {
  const first = await s.node();
  const ann = await s.client(first, { user: fresh('ann') });
  await ann.join(fresh());
  await first.kill('SIGKILL');
  const before = Date.now();
  const second = await s.node({ dir: first.dir });
  assert.ok(Date.now() - before < 2_000);
  const again = await s.client(second);
  const { session, resume_token: token } = ann.session;
  const opened = await again.open({ resume: { session, token } });
  if (!opened.resumed) assert.ok(opened.reason, 'the memory backend has forgotten it, and says so');
});

scenario('start: nothing but the ready line goes to standard output, and no payload or token to the log', async (s) => {
  const node = await s.node({ args: ['--set', 'log.level=trace'] });
  const ann = await s.client(node, { user: 'ann' });
  await ann.join('lobby');
  await ann.publish('lobby', { secret: 'opensesame' });
  await ann.next('room.message');
  const { resume_token } = ann.session;
  await node.stop();
  assert.equal(node.stdout.all.length, 1);
  const log = node.stderr.all.join('\n');
  assert.doesNotMatch(log, /opensesame/);
  assert.ok(!log.includes(resume_token));
});

scenario('ping: a client that does not answer pings is disconnected, one that answers stays', async (s) => {
  const node = await s.node({ config: '[gateway]\nping_interval_ms = 200\npong_timeout_ms = 200\n' });
  const dead = await RawWebSocket.connect(node); // never answers a ping
  s.defer(() => dead.end());
  dead.text({ jsonrpc: '2.0', id: 1, method: 'session.open', params: { user: 'dead' } });
  const alive = await s.client(node, { user: 'alive' });
  await within(5_000, 'the dead connection to be ended', dead.close_of(5_000));
  await dead.raw.closed;
  await new Promise((go) => setTimeout(go, 600)); // three ping intervals
  assert.ok(await alive.call('rpc.discover'));
});

scenario('resume window: after it the session is gone and its room is empty', async (s) => {
  const node = await s.node({ config: '[sessions]\nresume_window_ms = 300\n' });
  const ann = await s.client(node, { user: 'ann' });
  const bob = await s.client(node, { user: 'bob' });
  await ann.join('lobby');
  await ann.end({ abrupt: true });
  assert.equal(
    (await bob.call('room.members', { room: 'lobby' })).total,
    1,
    'it keeps its rooms while it may come back',
  );
  while ((await bob.call('room.members', { room: 'lobby' })).total !== 0) await new Promise((go) => setTimeout(go, 50));
  const late = await s.client(node);
  const { session, resume_token: token } = ann.session;
  const opened = await late.open({ resume: { session, token } });
  assert.deepEqual([opened.resumed, typeof opened.reason], [false, 'string']);
});

scenario('idle rooms: leave memory and come back with their epoch, positions and history', async (s) => {
  const node = await s.node({ config: '[rooms]\nidle_ttl_ms = 1000\n' });
  const ann = await s.client(node, { user: 'ann' });
  const { epoch } = await ann.publish('lobby', 1);
  const rooms = async () => (await (await fetch(`${node.http}/status`)).json()).rooms;
  assert.equal(await rooms(), 1);
  await within(
    10_000,
    'the room to leave memory',
    (async () => {
      while ((await rooms()) !== 0) await new Promise((go) => setTimeout(go, 50));
    })(),
  );
  assert.deepEqual(await ann.publish('lobby', 2).then(({ epoch: e, seq }) => [e, seq]), [epoch, 2]);
  assert.deepEqual(
    (await ann.call('room.history', { room: 'lobby' })).messages.map(({ payload }) => payload),
    [1, 2],
  );
});

scenario('version: prints it', async (s) => {
  const { code, stdout } = await s.run(['version']).result();
  assert.equal(code, 0);
  assert.match(stdout, /\d+\.\d+\.\d+/);
});
