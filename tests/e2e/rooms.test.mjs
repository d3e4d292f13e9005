// Rooms: one order, history, recovery, idempotent publishing, members.
import assert from 'node:assert/strict';
import { RpcError, pack } from './client.mjs';
import { fresh, random, scenario, sharedNode } from './harness.mjs';

const shared = sharedNode();
const rejects = (code) => (error) => error instanceof RpcError && error.code === code;
const payloads = (messages) => messages.map(({ payload }) => payload);
const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

async function pair(s) {
  const node = await shared.get();
  return { node, ann: await s.client(node, { user: fresh('ann') }), bob: await s.client(node, { user: fresh('bob') }) };
}
const publish_all = async (client, room, count, payload = (i) => i) => {
  for (const i of numbers(1, count)) client.notify('room.publish', { room, event: 'e', payload: payload(i) });
  return client.publish(room, 'last');
};

scenario(
  'room: a message is {room, epoch, seq, id, event, payload, from, at}, and the publisher gets it too',
  async (s) => {
    const { ann, bob } = await pair(s);
    const room = fresh();
    const joined = await ann.join(room);
    assert.deepEqual([joined.room, joined.seq, joined.members], [room, 0, 1]);
    assert.equal(typeof joined.epoch, 'string');
    assert.equal((await bob.join(room)).members, 2);
    const ack = await bob.call('room.publish', { room, event: 'chat', payload: { text: 'hi' }, id: 'm-1' });
    assert.deepEqual(ack, { id: 'm-1', epoch: joined.epoch, seq: 1, ack: 'accepted' });
    for (const member of [ann, bob]) {
      const { at, ...message } = await member.next('room.message');
      assert.deepEqual(message, {
        room,
        epoch: joined.epoch,
        seq: 1,
        id: 'm-1',
        event: 'chat',
        payload: { text: 'hi' },
        from: bob.session.user,
      });
      assert.ok(Math.abs(at - Date.now()) < 60_000);
    }
  },
);

scenario('room: echo false is not sent to the publisher’s session, and only to that', async (s) => {
  const { ann, bob } = await pair(s);
  const room = fresh();
  await ann.join(room);
  await bob.join(room);
  await bob.publish(room, 'quiet', { echo: false });
  await bob.publish(room, 'loud');
  assert.deepEqual(payloads(await ann.take('room.message', 2)), ['quiet', 'loud']);
  assert.deepEqual(payloads([await bob.next('room.message')]), ['loud']);
});

scenario('room: a member that left gets nothing more', async (s) => {
  const { ann, bob } = await pair(s);
  const room = fresh();
  await ann.join(room);
  await bob.publish(room, 1);
  await ann.next('room.message');
  assert.deepEqual(await ann.call('room.leave', { room }), {});
  await bob.publish(room, 2);
  await ann.barrier();
  assert.deepEqual(ann.notifications, []);
  assert.equal((await ann.join(room)).seq, 2);
});

scenario('room: publishing and reading history need no membership', async (s) => {
  const { ann, bob } = await pair(s);
  const room = fresh();
  await ann.publish(room, 1);
  assert.deepEqual(payloads((await bob.call('room.history', { room })).messages), [1]);
});

scenario('publish: the same id and content again is the same ack with duplicate, in either encoding', async (s) => {
  const { node, ann } = await pair(s);
  const room = fresh();
  const params = { room, event: 'e', payload: { b: [1, 2.5, 'x'], a: null }, id: fresh('id') };
  const first = await ann.call('room.publish', params);
  assert.equal(first.duplicate, undefined);
  assert.deepEqual(await ann.call('room.publish', params), { ...first, duplicate: true });
  assert.deepEqual(await ann.call('room.publish', params, { kind: 'msgpack' }), { ...first, duplicate: true });
  const other = await s.client(node, { user: ann.session.user });
  assert.equal((await ann.call('room.history', { room })).messages.length, 1);
  assert.equal(
    (await other.call('room.publish', params)).duplicate,
    undefined,
    'an anonymous user’s ids are his session’s',
  );
});

