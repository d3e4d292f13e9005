// Members, presence, the inbox, and the node's own requests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeNet, in_room, settle, silence, start } from './fake.mjs';

const member = (user, more) => ({ user, since: 1, entries: [{ session: `s-${user}` }], ...more });
const of = (...users) => ({ total: users.length, members: users.map((user) => member(user)) });
const names = (room) => room.members.map(({ user }) => user);

async function with_members(...users) {
  const net = new FakeNet();
  net.handlers['room.members'] = () => of(...users);
  const all = await in_room({}, { net });
  const changes = [];
  all.room.on('presence', (change) => changes.push(change));
  await all.clock.pass(1_000);
  const diff = (more) =>
    net.wire.notify('room.presence', { room: 'lobby', joined: [], left: [], updated: [], ...more });
  return { ...all, changes, diff };
}

test('members: asked for where the node does not tell, then what the node says of each', async () => {
  const { room, changes, diff } = await with_members('bob', 'ann');
  assert.deepEqual([names(room), room.total], [['ann', 'bob'], 2]);
  diff({ joined: [member('cid')], total: 3 });
  diff({ left: [{ user: 'bob' }], total: 2 });
  diff({ updated: [member('ann', { entries: [{ session: 's', meta: 'away' }] })], total: 2 });
  assert.deepEqual([names(room), room.total, room.members[0].entries[0].meta], [['ann', 'cid'], 2, 'away']);
  assert.deepEqual(
    changes.slice(-3).map(({ joined, left, updated }) => [joined.length, left.length, updated.length]),
    [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ],
  );
});

test('members: a user who leaves and comes in one diff is there', async () => {
  const { room, diff } = await with_members('ann', 'bob');
  diff({ left: [{ user: 'bob' }], joined: [member('bob', { since: 2 })], total: 2 });
  assert.deepEqual(names(room), ['ann', 'bob']);
});

test('members: a state replaces everything, and is told as what changed', async () => {
  const { net, room, changes } = await with_members('ann', 'bob');
  const told = changes.length;
  net.wire.notify('room.presence', { room: 'lobby', users: [member('bob'), member('cid')], total: 7 });
  assert.deepEqual([names(room), room.total], [['bob', 'cid'], 7]);
  const [{ joined, left, updated, total }] = changes.slice(told);
  assert.deepEqual([joined.map(({ user }) => user), left, updated, total], [['cid'], [{ user: 'ann' }], [], 7]);
});

test('members: a count that does not agree has the list read again, now and then', async () => {
  const { net, room, clock, diff } = await with_members('ann');
  await clock.pass(5_000);
  net.handlers['room.members'] = () => of('ann', 'bob', 'cid');
  diff({ joined: [member('bob')], total: 3 });
  await settle();
  assert.deepEqual(names(room), ['ann', 'bob', 'cid']);
  diff({ updated: [member('bob')], total: 9 });
  diff({ updated: [member('bob')], total: 9 });
  assert.equal(net.all('room.members').length, 2);
});

test('members: read again after a resume, since diffs were missed', async () => {
  const { net, room, clock } = await with_members('ann', 'bob');
  net.handlers['session.open'] = () =>
    net.opened({ resumed: true, rooms: [{ room: 'lobby', epoch: 'e1', seq: 0, recovered: true }] });
  net.handlers['room.members'] = () => of('ann');
  net.wire.drop();
  await clock.pass(2_000);
  assert.deepEqual(names(room), ['ann']);
});

test('members: where the node tells, it is not asked', async () => {
  const { net, clock, room } = await in_room();
  net.wire.notify('room.presence', { room: 'lobby', users: [member('ann')], total: 1 });
  await clock.pass(10_000);
  assert.deepEqual([names(room), net.all('room.members').length], [['ann'], 0]);
});

test('members: not kept where the application does not want them', async () => {
  const { net, room } = await in_room({}, { members: false });
  net.wire.notify('room.presence', { room: 'lobby', joined: [member('ann')], left: [], updated: [], total: 1 });
  assert.deepEqual([room.members, net.all('room.members').length], [[], 0]);
});

