// What is kept secret on disk: encrypted rooms over `kill -9`, keys that change under load, secrets for the node itself.
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, openSync, closeSync, readFileSync, readdirSync, writeFileSync, writeSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { RpcError } from './client.mjs';
import { Node, fresh, scenario, scratch } from './harness.mjs';

const keys_dir = scratch();

/** A file with a fresh key, as `secrets.keys` names it. */
function fresh_key(id) {
  const file = join(keys_dir, fresh(id));
  writeFileSync(file, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  return `${id}=file:${file}`;
}
const config_of = (keys, more = '') => `[secrets]
keys = [${keys.map((key) => JSON.stringify(key)).join(', ')}]
[namespace.safe]
durable = true
encrypted = ${keys.length > 0}
history_count = 100000
${more}`;

const on = (s, node, ...args) => s.run([...args, '--data', node.dir]).result();
async function ok(s, node, ...args) {
  const { code, stdout, stderr } = await on(s, node, ...args);
  assert.equal(code, 0, stderr);
  return stdout;
}
const status = async (s, node) => JSON.parse(await ok(s, node, 'secrets', 'status', '--json'));
const put = (s, node, name, input) => s.run(['secrets', 'put', name, '--data', node.dir], { input }).result();
const history = async (client, room) => (await client.call('room.history', { room, limit: 1000 })).messages.map(({ payload }) => payload);

/** Asks a node through its administration socket, faster than a command can. */
async function admin(s, node) {
  const socket = createConnection(join(node.dir, 'admin.sock'));
  socket.on('error', () => {}); // the node may be killed
  s.defer(() => socket.destroy());
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  return async (command) => {
    socket.write(`${JSON.stringify({ command })}\n`);
    return JSON.parse((await lines.next()).value);
  };
}

/** The files of a directory that hold the text. */
function holders(dir, text) {
  return readdirSync(dir, { withFileTypes: true })
    .filter((each) => each.isFile())
    .filter((each) => readFileSync(join(dir, each.name)).includes(text))
    .map((each) => each.name);
}

/** A node of this config on the data of another one, which has ended. */
async function next_on(s, node, config) {
  const next = await Node.start({ config, dir: node.dir });
  s.defer(() => (next.ended ? undefined : next.stop()));
  return next;
}

/** How `serve` ends that does not start. */
async function refused(s, config, dir = scratch()) {
  const file = join(scratch(), 'bad.toml');
  writeFileSync(file, config);
  return s.run(['serve', '--dev', '--listen', '127.0.0.1:0', '--data', dir, '--config', file]).result();
}

scenario('encryption: a message of an encrypted room is nowhere on the disk, and is there after kill -9', async (s) => {
  const config = config_of([fresh_key('a')]);
  const first = await s.node({ config });
  const canary = `canary-${randomBytes(12).toString('hex')}`;
  const room = fresh('safe:room');
  const ann = await s.client(first, { user: 'ann' });
  await ann.join(room);
  for (let i = 0; i < 20; ++i) assert.equal((await ann.publish(room, { canary, i })).ack, 'durable');
  const file = join(scratch(), 'backup.db');
  await ok(s, first, 'backup', file);
  assert.deepEqual(holders(first.dir, canary), [], 'neither in the database nor in its WAL');
  assert.ok(!readFileSync(file).includes(canary), 'nor in a backup');
  await first.kill('SIGKILL');
  assert.deepEqual(holders(first.dir, canary), []);
  const second = await next_on(s, first, config);
  const bob = await s.client(second, { user: 'bob' });
  assert.deepEqual(await history(bob, room), Array.from({ length: 20 }, (_, i) => ({ canary, i })));
  // The search finds what is not encrypted.
  await ann.end().catch(() => {});
  await bob.publish(fresh('durable:plain'), { canary });
  assert.deepEqual(holders(second.dir, canary), ['greenroom.db-wal']);
  const restored = scratch();
  const made = await s.run(['restore', file, '--data', join(restored, 'data'), '--config', config_file(config)]).result();
  assert.equal(made.code, 0, made.stderr);
  const third = await Node.start({ config, dir: join(restored, 'data') });
  s.defer(() => third.stop());
  const carl = await s.client(third, { user: 'carl' });
  assert.equal((await history(carl, room)).length, 20);
});

function config_file(config) {
  const file = join(scratch(), 'node.toml');
  writeFileSync(file, config);
  return file;
}

scenario('encryption: switched on, old messages stay readable; switched off again, those too', async (s) => {
  const key = fresh_key('a');
  const room = fresh('safe:room');
  const plain = config_of([key]).replace('encrypted = true', 'encrypted = false');
  let node = await s.node({ config: plain });
  const said = [];
  for (const config of [plain, config_of([key]), plain, config_of([key])]) {
    await node.stop();
    node = await next_on(s, node, config);
    const ann = await s.client(node, { user: 'ann' });
    said.push(said.length);
    await ann.publish(room, said.at(-1));
    assert.deepEqual(await history(ann, room), said);
    await ann.end();
  }
});

scenario('encryption: without the key its rooms are unavailable, others go on, and nothing is lost', async (s) => {
  const [a, b] = [fresh_key('a'), fresh_key('b')];
  const first = await s.node({ config: config_of([a]) });
  const room = fresh('safe:room');
  const ann = await s.client(first, { user: 'ann' });
  await ann.publish(room, 'kept');
  await first.stop();
  const second = await next_on(s, first, config_of([b]));
  const bob = await s.client(second, { user: 'bob' });
  const unavailable = (error) => error instanceof RpcError && error.code === -32008;
  await assert.rejects(bob.call('room.history', { room }), unavailable);
  await assert.rejects(bob.publish(room, 'more'), unavailable);
  await assert.rejects(bob.join(room), unavailable);
  await bob.publish(fresh('safe:new'), 'goes on');
  assert.match(await second.stderr.match(/the store reports/), /under the key \S*a/);
  assert.match(await ok(s, second, 'secrets', 'status'), /^a: wraps \d+ data keys?; MISSING in secrets\.keys/m);
  const doctor = await s.run(['doctor', '--data', second.dir, '--dev', '--config', config_file(config_of([b]))]).result();
  assert.equal(doctor.code, 1);
  assert.match(doctor.stdout, /problem\s+secrets: .* under the key a, which secrets\.keys does not name/);
  await second.stop();
  const third = await next_on(s, second, config_of([b, a]));
  const carl = await s.client(third, { user: 'carl' });
  assert.deepEqual(await history(carl, room), ['kept']);
});

scenario('encryption: another key under the same id ends the start; with the right one everything is there', async (s) => {
  const [right, wrong] = [fresh_key('a'), fresh_key('a')];
  const first = await s.node({ config: config_of([right]) });
  const room = fresh('safe:room');
  const ann = await s.client(first, { user: 'ann' });
  await ann.publish(room, 'kept');
  await first.stop();
  const answer = await refused(s, config_of([wrong]), first.dir);
  assert.equal(answer.code, 78);
  assert.match(answer.stderr, /secrets\.keys: a: it is not the key of that id that the database is encrypted under/);
  const doctor = await s.run(['doctor', '--data', first.dir, '--dev', '--config', config_file(config_of([wrong]))]).result();
  assert.equal(doctor.code, 1);
  assert.match(doctor.stdout, /problem\s+secrets: .* secrets\.keys has another key of that id/);
  const second = await next_on(s, first, config_of([right]));
  const bob = await s.client(second, { user: 'bob' });
  assert.deepEqual(await history(bob, room), ['kept']);
});

scenario('rotation: while traffic flows, over kill -9 in its midst, until the old key may go', async (s) => {
  const [a, b] = [fresh_key('a'), fresh_key('b')];
  let node = await s.node({ config: config_of([a]) });
  const prefix = fresh('safe:room');
  const rooms = Array.from({ length: 1500 }, (_, i) => `${prefix}-${i}`);
  const said = new Map(rooms.map((room) => [room, 0]));
  const publish = async (client, room) => {
    await client.publish(room, said.get(room) + 1);
    said.set(room, said.get(room) + 1);
  };
  const ann = await s.client(node, { user: 'ann' });
  for (let i = 0; i < rooms.length; i += 100) await Promise.all(rooms.slice(i, i + 100).map((room) => publish(ann, room)));
  assert.equal((await put(s, node, 'one', 'a secret\n')).code, 0);
  await node.stop();

  node = await next_on(s, node, config_of([b, a]));
  const before = await status(s, node);
  assert.equal(before.newest, 'b');
  assert.ok(before.keys.find(({ id }) => id === 'a').data_keys > rooms.length);
  const desk = await admin(s, node);
  assert.equal((await desk('secret_rotate')).running, true);
  while ((await desk('secret_progress')).done === 0);
  await node.kill('SIGKILL');

  node = await next_on(s, node, config_of([b, a]));
  const left = (await status(s, node)).keys.find(({ id }) => id === 'a')?.data_keys ?? 0;
  assert.ok(left > 0 && left < before.keys.find(({ id }) => id === 'a').data_keys, `${left} are left`);
  let stop = false;
  const bob = await s.client(node, { user: 'bob' });
  const traffic = (async () => {
    for (let i = 0; !stop; i = (i + 1) % rooms.length) await publish(bob, rooms[i]);
  })();
  const rotated = JSON.parse(await ok(s, node, 'secrets', 'rotate', '--json'));
  stop = true;
  await traffic;
  assert.equal(rotated.running, false);
  assert.equal(rotated.left, 0);
  assert.equal(rotated.done, left, 'what was wrapped anew before the kill is not wrapped again');
  assert.match(await ok(s, node, 'secrets', 'status'), /^a: wraps nothing; may go from secrets\.keys$/m);
  await node.stop();

  node = await next_on(s, node, config_of([b]));
  const carl = await s.client(node, { user: 'carl' });
  for (const room of [...rooms.slice(0, 50), ...rooms.slice(-50)]) {
    const expected = Array.from({ length: said.get(room) }, (_, i) => i + 1);
    assert.deepEqual(await history(carl, room), expected);
  }
  assert.equal(JSON.parse(await ok(s, node, 'secrets', 'list', '--json')).key, 'b');
});

scenario('encryption: a row that was changed on the disk is damaged, counted and not served', async (s) => {
  const config = config_of([fresh_key('a')]);
  const first = await s.node({ config });
  const room = fresh('safe:room');
  const ann = await s.client(first, { user: 'ann' });
  for (let i = 1; i <= 3; ++i) await ann.publish(room, `${i}${'x'.repeat(3_000)}`);
  await first.stop();
  // Each of these messages has a page of its own, whose middle is nothing but sealed bytes: one is changed there.
  const file = join(first.dir, 'greenroom.db');
  const content = readFileSync(file);
  const handle = openSync(file, 'r+');
  for (let page = 0; page * 4096 < content.length; ++page) {
    const bytes = content.subarray(page * 4096, (page + 1) * 4096);
    if (new Set(bytes.subarray(1500, 3500)).size > 240) // no text, no numbers: sealed
      writeSync(handle, Buffer.from([bytes[2500] ^ 1]), 0, 1, page * 4096 + 2500);
  }
  closeSync(handle);
  const second = await next_on(s, first, config);
  const bob = await s.client(second, { user: 'bob' });
  const { messages, last } = await bob.call('room.history', { room, limit: 100 });
  assert.equal(last, 3);
  assert.ok(messages.length < 3, 'a changed row is not served');
  for (const { payload } of messages) assert.match(payload, /^[123]x{3000}$/);
  await second.stderr.match(/A damaged row of the database was met/);
});

scenario('secrets: put, list, erase; a value goes in and never comes out', async (s) => {
  const config = config_of([fresh_key('a')]);
  const node = await s.node({ config });
  const value = `value-${randomBytes(12).toString('hex')}`;
  assert.equal((await put(s, node, 'oauth:client', `${value}\n`)).stdout, 'kept oauth:client');
  assert.equal((await put(s, node, 'other', Buffer.alloc(64, 7))).code, 0);
  assert.equal(await ok(s, node, 'secrets', 'list'), `oauth:client ${value.length} bytes, under the key a\nother 64 bytes, under the key a`);
  assert.deepEqual(holders(node.dir, value), []);
  assert.equal((await on(s, node, 'secrets', 'erase', 'other')).stdout, 'erased other');
  assert.equal((await on(s, node, 'secrets', 'erase', 'other')).code, 65);
  for (const [name, input] of [['', 'x'], ['with space', 'x'], ['n'.repeat(129), 'x'], ['empty', ''], ['large', 'x'.repeat(33_000)]])
    assert.notEqual((await put(s, node, name, input)).code, 0, name);
  assert.equal((await put(s, node, 'largest', 'x'.repeat(32_768))).code, 0);
  const without = await s.node();
  const answer = await put(s, without, 'one', 'x');
  assert.equal(answer.code, 65);
  assert.match(answer.stderr, /secrets\.keys names no key/);
});

scenario('secrets: the secret of tokens may be a stored one', async (s) => {
  const key = fresh_key('a');
  const secret = randomBytes(48).toString('base64');
  const with_tokens = config_of([key], '[tokens]\nkeys = ["HS256:secret:tokens"]\n');
  const early = await refused(s, with_tokens);
  assert.equal(early.code, 78);
  assert.match(early.stderr, /tokens\.keys: HS256:secret:tokens: there is no secret of that name/);
  const first = await s.node({ config: config_of([key]) });
  assert.equal((await put(s, first, 'tokens', `${secret}\n`)).code, 0);
  await first.stop();
  const second = await next_on(s, first, with_tokens);
  const coded = (what) => Buffer.from(JSON.stringify(what)).toString('base64url');
  const token = (by) => {
    const input = `${coded({ alg: 'HS256', typ: 'JWT' })}.${coded({ sub: 'ann', exp: Math.floor(Date.now() / 1000) + 600 })}`;
    return `${input}.${createHmac('sha256', by).update(input).digest('base64url')}`;
  };
  const ask = async (by) => {
    const response = await fetch(`${second.http}/rpc`, {
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'room.history', params: { room: 'x' } }),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token(by)}` },
    });
    return response.status;
  };
  assert.equal(await ask(secret), 200);
  assert.equal(await ask(`${secret}x`), 401);
  assert.deepEqual(holders(second.dir, secret), []);
  const doctor = await s.run(['doctor', '--data', second.dir, '--dev', '--config', config_file(with_tokens)]).result();
  assert.match(doctor.stdout, /ok\s+tokens: every key of tokens\.keys can be used/);
});

scenario('secrets.keys: a key that cannot be used ends the start with 78, the entry and the reason, never the key', async (s) => {
  const file = (name, content, mode = 0o600) => {
    const path = join(keys_dir, fresh(name));
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  };
  const good = file('good', randomBytes(32).toString('hex'));
  const short = 'c2hvcnQta2V5LXNlY3JldA==';
  for (const [keys, why] of [
    [[`a=file:${keys_dir}/none`], /a=file:\S+none: the file cannot be opened: No such file/],
    [[`a=file:${file('open', randomBytes(32), 0o644)}`], /its group or others may use the file/],
    [[`a=file:${file('short', short)}`], /a key is 32 bytes/],
    [[`a=file:${file('long', 'x'.repeat(200))}`], /too large to be a key/],
    [[`a=file:${keys_dir}`], /no regular file/],
    [['a=env:GREENROOM_TEST_NOT_THERE'], /the environment does not have it/],
    [['a'], /must hold entries like/],
    [['a b=env:X'], /must hold entries like/],
    [[`a=file:${good}`, `a=file:${good}`], /two keys of one id/],
    [[`a=file:${good}`, `b=file:${good}`], /the same key as a/],
  ]) {
    const { code, stderr } = await refused(s, config_of(keys));
    assert.equal(code, 78, stderr);
    assert.match(stderr, why);
    assert.ok(!stderr.includes(short) && !stderr.includes(readFileSync(good, 'utf8')));
  }
  const keyless = await refused(s, '[namespace.safe]\ndurable = true\nencrypted = true\n');
  assert.equal(keyless.code, 78);
  assert.match(keyless.stderr, /secrets\.keys.* must name a key where a namespace is `encrypted`/);
  const ephemeral = await refused(s, `[secrets]\nkeys = ["a=file:${good}"]\n[namespace.safe]\nencrypted = true\n`);
  assert.match(ephemeral.stderr, /namespace\.safe\.encrypted.* must not be true where durable is false/);
});

scenario('secrets new-key: it prints a key that a node takes, from a file as from the environment', async (s) => {
  const { stdout, code } = await s.run(['secrets', 'new-key']).result();
  assert.equal(code, 0);
  assert.equal(Buffer.from(stdout, 'base64').length, 32);
  assert.notEqual(stdout, (await s.run(['secrets', 'new-key']).result()).stdout);
  const node = await s.node({ config: config_of(['e=env:TEST_KEK']), env: { TEST_KEK: stdout } });
  assert.equal((await status(s, node)).newest, 'e');
  assert.ok(existsSync(node.dir));
});
