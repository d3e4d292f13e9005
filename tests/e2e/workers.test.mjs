// Requests of the node to clients, and remote workers: the examples, and what happens when one is killed under load.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RpcError } from './client.mjs';
import { eventually, fresh, scenario, scratch, sharedNode, within } from './harness.mjs';

const shared = sharedNode();
const repository = fileURLToPath(new URL('../..', import.meta.url));
const rejects = (code) => (error) => error instanceof RpcError && error.code === code;
// Debian's python3-websockets belongs to Debian's python3, which need not be the first one in the path.
const python = ['python3', '/usr/bin/python3'].find(
  (each) => spawnSync(each, ['-c', 'import websockets']).status === 0,
);

/** examples/ and what they import, with the packages that they ask for. */
function checkout() {
  const dir = scratch();
  cpSync(join(repository, 'examples'), join(dir, 'examples'), { recursive: true });
  cpSync(join(repository, 'clients/js'), join(dir, 'clients/js'), { recursive: true });
  symlinkSync(join(repository, 'tests/e2e/node_modules'), join(dir, 'node_modules'));
  return join(dir, 'examples');
}
/** A worker of the examples, registered. */
async function example(s, node, file, name) {
  assert.ok(python, 'a python3 with websockets: package python3-websockets');
  const child = spawn(file.endsWith('.py') ? python : process.execPath, [file, name, node.url], { cwd: checkout() });
  const worker = { child, name, out: '', ended: new Promise((resolve) => child.on('close', resolve)) };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (worker.out += text));
  s.defer(async () => {
    child.kill('SIGKILL');
    await worker.ended;
  });
  await eventually(() => assert.match(worker.out, new RegExp(`${name} works as \\S+`)), 20_000);
  return worker;
}
const status = async (node) => (await fetch(`${node.http}/status`)).json();
const workers = async (node) => (await status(node)).workers;

/** A client that has registered `methods`; its scenario answers. */
async function worker(s, node, methods, { capacity = 16, kind } = {}) {
  const one = await s.client(node, { user: fresh('worker'), kind });
  await one.call('service.register', { methods, capacity });
  return one;
}

for (const kind of ['json', 'msgpack']) {
  scenario(`worker: answers what others call, whose call it is stands beside it (${kind})`, async (s) => {
    const node = await shared.get();
    const method = fresh('sum');
    const w = await worker(s, node, [method], { kind });
    const user = fresh('ann');
    const ann = await s.client(node, { user, kind: kind === 'json' ? 'msgpack' : 'json' });
    const asked = ann.call(method, { numbers: [1, 2], bytes: null });
    const request = await w.request();
    assert.equal(request.kind, kind);
    assert.equal(request.id, 's1');
    assert.equal(request.method, method);
    assert.deepEqual(request.params, { numbers: [1, 2], bytes: null });
    assert.deepEqual(request.from, { user, session: ann.session.session });
    w.answer(request, { sum: 3 });
    assert.deepEqual(await asked, { sum: 3 });

    const failing = ann.call(method);
    w.fail(await w.request(), 4711, 'not today');
    await assert.rejects(failing, rejects(4711));
  });
}

scenario('worker: is called from POST /rpc, and by the command line', async (s) => {
  const node = await shared.get();
  const method = fresh('echo');
  const w = await worker(s, node, [{ name: method, summary: 'Says it again.' }]);
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { a: 1 } });
  const posted = fetch(`${node.http}/rpc`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  const request = await w.request();
  assert.equal(request.from.session, undefined);
  w.answer(request, request.params);
  assert.deepEqual((await (await posted).json()).result, { a: 1 });

  const command = s.run(['call', method, '{"b":2}', '--url', node.url]);
  w.answer(await w.request(), 'hello');
  const { code, stdout } = await command.result();
  assert.equal(code, 0);
  assert.equal(stdout.trim(), '"hello"');
});

scenario('worker: needs the right, and methods that are free', async (s) => {
  const node = await s.node({ config: '[access]\nworkers = "nobody"\n' });
  const ann = await s.client(node, { user: 'ann' });
  await assert.rejects(ann.call('service.register', { methods: ['a.b'] }), rejects(-32002));
  await node.stderr.match(/service\.register.*-32002/);
  const other = await s.client(await shared.get(), { user: fresh('w') });
  await assert.rejects(other.call('service.register', { methods: ['room.join'] }), rejects(-32005));
});

scenario('worker: an answer over the size limit costs the worker its connection, and its callers their answers', async (s) => {
  const node = await shared.get();
  const method = fresh('big');
  const w = await worker(s, node, [method]);
  const ann = await s.client(node, { user: fresh('ann') });
  const asked = [ann.call(method), ann.call(method)];
  // Both are the worker's before it fails: one that came later would wait for another worker.
  const [first] = [await w.request(), await w.request()];
  w.answer(first, 'x'.repeat(100_000));
  for (const each of asked) await assert.rejects(each, rejects(-32009));
  assert.equal((await w.closed).code, 1009);
});

