// The edge: which pages may talk to the node, whom it believes about a client's address, and what it does when
// descriptors are short. Proxies are the real ones, nginx and haproxy, where they are installed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client } from './client.mjs';
import { binary, eventually, fresh, scenario, scratch, within } from './harness.mjs';
import { Raw, exchange } from './raw.mjs';

const places = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
const tool = (name) => places.map((place) => join(place, name)).find((path) => existsSync(path));
const [nginx, haproxy] = ['nginx', 'haproxy'].map(tool);
/** Where a proxy is not installed its scenarios say so. */
const scenario_with = (program, name, body) => (program ? scenario(name, body) : test.skip(name));

const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
const upgrade = (path, more = '', host = 'node.example') =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${key}${more}\r\n`;
const request = (method, path, more = '', body = '', host = 'node.example') =>
  `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n` +
  (body ? `Content-Length: ${Buffer.byteLength(body)}\r\n` : '') +
  `${more}\r\n${body}`;

const metric = async (node, name, headers = {}) => {
  const text = await (await fetch(`${node.http}/metrics`, { headers })).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return line ? Number(line.slice(name.length + 1)) : undefined;
};
const refused = (node, reason, headers) => metric(node, `greenroom_edge_refused_total{reason="${reason}"}`, headers);

const free_port = async () => {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
};

// --- origins ---

const listed = '[access]\nallowed_origins = ["https://app.example", "https://*.wild.example", "http://[::1]:3000"]\n';
const bare = '[endpoint.bare]\npath = "/bare"\nprotocol = "websocket"\nchannel = "nobody"\n';
const upgrades = ['/ws', '/socket/websocket?vsn=2.0.0', '/socket.io/?EIO=4&transport=websocket', '/bare'];
const plain = [
  ['GET', '/socket.io/?EIO=4&transport=polling', '', ''],
  ['GET', '/socket/longpoll?vsn=2.0.0', '', ''],
  ['POST', '/rpc', 'Content-Type: application/json\r\n', '{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}'],
];
const good = ['https://app.example', 'https://a.wild.example', 'http://[::1]:3000'];
const bad = [
  'https://evil.example',
  'null',
  '',
  'http://app.example',
  'https://app.example.evil.example',
  'https://evilapp.example',
  'https://APP.example',
  'https://app.example:443',
  'https://app.example:8443',
  'https://app.example/',
  'https://user@app.example',
  'https://wild.example',
  'https://a.b.wild.example',
  'https://evilwild.example',
  'http://node.example', // of a guest's node a name is not its own
  'https://node.example',
  'http://node.example:8080',
  'https://\u0430pp.example',
];

scenario('origins: on every way in a page of an allowed origin may come, and of any other hears 403', async (s) => {
  const node = await s.node({ config: listed + bare });
  const before = await refused(node, 'foreign_origin');
  let count = 0;
  for (const path of upgrades) {
    for (const origin of good) {
      const raw = await Raw.connect(node);
      raw.write(upgrade(path, `Origin: ${origin}\r\n`));
      const head = await raw.until((bytes) => (bytes.includes('\r\n') ? bytes.toString() : undefined), 'an answer');
      await raw.end();
      assert.match(head, /^HTTP\/1.1 101/, `${path} ${origin}`);
    }
    for (const origin of bad) {
      const answer = await exchange(node, upgrade(path, `Origin: ${origin}\r\n`), { wait_close_ms: 0 });
      assert.equal(answer.status, 403, `${path} ${origin}`);
      assert.equal(answer.headers['access-control-allow-origin'], undefined);
      ++count;
    }
  }
  for (const [method, path, more, body] of plain) {
    for (const origin of good) {
      const answer = await exchange(node, request(method, path, `${more}Origin: ${origin}\r\n`, body), {
        wait_close_ms: 0,
      });
      assert.equal(answer.status, 200, `${path} ${origin} ${answer.body}`);
      assert.equal(answer.headers['access-control-allow-origin'], origin, path);
      assert.match(answer.headers.vary, /Origin/, path);
    }
    for (const origin of bad) {
      const answer = await exchange(node, request(method, path, `${more}Origin: ${origin}\r\n`, body), {
        wait_close_ms: 0,
      });
      assert.ok(answer.status === 403 || answer.body === '{"status":403}', `${path} ${origin} ${answer.status}`);
      assert.equal(answer.headers['access-control-allow-origin'], undefined, path);
      ++count;
    }
    const two = `Origin: https://app.example\r\nOrigin: https://app.example\r\n`;
    const answer = await exchange(node, request(method, path, more + two, body), { wait_close_ms: 0 });
    assert.ok(answer.status === 403 || answer.body === '{"status":403}', path);
    ++count;
  }
  assert.equal(await refused(node, 'foreign_origin'), before + count);
  const lines = readFileSync(node.log, 'utf8').split('\n');
  assert.equal(lines.filter((line) => line.includes('origin that is not allowed')).length, 1, 'one line a minute');
});

