// The examples that are plugins, as their README line says what they do.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { RpcError } from './client.mjs';
import { binary, eventually, fresh, scenario } from './harness.mjs';

const examples = process.env.GREENROOM_EXAMPLES ?? join(binary, '..', 'examples');
const open = 'join = "anyone"\npublish = "anyone"\nread = "anyone"\n';
const config = (plugin, more = '', node = '') =>
  `${node}[plugins]\nload = ["${join(examples, `${plugin}.so`)}"]\n[namespace.x]\nbehaviour = "${plugin}"\n${open}${more}`;
const refused = (code) => (error) => error instanceof RpcError && error.code === code;

async function room_of(s, plugin, { users = ['ann', 'bob'], more, node: node_settings } = {}) {
  const node = await s.node({ config: config(plugin, more, node_settings) });
  const room = `x:${fresh()}`;
  const clients = [];
  for (const user of users) {
    clients.push(await s.client(node, { user }));
    await clients.at(-1).join(room);
  }
  return { node, room, clients };
}
const say = (client, room, event, payload, more = {}) => client.call('room.publish', { room, event, payload, ...more });

scenario('moderated_chat: refuses what is no chat message, masks bad words, and shows repeat offenders the door', async (s) => {
  const { room, clients } = await room_of(s, 'moderated_chat');
  const [ann, bob] = clients;
  await assert.rejects(say(ann, room, 'dance', {}), refused(-32002));
  await assert.rejects(say(ann, room, 'say', { text: 7 }), (e) => e.code === -32602 && e.data.path === 'params.payload.text');
  await say(ann, room, 'say', { text: 'good day' });
  await say(ann, room, 'say', { text: 'oh heck, darn it' });
  assert.equal((await bob.next('room.message')).payload.text, 'good day');
  assert.equal((await bob.next('room.message')).payload.text, 'oh ****, **** it');
  await say(ann, room, 'say', { text: 'heck' });
  await assert.rejects(say(ann, room, 'say', { text: 'heck!' }), refused(-32002));
  const notice = await ann.next('room.notice');
  assert.deepEqual([notice.code, notice.text], ['removed', 'mind your language']);
  await eventually(async () => assert.equal((await bob.call('room.members', { room })).total, 1));
});

scenario('counter: its number survives a crash of everything but the store, and a reload', async (s) => {
  const { node, room, clients } = await room_of(s, 'counter');
  const [ann, bob] = clients;
  await say(ann, room, 'add', { by: 3 });
  await say(bob, room, 'add', { by: -1 });
  assert.deepEqual((await ann.take('room.message', 2)).map((m) => m.payload), [{ by: 3, now: 3 }, { by: -1, now: 2 }]);
  assert.deepEqual(await say(ann, room, 'read', null), { by: 0, now: 2 });
  const { code, stderr } = await s.run(['plugin', 'reload', 'counter', '--data', node.dir]).result();
  assert.equal(code, 0, stderr);
  await say(ann, room, 'add', {}).catch((e) => assert.equal(e.data.path, 'params.payload.by'));
  await say(ann, room, 'add', { by: 40 });
  assert.equal((await bob.take('room.message', 3)).at(-1).payload.now, 42);
});

scenario('ticker: prices come while somebody listens, and stop when nobody does', async (s) => {
  const { node, room, clients } = await room_of(s, 'ticker', {
    users: ['ann'],
    more: 'slow_members = "latest"\nhistory_count = 0\n',
  });
  const [ann] = clients;
  const got = await ann.take('room.message', 9);
  assert.deepEqual([...new Set(got.map((m) => m.event))].sort(), ['AAA', 'BBB', 'CCC']);
  for (const { payload } of got) assert.ok(payload.bid < payload.ask && payload.bid > 0);
  await assert.rejects(say(ann, room, 'AAA', {}), refused(-32002));
  await ann.call('room.leave', { room });
  const bob = await s.client(node, { user: 'bob' });
  const { last } = await bob.call('room.history', { room });
  await new Promise((resolve) => setTimeout(resolve, 400)); // four ticks that must not happen
  assert.equal((await bob.call('room.history', { room })).last, last);
});

/** Answers match.ready. */
function answers(client, ready) {
  return client.until(() => client.requests.shift(), 'match.ready').then((request) => {
    client.send(JSON.stringify({ jsonrpc: '2.0', id: request.id, result: ready }));
    return request;
  });
}

