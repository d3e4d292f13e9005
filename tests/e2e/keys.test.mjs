// API keys and revocation on a node without --dev that believes one ES256 key: every way in takes an API key but a URL,
// what is revoked ends within 5 s for whoever is there and stays so after kill -9, and no key is left behind anywhere.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { LongPoll } from 'phoenix';
import WebSocket from 'ws';
import { Client } from './client.mjs';
import { Node, eventually, fresh, scenario, scratch, sharedNode, within } from './harness.mjs';
import * as phoenix from './phoenix.mjs';
import { call, client as socketio, connects, once } from './socketio_client.mjs';

const revoked_within_ms = 5_000;
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const dir = scratch();
const key_file = join(dir, 'tokens.pem');
writeFileSync(key_file, pair.publicKey.export({ type: 'spki', format: 'pem' }));

const coded = (what) => Buffer.from(JSON.stringify(what)).toString('base64url');
function token(sub, claims = {}) {
  const now = Math.floor(Date.now() / 1_000);
  const input = `${coded({ alg: 'ES256' })}.${coded({ sub, iat: now - 5, exp: now + 3_600, ...claims })}`;
  return `${input}.${sign('sha256', Buffer.from(input), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

const config = `[tokens]
keys = ["ES256:${key_file}"]
[access]
workers = "authenticated"
call = "authenticated"
[namespace.default]
join = "authenticated"
publish = "authenticated"
read = "authenticated"
[node]
shards = 2
[log]
level = "debug"
access = true
`;
const shared = sharedNode({ dev: false, config });

/** The command line on a node's machine; what it prints. */
async function on(s, node, ...args) {
  const { code, stdout, stderr } = await s.run([...args, '--data', node.dir]).result();
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
  return stdout;
}
const documents = async (s, node, ...args) =>
  (await on(s, node, ...args, '--json')).split('\n').filter(Boolean).map((line) => JSON.parse(line));

const made = []; // for the last scenario: none of them may be found anywhere
async function key(s, node, user, ...more) {
  const one = await on(s, node, 'key', 'add', '--user', user, ...more);
  assert.match(one, /^grk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}_[0-9a-f]{8}$/);
  made.push(one);
  return one;
}
const id_of = (text) => text.split('_')[1];

const body = (method, params) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
/** POST /rpc with those fields, in that order, as often as they are there. */
function rpc(node, headers, { path = '/rpc', room = 'lobby' } = {}) {
  return new Promise((resolve, reject) => {
    const text = body('room.history', { room });
    const own = { 'Content-Type': 'application/json', 'Content-Length': text.length, Host: `${node.host}:${node.port}` };
    const all = [...Object.entries(own).flat(), ...headers];
    const ask = request({ host: node.host, port: node.port, method: 'POST', path, headers: all }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    ask.on('error', reject);
    ask.end(text);
  });
}
const bearer = (text) => ['Authorization', `Bearer ${text}`];

/** A handshake on /ws: a Client, or the status of the refusal. */
async function handshake(s, node, headers, path = '/ws') {
  const socket = new WebSocket(`ws://${node.host}:${node.port}${path}`, [], { headers });
  s.defer(() => socket.terminate());
  const status = await within(5_000, 'the handshake', new Promise((resolve) => {
    socket.once('open', () => resolve(101));
    socket.once('unexpected-response', (_, response) => resolve(response.statusCode));
    socket.on('error', () => {});
  }));
  return status === 101 ? new Client(socket, 'json') : status;
}

async function figure(node, series) {
  const text = await (await fetch(`${node.http}/metrics`)).text();
  return Number(text.split('\n').find((line) => line.startsWith(`${series} `))?.slice(series.length + 1) ?? 0);
}

scenario('keys: add prints one once; list has who, which scopes and grants, until when, and its last use', async (s) => {
  const node = await shared.get();
  const user = fresh('bot');
  const one = await key(s, node, user, '--scope', 'worker', '--expires', '90d', '--note', 'the invoices',
    '--grant', 'rooms=chat:*,lobby actions=join,publish methods=market.* users=*'); // prettier-ignore
  const mine = async () => (await documents(s, node, 'key', 'list')).find((each) => each.user === user);
  const { id, scopes, grants, note, created_ms, expires_ms, used_ms } = await mine();
  assert.deepEqual({ id, scopes, note, used_ms }, { id: id_of(one), scopes: ['worker'], note: 'the invoices', used_ms: 0 });
  assert.deepEqual(grants, [{ rooms: ['chat:*', 'lobby'], actions: ['join', 'publish'], methods: ['market.*'], users: ['*'] }]);
  assert.equal(expires_ms - created_ms, 90 * 86_400_000);
  const line = (await on(s, node, 'key', 'list')).split('\n').find((each) => each.startsWith(id));
  assert.equal(
    line.replace(/made \d+ s ago/, 'made now').replace(/in \d+ d/, 'in D'),
    `${id} ${user} worker, made now, expires in D, never used ` +
      '[rooms=chat:*,lobby actions=join,publish methods=market.* users=*]: the invoices',
  );
  assert.equal(await rpc(node, bearer(one)), 200);
  assert.ok(Math.abs((await mine()).used_ms - Date.now()) < 5_000);
  const [json] = await documents(s, node, 'key', 'add', '--user', user);
  made.push(json.key);
  assert.deepEqual([json.id, json.expires_ms], [id_of(json.key), 0]);
});

