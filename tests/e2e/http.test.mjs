// HTTP: operations, /rpc, the handshake, and every answer to bad input (docs/protocol.md), by raw sockets.
import assert from 'node:assert/strict';
import { fresh, scenario, sharedNode } from './harness.mjs';
import { Raw, exchange } from './raw.mjs';

const shared = sharedNode();
const error_body = (response) => {
  const body = JSON.parse(response.body);
  assert.deepEqual(Object.keys(body).sort(), ['error', 'message', 'trace']);
  assert.ok(body.message.length > 0 && body.trace.length > 0);
  return body;
};
const get = (path, more = '') => `GET ${path} HTTP/1.1\r\nHost: h\r\n${more}\r\n`;
const post = (path, body, more = 'Content-Type: application/json\r\n') =>
  `POST ${path} HTTP/1.1\r\nHost: h\r\n${more}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const upgrade = ({ version = '13', key = 'dGhlIHNhbXBsZSBub25jZQ==', method = 'GET', path = '/ws', more = '' } = {}) =>
  `${method} ${path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  (key === null ? '' : `Sec-WebSocket-Key: ${key}\r\n`) +
  (version === null ? '' : `Sec-WebSocket-Version: ${version}\r\n`) +
  `${more}\r\n`;

async function rpc(node, request, { type = 'application/json', headers = {} } = {}) {
  const response = await fetch(`${node.http}/rpc`, {
    method: 'POST',
    body: typeof request === 'string' ? request : JSON.stringify(request),
    headers: { 'content-type': type, ...headers },
  });
  const text = await response.text();
  return { status: response.status, text, json: text ? JSON.parse(text) : undefined };
}

scenario('operations: /health and /ready are 200', async () => {
  const node = await shared.get();
  assert.equal((await fetch(`${node.http}/health`)).status, 200);
  assert.equal((await fetch(`${node.http}/ready`)).status, 200);
});

scenario('operations: /status counts what is there', async (s) => {
  const node = await shared.get();
  const status = async () => {
    const response = await fetch(`${node.http}/status`);
    assert.match(response.headers.get('content-type'), /^application\/json/);
    return response.json();
  };
  const before = await status();
  for (const key of ['version', 'shards', 'connections', 'sessions', 'rooms']) assert.ok(key in before, key);
  assert.ok(Object.keys(before).some((key) => key.startsWith('uptime')));
  const ann = await s.client(node, { user: fresh('ann') });
  await ann.join(fresh());
  const after = await status();
  assert.equal(after.sessions, before.sessions + 1);
  assert.equal(after.rooms, before.rooms + 1);
  assert.ok(after.connections > before.connections - 2);
});

scenario('operations: /metrics is Prometheus text with the counters of the contract', async (s) => {
  const node = await shared.get();
  const ann = await s.client(node, { user: fresh('ann') });
  const bin = await s.client(node, { kind: 'msgpack', user: fresh('bin') });
  const room = fresh();
  await ann.join(room);
  await bin.join(room);
  await ann.publish(room, 1);
  await bin.next('room.message');
  await ann.call('no.such.method').catch(() => {});
  const response = await fetch(`${node.http}/metrics`);
  assert.match(response.headers.get('content-type'), /^text\/plain/);
  const text = await response.text();
  for (const line of text.trim().split('\n'))
    assert.match(line, /^(#|[a-zA-Z_:][\w:]*(\{.*\})? [0-9.eE+-]+|.* (NaN|[+-]Inf))/);
  const names = new Set([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name]) => name));
  for (const word of [
    'connections',
    'sessions',
    'rooms',
    'messages_in',
    'messages_out',
    'bytes_in',
    'bytes_out',
    'drop',
    'restart',
    'mailbox',
    'turn',
    'flush',
    'call',
  ])
    assert.ok(
      [...names].some((name) => name.startsWith('greenroom_') && name.includes(word)),
      `${word} in ${[...names].join(' ')}`,
    );
  assert.match(text, /greenroom_\w*\{[^}]*msgpack[^}]*\} [1-9]/);
  assert.match(text, /# TYPE greenroom_\w*turn\w* histogram/);
  assert.match(text, /room\.publish/);
});