scenario('matchmaker: asks two players, and who is ready finds the other in a room of their own', async (s) => {
  const { node, room, clients } = await room_of(s, 'matchmaker', { users: ['ann', 'bob'] });
  const [ann, bob] = clients;
  const [asked] = await Promise.all([answers(ann, true), answers(bob, true)]);
  assert.deepEqual([asked.method, asked.params.opponent], ['match.ready', 'bob']);
  const [to_ann, to_bob] = [await ann.next('room.push'), await bob.next('room.push')];
  assert.deepEqual([to_ann.event, to_ann.payload.opponent, to_bob.payload.opponent], ['found', 'bob', 'ann']);
  assert.equal(to_ann.payload.room, to_bob.payload.room);
  await ann.join(to_ann.payload.room);
  await bob.join(to_bob.payload.room);
  await ann.publish(to_ann.payload.room, 'e4');
  assert.equal((await bob.next('room.message')).payload, 'e4');

  const cat = await s.client(node, { user: 'cat' });
  const dan = await s.client(node, { user: 'dan' });
  await cat.join(room);
  await dan.join(room);
  await Promise.all([answers(cat, true), answers(dan, false)]);
  assert.equal((await dan.next('room.notice')).code, 'removed');
  const eve = await s.client(node, { user: 'eve' });
  await eve.join(room); // cat is first in line again
  const [again] = await Promise.all([answers(cat, true), answers(eve, true)]);
  assert.equal(again.params.opponent, 'eve');
});

scenario('agent_stream: a client that loses its connection resumes in the middle of the sentence', async (s) => {
  const { node, room, clients } = await room_of(s, 'agent_stream', { users: ['ann', 'bob'] });
  const [ann, bob] = clients;
  const words = Array.from({ length: 30 }, (_, i) => `word${i}`);
  await say(bob, room, 'prompt', { text: words.join(' ') });
  const first = await ann.take('room.message', 6); // the prompt and five tokens
  const was = ann.session;
  await ann.end({ abrupt: true });
  const back = await s.client(node, { kind: 'msgpack' });
  const opened = await back.open({
    resume: { session: was.session, token: was.resume_token, positions: { [room]: first.at(-1).seq } },
  });
  assert.equal(opened.resumed, true);
  const all = [...first];
  while (all.at(-1).payload.text !== '') all.push(await back.next('room.message'));
  const tokens = all.filter((m) => m.event === 'token');
  assert.deepEqual(tokens.map((m) => m.payload.index), tokens.map((_, i) => i));
  assert.equal(tokens.map((m) => m.payload.text).join(' ').trim(), ['You', 'asked:', ...words].join(' '));
});
scenario('saboteur: whatever it makes fail, 50 others see no close and no gap', async (s) => {
  const { node, room, clients } = await room_of(s, 'saboteur', {
    users: Array.from({ length: 50 }, (_, i) => `user-${i}`),
    node: '[node]\nrehearsals = true\n',
  });
  const other = fresh(); // half of them are in another room, too
  for (const one of clients.slice(0, 25)) await one.join(other);
  let evil = await s.client(node, { user: 'evil' }); // the youngest connection and session
  const sent = new Map([
    [room, 0],
    [other, 0],
  ]);
  const publish = async () => {
    for (const into of sent.keys()) {
      await say(clients[0], into, 'n', sent.get(into) + 1, { id: fresh('m') });
      sent.set(into, sent.get(into) + 1);
    }
  };
  for (const at of ['room', 'session', 'service', 'presence', 'connection']) {
    await publish();
    const asked = evil.call('saboteur.crash', { at });
    if (at === 'service') await assert.rejects(asked, refused(-32603));
    else await asked.catch(() => assert.equal(at, 'connection'));
    if (at === 'service' || at === 'presence') await assert.rejects(say(clients[1], room, 'crash', null), refused(-32603));
    await publish();
    if (at === 'connection') {
      assert.equal((await evil.closed).code, 1011);
      evil = await s.client(node, { user: 'evil' });
    }
  }
  await say(clients[1], room, 'hold', null);
  sent.set(room, sent.get(room) + 1);
  for (const [i, one] of clients.entries()) {
    for (const into of i < 25 ? [room, other] : [room]) {
      const seqs = [];
      while (seqs.length < sent.get(into)) {
        const at = await one.until(() => {
          const index = one.notifications.findIndex((n) => n.method === 'room.message' && n.params.room === into);
          return index < 0 ? undefined : one.notifications.splice(index, 1)[0].params;
        }, `all of ${into}`);
        seqs.push(at.seq);
      }
      assert.deepEqual(seqs, seqs.map((_, n) => n + 1), `user-${i} in ${into}`);
    }
    assert.equal(one.close, undefined, `user-${i}`);
  }
  await node.stderr.match(/a shard is held by an actor.*room/);
  const restarts = await fetch(`${node.http}/metrics`).then((answer) => answer.text());
  for (const actor of ['room', 'session', 'service', 'presence']) {
    assert.match(restarts, new RegExp(`restarts_total\\{actor="${actor}"\\} [1-9]`));
  }
});
