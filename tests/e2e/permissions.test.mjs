// A closed node, on which nothing is allowed but what a grant allows: of the config to roles, scopes and users, or of
// the token itself. Every way in is tried, each as its own clients speak.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join as path } from 'node:path';
import { Process, binary, fresh, scenario, scratch, sharedNode } from './harness.mjs';
import { answer, connect, join, refused } from './phoenix.mjs';
import { call, client as socketio, connects, next } from './socketio_client.mjs';

const dir = scratch();
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const signer = path(dir, 'signer.pem');
writeFileSync(signer, keys.privateKey.export({ type: 'pkcs8', format: 'pem' }));
writeFileSync(path(dir, 'public.pem'), keys.publicKey.export({ type: 'spki', format: 'pem' }));

/** A token of `greenroom token`: `grants` are the token's own, `roles` and `scopes` what the config's grants go by. */
function token(sub, { grants = [], roles = [], scopes = [], ttl = '1h' } = {}) {
  const more = [
    ...grants.flatMap((each) => ['--grant', JSON.stringify(each)]),
    ...roles.flatMap((each) => ['--role', each]),
    ...scopes.flatMap((each) => ['--scope', each]),
  ];
  const args = ['token', '--key', signer, '--alg', 'ES256', `--sub=${sub}`, '--ttl', ttl, ...more];
  return execFileSync(binary, args, { encoding: 'utf8' }).trim();
}

const config = `[tokens]
keys = ["ES256:${path(dir, 'public.pem')}"]
[node]
shards = 2
[access]
anonymous = "loopback"
[namespace.chat]
[grant.guests]
to = ["anyone"]
rooms = ["news"]
actions = ["join"]
[grant.own]
to = ["authenticated"]
rooms = ["own:\${user}", "own:\${user}:*"]
actions = ["join", "publish", "read", "members"]
[grant.staff]
to = ["role:staff", "scope:desk"]
rooms = ["chat:*"]
actions = ["join", "publish"]
methods = ["sum"]
users = ["*"]
[grant.machines]
to = ["user:worker"]
rooms = ["chat:*"]
actions = ["join"]
`;
const shared = sharedNode({ dev: false, config: config + '[log]\nlevel = "info"\n' });
const forbidden = { code: -32002, message: /this caller may not do that/ };

async function rpc(node, shown, method, params) {
  const response = await fetch(`${node.http}/rpc`, {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    headers: { 'content-type': 'application/json', ...(shown && { authorization: `Bearer ${shown}` }) },
  });
  const { result, error } = await response.json();
  if (error) throw Object.assign(new Error(error.message), error);
  return result;
}

/** Each way in as a function that calls a method. */
const ways = {
  async json(s, node, shown) {
    const client = await s.client(node);
    await client.open({ token: shown });
    return (method, params) => client.call(method, params);
  },
  async msgpack(s, node, shown) {
    const client = await s.client(node, { kind: 'msgpack' });
    await client.open({ token: shown });
    return (method, params) => client.call(method, params);
  },
  async rpc(s, node, shown) {
    return (method, params) => rpc(node, shown, method, params);
  },
  async socketio(s, node, shown) {
    const io = socketio(s, node, { auth: { token: shown } });
    await connects(io);
    return async (method, params) => {
      const said = await call(io, method, params);
      if (said?.error) throw Object.assign(new Error(said.error.message), said.error);
      return said;
    };
  },
  async phoenix(s, node, shown) {
    const socket = await connect(s, node, { params: { token: shown } });
    const channel = await join(socket, 'greenroom');
    return (method, params) =>
      answer(channel.push(method, params)).catch(({ response }) => {
        throw Object.assign(new Error(response.message), response);
      });
  },
};

const room_calls = (room) => [
  ['room.publish', { room, event: 'e', payload: 1 }],
  ['room.history', { room }],
  ['room.members', { room }],
];
const other_calls = [
  ['sum', {}],
  ['no.such.method', {}],
  ['user.send', { to: 'bob', event: 'e', payload: 1 }],
  ['presence.get', { users: ['bob'] }],
  ['presence.online', {}],
];
const with_connection = [
  ['room.join', { room: 'chat:x' }],
  ['presence.watch', { users: ['bob'] }],
  ['service.register', { methods: ['mine'] }],
];

