// Sessions: opened, resumed, replaced, ended.
import assert from 'node:assert/strict';
import { RpcError } from './client.mjs';
import { fresh, scenario, sharedNode } from './harness.mjs';

const shared = sharedNode();
const rejects = (code) => (error) => error instanceof RpcError && error.code === code;
const resume_of = ({ session, resume_token: token }, positions) => ({
  resume: { session, token, ...(positions && { positions }) },
});

/** A user with a session in `room`, which then sees `count` messages of another user's. */
async function member(s, node, room, count = 0) {
  const ann = await s.client(node, { user: fresh('ann') });
  const bob = await s.client(node, { user: fresh('bob') });
  const joined = await ann.join(room);
  for (let i = 1; i <= count; ++i) await bob.publish(room, i);
  const seen = await ann.take('room.message', count);
  return { ann, bob, joined, seen };
}

scenario('session.open: names the session, its user, a resume token, the limits and the heartbeat', async (s) => {
  const client = await s.client(await shared.get());
  const user = fresh('ann');
  const opened = await client.open({ user, client: 'e2e' });
  assert.equal(opened.user, user);
  assert.equal(opened.resumed, false);
  assert.equal(opened.reason, undefined);
  assert.deepEqual(opened.rooms, []);
  assert.ok(opened.session.length > 0);
  assert.ok(
    Buffer.from(opened.resume_token, 'base64url').length >= 32 || opened.resume_token.length >= 43,
    'the token has 256 bits',
  );
  assert.notEqual(opened.session, opened.resume_token);
  assert.ok(Object.keys(opened.limits).length > 0);
  assert.ok(opened.heartbeat);
  assert.ok(Math.abs(opened.time - Date.now()) < 60_000);
});

scenario('session.open: a second time on one connection is a conflict', async (s) => {
  const client = await s.client(await shared.get(), { user: fresh('ann') });
  await assert.rejects(client.open({ user: fresh('bob') }), rejects(-32005));
});

scenario('session: with --dev any first call opens one, and its user is anonymous', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const client = await s.client(node);
  assert.equal((await client.join(room)).members, 1);
  await client.publish(room, 'hi');
  assert.ok((await client.next('room.message')).from.length > 0);
  await assert.rejects(client.open({ user: fresh('late') }), rejects(-32005));
});

scenario('session.close: answers, then the node closes politely, and the session is gone', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const { ann, bob } = await member(s, node, room);
  assert.deepEqual(await ann.call('session.close'), {});
  assert.equal((await ann.closed).code, 1000);
  assert.equal((await bob.call('room.members', { room })).total, 0);
  const again = await s.client(node);
  const opened = await again.open(resume_of(ann.session));
  assert.equal(opened.resumed, false);
  assert.ok(opened.reason);
});

scenario('resume: rooms, positions and what was missed, in order and before anything live', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const { ann, bob, joined, seen } = await member(s, node, room, 3);
  await ann.end({ abrupt: true });
  for (let i = 4; i <= 8; ++i) await bob.publish(room, i);
  const again = await s.client(node);
  const opened = await again.open(resume_of(ann.session, { [room]: { epoch: joined.epoch, seq: seen.at(-1).seq } }));
  assert.equal(opened.resumed, true);
  assert.equal(opened.session, ann.session.session);
  assert.equal(opened.user, ann.session.user);
  assert.deepEqual(
    opened.rooms.map(({ room: name, recovered }) => [name, recovered]),
    [[room, true]],
  );
  await bob.publish(room, 9);
  const missed = await again.take('room.message', 6);
  assert.deepEqual(
    missed.map(({ payload }) => payload),
    [4, 5, 6, 7, 8, 9],
  );
  assert.deepEqual(
    missed.map(({ seq }) => seq),
    [4, 5, 6, 7, 8, 9],
  );
  assert.equal((await bob.call('room.members', { room })).total, 1);
});

scenario('resume: a bare seq counts, its epoch is that of the join', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const { ann, bob } = await member(s, node, room, 2);
  await ann.end({ abrupt: true });
  await bob.publish(room, 3);
  const again = await s.client(node);
  assert.equal((await again.open(resume_of(ann.session, { [room]: 1 }))).resumed, true);
  assert.deepEqual(
    (await again.take('room.message', 2)).map(({ payload }) => payload),
    [2, 3],
  );
});

scenario('resume: without positions nothing is lost, though some may come again', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const { ann, bob } = await member(s, node, room, 2);
  await ann.end({ abrupt: true });
  await bob.publish(room, 3);
  const again = await s.client(node);
  assert.equal((await again.open(resume_of(ann.session))).resumed, true);
  await bob.publish(room, 4);
  const got = [];
  while (got.at(-1) !== 4) got.push((await again.next('room.message')).payload);
  assert.deepEqual(got, [1, 2, 3, 4].slice(4 - got.length));
  assert.ok(got.length >= 2);
});

