// The oracle itself, by journals written by hand: a right one has no finding, and each way to break a promise is found
// under its own figure. Needs no node.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Journal, hashOf } from './journal.mjs';
import { Oracle, judge } from './oracle.mjs';
import { Ranges } from './ranges.mjs';
import { figures, print, verdict } from './verdict.mjs';

const room = 'durable:a';

/** Writes a journal: ann publishes, bob is a member, carl has an inbox. Each call is an event. */
class Script {
  events = [];
  time = 0;
  add(e, more) {
    this.events.push({ e, at: ++this.time, ...more });
    return this;
  }
  attempt(id, more) {
    const basis = {
      id,
      kind: 'publish',
      to: room,
      from: 'ann',
      user: 'ann',
      session: 's1',
      conn: 'ann/1',
      n: 1,
      hash: `h${id}`,
      size: 10,
    };
    return this.add('attempt', { ...basis, ...more });
  }
  send(id, more) {
    return this.attempt(id, { kind: 'send', to: 'carl', ...more });
  }
  ack(id, seq, more) {
    return this.add('ack', { id, conn: 'ann/1', ack: 'durable', epoch: 'e', seq, ...more });
  }
  publish(id, seq, more) {
    return this.attempt(id, more).ack(id, seq, { conn: more?.conn ?? 'ann/1' });
  }
  joins(seq, more) {
    return this.add('join', { who: 'bob', conn: 'bob/1', room, epoch: 'e', seq, ...more });
  }
  got(id, seq, more) {
    return this.add('got', { who: 'bob', conn: 'bob/1', room, epoch: 'e', seq, id, hash: `h${id}`, ...more });
  }
  attach(more) {
    const basis = {
      who: 'bob',
      conn: 'bob/2',
      user: 'bob',
      session: 's2',
      resuming: true,
      resumed: true,
      positions: null,
      rooms: [],
    };
    return this.add('attach', { ...basis, ...more });
  }
  mailbox(conn = 'carl/1') {
    return this.add('opening', { conn, user: conn.split('/')[0] });
  }
  mail(id, n, more) {
    return this.add('mail', { who: 'carl', conn: 'carl/1', user: 'carl', n, id, from: 'ann', hash: `h${id}`, ...more });
  }
  history(...messages) {
    const last = messages.length;
    return this.add('page', {
      who: 'eve',
      room,
      epoch: 'e',
      first: 1,
      last,
      after: 0,
      final: true,
      messages: messages.map((id, i) => [i + 1, id, `h${id}`]),
    });
  }
  find() {
    const oracle = new Oracle();
    for (const event of this.events) oracle.event(event);
    return verdict(oracle);
  }
}
/** The figures that are not zero. */
const broken = (script) => Object.fromEntries(script.find().broken.map(({ name, count }) => [name, count]));
const clean = (script) => assert.deepEqual(broken(script), {});
const finds = (script, expected) => assert.deepEqual(broken(script), expected);

test('oracle: a right run has no finding, and each figure its trials', () => {
  const script = new Script().joins(0).publish('a', 1).got('a', 1).publish('b', 2).got('b', 2).mailbox();
  script.send('c').ack('c').mail('c', 4).add('mail_ack', { who: 'carl', user: 'carl', upto: 4, left: 0 });
  script.add('emptied', { user: 'carl' }).history('a', 'b').add('dead', { letters: 0, queued: 0 });
  const { rows, counts } = script.find();
  assert.deepEqual(broken(script), {});
  const trials = Object.fromEntries(rows.map(({ name, trials: n }) => [name, n]));
  assert.deepEqual([trials.lost, trials['seen and gone'], trials.unexpected], [3, 2, 3]);
  assert.deepEqual([counts.messages, counts.acknowledged, counts.refused, counts.unknown], [3, 3, 0, 0]);
});

