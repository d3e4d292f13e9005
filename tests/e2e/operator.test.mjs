// What an operator does with a node's store: inboxes, dead letters, backup and restore, doctor.
import assert from 'node:assert/strict';
import { existsSync, openSync, readFileSync, statSync, writeFileSync, writeSync, closeSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { RpcError } from './client.mjs';
import { eventually, fresh, scenario, scratch, sharedNode } from './harness.mjs';

const shared = sharedNode({ config: '[inbox]\nmessages_max = 3\n' });
const attempts_max = 20; // of the default config

/** The command line on a node's machine. */
async function on(s, node, ...args) {
  return s.run([...args, '--data', node.dir]).result();
}
async function documents(s, node, ...args) {
  const { code, stdout, stderr } = await on(s, node, ...args, '--json');
  assert.equal(code, 0, stderr);
  return stdout === '' ? [] : stdout.split('\n').map((line) => JSON.parse(line));
}
const send = (client, to, payload, more = {}) => client.call('user.send', { to, event: 'e', payload, ...more });

scenario('queue: full is refused to the sender; list, show and purge say what waits', async (s) => {
  const node = await shared.get();
  const ann = await s.client(node, { user: fresh('ann') });
  const bob = fresh('bob');
  for (let i = 1; i <= 3; ++i) await send(ann, bob, { i });
  await assert.rejects(send(ann, bob, 4), (error) => error instanceof RpcError && error.code === -32007);
  const refused = await s.run(['send', bob, 'e', '4', '--url', node.url]).result();
  assert.equal(refused.code, 75, 'queue full: try again later');

  const list = await on(s, node, 'queue', 'list', '--all');
  assert.match(list.stdout, new RegExp(`^${bob}: 3 messages, \\d+ B, the oldest \\d+ s old, 0 sessions$`, 'm'));
  const show = await on(s, node, 'queue', 'show', bob, '--limit', '2');
  assert.match(show.stdout.split('\n')[0], /^#1 ann-\S+ e \{"i":1\} \(\d+ s old, expires in [67] d, 0 failed delivery attempts\)$/);
  assert.equal(show.stdout.split('\n').length, 2);
  assert.match(show.stderr, /more follow: --after 2, or --all/);
  const rest = await documents(s, node, 'queue', 'show', bob, '--after', '2');
  assert.deepEqual(rest.map(({ n, payload, event }) => ({ n, payload, event })), [{ n: 3, payload: { i: 3 }, event: 'e' }]);

  const asked = await on(s, node, 'queue', 'purge', bob);
  assert.equal(asked.code, 64, 'without a terminal to ask at, nothing is dropped');
  assert.match(asked.stderr, /--yes/);
  const purged = await on(s, node, 'queue', 'purge', bob, '--yes');
  assert.equal(purged.stdout, `dropped 3 messages of ${bob}`);
  assert.deepEqual(await documents(s, node, 'queue', 'show', bob), []);
  await send(ann, bob, 'fits again');
});

scenario('queue replay: a connected session gets once more what it has not acknowledged', async (s) => {
  const node = await shared.get();
  const ann = await s.client(node, { user: fresh('ann') });
  const bob = await s.client(node, { user: fresh('bob') });
  await send(ann, bob.session.user, 1);
  await send(ann, bob.session.user, 2);
  const [first] = await bob.take('inbox.message', 2);
  await bob.call('inbox.ack', { upto: first.n });
  const replayed = await on(s, node, 'queue', 'replay', bob.session.user);
  assert.equal(replayed.stdout, `sent 1 message again to 1 session of ${bob.session.user}`);
  assert.equal((await bob.next('inbox.message')).payload, 2);
  const away = await on(s, node, 'queue', 'replay', 'nobody');
  assert.match(away.stdout, /nobody has no session here/);
});

scenario('dead: after 20 failed deliveries a message is a dead letter; replayed, it is delivered', async (s) => {
  const node = await shared.get();
  const ann = await s.client(node, { user: fresh('ann') });
  const user = fresh('bob');
  await send(ann, user, 'poison', { id: 'order-1' });
  for (let i = 0; i < attempts_max; ++i) {
    const bob = await s.client(node, { user });
    assert.equal((await bob.next('inbox.message')).payload, 'poison');
    await bob.end({ abrupt: true });
    await eventually(async () => {
      const [waiting] = await documents(s, node, 'queue', 'show', user);
      assert.equal(waiting?.attempts ?? attempts_max, i + 1);
    });
  }
  const [letter] = await documents(s, node, 'dead', 'list', '--user', user);
  assert.deepEqual(
    [letter.user, letter.reason, letter.attempts, letter.id, letter.payload],
    [user, 'undeliverable', attempts_max, 'order-1', 'poison'],
  );
  const shown = await on(s, node, 'dead', 'list', '--user', user);
  assert.match(shown.stdout, new RegExp(`^${letter.letter} ${user} undeliverable \\d+ s ago: ann-\\S+ e "poison"$`));

  const bob = await s.client(node, { user });
  for (let i = 0; i < 3; ++i) await send(ann, user, i);
  const full = await on(s, node, 'dead', 'replay', `${letter.letter}`);
  assert.equal(full.code, 75);
  assert.match(full.stderr, new RegExp(`the inbox is full for ${letter.letter}`));
  const three = await bob.take('inbox.message', 3);
  await bob.call('inbox.ack', { upto: three[2].n });
  const replayed = await on(s, node, 'dead', 'replay', '--user', user);
  assert.equal(replayed.stdout, 'queued 1 dead letter again');
  const again = await bob.next('inbox.message');
  assert.deepEqual([again.id, again.payload], ['order-1', 'poison']);
  assert.ok(again.n > three[2].n);
  assert.equal((await bob.call('inbox.ack', { upto: again.n })).left, 0);
  assert.equal((await on(s, node, 'dead', 'replay', `${letter.letter}`)).code, 65, 'it is no dead letter any more');
});

scenario('dead purge: drops what is named, and only after a yes', async (s) => {
  const node = await shared.get();
  const ann = await s.client(node, { user: fresh('ann') });
  const user = fresh('bob');
  await send(ann, user, 'short', { ttl_s: 1 });
  await eventually(async () => assert.equal((await documents(s, node, 'dead', 'list', '--user', user)).length, 1), 10_000);
  assert.equal((await on(s, node, 'dead', 'purge', '--user', user)).code, 64);
  assert.equal((await on(s, node, 'dead', 'purge', '--user', user, '--yes')).stdout, 'dropped 1 dead letter');
  assert.equal((await on(s, node, 'dead', 'purge')).code, 64, 'which ones must be said');
  assert.equal((await on(s, node, 'dead', 'purge', '--all', '--user', user)).code, 64);
});

/** Publishes durably until told to stop; what was acknowledged, in order. */
function load(client, room) {
  const acked = [];
  let running = true;
  const done = (async () => {
    for (let i = 0; running; ++i) {
      const batch = Array.from({ length: 20 }, (_, k) => client.publish(room, { i, k, fill: 'x'.repeat(500) }));
      for (const { seq, epoch } of await Promise.all(batch)) acked.push({ seq, epoch });
    }
  })();
  return { acked, stop: () => ((running = false), done) };
}

async function history(client, room) {
  const all = [];
  for (let before; ; before = all[0].seq) {
    const { messages } = await client.call('room.history', { room, limit: 1_000, ...(before ? { before } : {}) });
    if (messages.length === 0) return all;
    all.unshift(...messages);
    if (all[0].seq === 1) return all;
  }
}

scenario('backup and restore: what was acknowledged before a backup began is in it, in new epochs', async (s) => {
  const node = await s.node();
  const room = 'durable:orders';
  const ann = await s.client(node, { user: 'ann' });
  const joined = await ann.join(room);
  for (let i = 1; i <= 3; ++i) await send(ann, 'bob', i);
  const bob = await s.client(node, { user: 'bob' });
  const letters = await bob.take('inbox.message', 3);
  await bob.call('inbox.ack', { upto: letters[0].n });
  const token = ann.session.resume_token;

  const publisher = load(await s.client(node, { user: 'carl' }), room);
  await eventually(() => assert.ok(publisher.acked.length > 500), 20_000);
  const file = join(scratch(), 'a.db');
  const before = publisher.acked.length;
  const made = await on(s, node, 'backup', file);
  const after = publisher.acked.length;
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /^backed up to \S+a\.db: [\d.]+ [KM]iB in \d+ ms$/);
  assert.ok(!existsSync(`${file}.partial`));
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const again = await on(s, node, 'backup', file);
  assert.equal(again.code, 65);
  assert.match(again.stderr, /is there already/);
  for (const own of ['greenroom.db', 'greenroom.db-wal']) {
    const refused = await on(s, node, 'backup', join(node.dir, own), '--force');
    assert.equal(refused.code, 65);
    assert.match(refused.stderr, /belongs to the store itself/);
  }
  assert.match((await on(s, node, 'backup', node.dir, '--force')).stderr, /There is a directory/);
  assert.match((await on(s, node, 'backup', '/no/such/place')).stderr, /The backup cannot begin/);
  const { size } = statSync(file);
  await eventually(() => assert.ok(publisher.acked.length > after + 200), 20_000);
  const [forced] = await documents(s, node, 'backup', file, '--force');
  assert.ok(forced.bytes > size, 'the copy of later is larger');
  await publisher.stop();

  const taken = await s.run(['restore', file, '--data', node.dir]).result();
  assert.equal(taken.code, 69, 'a node runs there');
  await node.stop();
  const there = await s.run(['restore', file, '--data', node.dir]).result();
  assert.equal(there.code, 65, 'there is a database');

  const dir = join(scratch(), 'restored');
  const restored = await s.run(['restore', file, '--data', dir]).result();
  assert.equal(restored.code, 0, restored.stderr);
  assert.match(restored.stdout, /: 1 room with \d+ messages, each in a new epoch; 1 inbox with 2 messages/);
  assert.match(restored.stdout, /3 sessions ended/);

  const second = await s.node({ dir });
  const dora = await s.client(second, { user: 'dora' });
  const found = await dora.join(room, { since: { epoch: joined.epoch, seq: 0 } });
  assert.notEqual(found.epoch, joined.epoch);
  assert.deepEqual([found.recovered, found.reason], [false, 'epoch_changed']);
  assert.ok(found.seq >= before, `${found.seq} of at least ${before}`);
  const seqs = (await history(dora, room)).map(({ seq }) => seq);
  assert.deepEqual(seqs, Array.from({ length: seqs.length }, (_, i) => i + 1));
  assert.ok(seqs.length >= before);
  assert.equal((await dora.publish(room, 'next')).seq, found.seq + 1);

  const back = await s.client(second);
  const opened = await back.open({ user: 'ann', resume: { session: ann.session.session, token } });
  assert.equal(opened.resumed, false, 'the token is void');
  const bobs = await s.client(second, { user: 'bob' });
  const waiting = await bobs.take('inbox.message', 2);
  assert.deepEqual(waiting.map(({ payload }) => payload), [2, 3]);
  await send(dora, 'bob', 'new');
  assert.ok((await bobs.next('inbox.message')).n >= letters[2].n + 1_000_000);
});

scenario('restore: a damaged file, another program’s and none at all are refused, and nothing is left', async (s) => {
  const dir = join(scratch(), 'data');
  const garbage = join(scratch(), 'garbage.db');
  writeFileSync(garbage, 'this is no database'.repeat(1_000));
  const bad = await s.run(['restore', garbage, '--data', dir]).result();
  assert.equal(bad.code, 65);
  assert.match(bad.stderr, /^greenroom: The backup/);
  assert.ok(!existsSync(join(dir, 'greenroom.db')));
  assert.equal((await s.run(['restore', '/no/such/file', '--data', dir]).result()).code, 66);
});

const verdicts = ({ stdout }) => stdout.split('\n').map((line) => JSON.parse(line));
const doctor = (s, ...args) => s.run(['doctor', ...args, '--json']).result();

scenario('doctor: a healthy node has no problems, while it runs and after it', async (s) => {
  const node = await s.node();
  const ann = await s.client(node, { user: 'ann' });
  await ann.publish('durable:orders', 1);
  const listen = ['--data', node.dir, '--listen', `${node.host}:${node.port}`];
  const running = await doctor(s, ...listen);
  assert.equal(running.code, 0, running.stdout);
  const all = verdicts(running);
  assert.deepEqual([...new Set(all.map(({ check }) => check))], ['config', 'node', 'port', 'descriptors', 'audit', 'disk', 'database', 'clock']);
  const sentence = (check) => all.filter((each) => each.check === check).map(({ finding }) => finding).join('\n');
  assert.match(sentence('node'), new RegExp(`pid ${node.pid}$`));
  assert.match(sentence('port'), /is held by the running node/);
  assert.match(sentence('database'), /nothing is damaged/);
  await node.stop();
  const stopped = await doctor(s, ...listen);
  assert.equal(stopped.code, 0, stopped.stdout);
  assert.match(stopped.stdout, /is free/);
  const text = await s.run(['doctor', ...listen]).result();
  assert.match(text.stdout, /^ok {7}config: /);
  assert.match(text.stdout, /0 problems, \d+ warnings?$/);
});

scenario('doctor: a damaged database, a taken port and a bad config are problems with an advice', async (s) => {
  const node = await s.node();
  const ann = await s.client(node, { user: 'ann' });
  for (let i = 0; i < 50; ++i) await ann.publish('durable:orders', 'x'.repeat(2_000));
  await node.stop();
  const path = join(node.dir, 'greenroom.db');
  const file = openSync(path, 'r+');
  for (let at = 4_096; at < statSync(path).size; at += 4_096) writeSync(file, Buffer.alloc(512, 0xa5), 0, 512, at);
  closeSync(file);
  const bytes = readFileSync(path);

  const server = createServer();
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  s.defer(() => server.close());
  const result = await doctor(s, '--data', node.dir, '--listen', `127.0.0.1:${server.address().port}`);
  assert.equal(result.code, 1);
  const problems = verdicts(result).filter(({ verdict }) => verdict === 'problem');
  assert.deepEqual(problems.map(({ check }) => check), ['port', 'database']);
  assert.ok(problems.every(({ advice }) => advice.length > 10));
  assert.match(problems[1].finding, /damaged/);
  assert.deepEqual(readFileSync(path), bytes, 'it changes nothing');

  const bad = await doctor(s, '--data', node.dir, '--set', 'gateway.ping_intervall_ms=1s');
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /ping_interval_ms/);
});

scenario('metrics: the store tells its commits, sizes and condition', async (s) => {
  const node = await s.node();
  const ann = await s.client(node, { user: 'ann' });
  for (let i = 0; i < 5; ++i) await ann.publish('durable:orders', i);
  const text = await (await fetch(`${node.http}/metrics`)).text();
  const figure = (line) => Number(text.match(new RegExp(`^${line.replace(/[{}"]/g, '\\$&')} (\\S+)$`, 'm'))?.[1]);
  assert.ok(figure('greenroom_store_batches_total') >= 5);
  assert.ok(figure('greenroom_store_commit_seconds_total') > 0);
  assert.ok(figure('greenroom_store_database_bytes') >= 4_096);
  assert.ok(figure('greenroom_store_wal_bytes') > 0);
  assert.equal(figure('greenroom_store_condition{condition="good"}'), 1);
  assert.equal(figure('greenroom_store_condition{condition="broken"}'), 0);
  assert.equal(figure('greenroom_store_uncommitted_bytes'), 0);
});

shared.stops();
