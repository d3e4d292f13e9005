// permessage-deflate with npm's `ws`: whatever a client offers, it hears the same, compressed where that was agreed on.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { fresh, scenario, sharedNode, within } from './harness.mjs';

const shared = sharedNode({ args: ['--set', 'gateway.compression=deflate'] });
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

const windows = [undefined, 9, 12, 15];
for (const kind of ['json', 'msgpack']) {
  scenario(`compression: every combination of parameters that a client may offer works, ${kind}`, async (s) => {
    const node = await shared.get();
    for (const serverNoContextTakeover of [undefined, true]) {
      for (const clientNoContextTakeover of [undefined, true]) {
        for (const serverMaxWindowBits of windows) {
          for (const clientMaxWindowBits of windows) {
            const offered = {
              serverNoContextTakeover,
              clientNoContextTakeover,
              serverMaxWindowBits,
              clientMaxWindowBits,
              threshold: 0,
            };
            const what = JSON.stringify(offered);
            const client = await s.client(node, { kind, deflate: offered });
            assert.equal(compressed(client), serverMaxWindowBits !== 9, what); // less than ours: declined, not refused
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
    const room = fresh();
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
