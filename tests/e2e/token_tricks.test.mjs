// What attackers do with tokens, against every way into a node: algorithms and keys confused, ids that inject, times,
// issuers, signatures that no key makes. Each way answers every one of them exactly as it answers nonsense.
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import WebSocket from 'ws';
import { eventually, scenario, scratch, sharedNode, within } from './harness.mjs';

const dir = scratch();
const made = (type, options) => generateKeyPairSync(type, options);
const ec = made('ec', { namedCurve: 'P-256' });
const rsa = made('rsa', { modulusLength: 2048 });
const ed = made('ed25519');
const foreign = made('ec', { namedCurve: 'P-256' });
const foreign_rsa = made('rsa', { modulusLength: 2048 });
const secret = randomBytes(48).toString('base64');
const pem = (key) => key.export({ type: 'spki', format: 'pem' });
const der = (key) => key.export({ type: 'spki', format: 'der' });
const file = (name, text) => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};

const shared = sharedNode({
  dev: false,
  config: `[tokens]
keys = ["es=ES256:${file('es.pem', pem(ec.publicKey))}", "rs=RS256:${file('rs.pem', pem(rsa.publicKey))}",
        "ed=EdDSA:${file('ed.pem', pem(ed.publicKey))}", "hs=HS256:${file('hs', secret)}"]
issuers = ["https://login.test"]
audiences = ["greenroom"]
[limits.address]  # all these attempts come from one
connections_per_second = 0
connections_burst = 0
messages_per_second = 0
messages_burst = 0
[limits.user]
connections_per_second = 0
connections_burst = 0
connections_max = 0
[namespace.default]
join = "authenticated"
read = "authenticated"
[endpoint.engine]
path = "/engine/"
protocol = "engineio"
channel = "/engine"
`,
});

const b64 = (what) => Buffer.from(what).toString('base64url');
const now = () => Math.floor(Date.now() / 1_000);
const claims = (more = {}) => ({
  sub: 'ann',
  iss: 'https://login.test',
  aud: 'greenroom',
  iat: now() - 90,
  exp: now() + 3_600,
  ...more,
});
const raw = (head, body, signer) => {
  const input = `${b64(typeof head === 'string' ? head : JSON.stringify(head))}.${b64(typeof body === 'string' ? body : JSON.stringify(body))}`;
  return `${input}.${b64(signer(Buffer.from(input)))}`;
};
const by_ec =
  (key = ec.privateKey) =>
  (input) =>
    sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' });
const by_rsa =
  (key = rsa.privateKey) =>
  (input) =>
    sign('sha256', input, key);
const by_ed = (input) => sign(null, input, ed.privateKey);
const by_secret =
  (key, hash = 'sha256') =>
  (input) =>
    createHmac(hash, key).update(input).digest();
const nothing = () => Buffer.alloc(0);
const es = (more) => ({ alg: 'ES256', kid: 'es', ...more });
const good = (more) => raw(es(), claims(more), by_ec());

const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
const bytes =
  (...parts) =>
  () =>
    Buffer.concat(parts);
const zero = Buffer.alloc(32),
  one = Buffer.concat([Buffer.alloc(31), Buffer.from([1])]);
const jwk = foreign.publicKey.export({ format: 'jwk' });

