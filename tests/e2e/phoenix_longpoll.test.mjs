// Phoenix Channels by long polling: phoenix.js' LongPoll, its fallback, and requests by hand.
import assert from 'node:assert/strict';
import { LongPoll } from 'phoenix';
import { eventually, fresh, patience, scenario, sharedNode } from './harness.mjs';
import { Presence, Raw, answer, bytes, connect, join, refused } from './phoenix.mjs';

const poll_ms = 300 * patience; // also how long a session lives that nobody polls
const args = ['--set', 'node.shards=2'];
const config = `[endpoint.phoenix]\npoll_ms = ${poll_ms}\n`;
const shared = sharedNode({ args, config });

/** A session of long polling by hand. Each request has a connection of its own, so that it may reach any shard. */
class Poller {
  static async open(node, query = 'vsn=2.0.0') {
    const poller = new Poller(`${node.http}/socket/longpoll?${query}`);
    const { status, token } = await poller.get();
    assert.equal(status, 410);
    poller.url += `&token=${token}`;
    return poller;
  }
  constructor(url) {
    this.url = url;
  }
  async #request(options) {
    const response = await fetch(this.url, { ...options, headers: { Connection: 'close', ...options.headers } });
    assert.equal(response.status, 200);
    return response.json();
  }
  get(headers = {}) {
    return this.#request({ headers });
  }
  async post(lines, headers = { 'Content-Type': 'application/x-ndjson' }) {
    const body = lines.map((line) => (Array.isArray(line) ? JSON.stringify(line) : line)).join('\n');
    return (await this.#request({ method: 'POST', body, headers })).status;
  }
  /** Polls until messages come: them, read. */
  async messages() {
    for (;;) {
      const { status, messages } = await this.get();
      assert.ok(status === 200 || status === 204, `status ${status}`);
      if (status === 200) return messages.map((text) => JSON.parse(text));
    }
  }
}

scenario('phoenix longpoll: phoenix.js joins, pushes, hears broadcasts and presence, and leaves', async (s) => {
  const node = await shared.get();
  const topic = fresh();
  const socket = await connect(s, node, { transport: LongPoll, params: { user: 'ann' } });
  const channel = socket.channel(topic, { presence: { mood: 'fine' } });
  const presence = new Presence(channel);
  const heard = [];
  channel.on('say', (payload) => heard.push(payload));
  channel.on('test', (payload) => heard.push(payload));
  await answer(channel.join());
  const other = await s.client(node, { user: 'bob' });
  await other.join(topic);
  await answer(channel.push('say', { n: 1 }));
  await other.publish(topic, { n: 2 });
  await eventually(() => assert.deepEqual(heard, [{ n: 1 }, { n: 2 }]));
  await eventually(() => assert.deepEqual(presence.list((name) => name).sort(), ['ann', 'bob']));
  await answer(channel.leave());
  await eventually(async () => assert.equal((await other.call('room.members', { room: topic })).total, 1));
});

scenario('phoenix longpoll: binary payloads go in as they are, and come out as $bytes in text', async (s) => {
  const node = await shared.get();
  const topic = fresh();
  const channel = await join(await connect(s, node, { transport: LongPoll }), topic);
  const native = await s.client(node, { kind: 'msgpack' });
  await native.join(topic);
  await answer(channel.push('blob', bytes(0, 255)));
  assert.deepEqual([...(await native.next('room.message')).payload], [0, 255]);
  assert.deepEqual(await channel.next('blob'), { $bytes: 'AP8=' });
});

scenario('phoenix longpoll: a hundred pushes and more in a row arrive all and in order', async (s) => {
  const topic = fresh();
  const channel = await join(await connect(s, await shared.get(), { transport: LongPoll }), topic);
  const acks = Array.from({ length: 250 }, (_, i) => answer(channel.push('n', { i })));
  assert.deepEqual((await Promise.all(acks)).map(({ seq }) => seq), Array.from({ length: 250 }, (_, i) => i + 1)); // prettier-ignore
  const heard = [];
  while (heard.length < 250) heard.push((await channel.next('n')).i);
  assert.deepEqual(
    heard,
    Array.from({ length: 250 }, (_, i) => i),
  );
});

scenario('phoenix longpoll: phoenix.js falls back to it where there is no WebSocket', async (s) => {
  class Broken {
    constructor() {
      this.readyState = 3;
      setTimeout(() => this.onerror?.(new Error('no WebSocket here')), 0);
    }
    close() {}
  }
  const socket = await connect(s, await shared.get(), { transport: Broken, longPollFallbackMs: 500 });
  const channel = await join(socket, fresh());
  assert.equal(socket.transport, LongPoll);
  await answer(channel.push('say', {}));
});

scenario('phoenix longpoll: a GET without a token is 410 with one, on whichever shard it arrives', async () => {
  const node = await shared.get();
  for (let i = 0; i < 8; ++i) {
    const poller = await Poller.open(node);
    const topic = fresh();
    assert.equal(
      await poller.post([
        ['1', '1', topic, 'phx_join', {}],
        [null, '2', 'phoenix', 'heartbeat', {}],
      ]),
      200,
    );
    const seen = [];
    while (seen.length < 2) seen.push(...(await poller.messages()).filter(([, , , event]) => event === 'phx_reply'));
    assert.deepEqual(seen.map(([, ref]) => ref).sort(), ['1', '2']);
  }
});

