// Keys that change while a node runs: sets that it fetches by HTTPS from an issuer of these tests, and files.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createServer as createPlainServer } from 'node:http';
import { join } from 'node:path';
import { Authority } from './authority.mjs';
import * as phoenix from './phoenix.mjs';
import { Process, eventually, fresh, scenario, scratch } from './harness.mjs';

const authority = new Authority();
const stranger = new Authority();
const local = authority.issue('localhost', '127.0.0.1');
const env = { SSL_CERT_FILE: authority.file };

const coded = (what) => Buffer.from(JSON.stringify(what)).toString('base64url');

/** One key of an issuer, and tokens by it. */
class Key {
  constructor(kid) {
    this.kid = kid;
    this.pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  }
  get jwk() {
    return { ...this.pair.publicKey.export({ format: 'jwk' }), kid: this.kid, use: 'sig', alg: 'ES256' };
  }
  get pem() {
    return this.pair.publicKey.export({ type: 'spki', format: 'pem' });
  }
  token(sub, { kid = this.kid, ttl = 3_600 } = {}) {
    const now = Math.floor(Date.now() / 1_000);
    const input = `${coded({ alg: 'ES256', kid })}.${coded({ sub, iat: now, exp: now + ttl })}`;
    const signature = sign('sha256', Buffer.from(input), { key: this.pair.privateKey, dsaEncoding: 'ieee-p1363' });
    return `${input}.${signature.toString('base64url')}`;
  }
}

/** An identity provider: it answers with its keys, or with what `answer` does instead, and counts. */
class Issuer {
  keys = [];
  fetches = 0;
  agents = new Set();
  static async start(s, { tls = local, port = 0 } = {}) {
    const one = new Issuer();
    one.server = tls ? createServer(tls) : createPlainServer();
    one.server.on('tlsClientError', () => {});
    one.server.on('request', (request, response) => {
      ++one.fetches;
      one.agents.add(request.headers['user-agent']);
      if (one.answer) return one.answer(response, request);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ keys: one.keys.map(({ jwk }) => jwk) }));
    });
    await new Promise((resolve) => one.server.listen(port, '127.0.0.1', resolve));
    one.port = one.server.address().port;
    one.url = `http${tls ? 's' : ''}://127.0.0.1:${one.port}/jwks.json`;
    s.defer(() => one.stop());
    return one;
  }
  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

const config = (keys, more = '') => `[tokens]
keys = ${JSON.stringify(keys)}
${more}
[namespace.default]
join = "authenticated"
publish = "authenticated"
[node]
shards = 2
`;
const trusting = (s, keys, more, options) => s.node({ dev: false, env, config: config(keys, more), ...options });