scenario(
  'CORS: a preflight of an allowed origin names methods, fields and time; of others it says nothing',
  async (s) => {
    const node = await s.node({ config: listed });
    const asks =
      'Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization, content-type\r\n';
    for (const [path, methods, credentials] of [
      ['/rpc', 'POST', undefined],
      ['/socket.io/?EIO=4&transport=polling', 'GET, POST, OPTIONS', 'true'],
      ['/socket/longpoll?vsn=2.0.0', 'GET, POST, OPTIONS', undefined],
    ]) {
      const yes = await exchange(node, request('OPTIONS', path, `Origin: https://app.example\r\n${asks}`), {
        wait_close_ms: 0,
      });
      assert.equal(yes.status, 204, path);
      assert.equal(yes.headers['access-control-allow-origin'], 'https://app.example', path);
      assert.equal(yes.headers['access-control-allow-methods'], methods, path);
      assert.equal(yes.headers['access-control-allow-headers'], 'authorization, content-type', path);
      assert.equal(yes.headers['access-control-allow-credentials'], credentials, path);
      assert.equal(yes.headers['access-control-max-age'], '600', path);
      const no = await exchange(node, request('OPTIONS', path, `Origin: https://evil.example\r\n${asks}`), {
        wait_close_ms: 0,
      });
      for (const name of Object.keys(no.headers)) assert.doesNotMatch(name, /^access-control/, path);
    }
    const plain_options = await exchange(node, request('OPTIONS', '/rpc'), { wait_close_ms: 0 });
    assert.equal(plain_options.status, 405);
    assert.equal(plain_options.headers.allow, 'POST');
    const module = (origin) =>
      exchange(node, request('GET', '/assets/greenroom/index.js', origin), { wait_close_ms: 0 });
    assert.equal(
      (await module('Origin: https://app.example\r\n')).headers['access-control-allow-origin'],
      'https://app.example',
    );
    assert.equal((await module('Origin: https://evil.example\r\n')).headers['access-control-allow-origin'], undefined);
    const answer = await exchange(
      node,
      request('POST', '/rpc', 'Origin: https://app.example\r\nContent-Type: text/plain\r\n', 'x'),
      { wait_close_ms: 0 },
    );
    assert.deepEqual([answer.status, answer.headers['access-control-allow-origin']], [415, 'https://app.example']);
  },
);

scenario('origins: a name that somebody’s DNS leads to this machine is not the node’s own for guests', async (s) => {
  const node = await s.node();
  const port = node.port;
  const ask = (host, origin) => exchange(node, upgrade('/ws', `Origin: ${origin}\r\n`, host), { wait_close_ms: 0 });
  assert.equal((await ask(`rebound.example:${port}`, `http://rebound.example:${port}`)).status, 403);
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`]) {
    const raw = await Raw.connect(node);
    raw.write(upgrade('/ws', `Origin: http://${host}\r\n`, host));
    await raw.until((bytes) => bytes.includes('HTTP/1.1 101') || undefined, host);
    await raw.end();
  }
});

// --- config ---

scenario('config: a bad origin or proxy stops the start with 78, its key, and what is expected', async (s) => {
  for (const [setting, key_name, expected] of [
    ['access.allowed_origins=https://example.org/', 'access.allowed_origins', /as browsers send them/],
    ['access.allowed_origins=https://*.org', 'access.allowed_origins', /https:\/\/\*\.example\.org/],
    ['access.allowed_origins=*', 'access.allowed_origins', /as browsers send them/],
    ['gateway.proxies=10.0.0.1/8', 'gateway.proxies', /no bit set behind their prefix/],
    ['gateway.proxies=localhost', 'gateway.proxies', /10\.0\.0\.0\/8/],
    ['gateway.proxy_protocol=true', 'gateway.proxy_protocol', /gateway\.proxies/],
  ]) {
    const run = s.run(['serve', '--listen', '127.0.0.1:0', '--data', scratch(), '--set', setting]);
    const { code, stderr } = await run.result();
    assert.equal(code, 78, setting);
    assert.ok(stderr.includes(key_name), stderr);
    assert.match(stderr, expected);
  }
});

// --- proxies ---

const rpc = '{"jsonrpc":"2.0","id":1,"method":"presence.online"}';
const anonymous_call = async (at, more = '') =>
  (
    await exchange(at, request('POST', '/rpc', `Content-Type: application/json\r\n${more}`, rpc, '127.0.0.1'), {
      wait_close_ms: 0,
    })
  ).status;