scenario('resume: rooms in the positions that the session lacks are joined as with since', async (s) => {
  const node = await shared.get();
  const [room, other] = [fresh(), fresh()];
  const { ann, bob } = await member(s, node, room);
  const first = await bob.publish(other, 1);
  await bob.publish(other, 2);
  await ann.end({ abrupt: true });
  const again = await s.client(node);
  const opened = await again.open(resume_of(ann.session, { [other]: { epoch: first.epoch, seq: 1 } }));
  const entry = opened.rooms.find(({ room: name }) => name === other);
  assert.equal(entry?.recovered, true);
  assert.equal((await again.next('room.message')).payload, 2);
  assert.equal((await bob.call('room.members', { room: other })).total, 1);
});

scenario('resume: a still living older connection is closed with 4009 session_replaced', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const { ann, bob } = await member(s, node, room);
  const again = await s.client(node);
  assert.equal((await again.open(resume_of(ann.session))).resumed, true);
  assert.deepEqual(await ann.closed, { code: 4009, reason: 'session_replaced' });
  await bob.publish(room, 1);
  assert.equal((await again.next('room.message')).payload, 1);
  assert.equal((await bob.call('room.members', { room })).total, 1);
});

scenario('resume: the token works once; each resume gives another', async (s) => {
  const node = await shared.get();
  const { ann } = await member(s, node, fresh());
  await ann.end({ abrupt: true });
  const second = await s.client(node);
  const opened = await second.open(resume_of(ann.session));
  assert.equal(opened.resumed, true);
  assert.notEqual(opened.resume_token, ann.session.resume_token);
  await second.barrier(); // the ping behind the answer has come …
  await second.barrier(); // … and so has its pong, which kills the old token
  const thief = await s.client(node);
  const refused = await thief.open(resume_of(ann.session));
  assert.equal(refused.resumed, false);
  assert.ok(refused.reason);
  assert.notEqual(refused.session, opened.session);
  assert.ok(await second.call('rpc.discover'), 'the holder of the new token is not disturbed');
  await second.end({ abrupt: true });
  const third = await s.client(node);
  assert.equal((await third.open(resume_of(opened))).resumed, true);
});

scenario('resume: until the ping behind the answer is answered, the old token attaches again', async (s) => {
  const node = await shared.get();
  const { ann } = await member(s, node, fresh());
  await ann.end({ abrupt: true });
  const mute = await s.client(node, { autoPong: false });
  const params = resume_of(ann.session);
  assert.equal((await mute.open(params)).resumed, true);
  const again = await s.client(node);
  assert.equal((await again.open(params)).resumed, true);
  assert.equal((await mute.closed).code, 4009);
});

scenario(
  'resume: a wrong token, an unknown session and another user’s session give a fresh session and a reason',
  async (s) => {
    const node = await shared.get();
    const { ann } = await member(s, node, fresh());
    for (const resume of [
      { session: ann.session.session, token: 'A'.repeat(ann.session.resume_token.length) },
      { session: 'no-such-session', token: ann.session.resume_token },
      { session: '', token: '' },
    ]) {
      const other = await s.client(node);
      const opened = await other.call('session.open', { user: fresh('eve'), resume }).catch((error) => error);
      if (opened instanceof RpcError) {
        assert.equal(opened.code, -32602);
        continue;
      }
      assert.equal(opened.resumed, false);
      assert.equal(typeof opened.reason, 'string');
      assert.notEqual(opened.session, ann.session.session);
    }
    assert.ok(await ann.call('rpc.discover'), 'the attacked session is not disturbed');
  },
);

scenario('resume: a room with another epoch is told as epoch_changed', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const { ann } = await member(s, node, room, 2);
  await ann.end({ abrupt: true });
  const again = await s.client(node);
  const opened = await again.open(resume_of(ann.session, { [room]: { epoch: 'another', seq: 1 } }));
  assert.equal(opened.resumed, true);
  assert.deepEqual([opened.rooms[0].recovered, opened.rooms[0].reason], [false, 'epoch_changed']);
});

scenario('session: what an implicit session joined is left with its connection', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const anonymous = await s.client(node);
  await anonymous.join(room);
  await anonymous.end({ abrupt: true });
  const bob = await s.client(node, { user: fresh('bob') });
  await bob.until(() => (bob.close ? undefined : true));
  for (let i = 0; i < 200 && (await bob.call('room.members', { room })).total !== 0; ++i)
    await new Promise((go) => setTimeout(go, 10));
  assert.equal((await bob.call('room.members', { room })).total, 0);
});

scenario('session: the ping of the node is answered, and a resume token dies with the pong', async (s) => {
  const node = await shared.get();
  const { ann } = await member(s, node, fresh());
  await ann.end({ abrupt: true });
  const again = await s.client(node);
  const pinged = new Promise((resolve) => again.socket.once('ping', resolve));
  const params = resume_of(ann.session);
  assert.equal((await again.open(params)).resumed, true);
  await pinged;
  await new Promise((go) => setTimeout(go, 100)); // the pong travels; nothing on this side shows its arrival
  const late = await s.client(node);
  assert.equal((await late.open(params)).resumed, false);
});

shared.stops();
