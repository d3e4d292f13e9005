// What is on disk: rooms of a durable namespace, inboxes and sessions, over `kill -9` and over a stop.
import assert from 'node:assert/strict';
import { RpcError } from './client.mjs';
import { Node, eventually, fresh, scenario } from './harness.mjs';

const rejects = (code) => (error) => error instanceof RpcError && error.code === code;
const resume_of = ({ session, resume_token: token }, positions) => ({
  resume: { session, token, ...(positions && { positions }) },
});
const payloads = (messages) => messages.map(({ payload }) => payload);
const send = (client, to, payload, more = {}) => client.call('user.send', { to, event: 'e', payload, ...more });

/** The node again, on the same port and data, after `end` has ended it. */
async function restarted(s, node, end = () => node.kill('SIGKILL')) {
  const { port, dir } = node;
  await end();
  const next = await Node.start({ listen: `127.0.0.1:${port}`, dir });
  s.defer(() => (next.ended ? undefined : next.stop()));
  return next;
}

scenario('durable: after kill -9 a room has its epoch, its positions and every message that was acknowledged', async (s) => {
  let node = await s.node();
  const room = fresh('durable:room');
  const ann = await s.client(node, { user: 'ann' });
  const before = await ann.join(room);
  const acks = [];
  for (let i = 1; i <= 20; ++i) acks.push(ann.publish(room, i, { id: `m-${i}` }));
  for (const [i, ack] of (await Promise.all(acks)).entries()) {
    assert.equal(ack.ack, 'durable');
    assert.equal(ack.seq, i + 1);
  }
  node = await restarted(s, node);
  const bob = await s.client(node, { user: 'bob' });
  const joined = await bob.join(room, { since: { epoch: before.epoch, seq: 5 } });
  assert.equal(joined.recovered, true);
  assert.equal(joined.epoch, before.epoch);
  assert.deepEqual(
    payloads(joined.missed),
    Array.from({ length: 15 }, (_, i) => i + 6),
  );
  assert.equal((await bob.publish(room, 'next')).seq, 21);
});

scenario('durable: a repeat is recognised after kill -9, and other content is a conflict', async (s) => {
  let node = await s.node();
  const room = fresh('durable:room');
  const [user, message] = ['ann', { id: 'same', event: 'e' }];
  const ann = await s.client(node, { user });
  const first = await ann.call('room.publish', { room, payload: 1, ...message });
  node = await restarted(s, node);
  const again = await s.client(node);
  const opened = await again.open(resume_of(ann.session)); // an anonymous sender is its session
  assert.equal(opened.resumed, true);
  const repeat = await again.call('room.publish', { room, payload: 1, ...message });
  assert.deepEqual(repeat, { ...first, duplicate: true });
  await assert.rejects(again.call('room.publish', { room, payload: 2, ...message }), rejects(-32005));
});

scenario('durable: a session resumes after kill -9 with its rooms, its positions and its inbox', async (s) => {
  let node = await s.node();
  const room = fresh('durable:room');
  const ann = await s.client(node, { user: 'ann' });
  const bob = await s.client(node, { user: 'bob' });
  const { epoch } = await ann.join(room);
  await bob.publish(room, 1);
  await ann.next('room.message');
  await ann.end({ abrupt: true });
  await bob.publish(room, 2);
  await send(bob, 'ann', 'while you were away');
  node = await restarted(s, node);
  const again = await s.client(node);
  const opened = await again.open(resume_of(ann.session, { [room]: { epoch, seq: 1 } }));
  assert.equal(opened.resumed, true);
  assert.deepEqual(
    opened.rooms.map(({ room: name, recovered }) => [name, recovered]),
    [[room, true]],
  );
  assert.deepEqual(payloads(await again.take('room.message', 1)), [2]);
  assert.equal((await again.next('inbox.message')).payload, 'while you were away');
  const carl = await s.client(node, { user: 'carl' });
  await carl.publish(room, 3);
  assert.equal((await again.next('room.message')).payload, 3);
});

scenario('durable: without positions a resume after kill -9 starts from what was proven: it may repeat, it never loses', async (s) => {
  let node = await s.node({ args: ['--set', 'gateway.ping_interval_ms=100'] });
  const room = fresh('durable:room');
  const ann = await s.client(node, { user: 'ann' });
  const bob = await s.client(node, { user: 'bob' });
  await ann.join(room);
  for (let i = 1; i <= 3; ++i) await bob.publish(room, i);
  await ann.take('room.message', 3);
  await ann.end({ abrupt: true });
  for (let i = 4; i <= 6; ++i) await bob.publish(room, i);
  node = await restarted(s, node);
  const again = await s.client(node);
  assert.equal((await again.open(resume_of(ann.session))).resumed, true);
  const seen = [];
  while (seen.at(-1) !== 6) seen.push((await again.next('room.message')).payload);
  assert.deepEqual(seen, Array.from({ length: 7 - seen[0] }, (_, i) => i + seen[0]));
  assert.ok(seen[0] <= 4, `begins with ${seen[0]}`);
});

