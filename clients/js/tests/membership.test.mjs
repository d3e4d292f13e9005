// Joining and leaving, more than once and at bad moments.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeNet, entry, in_room, lose, message, refuse, run, settle, silence, start } from './fake.mjs';

test('join: a second one of the same room is the same room, with other presence', async () => {
  const { client, net, room } = await in_room();
  net.handlers['room.join'] = ({ room: name }) => ({
    room: name,
    epoch: 'e1',
    seq: 0,
    members: 1,
    recovered: true,
    missed: [],
  });
  assert.equal(await client.join('lobby', { presence: 'away' }), room);
  assert.equal(net.all('room.join')[1].params.presence, 'away');
});

test('join: since an application’s own position', async () => {
  const net = new FakeNet();
  net.handlers['room.join'] = ({ room, since }) => {
    assert.deepEqual(since, { epoch: 'e1', seq: 4 });
    return { room, epoch: 'e1', seq: 6, members: 1, recovered: true, missed: run(5, 6) };
  };
  const { client } = start({}, net);
  const room = await client.join('lobby', { since: { epoch: 'e1', seq: 4 } });
  const seqs = [];
  room.on('message', ({ seq }) => seqs.push(seq));
  await settle();
  assert.deepEqual(seqs, [5, 6]);
});

test('join: refused, the room is forgotten; lost before its answer, it is asked again', async () => {
  const { client, net, clock } = start();
  net.handlers['room.join'] = () => refuse(-32002, 'forbidden');
  await assert.rejects(client.join('secret'), { code: -32002 });
  assert.equal(client.rooms.size, 0);
  net.handlers['room.join'] = () => silence;
  const joining = client.join('lobby');
  await settle();
  net.handlers['room.join'] = ({ room }) => ({ room, epoch: 'e1', seq: 0, members: 1 });
  net.wire.drop();
  await clock.pass(1_000);
  assert.equal((await joining).state, 'joined');
});

test('leave: while away, the room is not asked for again, and the leave is repeated', async () => {
  const all = await in_room();
  all.net.handlers['room.leave'] = () => silence;
  const left = all.room.leave();
  await settle();
  all.net.handlers['room.leave'] = () => refuse(-32004, 'not in the room');
  await lose(all, { resumed: true, rooms: [entry({ seq: 2 })] });
  await left;
  assert.deepEqual(all.net.all('session.open')[1].params.resume.positions, {});
  all.net.wire.notify('room.message', message(1));
  assert.deepEqual([all.texts(), all.client.stats.ignored, all.room.state], [[], 1, 'left']);
});

test('leave: before the join is answered, it stays left', async () => {
  const { client, net } = start();
  net.handlers['room.join'] = () => silence;
  const joining = client.join('lobby');
  await settle();
  const room = client.rooms.get('lobby');
  const left = [];
  room.on('left', ({ reason }) => left.push(reason));
  await room.leave();
  net.wire.push({ id: net.all('room.join')[0].id, result: { room: 'lobby', epoch: 'e1', seq: 0, members: 1 } });
  await joining;
  await room.leave();
  assert.deepEqual([room.state, left, net.all('room.leave').length], ['left', ['left'], 1]);
});

test('leave and join again: two rooms, and what is on its way belongs to neither', async () => {
  const { client, net, room } = await in_room();
  net.handlers['room.join'] = () => silence;
  room.leave();
  const joining = client.join('lobby');
  await settle();
  net.wire.notify('room.message', message(1));
  net.wire.push({ id: net.all('room.join')[1].id, result: { room: 'lobby', epoch: 'e1', seq: 1, members: 1 } });
  const other = await joining;
  assert.notEqual(other, room);
  const seqs = [];
  other.on('message', ({ seq }) => seqs.push(seq));
  net.wire.notify('room.message', message(2));
  await settle();
  assert.deepEqual(seqs, [2]);
});

test('positions: at most 128 rooms are told, the newest', async () => {
  const { client, net, clock } = start();
  for (let i = 0; i < 130; ++i) await client.join(`room-${i}`);
  net.wire.drop();
  await clock.pass(1_000);
  const told = Object.keys(net.all('session.open')[1].params.resume.positions);
  assert.deepEqual([told.length, told[0]], [128, 'room-2']);
});