scenario('keys: what is not right on the command line is refused in words', async (s) => {
  const node = await shared.get();
  for (const [code, words, ...args] of [
    [64, /--user is required/, 'key', 'add'],
    [65, /a grant is rooms=/, 'key', 'add', '--user', 'x', '--grant', 'room=a'],
    [65, /an action is join, publish, read or members/, 'key', 'add', '--user', 'x', '--grant', 'rooms=a actions=fly'],
    [65, /a scope is at most 64/, 'key', 'add', '--user', 'x', '--scope', 'A B'],
    [64, /--expires/, 'key', 'add', '--user', 'x', '--expires', '0'],
    [65, /there is no API key 00/, 'key', 'revoke', '00'],
    [64, /KIND/, 'revoke', 'undo', 'room', 'x'],
    [65, /that was not revoked/, 'revoke', 'undo', 'user', 'nobody'],
  ]) {
    const result = await s.run([...args, '--data', node.dir]).result();
    assert.equal(result.code, code, `${args.join(' ')}: ${result.stderr}`);
    assert.match(result.stderr, words);
  }
});

scenario('keys: one is taken by header, session.open, the handshake of /ws, Socket.IO’s auth and phoenix.js’ authToken', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const one = await key(s, node, 'bot');
  const sub = await s.client(node);
  assert.equal((await sub.open({ token: one })).user, 'bot');
  await sub.join(room);
  const say = async (n, call) => (await call('room.publish', { room, event: 'n', payload: n }), sub.next('room.message'));

  const response = await fetch(`${node.http}/rpc`, {
    method: 'POST',
    body: body('room.publish', { room, event: 'n', payload: 1 }),
    headers: { 'content-type': 'application/json', authorization: `Bearer ${one}` },
  });
  assert.equal(response.status, 200);
  assert.equal((await sub.next('room.message')).from, 'bot');
  const shaken = await handshake(s, node, { authorization: `Bearer ${one}` });
  assert.equal((await say(2, (...what) => shaken.call(...what))).from, 'bot');
  const io = socketio(s, node, { auth: { token: one } });
  await connects(io);
  assert.equal((await say(3, (...what) => call(io, ...what))).from, 'bot');
  for (const transport of [WebSocket, LongPoll]) {
    const channel = await phoenix.join(await phoenix.connect(s, node, { transport, authToken: one }), room);
    await phoenix.answer(channel.push('n', { n: 4 }));
    assert.equal((await sub.next('room.message')).from, 'bot');
  }
  assert.equal((await s.run(['pub', room, 'n', '5', '--url', node.url, '--token', one]).result()).code, 0);
});

