// clients/js against the real binary: presence, and answers to what a behaviour asks, in both encodings.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import WebSocket from 'ws';
import { Greenroom } from '../../clients/js/index.js';
import { binary, eventually, fresh, scenario } from './harness.mjs';

const examples = process.env.GREENROOM_EXAMPLES ?? join(binary, '..', 'examples');
const config =
  `[plugins]\nload = ["${join(examples, 'matchmaker.so')}"]\n[namespace.match]\nbehaviour = "matchmaker"\n` +
  'join = "anyone"\npublish = "anyone"\nread = "anyone"\n';

function client_of(s, node, user, encoding) {
  const client = new Greenroom(node.url, { WebSocket, user, encoding });
  client.on('error', (error) => assert.fail(error));
  s.defer(() => client.close());
  return client;
}

for (const encoding of ['json', 'msgpack']) {
  scenario(`presence, ${encoding}: what is set is seen by whoever watches, and an end is told`, async (s) => {
    const node = await s.node();
    const [ann, bob] = [client_of(s, node, 'ann', encoding), client_of(s, node, 'bob', encoding)];
    await bob.presence.set('busy', { location: 'hall', meta: { until: 3 } });
    const users = await ann.presence.watch(['bob']);
    assert.deepEqual([users.bob.online, users.bob.status, users.bob.meta], [true, 'busy', { until: 3 }]);
    const changes = [];
    ann.presence.on('changed', (change) => changes.push(change));
    await bob.presence.set('away');
    await eventually(() => assert.equal(changes.at(-1)?.status, 'away'));
    assert.deepEqual((await ann.presence.online()).users, ['ann', 'bob']);
    await bob.close();
    await eventually(() => assert.equal(changes.at(-1).online, false));
  });

  scenario(`answer, ${encoding}: a behaviour asks, and the handler’s result is its answer`, async (s) => {
    const node = await s.node({ config });
    const name = `match:${fresh()}`;
    const found = [];
    for (const user of ['ann', 'bob']) {
      const client = client_of(s, node, user, encoding);
      client.answer('match.ready', async ({ opponent }) => opponent !== user);
      const room = await client.join(name);
      room.on('push', ({ event, payload }) => found.push([user, event, payload.opponent]));
    }
    await eventually(() => assert.equal(found.length, 2));
    assert.deepEqual(found.sort(), [['ann', 'found', 'bob'], ['bob', 'found', 'ann']]);
  });
}
