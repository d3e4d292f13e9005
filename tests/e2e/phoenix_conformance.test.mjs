// The conformance program's topics, with phoenix.js and by hand: what the published suites of Phoenix presume.
import assert from 'node:assert/strict';
import { join as path } from 'node:path';
import { LongPoll } from 'phoenix';
import WebSocket from 'ws';
import { Process, binary, eventually, fresh, scenario } from './harness.mjs';
import { Presence, Raw, answer, bytes, connect, join, numbers, refusal, refused } from './phoenix.mjs';

const program = process.env.GREENROOM_CONFORMANCE ?? path(binary, '..', 'greenroom-conformance');
let started;
async function node() {
  started ??= (async () => {
    const child = new Process(['--listen', '127.0.0.1:0'], { program });
    const [, host, port] = (await child.stdout.match(/^ready\b/)).match(/([0-9.]+):(\d+)/);
    return Object.assign(child, { host, port: Number(port), http: `http://${host}:${port}` });
  })();
  return started;
}
const ok = (response) => ['phx_reply', { status: 'ok', response }];
const error = (response) => ['phx_reply', { status: 'error', response }];
const patient = { rejoinAfterMs: () => 60_000 };
const payloads = { 'a document': { n: [1, { x: null }] }, bytes: bytes(0, 1, 255) };
const plain = (payload) => (payload instanceof ArrayBuffer ? numbers(payload) : payload);

scenario('conformance: vsn=3.0.0 and token=bad are refused at the handshake', async () => {
  for (const query of ['vsn=3.0.0', 'vsn=2.0.0&token=bad']) assert.equal(await refusal(await node(), { query }), 403);
});

scenario('conformance: phoenix.js’ authToken admits, by the subprotocol and by long polling', async (s) => {
  for (const [name, transport] of Object.entries({ WebSocket, LongPoll }))
    for (const token of ['a token?>~', 'ok']) {
      const socket = await connect(s, await node(), { transport, authToken: token, params: { user: 'ann' } });
      const topic = fresh('room:token');
      assert.deepEqual((await join(socket, topic)).joined, { topic, params: {} }, name);
    }
  const coded = (token) => ['phoenix', `base64url.bearer.phx.${btoa(token).replaceAll('=', '')}`];
  assert.equal(await refusal(await node(), { protocols: coded('bad') }), 403);
  const raw = await Raw.connect(s, await node(), { protocols: coded('good'), query: 'vsn=2.0.0&token=bad' });
  assert.equal(raw.socket.protocol, 'phoenix'); // the subprotocol's token goes before that of the params
});

scenario(
  'conformance: a join replies {topic, params}, other topics are unmatched, room:forbidden is unauthorized',
  async (s) => {
    const socket = await connect(s, await node(), patient);
    const topic = fresh('room:a');
    assert.deepEqual((await join(socket, topic, { some: 'params' })).joined, { topic, params: { some: 'params' } });
    await assert.rejects(join(socket, 'room:forbidden'), refused({ reason: 'unauthorized' }));
    await assert.rejects(join(socket, 'other:a'), refused({ reason: 'unmatched topic' }));
    const raw = await Raw.connect(s, await node());
    assert.deepEqual(await raw.ask(['1', '2', 'other', 'phx_join', {}]), [null, '2', 'other', ...error({ reason: 'unmatched topic' })]); // prettier-ignore
    const forbidden = ['1', '3', 'room:forbidden'];
    assert.deepEqual(await raw.ask([...forbidden, 'phx_join', {}]), [
      ...forbidden,
      ...error({ reason: 'unauthorized' }),
    ]);
  },
);

