// Services: examples/echo on a real node, over every way in, and what rpc.discover says of it.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { RpcError } from './client.mjs';
import { binary, eventually, fresh, scenario, sharedNode } from './harness.mjs';

const require = createRequire(import.meta.url);
const plugins = process.env.GREENROOM_TEST_PLUGINS ?? join(binary, '..', 'tests');
const examples = process.env.GREENROOM_EXAMPLES ?? join(binary, '..', 'examples');
const shared = sharedNode({ config: `[plugins]\nload = ["${join(examples, 'echo.so')}"]\n` });
const fails = (code, path) => (error) => error instanceof RpcError && error.code === code && error.data?.path === path;

async function post(node, body) {
  const response = await fetch(`${node.http}/rpc`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, json: response.status === 200 ? await response.json() : undefined };
}

for (const kind of ['json', 'msgpack']) {
  scenario(`service: answers over ${kind}, by name and by position, and names what does not fit`, async (s) => {
    const ann = await s.client(await shared.get(), { user: fresh('ann'), kind });
    assert.deepEqual(await ann.call('echo.say', { text: 'hello' }), { text: 'hello' });
    assert.deepEqual(await ann.call('echo.say', ['hello']), { text: 'hello' });
    const document = { list: [1, null, { deep: 'ö' }], real: 1.5 };
    assert.deepEqual(await ann.call('echo.anything', document), document);
    await assert.rejects(ann.call('echo.say', { text: 7 }), fails(-32602, 'params.text'));
    await assert.rejects(ann.call('echo.say', {}), fails(-32602, 'params.text'));
    await assert.rejects(ann.call('echo.say', ['a', 'b']), fails(-32602, 'params'));
    await assert.rejects(ann.call('echo.shout', {}), (error) => error.code === -32601 && /echo\.shout/.test(error.message));
  });
}

scenario('service: is called by POST /rpc, in a batch, and as a notification', async () => {
  const node = await shared.get();
  const say = (id, text) => ({ jsonrpc: '2.0', id, method: 'echo.say', params: { text } });
  assert.deepEqual((await post(node, say(1, 'one'))).json, { jsonrpc: '2.0', id: 1, result: { text: 'one' } });
  const { json } = await post(node, [say(1, 'one'), say(2, 'two'), { ...say(0, 'three'), id: undefined }]);
  assert.deepEqual(json.map((each) => each.result.text).sort(), ['one', 'two']);
  assert.equal((await post(node, { ...say(0, 'nobody hears'), id: undefined })).status, 204);
});

scenario('service: speaks into a room, to whoever calls it and however', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const bob = await s.client(node, { user: fresh('bob'), kind: 'msgpack' });
  await bob.join(room);
  assert.equal((await post(node, { jsonrpc: '2.0', id: 1, method: 'echo.to_room', params: [room, 'hear ye'] })).status, 200);
  const { event, payload, seq } = await bob.next('room.message');
  assert.deepEqual({ event, payload, seq }, { event: 'echo', payload: { text: 'hear ye' }, seq: 1 });
});

scenario('service: /status and /metrics count what it does, an instance a shard', async (s) => {
  const node = await s.node({ config: `[plugins]\nload = ["${join(examples, 'echo.so')}"]\n`, args: ['--shards', '2'] });
  const ann = await s.client(node, { user: 'ann' });
  for (let i = 0; i < 5; ++i) await ann.call('echo.anything', [i]);
  const { services } = await (await fetch(`${node.http}/status`)).json();
  const of_echo = services.filter((each) => each.service === 'echo');
  assert.deepEqual(of_echo.map((each) => each.instance), ['shard 0', 'shard 1']);
  assert.equal(of_echo.reduce((sum, each) => sum + each.calls, 0), 5);
  for (const each of of_echo) assert.deepEqual([each.in_work, each.queued, each.away], [0, 0, false]);
  await eventually(async () => {
    const text = await (await fetch(`${node.http}/metrics`)).text();
    assert.match(text, /greenroom_service_calls_total\{service="echo",instance="shard [01]"\} 5/);
    assert.match(text, /greenroom_calls_total\{method="echo\.anything"\} 5/);
  });
});