/** name → token. */
const tricks = () => ({
  // --- none, however it is spelt
  'alg none, unsigned': raw({ alg: 'none' }, claims(), nothing),
  'alg None': raw({ alg: 'None' }, claims(), nothing),
  'alg NONE with a kid': raw({ alg: 'NONE', kid: 'es' }, claims(), nothing),
  'alg nOnE over a signature that holds': raw({ alg: 'nOnE', kid: 'es' }, claims(), by_ec()),
  'alg none by an escape': raw('{"alg":"n\\u006fne"}', claims(), nothing),
  'alg none and a space': raw({ alg: 'none ' }, claims(), nothing),
  'no alg': raw({ kid: 'es' }, claims(), by_ec()),
  'alg null': raw({ alg: null, kid: 'es' }, claims(), by_ec()),
  'alg false': raw({ alg: false }, claims(), nothing),
  'alg empty': raw({ alg: '', kid: 'es' }, claims(), by_ec()),
  'alg a list': raw({ alg: ['ES256'], kid: 'es' }, claims(), by_ec()),
  'alg an object': raw({ alg: { ES256: true }, kid: 'es' }, claims(), by_ec()),
  'alg es256': raw({ alg: 'es256', kid: 'es' }, claims(), by_ec()),
  'alg behind a space': raw({ alg: ' ES256', kid: 'es' }, claims(), by_ec()),
  'alg before a zero byte': raw({ alg: 'ES256\0', kid: 'es' }, claims(), by_ec()),
  'alg ES384': raw({ alg: 'ES384', kid: 'es' }, claims(), by_ec()),
  'alg ES256K': raw({ alg: 'ES256K', kid: 'es' }, claims(), by_ec()),
  'alg dir, of encryption': raw({ alg: 'dir', enc: 'A256GCM' }, claims(), by_ec()),
  'signature cut off': good().replace(/[^.]*$/, ''),
  // --- one key's algorithm with another key
  'HS256 with the EC key as its secret': raw({ alg: 'HS256', kid: 'es' }, claims(), by_secret(pem(ec.publicKey))),
  'HS256 with the RSA PEM as its secret': raw({ alg: 'HS256', kid: 'rs' }, claims(), by_secret(pem(rsa.publicKey))),
  'HS256 with the RSA PEM, no line end': raw(
    { alg: 'HS256', kid: 'rs' },
    claims(),
    by_secret(pem(rsa.publicKey).trimEnd()),
  ),
  'HS256 with the RSA DER as its secret': raw({ alg: 'HS256', kid: 'rs' }, claims(), by_secret(der(rsa.publicKey))),
  'HS256 with the RSA PEM, no kid': raw({ alg: 'HS256' }, claims(), by_secret(pem(rsa.publicKey))),
  'HS256 with the Ed25519 key': raw({ alg: 'HS256', kid: 'ed' }, claims(), by_secret(pem(ed.publicKey))),
  'HS256 with an empty secret': raw({ alg: 'HS256', kid: 'hs' }, claims(), by_secret('')),
  'HS256 with zeros for a secret': raw({ alg: 'HS256', kid: 'hs' }, claims(), by_secret(Buffer.alloc(32))),
  'HS384 with the secret of HS256': raw({ alg: 'HS384', kid: 'hs' }, claims(), by_secret(secret, 'sha384')),
  'HS512 with the secret of HS256': raw({ alg: 'HS512', kid: 'hs' }, claims(), by_secret(secret, 'sha512')),
  'RS256 named under the EC key': raw({ alg: 'RS256', kid: 'es' }, claims(), by_rsa()),
  'ES256 named under the RSA key': raw({ alg: 'ES256', kid: 'rs' }, claims(), by_ec()),
  'EdDSA named under the EC key': raw({ alg: 'EdDSA', kid: 'es' }, claims(), by_ed),
  'ES256 named under the Ed25519 key': raw({ alg: 'ES256', kid: 'ed' }, claims(), by_ec()),
  'PS256 with the key of RS256': raw({ alg: 'PS256', kid: 'rs' }, claims(), by_rsa()),
  'RS256 by another key': raw({ alg: 'RS256', kid: 'rs' }, claims(), by_rsa(foreign_rsa.privateKey)),
  'ES256 by another key': raw(es(), claims(), by_ec(foreign.privateKey)),
  'ES256 with a signature in DER': raw(es(), claims(), (input) => sign('sha256', input, ec.privateKey)),
  'two alg, the first good': raw('{"alg":"ES256","alg":"none","kid":"es"}', claims(), by_ec()),
  'two alg, the last good': raw('{"alg":"none","alg":"ES256","kid":"es"}', claims(), by_ec()),
  'two kid': raw('{"alg":"ES256","kid":"rs","kid":"es"}', claims(), by_ec()),
  'two sub': raw(es(), JSON.stringify(claims()).replace('"sub"', '"sub":"root","sub"'), by_ec()),
  // --- keys that the token brings along
  'jwk of an attacker': raw({ alg: 'ES256', jwk }, claims(), by_ec(foreign.privateKey)),
  'jwk of an attacker, the kid ours': raw(es({ jwk }), claims(), by_ec(foreign.privateKey)),
  'jku of an attacker': raw(es({ jku: 'http://127.0.0.1:1/jwks.json' }), claims(), by_ec(foreign.privateKey)),
  'x5u of an attacker': raw(es({ x5u: 'http://127.0.0.1:1/chain.pem' }), claims(), by_ec(foreign.privateKey)),
  'x5c of an attacker': raw(
    es({ x5c: [der(foreign.publicKey).toString('base64')] }),
    claims(),
    by_ec(foreign.privateKey),
  ),
  crit: raw(es({ crit: ['exp'] }), claims(), by_ec()),
  'b64 false': raw(es({ b64: false, crit: ['b64'] }), claims(), by_ec()),
  'typ JWE': raw(es({ typ: 'JWE' }), claims(), by_ec()),
  // --- ids that inject
  ...Object.fromEntries(
    [
      '../../../../dev/null',
      '/dev/null',
      'file:///etc/passwd',
      'http://127.0.0.1:1/jwks',
      "es' OR '1'='1",
      "x' UNION SELECT 'a'--",
      'es; rm -rf /',
      '$(id)',
      '|/bin/id',
      'es\0',
      '\0',
      'es/../es',
      'ES',
      ' es',
      '',
      'é'.repeat(128),
      'x'.repeat(5_000),
      '*',
      'es%00',
      '__proto__',
      '\u202ees',
    ].map((kid) => [
      `kid ${JSON.stringify(kid).slice(0, 40)}`,
      raw({ alg: 'ES256', kid }, claims(), by_ec(foreign.privateKey)),
    ]),
  ),
  'kid /dev/null and HS256 of nothing': raw({ alg: 'HS256', kid: '/dev/null' }, claims(), by_secret('')),
  'kid a number': raw({ alg: 'ES256', kid: 1 }, claims(), by_ec()),
  'kid a list': raw({ alg: 'ES256', kid: ['es'] }, claims(), by_ec()),
  // --- times, names
  expired: good({ exp: now() - 61 }),
  'expired long ago': good({ exp: 1 }),
  'no exp': raw(es(), { ...claims(), exp: undefined }, by_ec()),
  'exp a text': good({ exp: String(now() + 3_600) }),
  'exp a fraction': good({ exp: now() + 3_600.5 }),
  'exp negative': good({ exp: -1 }),
  'exp 1e300': raw(es(), JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":1e300'), by_ec()),
  'nbf in the future': good({ nbf: now() + 120 }),
  'iat in the future': good({ iat: now() + 120 }),
  'another issuer': good({ iss: 'https://login.test.evil' }),
  'the issuer with a slash': good({ iss: 'https://login.test/' }),
  'no issuer': raw(es(), { ...claims(), iss: undefined }, by_ec()),
  'issuer a list': good({ iss: ['https://login.test'] }),
  'another audience': good({ aud: 'billing' }),
  'no audience': raw(es(), { ...claims(), aud: undefined }, by_ec()),
  'no sub': raw(es(), { ...claims(), sub: undefined }, by_ec()),
  'sub empty': good({ sub: '' }),
  'sub a number': good({ sub: 1 }),
  'sub with a line end': good({ sub: 'ann\n' }),
  // --- signatures that no key makes (CVE-2022-21449 and its kin)
  'r = s = 0': raw(es(), claims(), bytes(zero, zero)),
  'r = 0': raw(es(), claims(), bytes(zero, one)),
  's = 0': raw(es(), claims(), bytes(one, zero)),
  'r = s = n': raw(es(), claims(), bytes(order, order)),
  'r = s = 1': raw(es(), claims(), bytes(one, one)),
  'all ones': raw(es(), claims(), bytes(Buffer.alloc(64, 0xff))),
  'a byte too many': raw(es(), claims(), (input) => Buffer.concat([by_ec()(input), Buffer.from([0])])),
  'a byte too few': raw(es(), claims(), (input) => by_ec()(input).subarray(0, 63)),
  'an RSA signature of zeros': raw({ alg: 'RS256', kid: 'rs' }, claims(), bytes(Buffer.alloc(256))),
  // --- no tokens at all
  'four parts': `${good()}.x`,
  'two parts': good().split('.').slice(0, 2).join('.'),
  'dots alone': '..',
  'five parts, as encryption has': 'a.b.c.d.e',
  'the claims changed': (() => {
    const [h, , s] = good().split('.');
    return `${h}.${b64(JSON.stringify(claims({ sub: 'root' })))}.${s}`;
  })(),
  'the header changed': (() => {
    const [, c, s] = good().split('.');
    return `${b64(JSON.stringify(es({ typ: 'JWT' })))}.${c}.${s}`;
  })(),
  'base64 with padding': good() + '=',
  'another spelling of the last byte': good().replace(/.$/, (c) => String.fromCharCode(c.charCodeAt(0) ^ 1)),
  'claims that are a list': raw(es(), '[]', by_ec()),
  'claims nested too deeply': raw(es(), `{"a":${'['.repeat(500)}${']'.repeat(500)}}`, by_ec()),
});

const untraced = (text) => text.replace(/"trace":"[^"]*"/g, '"trace":""');
const socket_of = (s, url, protocols, options) => {
  const socket = new WebSocket(url, protocols, options);
  s.defer(() => socket.terminate());
  socket.on('error', () => {});
  return socket;
};
/** The status and the body of a refused handshake, or 101. */
const handshake = (s, url, protocols = [], options = {}) =>
  within(
    5_000,
    'the handshake',
    new Promise((resolve) => {
      const socket = socket_of(s, url, protocols, options);
      socket.once('open', () => (socket.terminate(), resolve('101')));
      socket.once('unexpected-response', (_, response) => {
        let text = '';
        response.on('data', (part) => (text += part));
        response.on(
          'end',
          () => (
            socket.terminate(),
            resolve(`${response.statusCode} ${response.headers['www-authenticate']} ${untraced(text)}`)
          ),
        );
      });
    }),
  );
const frames = (socket, count) =>
  within(
    5_000,
    'a frame',
    new Promise((resolve) => {
      const all = [];
      socket.on('message', (data) => {
        all.push(data.toString());
        if (all.length === count) resolve(all.at(-1));
      });
      socket.on('close', (code, reason) => resolve(`closed ${code} ${reason}`));
    }),
  );
const field = (token) => ({ headers: { authorization: `Bearer ${token}` } });
const attempt = (client, method, token) =>
  client.call(method, { token }).then(
    () => 'accepted',
    (error) => `${error.code} ${error.message} ${untraced(JSON.stringify(error.data ?? null))}`,
  );

/** Every way into a node by a token: what it answers, as text; `accepted` where the token is good. */
const ways = {
  'POST /rpc': async (s, node, token) => {
    const answer = await fetch(`${node.http}/rpc`, {
      method: 'POST',
      body: '{"jsonrpc":"2.0","id":1,"method":"room.history","params":{"room":"lobby"}}',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    });
    const text = untraced(await answer.text());
    return answer.status === 200 ? 'accepted' : `${answer.status} ${answer.headers.get('www-authenticate')} ${text}`;
  },
  'the handshake of /ws': async (s, node, token) => {
    const said = await handshake(s, node.url, [], field(token));
    return said === '101' ? 'accepted' : said;
  },
  'session.open, JSON': async (s, node, token) => {
    const client = await s.client(node, { kind: 'json' });
    return attempt(client, 'session.open', token).finally(() => client.end());
  },
  'session.open, MessagePack': async (s, node, token) => {
    const client = await s.client(node, { kind: 'msgpack' });
    return attempt(client, 'session.open', token).finally(() => client.end());
  },
  'session.refresh': async (s, node, token) => {
    const client = await s.client(node);
    await client.open({ token: good() });
    return attempt(client, 'session.refresh', token).finally(() => client.end());
  },
  'Socket.IO on a WebSocket': async (s, node, token) => {
    const socket = socket_of(s, `ws://${node.host}:${node.port}/socket.io/?EIO=4&transport=websocket`);
    const answer = frames(socket, 2);
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(`40${JSON.stringify({ token })}`);
    const text = await answer;
    socket.terminate();
    return text.startsWith('40') ? 'accepted' : untraced(text);
  },
  'Socket.IO by polling': async (s, node, token) => {
    const at = `${node.http}/socket.io/?EIO=4&transport=polling`;
    const { sid } = JSON.parse((await (await fetch(at)).text()).slice(1));
    await fetch(`${at}&sid=${sid}`, { method: 'POST', body: `40${JSON.stringify({ token })}` });
    const text = await (await fetch(`${at}&sid=${sid}`)).text();
    await fetch(`${at}&sid=${sid}`, { method: 'POST', body: '1' });
    return text.startsWith('40') ? 'accepted' : untraced(text);
  },
  'Phoenix, params.token': async (s, node, token) => {
    const said = await handshake(
      s,
      `ws://${node.host}:${node.port}/socket/websocket?vsn=2.0.0&token=${encodeURIComponent(token)}`,
    );
    return said === '101' ? 'accepted' : said;
  },
  'Phoenix, auth_token': async (s, node, token) => {
    const said = await handshake(s, `ws://${node.host}:${node.port}/socket/websocket?vsn=2.0.0`, [
      'phoenix',
      `base64url.bearer.phx.${b64(token)}`,
    ]);
    return said === '101' ? 'accepted' : said;
  },
  'Phoenix by long polling': async (s, node, token) => {
    const answer = await fetch(`${node.http}/socket/longpoll?vsn=2.0.0`, { headers: { 'x-phoenix-authtoken': token } });
    const { status } = JSON.parse(await answer.text());
    return status === 410 ? 'accepted' : `${answer.status} ${status}`;
  },
  'Engine.IO': async (s, node, token) => {
    const answer = await fetch(`${node.http}/engine/?EIO=4&transport=polling`, field(token));
    const text = untraced(await answer.text());
    return answer.status === 200 ? 'accepted' : `${answer.status} ${text}`;
  },
};

for (const [way, tries] of Object.entries(ways))
  scenario(
    `token tricks: ${way} answers each as it answers nonsense`,
    async (s) => {
      const node = await shared.get();
      assert.equal(await tries(s, node, good()), 'accepted');
      assert.equal(await tries(s, node, raw({ alg: 'RS256', kid: 'rs' }, claims(), by_rsa())), 'accepted');
      assert.equal(await tries(s, node, raw({ alg: 'EdDSA', kid: 'ed' }, claims(), by_ed)), 'accepted');
      assert.equal(await tries(s, node, raw({ alg: 'HS256', kid: 'hs' }, claims(), by_secret(secret))), 'accepted');
      const stranger = await tries(s, node, 'let-me-in');
      assert.notEqual(stranger, 'accepted');
      const all = Object.entries(tricks());
      assert.ok(all.length >= 100, String(all.length));
      for (const [what, token] of all) {
        const in_field = token.length > 4_000 && !/session|Socket/.test(way); // over the bounds of a header or a URL
        const said = await tries(s, node, token);
        if (in_field && /^(414|431)/.test(said)) continue;
        assert.equal(said, stranger, what);
      }
    },
    { timeout: 150_000 },
  );

scenario('token tricks: oversized tokens are refused on every way', async (s) => {
  const node = await shared.get();
  for (const size of [8_193, 20_000, 200_000]) {
    const long = good({ pad: 'x'.repeat(size) });
    for (const [way, tries] of Object.entries(ways))
      assert.notEqual(await tries(s, node, long).catch(() => 'cut off'), 'accepted', `${way} ${size}`);
  }
  assert.equal(await ways['POST /rpc'](s, node, good()), 'accepted');
});

scenario('token tricks: the log says why, and never the token', async (s) => {
  const node = await shared.get();
  const token = good({ exp: now() - 3_600 });
  await ways['session.open, JSON'](s, node, token);
  await eventually(() => assert.match(node.stderr.all.join('\n'), /a token is not accepted.*expired/i));
  const text = node.stderr.all.join('\n');
  for (const part of token.split('.').slice(1)) assert.ok(!text.includes(part));
});

shared.stops();