scenario('publish: the same id with other content is a conflict, another user’s id is another id', async (s) => {
  const { ann, bob } = await pair(s);
  const room = fresh();
  const id = fresh('id');
  await ann.publish(room, 1, { id });
  await assert.rejects(ann.publish(room, 2, { id }), rejects(-32005));
  await assert.rejects(ann.publish(fresh(), 1, { id }), rejects(-32005));
  await assert.rejects(ann.call('room.publish', { room, event: 'other', payload: 1, id }), rejects(-32005));
  assert.equal((await bob.publish(room, 3, { id })).seq, 2);
});

scenario(
  'publish: asking an ephemeral room for durable is refused; a durable one is durable whatever was asked',
  async (s) => {
    const { ann } = await pair(s);
    const room = `durable:${fresh()}`;
    for (const ack of ['durable', 'accepted', undefined]) assert.equal((await ann.publish(room, 1, { ack })).ack, 'durable');
    assert.equal((await ann.publish(fresh(), 1)).ack, 'accepted');
    await assert.rejects(ann.publish(fresh(), 1, { ack: 'durable' }), rejects(-32602));
  },
);

scenario('publish: a name that is no room’s, event’s or id’s is refused with its path', async (s) => {
  const { ann } = await pair(s);
  const bad = (more, path) =>
    assert.rejects(
      ann.call('room.publish', { room: fresh(), event: 'e', payload: 1, ...more }),
      (error) => error.code === -32602 && error.data.path.includes(path),
      path,
    );
  await bad({ room: '' }, 'room');
  await bad({ room: 'x'.repeat(256) }, 'room');
  await bad({ event: '' }, 'event');
  await bad({ event: 'x'.repeat(129) }, 'event');
  await bad({ id: 'x'.repeat(65) }, 'id');
  await bad({ id: 'line\nbreak' }, 'id');
  await bad({ ack: 'maybe' }, 'ack');
  await bad({ echo: 'no' }, 'echo');
  await bad({ payload: undefined }, 'payload');
});

scenario('history: pages forward and backward, oldest first', async (s) => {
  const { ann } = await pair(s);
  const room = fresh();
  for (const i of numbers(1, 10)) await ann.publish(room, i);
  const page = async (more) => payloads((await ann.call('room.history', { room, ...more })).messages);
  const whole = await ann.call('room.history', { room });
  assert.deepEqual([whole.first, whole.last], [1, 10]);
  assert.deepEqual(payloads(whole.messages), numbers(1, 10));
  assert.deepEqual(await page({ limit: 3 }), [8, 9, 10]);
  assert.deepEqual(await page({ before: 8, limit: 3 }), [5, 6, 7]);
  assert.deepEqual(await page({ before: 1 }), []);
  assert.deepEqual(await page({ after: 0, limit: 4 }), [1, 2, 3, 4]);
  assert.deepEqual(await page({ after: 8 }), [9, 10]);
  assert.deepEqual(await page({ after: 10 }), []);
  assert.deepEqual(await page({ after: 3, before: 6 }), [4, 5]);
  await assert.rejects(page({ limit: 1_001 }), rejects(-32602));
  await assert.rejects(page({ limit: 0 }), rejects(-32602));
});

scenario('history: a default room keeps its last 100 messages, and after starts at the first kept one', async (s) => {
  const { ann } = await pair(s);
  const room = fresh();
  const { seq } = await publish_all(ann, room, 149);
  assert.equal(seq, 150);
  const kept = await ann.call('room.history', { room, after: 10, limit: 5 });
  assert.deepEqual([kept.first, kept.last], [51, 150]);
  assert.deepEqual(payloads(kept.messages), numbers(51, 55));
});

scenario('history: a feed keeps none, its positions go on', async (s) => {
  const { ann } = await pair(s);
  const room = `feed:${fresh()}`;
  await ann.publish(room, 1);
  assert.equal((await ann.publish(room, 2)).seq, 2);
  const kept = await ann.call('room.history', { room });
  assert.deepEqual([kept.last, kept.messages], [2, []]);
});