scenario('keys: none is taken from a URL, a cookie, another field, two fields, or with a character wrong', async (s) => {
  const node = await shared.get();
  const one = await key(s, node, 'bot');
  const other = await key(s, node, 'eve');
  const encoded = one.replace('grk_', '%67rk%5F');
  const before = await figure(node, 'greenroom_api_keys_refused_total{reason="in_url"}');
  const good = bearer(one);
  assert.equal(await rpc(node, good), 200);
  const in_url = ['?token=', '?access_token=', '?api_key=', '?auth=', '?x=y&z='];
  for (const query of in_url) {
    assert.equal(await rpc(node, [], { path: `/rpc${query}${one}` }), 403, query);
    assert.equal(await rpc(node, good, { path: `/rpc${query}${one}` }), 403, `${query} beside a good one`);
    assert.equal(await handshake(s, node, {}, `/ws${query}${encoded}`), 403, query);
  }
  assert.equal(await rpc(node, [], { path: `/${one}` }), 403);
  assert.equal(await phoenix.refusal(node, { query: `vsn=2.0.0&token=${one}` }), 403);
  assert.equal(await phoenix.refusal(node, { query: `vsn=2.0.0&token=grk_x` }), 403);
  assert.equal((await fetch(`${node.http}/socket/longpoll?vsn=2.0.0&token=${one}`)).status, 403);
  assert.equal((await fetch(`${node.http}/socket.io/?EIO=4&transport=polling&token=${one}`)).status, 403);
  assert.equal(await figure(node, 'greenroom_api_keys_refused_total{reason="in_url"}'), before + 3 * in_url.length + 4);
  await node.stderr.match(new RegExp(`stands in a URL.*${id_of(one)}`));

  const at = (i, c) => one.slice(0, i) + c + one.slice(i + 1);
  const swap = (i) => at(i, one[i] === 'x' ? 'y' : 'x');
  for (const [what, headers] of Object.entries({
    nothing: [],
    'a cookie': ['Cookie', `token=${one}; authorization=Bearer ${one}`],
    'X-API-Key': ['X-API-Key', one],
    'no scheme': ['Authorization', one],
    Basic: ['Authorization', `Basic ${Buffer.from(`bot:${one}`).toString('base64')}`],
    'two fields': [...good, ...good],
    'two fields, one of another': [...good, ...bearer(other)],
    'two in one': bearer(`${one}, ${other}`),
    'a typing error': bearer(swap(30)),
    'a wrong sum': bearer(swap(one.length - 1)),
    cut: bearer(one.slice(0, -1)),
    'upper case': bearer(one.toUpperCase()),
    'another one’s secret': bearer(one.slice(0, 17) + other.slice(17)),
    'a space within': bearer(`${one.slice(0, 30)} ${one.slice(30)}`),
    oversized: bearer(one + 'A'.repeat(5_000)),
  }))
    assert.equal(await rpc(node, headers), 401, what);
  assert.equal(await rpc(node, ['Authorization', `bearer   ${one}`]), 200);
});

scenario('keys: one that has expired is none', async (s) => {
  const node = await shared.get();
  const one = await key(s, node, 'bot', '--expires', '2s');
  const bot = await s.client(node);
  await bot.open({ token: one });
  assert.deepEqual(await within(5_000, 'the close', bot.closed), { code: 1008, reason: 'token_expired' });
  assert.equal(await rpc(node, bearer(one)), 401);
});

scenario('keys: the scope worker makes a worker, and nothing else does', async (s) => {
  const node = await shared.get();
  const method = `m${fresh('x').replaceAll('-', '_')}.add`;
  const plain = await s.client(node);
  await plain.open({ token: await key(s, node, 'bot') });
  await assert.rejects(plain.call('service.register', { methods: [method] }), { code: -32002 });
  const worker = await s.client(node);
  await worker.open({ token: await key(s, node, 'bot', '--scope', 'worker') });
  await worker.call('service.register', { methods: [method] });
  const answer = plain.call(method, { a: 1 });
  worker.answer(await worker.request(), { sum: 2 });
  assert.deepEqual(await answer, { sum: 2 });
});

/** As phoenix.js offers its authToken. */
const subprotocols = (text) => ['phoenix', `base64url.bearer.phx.${Buffer.from(text).toString('base64').replaceAll('=', '')}`];

// --- revocation

/** Somebody on each way in, with what `credential` gives each; each has `closed`, which says when it was. */
async function everywhere(s, node, credential) {
  const room = fresh();
  const ended = {};
  const timed = (promise) => promise.then((how) => ({ how, at: Date.now() }));
  const ann = await s.client(node);
  const session = await ann.open({ token: credential('ws') });
  ended.ws = timed(ann.closed);
  const door = await handshake(s, node, { authorization: `Bearer ${credential('door')}` });
  ended.door = timed(door.closed); // it never opens a session
  for (const transports of [['websocket'], ['polling']]) {
    const io = socketio(s, node, { transports, auth: { token: credential(`io ${transports}`) } });
    await connects(io);
    ended[`io ${transports}`] = timed(new Promise((resolve) => io.once('disconnect', resolve)));
  }
  const raw = await phoenix.Raw.connect(s, node, { protocols: subprotocols(credential('phoenix')) });
  await raw.ask(['1', '1', room, 'phx_join', {}]);
  ended.phoenix = timed(raw.closed);
  const poll = `${node.http}/socket/longpoll?vsn=2.0.0`;
  const begun = await (await fetch(poll, { headers: { 'X-Phoenix-AuthToken': credential('longpoll') } })).json();
  assert.equal(begun.status, 410);
  const polls = async () => {
    for (;;) {
      const { status } = await (await fetch(`${poll}&token=${begun.token}`)).json();
      if (status !== 200 && status !== 204) return status;
    }
  };
  ended.longpoll = timed(polls());
  return { ended, session, ann };
}