scenario('worker: takes its capacity and not more; the rest waits for its turn', async (s) => {
  const node = await shared.get();
  const method = fresh('slow');
  const w = await worker(s, node, [method], { capacity: 2 });
  const ann = await s.client(node, { user: fresh('ann') });
  const asked = Array.from({ length: 10 }, (_, i) => ann.call(method, { i }));
  const order = [];
  const open = [await w.request(), await w.request()];
  await w.barrier();
  assert.equal(w.requests.length, 0);
  assert.ok((await status(node)).calls_waiting_for_workers >= 8);
  while (open.length > 0) {
    const one = open.shift();
    order.push(one.params.i);
    w.answer(one, one.params.i);
    if (order.length + open.length < asked.length) open.push(await w.request());
  }
  assert.deepEqual(await Promise.all(asked), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

scenario('examples: worker.mjs and worker.py share the calls, are shown, and drain when they are asked to end', async (s) => {
  const node = await s.node();
  const two = [await example(s, node, 'worker.mjs', 'one'), await example(s, node, 'worker.py', 'two')];
  const ann = await s.client(node, { user: 'ann' });
  const sums = await Promise.all(
    Array.from({ length: 20 }, (_, i) => ann.call('math.sum', { numbers: [i, 1], ms: 10 })),
  );
  assert.deepEqual(sums.map(({ sum }) => sum), Array.from({ length: 20 }, (_, i) => i + 1));
  assert.deepEqual([...new Set(sums.map(({ by }) => by))].sort(), ['one', 'two']);
  const placed = await ann.call('order.place', { item: 'tea' });
  assert.equal(placed.item, 'tea');
  assert.equal(placed.for, 'ann');
  await assert.rejects(ann.call('math.sum', { numbers: 7 }), rejects(-32602));

  const { methods } = await ann.call('rpc.discover');
  assert.ok(methods.some(({ name, summary }) => name === 'math.sum' && summary !== undefined));
  const shown = await workers(node);
  assert.deepEqual(shown.map(({ user }) => user).sort(), ['one', 'two']);
  for (const each of shown) {
    assert.deepEqual(each.methods, ['math.sum', 'order.place']);
    assert.ok(each.answered > 0 && each.lost === 0 && each.in_flight === 0 && each.latency_us > 0);
  }
  const metrics = await (await fetch(`${node.http}/metrics`)).text();
  assert.match(metrics, /^greenroom_workers 2$/m);
  assert.match(metrics, /^greenroom_worker_calls_total\{outcome="answered"\} 21$/m);
  assert.match(metrics, /^greenroom_worker_calls_total\{outcome="failed"\} 1$/m);

  for (const one of two) {
    const late = Array.from({ length: 4 }, () => ann.call('order.place', { item: 'cake', ms: 300 }));
    await eventually(async () => {
      const now = await workers(node);
      assert.ok(now.every(({ in_flight }) => in_flight > 0));
    });
    one.child.kill('SIGTERM');
    await Promise.all(late); // what it had is answered before it goes
    assert.equal(await within(10_000, `the end of ${one.name}`, one.ended), 0, one.out);
  }
  assert.deepEqual(await workers(node), []);
  await assert.rejects(ann.call('math.sum', { numbers: [] }), rejects(-32601));
});

for (const [victim, survivor] of [['worker.mjs', 'worker.py'], ['worker.py', 'worker.mjs']]) {
  scenario(`examples: ${victim} is killed under load: what may be repeated succeeds, the rest fails with -32009`, async (s) => {
    const node = await s.node();
    const doomed = await example(s, node, victim, 'doomed');
    await example(s, node, survivor, 'other');
    const ann = await s.client(node, { user: 'ann' });
    const total = 600;
    const ends = { sum: { ok: 0 }, order: { ok: 0 } };
    let begun = 0;
    let ended = 0;
    const lane = async () => {
      while (begun < total) {
        const i = begun++;
        const kind = i % 2 === 0 ? 'sum' : 'order';
        try {
          if (kind === 'sum') {
            const { sum } = await ann.call('math.sum', { numbers: [i, 1], ms: 20 });
            assert.equal(sum, i + 1);
          } else {
            assert.equal((await ann.call('order.place', { item: i, ms: 20 })).item, i);
          }
          ends[kind].ok += 1;
        } catch (error) {
          ends[kind][error.code ?? error.message] = (ends[kind][error.code ?? error.message] ?? 0) + 1;
        }
        if (++ended === 200) doomed.child.kill('SIGKILL');
      }
    };
    await Promise.all(Array.from({ length: 48 }, lane));
    console.log(`# ${victim} killed: ${JSON.stringify(ends)}`);
    assert.equal(ended, total);
    assert.deepEqual(ends.sum, { ok: total / 2 });
    assert.deepEqual(Object.keys(ends.order).sort(), ['-32009', 'ok']); // the kill hit something
    assert.equal(ends.order.ok + ends.order['-32009'], total / 2);
    assert.deepEqual((await workers(node)).map(({ user }) => user), ['other']);
  });
}

scenario('examples: a lone worker that comes back in time takes the calls that waited', async (s) => {
  const node = await s.node();
  const first = await example(s, node, 'worker.py', 'first');
  first.child.kill('SIGKILL');
  await first.ended;
  await eventually(async () => assert.deepEqual(await workers(node), []));
  const ann = await s.client(node, { user: 'ann' });
  const asked = ann.call('math.sum', { numbers: [20, 22] });
  await example(s, node, 'worker.py', 'second');
  assert.deepEqual(await asked, { sum: 42, by: 'second' });
});

shared.stops();
