// permessage-deflate with npm's `ws`: whatever a client offers, it hears the same, compressed where that was agreed on.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { fresh, patience, scenario, sharedNode, within } from './harness.mjs';

// In rooms named `quiet:…` nobody is told of members, which would be counted, too.
const shared = sharedNode({
  args: ['--set', 'gateway.compression=deflate', '--set', 'namespace.quiet.presence=false'],
});
const long = 'compress me, '.repeat(60);
const compressed_out = async (node) => {
  const text = await (await fetch(`${node.http}/metrics`)).text();
  return Number(text.match(/^greenroom_compressed_messages_out_total (\d+)/m)[1]);
};
const bytes_read = (client) => client.socket._socket.bytesRead;
const compressed = (client) => client.socket.extensions === 'permessage-deflate';

/** Every call, answer and push that a client makes and gets, long ones among them, both ways. */
async function converse(client, room) {
  await client.open({ user: fresh('ann') });
  await client.join(room);
  const before = bytes_read(client);
  for (const payload of [long, 'short', { text: long, list: [1, 2, 3] }, long]) await client.publish(room, payload);
  const messages = await client.take('room.message', 4);
  assert.deepEqual(
    messages.map(({ payload }) => payload),
    [long, 'short', { text: long, list: [1, 2, 3] }, long],
  );
  const { messages: kept } = await client.call('room.history', { room });
  assert.deepEqual(
    kept.map(({ seq }) => seq),
    messages.map(({ seq }) => seq),
  );
  return bytes_read(client) - before;
}

/** Letters at random, the same ones each time. */
function noise(length) {
  let state = 7;
  const letter = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return String.fromCharCode(97 + ((state >> 16) % 26));
  };
  return Array.from({ length }, letter).join('');
}

/** What a node answers to an offer. */
async function answer_to(node, offered) {
  const socket = new WebSocket(node.url, [], { perMessageDeflate: offered });
  const upgraded = new Promise((resolve) => socket.once('upgrade', ({ headers }) => resolve(headers)));
  const headers = await within(5_000, 'the handshake', upgraded);
  socket.terminate();
  return headers['sec-websocket-extensions'];
}

const windows = [undefined, 8, 9, 12, 15];
for (const kind of ['json', 'msgpack']) {
  scenario(`compression: every combination of parameters that a client may offer works, ${kind}`, async (s) => {
    const node = await shared.get();
    for (const serverNoContextTakeover of [undefined, true]) {
      for (const clientNoContextTakeover of [undefined, true]) {
        for (const serverMaxWindowBits of windows) {
          for (const clientMaxWindowBits of windows.filter((each) => each !== 8)) {
            const offered = {
              serverNoContextTakeover,
              clientNoContextTakeover,
              serverMaxWindowBits,
              clientMaxWindowBits,
              threshold: 0,
            };
            const what = JSON.stringify(offered);
            const client = await s.client(node, { kind, deflate: offered });
            assert.equal(compressed(client), serverMaxWindowBits !== 8, what); // 8: declined, not refused
            const read = await converse(client, fresh());
            assert.ok(compressed(client) ? read < 3_000 : read > 5_000, `${read} bytes, ${what}`);
            await client.end();
            assert.equal(client.close.code, 1000, what);
          }
        }
      }
    }
  });

  scenario(`compression: plain and compressed members of both kinds hear the same, ${kind} publishes`, async (s) => {
    const node = await shared.get();
    const room = `quiet:${fresh()}`;
    const options = [
      { kind: 'json', deflate: true },
      { kind: 'msgpack', deflate: true },
      { kind: 'json' },
      { kind: 'msgpack' },
    ];
    const members = await Promise.all(options.map((each) => s.client(node, each)));
    for (const member of members) await member.join(room);
    const publisher = await s.client(node, { kind, deflate: { threshold: 0 } });
    const before = await compressed_out(node);
    for (let i = 0; i < 20; ++i) publisher.notify('room.publish', { room, event: 'e', payload: `${i} ${long}` });
    const heard = await Promise.all(members.map((member) => member.take('room.message', 20)));
    for (const each of heard) assert.deepEqual(each, heard[0]);
    assert.equal(await compressed_out(node), before + 40);
  });
}