/** How each of them was closed; fails where one was not in time. */
async function all_end({ ended }, since) {
  const how = {};
  for (const [who, closed] of Object.entries(ended)) {
    const end = await within(revoked_within_ms + 2_000, `the end of ${who}`, closed);
    assert.ok(end.at - since < revoked_within_ms, `${who} was closed after ${end.at - since} ms`);
    how[who] = end.how;
  }
  return how;
}
const closed_as_revoked = {
  ws: { code: 1008, reason: 'revoked' },
  door: { code: 1008, reason: 'revoked' },
  'io websocket': 'io server disconnect',
  'io polling': 'io server disconnect',
  phoenix: [1008, 'revoked'],
  longpoll: 410,
};

scenario('revoke user: all that is there ends within 5 s, tokens and keys of before are refused, newer tokens are not', async (s) => {
  const node = await shared.get();
  const user = fresh('ann');
  const one = await key(s, node, user);
  const old = token(user);
  const there = await everywhere(s, node, (way) => (way === 'io polling' || way === 'longpoll' ? one : old));
  const bystander = await s.client(node);
  await bystander.open({ token: token('bystander') });
  const since = Date.now();
  assert.match(await on(s, node, 'revoke', 'user', user, '--note', 'gone'), new RegExp(`^revoked user ${user}; 5 sessions end$`));
  assert.deepEqual(await all_end(there, since), closed_as_revoked);
  assert.equal(await rpc(node, bearer(old)), 401);
  assert.equal(await rpc(node, bearer(one)), 401);
  assert.equal(await rpc(node, bearer(token(user, { iat: undefined }))), 401, 'without iat nobody knows');
  assert.equal(await rpc(node, bearer(token(user, { iat: Math.floor(Date.now() / 1_000) + 1 }))), 200);
  assert.match(await on(s, node, 'revoke', 'list'), new RegExp(`^user ${user}, \\d+ s ago, for 29 d more: gone$`, 'm'));
  assert.ok((await figure(node, 'greenroom_revoked_refused_total{kind="user"}')) >= 3);
  await bystander.join(fresh());

  const back = await s.client(node);
  const resume = { session: there.session.session, token: there.session.resume_token };
  const again = await back.open({ token: token(user, { iat: Math.floor(Date.now() / 1_000) + 1 }), resume });
  assert.deepEqual([again.resumed, again.reason], [false, 'unknown_session']);

  assert.equal(await on(s, node, 'revoke', 'undo', 'user', user), `user ${user} may come again`);
  assert.equal(await rpc(node, bearer(old)), 200);
  assert.equal(await rpc(node, bearer(one)), 200);
});

scenario('revoke token: whoever came with it ends within 5 s, and the user goes on with another', async (s) => {
  const node = await shared.get();
  const user = fresh('ann');
  const jti = fresh('jti');
  const bad = token(user, { jti });
  const good = token(user, { jti: fresh('jti') });
  assert.equal(await rpc(node, bearer(bad)), 200, 'it is in the cache of tokens');
  const there = await everywhere(s, node, () => bad);
  const other = await s.client(node);
  await other.open({ token: good });
  const since = Date.now();
  assert.equal(await on(s, node, 'revoke', 'token', jti, '--for', '2h'), `revoked token ${jti}; 5 sessions end`);
  assert.deepEqual(await all_end(there, since), closed_as_revoked);
  assert.equal(await rpc(node, bearer(bad)), 401);
  await assert.rejects(other.call('session.refresh', { token: bad }), { code: -32001 });
  await other.join(fresh());
});

scenario('revoke session: it ends within 5 s, detached too, and cannot be resumed; its user has others', async (s) => {
  const node = await shared.get();
  const user = fresh('ann');
  const [one, two, three] = [await s.client(node), await s.client(node), await s.client(node)];
  const was = await one.open({ token: token(user) });
  const away = await two.open({ token: token(user) });
  await three.open({ token: token(user) });
  await two.end({ abrupt: true });
  const since = Date.now();
  assert.equal(await on(s, node, 'revoke', 'session', was.session), `revoked session ${was.session}; 1 session ends`);
  assert.deepEqual(await within(revoked_within_ms, 'the close', one.closed), { code: 1008, reason: 'revoked' });
  assert.ok(Date.now() - since < revoked_within_ms);
  await on(s, node, 'revoke', 'session', away.session);
  for (const { session, resume_token } of [was, away]) {
    const back = await s.client(node);
    const again = await back.open({ token: token(user), resume: { session, token: resume_token } });
    assert.deepEqual([again.resumed, again.reason], [false, 'unknown_session']);
  }
  await three.join(fresh());
});

