// The audit log of the real binary: each kind of refusal stands there with who, what, from where and why; a node that is killed
// goes on with the chain; `greenroom audit` reads it, and finds what was tampered with.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { chmodSync, cpSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import WebSocket from 'ws';
import { eventually, fresh, scenario, scratch, within } from './harness.mjs';
import * as phoenix from './phoenix.mjs';

const dir = scratch();
const secret = 'a secret of the audit that has enough bytes 0123456789';
const secret_file = join(dir, 'secret');
writeFileSync(secret_file, `${secret}\n`);
const coded = (what) => Buffer.from(JSON.stringify(what)).toString('base64url');
function token(sub, { ttl = 3_600, key = secret } = {}) {
  const input = `${coded({ alg: 'HS256' })}.${coded({ sub, exp: Math.floor(Date.now() / 1_000) + ttl })}`;
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
}
const config = `[tokens]
keys = ["HS256:${secret_file}"]
[access]
call = "authenticated"
[namespace.default]
join = "authenticated"
publish = "authenticated"
read = "authenticated"
[namespace.closed]
join = "nobody"
[audit]
level = "all"
`;

const directory = (node) => join(node.dir, 'audit');
const files = (node) => readdirSync(directory(node)).filter((name) => name.endsWith('.jsonl')).sort();
const lines = (node) =>
  files(node).flatMap((name) =>
    readFileSync(join(directory(node), name), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line)),
  );
/** The first line of which `fields` hold; a pattern for a text. */
const written = (node, fields) =>
  eventually(() => {
    const fits = (line) =>
      Object.entries(fields).every(([name, value]) =>
        value instanceof RegExp ? value.test(line[name] ?? '') : line[name] === value,
      );
    const found = lines(node).find(fits);
    assert.ok(found, `no line with ${JSON.stringify(fields)} among\n${lines(node).map((l) => JSON.stringify(l)).join('\n')}`);
    return found;
  });
const audit = (s, ...args) => s.run(['audit', ...args]).result();
const verify = async (s, where, ...more) => {
  const { code, stdout } = await audit(s, 'verify', where, '--json', ...more);
  return { code, ...JSON.parse(stdout) };
};
const rpc = (node, method, params, headers = {}) =>
  fetch(`${node.http}/rpc`, {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    headers: { 'content-type': 'application/json', ...headers },
  });
const handshake = (node, headers) =>
  new Promise((resolve) => {
    const socket = new WebSocket(node.url, [], { headers });
    socket.once('unexpected-response', (_, response) => resolve(response.statusCode));
    socket.once('open', () => resolve(101));
    socket.on('error', () => {});
  });
const peer = /^127\.0\.0\.1:\d+$/;

scenario('audit: every refusal says who, what, from where and why; the stranger hears none of it', async (s) => {
  const node = await s.node({ dev: false, config });
  const ann = await s.client(node);
  const { session } = await ann.open({ token: token('ann') });

  const stranger = await s.client(node);
  await assert.rejects(stranger.open({ user: 'ann' }), (e) => e.code === -32001 && !/anonymous/.test(e.message));
  await assert.rejects(stranger.open({ token: token('ann', { key: 'x'.repeat(40) }) }), { message: '-32001 the token is not accepted' });
  await assert.rejects(stranger.open({ token: token('ann', { ttl: -300 }) }), { message: '-32001 the token is not accepted' });
  await assert.rejects(stranger.join('lobby'), { code: -32001 });
  assert.equal((await rpc(node, 'room.history', { room: 'lobby' })).status, 401);
  assert.equal((await rpc(node, 'room.history', { room: 'lobby' }, { authorization: 'Basic YTpi' })).status, 401);
  assert.equal(await handshake(node, { origin: 'https://evil.test', host: 'node.test' }), 403);
  assert.equal(await phoenix.refusal(node), 403);
  await assert.rejects(ann.join('closed:room'), { code: -32002 });
  await assert.rejects(ann.call('session.refresh', { token: token('bob') }), { code: -32002 });
  await assert.rejects(
    ann.call('service.register', { methods: [{ name: 'sum' }] }),
    { code: -32002 },
  );

  const refused = (fields) => written(node, { decision: 'refused', peer, ...fields });
  await refused({ action: 'authenticate', reason: /no token was shown, and access\.anonymous/ });
  await refused({ action: 'authenticate', reason: /signature/i });
  await refused({ action: 'authenticate', reason: /expired/i });
  await refused({ action: 'authenticate', target: '/rpc', reason: /no token was shown/ });
  await refused({ action: 'authenticate', target: '/rpc', reason: /no bearer token/ });
  await refused({ action: 'origin', target: '/ws', reason: /allowed_origins/, detail: 'https://evil.test' });
  await refused({ action: 'room.join', reason: /./, code: -32001 });
  await refused({ action: 'room.join', user: 'ann', session, target: 'closed:room', reason: /./, code: -32002 });
  await refused({ action: 'session.refresh', user: 'ann', session, reason: /another user/ });
  await refused({ action: 'service.register', user: 'ann', session, target: 'sum', reason: /access\.workers/ });
  assert.equal((await verify(s, node.dir)).code, 0);
});