for (const [kind, payload] of Object.entries(payloads)) {
  scenario(`conformance: echo, fail, push_me, shout and shout_others take ${kind}`, async (s) => {
    const topic = fresh('room:b');
    const [ann, bob] = [
      await join(await connect(s, await node()), topic),
      await join(await connect(s, await node()), topic),
    ];
    assert.deepEqual(plain(await answer(ann.push('echo', payload))), plain(payload));
    await assert.rejects(answer(ann.push('fail', payload)), (why) => {
      assert.deepEqual(plain(why.response), plain(payload));
      return true;
    });
    ann.push('push_me', payload);
    assert.deepEqual(plain(await ann.next('pushed')), plain(payload));
    ann.push('shout', payload);
    for (const each of [ann, bob]) assert.deepEqual(plain(await each.next('shout')), plain(payload));
    assert.deepEqual(await answer(ann.push('shout_others', payload)), {});
    assert.deepEqual(plain(await bob.next('shout_others')), plain(payload));
    assert.deepEqual(await answer(ann.push('ack', payload)), {});
    assert.ok(!ann.heard.some(({ event }) => event === 'shout_others'));
  });
}

scenario('conformance: quiet is not answered', async (s) => {
  const channel = await join(await connect(s, await node()), fresh('room:c'));
  await assert.rejects(answer(channel.push('quiet', {}, 200)), /timeout/);
});

scenario('conformance: stop is answered ok, then the channel is closed', async (s) => {
  const raw = await Raw.connect(s, await node());
  const topic = fresh('room:d');
  await raw.ask(['1', '1', topic, 'phx_join', {}]);
  assert.deepEqual(await raw.ask(['1', '2', topic, 'stop', {}]), ['1', '2', topic, ...ok({})]);
  assert.deepEqual((await raw.next()).slice(0, 4), ['1', '1', topic, 'phx_close']);
  assert.deepEqual(await raw.ask(['1', '3', topic, 'ack', {}]), [null, '3', topic, ...error({ reason: 'unmatched topic' })]); // prettier-ignore
});

scenario('conformance: crash is phx_error, and the client rejoins', async (s) => {
  const raw = await Raw.connect(s, await node());
  const topic = fresh('room:e');
  await raw.ask(['1', '1', topic, 'phx_join', {}]);
  assert.deepEqual(await raw.ask(['1', '2', topic, 'crash', {}]), ['1', '1', topic, 'phx_error', {}]);
  assert.deepEqual(await raw.ask(['3', '3', topic, 'phx_join', {}]), ['3', '3', topic, ...ok({ topic, params: {} })]);
  const channel = await join(await connect(s, await node()), topic);
  channel.push('crash', {});
  await channel.next('phx_error');
  await eventually(() => assert.equal(channel.state, 'joined'));
  assert.deepEqual(await answer(channel.push('ack', {})), {});
});

scenario('conformance: presence:* tracks user and meta, and meta updates them', async (s) => {
  const topic = fresh('presence:a');
  const channel = (await connect(s, await node())).channel(topic, { user: 'ann', meta: { n: 1 } });
  const presence = new Presence(channel);
  const shown = () => Object.fromEntries(presence.list((name, { metas }) => [name, metas.map(({ n }) => n)]));
  await answer(channel.join());
  await eventually(() => assert.deepEqual(shown(), { ann: [1] }));
  const other = await join(await connect(s, await node()), topic, { user: 'bob', meta: { n: 2 } });
  await other.next('presence_state');
  await eventually(() => assert.deepEqual(shown(), { ann: [1], bob: [2] }));
  const before = presence.state.bob.metas[0].phx_ref;
  assert.deepEqual(await answer(other.push('meta', { n: 3 })), {});
  await eventually(() => assert.deepEqual(shown(), { ann: [1], bob: [3] }));
  assert.equal(presence.state.bob.metas[0].phx_ref_prev, before);
  await answer(other.leave());
  await eventually(() => assert.deepEqual(shown(), { ann: [1] }));
});

scenario('conformance: messages may have a MiB, and more closes the socket', async (s) => {
  const raw = await Raw.connect(s, await node());
  const topic = fresh('room:f');
  await raw.ask(['1', '1', topic, 'phx_join', {}]);
  const payload = { text: 'x'.repeat(1024 * 1024 - 100) };
  assert.deepEqual(await raw.ask(['1', '2', topic, 'echo', payload]), ['1', '2', topic, ...ok(payload)]);
  raw.send(['1', '3', topic, 'echo', 'x'.repeat(1024 * 1024)]);
  assert.equal((await raw.closed)[0], 1009);
});

scenario('conformance: the program stops', async () => {
  await (await node()).kill('SIGTERM');
});
