// Presence: who is in a room, who is online, what users show, who is told; and a crowd that joins within a second.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { RpcError } from './client.mjs';
import { eventually, fresh, scenario, sharedNode } from './harness.mjs';

const shared = sharedNode();
const rejects = (code) => (error) => error instanceof RpcError && error.code === code;

async function pair(s) {
  const node = await shared.get();
  const ann = await s.client(node, { user: fresh('ann'), kind: 'json' });
  const bob = await s.client(node, { user: fresh('bob'), kind: 'msgpack' });
  return { node, ann, bob, names: { ann: ann.session.user, bob: bob.session.user } };
}
const users = (notice) => (notice.users ?? []).map(({ user }) => user);

scenario('room.presence: who comes gets the whole, the others what has changed, in either encoding', async (s) => {
  const { ann, bob, names } = await pair(s);
  const room = fresh();
  await ann.join(room, { presence: { colour: 'red' } });
  const first = await ann.next('room.presence');
  assert.deepEqual([first.room, users(first), first.total], [room, [names.ann], 1]);
  assert.deepEqual(first.users[0].entries, [{ session: ann.session.session, meta: { colour: 'red' } }]);
  await bob.join(room, { presence: 7 });
  const { joined, total, ...rest } = await ann.next('room.presence');
  assert.deepEqual([rest, total], [{ room }, 2]);
  assert.deepEqual(joined[0].entries, [{ session: bob.session.session, meta: 7 }]);
  const whole = await bob.next('room.presence');
  assert.deepEqual(users(whole), [names.ann, names.bob].sort());
  assert.deepEqual((await bob.call('room.members', { room })).members, whole.users);
  await bob.call('room.leave', { room });
  assert.deepEqual(await ann.next('room.presence'), { room, left: [{ user: names.bob }], total: 1 });
});

scenario('presence: what a user shows, who watches, and what stays when a connection is lost', async (s) => {
  const { node, ann, bob, names } = await pair(s);
  const answer = await ann.call('presence.watch', { users: [names.bob, 'nobody'] });
  assert.equal(answer.users[names.bob].online, true);
  assert.deepEqual(answer.users.nobody, { online: false });
  await bob.call('presence.set', { status: 'busy', location: 'hall', meta: { until: [1, 2] } });
  const { last_seen, ...told } = await ann.next('presence.changed');
  assert.deepEqual(told, { user: names.bob, online: true, status: 'busy', location: 'hall', meta: { until: [1, 2] } });
  assert.ok(Math.abs(last_seen - Date.now()) < 60_000);

  const { session, resume_token: token } = ann.session;
  ann.socket.terminate();
  await ann.closed;
  await bob.call('presence.set', { status: 'back' });
  const seen = await bob.call('presence.get', { users: [names.ann] });
  assert.equal(seen.users[names.ann].online, true); // its window
  const again = await s.client(node, { open: false });
  await again.open({ resume: { session, token } });
  // No ping had proven what was told before the loss: it is told again, of the other user, too.
  const of_bob = async () => {
    for (;;) {
      const changed = await again.next('presence.changed');
      if (changed.user === names.bob) return changed;
    }
  };
  assert.equal((await of_bob()).status, 'back');
  await bob.call('session.close');
  const gone = await of_bob();
  assert.deepEqual([gone.user, gone.online, gone.status], [names.bob, false, undefined]);
});

scenario('presence: online users in pages, from POST /rpc too; what needs a connection says so', async (s) => {
  const { node, ann, names } = await pair(s);
  const rpc = async (method, params) => {
    const response = await fetch(`${node.http}/rpc`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    return response.json();
  };
  const all = [];
  for (let after; ; ) {
    const { result } = await rpc('presence.online', { after, limit: 1 });
    all.push(...result.users);
    if (!(after = result.next)) break;
  }
  assert.deepEqual(all, [...all].sort());
  assert.ok(all.includes(names.ann) && all.includes(names.bob));
  assert.equal((await rpc('presence.get', { users: [names.ann] })).result.users[names.ann].online, true);
  for (const [method, params] of [
    ['presence.set', { status: 'x' }],
    ['presence.watch', { users: [] }],
    ['presence.unwatch', { users: [] }],
  ])
    assert.equal((await rpc(method, params)).error.code, -32600);
  await assert.rejects(ann.call('presence.watch', { users: 'bob' }), rejects(-32602));
  const status = await (await fetch(`${node.http}/status`)).json();
  assert.ok(status.users_online >= 2);
});

/** Opens many connections and counts what presence sends them. */
async function crowd(node, count, { kinds = ['greenroom.json.1', 'greenroom.msgpack.1'] } = {}) {
  const counted = { notices: 0, bytes: 0 };
  const open = (i) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(node.url, [kinds[i % kinds.length]], { perMessageDeflate: false });
      socket.on('message', (data) => {
        if (data.indexOf('room.presence') < 0) return;
        counted.notices += 1;
        counted.bytes += data.length;
        socket.told = true;
      });
      socket.once('open', () => resolve(socket));
      socket.once('error', reject);
    });
  const sockets = [];
  while (sockets.length < count) {
    const some = Math.min(100, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: some }, (_, i) => open(sockets.length + i)))));
  }
  return { sockets, counted };
}

scenario('room.presence: 5,000 joins within a second are some ten thousand notices, and not 25 million', async (s) => {
  const node = await shared.get();
  const people = 5_000;
  const room = fresh();
  const { sockets, counted } = await crowd(node, people);
  try {
    const join = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'room.join', params: { room } });
    const began = Date.now();
    for (const socket of sockets) socket.send(join);
    const watcher = await s.client(node, { user: fresh('zz') });
    await eventually(async () => {
      assert.equal((await watcher.call('room.members', { room, limit: 1 })).total, people);
      assert.ok(sockets.every((socket) => socket.told));
    }, 30_000);
    const took = Date.now() - began;
    // After the last join a large room speaks once a second, and only while there is something new.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const { notices, bytes } = counted;
    console.log(`# ${people} joins in ${took} ms: ${notices} notices, ${(bytes / 1e6).toFixed(1)} MB`);
    assert.ok(notices >= people);
    assert.ok(notices < people * (4 + (2 * took) / 1_000), `${notices} notices in ${took} ms`);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    assert.equal(counted.notices, notices);
  } finally {
    for (const socket of sockets) socket.terminate();
  }
});

shared.stops();