scenario('audit: sessions, rooms joined, calls, the end of a token, start and stop are there', async (s) => {
  const node = await s.node({ dev: false, config, args: ['--set', 'access.workers=authenticated'] });
  const ann = await s.client(node);
  const was = await ann.open({ token: token('ann', { ttl: 2 }) });
  await ann.join('lobby');
  await ann.call('service.register', { methods: [{ name: 'sum' }] });
  ann.call('sum', {}).catch(() => {});
  assert.deepEqual((await within(10_000, 'the close', ann.closed)).code, 1008);
  const back = await s.client(node);
  await back.open({ token: token('ann'), resume: { session: was.session, token: was.resume_token } });
  await back.call('session.close');
  const who = { user: 'ann', session: was.session };
  await written(node, { action: 'session.open', decision: 'allowed', peer, ...who });
  await written(node, { action: 'room.join', decision: 'allowed', target: 'lobby', peer, ...who });
  await written(node, { action: 'service.register', decision: 'allowed', target: 'sum', ...who });
  await written(node, { action: 'call', decision: 'allowed', target: 'sum', peer, ...who });
  await written(node, { action: 'token.expired', decision: 'refused', peer, ...who });
  await written(node, { action: 'session.open', detail: 'resumed', ...who });
  await written(node, { action: 'session.end', reason: 'its client closed it', ...who });
  await node.stop();
  const all = lines(node);
  assert.deepEqual(all.slice(0, 2).map(({ action }) => action), ['audit.file', 'node.start']);
  assert.deepEqual(all.slice(-2).map(({ action }) => action), ['node.stop', 'audit.checkpoint']);
  const { code, last, signed_to } = await verify(s, node.dir);
  assert.deepEqual([code, last, signed_to], [0, all.length, all.length]);
});

scenario('audit: what an operator does is there before the answer, with the uid; so is a restore', async (s) => {
  const node = await s.node();
  const on = (...args) => s.run([...args, '--data', node.dir]).result();
  assert.equal((await on('announce', 'the text is nobody else’s business')).code, 0);
  const file = join(scratch(), 'backup.db');
  assert.equal((await on('backup', file)).code, 0);
  const deeds = lines(node).filter(({ action }) => action.startsWith('admin.'));
  const uid = `uid:${process.getuid()}`;
  assert.deepEqual(
    deeds.map(({ action, decision, user, target }) => [action, decision, user, target]),
    [
      ['admin.announce', 'allowed', uid, undefined],
      ['admin.announce', 'done', uid, undefined],
      ['admin.backup', 'allowed', uid, file],
      ['admin.backup', 'done', uid, file],
    ],
  );
  assert.notEqual((await on('backup', file)).code, 0);
  const { reason } = await written(node, { action: 'admin.backup', decision: 'refused' });
  assert.match(reason, /there/);
  assert.notEqual((await on('plugin', 'reload', 'nothing')).code, 0);
  await written(node, { action: 'admin.plugin_reload', decision: 'refused', target: 'nothing', reason: /no plugin/ });
  assert.ok(!JSON.stringify(lines(node)).includes('business'));

  const other = join(scratch(), 'data');
  assert.equal((await s.run(['restore', file, '--data', other]).result()).code, 0);
  const restored = await s.node({ dir: other });
  const [, first] = lines(restored);
  assert.deepEqual([first.action, first.user, first.target], ['admin.restore', uid, file]);
  assert.equal((await verify(s, other)).code, 0);
});