/** Whether a new connection is let in with that token. */
async function admits(s, node, token) {
  const client = await s.client(node);
  try {
    await client.open({ token });
    return true;
  } catch (error) {
    assert.equal(error.code, -32001);
    assert.equal(error.message, '-32001 the token is not accepted');
    return false;
  } finally {
    client.end();
  }
}
const log_of = (node) => node.stderr.all.join('\n');
async function figure(node, series) {
  const text = await (await fetch(`${node.http}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

scenario(
  'jwks: keys rotate while clients are connected, and a new key is known when its first token comes',
  async (s) => {
    const issuer = await Issuer.start(s);
    const [old, next] = [new Key('2026-01'), new Key('2026-02')];
    issuer.keys = [old];
    const node = await trusting(s, [`jwks:${issuer.url}`]);
    const ann = await s.client(node);
    const ann_token = old.token('ann');
    await ann.open({ token: ann_token });
    const room = fresh();
    await ann.join(room);
    assert.match([...issuer.agents].join(), /^greenroom\/\d/);

    issuer.keys = [old, next];
    const bob = await s.client(node);
    await bob.open({ token: next.token('bob') }); // it waits for the fetch that it causes
    assert.equal(issuer.fetches, 2);
    await bob.join(room);
    await ann.publish(room, 'still here');
    assert.equal((await bob.next('room.message')).from, 'ann');
    assert.equal(await admits(s, node, ann_token), true);

    issuer.keys = [next];
    node.child.kill('SIGHUP');
    await eventually(async () => assert.equal(issuer.fetches, 3));
    await eventually(async () => assert.equal(await admits(s, node, ann_token), false)); // remembered or not
    assert.equal(await admits(s, node, next.token('cid')), true);
    await ann.publish(room, 'connected ones stay until their token ends');
    const set = `set="${issuer.url}"`;
    assert.equal(await figure(node, `greenroom_key_set_keys{${set}}`), 1);
    assert.equal(
      (await figure(node, `greenroom_key_set_fetches_total{result="good",${set}}`)) ??
        (await figure(node, `greenroom_key_set_fetches_total{${set},result="good"}`)),
      3,
    );
    assert.ok((await figure(node, `greenroom_key_set_age_seconds{${set}}`)) < 60);
  },
);

scenario('jwks: where a token cannot wait, the first try has its key fetched and the next one finds it', async (s) => {
  const issuer = await Issuer.start(s);
  const [old, next] = [new Key('old'), new Key('next')];
  issuer.keys = [old];
  const node = await trusting(s, [`jwks:${issuer.url}`]);
  const status = async (key) => {
    const answer = await fetch(`${node.http}/rpc`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key.token('back-end')}` },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'rpc.discover' }),
    });
    return answer.status;
  };
  await eventually(async () => assert.equal(await status(old), 200)); // the start's fetch
  issuer.keys = [old, next];
  assert.equal(await status(next), 401);
  await eventually(async () => assert.equal(await status(next), 200));
  assert.equal(issuer.fetches, 2);
  const socket = await phoenix.connect(s, node, { params: { token: next.token('phx') } });
  await phoenix.join(socket, fresh());
});

scenario('jwks: an issuer that is down does not end the start, and counts from when it is there', async (s) => {
  const gone = await Issuer.start(s);
  await gone.stop();
  const key = new Key('a');
  const node = await trusting(s, [`jwks:${gone.url}`]);
  assert.equal(await admits(s, node, key.token('ann')), false);
  await eventually(() => assert.match(log_of(node), /cannot be fetched; no token of it is accepted/));
  const issuer = await Issuer.start(s, { port: gone.port });
  issuer.keys = [key];
  await eventually(async () => assert.equal(await admits(s, node, key.token('ann')), true), 15_000);
});

scenario('jwks: after a restart the keys of the last fetch count while the issuer is down', async (s) => {
  const issuer = await Issuer.start(s);
  const [key, other] = [new Key('a'), new Key('b')];
  issuer.keys = [key];
  const dir = scratch();
  const first = await trusting(s, [`jwks:${issuer.url}`], '', { dir });
  assert.equal(await admits(s, first, key.token('ann')), true);
  await first.stop();
  await issuer.stop();
  const second = await trusting(s, [`jwks:${issuer.url}`], '', { dir });
  assert.equal(await admits(s, second, key.token('ann')), true);
  assert.equal(await admits(s, second, other.token('ann')), false);
  await eventually(() => assert.match(log_of(second), /cannot be fetched; the old keys count/));
  await second.stop();
  const third = await trusting(s, [`jwks:${issuer.url}`], 'keep_ms = 1000\nfetch_interval_ms = 1000', { dir });
  await eventually(async () => assert.equal(await admits(s, third, key.token('ann')), false)); // older than they may be
  await eventually(() =>
    assert.match(log_of(third), /its keys count no more|the keys of an earlier process do not count/),
  );
});