scenario('proxies: a guest of this machine is none where a proxy that nobody has listed speaks for it', async (s) => {
  const node = await s.node();
  assert.equal(await anonymous_call(node), 200);
  for (const mark of [
    'X-Forwarded-For: 127.0.0.1',
    'Forwarded: for=127.0.0.1',
    'X-Real-IP: 127.0.0.1',
    'Via: 1.1 nginx',
  ])
    assert.equal(await anonymous_call(node, `${mark}\r\n`), 401, mark);
});

scenario('proxies: behind a listed one the forwarded address decides who is here', async (s) => {
  const node = await s.node({ config: '[gateway]\nproxies = ["127.0.0.1"]\n' });
  const here = { 'X-Forwarded-For': '127.0.0.1' };
  const before = await refused(node, 'bad_forwarded', here);
  assert.equal(await anonymous_call(node), 401);
  assert.equal(await anonymous_call(node, 'X-Forwarded-For: 127.0.0.1\r\n'), 200);
  assert.equal(await anonymous_call(node, 'X-Forwarded-For: 203.0.113.9\r\n'), 401);
  assert.equal(await anonymous_call(node, 'X-Forwarded-For: 127.0.0.1, 203.0.113.9\r\n'), 401);
  assert.equal(await anonymous_call(node, 'X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 203.0.113.9\r\n'), 401);
  for (let i = 0; i < 3; ++i) assert.equal(await anonymous_call(node, 'X-Forwarded-For: nobody\r\n'), 401);
  assert.equal(await refused(node, 'bad_forwarded', here), before + 3);
  await eventually(() => {
    const log = readFileSync(node.log, 'utf8');
    assert.match(log, /203\.0\.113\.9:0/);
    assert.equal(log.split('X-Forwarded-For of listed proxies could not be read').length, 2, 'one line a minute');
  });
});

/** A proxy in the foreground, ready once its port answers. */
const start_proxy = async (s, program, args, port) => {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  const ended = new Promise((resolve) => child.on('close', resolve));
  s.defer(() => {
    child.kill('SIGTERM');
    return within(5_000, 'the proxy to end', ended);
  });
  await eventually(
    () =>
      new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => resolve(socket.destroy()));
        socket.on('error', () => reject(new Error(`${program} is not ready: ${said}`)));
      }),
  );
  return { host: '127.0.0.1', port, http: `http://127.0.0.1:${port}`, url: `ws://127.0.0.1:${port}/ws` };
};

scenario_with(
  nginx,
  'nginx: clients behind it are who it says, in calls and on WebSockets, and what they forge is void',
  async (s) => {
    const node = await s.node({ config: '[gateway]\nproxies = ["127.0.0.1"]\n' });
    const [port, dir] = [await free_port(), scratch()];
    writeFileSync(
      join(dir, 'nginx.conf'),
      `daemon off; master_process off; pid ${dir}/pid; error_log stderr; worker_processes 1;
     events { worker_connections 64; }
     http {
       access_log off;
       ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((each) => `${each}_temp_path ${dir}/${each};`).join(' ')}
       server {
         listen 127.0.0.1:${port};
         location / {
           proxy_pass ${node.http};
           proxy_http_version 1.1;
           proxy_set_header Host $http_host;
           proxy_set_header Upgrade $http_upgrade;
           proxy_set_header Connection $http_connection;
           proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
           proxy_set_header X-Forwarded-Proto $scheme;
         }
         location /elsewhere/ {
           proxy_pass ${node.http}/;
           proxy_set_header X-Forwarded-For "$http_x_forwarded_for, 203.0.113.77";
         }
       }
     }`,
    );
    const front = await start_proxy(s, nginx, ['-p', dir, '-c', join(dir, 'nginx.conf')], port);
    const client = await Client.connect(front.url);
    s.defer(() => client.end());
    await client.open({ user: fresh('ann') });
    assert.ok((await client.publish(fresh(), 'hello')).id);
    const call = (path, more = '') =>
      exchange(
        front,
        request(
          'POST',
          path,
          `Content-Type: application/json\r\nConnection: close\r\n${more}`,
          rpc,
          `127.0.0.1:${port}`,
        ),
      );
    assert.equal((await call('/rpc')).status, 200);
    assert.equal((await call('/rpc', 'X-Forwarded-For: 127.0.0.1\r\n')).status, 200); // the client is here all the same
    assert.equal((await call('/elsewhere/rpc', 'X-Forwarded-For: 127.0.0.1\r\n')).status, 401);
    await eventually(() => assert.match(readFileSync(node.log, 'utf8'), /203\.0\.113\.77:0/));
    const page = await exchange(front, upgrade('/ws', `Origin: http://127.0.0.1:${port}\r\n`, `127.0.0.1:${port}`));
    assert.equal(page.status ?? 101, 101);
  },
);