scenario('compression: a client gets what it can inflate with the window that it asked for', async (s) => {
  const node = await shared.get();
  const room = `quiet:${fresh()}`;
  const distant = `${noise(3_000)}`.repeat(2); // repeats beyond a window of 9 bits, within one of 12
  const answers = {};
  const members = {};
  for (const bits of [9, 10, 12, 15]) {
    const deflate = { serverMaxWindowBits: bits, clientMaxWindowBits: bits, threshold: 0 };
    members[bits] = await s.client(node, { deflate });
    answers[bits] = await answer_to(node, deflate);
    await members[bits].join(room);
  }
  for (const [bits, said] of Object.entries(answers)) {
    assert.match(said, new RegExp(`server_max_window_bits=${Math.min(bits, 12)}$`));
    assert.doesNotMatch(said, /client_max_window_bits/);
  }
  const read = {};
  const before = Object.fromEntries(Object.entries(members).map(([bits, client]) => [bits, bytes_read(client)]));
  const publisher = await s.client(node);
  for (let i = 0; i < 5; ++i) publisher.notify('room.publish', { room, event: 'e', payload: `${i} ${distant}` });
  for (const [bits, client] of Object.entries(members)) {
    const got = await client.take('room.message', 5);
    assert.deepEqual(
      got.map(({ payload }) => payload),
      [0, 1, 2, 3, 4].map((i) => `${i} ${distant}`),
    );
    read[bits] = bytes_read(client) - before[bits];
  }
  assert.equal(read[12], read[15]);
  assert.ok(read[12] < 0.7 * read[9], JSON.stringify(read));
  assert.ok(read[9] < 5 * 6_000, JSON.stringify(read));
});

scenario('compression: the largest message in the most fragments, both ways', async (s) => {
  const body_timeout_ms = 30_000 * patience; // from the first fragment to the last
  const limits = { message_bytes_max: '16MiB', fragments_max: 65_536, body_timeout_ms, compression: 'deflate' };
  const args = Object.entries(limits).flatMap(([key, value]) => ['--set', `gateway.${key}=${value}`]);
  const node = await s.node({ args: [...args, '--set', 'outbox.bytes_max=64MiB', '--set', 'inbox.bytes_max=16MiB'] });
  for (const deflate of [false, { threshold: 0 }]) {
    const client = await s.client(node, { deflate });
    const room = fresh();
    await client.join(room);
    const params = { room, event: 'e', payload: '' };
    const call = (payload) => JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'room.publish', params: { ...params, payload } });
    const size = (16 << 20) - call('').length;
    const payload = noise(1 << 16).repeat(256).slice(0, size);
    const bytes = Buffer.from(call(payload));
    assert.equal(bytes.length, 16 << 20);
    const frames = 65_536;
    for (let i = 0; i < frames; ++i) {
      const part = bytes.subarray((bytes.length / frames) * i, (bytes.length / frames) * (i + 1));
      client.socket.send(part, { binary: false, fin: i + 1 === frames });
    }
    const [{ payload: heard }] = await client.take('room.message', 1, 30_000);
    assert.equal(heard, payload);
    client.send(call(`${payload}x`));
    await within(10_000, 'the close', client.closed);
    assert.deepEqual(client.close, { code: 1009, reason: 'too_big' });
  }
});

scenario('compression: a client that offers it to a node without it is served plainly', async (s) => {
  const node = await s.node();
  const client = await s.client(node, { deflate: { threshold: 0 } });
  assert.equal(compressed(client), false);
  assert.ok((await converse(client, fresh())) > 5_000);
});

scenario('compression: a client that does not offer it is served plainly', async (s) => {
  const node = await shared.get();
  const client = await s.client(node);
  assert.equal(compressed(client), false);
  assert.ok((await converse(client, fresh())) > 5_000);
});

scenario('compression: a client that insists on its own context fails by itself, as RFC 7692 has it', async (s) => {
  const node = await shared.get();
  const socket = new WebSocket(node.url, [], { perMessageDeflate: { clientNoContextTakeover: false } });
  s.defer(() => socket.terminate());
  const error = await within(5_000, 'the refusal', new Promise((resolve) => socket.once('error', resolve)));
  assert.match(error.message, /Sec-WebSocket-Extensions/);
});

scenario('compression: a message is bounded by what it inflates to', async (s) => {
  const node = await shared.get();
  const client = await s.client(node, { deflate: { threshold: 0 } });
  client.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'room.publish', params: { payload: 'x'.repeat(70_000) } }));
  await within(5_000, 'the close', client.closed);
  assert.deepEqual(client.close, { code: 1009, reason: 'too_big' });
});

scenario('compression: a setting that zlib does not have is named before the node starts', async (s) => {
  const bad = { compression_window_bits: 8, compression_level: 0, compression: '"gzip"' };
  for (const [key, value] of Object.entries(bad)) {
    const run = s.run(['serve', '--set', `gateway.${key}=${value}`]);
    const { code, stderr } = await run.result();
    assert.equal(code, 78, key);
    assert.match(stderr, new RegExp(`gateway.${key}`));
  }
});

shared.stops();
