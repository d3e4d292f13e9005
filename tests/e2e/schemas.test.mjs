// Payloads that do not match the schema that the config names: refused in every protocol and encoding, with the place.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Process, binary, fresh, scenario, scratch, sharedNode } from './harness.mjs';
import * as phoenix from './phoenix.mjs';
import { call, client as socketio, connects, next } from './socketio_client.mjs';

const dir = scratch();
const schema = (name, what) => {
  writeFileSync(join(dir, name), typeof what === 'string' ? what : JSON.stringify(what));
  return join(dir, name);
};
const order = schema('order.json', {
  $schema: 'http://json-schema.org/draft-04/schema#',
  type: 'object',
  required: ['lines'],
  additionalProperties: false,
  properties: {
    lines: { type: 'array', minItems: 1, items: { $ref: '#/definitions/line' } },
    note: { type: 'string', maxLength: 20 },
  },
  definitions: {
    line: {
      type: 'object',
      required: ['item', 'count'],
      properties: { item: { enum: ['tea', 'milk'] }, count: { type: 'integer', minimum: 1 } },
    },
  },
});
const text = schema('text.json', { type: 'string' });
const move = schema('move.json', {
  type: 'object',
  required: ['to'],
  properties: { to: { type: 'string', pattern: '^[a-h][1-8]$' } },
});
const built = process.env.GREENROOM_TEST_PLUGINS ?? join(binary, '..', 'tests');
const config = `[plugins]
load = ["${join(built, 'parrot.so')}"]
[namespace.orders]
schemas = ["placed=${order}", "${text}"]
[namespace.default]
schemas = ["message=${order}"]
[schemas]
methods = ["game.move=${move}"]
`;
const shared = sharedNode({ config });
const good = { lines: [{ item: 'tea', count: 2 }] };
const room = () => fresh('orders:room');

/** payload → where and why it is refused; null: it is not. */
const rows = [
  [good, null],
  [{ ...good, note: 'please' }, null],
  [{ lines: [] }, ['/lines', 'minItems']],
  [
    {
      lines: [
        { item: 'tea', count: 2 },
        { item: 'tea', count: 0 },
      ],
    },
    ['/lines/1/count', 'minimum'],
  ],
  [{ lines: [{ item: 'tea', count: 1.5 }] }, ['/lines/0/count', 'type']],
  [{ lines: [{ item: 'beer', count: 1 }] }, ['/lines/0/item', 'enum']],
  [{ lines: [{ count: 1 }] }, ['/lines/0', 'required']],
  [{}, ['', 'required']],
  [{ ...good, more: 1 }, ['/more', 'additionalProperties']],
  [{ ...good, note: 'x'.repeat(21) }, ['/note', 'maxLength']],
  [[good], ['', 'type']],
  ['text', ['', 'type']],
  [null, ['', 'type']],
];
function refused(error, [path, keyword], what) {
  const where = `the schema's "${keyword}" does not hold${path && ` at ${path}`}`;
  assert.equal(error.code, -32602, what);
  assert.deepEqual(error.data, { path, keyword, message: where }, what);
}

for (const kind of ['json', 'msgpack'])
  scenario(`schemas: what is published by the native protocol is checked (${kind})`, async (s) => {
    const node = await shared.get();
    const [ann, bob] = [await s.client(node, { user: 'ann', kind }), await s.client(node, { user: 'bob' })];
    const at = room();
    await bob.join(at);
    for (const [payload, why] of rows) {
      const what = JSON.stringify(payload);
      const published = ann.publish(at, payload, { event: 'placed' });
      if (!why) {
        await published;
        assert.deepEqual((await bob.next('room.message')).payload, payload, what);
      } else {
        await assert.rejects(published, (error) => (refused(error, why, what), true), what);
      }
    }
    await ann.publish(at, 'any other event is a text', { event: 'said' });
    await assert.rejects(ann.publish(at, 1, { event: 'said' }), { code: -32602 });
    await ann.publish(fresh('elsewhere'), { whatever: 1 }, { event: 'said' }); // another namespace, another event
    await assert.rejects(ann.publish(fresh('elsewhere'), {}, { event: 'message' }), { code: -32602 });
    assert.equal((await bob.next('room.message')).payload, 'any other event is a text');
  });

scenario('schemas: POST /rpc and batches are checked, too', async (s) => {
  const node = await shared.get();
  const publish = (id, payload) => ({
    jsonrpc: '2.0',
    id,
    method: 'room.publish',
    params: { room: 'orders:x', event: 'placed', payload },
  });
  const answer = await fetch(`${node.http}/rpc`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([publish(1, good), publish(2, {}), publish(3, good)]),
  });
  const by_id = Object.fromEntries((await answer.json()).map((each) => [each.id, each]));
  assert.ok(by_id[1].result && by_id[3].result);
  assert.deepEqual([by_id[2].error.code, by_id[2].error.data.keyword], [-32602, 'required']);
});