scenario('page: / and its files have a type, a policy, and answer 304 to who has them', async () => {
  const node = await shared.get();
  const page = await fetch(`${node.http}/`);
  const html = await page.text();
  assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
  const policy = page.headers.get('content-security-policy');
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
  assert.doesNotMatch(policy, /unsafe|http|\*/);
  const parts = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
  const modules = ['client', 'msgpack', 'json', 'room'].map((name) => `/assets/greenroom/${name}.js`);
  const types = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', svg: 'image/svg+xml' };
  assert.ok(parts.length > 4);
  for (const path of ['/', ...parts, ...modules]) {
    const first = await fetch(node.http + path);
    assert.equal(first.status, 200, path);
    assert.ok((await first.text()).length > 0);
    if (path !== '/') assert.equal(first.headers.get('content-type'), types[path.split('.').pop()], path);
    assert.equal(first.headers.get('x-content-type-options'), 'nosniff', path);
    assert.equal(first.headers.get('access-control-allow-origin'), null, `${path}: nobody has asked`);
    const again = await exchange(node, get(path, `If-None-Match: "x", ${first.headers.get('etag')}\r\n`));
    assert.deepEqual([again.status, again.body], [304, ''], path);
    const other = await exchange(node, get(path, 'If-None-Match: "x"\r\n'));
    assert.equal(other.status, 200, path);
  }
});

scenario('page: HEAD has the fields and no body, what is not there is 404, what does not read is 405', async () => {
  const node = await shared.get();
  const head = await fetch(`${node.http}/assets/page/page.js`, { method: 'HEAD' });
  assert.ok(Number(head.headers.get('content-length')) > 100);
  assert.equal(await head.text(), '');
  for (const path of [
    '/assets/',
    '/assets/page/',
    '/assets/page/none.js',
    '/assets/greenroom/../page/page.js',
    '/index.html',
  ])
    assert.equal((await exchange(node, get(path))).status, 404, path);
  const posted = await fetch(`${node.http}/assets/page/page.js`, { method: 'POST' });
  assert.deepEqual([posted.status, posted.headers.get('allow')], [405, 'GET, HEAD']);
});

scenario('rpc: a call, a batch and a notification, in JSON and in MessagePack', async () => {
  const node = await shared.get();
  const room = fresh();
  const params = { room, event: 'e', payload: 1 };
  const one = await rpc(node, { jsonrpc: '2.0', id: 1, method: 'room.publish', params });
  assert.deepEqual([one.status, one.json.id, one.json.result.seq], [200, 1, 1]);
  const batch = await rpc(node, [
    { jsonrpc: '2.0', id: 1, method: 'room.publish', params },
    { jsonrpc: '2.0', id: 2, method: 'room.history', params: { room } },
  ]);
  assert.equal(batch.json.length, 2);
  const quiet = await rpc(node, { jsonrpc: '2.0', method: 'room.publish', params });
  assert.deepEqual([quiet.status, quiet.text], [204, '']);
  const { encode, decode } = await import('@msgpack/msgpack');
  const binary = await fetch(`${node.http}/rpc`, {
    method: 'POST',
    headers: { 'content-type': 'application/msgpack' },
    body: encode({ id: 5, method: 'room.history', params: { room, limit: 1 } }),
  });
  assert.match(binary.headers.get('content-type'), /msgpack/);
  assert.equal(decode(new Uint8Array(await binary.arrayBuffer())).result.last, 3);
});

scenario('rpc: what needs a connection is -32600, errors of JSON-RPC are answered with 200', async () => {
  const node = await shared.get();
  for (const [method, params] of [
    ['room.join', { room: 'a' }],
    ['room.leave', { room: 'a' }],
    ['inbox.ack', { upto: 1 }],
  ]) {
    const { status, json } = await rpc(node, { jsonrpc: '2.0', id: 1, method, params });
    assert.deepEqual([status, json.error?.code], [200, -32600], method);
  }
  assert.equal((await rpc(node, { jsonrpc: '2.0', id: 1, method: 'no.such' })).json.error.code, -32601);
  assert.equal((await rpc(node, '{')).json.error.code, -32700);
});

scenario('http: keep-alive serves request after request, pipelined ones in order', async () => {
  const node = await shared.get();
  const raw = await Raw.connect(node);
  raw.write(get('/health') + get('/no-such') + get('/health', 'Connection: close\r\n'));
  await raw.closed;
  const codes = [...raw.received.toString('latin1').matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code);
  assert.deepEqual(codes, ['200', '404', '200']);
});