scenario('audit: a node that is killed in the middle of traffic goes on with a chain that is whole', async (s) => {
  const options = { dev: false, config: `${config}file_bytes_max = "64KiB"\n` };
  let node = await s.node(options);
  const { dir } = node;
  for (let round = 0; round < 3; ++round) {
    const clients = await Promise.all(Array.from({ length: 4 }, () => s.client(node)));
    await Promise.all(clients.map((each, i) => each.open({ token: token(`user-${i}`) })));
    let over = false;
    const traffic = clients.map(async (each) => {
      for (let i = 0; !over && i < 400; ++i) {
        await each.join(fresh('room')).catch(() => {});
        await each.join('closed:room').catch(() => {});
      }
    });
    await eventually(() => assert.ok(lines(node).filter(({ action }) => action === 'room.join').length > 100 * (round + 1)));
    await node.kill('SIGKILL');
    over = true;
    await Promise.all(traffic);
    const { code, why } = await verify(s, dir);
    assert.equal(code, 0, why);
    node = await s.node({ ...options, dir });
  }
  // Half a line, as a power cut leaves it.
  await node.kill('SIGKILL');
  const last = join(dir, 'audit', files(node).at(-1));
  writeFileSync(last, `${readFileSync(last, 'utf8')}{"n":12345,"at":"20`);
  node = await s.node({ ...options, dir });
  await written(node, { action: 'audit.torn', bytes: 19 });
  await node.stop();
  const { code, why, signed_to, last: end, files: count } = await verify(s, dir);
  assert.equal(code, 0, why);
  assert.equal(signed_to, end);
  assert.ok(count > 1, `${count} file`);
});

scenario('audit: tail shows the newest lines, filters them, and follows', async (s) => {
  const node = await s.node({ dev: false, config });
  const follower = s.run(['audit', 'tail', '-f', '--refused', '--json', '--data', node.dir]);
  const ann = await s.client(node);
  await ann.open({ token: token('ann') });
  await assert.rejects(ann.join('closed:one'), { code: -32002 });
  const line = JSON.parse(await follower.stdout.match(/closed:one/));
  assert.deepEqual([line.user, line.action, line.decision], ['ann', 'room.join', 'refused']);
  await follower.kill('SIGTERM');

  const tail = async (...args) => (await audit(s, 'tail', '--data', node.dir, ...args)).stdout.split('\n').filter(Boolean);
  assert.equal((await tail('-n', '1')).length, 1);
  const text = await tail('--user', 'ann');
  assert.match(text[0], /^\d{4}-\S+Z allowed session\.open user=ann session=\S+ peer=127\.0\.0\.1:\d+$/);
  assert.ok(text.every((each) => each.includes('user=ann')));
  assert.deepEqual((await tail('--action', 'node.start', '--json')).map((each) => JSON.parse(each).action), ['node.start']);
  assert.match((await audit(s, 'key', '--data', node.dir)).stdout, /^-----BEGIN PUBLIC KEY-----/);
  assert.equal((await audit(s, 'verify', '--data', '/nowhere')).code, 66);
});