scenario('since: the whole gap stands in missed, and what is live follows it', async (s) => {
  const { ann, bob } = await pair(s);
  const room = fresh();
  const { epoch } = await ann.publish(room, 1);
  for (const i of numbers(2, 5)) await ann.publish(room, i);
  const joined = await bob.join(room, { since: { epoch, seq: 2 } });
  assert.deepEqual([joined.recovered, joined.reason, joined.seq], [true, undefined, 5]);
  assert.deepEqual(payloads(joined.missed), [3, 4, 5]);
  assert.deepEqual(
    joined.missed.map(({ seq }) => seq),
    [3, 4, 5],
  );
  await ann.publish(room, 6);
  assert.equal((await bob.next('room.message')).seq, 6);
});

scenario('since: a position that is the newest misses nothing, none given says nothing of recovery', async (s) => {
  const { ann, bob } = await pair(s);
  const room = fresh();
  const { epoch, seq } = await ann.publish(room, 1);
  const joined = await bob.join(room, { since: { epoch, seq } });
  assert.deepEqual([joined.recovered, joined.missed], [true, []]);
  assert.equal('recovered' in (await ann.join(room)), false);
});

scenario('since: another epoch and a position above the newest are epoch_changed', async (s) => {
  const { ann, bob } = await pair(s);
  const room = fresh();
  const { epoch } = await ann.publish(room, 1);
  const one = await bob.join(room, { since: { epoch: 'another', seq: 1 } });
  assert.deepEqual([one.recovered, one.reason, one.missed], [false, 'epoch_changed', undefined]);
  await bob.call('room.leave', { room });
  const two = await bob.join(room, { since: { epoch, seq: 2 } });
  assert.deepEqual([two.recovered, two.reason], [false, 'epoch_changed']);
});

scenario('since: older than the first kept message is expired, and the member is live', async (s) => {
  const { ann, bob } = await pair(s);
  const room = fresh();
  const { epoch } = await publish_all(ann, room, 149);
  const joined = await bob.join(room, { since: { epoch, seq: 49 } });
  assert.deepEqual([joined.recovered, joined.reason, joined.missed], [false, 'expired', undefined]);
  await ann.publish(room, 'live');
  assert.equal((await bob.next('room.message')).payload, 'live');
  await bob.call('room.leave', { room });
  assert.equal((await bob.join(room, { since: { epoch, seq: 51 } })).recovered, true);
});

scenario('since: 1,000 missed messages come back, 1,001 are too_far', async (s) => {
  const { ann, bob } = await pair(s);
  const room = `durable:${fresh()}`;
  const { epoch } = await publish_all(ann, room, 1_000);
  const all = await bob.join(room, { since: { epoch, seq: 1 } });
  assert.deepEqual([all.recovered, all.missed.length], [true, 1_000]);
  await bob.call('room.leave', { room });
  const far = await bob.join(room, { since: { epoch, seq: 0 } });
  assert.deepEqual([far.recovered, far.reason], [false, 'too_far']);
});

scenario('since: more than 1 MiB is too_far', async (s) => {
  const { ann, bob } = await pair(s);
  const room = `durable:${fresh()}`;
  const { epoch } = await publish_all(ann, room, 20, () => 'x'.repeat(60_000));
  const far = await bob.join(room, { since: { epoch, seq: 0 } });
  assert.deepEqual([far.recovered, far.reason], [false, 'too_far']);
  await bob.call('room.leave', { room });
  assert.equal((await bob.join(room, { since: { epoch, seq: 10 } })).recovered, true);
});

scenario('since: no hole and no repeat for joiners while publishers run', async (s) => {
  const node = await shared.get();
  const room = `durable:${fresh()}`;
  const publishers = await Promise.all(numbers(1, 4).map(() => s.client(node, { user: fresh('pub') })));
  const { epoch } = await publishers[0].publish(room, 'first');
  const each = 200;
  const running = Promise.all(
    publishers.map(async (one) => {
      for (const i of numbers(1, each)) await one.publish(room, i);
    }),
  );
  const last = 1 + 4 * each;
  await Promise.all(
    numbers(1, 12).map(async (i) => {
      const joiner = await s.client(node, { user: fresh('join'), kind: i % 2 ? 'json' : 'msgpack' });
      await new Promise((go) => setTimeout(go, i * 7)); // spread over the run
      const joined = await joiner.join(room, { since: { epoch, seq: 1 } });
      assert.equal(joined.recovered, true);
      const seen = joined.missed.map(({ seq }) => seq);
      while (seen.at(-1) !== last) seen.push((await joiner.next('room.message')).seq);
      assert.deepEqual(seen, numbers(2, last));
    }),
  );
  await running;
});

