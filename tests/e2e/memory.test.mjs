// What an idle session costs the process: a socket, two actors, its places in the node's tables; and with TLS.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { connect as connect_tls } from 'node:tls';
import { Authority } from './authority.mjs';
import { scenario, within } from './harness.mjs';
import { frame } from './raw.mjs';

const kib = 1_024;
const status = ({ pid }, name) =>
  Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`${name}:\\s+(\\d+)`))[1]) * kib;
// A sanitizer's shadow memory; what a session costs there says nothing.
const is_sanitized = (node) => status(node, 'VmSize') > 2 ** 40;

/** An idle session: the node's bytes are read as they come and forgotten. */
async function open(node, number, secure) {
  const address = { host: '127.0.0.1', port: node.port };
  const socket = secure ? connect_tls({ ...address, rejectUnauthorized: false }) : connect(address);
  socket.on('error', () => {});
  const received = (text) =>
    within(
      10_000,
      text,
      new Promise((resolve, reject) => {
        let all = '';
        const hear = (bytes) => {
          all += bytes.toString('latin1');
          if (!all.includes(text)) return;
          socket.off('data', hear);
          resolve();
        };
        socket.on('data', hear);
        socket.once('close', () => reject(new Error(`closed before ${text}: ${all}`)));
      }),
    );
  const upgraded = received('\r\n\r\n');
  socket.write(
    'GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  await upgraded;
  const opened = received('resume_token');
  const call = { jsonrpc: '2.0', id: 1, method: 'session.open', params: { user: `user-${number}` } };
  socket.write(frame({ payload: JSON.stringify(call) }));
  await opened;
  return socket;
}

/** Opens sessions, some at a time, and closes them with the scenario. */
async function crowd(s, node, first, count, secure) {
  for (let n = first; n < first + count; n += 50) {
    const some = await Promise.all(Array.from({ length: 50 }, (_, i) => open(node, n + i, secure)));
    s.defer(() => some.forEach((socket) => socket.destroy()));
  }
}

for (const { what, secure, most } of [
  { what: 'without TLS', secure: false, most: 7 * kib },
  { what: 'with TLS', secure: true, most: 20 * kib + 512 },
])
  scenario(
    `memory: of 2,000 idle sessions ${what} each takes at most ${(most / kib).toFixed(1)} KiB of the process`,
    async (s) => {
      const authority = secure && new Authority();
      if (secure) authority.issue('localhost');
      const node = await s.node({
        listen: secure ? 'tls://127.0.0.1:0' : '127.0.0.1:0',
        config:
          '[node]\nshards = 1\n[gateway]\nping_interval_ms = "10m"\n' +
          (secure
            ? `[tls]\ncertificate = "${authority.path('localhost.pem')}"\nkey = "${authority.path('localhost.key')}"\n`
            : ''),
      });
      if (is_sanitized(node)) return;
      await crowd(s, node, 0, 500, secure); // what a node has once is there
      await new Promise((resolve) => setTimeout(resolve, 500));
      const before = status(node, 'VmRSS');
      await crowd(s, node, 500, 2_000, secure);
      await new Promise((resolve) => setTimeout(resolve, 500)); // what opening borrowed is given back
      const each = (status(node, 'VmRSS') - before) / 2_000;
      console.log(`# an idle session ${what}: ${Math.round(each)} bytes`);
      assert.ok(each <= most, `${Math.round(each)} bytes a session`);
    },
  );