scenario('durable: the token works once over a restart, too; an ephemeral room says that its history is lost', async (s) => {
  let node = await s.node();
  const room = fresh('lobby');
  const ann = await s.client(node, { user: 'ann' });
  await ann.join(room);
  await new Promise((resolve) => setTimeout(resolve, 1_200)); // memberships of ephemeral rooms are written behind, within 1 s
  node = await restarted(s, node);
  const again = await s.client(node);
  const opened = await again.open(resume_of(ann.session));
  assert.equal(opened.resumed, true);
  assert.deepEqual(
    opened.rooms.map(({ room: name, recovered, reason }) => [name, recovered, reason]),
    [[room, false, 'epoch_changed']],
  );
  await again.barrier();
  await again.barrier(); // the ping behind the answer has its pong
  const thief = await s.client(node);
  assert.equal((await thief.open(resume_of(ann.session))).reason, 'bad_token');
});

scenario('durable: a stop acknowledges what it stores, and its sessions resume afterwards', async (s) => {
  let node = await s.node();
  const room = fresh('durable:room');
  const ann = await s.client(node, { user: 'ann' });
  await ann.join(room);
  const acks = Array.from({ length: 200 }, (_, i) => ann.publish(room, i, { id: `m-${i}` }).then(
    ({ seq }) => seq,
    (error) => error.code,
  ));
  const next = restarted(s, node, () => node.stop());
  const said = await Promise.all(acks);
  const stored = said.filter((each) => each > 0);
  assert.ok(said.every((each) => each > 0 || each === -32010), `answers: ${[...new Set(said)]}`);
  node = await next;
  const again = await s.client(node);
  assert.equal((await again.open(resume_of(ann.session))).resumed, true);
  const { last } = await again.call('room.history', { room });
  assert.equal(last, stored.length, 'acknowledged is stored, and refused is not');
});

scenario('durable: two sessions of one user, one ack: after kill -9 the message is gone for both', async (s) => {
  let node = await s.node();
  const ann = await s.client(node, { user: 'ann' });
  const one = await s.client(node, { user: 'bob' });
  const two = await s.client(node, { user: 'bob' });
  for (const text of ['first', 'second']) assert.equal((await send(ann, 'bob', text)).ack, 'durable');
  const [first] = await one.take('inbox.message', 2);
  await two.take('inbox.message', 2);
  assert.deepEqual(await one.call('inbox.ack', { upto: first.n }), { upto: first.n, left: 1 });
  node = await restarted(s, node);
  const again = await s.client(node, { user: 'bob' });
  assert.equal((await again.next('inbox.message')).payload, 'second');
  await again.barrier();
  assert.deepEqual(again.notifications, []);
});

scenario('durable: a database of a newer Greenroom ends the start with 78 and a sentence', async (s) => {
  const node = await s.node();
  await node.stop();
  const { DatabaseSync } = await import('node:sqlite').catch(() => ({}));
  if (!DatabaseSync) {
    const { execFileSync } = await import('node:child_process');
    execFileSync('sqlite3', [`${node.dir}/greenroom.db`, 'PRAGMA user_version = 999']);
  } else {
    const db = new DatabaseSync(`${node.dir}/greenroom.db`);
    db.exec('PRAGMA user_version = 999');
    db.close();
  }
  const { code, stderr } = await s
    .run(['serve', '--dev', '--listen', '127.0.0.1:0', '--data', node.dir])
    .result();
  assert.equal(code, 78);
  assert.match(stderr, /newer Greenroom/);
});

scenario('durable: what cannot be a database is set aside, said, and the node starts with an empty one', async (s) => {
  const node = await s.node();
  const room = fresh('durable:room');
  const ann = await s.client(node, { user: 'ann' });
  await ann.publish(room, 1);
  await node.stop();
  const { writeFileSync, readdirSync } = await import('node:fs');
  writeFileSync(`${node.dir}/greenroom.db`, 'this was a database once '.repeat(1_000));
  const next = await s.node({ dir: node.dir });
  await eventually(() => assert.match(next.stderr.all.join('\n'), /set aside/));
  assert.ok(readdirSync(node.dir).some((file) => /damaged/.test(file)));
  const bob = await s.client(next, { user: 'bob' });
  assert.equal((await bob.publish(room, 1)).seq, 1);
});