test('oracle: the table has a line for every figure, with trials and with what a zero bounds the rate to', () => {
  const lines = [];
  print(new Script().joins(0).publish('a', 1).got('a', 1).history('a').find(), (line) => lines.push(line));
  for (const [name] of figures)
    assert.ok(
      lines.some((line) => line.startsWith(name)),
      name,
    );
  assert.match(
    lines.find((line) => line.startsWith('lost')),
    /lost +0 +1 +< 3\.0/,
  );
  assert.match(
    lines.find((line) => line.startsWith('late')),
    /not tried/,
  );
});

test('oracle: what was acknowledged and is not in the history is lost', () => {
  finds(new Script().publish('a', 1).publish('b', 2).history('a'), { lost: 1, 'seen and gone': 1 });
  finds(
    new Script()
      .publish('a', 1)
      .add('page', { room, epoch: 'f', first: 1, last: 0, after: 0, messages: [], final: true }),
    { lost: 1, 'seen and gone': 1 },
  );
});

test('oracle: what was acknowledged and never came to a member is lost, from its join to its leave', () => {
  finds(new Script().joins(0).publish('a', 1).history('a'), { lost: 1 });
  clean(new Script().publish('a', 1).joins(1).history('a'));
  clean(new Script().joins(0).add('leave', { who: 'bob', room }).publish('a', 1).history('a'));
});

test('oracle: with echo: false the own message need not come, and others must', () => {
  const quiet = new Script().joins(0, { who: 'ann' }).publish('a', 1, { quiet: true }).publish('b', 2);
  clean(quiet.got('b', 2, { who: 'ann' }).history('a', 'b'));
  finds(new Script().joins(0).publish('a', 1, { quiet: true }).history('a'), { lost: 1 });
});

test('oracle: what was never acknowledged may be there or not', () => {
  clean(new Script().joins(0).attempt('a').history());
  clean(new Script().joins(0).attempt('a').got('a', 1).history('a'));
  clean(
    new Script().joins(0).attempt('a').add('error', { id: 'a', conn: 'ann/1', code: -32603 }).got('a', 1).history('a'),
  );
});

test('oracle: what somebody has seen is in the history, acknowledged or not', () => {
  finds(new Script().joins(0).attempt('a').got('a', 1).history(), { 'seen and gone': 1 });
});

test('oracle: what was refused is not there, unless another attempt is unknown', () => {
  const refused = () => new Script().joins(0).attempt('a').add('error', { id: 'a', conn: 'ann/1', code: -32008 });
  clean(refused().history());
  finds(refused().got('a', 1).history('a'), { unexpected: 1 });
  clean(refused().attempt('a', { conn: 'ann/2' }).got('a', 1).history('a'));
});

test('oracle: what nobody sent is unexpected, also in a page and in an inbox', () => {
  finds(new Script().joins(0).got('x', 1), { unexpected: 1 });
  finds(new Script().history('x'), { unexpected: 1 });
  finds(new Script().mailbox().mail('x', 1), { unexpected: 1 });
  finds(new Script().publish('a', 1).got('a', 1), { unexpected: 1 }); // never joined
});

test('oracle: one id at two positions is duplicated, unless another session sent it again', () => {
  const twice = (session) =>
    new Script().attempt('a').attempt('a', { session, conn: 'ann/2' }).ack('a', 2, { conn: 'ann/2' });
  finds(twice('s1').history('a', 'a'), { duplicated: 1 });
  clean(twice('s9').history('a', 'a'));
  clean(
    new Script()
      .publish('a', 1)
      .attempt('a', { conn: 'ann/2' })
      .ack('a', 1, { conn: 'ann/2', duplicate: true })
      .history('a'),
  );
});

test('oracle: the order of one connection holds; a refused send and another connection are not bound by it', () => {
  const both = () => new Script().attempt('a').attempt('b');
  finds(both().ack('b', 1).ack('a', 2).history('b', 'a'), { reordered: 1 });
  clean(both().ack('b', 2).ack('a', 1).history('a', 'b'));
  clean(both().add('error', { id: 'a', conn: 'ann/1', code: -32008 }).ack('b', 1).publish('a', 2).history('b', 'a'));
  clean(new Script().publish('a', 2).publish('b', 1, { conn: 'ann/2' }).history('b', 'a'));
  // b was stored by its first send, and a, whose refusal was lost, by its second
  const again = () => both().attempt('a', { conn: 'ann/2' }).attempt('b', { conn: 'ann/2' });
  const second = { conn: 'ann/2', duplicate: true };
  clean(again().ack('a', 2, { conn: 'ann/2' }).ack('b', 1, second).history('b', 'a'));
  finds(again().ack('a', 2, second).ack('b', 1, second).history('b', 'a'), { reordered: 1 });
  finds(again().ack('a', 2, { conn: 'ann/2' }).ack('b', 1, { conn: 'ann/2' }).history('b', 'a'), { reordered: 1 });
});

