// Rooms: once and in order, across losses of every kind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeNet, entry, in_room, lose, message, refuse, run, settle, silence, start } from './fake.mjs';

const history =
  (messages, epoch = 'e1') =>
  ({ before, after = 0, limit }) => {
    const page = messages.filter(({ seq }) => seq > after && (before === undefined || seq < before)).slice(0, limit);
    return { epoch, first: messages[0]?.seq ?? 0, last: messages.at(-1)?.seq ?? 0, messages: page };
  };

test('message: in order, with where it came from; the position follows', async () => {
  const { net, room, heard } = await in_room();
  for (const each of run(1, 3)) net.wire.notify('room.message', each);
  assert.deepEqual(
    heard.map(({ seq, source, payload }) => [seq, source, payload]),
    [
      [1, 'live', 'm1'],
      [2, 'live', 'm2'],
      [3, 'live', 'm3'],
    ],
  );
  assert.deepEqual(room.position, { epoch: 'e1', seq: 3 });
});

test('message: a repeat of a position is not delivered again', async () => {
  const { client, net, texts } = await in_room();
  for (const seq of [1, 2, 2, 1, 3]) net.wire.notify('room.message', message(seq));
  assert.deepEqual(texts(), ['m1', 'm2', 'm3']);
  assert.equal(client.stats.duplicates, 2);
});

test('message: what comes between the join and the first listener waits for it', async () => {
  const { net, client } = start();
  const joining = client.join('lobby');
  await settle();
  for (const each of run(1, 3)) net.wire.notify('room.message', each);
  const room = await joining;
  const texts = [];
  room.on('message', ({ payload }) => texts.push(payload));
  net.wire.notify('room.message', message(4));
  await settle();
  assert.deepEqual(texts, ['m1', 'm2', 'm3', 'm4']);
});

test('message: without a listener the newest 1,000 wait, and what went is counted', async () => {
  const { net, client } = start();
  const room = await client.join('lobby');
  for (const each of run(1, 1_005)) net.wire.notify('room.message', each);
  const seqs = [];
  room.on('message', ({ seq }) => seqs.push(seq));
  await settle();
  assert.deepEqual([seqs.length, seqs[0], seqs.at(-1), client.stats.dropped], [1_000, 6, 1_005, 5]);
});

test('message: a message in the same read as the join’s answer is not lost', async () => {
  const net = new FakeNet();
  net.handlers['room.join'] = ({ room }, wire) => {
    queueMicrotask(() => wire.notify('room.message', message(1)));
    return { room, epoch: 'e1', seq: 0, members: 1 };
  };
  const all = await in_room({}, { net });
  await settle();
  assert.deepEqual(all.texts(), ['m1']);
});

test('history: a join may bring the newest messages first; live ones wait for them', async () => {
  const net = new FakeNet();
  const kept = run(1, 10);
  net.handlers['room.join'] = ({ room }) => ({ room, epoch: 'e1', seq: 10, members: 1 });
  let answer;
  net.handlers['room.history'] = (params, wire) => {
    const { id } = wire.requests.at(-1);
    answer = () => wire.push({ id, result: history(kept)(params) });
    return silence;
  };
  const { heard } = await in_room({}, { net, history: 3 });
  net.wire.notify('room.message', message(11));
  assert.deepEqual(heard, []);
  answer();
  await settle();
  assert.deepEqual(
    heard.map(({ seq, source }) => [seq, source]),
    [
      [8, 'history'],
      [9, 'history'],
      [10, 'history'],
      [11, 'live'],
    ],
  );
});

test('history: fewer than were asked for are no gap', async () => {
  const net = new FakeNet();
  net.handlers['room.join'] = ({ room }) => ({ room, epoch: 'e1', seq: 10, members: 1 });
  net.handlers['room.history'] = history(run(9, 10));
  const { heard } = await in_room({}, { net, history: 5 });
  await settle();
  assert.deepEqual(
    heard.map(({ kind, seq }) => [kind, seq]),
    [
      ['message', 9],
      ['message', 10],
    ],
  );
});