test('presence: set and watched again on a fresh session, and what changed meanwhile is told', async () => {
  const { client, net, clock } = start();
  const known = { bob: { online: true, status: 'here', last_seen: 1 } };
  net.handlers['presence.set'] = () => ({});
  net.handlers['presence.watch'] = () => ({ users: structuredClone(known) });
  const changes = [];
  client.presence.on('changed', (user) => changes.push(user));
  await client.presence.set('away', { location: 'lobby', meta: { n: 1 } });
  assert.deepEqual(await client.presence.watch(['bob']), known);
  net.wire.notify('presence.changed', { user: 'bob', online: true, status: 'busy', last_seen: 2 });
  assert.deepEqual(changes.splice(0), [{ user: 'bob', online: true, status: 'busy', last_seen: 2 }]);
  const lose = async () => {
    net.wire.drop();
    await clock.pass(1_000);
  };
  await lose();
  assert.equal(net.all('presence.set').length + net.all('presence.watch').length, 2, 'a resumed session keeps both');
  net.handlers['session.open'] = () => net.opened();
  known.bob = { online: true, status: 'busy', last_seen: 3 };
  await lose();
  assert.deepEqual(net.all('presence.set')[1].params, { status: 'away', location: 'lobby', meta: { n: 1 } });
  assert.deepEqual(changes, [], 'the time of the question is no change');
  known.bob = { online: false, last_seen: 5 };
  await lose();
  assert.deepEqual(changes, [{ user: 'bob', online: false, last_seen: 5 }]);
});

test('presence: watches are bounded', async () => {
  const { client } = start();
  await assert.rejects(client.presence.watch(Array.from({ length: 1_001 }, (_, i) => `u${i}`)), {
    reason: 'too_many_watched',
  });
});

const letter = (n, more) => ({ n, id: `i-${n}`, from: 'bob', event: 'e', payload: n, at: 1, ...more });

/** A client that keeps what came to its inbox. */
async function with_inbox() {
  const all = start();
  const inbox = [];
  all.client.on('inbox', (message, ack) => inbox.push({ ...message, ack }));
  await all.client.ready();
  const deliver = (...messages) => messages.forEach((each) => all.net.wire.notify('inbox.message', each));
  const again = async () => {
    all.net.wire.drop();
    await all.clock.pass(1_000);
  };
  const acks = () => all.net.all('inbox.ack').map(({ params }) => params.upto);
  return { ...all, inbox, deliver, again, acks };
}

test('inbox: acknowledgements of one turn go as one, the highest', async () => {
  const { inbox, deliver, acks } = await with_inbox();
  deliver(letter(1), letter(2), letter(3));
  const done = inbox.map(({ ack }) => ack());
  assert.deepEqual(await Promise.all(done), [true, true, true]);
  assert.deepEqual(acks(), [3]);
});

test('inbox: what was not acknowledged comes again, and is shown once', async () => {
  const { inbox, deliver, again, client, acks } = await with_inbox();
  deliver(letter(1), letter(2));
  await again();
  deliver(letter(1), letter(2), letter(3));
  assert.deepEqual([inbox.map(({ n }) => n), client.stats.duplicates, acks()], [[1, 2, 3], 2, []]);
  assert.equal(await inbox[1].ack(), true, 'it came again: it may be acknowledged here');
  assert.deepEqual(acks(), [2]);
});

test('inbox: an acknowledgement that was lost is made when the message comes again, not before', async () => {
  const { net, inbox, deliver, again, acks } = await with_inbox();
  net.handlers['inbox.ack'] = () => silence;
  deliver(letter(1));
  const lost = inbox[0].ack();
  await settle();
  net.handlers['inbox.ack'] = ({ upto }) => ({ upto, left: 0 });
  await again();
  assert.equal(await lost, false);
  assert.deepEqual(acks(), [1]);
  deliver(letter(1));
  await settle();
  assert.deepEqual([acks(), inbox.length], [[1, 1], 1]);
});

test('inbox: an old message is never acknowledged on a connection that has not brought it', async () => {
  const { inbox, deliver, again, acks } = await with_inbox();
  deliver(letter(5));
  await again();
  assert.equal(await inbox[0].ack(), false);
  assert.deepEqual(acks(), []);
  deliver(letter(5, { id: 'another', payload: 'the node has forgotten, and counts again' }));
  assert.equal(inbox.length, 2, 'the same number is another message');
});

