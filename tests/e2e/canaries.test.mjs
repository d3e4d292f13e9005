// Secrets are where they belong and nowhere else. A node runs with planted ones, everything that can succeed does, everything that
// can fail does, at log level trace; then all that is left behind is searched for them.
//
// Exempt, and why: the answers to a session's own client hold its resume token (it is for the client); the database holds the
// payloads of durable rooms and of inboxes (that is what it is for), but no token of any kind.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import WebSocket from 'ws';
import { Process, binary, scenario, scratch, within } from './harness.mjs';
import * as phoenix from './phoenix.mjs';
import { call, client as socketio, connects, once } from './socketio_client.mjs';

const dir = scratch();
const planted = new Map(); // what it is → a text that may be found nowhere
const plant = (what, text = `canary${randomBytes(12).toString('hex')}`) => {
  planted.set(what, text);
  return text;
};

const secret = plant('the HMAC secret', randomBytes(32).toString('hex'));
const secret_file = join(dir, 'secret');
writeFileSync(secret_file, `${secret}\n`);
const coded = (what) => Buffer.from(JSON.stringify(what)).toString('base64url');
let tokens = 0;
/** A token; its parts are planted, as is a claim in it. */
function token(sub, { ttl = 3_600, key = secret, what = 'a token' } = {}) {
  const n = ++tokens;
  const claim = plant(`a claim of ${what} (${n})`);
  const said = coded({ sub, exp: Math.floor(Date.now() / 1_000) + ttl, private: claim });
  const input = `${coded({ alg: 'HS256' })}.${said}`;
  const signature = createHmac('sha256', key).update(input).digest('base64url');
  plant(`the claims of ${what} (${n})`, said);
  plant(`the signature of ${what} (${n})`, signature);
  return `${input}.${signature}`;
}

const [tls_key, certificate] = [join(dir, 'tls.key'), join(dir, 'tls.pem')];
const self_signed = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost'.split(' ');
execFileSync('openssl', [...self_signed, '-keyout', tls_key, '-out', certificate], { stdio: ['ignore', 'pipe', 'pipe'] });
const [, key_line] = readFileSync(tls_key, 'utf8').split('\n');
plant('the TLS key', key_line);

const config = `[tls]
certificate = "${certificate}"
key = "${tls_key}"
[tokens]
keys = ["HS256:${secret_file}"]
[log]
level = "trace"
[audit]
level = "all"
[access]
call = "authenticated"
send = "authenticated"
[namespace.default]
join = "authenticated"
publish = "authenticated"
read = "authenticated"
[namespace.durable]
join = "authenticated"
publish = "authenticated"
read = "authenticated"
[namespace.closed]
publish = "nobody"
`;

function files_below(path) {
  return readdirSync(path, { withFileTypes: true }).flatMap((each) => {
    const here = join(path, each.name);
    return each.isDirectory() ? files_below(here) : each.isFile() ? [here] : [];
  });
}
/** Which of the planted stand in these bytes: as they are, in base64, as hexadecimal digits. */
function found_in(bytes) {
  const text = bytes.toString('latin1');
  return [...planted].flatMap(([what, value]) =>
    [value, Buffer.from(value).toString('base64').replace(/=+$/, ''), Buffer.from(value).toString('hex')].some((form) =>
      text.includes(form),
    )
      ? [what]
      : [],
  );
}

const said = []; // everything that the node said to somebody whom it refused, and what it says to anybody
const hear = async (what, response) => said.push([what, `${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`]);
async function refused(promise, code) {
  await assert.rejects(promise, (error) => {
    said.push([`an error answer ${code}`, `${error.message} ${JSON.stringify(error.data ?? null)}`]);
    return error.code === code;
  });
}
const rpc = (node, params, authorization, path = '/rpc') =>
  fetch(`${node.http}${path}`, {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'room.publish', params }),
    headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
  });