test('resume: the position is told, what was missed comes first and says so', async () => {
  const all = await in_room();
  all.net.wire.notify('room.message', message(1));
  await lose(all, { resumed: true, rooms: [entry({ seq: 3 })] });
  assert.deepEqual(all.net.all('session.open')[1].params.resume.positions, { lobby: { epoch: 'e1', seq: 1 } });
  for (const each of run(2, 4)) all.net.wire.notify('room.message', each);
  assert.deepEqual(
    all.heard.map(({ kind, seq, source, missed }) => [kind, seq ?? missed, source]),
    [
      ['message', 1, 'live'],
      ['resync', 2, undefined],
      ['message', 2, 'missed'],
      ['message', 3, 'missed'],
      ['message', 4, 'live'],
    ],
  );
  assert.equal(all.net.all('room.join').length, 1);
});

test('resume: repeats of what was delivered before the loss are dropped', async () => {
  const all = await in_room();
  for (const each of run(1, 3)) all.net.wire.notify('room.message', each);
  await lose(all, { resumed: true, rooms: [entry({ seq: 4 })] });
  for (const each of run(2, 4)) all.net.wire.notify('room.message', each);
  assert.deepEqual(all.texts(), ['m1', 'm2', 'm3', 'm4']);
});

test('fresh session: joined again with since and presence, missed messages in the answer', async () => {
  const all = await in_room({}, { presence: { colour: 'red' } });
  all.net.wire.notify('room.message', message(1));
  all.net.handlers['room.join'] = ({ room }) => ({
    ...{ room, epoch: 'e1', seq: 3, members: 1, recovered: true, missed: run(2, 3) },
  });
  await lose(all, { resumed: false, reason: 'unknown_session' });
  const { params } = all.net.all('room.join')[1];
  assert.deepEqual(params, { room: 'lobby', since: { epoch: 'e1', seq: 1 }, presence: { colour: 'red' } });
  assert.deepEqual(
    all.heard.slice(1).map(({ kind, how, seq, source }) => [kind, seq ?? how, source]),
    [
      ['resync', 'rejoined', undefined],
      ['message', 2, 'missed'],
      ['message', 3, 'missed'],
    ],
  );
});

test('fresh session: too_far is read from history, and what is gone is said', async () => {
  const all = await in_room({ recover_max: 5 });
  all.net.wire.notify('room.message', message(1));
  all.net.handlers['room.join'] = ({ room }) => ({
    room,
    epoch: 'e1',
    seq: 20,
    members: 1,
    recovered: false,
    reason: 'too_far',
  });
  all.net.handlers['room.history'] = history(run(18, 20));
  await lose(all, { resumed: false });
  all.net.wire.notify('room.message', message(21));
  assert.deepEqual(
    all.heard.slice(1).map(({ kind, reason, from, to, seq, source }) => [kind, reason ?? seq ?? [from, to], source]),
    [
      ['resync', 'too_far', undefined],
      ['notice', [2, 15], undefined],
      ['notice', [16, 17], undefined],
      ['message', 18, 'missed'],
      ['message', 19, 'missed'],
      ['message', 20, 'missed'],
      ['message', 21, 'live'],
    ],
  );
});

test('fresh session: history comes in as many pages as the node makes of it', async () => {
  const all = await in_room();
  all.net.wire.notify('room.message', message(1));
  all.net.handlers['room.join'] = ({ room }) => ({
    room,
    epoch: 'e1',
    seq: 9,
    members: 1,
    recovered: false,
    reason: 'too_far',
  });
  all.net.handlers['room.history'] = (params) => history(run(1, 9))({ ...params, limit: 3 });
  await lose(all, { resumed: false });
  assert.deepEqual(all.texts(), ['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7', 'm8', 'm9']);
  assert.equal(all.net.all('room.history').length, 3);
});