async function node_with_sleeper(s) {
  return s.node({ config: `[plugins]\nload = ["${join(plugins, 'sleeper.so')}"]\n`, args: ['--shards', '1'] });
}

scenario('service: a detached one blocks its own thread and nobody else', async (s) => {
  const node = await node_with_sleeper(s);
  const ann = await s.client(node, { user: 'ann' });
  await ann.join('lobby');
  const blocked = ann.call('sleeper.block', { ms: 500 });
  let answered = 0;
  blocked.then(() => (answered = -1));
  for (; answered >= 0 && answered < 100; ++answered) await ann.publish('lobby', answered);
  assert.equal(answered, 100, 'the only shard was held');
  await blocked;
  assert.deepEqual(await ann.call('sleeper.tell', {}), { blocked: 1, cancelled: 0 });
});

scenario('service: a detached one sees that nobody waits any more, while it blocks', async (s) => {
  const node = await node_with_sleeper(s);
  const ann = await s.client(node, { user: 'ann' });
  await assert.rejects(ann.call('sleeper.block', { ms: 60_000 }), (error) => error.code === -32009); // its limit: 0.7 s
  assert.deepEqual(await ann.call('sleeper.tell', {}), { blocked: 1, cancelled: 1 });
  const bob = await s.client(node, { user: 'bob' });
  bob.call('sleeper.block', { ms: 60_000 }).catch(() => {});
  await eventually(async () => {
    const { services } = await (await fetch(`${node.http}/status`)).json();
    assert.equal(services[0].in_work, 1);
  });
  await bob.end({ abrupt: true });
  await eventually(async () => assert.equal((await ann.call('sleeper.tell', {})).cancelled, 2));
});

scenario('service: a detached one keeps timers, publishes and calls, and comes back after a crash', async (s) => {
  const node = await node_with_sleeper(s);
  const ann = await s.client(node, { user: 'ann' });
  await ann.join('chores');
  assert.equal(await ann.call('sleeper.chores', {}), true);
  assert.equal((await ann.next('room.message')).event, 'begun');
  await assert.rejects(ann.call('sleeper.block', { ms: 13 }), (error) => error.code === -32603 && error.data.trace !== '');
  assert.deepEqual(await ann.call('sleeper.tell', {}), { blocked: 0, cancelled: 0 }); // another life
});

scenario('rpc.discover: the document is valid OpenRPC, and has the services', async (s) => {
  const Ajv = require('ajv').default;
  const anonymous = ({ $schema, $id, ...schema }) => schema;
  const { openrpcDocument } = require('@open-rpc/meta-schema');
  const { jsonSchema } = require('@json-schema-tools/meta-schema');
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  for (const id of ['https://meta.json-schema.tools', 'https://meta.json-schema.tools/'])
    ajv.addSchema(anonymous(jsonSchema), id); // the meta-schema refers to it by both
  const { $schema, ...meta } = openrpcDocument;
  const valid = ajv.compile(meta);

  const ann = await s.client(await shared.get(), { user: fresh('ann') });
  const document = await ann.call('rpc.discover', {});
  assert.ok(valid(document), JSON.stringify(valid.errors?.slice(0, 3)));
  const say = document.methods.find((each) => each.name === 'echo.say');
  const text = { type: 'string', maxLength: 1000 };
  assert.deepEqual(say.params, [{ name: 'text', required: true, schema: text }]);
  assert.deepEqual(say.result.schema, { type: 'object', properties: { text }, required: ['text'] });

  const broken = structuredClone(document);
  delete broken.methods.find((each) => each.name === 'echo.say').params[0].name;
  assert.ok(!valid(broken), 'a document without the name of a parameter must not pass');
});

shared.stops();