scenario('http: HEAD has the fields of GET and no body', async () => {
  const node = await shared.get();
  const response = await fetch(`${node.http}/health`, { method: 'HEAD' });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), '');
});

const malformed = {
  'no HTTP at all': 'hello\r\n\r\n',
  'a request line without a version': 'GET /health\r\nHost: h\r\n\r\n',
  'no Host': 'GET /health HTTP/1.1\r\n\r\n',
  'two Hosts': get('/health', 'Host: other\r\n'),
  'both Content-Length and Transfer-Encoding':
    'POST /rpc HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'two different lengths': 'POST /rpc HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
  'a list of lengths': 'POST /rpc HTTP/1.1\r\nHost: h\r\nContent-Length: 2, 2\r\n\r\n{}',
  'a length that is no number': 'POST /rpc HTTP/1.1\r\nHost: h\r\nContent-Length: two\r\n\r\n{}',
  'a negative length': 'POST /rpc HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n',
  'a transfer coding that is not chunked': 'POST /rpc HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n',
  'a bad chunk size':
    'POST /rpc HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
  'bare line feeds': 'GET /health HTTP/1.1\nHost: h\n\n',
  'a bare line feed between fields': 'GET /health HTTP/1.1\r\nHost: h\nX: y\r\n\r\n',
  'a NUL in a field': get('/health', 'X: a\0b\r\n'),
  'a NUL in the target': 'GET /hea\0lth HTTP/1.1\r\nHost: h\r\n\r\n',
  'a folded field (obs-fold)': get('/health', 'X: a\r\n b\r\n'),
  'a space before the colon': get('/health', 'X : y\r\n'),
  'a field without a colon': get('/health', 'nonsense\r\n'),
  'a control character in a field’s name': get('/health', 'X\x01: y\r\n'),
};
for (const [what, bytes] of Object.entries(malformed)) {
  scenario(`400: ${what}, and the connection ends`, async () => {
    const response = await exchange(await shared.get(), Buffer.from(bytes, 'latin1'));
    assert.equal(response.status, 400);
    assert.equal(response.closes, true);
    error_body(response);
  });
}

scenario('505: a version of HTTP that does not exist', async () => {
  const response = await exchange(await shared.get(), 'GET /health HTTP/3.7\r\nHost: h\r\n\r\n');
  assert.deepEqual([response.status, response.closes], [505, true]);
  error_body(response);
});

scenario('404: a path that does not exist', async () => {
  const response = await exchange(await shared.get(), get('/no/such/path'));
  assert.deepEqual([response.status, error_body(response).error], [404, 'not_found']);
  assert.equal(response.closes, false);
});

scenario('405: another method, with Allow', async () => {
  const node = await shared.get();
  for (const [request, allow] of [
    [get('/rpc'), /POST/],
    [post('/health', ''), /GET/],
    ['DELETE /metrics HTTP/1.1\r\nHost: h\r\n\r\n', /GET/],
    [upgrade({ method: 'POST' }), /GET/],
  ]) {
    const response = await exchange(node, request);
    assert.equal(response.status, 405, request);
    assert.match(response.headers.allow, allow);
    error_body(response);
  }
});

scenario('413: a body over 1 MiB, declared or chunked, before it is read', async () => {
  const node = await shared.get();
  const declared = await exchange(
    node,
    'POST /rpc HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 1048577\r\n\r\n',
  );
  assert.equal(declared.status, 413);
  assert.equal(declared.closes, true);
  error_body(declared);
  const chunk = 'x'.repeat(0x10000);
  const chunked = await exchange(
    node,
    `POST /rpc HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${`10000\r\n${chunk}\r\n`.repeat(17)}`,
  );
  assert.equal(chunked.status, 413);
});

scenario('414: a request line over 4 KiB', async () => {
  const node = await shared.get();
  assert.equal((await exchange(node, get(`/${'x'.repeat(4_000)}`))).status, 404);
  const response = await exchange(node, get(`/${'x'.repeat(4_096)}`));
  assert.equal(response.status, 414);
  error_body(response);
});