for (const [way, enter] of Object.entries(ways)) {
  scenario(`permissions: by ${way}, what nothing allows is refused`, async (s) => {
    const node = await shared.get();
    const ask = await enter(s, node, token('eve'));
    const calls = [...room_calls('chat:x'), ...room_calls('lobby'), ...room_calls('own:bob'), ...other_calls];
    if (way !== 'rpc') calls.push(...with_connection);
    for (const [method, params] of calls)
      await assert.rejects(ask(method, params), forbidden, `${method} ${JSON.stringify(params)}`);
  });

  scenario(`permissions: by ${way}, a grant opens what it names`, async (s) => {
    const node = await shared.get();
    const worker = await s.client(node);
    await worker.open({ token: token('worker') });
    const user = fresh('ann');
    const ask = await enter(s, node, token(user, { roles: ['staff'] }));
    if (way !== 'rpc') await ask('room.join', { room: `own:${user}` });
    for (const [method, params] of room_calls(`own:${user}`)) await ask(method, params);
    await ask('room.publish', { room: 'chat:x', event: 'e', payload: 1 });
    await ask('user.send', { to: 'bob', event: 'e', payload: 1 });
    await assert.rejects(ask('room.history', { room: 'chat:x' }), forbidden);
    await assert.rejects(ask('sum', {}), { code: -32601 }); // it may, and nobody answers it
    const scoped = await enter(s, node, token(user, { scopes: ['mail', 'desk'] }));
    await scoped('room.publish', { room: 'chat:x', event: 'e', payload: 1 });
    const claims = await enter(s, node, token(user, { grants: [{ rooms: ['x:${user}'], actions: ['publish'] }] }));
    await claims('room.publish', { room: `x:${user}`, event: 'e', payload: 1 });
    await assert.rejects(claims('room.publish', { room: 'x:bob', event: 'e', payload: 1 }), forbidden);
  });

  scenario(`permissions: by ${way}, a user's name widens nothing`, async (s) => {
    const node = await shared.get();
    const publish = (room) => ['room.publish', { room, event: 'e', payload: 1 }];
    for (const name of ['*', 'ann:x', '${user}', '%', "'; DROP TABLE grants; --"]) {
      const ask = await enter(s, node, token(name));
      await assert.rejects(ask(...publish('own:ann')), forbidden, name);
      await assert.rejects(ask(...publish('own:ann:x')), forbidden, name);
      if (!name.includes(':')) await ask(...publish(`own:${name}`));
    }
  });
}

scenario('permissions: topics of Phoenix go by them, too', async (s) => {
  const node = await shared.get();
  const user = fresh('ann');
  const socket = await connect(s, node, { params: { token: token(user) } });
  for (const topic of ['chat:x', 'own:bob', 'inbox:bob'])
    await assert.rejects(join(socket, topic), refused({ code: -32002, reason: 'unauthorized' }), topic);
  const own = await join(socket, `own:${user}`);
  await answer(own.push('say', {}));
  await join(socket, `inbox:${user}`);
  const service = await join(socket, 'service:cart');
  await assert.rejects(answer(service.push('add', {})), refused({ code: -32002 }));
});

scenario('permissions: a position of session.open brings nobody into a room', async (s) => {
  const node = await shared.get();
  const ann = await s.client(node);
  const shown = token('ann', { grants: [{ rooms: ['chat:a'], actions: ['join'] }] });
  const was = await ann.open({ token: shown });
  const positions = { 'chat:a': 0, 'chat:b': 0 };
  const back = await s.client(node);
  const now = await back.open({ token: shown, resume: { session: was.session, token: was.resume_token, positions } });
  const reasons = Object.fromEntries(now.rooms.map(({ room, reason }) => [room, reason]));
  assert.deepEqual(Object.keys(reasons).sort(), ['chat:a', 'chat:b']);
  assert.equal(reasons['chat:b'], 'forbidden');
  assert.notEqual(reasons['chat:a'], 'forbidden');
  await back.call('room.leave', { room: 'chat:a' });
  await assert.rejects(back.call('room.leave', { room: 'chat:b' }), { code: -32004 });
});

const wide = { grants: [{ rooms: ['chat:*', 'own:*'], actions: ['join', 'publish'] }] };