const start_haproxy = async (s, node, sending) => {
  const [port, dir] = [await free_port(), scratch()];
  writeFileSync(
    join(dir, 'haproxy.cfg'),
    `global
       maxconn 100
     defaults
       mode tcp
       timeout connect 5s
       timeout client 30s
       timeout server 30s
     listen front
       bind 127.0.0.1:${port}
       server node 127.0.0.1:${node.port} ${sending}\n`,
  );
  return start_proxy(s, haproxy, ['-db', '-f', join(dir, 'haproxy.cfg')], port);
};

scenario_with(
  haproxy,
  'haproxy: its PROXY protocol, version 2, says where clients are; version 1 is cut off',
  async (s) => {
    const node = await s.node({
      config: '[gateway]\nproxies = ["127.0.0.1"]\nproxy_protocol = true\n[log]\nformat = "json"\n',
    });
    // Whoever comes without a header is cut off, so the node's figures are read through the proxy as well.
    const front = await start_haproxy(s, node, 'send-proxy-v2 proxy-v2-options unique-id,crc32c');
    const own = connect(front.port, '127.0.0.1');
    await new Promise((resolve) => own.once('connect', resolve));
    const from = `127.0.0.1:${own.localPort}`;
    own.write(request('GET', '/health'));
    await new Promise((resolve) => own.once('data', resolve));
    own.destroy();
    await eventually(() => assert.ok(readFileSync(node.log, 'utf8').includes(`"peer":"${from}"`), from));
    const client = await Client.connect(front.url);
    s.defer(() => client.end());
    await client.open({ user: fresh('ann') });
    assert.ok((await client.publish(fresh(), 'hello')).id);
    const old = await start_haproxy(s, node, 'send-proxy');
    assert.equal((await exchange(old, request('GET', '/health'))).status, undefined);
    assert.equal((await exchange(node, request('GET', '/health'))).status, undefined);
    assert.ok((await refused({ http: front.http }, 'bad_proxy')) >= 2);
  },
);

// --- descriptors ---

const cpu_ticks = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  return Number(fields[11]) + Number(fields[12]);
};

scenario(
  'descriptors: at the bound clients hear 503, the node stores on, rests, and lets in whom it has room for',
  async (s) => {
    const node = await s.node({
      program: 'prlimit',
      command: ['--nofile=220:220', binary, 'serve'],
      args: ['--shards', '1'],
    });
    await eventually(() =>
      assert.match(readFileSync(node.log, 'utf8'), /fewer descriptors than gateway.connections_max/),
    );
    const client = await s.client(node, { user: fresh('ann') });
    const room = `durable:${fresh()}`;
    await client.publish(room, 'before', { ack: 'durable' });
    const crowd = [];
    s.defer(() => Promise.all(crowd.map((each) => each.end())));
    for (let i = 0; i < 400; ++i) crowd.push(await Raw.connect(node));
    const told = await eventually(() => {
      const heard = crowd.filter((each) => each.received.includes('HTTP/1.1 503'));
      assert.ok(heard.length > 0);
      return heard[0].received.toString();
    });
    assert.match(told, /\r\nRetry-After: \d+\r\n/);
    const before = cpu_ticks(node.pid);
    for (let i = 0; i < 20; ++i) assert.ok((await client.publish(room, i, { ack: 'durable' })).id);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const used = cpu_ticks(node.pid) - before;
    assert.ok(used < 100, `${used} of 200 ticks of CPU in two seconds of a full node`);
    await Promise.all(crowd.splice(0).map((each) => each.end()));
    await eventually(async () => assert.equal((await fetch(`${node.http}/health`)).status, 200));
  },
);

scenario('descriptors: the node takes what the process may take', async (s) => {
  const node = await s.node({ program: 'prlimit', command: ['--nofile=64:4096', binary, 'serve'] });
  const limits = readFileSync(`/proc/${node.pid}/limits`, 'latin1');
  assert.match(limits, /Max open files\s+4096\s+4096/);
});

// --- slow clients ---

scenario('slow: a WebSocket message that drips is closed with 1008 slow_message, and counted', async (s) => {
  const { RawWebSocket, frame } = await import('./raw.mjs');
  const node = await s.node({ config: '[gateway]\nbody_timeout_ms = 300\n' });
  const socket = await RawWebSocket.connect(node);
  s.defer(() => socket.end());
  const bytes = frame({ opcode: 2, payload: 'x'.repeat(1_000) });
  const timer = setInterval(() => socket.raw.over || socket.send(bytes.subarray(10, 11)), 50);
  socket.send(bytes.subarray(0, 10));
  try {
    assert.deepEqual(await socket.close_of(5_000), { code: 1008, reason: 'slow_message' });
  } finally {
    clearInterval(timer);
  }
  assert.equal(await refused(node, 'slow_message'), 1);
});