test('oracle: a receiver sees growing positions, without a gap that nobody told', () => {
  const sent = () => new Script().joins(0).publish('a', 1).publish('b', 2).publish('c', 3);
  finds(sent().got('a', 1).got('c', 3).history('a', 'b', 'c'), { gaps: 1, lost: 1 });
  finds(sent().got('a', 1).got('b', 2).got('a', 1).got('c', 3).history('a', 'b', 'c'), { reordered: 1 });
  const told = sent().got('a', 1).add('notice', { who: 'bob', room, code: 'dropped', from: 2, to: 2 });
  finds(told.got('c', 3).history('a', 'b', 'c'), { 'told gaps': 1 });
  finds(sent().got('a', 1).got('b', 2, { epoch: 'f' }).got('c', 3, { epoch: 'f' }), {
    duplicated: 2,
    gaps: 1,
    lost: 2,
  });
});

test('oracle: a resume goes on where the client is; without positions it may repeat, and must not skip', () => {
  const sent = () => new Script().joins(0).publish('a', 1).got('a', 1).publish('b', 2).got('b', 2).publish('c', 3);
  const rooms = [{ room, epoch: 'e', seq: 3, recovered: true }];
  const history = (script) => script.history('a', 'b', 'c');
  clean(
    history(
      sent()
        .attach({ rooms, positions: { [room]: 2 } })
        .got('c', 3),
    ),
  );
  clean(history(sent().attach({ rooms }).got('b', 2).got('c', 3)));
  finds(
    history(
      sent()
        .attach({ rooms, positions: { [room]: 2 } })
        .got('b', 2)
        .got('c', 3),
    ),
    { reordered: 1 },
  );
  finds(history(sent().publish('d', 4).attach({ rooms }).got('d', 4)).history('a', 'b', 'c', 'd'), {
    gaps: 1,
    lost: 1,
  });
  finds(
    history(
      sent()
        .attach({ resumed: false, reason: 'unknown_session' })
        .joins(3, { since: { epoch: 'e', seq: 2 }, recovered: true })
        .got('c', 3),
    ),
    { 'sessions lost': 1 },
  );
  finds(history(sent().attach({ rooms: [] }).got('c', 3)), { 'not recovered': 1 });
});

test('oracle: a member whose join had no answer is in the room when its session comes back with it', () => {
  const rooms = [{ room, epoch: 'e', seq: 2, recovered: true }];
  const back = () => new Script().publish('a', 1).publish('b', 2).attach({ rooms });
  clean(back().got('b', 2).publish('c', 3).got('c', 3).history('a', 'b', 'c'));
  clean(back().publish('c', 3).got('c', 3).history('a', 'b', 'c'));
  finds(back().publish('c', 3).history('a', 'b', 'c'), { lost: 1 });
  clean(
    new Script().publish('a', 1).attach({ rooms: [{ room, epoch: 'e', seq: 1, recovered: false, reason: 'expired' }] }),
  );
  const left = new Script()
    .joins(0)
    .add('leave', { who: 'bob', room })
    .publish('a', 1)
    .publish('b', 2)
    .attach({ rooms });
  clean(left.got('b', 2).add('leave', { who: 'bob', room }).publish('c', 3).history('a', 'b', 'c'));
});

