// A node without --dev that believes one ES256 key: without a token nobody is let in anywhere, with one everybody is
// everywhere, and no token is left behind in a log or a figure.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import WebSocket from 'ws';
import { Client } from './client.mjs';
import { Process, fresh, scenario, scratch, sharedNode, within } from './harness.mjs';
import * as phoenix from './phoenix.mjs';
import { call, client as socketio, connects, once } from './socketio_client.mjs';

const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const other_keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const dir = scratch();
const key_file = join(dir, 'tokens.pem');
writeFileSync(key_file, keys.publicKey.export({ type: 'spki', format: 'pem' }));

const issued = []; // for the last scenario: none of them may be found anywhere
const coded = (what) => Buffer.from(JSON.stringify(what)).toString('base64url');
function token(sub, { ttl = 3_600, key = keys.privateKey, header = {}, ...claims } = {}) {
  const now = Math.floor(Date.now() / 1_000);
  const said = { sub, iat: now - 90, exp: now + ttl, iss: 'https://login.test', aud: 'greenroom', ...claims };
  const input = `${coded({ alg: 'ES256', typ: 'JWT', ...header })}.${coded(said)}`;
  const made = `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
  issued.push(made);
  return made;
}

const config = `[tokens]
keys = ["ES256:${key_file}"]
issuers = ["https://login.test"]
audiences = ["greenroom"]
[namespace.default]
join = "authenticated"
publish = "authenticated"
read = "authenticated"
[node]
shards = 2
`;
const shared = sharedNode({ dev: false, config });

async function rpc(node, method, params, authorization) {
  const response = await fetch(`${node.http}/rpc`, {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
  });
  return { status: response.status, challenge: response.headers.get('www-authenticate'), body: await response.json() };
}
const bearer = (text) => `Bearer ${text}`;
const history = (room) => ['room.history', { room }];

/** A handshake on /ws with that header: a Client, or the status of the refusal. */
async function handshake(s, node, authorization) {
  const socket = new WebSocket(node.url, [], { headers: { authorization } });
  s.defer(() => socket.terminate());
  const status = await within(5_000, 'the handshake', new Promise((resolve) => {
    socket.once('open', () => resolve(101));
    socket.once('unexpected-response', (_, response) => resolve(response.statusCode));
    socket.on('error', () => {});
  }));
  return status === 101 ? new Client(socket, 'json') : status;
}

const unauthenticated = { code: -32001, message: '-32001 the token is not accepted' };
const bad_tokens = () => ({
  'another key': token('ann', { key: other_keys.privateKey }),
  'another issuer': token('ann', { iss: 'https://login.test.evil' }),
  'another audience': token('ann', { aud: 'billing' }),
  expired: token('ann', { ttl: -61 }),
  unsigned: `${coded({ alg: 'none' })}.${coded({ sub: 'ann', exp: 4_000_000_000 })}.`,
  nonsense: 'let-me-in',
});

scenario('tokens: without one nobody is let in, on any way', async (s) => {
  const node = await shared.get();
  const stranger = await s.client(node);
  await assert.rejects(stranger.open({ user: 'ann' }), { code: -32001 });
  await assert.rejects(stranger.join('lobby'), { code: -32001 });
  const answer = await rpc(node, ...history('lobby'));
  assert.deepEqual([answer.status, answer.challenge], [401, 'Bearer']);
  assert.equal(await phoenix.refusal(node), 403);
  const io = socketio(s, node, { transports: ['websocket'], reconnection: false });
  const [why] = await once(io, 'connect_error');
  assert.equal(why.message, 'a token is needed');
});

scenario('tokens: with one /ws admits its subject, who may use the rooms of authenticated users', async (s) => {
  const node = await shared.get();
  const room = fresh();
  for (const kind of ['json', 'msgpack']) {
    const ann = await s.client(node, { kind });
    assert.equal((await ann.open({ token: token('ann'), user: 'root' })).user, 'ann');
    await ann.join(room);
    await ann.publish(room, kind);
    assert.equal((await ann.next('room.message')).from, 'ann');
  }
});

scenario('tokens: with one POST /rpc, Socket.IO and Phoenix admit its subject, too', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const sub = await s.client(node);
  await sub.open({ token: token('sub') });
  await sub.join(room);

  const sent = await rpc(node, 'room.publish', { room, event: 'test', payload: 1 }, bearer(token('back-end')));
  assert.deepEqual([sent.status, sent.body.result.seq], [200, 1]);
  assert.equal((await rpc(node, ...history(room), `bEARER  ${token('back-end')}`)).status, 200);

  const io = socketio(s, node, { auth: { token: token('io') } });
  await connects(io);
  await call(io, 'room.publish', { room, event: 'test', payload: 2 });

  for (const how of [{ params: { token: token('phx') } }, { authToken: token('phx') }]) {
    const channel = await phoenix.join(await phoenix.connect(s, node, how), room);
    await phoenix.answer(channel.push('test', { n: 3 }));
  }
  const heard = await sub.take('room.message', 4);
  assert.deepEqual(heard.map(({ from }) => from), ['back-end', 'io', 'phx', 'phx']);
});

scenario('tokens: in the handshake of /ws one makes session.open and the first call need none', async (s) => {
  const node = await shared.get();
  const ann = await handshake(s, node, bearer(token('ann')));
  assert.equal((await ann.open()).user, 'ann');
  const bob = await handshake(s, node, bearer(token('bob')));
  const room = fresh();
  await bob.join(room);
  await bob.publish(room, 'hi');
  assert.equal((await bob.next('room.message')).from, 'bob');
});

scenario('tokens: what is not accepted is refused alike on every way', async (s) => {
  const node = await shared.get();
  const stranger = await s.client(node);
  for (const [what, bad] of Object.entries(bad_tokens())) {
    await assert.rejects(stranger.open({ token: bad }), unauthenticated, what);
    const answer = await rpc(node, ...history('lobby'), bearer(bad));
    assert.deepEqual([answer.status, answer.challenge], [401, 'Bearer error="invalid_token"'], what);
    assert.deepEqual([answer.body.error, answer.body.message], ['unauthorized', 'the token is not accepted'], what);
    assert.equal(await handshake(s, node, bearer(bad)), 401, what);
    assert.equal(await phoenix.refusal(node, { query: `vsn=2.0.0&token=${bad}` }), 403, what);
    const io = socketio(s, node, { transports: ['websocket'], reconnection: false, auth: { token: bad } });
    assert.equal((await once(io, 'connect_error'))[0].message, 'the token is not accepted', what);
  }
  for (const header of ['Basic YTpi', 'Bearer', `Token ${token('ann')}`, token('ann')]) {
    assert.equal((await rpc(node, ...history('lobby'), header)).status, 401, header);
    assert.equal(await handshake(s, node, header), 401, header);
  }
  // A URL is no place for one, but where phoenix.js has it.
  const in_url = await fetch(`${node.http}/rpc?token=${token('ann')}&access_token=${token('ann')}`, {
    method: 'POST',
    body: '{"jsonrpc":"2.0","id":1,"method":"room.history","params":{"room":"lobby"}}',
    headers: { 'content-type': 'application/json' },
  });
  assert.equal(in_url.status, 401);
});

scenario('tokens: one that ends is announced; session.refresh goes on, and without it the node closes and resumes', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const [ann, bob] = [await s.client(node), await s.client(node)];
  const was = await ann.open({ token: token('ann', { ttl: 3 }) });
  await bob.open({ token: token('bob', { ttl: 3 }) });
  await ann.join(room);
  assert.equal((await ann.next('session.notice')).code, 'token_expiring');
  assert.equal((await bob.next('session.notice')).code, 'token_expiring');
  await assert.rejects(bob.call('session.refresh', { token: token('ann') }), { code: -32002 });
  const { expires_at } = await bob.call('session.refresh', { token: token('bob', { ttl: 600 }) });
  assert.ok(Math.abs(expires_at - Date.now() - 600_000) < 10_000);
  assert.deepEqual(await within(10_000, 'the close', ann.closed), { code: 1008, reason: 'token_expired' });
  await bob.publish(room, 'missed'); // still there

  const resume = { session: was.session, token: was.resume_token };
  const back = await s.client(node);
  await assert.rejects(back.open({ resume }), { code: -32001 });
  const now = await back.open({ resume, token: token('ann') });
  assert.deepEqual([now.resumed, now.session], [true, was.session]);
  assert.equal((await back.next('room.message')).payload, 'missed');
});

scenario('tokens: greenroom token signs what the node takes, and the client commands go in with it', async (s) => {
  const node = await shared.get();
  const private_file = join(dir, 'signer.pem');
  writeFileSync(private_file, keys.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const args = ['token', '--key', private_file, '--alg', 'ES256', '--iss', 'https://login.test', '--aud', 'greenroom'];
  const minted = await s.run([...args, '--sub', 'cli', '--ttl', '8h', '--claim', 'level=3']).result();
  assert.equal(minted.code, 0, minted.stderr);
  const made = minted.stdout.trim();
  issued.push(made);
  const claims = JSON.parse(Buffer.from(made.split('.')[1], 'base64url'));
  assert.deepEqual([claims.sub, claims.level, claims.exp - claims.iat], ['cli', 3, 8 * 3_600]);
  const room = fresh();
  const sub = await s.client(node);
  await sub.open({ token: made });
  await sub.join(room);
  const pub = ['pub', room, 'test', '"hi"', '--url', node.url];
  assert.equal((await s.run([...pub, '--token', made]).result()).code, 0);
  assert.equal((await sub.next('room.message')).from, 'cli');
  assert.equal((await s.run(pub, { env: { GREENROOM_TOKEN: made } }).result()).code, 0);
  assert.equal((await s.run(pub).result()).code, 77);
  assert.equal((await s.run([...args, '--sub', 'cli', '--ttl', '0']).result()).code, 64);
});

scenario('tokens: a key that cannot be used ends the start with 78, naming it', async () => {
  const private_file = join(dir, 'private.pem');
  writeFileSync(private_file, keys.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const weak = join(dir, 'weak');
  writeFileSync(weak, 'too short\n');
  for (const key of ['ES256:/nowhere.pem', `ES256:${private_file}`, `RS256:${key_file}`, `HS256:${weak}`, 'none:/x']) {
    const args = ['serve', '--listen', '127.0.0.1:0', '--data', join(dir, 'data'), '--set', `tokens.keys=${key}`];
    const { code, stderr } = await new Process(args).result();
    assert.equal(code, 78, key);
    assert.ok(stderr.includes(`tokens.keys: ${key}: `), stderr);
    assert.ok(!stderr.includes('too short\n') && !stderr.includes('MIG'), stderr);
  }
});

scenario('tokens: none of them is in the log or the metrics, and what was refused is counted, with its reason', async (s) => {
  const node = await shared.get();
  const stranger = await s.client(node);
  await assert.rejects(stranger.open({ token: token('ann', { ttl: -61 }) }), unauthenticated);
  const metrics = await (await fetch(`${node.http}/metrics`)).text();
  assert.ok(Number(metrics.match(/^greenroom_tokens_refused_total (\d+)$/m)[1]) >= 1);
  await node.stderr.match(/a token is not accepted.*expired/i);
  const log = node.stderr.all.join('\n') + readFileSync(node.log, 'utf8');
  const status = await (await fetch(`${node.http}/status`)).text();
  for (const one of issued) {
    for (const part of [one, ...one.split('.').filter((each) => each.length > 40)])
      for (const [where, text] of Object.entries({ log, metrics, status }))
        if (part !== one.split('.')[0]) assert.ok(!text.includes(part), `a token is in the ${where}`);
  }
});

shared.stops();