scenario(
  'jwks: whatever an issuer answers, the node keeps the keys that it has, and says why',
  async (s) => {
    const issuer = await Issuer.start(s);
    const key = new Key('a');
    issuer.keys = [key];
    const node = await trusting(s, [`jwks:${issuer.url}`], 'fetch_interval_ms = 1000\nfetch_timeout_ms = 400');
    assert.equal(await admits(s, node, key.token('ann')), true);
    const elsewhere = await Issuer.start(s);
    elsewhere.keys = [new Key('evil')];
    const answers = [
      [/the answer is 500/, (response) => response.writeHead(500).end('no')],
      [
        /the answer is 302, a redirect, which is not followed/,
        (response) => response.writeHead(302, { location: elsewhere.url }).end(),
      ],
      [/the answer is 204/, (response) => response.writeHead(204).end()],
      [/is no JSON document/, (response) => response.end('<!doctype html><title>Sign in</title>')],
      [/must be an object with a list/, (response) => response.end('{"keys":7}')],
      [/longer than 262144 bytes/, (response) => response.end(JSON.stringify({ keys: [], pad: 'x'.repeat(300_000) }))],
      [/[Tt]imed? ?out/, () => {}],
      [/[Tt]imed? ?out/, (response) => response.write('{"keys":[')], // and no end
      [/Empty reply|closed|reset|SSL|EOF/, (response) => response.socket.destroy()],
      [
        /outstanding|transfer closed|EOF|SSL/,
        (response) => {
          response.writeHead(200, { 'content-length': 100 });
          response.write('{');
          setTimeout(() => response.socket.destroy(), 20);
        },
      ],
    ];
    for (const [reason, answer] of answers) {
      const before = node.stderr.all.length;
      issuer.answer = answer;
      await eventually(() => assert.match(node.stderr.all.slice(before).join('\n'), reason), 8_000);
      await eventually(() => assert.match(node.stderr.all.slice(before).join('\n'), /the old keys count/));
      issuer.answer = undefined; // so that the pauses after failures start anew
      const fetches = issuer.fetches;
      await eventually(() => assert.ok(issuer.fetches > fetches), 8_000);
    }
    assert.equal(elsewhere.fetches, 0);
    assert.equal(await admits(s, node, key.token('ann')), true);
    assert.equal((await fetch(`${node.http}/ready`)).status, 200);
  },
  { timeout: 120_000 },
);

scenario(
  'jwks: an issuer with another certificate than its name and the authorities want is not believed',
  async (s) => {
    const key = new Key('a');
    for (const tls of [stranger.issue('localhost', '127.0.0.1'), authority.issue('login.test')]) {
      const issuer = await Issuer.start(s, { tls });
      issuer.keys = [key];
      const node = await trusting(s, [`jwks:${issuer.url}`]);
      assert.equal(await admits(s, node, key.token('ann')), false);
      await eventually(() => assert.match(log_of(node), /SSL|certificate/));
      assert.equal(issuer.fetches, 0);
      await node.stop();
    }
  },
);

scenario('jwks: an issuer that never answers does not hold the node, not even its stop', async (s) => {
  const issuer = await Issuer.start(s);
  issuer.answer = () => {};
  const file = join(scratch(), 'key.pem');
  const key = new Key('file');
  writeFileSync(file, key.pem);
  const node = await trusting(s, [`jwks:${issuer.url}`, `file=ES256:${file}`], 'fetch_timeout_ms = 60000');
  await eventually(() => assert.equal(issuer.fetches, 1));
  assert.equal(await admits(s, node, key.token('ann')), true);
  const began = Date.now();
  assert.equal(await admits(s, node, key.token('ann', { kid: 'unknown' })), false);
  assert.ok(Date.now() - began < 3_000, 'a second at most, and what a connection takes');
  const stopping = Date.now();
  await node.stop();
  assert.ok(Date.now() - stopping < 8_000);
});