test('oracle: a join with a position gives the whole gap, or says a reason that is true', () => {
  const away = () => new Script().joins(0).publish('a', 1).got('a', 1).publish('b', 2).publish('c', 3);
  const back = (more) => away().joins(3, { since: { epoch: 'e', seq: 1 }, ...more });
  clean(back({ recovered: true }).got('b', 2).got('c', 3).history('a', 'b', 'c'));
  finds(back({ recovered: true }).got('c', 3).history('a', 'b', 'c'), { gaps: 1, lost: 1 });
  finds(back({ recovered: true }).got('b', 2).history('a', 'b', 'c'), { lost: 1 });
  finds(back({ recovered: false, reason: 'too_far' }).history('a', 'b', 'c'), { 'not recovered': 1, lost: 2 });
  const far = new Script().joins(0);
  for (let seq = 1; seq <= 1_001; ++seq) far.publish(`m${seq}`, seq);
  clean(far.joins(1_001, { since: { epoch: 'e', seq: 0 }, recovered: false, reason: 'too_far' }));
});

test('oracle: two ids at one position are seen, wherever they show', () => {
  finds(new Script().publish('a', 1).publish('b', 1, { conn: 'ann/2' }).history('a'), { 'positions reused': 1 });
  finds(new Script().publish('a', 1).attempt('b').history('b'), { 'positions reused': 1 });
});

test('oracle: another payload and another user are seen', () => {
  finds(new Script().joins(0).publish('a', 1).got('a', 1, { hash: 'other' }).history('a'), { 'wrong payload': 1 });
  finds(new Script().send('a').ack('a').mailbox('dora/1').mail('a', 1, { user: 'dora', conn: 'dora/1' }), {
    'wrong user': 1,
  });
  finds(new Script().mailbox().send('a').ack('a').mail('a', 1, { from: 'eve' }), { 'wrong user': 1 });
});

test('oracle: a directed message that was acknowledged is in the inbox, or waits', () => {
  const emptied = (script) => script.add('emptied', { user: 'carl' });
  finds(emptied(new Script().send('a').ack('a')), { lost: 1 });
  clean(new Script().send('a').ack('a'));
  clean(emptied(new Script().mailbox().send('a').ack('a').mail('a', 1)));
  finds(new Script().add('dead', { letters: 0, queued: 2 }), { stalled: 1 });
});

test('oracle: a time to live ends when it is over, not earlier and not later, and leaves a dead letter', () => {
  const timed = (ttl_ms) => new Script().mailbox().send('a', { ttl_ms }).ack('a');
  const emptied = { user: 'carl', at: 3_000 };
  clean(timed(2_000).mail('a', 1, { at: 2_100 }));
  finds(timed(2_000).mail('a', 1, { at: 4_000 }), { late: 1 });
  finds(timed(60_000).add('emptied', emptied), { early: 1 });
  clean(timed(2_000).add('emptied', emptied).add('dead', { letters: 1, queued: 0 }));
  finds(timed(2_000).add('emptied', emptied).add('dead', { letters: 0, queued: 0 }), { lost: 1 });
});

test('oracle: inbox numbers grow on a connection, and what was acknowledged does not come again', () => {
  const two = () => new Script().mailbox().send('a').ack('a').send('b').ack('b');
  finds(two().mail('a', 2).mail('b', 1), { reordered: 2 }); // at the receiver, and against the sender's order
  clean(two().mail('a', 1).mail('b', 2).mailbox('carl/2').mail('a', 1, { conn: 'carl/2' }));
  const raced = two().mailbox('carl/2').mail('a', 1).add('mail_ack', { who: 'carl', user: 'carl', upto: 1, left: 1 });
  clean(raced.mail('a', 1, { conn: 'carl/2' })); // it was on its way
  const acked = two().mail('a', 1).add('mail_ack', { who: 'carl', user: 'carl', upto: 1, left: 1 });
  finds(acked.mailbox('carl/2').mail('a', 1, { conn: 'carl/2' }), { 'back after its ack': 1 });
});