scenario('key revoke: whoever came with it ends within 5 s, and nobody comes with it any more', async (s) => {
  const node = await shared.get();
  const user = fresh('bot');
  const one = await key(s, node, user);
  const other = await key(s, node, user);
  const there = await everywhere(s, node, () => one);
  const stays = await s.client(node);
  await stays.open({ token: other });
  const since = Date.now();
  assert.equal(await on(s, node, 'key', 'revoke', id_of(one)), `revoked ${id_of(one)}; 5 sessions end`);
  assert.deepEqual(await all_end(there, since), closed_as_revoked);
  assert.equal(await rpc(node, bearer(one)), 401);
  assert.equal(await phoenix.refusal(node, { protocols: subprotocols(one) }), 403);
  const io = socketio(s, node, { reconnection: false, auth: { token: one } });
  assert.equal((await once(io, 'connect_error'))[0].message, 'the token is not accepted');
  await stays.join(fresh());
  assert.ok(!(await documents(s, node, 'key', 'list')).some(({ id }) => id === id_of(one)));
});

scenario('revocation: after kill -9 a key that was made is there, and what was revoked is revoked', async (s) => {
  const node = await s.node({ dev: false, config });
  const [kept, gone] = [await key(s, node, 'bot'), await key(s, node, 'bot')];
  const [old, named, other] = [token('ann'), token('bob', { jti: 'j' }), token('carl')];
  const ann = await s.client(node);
  const was = await ann.open({ token: other });
  await on(s, node, 'revoke', 'user', 'ann');
  await on(s, node, 'revoke', 'token', 'j');
  await on(s, node, 'revoke', 'session', was.session);
  await on(s, node, 'key', 'revoke', id_of(gone)); // answered, and at once the process is gone
  await node.kill('SIGKILL');

  const next = await Node.start({ dev: false, config, dir: node.dir });
  s.defer(() => next.stop());
  for (const [what, one, status] of [
    ['the key that stays', kept, 200],
    ['the key that was revoked', gone, 401],
    ['a token of the user', old, 401],
    ['the token', named, 401],
    ['another user', other, 200],
  ])
    assert.equal(await rpc(next, bearer(one)), status, what);
  const back = await s.client(next);
  const again = await back.open({ token: other, resume: { session: was.session, token: was.resume_token } });
  assert.deepEqual([again.resumed, again.reason], [false, 'unknown_session']);
  assert.equal((await documents(s, next, 'revoke', 'list')).length, 3);
  const undone = await s.run(['revoke', 'undo', 'user', 'ann', '--data', next.dir]).result();
  assert.equal(undone.code, 0);
  assert.equal(await rpc(next, bearer(old)), 200);
});

scenario('keys: none is in the data directory, the log, the metrics or the status, and each that was refused is counted', async (s) => {
  const node = await shared.get();
  assert.equal(await rpc(node, bearer(made[0].slice(0, -1) + 'x')), 401);
  const files = (of) => readdirSync(of, { withFileTypes: true, recursive: true }).filter((each) => each.isFile());
  const places = { log: node.stderr.all.join('\n'), stdout: node.stdout.all.join('\n') };
  places.log += readFileSync(node.log, 'latin1');
  for (const path of ['metrics', 'status']) places[path] = await (await fetch(`${node.http}/${path}`)).text();
  for (const { name, path, parentPath } of files(node.dir))
    places[name] = readFileSync(join(parentPath ?? path, name), 'latin1');
  assert.ok(Object.keys(places).some((name) => name.endsWith('.db')), 'the database was looked at');
  assert.ok(places.log.includes(id_of(made[0])), 'the log has been looked at: it names the keys that were made');
  assert.ok(made.length > 8);
  for (const one of made)
    for (const [where, text] of Object.entries(places)) {
      const secret = one.slice(17, 60);
      for (const part of [secret, secret.slice(0, 20), Buffer.from(one).toString('base64').slice(24, 60)])
        assert.ok(!text.includes(part), `a key is in ${where}`);
    }
  assert.ok((await figure(node, 'greenroom_api_keys')) > 5);
  assert.ok((await figure(node, 'greenroom_api_keys_refused_total{reason="ill_formed"}')) >= 1);
  assert.ok((await figure(node, 'greenroom_api_keys_refused_total{reason="wrong_secret"}')) >= 0);
  await eventually(async () => assert.ok((await figure(node, 'greenroom_api_keys_accepted_total')) > 5));
});

shared.stops();