test('epoch changed: said, read from the new history, and a sender’s retry is not shown twice', async () => {
  const all = await in_room();
  all.net.wire.notify('room.message', message(1));
  all.net.wire.notify('room.message', message(2, { from: 'ann', id: 'retried' }));
  all.net.handlers['room.join'] = ({ room }) => ({
    room,
    epoch: 'e2',
    seq: 2,
    members: 1,
    recovered: false,
    reason: 'epoch_changed',
  });
  all.net.handlers['room.history'] = history(
    [
      message(1, { epoch: 'e2', from: 'ann', id: 'retried', payload: 'm2' }),
      message(2, { epoch: 'e2', payload: 'new' }),
    ],
    'e2',
  );
  await lose(all, { resumed: false });
  assert.deepEqual(all.texts(), ['m1', 'm2', 'new']);
  assert.deepEqual(
    all.heard.filter(({ kind }) => kind === 'notice').map(({ code, epoch }) => [code, epoch]),
    [['epoch_changed', 'e2']],
  );
  assert.deepEqual(all.room.position, { epoch: 'e2', seq: 2 });
  all.net.wire.notify('room.message', message(3, { epoch: 'e2', from: 'bob', id: 'retried' }));
  assert.equal(all.texts().length, 4, 'another sender’s id is another message');
});

test('same epoch: equal ids are not the client’s to judge, the node has done so', async () => {
  const { net, texts } = await in_room();
  for (const seq of [1, 2]) net.wire.notify('room.message', message(seq, { id: 'same' }));
  assert.deepEqual(texts(), ['m1', 'm2']);
});

for (const reason of ['epoch_changed', 'expired'])
  test(`resume: not recovered (${reason}) goes on from history`, async () => {
    const all = await in_room();
    all.net.wire.notify('room.message', message(1));
    const epoch = reason === 'expired' ? 'e1' : 'e2';
    all.net.handlers['room.history'] = history(run(5, 6, { epoch }), epoch);
    await lose(all, { resumed: true, rooms: [entry({ epoch, seq: 6, recovered: false, reason })] });
    assert.deepEqual(all.texts(), ['m1', 'm5', 'm6']);
    assert.equal(all.net.all('room.join').length, 1, 'it is in the room');
  });

for (const reason of ['unavailable', 'forbidden', 'too_many_rooms'])
  test(`resume: a room that the session lost (${reason}) is joined again`, async () => {
    const all = await in_room();
    all.net.handlers['room.join'] = ({ room }) => ({
      room,
      epoch: 'e1',
      seq: 1,
      members: 1,
      recovered: true,
      missed: run(1, 1),
    });
    await lose(all, { resumed: true, rooms: [entry({ recovered: false, reason })] });
    assert.deepEqual(all.texts(), ['m1']);
  });

test('rejoin: a refusal that passes is tried again, any other ends the room', async () => {
  const all = await in_room();
  let tries = 0;
  all.net.handlers['room.join'] = ({ room }) =>
    ++tries < 3
      ? refuse(-32008, 'unavailable')
      : { room, epoch: 'e1', seq: 0, members: 1, recovered: true, missed: [] };
  await lose(all, { resumed: false });
  await all.clock.pass(10_000);
  assert.deepEqual([tries, all.room.state], [3, 'joined']);

  all.net.handlers['room.join'] = () => refuse(-32002, 'forbidden');
  await lose(all, { resumed: false });
  assert.deepEqual([all.room.state, all.heard.at(-1).kind, all.heard.at(-1).error.code], ['left', 'left', -32002]);
  assert.equal(all.client.rooms.size, 0);
});

test('rejoin: it is tried so often and no more', async () => {
  const all = await in_room();
  all.net.handlers['room.join'] = () => refuse(-32008, 'unavailable');
  await lose(all, { resumed: false });
  await all.clock.pass(600_000);
  assert.equal(all.net.all('room.join').length, 1 + 7);
  assert.equal(all.room.state, 'left');
});

test('notice: dropped moves the position, so that a resume does not ask for what is gone', async () => {
  const all = await in_room();
  all.net.wire.notify('room.message', message(1));
  all.net.wire.notify('room.notice', { room: 'lobby', code: 'dropped', from: 2, to: 5 });
  assert.deepEqual(all.room.position, { epoch: 'e1', seq: 5 });
  all.net.wire.notify('room.message', message(6));
  assert.deepEqual(
    all.heard.map(({ kind, seq, to }) => [kind, seq ?? to]),
    [
      ['message', 1],
      ['notice', 5],
      ['message', 6],
    ],
  );
});

