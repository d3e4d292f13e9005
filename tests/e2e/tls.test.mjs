// The node behind TLS, as other people's clients see it: curl, openssl s_client, Node's own and npm's `ws`.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import WebSocket from 'ws';
import { eventually, scenario } from './harness.mjs';

const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });

/** An authority in a directory of its own, and what it signs. */
class Authority {
  constructor(s) {
    this.dir = mkdtempSync(join(tmpdir(), 'greenroom-tls-'));
    s.defer(() => rmSync(this.dir, { recursive: true, force: true }));
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=Test CA',
      '-keyout',
      this.path('ca.key'),
      '-out',
      this.path('ca.pem'),
    );
  }
  path(name) {
    return join(this.dir, name);
  }
  get pem() {
    return readFileSync(this.path('ca.pem'));
  }
  /** `NAME.pem` and `NAME.key`, for localhost and 127.0.0.1. */
  issue(name, subject = name) {
    writeFileSync(this.path('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      `/CN=${subject}`,
      '-keyout',
      this.path(`${name}.key`),
      '-out',
      this.path(`${name}.csr`),
    );
    openssl(
      'x509',
      '-req',
      '-days',
      '2',
      '-in',
      this.path(`${name}.csr`),
      '-CA',
      this.path('ca.pem'),
      '-CAkey',
      this.path('ca.key'),
      '-CAcreateserial',
      '-extfile',
      this.path('names'),
      '-out',
      this.path(`${name}.pem`),
    );
  }
  /** Puts another identity in the place of one. */
  replace(name, by) {
    renameSync(this.path(`${by}.key`), this.path(`${name}.key`));
    renameSync(this.path(`${by}.pem`), this.path(`${name}.pem`));
  }
}

/** A node that speaks TLS, with a port in the clear beside it. */
async function secured(s, more = '') {
  const ca = new Authority(s);
  ca.issue('node');
  const node = await s.node({
    listen: 'tls://127.0.0.1:0',
    config: `[tls]\ncertificate = "${ca.path('node.pem')}"\nkey = "${ca.path('node.key')}"\n${more}`,
  });
  node.https = `https://127.0.0.1:${node.port}`;
  node.wss = `wss://127.0.0.1:${node.port}/ws`;
  return { ca, node };
}

/** What curl got: the head and the body. */
function curl(ca, ...args) {
  const { status, stdout, stderr } = spawnSync('curl', [
    '-sS',
    '-i',
    '--max-time',
    '10',
    '--cacert',
    ca.path('ca.pem'),
    ...args,
  ]);
  return { code: status, text: stdout.toString(), error: stderr.toString() };
}

function s_client(node, ca, ...args) {
  const { stdout, stderr } = spawnSync(
    'openssl',
    ['s_client', '-connect', `127.0.0.1:${node.port}`, '-CAfile', ca.path('ca.pem'), ...args],
    { input: '', timeout: 10_000 },
  );
  return stdout.toString() + stderr.toString();
}