scenario('permissions: a newer token that allows less ends the membership, and its client is told', async (s) => {
  const node = await shared.get();
  const room = `chat:${fresh()}`;
  const speaker = await s.client(node);
  await speaker.open({ token: token('speaker', wide) });

  const native = await s.client(node);
  await native.open({ token: token('ann', wide) });
  await native.join(room);
  const io = socketio(s, node, { auth: { token: token('ann', wide) } });
  await connects(io);
  await call(io, 'room.join', { room });
  const socket = await connect(s, node, { params: { token: token('ann', wide) } });
  const methods = await join(socket, 'greenroom');
  const channel = await join(socket, room);

  await speaker.publish(room, 'before');
  await native.next('room.message');
  await next(io, 'test');
  await channel.next('test');

  const less = token('ann');
  await native.call('session.refresh', { token: less });
  assert.deepEqual(await native.next('room.notice'), { room, code: 'forbidden' });
  await call(io, 'session.refresh', { token: less });
  assert.deepEqual((await next(io, 'room.notice'))[0], { room, code: 'forbidden' });
  await answer(methods.push('session.refresh', { token: less }));
  await channel.next('phx_close');

  await speaker.publish(room, 'after');
  await assert.rejects(native.publish(room, 1), forbidden);
  await assert.rejects(native.join(room), forbidden);
  assert.equal(native.notifications.filter(({ method }) => method === 'room.message').length, 0);
  assert.equal(io.heard.filter(({ event }) => event === 'test').length, 0);
  const metrics = await (await fetch(`${node.http}/metrics`)).text();
  assert.ok(Number(metrics.match(/^greenroom_memberships_revoked_total (\d+)$/m)[1]) >= 3);
});

scenario('permissions: guests have what anyone has, and cannot take the name of a user', async (s) => {
  const node = await shared.get();
  const guest = await s.client(node);
  await assert.rejects(guest.open({ user: 'ann' }), { code: -32002 });
  assert.match((await guest.open()).user, /^guest-.{8}$/);
  await guest.join('news');
  await assert.rejects(guest.join('own:ann'), forbidden);
  await assert.rejects(guest.call('user.send', { to: 'ann', event: 'e', payload: 1 }), forbidden);
  await assert.rejects(rpc(node, undefined, 'room.history', { room: 'news' }), forbidden);
});

scenario('permissions: the log says what was missing, and /metrics how often', async (s) => {
  const node = await shared.get();
  const user = fresh('loud');
  await assert.rejects(rpc(node, token(user), 'room.publish', { room: 'chat:x', event: 'e', payload: 1 }), forbidden);
  await node.stderr.match(new RegExp(
    `no grant allows user ${user} to publish in chat:x: namespace chat has publish = nobody, and none of 2 grants matches`,
  ));
  const metrics = await (await fetch(`${node.http}/metrics`)).text();
  for (const action of ['room.join', 'room.publish', 'room.history', 'room.members', 'service.call', 'user.send'])
    assert.ok(metrics.includes(`greenroom_refused_total{action="${action}"}`), action);
  assert.ok(!metrics.includes('no.such.method'));
});

scenario('permissions: a token whose grants are none is refused, its reason is in the log', async (s) => {
  const node = await shared.get();
  const client = await s.client(node);
  const bad = token('ann', { grants: [{ rooms: ['a*b'], actions: ['join'] }] });
  await assert.rejects(client.open({ token: bad }), { code: -32001, message: '-32001 the token is not accepted' });
  await node.stderr.match(/a token is not accepted.*rooms: .*a\*b.*: a \* stands only at the end/);
});

scenario('permissions: a bad grant ends the start with 78, and config check names its line', async (s) => {
  const file = path(dir, 'bad.toml');
  writeFileSync(file, '[grant.x]\nto = ["everybody"]\nrooms = ["a*b"]\nactions = ["join"]\n');
  const args = ['serve', '--listen', '127.0.0.1:0', '--data', path(dir, 'data'), '--config', file];
  const { code, stderr } = await new Process(args).result();
  assert.equal(code, 78);
  assert.match(stderr, /bad\.toml:2: grant\.x\.to must hold anyone, authenticated, user:NAME, role:NAME or scope:NAME/);
  assert.match(stderr, /bad\.toml:3: grant\.x\.rooms must hold patterns.*a \* stands only at the end/);
  const checked = await s.run(['config', 'check', file]).result();
  assert.notEqual(checked.code, 0);
  writeFileSync(file, '[grant.x]\nto = ["anyone"]\nmethods = ["e\u0301"]\n');
  const second = await new Process(args).result();
  assert.equal(second.code, 78);
  assert.match(second.stderr, /grant\.x\.methods: .*NFC/);
});

shared.stops();