scenario('phoenix longpoll: a poll without news is 204 after its wait', async () => {
  const poller = await Poller.open(await shared.get());
  const began = Date.now();
  const { status, messages } = await poller.get();
  assert.deepEqual([status, messages], [204, []]);
  assert.ok(Date.now() - began >= poll_ms - 10);
});

scenario('phoenix longpoll: news end a poll at once, and an older poll gives way to a newer', async () => {
  const poller = await Poller.open(await shared.get());
  const [older, newer] = [poller.get(), new Promise((resolve) => setTimeout(() => resolve(poller.get()), 50))];
  assert.equal((await older).status, 204);
  await poller.post([[null, '1', 'phoenix', 'heartbeat', {}]]);
  const { status, messages } = await newer;
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(messages[0]), [null, '1', 'phoenix', 'phx_reply', { status: 'ok', response: {} }]);
});

scenario('phoenix longpoll: a POST of application/json is one message', async () => {
  const poller = await Poller.open(await shared.get());
  assert.equal(
    await poller.post([[null, '1', 'phoenix', 'heartbeat', {}]], { 'Content-Type': 'application/json' }),
    200,
  );
  assert.equal((await poller.messages())[0][1], '1');
});

scenario('phoenix longpoll: a session that nobody polls ends, and its presence with it', async (s) => {
  const node = await shared.get();
  const topic = fresh();
  const other = await s.client(node);
  await other.join(topic);
  const poller = await Poller.open(node, 'vsn=2.0.0&user=ann');
  await poller.post([['1', '1', topic, 'phx_join', {}]]);
  await eventually(async () => assert.equal((await other.call('room.members', { room: topic })).total, 2));
  await eventually(async () => assert.equal((await other.call('room.members', { room: topic })).total, 1));
  assert.equal((await poller.get()).status, 410);
  assert.equal(await poller.post([[null, '1', 'phoenix', 'heartbeat', {}]]), 410);
});

scenario('phoenix longpoll: malformed input ends that session and no other', async () => {
  const node = await shared.get();
  const healthy = await Poller.open(node);
  for (const bad of ['[', '[]', 'no base64!', '[null,"1","a","b"]', Buffer.from([9, 9, 9, 9, 9]).toString('base64')]) {
    const poller = await Poller.open(node);
    assert.ok([200, 400].includes(await poller.post([bad])));
    await eventually(async () => assert.equal((await poller.get()).status, 410));
  }
  await healthy.post([[null, '1', 'phoenix', 'heartbeat', {}]]);
  assert.equal((await healthy.messages())[0][1], '1');
});

scenario('phoenix longpoll: a bad token, another vsn or origin is 403, with nothing for the page to read', async () => {
  const node = await shared.get();
  const status = async (query, headers = {}) =>
    (await (await fetch(`${node.http}/socket/longpoll?${query}`, { headers })).json()).status;
  assert.equal(await status('vsn=3.0.0'), 403);
  assert.equal(await status('vsn=2.0.0&token=bad'), 403);
  assert.equal(await status('vsn=2.0.0', { 'X-Phoenix-AuthToken': 'bad' }), 403);
  const answered = await fetch(`${node.http}/socket/longpoll?vsn=2.0.0`, {
    headers: { Origin: 'https://other.example' },
  });
  assert.equal((await answered.json()).status, 403);
  assert.equal(answered.headers.get('Access-Control-Allow-Origin'), null);
});

scenario('phoenix longpoll: a page of an allowed origin may poll, and asks before', async (s) => {
  const origin = 'https://page.example';
  const node = await s.node({ config: `[access]\nallowed_origins = ["${origin}"]\n` });
  const url = `${node.http}/socket/longpoll?vsn=2.0.0`;
  const before = await fetch(url, {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'content-type',
    },
  });
  assert.equal(before.status, 204);
  assert.equal(before.headers.get('Access-Control-Allow-Origin'), origin);
  assert.equal(before.headers.get('Access-Control-Allow-Headers'), 'content-type');
  assert.match(before.headers.get('Access-Control-Allow-Methods'), /POST/);
  const polled = await fetch(url, { headers: { Origin: origin } });
  assert.equal(polled.headers.get('Access-Control-Allow-Origin'), origin);
  assert.equal((await polled.json()).status, 410);
});

scenario('phoenix longpoll: other methods are 405, an upgrade is refused', async (s) => {
  const node = await shared.get();
  assert.equal((await fetch(`${node.http}/socket/longpoll?vsn=2.0.0`, { method: 'PUT' })).status, 405);
  await assert.rejects(Raw.connect(s, node, { path: '/socket/longpoll' }));
});

scenario('phoenix longpoll: a node that stops answers the polls that wait', async (s) => {
  const node = await s.node({ config: '[endpoint.phoenix]\npoll_ms = 20000\n' });
  const poller = await Poller.open(node);
  const waiting = poller.get().catch(() => ({ status: 0 }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  await node.stop();
  assert.notEqual((await waiting).status, 200);
});

shared.stops();