/** The subject of the certificate that a new connection sees. */
function shown(node, ca) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: node.port, ca: ca.pem }, () => {
      resolve(socket.getPeerCertificate().subject.CN);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

/** A WebSocket with a session, and a call that waits for its answer. */
async function open(s, node, ca, options = {}) {
  const socket = new WebSocket(node.wss, ['greenroom.json.1'], { ca: ca.pem, ...options });
  s.defer(() => socket.terminate());
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  let id = 0;
  const waiting = new Map();
  const told = [];
  socket.on('message', (bytes) => {
    const message = JSON.parse(bytes);
    if (message.id !== undefined && waiting.has(message.id)) waiting.get(message.id)(message);
    else told.push(message);
  });
  const call = (method, params) =>
    new Promise((resolve) => {
      waiting.set(++id, resolve);
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  const opened = await call('session.open', {});
  assert.ok(opened.result, JSON.stringify(opened));
  return { socket, call, told };
}

scenario('curl: HTTPS is answered, with what browsers are told', async (s) => {
  const { ca, node } = await secured(s);
  for (const version of ['--tlsv1.2', '--tlsv1.3']) {
    const got = curl(ca, version, '--tls-max', version.slice(-3), `${node.https}/health`);
    assert.equal(got.code, 0, got.error);
    assert.match(got.text, /^HTTP\/1\.1 200 /);
    assert.match(got.text, /\r\nStrict-Transport-Security: max-age=31536000\r\n/);
    assert.match(got.text, /\r\nX-Content-Type-Options: nosniff\r\n/);
    assert.match(got.text, /\r\nX-Frame-Options: DENY\r\n/);
    assert.match(got.text, /\r\nReferrer-Policy: no-referrer\r\n/);
    assert.match(got.text, /\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n/);
  }
  const page = curl(ca, `${node.https}/`);
  assert.match(page.text, /Content-Security-Policy: default-src 'none'; script-src 'self';/);
  assert.equal(page.text.match(/Content-Security-Policy/g).length, 1);
  const metrics = curl(ca, `${node.https}/metrics`).text;
  assert.match(metrics, /greenroom_tls_certificate_expires_seconds [1-9]/);
});

scenario('curl: a body of 900 KB goes in, and HTTP in the clear hears what to do', async (s) => {
  const { ca, node } = await secured(s);
  writeFileSync(
    ca.path('body'),
    JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'no.such', params: 'x'.repeat(900_000) }),
  );
  const got = curl(
    ca,
    '-H',
    'Content-Type: application/json',
    '--data-binary',
    `@${ca.path('body')}`,
    `${node.https}/rpc`,
  );
  assert.equal(got.code, 0, got.error);
  assert.match(got.text, /^HTTP\/1\.1 \d+ [\s\S]*jsonrpc/);
  const plain = curl(ca, `http://127.0.0.1:${node.port}/`);
  assert.match(plain.text, /^HTTP\/1\.1 400 /);
  assert.match(plain.text, /this port speaks TLS: use https:\/\/ or wss:\/\//);
});

scenario('openssl: versions, ciphers, protocols and the chain are what they ought to be', async (s) => {
  const { ca, node } = await secured(s);
  const now = s_client(node, ca, '-tls1_3', '-alpn', 'h2,http/1.1');
  assert.match(now, /Verify return code: 0 \(ok\)/);
  assert.match(now, /ALPN protocol: http\/1\.1/);
  assert.match(now, /Cipher is TLS_/);
  const before = s_client(node, ca, '-tls1_2');
  assert.match(before, /Cipher is ECDHE-ECDSA-/);
  assert.match(before, /Secure Renegotiation IS supported/);
  for (const args of [
    ['-tls1', '-cipher', 'DEFAULT:@SECLEVEL=0'],
    ['-tls1_1', '-cipher', 'DEFAULT:@SECLEVEL=0'],
    ['-tls1_2', '-cipher', 'AES128-SHA256'],
    ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA256'],
    ['-alpn', 'h2'],
  ])
    assert.match(
      s_client(node, ca, ...args),
      /alert (protocol version|handshake failure|no application protocol)/,
      args.join(' '),
    );
});

scenario('ws: a room over WSS, with and without compression, and messages of 60 KB', async (s) => {
  const { ca, node } = await secured(s, '[gateway]\ncompression = "deflate"\n');
  const ann = await open(s, node, ca);
  const bob = await open(s, node, ca, { perMessageDeflate: false });
  for (const who of [ann, bob]) assert.ok((await who.call('room.join', { room: 'lobby' })).result);
  const text = 'words, words. '.repeat(4_000);
  for (let i = 0; i < 20; ++i) {
    const said = await ann.call('room.publish', { room: 'lobby', event: 'say', payload: { i, text } });
    assert.ok(said.result, JSON.stringify(said));
  }
  for (const who of [ann, bob])
    await eventually(() => {
      const heard = who.told.filter((m) => JSON.stringify(m).includes('"say"'));
      assert.equal(heard.length, 20);
    });
  assert.match(ann.socket.extensions, /permessage-deflate/);
  assert.equal(bob.socket.extensions, '');
});

scenario('reload: a new certificate is taken on SIGHUP and by itself, and nobody notices', async (s) => {
  const { ca, node } = await secured(s, 'reload_interval_ms = "100ms"\n');
  const ann = await open(s, node, ca);
  let closed = false;
  ann.socket.on('close', () => (closed = true));
  assert.equal(await shown(node, ca), 'node');

  ca.issue('second');
  ca.replace('node', 'second');
  node.child.kill('SIGHUP');
  await eventually(async () => assert.equal(await shown(node, ca), 'second'));
  ca.issue('third');
  ca.replace('node', 'third');
  await eventually(async () => assert.equal(await shown(node, ca), 'third'));

  writeFileSync(ca.path('node.pem'), 'not a certificate\n');
  await eventually(() =>
    assert.match(node.stderr.all.join('\n'), /the old one stays.*node\.pem: this is no certificate/),
  );
  node.child.kill('SIGHUP');
  assert.equal(await shown(node, ca), 'third');
  assert.ok((await ann.call('room.join', { room: 'lobby' })).result);
  assert.equal(closed, false);
});

scenario('client certificates: required ones are asked for, and a stranger is sent away', async (s) => {
  const ca = new Authority(s);
  ca.issue('node');
  ca.issue('alice');
  const other = new Authority(s);
  other.issue('mallory');
  const node = await s.node({
    listen: 'tls://127.0.0.1:0',
    config:
      `[tls]\ncertificate = "${ca.path('node.pem')}"\nkey = "${ca.path('node.key')}"\nclient_certificates = "required"\n` +
      `client_ca = "${ca.path('ca.pem')}"\n`,
  });
  const url = `https://127.0.0.1:${node.port}/health`;
  const mine = (of, name) => ['--cert', of.path(`${name}.pem`), '--key', of.path(`${name}.key`)];
  assert.match(curl(ca, ...mine(ca, 'alice'), url).text, /^HTTP\/1\.1 200 /);
  assert.notEqual(curl(ca, url).code, 0);
  assert.notEqual(curl(ca, ...mine(other, 'mallory'), url).code, 0);
  await eventually(() =>
    assert.match(node.stderr.all.join('\n'), /a TLS handshake failed.*peer did not return a certificate/),
  );
});

scenario('start: what is wrong with the files is said with the file and the reason, exit 78', async (s) => {
  const ca = new Authority(s);
  ca.issue('node');
  ca.issue('other');
  const start = async (...set) => {
    const args = ['serve', '--dev', '--listen', 'tls://127.0.0.1:0', '--data', ca.path('data')];
    const node = s.run([...args, ...set.flatMap((each) => ['--set', each])]);
    return node.result();
  };
  const certificate = `tls.certificate=${ca.path('node.pem')}`;
  for (const [set, said] of [
    [[], /tls\.certificate must name a file/],
    [[certificate], /tls\.key must name a file/],
    [[certificate, 'tls.key=/nowhere/key.pem'], /tls\.key: \/nowhere\/key\.pem: No such file or directory/],
    [[certificate, `tls.key=${ca.path('other.key')}`], /other\.key: this is not the key of .*node\.pem/],
    [
      [certificate, `tls.key=${ca.path('node.key')}`, 'tls.client_certificates=required'],
      /tls\.client_ca must name a file/,
    ],
  ]) {
    const { code, stderr } = await start(...set);
    assert.equal(code, 78, stderr);
    assert.match(stderr, said);
  }
});

scenario('SIGHUP: a node without TLS goes on', async (s) => {
  const node = await s.node();
  node.child.kill('SIGHUP');
  await eventually(() => assert.match(node.stderr.all.join('\n'), /nothing to reload/));
  assert.equal((await fetch(`${node.http}/health`)).status, 200);
});