/** Native protocol and /rpc: what succeeds and what does not. */
async function native(s, node) {
  const [ann, bob, stranger] = [await s.client(node), await s.client(node, { kind: 'msgpack' }), await s.client(node)];
  const was = await ann.open({ token: token('ann') });
  plant('a resume token', was.resume_token);
  await bob.open({ token: token('bob', { ttl: 3 }) });
  await ann.join('lobby');
  await ann.publish('lobby', plant('the payload of a room in memory'));
  await ann.next('room.message');
  await ann.publish('durable:orders', durable_payload);
  await ann.call('user.send', { to: 'carl', event: 'e', payload: durable_payload });
  await refused(ann.publish('closed:room', plant('the payload of a refused call')), -32002);
  await refused(ann.call('no.such.method', { text: plant('the params of an unknown method') }), -32601);
  await refused(ann.call('room.join', { room: 7, note: plant('the params of a bad call') }), -32602);
  await refused(ann.call('session.refresh', { token: token('bob', { what: 'another user’s token' }) }), -32002);
  await refused(ann.call('session.refresh', { token: token('ann', { what: 'a forged token', key: 'k'.repeat(40) }) }), -32001);
  await refused(stranger.open({ token: token('eve', { what: 'a forged token', key: 'k'.repeat(40) }) }), -32001);
  await refused(stranger.open({ token: token('eve', { what: 'an expired token', ttl: -300 }) }), -32001);
  await refused(stranger.open({ token: plant('a token that is none') }), -32001);
  ann.send(`{"jsonrpc":"2.0","id":1,"method":"room.publish","params":{"x":"${plant('a broken document')}"`);
  said.push(['the answer to a broken document', JSON.stringify((await ann.odd()).message)]);
  await ann.end({ abrupt: true });
  const back = await s.client(node);
  const now = await back.open({ token: token('ann'), resume: { session: was.session, token: was.resume_token } });
  assert.equal(now.resumed, true);
  plant('the next resume token', now.resume_token);
  const wrong = await s.client(node);
  const anew = await wrong.open({ token: token('ann'), resume: { session: was.session, token: plant('a wrong resume token') } });
  assert.deepEqual([anew.resumed, anew.reason], [false, 'bad_token']);
  plant('a third resume token', anew.resume_token);
  assert.equal((await within(10_000, 'the end of a token', bob.closed)).code, 1008);

  const params = { room: 'lobby', event: 'e', payload: plant('the payload of a call over HTTP') };
  assert.equal((await rpc(node, params, `Bearer ${token('web')}`)).status, 200);
  await hear('401', await rpc(node, params, `Bearer ${plant('a bearer token that is none')}`));
  await hear('401', await rpc(node, params, `Basic ${Buffer.from(`ann:${plant('a password')}`).toString('base64')}`));
  await hear('401', await rpc(node, params, undefined, `/rpc?token=${token('url', { what: 'a token in a URL' })}`));
  await hear('404', await fetch(`${node.http}/nothing?token=${plant('a token in the URL of nothing')}`));
  const long = `${plant('a header that is too long')}${'x'.repeat(100_000)}`;
  await fetch(`${node.http}/health`, { headers: { authorization: long } }).then((r) => hear('431', r), () => {});
}

async function other_protocols(s, node) {
  const io = socketio(s, node, { auth: { token: token('io'), private: plant('a member of the auth object') } });
  await connects(io);
  await call(io, 'room.publish', { room: 'lobby', event: 'test', payload: plant('a payload of Socket.IO') });
  const bad = { token: plant('a token that is none, of Socket.IO'), more: plant('another member of it') };
  const lost = socketio(s, node, { transports: ['websocket'], reconnection: false, auth: bad });
  said.push(['a connect error', (await once(lost, 'connect_error'))[0].message]);
  for (const how of [{ params: { token: token('phx', { what: 'a token in a URL of Phoenix' }) } }, { authToken: token('phx') }]) {
    const channel = await phoenix.join(await phoenix.connect(s, node, how), 'lobby', { note: plant('params of a join') });
    await phoenix.answer(channel.push('test', { n: plant('a payload of Phoenix') }));
  }
  assert.equal(await phoenix.refusal(node, { query: `vsn=2.0.0&token=${plant('a token in a URL that is none')}` }), 403);
  const handshake = new WebSocket(node.url, [], {
    headers: { authorization: `Bearer ${plant('a token in a handshake that is none')}`, cookie: `id=${plant('a cookie')}` },
  });
  await within(5_000, 'the refusal', new Promise((resolve) => handshake.once('unexpected-response', resolve).on('error', () => {})));
}

const durable_payload = `kept${randomBytes(12).toString('hex')}`;