test('notice: a room that was given up is joined again after a pause', async () => {
  const all = await in_room();
  all.net.wire.notify('room.message', message(1));
  all.net.handlers['room.join'] = ({ room }) => ({
    room,
    epoch: 'e1',
    seq: 2,
    members: 1,
    recovered: true,
    missed: run(2, 2),
  });
  all.net.wire.notify('room.notice', { room: 'lobby', code: 'closed' });
  assert.equal(all.room.state, 'joining');
  assert.equal(all.net.all('room.join').length, 1);
  await all.clock.pass(1_000);
  assert.deepEqual([all.room.state, all.texts()], ['joined', ['m1', 'm2']]);
});

test('notice: who was sent out of a room does not come back by itself', async () => {
  const all = await in_room();
  all.net.wire.notify('room.notice', { room: 'lobby', code: 'removed', text: 'no shouting' });
  assert.deepEqual(
    all.heard.map(({ kind, text, reason }) => [kind, text ?? reason]),
    [
      ['notice', 'no shouting'],
      ['left', 'removed'],
    ],
  );
  await all.clock.pass(60_000);
  assert.equal(all.net.all('room.join').length, 1);
});

test('notice: nor who may not be in the room any more', async () => {
  const all = await in_room();
  all.net.wire.notify('room.notice', { room: 'lobby', code: 'forbidden' });
  assert.deepEqual(all.heard.map(({ kind, reason }) => [kind, reason]), [
    ['notice', undefined],
    ['left', 'forbidden'],
  ]);
  await all.clock.pass(60_000);
  assert.equal(all.net.all('room.join').length, 1);
});

test('hold: messages wait while history is read, up to a bound, and then go on with a notice', async () => {
  const all = await in_room();
  all.net.wire.notify('room.message', message(1));
  all.net.handlers['room.join'] = ({ room }) => ({
    room,
    epoch: 'e1',
    seq: 5,
    members: 1,
    recovered: false,
    reason: 'expired',
  });
  all.net.handlers['room.history'] = () => silence;
  await lose(all, { resumed: false });
  for (const each of run(6, 1_005)) all.net.wire.notify('room.message', each);
  assert.equal(all.texts().length, 1, 'all of them wait');
  all.net.wire.notify('room.message', message(1_006));
  assert.equal(all.texts().length, 1_002);
  assert.deepEqual(
    all.heard.filter(({ kind }) => kind === 'notice').map(({ from, to }) => [from, to]),
    [[2, 5]],
  );
});

test('hold: lost while history is read, everything after the position is asked for again', async () => {
  const all = await in_room();
  all.net.wire.notify('room.message', message(1));
  all.net.handlers['room.join'] = ({ room }) => ({
    room,
    epoch: 'e1',
    seq: 5,
    members: 1,
    recovered: false,
    reason: 'expired',
  });
  all.net.handlers['room.history'] = () => silence;
  await lose(all, { resumed: false });
  all.net.wire.notify('room.message', message(6));
  await lose(all, { resumed: true, rooms: [entry({ seq: 6 })] });
  assert.deepEqual(all.net.all('session.open').at(-1).params.resume.positions, { lobby: { epoch: 'e1', seq: 1 } });
  for (const each of run(2, 6)) all.net.wire.notify('room.message', each);
  assert.deepEqual(all.texts(), ['m1', 'm2', 'm3', 'm4', 'm5', 'm6']);
});

test('history refused: what is missing is said, and live messages go on', async () => {
  const all = await in_room();
  all.net.wire.notify('room.message', message(1));
  all.net.handlers['room.join'] = ({ room }) => ({
    room,
    epoch: 'e1',
    seq: 5,
    members: 1,
    recovered: false,
    reason: 'too_far',
  });
  all.net.handlers['room.history'] = () => refuse(-32002, 'forbidden');
  await lose(all, { resumed: false });
  all.net.wire.notify('room.message', message(6));
  assert.deepEqual(
    all.heard.slice(2).map(({ kind, from, to, seq }) => [kind, seq ?? [from, to]]),
    [
      ['notice', [2, 5]],
      ['message', 6],
    ],
  );
});