scenario('jwks: a storm of unknown key ids causes one fetch', async (s) => {
  const issuer = await Issuer.start(s);
  const key = new Key('a');
  issuer.keys = [key];
  const node = await trusting(s, [`jwks:${issuer.url}`]);
  assert.equal(await admits(s, node, key.token('ann')), true);
  const storm = await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      const client = await s.client(node);
      for (let i = 0; i < 15; ++i)
        await assert.rejects(client.open({ token: key.token('eve', { kid: `${n}-${i}-${Math.random()}` }) }), {
          code: -32001,
        });
      for (let i = 0; i < 5; ++i) {
        const answer = await fetch(`${node.http}/rpc`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            authorization: `Bearer ${key.token('eve', { kid: `http-${n}-${i}` })}`,
          },
          body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'rpc.discover' }),
        });
        assert.equal(answer.status, 401);
      }
      return 1;
    }),
  );
  assert.equal(storm.length, 20);
  assert.equal(issuer.fetches, 2); // the start's, and theirs
  assert.equal(await admits(s, node, key.token('ann')), true);
});

scenario('jwks: by http:// from this machine alone', async (s) => {
  const issuer = await Issuer.start(s, { tls: null });
  const key = new Key('a');
  issuer.keys = [key];
  const node = await trusting(s, [`jwks:${issuer.url}`], '', {
    env: { http_proxy: 'http://127.0.0.1:1', ALL_PROXY: 'http://127.0.0.1:1' },
  });
  assert.equal(await admits(s, node, key.token('ann')), true); // and by no proxy of the environment
  for (const url of [
    'http://login.example.org/jwks.json',
    'https://ann:secret@login.example.org/',
    'ftp://login.example.org/',
  ]) {
    const refused = await s
      .run(['serve', '--listen', '127.0.0.1:0', '--data', scratch(), '--set', `tokens.keys=jwks:${url}`])
      .result();
    assert.equal(refused.code, 78);
    assert.match(refused.stderr, /tokens\.keys: jwks:/);
  }
});

scenario(
  'jwks: files of keys are read again when they change and on SIGHUP; a bad one keeps what it held',
  async (s) => {
    const dir = scratch();
    const [old, next, set_key] = [new Key('a'), new Key('a'), new Key('b')];
    const [pem, set] = [join(dir, 'key.pem'), join(dir, 'set.json')];
    writeFileSync(pem, old.pem);
    writeFileSync(set, JSON.stringify({ keys: [].concat(set_key.jwk) }));
    const node = await trusting(s, [`a=ES256:${pem}`, `jwks:${set}`], 'reload_interval_ms = 100');
    const remembered = old.token('ann');
    assert.equal(await admits(s, node, remembered), true);
    assert.equal(await admits(s, node, set_key.token('bob')), true);

    writeFileSync(pem, next.pem);
    await eventually(async () => assert.equal(await admits(s, node, next.token('ann')), true));
    assert.equal(await admits(s, node, remembered), false);

    writeFileSync(pem, 'no key at all');
    await eventually(() => assert.match(log_of(node), /a file of keys cannot be used, its old keys stay.*key\.pem/));
    assert.equal(await admits(s, node, next.token('ann')), true);
    writeFileSync(pem, old.pem);
    await eventually(async () => assert.equal(await admits(s, node, remembered), true));

    const by_signal = await trusting(s, [`a=ES256:${pem}`], 'reload_interval_ms = 0');
    writeFileSync(pem, next.pem);
    assert.equal(await admits(s, by_signal, remembered), true);
    by_signal.child.kill('SIGHUP');
    await eventually(async () => assert.equal(await admits(s, by_signal, next.token('ann')), true));
  },
);

scenario('jwks: the doctor fetches each set', async (s) => {
  const issuer = await Issuer.start(s);
  issuer.keys = [new Key('a'), new Key('b')];
  const doctor = () =>
    new Process(['doctor', '--listen', '127.0.0.1:0', '--data', scratch(), '--set', `tokens.keys=jwks:${issuer.url}`], {
      env,
    }).result();
  assert.match((await doctor()).stdout, /jwks\.json: 2 keys/);
  issuer.answer = (response) => response.end('{}');
  const warned = await doctor();
  assert.match(warned.stdout, /must be an object with a list/);
});