test('oracle: acks that promise less, false conflicts, drains and databases are figures, too', () => {
  finds(new Script().attempt('a').ack('a', 1, { ack: 'accepted' }), { 'not durable': 1 });
  finds(new Script().attempt('a').add('error', { id: 'a', conn: 'ann/1', code: -32005 }), { 'false conflicts': 1 });
  finds(new Script().add('drained', { ok: false, text: 'bob' }).add('drained', { ok: true }), { stalled: 1 });
  finds(new Script().add('quick_check', { ok: false, text: 'row 3' }), { database: 1 });
});

// The symptoms of the planted bugs (README.md), as a node with each of them would make them.
const symptoms = {
  ack_before_commit: ['lost', () => new Script().joins(0).publish('a', 1).publish('b', 2).got('a', 1).history('a')],
  synchronous_off: ['lost', () => new Script().publish('a', 1).publish('b', 2).history('a')], // only where the page cache is lost
  seq_reuse: [
    'positions reused',
    () => new Script().joins(0).publish('a', 1).got('a', 1).publish('b', 1, { conn: 'ann/2' }).history('b'),
  ],
  dedupe_outside: [
    'duplicated',
    () => new Script().attempt('a').attempt('a', { conn: 'ann/2' }).ack('a', 2, { conn: 'ann/2' }).history('a', 'a'),
  ],
  silent_drop_full: [
    'lost',
    () => new Script().mailbox().send('a').ack('a').send('b').ack('b').mail('a', 1).add('emptied', { user: 'carl' }),
  ],
  partial_recovery: [
    'gaps',
    () =>
      new Script()
        .joins(0)
        .publish('a', 1)
        .publish('b', 2)
        .attach({ positions: { [room]: 0 }, rooms: [{ room, epoch: 'e', seq: 2, recovered: true }] })
        .got('b', 2)
        .history('a', 'b'),
  ],
  wrong_session: [
    'wrong user',
    () => new Script().send('a').ack('a').mailbox('dora/1').mail('a', 1, { user: 'dora', conn: 'dora/1' }),
  ],
  wall_ttl: ['early', () => new Script().send('a', { ttl_ms: 60_000 }).ack('a').add('emptied', { user: 'carl' })],
};
for (const [plant, [figure, script]] of Object.entries(symptoms))
  test(`oracle: the symptom of ${plant} is found as '${figure}'`, () =>
    assert.ok(broken(script())[figure] > 0, JSON.stringify(broken(script()))));

test('journal: is read as it was written, in pieces and whole', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'greenroom-journal-'));
  try {
    const journal = await Journal.create(join(dir, 'journal'));
    for (const { e, ...more } of new Script().joins(0).publish('ä', 1).got('ä', 1).history('ä').events)
      journal.write({ e, ...more });
    await Promise.all([journal.sync(), journal.sync()]);
    await journal.close();
    const found = verdict(judge(journal.file));
    assert.deepEqual([found.broken, found.counts.acknowledged], [[], 1]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('journal: a hash does not depend on the order of keys, and on everything else', () => {
  assert.equal(hashOf({ a: 1, b: [1, { c: null }] }), hashOf({ b: [1, { c: null }], a: 1 }));
  assert.notEqual(hashOf({ a: 1 }), hashOf({ a: '1' }));
  assert.notEqual(hashOf([1, 2]), hashOf([2, 1]));
});

test('ranges: merge, know what they hold and what is missing, whatever the order', () => {
  for (const order of [
    [1, 2, 3, 5, 6, 9],
    [9, 6, 5, 3, 2, 1],
    [5, 1, 9, 3, 6, 2],
  ]) {
    const ranges = new Ranges();
    for (const each of order) ranges.add(each);
    assert.deepEqual(
      [...ranges],
      [
        [1, 3],
        [5, 6],
        [9, 9],
      ],
    );
    assert.deepEqual(
      [...ranges.missing(2, 12)],
      [
        [4, 4],
        [7, 8],
        [10, 12],
      ],
    );
    assert.deepEqual(
      [0, 1, 4, 6, 9, 10].map((each) => ranges.has(each)),
      [false, true, false, true, true, false],
    );
    ranges.add(2, 8);
    assert.deepEqual([...ranges], [[1, 9]]);
    assert.deepEqual([...ranges.missing(3, 4)], []);
  }
});