scenario('order: JSON and MessagePack members see the same messages at the same positions', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const members = await Promise.all(
    numbers(1, 6).map((i) => s.client(node, { user: fresh('m'), kind: i % 2 ? 'json' : 'msgpack' })),
  );
  for (const member of members) await member.join(room);
  const seed = Number(process.env.GREENROOM_TEST_SEED ?? Date.now() % 1_000_000);
  const dice = random(seed);
  const each = 100;
  await Promise.all(
    members.map(async (member, m) => {
      for (const i of numbers(1, each)) {
        const one = member.publish(room, `${m}/${i}`);
        if (dice() < 0.3) await one;
        else one.catch(() => {});
      }
    }),
  );
  const seen = await Promise.all(members.map((member) => member.take('room.message', members.length * each)));
  const reference = seen[0].map(({ seq, payload, id }) => [seq, payload, id]);
  assert.deepEqual(
    reference.map(([seq]) => seq),
    numbers(1, members.length * each),
    `seed ${seed}`,
  );
  for (const one of seen)
    assert.deepEqual(
      one.map(({ seq, payload, id }) => [seq, payload, id]),
      reference,
      `seed ${seed}`,
    );
  for (const m of members.keys()) {
    const own = reference
      .filter(([, payload]) => payload.startsWith(`${m}/`))
      .map(([, payload]) => Number(payload.split('/')[1]));
    assert.deepEqual(own, numbers(1, each), 'sends on one connection keep their order');
  }
});

scenario('members: every user once, with the presence given at the join, in pages', async (s) => {
  const { node, ann, bob } = await pair(s);
  const room = fresh();
  await ann.join(room, { presence: { mood: 'green' } });
  await bob.join(room);
  const second = await s.client(node, { user: ann.session.user });
  await second.join(room);
  const { total, members } = await ann.call('room.members', { room });
  assert.equal(total, 2);
  const entry = members.find(({ user }) => user === ann.session.user);
  assert.equal(entry.entries.length, 2);
  assert.ok(entry.entries.some(({ meta }) => meta?.mood === 'green'));
  assert.ok(Math.abs(entry.since - Date.now()) < 60_000);
  const first = await ann.call('room.members', { room, limit: 1 });
  assert.equal(first.members.length, 1);
  const rest = await ann.call('room.members', { room, limit: 1, after: first.next });
  assert.deepEqual([first.members[0].user, rest.members[0].user].sort(), [ann.session.user, bob.session.user].sort());
  assert.equal(rest.next, undefined);
});

scenario('rooms: a session is in 128 at most', async (s) => {
  const { ann } = await pair(s);
  const prefix = fresh();
  for (const i of numbers(1, 128)) await ann.join(`${prefix}-${i}`);
  await assert.rejects(ann.join(`${prefix}-129`), RpcError);
  await ann.call('room.leave', { room: `${prefix}-1` });
  await ann.join(`${prefix}-129`);
});

scenario('publish: one too large message is refused, and the connection’s fate is the one of the tables', async (s) => {
  const { ann, bob } = await pair(s);
  const room = fresh();
  await ann.join(room);
  await ann.publish(room, 'x'.repeat(60_000));
  bob.send(
    pack('json', {
      jsonrpc: '2.0',
      id: 1,
      method: 'room.publish',
      params: { room, event: 'e', payload: 'x'.repeat(70_000) },
    }),
  );
  assert.equal((await bob.closed).code, 1009);
  await ann.publish(room, 'after');
  assert.equal((await ann.take('room.message', 2))[1].payload, 'after');
});

shared.stops();