scenario('secrets: after a whole run none is in the log, the metrics, an answer, the audit log or the data', async (s) => {
  const env = { CANARY_SECRET: plant('a variable of the environment') };
  const node = await s.node({ dev: false, config, env, args: ['--listen', 'tls://127.0.0.1:0'] });
  await native(s, node);
  await other_protocols(s, node);
  for (const path of ['/metrics', '/status', '/health', '/ready'])
    said.push([path, await (await fetch(`${node.http}${path}`)).text()]);
  for (const command of [['status', '--json'], ['tree'], ['queue', 'list', '--json'], ['audit', 'tail', '-n', '10000'], ['audit', 'verify']]) {
    const { stdout, stderr } = await s.run([...command, '--data', node.dir]).result();
    said.push([command.join(' '), stdout + stderr]);
  }
  await node.stop();

  for (const [what, text] of said) assert.deepEqual(found_in(Buffer.from(text)), [], `in ${what}: ${text}`);
  for (const [what, lines] of [['stdout', node.stdout.all], ['stderr', node.stderr.all]])
    assert.deepEqual(found_in(Buffer.from(lines.join('\n'))), [], `in ${what}`);
  assert.ok(node.stderr.all.some((line) => / info /.test(line)), 'there is a log to be searched');
  const left = [...files_below(node.dir), node.log];
  assert.ok(left.some((file) => file.endsWith('.jsonl')) && left.some((file) => file.endsWith('greenroom.db')));
  for (const file of left) {
    const bytes = readFileSync(file);
    assert.deepEqual(found_in(bytes), [], `in ${file}`);
    const is_database = /greenroom\.db(-wal|-shm)?$/.test(file);
    if (!is_database) assert.ok(!bytes.includes(durable_payload), `a payload in ${file}`);
  }
  // The search finds what is there: a payload that belongs there, and each of the planted.
  const database = left.filter((file) => /greenroom\.db(-wal)?$/.test(file)).map((file) => readFileSync(file));
  assert.ok(Buffer.concat(database).includes(durable_payload), 'the payload of a durable room is in the database');
  assert.ok(planted.size > 40, `${planted.size}`);
  assert.deepEqual(found_in(Buffer.from([...planted.values()].join(' '))), [...planted.keys()]);
});

scenario('secrets: a key file that cannot be used, and a config that is wrong, are named without what they hold', async () => {
  const text = plant('what a bad key file holds');
  const bad = join(dir, 'bad');
  writeFileSync(bad, `-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----\n`);
  for (const args of [
    ['--set', `tokens.keys=HS256:${bad}`],
    ['--set', `tokens.keys=ES256:${bad}`],
    ['--set', `tokens.keys=jwks:${bad}`],
    ['--set', 'gateway.listen=tls://127.0.0.1:0', '--set', `tls.certificate=${certificate}`, '--set', `tls.key=${bad}`],
  ]) {
    const { code, stdout, stderr } = await new Process(['serve', '--data', join(dir, 'data'), ...args]).result();
    assert.equal(code, 78, stderr);
    assert.ok(stderr.includes(bad), stderr);
    assert.deepEqual(found_in(Buffer.from(stdout + stderr)), [], args.join(' '));
  }
});

/** A node that may dump core, ended by SIGABRT: its core, or nothing where this machine writes none there. */
async function core_of(s, ...more) {
  const where = scratch();
  const node = await s.node({
    dev: false,
    config,
    program: '/bin/sh',
    command: ['-c', 'ulimit -c unlimited 2>/dev/null; cd "$0" && exec "$@"', where, binary, 'serve'],
    args: ['--listen', 'tls://127.0.0.1:0', ...more],
  });
  const ann = await s.client(node);
  const { resume_token } = await ann.open({ token: token('ann') });
  plant('a resume token', resume_token);
  await ann.join('lobby');
  await ann.publish('lobby', plant('a payload in memory'));
  await ann.next('room.message');
  await node.kill('SIGABRT');
  const [name] = readdirSync(where).filter((each) => each.startsWith('core'));
  return name && statSync(join(where, name)).size > 0 ? readFileSync(join(where, name)) : undefined;
}

scenario('secrets: no core dump is left to hold them, unless the node was started with --core-dumps', async (s) => {
  const pattern = existsSync('/proc/sys/kernel/core_pattern') ? readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim() : '|';
  if (pattern.startsWith('|') || pattern.includes('/')) {
    console.log(`# skipped: cores do not go into the working directory here (core_pattern is ${pattern})`);
    return;
  }
  const whole = await core_of(s, '--core-dumps');
  if (!whole) {
    console.log('# skipped: no core is written here, whatever the limits say');
    return;
  }
  assert.ok(whole.includes(secret), 'the search finds a secret where memory is dumped');
  assert.equal(await core_of(s), undefined, 'a core is there');
});