scenario('schemas: what is published by Socket.IO and Phoenix is checked', async (s) => {
  const node = await shared.get();
  const io = socketio(s, node);
  await connects(io);
  const channel = await phoenix.join(await phoenix.connect(s, node), room());
  for (const [payload, why] of rows.filter(([what]) => what && typeof what === 'object' && !Array.isArray(what))) {
    const what = JSON.stringify(payload);
    const answer = await call(io, 'room.publish', { room: room(), event: 'placed', payload });
    if (why) refused(answer.error ?? answer[0] ?? answer, why, what);
    else assert.equal(answer.error, undefined, what);
    const pushed = phoenix.answer(channel.push('placed', payload));
    if (why)
      await assert.rejects(
        pushed,
        (error) => error.response.keyword === why[1] && error.response.path === why[0],
        what,
      );
    else await pushed;
  }
});

scenario('schemas: calls of a method are checked before its worker sees them, in every protocol', async (s) => {
  const node = await shared.get();
  const worker = await s.client(node, { user: 'worker' });
  await worker.call('service.register', { methods: ['game.move'], capacity: 4 });
  const json = await s.client(node, { user: 'ann' });
  const packed = await s.client(node, { user: 'bob', kind: 'msgpack' });
  const io = socketio(s, node);
  await connects(io);
  for (const client of [json, packed]) {
    for (const params of [{ to: 'e9' }, { to: 'e4\n' }, {}, { to: 4 }, ['e4'], [{ to: 'z1' }]])
      await assert.rejects(client.call('game.move', params), { code: -32602 }, JSON.stringify(params));
    const moved = client.call('game.move', { to: 'e4' });
    const request = await worker.request();
    assert.deepEqual(request.params, { to: 'e4' });
    worker.answer(request, 'moved');
    assert.equal(await moved, 'moved');
  }
  const refusal = await call(io, 'game.move', { to: 'e9' });
  refused(refusal.error ?? refusal[0] ?? refusal, ['/to', 'pattern']);
  const moved = call(io, 'game.move', { to: 'a1' });
  worker.answer(await worker.request(), 'moved');
  await moved;
  assert.equal(worker.requests.length, 0); // nothing of what was refused
});

scenario('schemas: events of channels that a service serves are checked by their namespace', async (s) => {
  const node = await s.node({
    config: config.replace(
      '[namespace.default]\nschemas = ["message=',
      '[namespace.default]\nschemas = ["message-with-ack=',
    ),
  });
  const io = socketio(s, node, { nsp: '/parrot' });
  await connects(io);
  assert.deepEqual(await call(io, 'message-with-ack', good), good);
  const refusal = await call(io, 'message-with-ack', { lines: [] });
  refused(refusal.error ?? refusal[0] ?? refusal, ['/lines', 'minItems']);
  io.emit('message', 'not checked');
  assert.equal((await next(io, 'message-back'))[0], 'not checked');
});

scenario(
  'schemas: one that would not hold as it is written ends the start with 78, naming file, place and keyword',
  async () => {
    const rejected = {
      'unknown.json': [{ properties: { a: { const: 1 } } }, /at \/properties\/a: "const" is not known here/],
      'format.json': [{ format: 'email' }, /"format" is not known here/],
      'misspelt.json': [{ requierd: ['a'] }, /"requierd"/],
      'draft7.json': [{ $schema: 'http://json-schema.org/draft-07/schema#' }, /other drafts/],
      'remote.json': [{ $ref: 'http://127.0.0.1:1/x.json' }, /must lead into this document/],
      'digits.json': [{ pattern: '\\d+' }, /regular expression that cannot be used/],
      'text.txt': ['no schema', /it is no JSON document/],
    };
    for (const [name, [what, why]] of Object.entries(rejected)) {
      const path = schema(name, what);
      for (const [key, entry] of [
        ['namespace.orders.schemas', `placed=${path}`],
        ['namespace.default.schemas', path],
        ['schemas.methods', `game.move=${path}`],
      ]) {
        const args = ['serve', '--listen', '127.0.0.1:0', '--data', join(dir, 'data'), '--set', `${key}=${entry}`];
        const { code, stderr } = await new Process(args).result();
        assert.equal(code, 78, stderr);
        assert.ok(stderr.includes(`${key}: ${entry}: `), stderr);
        assert.match(stderr, why);
      }
    }
    for (const entry of ['/nowhere.json', order, `=${order}`]) {
      const args = [
        'serve',
        '--listen',
        '127.0.0.1:0',
        '--data',
        join(dir, 'data'),
        '--set',
        `schemas.methods=${entry}`,
      ];
      assert.equal((await new Process(args).result()).code, 78, entry);
    }
  },
);

shared.stops();