scenario('audit: tampering is found on a copy, by whoever kept the key and a head', async (s) => {
  const node = await s.node({ dev: false, config });
  const ann = await s.client(node);
  await ann.open({ token: token('ann') });
  await assert.rejects(ann.join('closed:one'), { code: -32002 });
  await written(node, { target: 'closed:one' });
  await node.stop();
  const key = join(dir, 'kept.pub');
  writeFileSync(key, (await audit(s, 'key', '--data', node.dir)).stdout);
  const { head } = await verify(s, node.dir);
  const copy = join(scratch(), 'copy');
  const [name] = files(node);
  const tampered = async (change) => {
    cpSync(directory(node), copy, { recursive: true });
    const all = readFileSync(join(copy, name), 'utf8').split('\n').filter(Boolean);
    change(all);
    writeFileSync(join(copy, name), `${all.join('\n')}\n`);
    return verify(s, copy, '--key', key, '--head', head);
  };
  assert.equal((await tampered(() => {})).code, 0);
  const at = lines(node).findIndex(({ target }) => target === 'closed:one');
  for (const [what, change, row, why] of [
    ['edited', (all) => (all[at] = all[at].replace('refused', 'allowed')), at + 1, /was changed/],
    ['removed', (all) => all.splice(at, 1), at + 1, /is missing/],
    ['inserted', (all) => all.splice(at, 0, all[1]), at + 1, /put in, or moved/],
    ['reordered', (all) => all.splice(at, 2, all[at + 1], all[at]), at + 1, /is missing/],
    ['cut off', (all) => all.splice(at), 0, /were there once/],
  ]) {
    const found = await tampered(change);
    assert.equal(found.code, 1, what);
    assert.equal(found.row, row, what);
    assert.match(found.why, why, what);
  }
  // Openssl agrees on what a checkpoint signs.
  const last = lines(node).at(-1);
  writeFileSync(join(dir, 'signed'), `greenroom audit\n${last.n}\n${last.prev}\n${last.at}\n`);
  writeFileSync(join(dir, 'signature'), Buffer.from(last.signature, 'hex'));
  const openssl = ['pkeyutl', '-verify', '-pubin', '-inkey', key, '-rawin', '-in', join(dir, 'signed'), '-sigfile', join(dir, 'signature')];
  assert.match(execFileSync('openssl', openssl).toString(), /Verified Successfully/);
});

scenario('audit: a client without the certificate that is wanted, and a certificate that is bad, are there', async (s) => {
  const made = scratch();
  const [key, certificate] = [join(made, 'tls.key'), join(made, 'tls.pem')];
  const self_signed = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost'.split(' ');
  execFileSync('openssl', [...self_signed, '-keyout', key, '-out', certificate], { stdio: ['ignore', 'pipe', 'pipe'] });
  const tls = `[tls]
certificate = "${certificate}"
key = "${key}"
client_ca = "${certificate}"
client_certificates = "required"
reload_interval_ms = 0
`;
  const node = await s.node({ listen: 'tls://127.0.0.1:0', config: tls });
  await new Promise((resolve) => {
    const call = request({ host: node.host, port: node.port, path: '/health', rejectUnauthorized: false }, resolve);
    call.on('error', resolve);
    call.end();
  });
  await written(node, { action: 'tls.handshake', decision: 'refused', peer, reason: /certificate/ });
  node.child.kill('SIGHUP');
  const { target } = await written(node, { action: 'certificate.reload', decision: 'done' });
  writeFileSync(key, 'no key');
  node.child.kill('SIGHUP');
  await written(node, { action: 'certificate.reload', decision: 'refused', target, reason: /private key/ });
});

scenario('audit: the doctor sees a broken chain and a key that others can read', async (s) => {
  const node = await s.node();
  await node.stop();
  const doctor = async () => {
    const { stdout } = await s.run(['doctor', '--data', node.dir, '--listen', '127.0.0.1:0', '--json']).result();
    return stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)).filter(({ check }) => check === 'audit');
  };
  assert.deepEqual((await doctor()).map(({ verdict }) => verdict), ['ok', 'ok']);
  assert.equal(statSync(join(directory(node), 'key.pem')).mode & 0o777, 0o600);
  chmodSync(join(directory(node), 'key.pem'), 0o640);
  const file = join(directory(node), files(node)[0]);
  writeFileSync(file, readFileSync(file, 'utf8').replace('asked to', 'asked To'));
  const [about_key, about_chain] = await doctor();
  assert.deepEqual([about_key.verdict, about_chain.verdict], ['problem', 'problem']);
  assert.match(about_chain.finding, /row \d+: line \d+ was changed/);
});