scenario('415: a body of another type', async () => {
  const node = await shared.get();
  const response = await exchange(node, post('/rpc', '{}', 'Content-Type: text/plain\r\n'));
  assert.equal(response.status, 415);
  error_body(response);
});

scenario('426: /ws without an upgrade, or with another version, names version 13', async () => {
  const node = await shared.get();
  for (const request of [get('/ws'), upgrade({ version: '8' }), upgrade({ version: null })]) {
    const response = await exchange(node, request);
    assert.equal(response.status, 426, request);
    assert.equal(response.headers['sec-websocket-version'], '13');
    error_body(response);
  }
});

scenario('400: a handshake with a bad key', async () => {
  const node = await shared.get();
  for (const key of [null, '', 'short', 'dGhlIHNhbXBsZSBub25jZQ', 'a'.repeat(24)]) {
    const response = await exchange(node, upgrade({ key }));
    assert.equal(response.status, 400, String(key));
    error_body(response);
  }
});

scenario('404: a handshake on a path that speaks no WebSocket', async () => {
  const response = await exchange(await shared.get(), upgrade({ path: '/nowhere' }));
  assert.equal(response.status, 404);
});

scenario('403: a browser page of another origin', async () => {
  const node = await shared.get();
  const foreign = await exchange(node, upgrade({ more: 'Origin: https://evil.example\r\n' }));
  assert.equal(foreign.status, 403);
  error_body(foreign);
});

scenario('431: headers over 8 KiB, or over 64 fields', async () => {
  const node = await shared.get();
  const long = await exchange(node, get('/health', `X: ${'y'.repeat(8_200)}\r\n`));
  assert.equal(long.status, 431);
  error_body(long);
  const fields = (count) => Array.from({ length: count }, (_, i) => `X-${i}: y\r\n`).join('');
  assert.equal((await exchange(node, get('/health', fields(63)))).status, 200); // Host is the 64th
  assert.equal((await exchange(node, get('/health', fields(64)))).status, 431);
});

shared.stops();

scenario('408: a header or a body that does not come in time', async (s) => {
  const node = await s.node({ config: '[gateway]\nheader_timeout_ms = 200\nbody_timeout_ms = 200\n' });
  for (const part of [
    'GET /hea',
    'GET /health HTTP/1.1\r\nHost: h\r\n',
    'POST /rpc HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{}',
  ]) {
    const response = await exchange(node, part);
    assert.equal(response.status, 408, part);
    assert.equal(response.closes, true);
    error_body(response);
  }
});

scenario('http: a connection that asks nothing more is closed without a word', async (s) => {
  const node = await s.node({ config: '[gateway]\nidle_timeout_ms = 200\n' });
  const raw = await Raw.connect(node);
  raw.write(get('/health'));
  await raw.closed;
  assert.equal(raw.received.toString('latin1').match(/HTTP\/1\.1 \d+/g).length, 1);
});

scenario('503: more connections than the config allows, with Retry-After', async (s) => {
  const node = await s.node({ config: '[node]\nshards = 1\n[gateway]\nconnections_max = 3\n' });
  const clients = [];
  for (let i = 0; i < 3; ++i) clients.push(await s.client(node, { user: fresh('ann') }));
  const response = await exchange(node, get('/health'));
  assert.equal(response.status, 503);
  assert.ok(Number(response.headers['retry-after']) >= 1);
  error_body(response);
  await clients[0].end();
  const again = await s.client(node, { user: fresh('ann') });
  assert.ok(again.session);
});

scenario('401: where anonymous access is off, /rpc wants a token and so does the first call on /ws', async (s) => {
  const node = await s.node({ dev: false });
  const response = await exchange(
    node,
    post('/rpc', '{"jsonrpc":"2.0","id":1,"method":"room.history","params":{"room":"a"}}'),
  );
  assert.equal(response.status, 401);
  error_body(response);
  const client = await s.client(node);
  await assert.rejects(client.open({ user: 'ann' }), (error) => error.code === -32001);
  await assert.rejects(client.join('lobby'), (error) => error.code === -32001);
  await node.stop();
  const refused = node.stderr.all.filter((line) => line.includes('status=-32001'));
  assert.deepEqual(
    refused.map((line) => /method=(\S+)/.exec(line)?.[1]),
    ['session.open', 'room.join'], // one line of the access log for each refused call
  );
});