test('inbox: messages wait for the first listener', async () => {
  const { client, net } = start();
  await client.ready();
  net.wire.notify('inbox.message', letter(1));
  const seen = [];
  client.on('inbox', ({ n }) => seen.push(n));
  await settle();
  assert.deepEqual(seen, [1]);
});

test('requests: answered by their handler, sync or not, with its errors, and -32601 without one', async () => {
  const { client, net } = start();
  const errors = [];
  client.on('error', (error) => errors.push(error.message));
  await client.ready();
  client.answer('add', ({ a, b }) => a + b);
  client.answer('later', async () => ({ done: true }));
  client.answer('nothing', () => {});
  client.answer('refuse', () => {
    throw Object.assign(new Error('not today'), { code: -32002, data: { why: 'sunday' } });
  });
  client.answer('bug', () => {
    throw new Error('a secret of the inside');
  });
  client.answer('odd', () => NaN);
  for (const [i, method] of ['add', 'later', 'nothing', 'refuse', 'bug', 'odd', 'unknown'].entries())
    net.wire.push({ id: `s${i + 1}`, method, params: { a: 1, b: 2 } });
  await settle();
  const answers = Object.fromEntries(
    net.wire.requests.filter(({ method }) => !method).map(({ id, result, error }) => [id, error ?? result]),
  );
  assert.deepEqual(answers, {
    s1: 3,
    s2: { done: true },
    s3: null,
    s4: { code: -32002, message: 'not today', data: { why: 'sunday' } },
    s5: { code: -32603, message: 'the client failed' },
    s6: { code: -32603, message: 'the client failed' },
    s7: { code: -32601, message: 'this client does not answer unknown' },
  });
  assert.deepEqual(errors, ['a secret of the inside', 'NaN cannot be sent']);
});

test('requests: an answer goes to the connection that asked, or nowhere, and the handler is told', async () => {
  const { client, net, clock } = start();
  await client.ready();
  let asked;
  client.answer('slow', (_, { signal }) => new Promise((resolve) => (asked = { resolve, signal })));
  net.wire.push({ id: 's1', method: 'slow' });
  await settle();
  net.wire.drop();
  assert.equal(asked.signal.aborted, true);
  await clock.pass(1_000);
  asked.resolve('too late');
  await settle();
  assert.deepEqual(
    net.wires.map(({ requests }) => requests.filter(({ method }) => !method).length),
    [0, 0],
  );
});

test('requests: so many run at a time, more are refused', async () => {
  const { client, net } = start();
  await client.ready();
  client.answer('slow', () => new Promise(() => {}));
  for (let i = 1; i <= 1_025; ++i) net.wire.push({ id: `s${i}`, method: 'slow' });
  await settle();
  const answers = net.wire.requests.filter(({ method }) => !method);
  assert.deepEqual(
    answers.map(({ id, error }) => [id, error.code]),
    [['s1025', -32008]],
  );
});

test('requests: a handler is taken away by what answer() returned', async () => {
  const { client, net } = start();
  await client.ready();
  client.answer('add', () => 1)();
  net.wire.push({ id: 's1', method: 'add' });
  await settle();
  assert.equal(net.wire.requests.at(-1).error.code, -32601);
});

test('push: what a room says to this member alone is the room’s event', async () => {
  const { net, room } = await in_room();
  const heard = [];
  room.on('push', (said) => heard.push(said));
  net.wire.notify('room.push', { room: 'lobby', event: 'hand', payload: ['A♠'] });
  assert.deepEqual(heard, [{ event: 'hand', payload: ['A♠'] }]);
});

test('notifications: what is not known is passed on', async () => {
  const { client, net } = start();
  const heard = [];
  client.on('notification', (each) => heard.push(each));
  client.on('inbox_acked', (each) => heard.push(each));
  await client.ready();
  net.wire.notify('game.moved', { x: 1 });
  net.wire.notify('inbox.acked', { upto: 4 });
  assert.deepEqual(heard, [{ method: 'game.moved', params: { x: 1 } }, { upto: 4 }]);
});
