// Engine.IO v4, by raw HTTP and WebSocket clients: the cases of the published suite (engine.io-protocol/test-suite) under
// their names, and what the document says beyond them. The node carries bare messages to a service that gives them back.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { binary, eventually, patience, scenario, sharedNode, within } from './harness.mjs';

const built = process.env.GREENROOM_TEST_PLUGINS ?? join(binary, '..', 'tests');
// As long as the published suite's, or longer where a slow node's pings would come between two requests.
const ping_interval_ms = 300 * patience;
const ping_timeout_ms = 200 * patience;
const max_payload = 100_000;
const config = `[node]
shards = 2
[plugins]
load = ["${join(built, 'parrot.so')}"]
[endpoint.raw]
path = "/engine.io/"
protocol = "engineio"
channel = "echo"
ping_interval_ms = ${ping_interval_ms}
ping_timeout_ms = ${ping_timeout_ms}
message_bytes_max = ${max_payload}
`;
const shared = sharedNode({ config });

const url = (node, query) => `${node.http}/engine.io/?${query}`;
const get = (node, query, options) => fetch(url(node, query), options);
const poll = (node, sid, options) => get(node, `EIO=4&transport=polling&sid=${sid}`, options);
const push = (node, sid, body, headers) =>
  fetch(url(node, `EIO=4&transport=polling&sid=${sid}`), { method: 'POST', body, headers });
async function open(node) {
  const response = await get(node, 'EIO=4&transport=polling');
  assert.equal(response.status, 200);
  return JSON.parse((await response.text()).substring(1)).sid;
}
/** A WebSocket with what it has heard; `next()` waits for one message. */
function socket(s, node, query) {
  const ws = new WebSocket(url(node, query).replace('http', 'ws'));
  const heard = [];
  const waiting = [];
  ws.on('message', (data, is_binary) => {
    const one = is_binary ? data : data.toString();
    waiting.length ? waiting.shift()(one) : heard.push(one);
  });
  ws.on('error', () => {});
  ws.closes = new Promise((resolve) => ws.on('close', (code) => resolve(code)));
  ws.opens = new Promise((resolve, reject) => {
    ws.on('open', resolve);
    ws.on('unexpected-response', (_, response) => {
      reject(Object.assign(new Error(`status ${response.statusCode}`), { status: response.statusCode, response }));
    });
  });
  ws.opens.catch(() => {});
  ws.next = () =>
    within(5_000, 'a message', heard.length ? Promise.resolve(heard.shift()) : new Promise((resolve) => waiting.push(resolve)));
  s.defer(() => ws.terminate());
  return ws;
}
async function connected(s, node) {
  const ws = socket(s, node, 'EIO=4&transport=websocket');
  assert.match(await ws.next(), /^0\{/);
  return ws;
}
const refusal = async (response, status, code, message) => {
  assert.equal(response.status, status);
  assert.deepEqual(await response.json(), { code, message });
};
const refused_socket = (ws) =>
  ws.opens.then(
    () => assert.fail('the WebSocket opened'),
    ({ status }) => status,
  );

// --- handshake

scenario('engine.io: handshake, HTTP long-polling: should successfully open a session', async () => {
  const node = await shared.get();
  const response = await get(node, 'EIO=4&transport=polling');
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /^text\/plain/);
  const content = await response.text();
  assert.equal(content[0], '0');
  const { sid, ...rest } = JSON.parse(content.substring(1));
  assert.equal(typeof sid, 'string');
  assert.deepEqual(rest, {
    upgrades: ['websocket'],
    pingInterval: ping_interval_ms,
    pingTimeout: ping_timeout_ms,
    maxPayload: max_payload,
  });
});

scenario('engine.io: handshake, HTTP long-polling: should fail with an invalid EIO query parameter', async () => {
  const node = await shared.get();
  await refusal(await get(node, 'transport=polling'), 400, 5, 'Unsupported protocol version');
  await refusal(await get(node, 'EIO=abc&transport=polling'), 400, 5, 'Unsupported protocol version');
});

scenario('engine.io: handshake, HTTP long-polling: should fail with an invalid transport query parameter', async () => {
  const node = await shared.get();
  await refusal(await get(node, 'EIO=4'), 400, 0, 'Transport unknown');
  await refusal(await get(node, 'EIO=4&transport=abc'), 400, 0, 'Transport unknown');
});

scenario('engine.io: handshake, HTTP long-polling: should fail with an invalid request method', async () => {
  const node = await shared.get();
  for (const method of ['POST', 'PUT']) {
    const response = await get(node, 'EIO=4&transport=polling', { method });
    await refusal(response, 400, 2, 'Bad handshake method');
  }
});

scenario('engine.io: handshake, WebSocket: should successfully open a session', async (s) => {
  const ws = socket(s, await shared.get(), 'EIO=4&transport=websocket');
  const { sid, ...rest } = JSON.parse((await ws.next()).substring(1));
  assert.equal(typeof sid, 'string');
  assert.deepEqual(rest, {
    upgrades: [],
    pingInterval: ping_interval_ms,
    pingTimeout: ping_timeout_ms,
    maxPayload: max_payload,
  });
});

scenario('engine.io: handshake, WebSocket: should fail with an invalid EIO or transport query parameter', async (s) => {
  const node = await shared.get();
  for (const query of ['transport=websocket', 'EIO=abc&transport=websocket', 'EIO=4', 'EIO=4&transport=abc'])
    assert.equal(await refused_socket(socket(s, node, query)), 400);
});

// --- message

scenario('engine.io: message, HTTP long-polling: should send and receive a payload containing one text packet', async () => {
  const node = await shared.get();
  const sid = await open(node);
  const pushed = await push(node, sid, '4hello');
  assert.deepEqual([pushed.status, await pushed.text()], [200, 'ok']);
  const polled = await poll(node, sid);
  assert.deepEqual([polled.status, await polled.text()], [200, '4hello']);
});

scenario('engine.io: message, HTTP long-polling: should send and receive a payload containing several text packets', async () => {
  const node = await shared.get();
  const sid = await open(node);
  assert.equal((await push(node, sid, '4test1\x1e4test2\x1e4test3')).status, 200);
  let heard = '';
  while (heard.split('\x1e').length < 3) heard += (heard && '\x1e') + (await (await poll(node, sid)).text());
  assert.equal(heard, '4test1\x1e4test2\x1e4test3');
});

scenario('engine.io: message, HTTP long-polling: should send and receive text and binary packets', async () => {
  const node = await shared.get();
  const sid = await open(node);
  assert.equal((await push(node, sid, '4hello\x1ebAQIDBA==')).status, 200);
  let heard = '';
  while (heard.split('\x1e').length < 2) heard += (heard && '\x1e') + (await (await poll(node, sid)).text());
  assert.equal(heard, '4hello\x1ebAQIDBA==');
});

scenario('engine.io: message, HTTP long-polling: should close the session upon invalid packet format', async () => {
  const node = await shared.get();
  for (const body of ['abc', '', '4a\x1e', 'b%%%', '9']) {
    const sid = await open(node);
    assert.equal((await push(node, sid, body)).status, 400);
    await refusal(await poll(node, sid), 400, 1, 'Session ID unknown');
  }
});

scenario('engine.io: message, HTTP long-polling: should close the session upon duplicate poll requests', async () => {
  const node = await shared.get();
  const sid = await open(node);
  const first = poll(node, sid);
  await sleep(20);
  const second = await poll(node, sid);
  assert.deepEqual([(await first).status, await (await first).text()], [200, '1']);
  assert.equal(second.status, 400);
  assert.equal((await poll(node, sid)).status, 400);
});

scenario('engine.io: message, HTTP long-polling: should close the session upon cancelled polling request', async () => {
  const node = await shared.get();
  const sid = await open(node);
  const cancel = new AbortController();
  const first = poll(node, sid, { signal: cancel.signal }).catch(() => {});
  await sleep(20);
  cancel.abort();
  await first;
  assert.equal((await poll(node, sid)).status, 400);
});

scenario('engine.io: message, WebSocket: should send and receive plain text and binary packets', async (s) => {
  const ws = await connected(s, await shared.get());
  ws.send('4hello');
  assert.equal(await ws.next(), '4hello');
  ws.send(Buffer.from([1, 2, 3, 4]));
  assert.deepEqual(await ws.next(), Buffer.from([1, 2, 3, 4]));
});

scenario('engine.io: message, WebSocket: should close the session upon invalid packet format', async (s) => {
  const node = await shared.get();
  for (const bad of ['abc', '', '7', '2', '0']) {
    const ws = await connected(s, node);
    ws.send(bad);
    await within(2_000, 'the close', ws.closes);
  }
});

// --- heartbeat

scenario('engine.io: heartbeat, HTTP long-polling: should send ping/pong packets', async () => {
  const node = await shared.get();
  const sid = await open(node);
  for (let i = 0; i < 3; i++) {
    const polled = await poll(node, sid);
    assert.deepEqual([polled.status, await polled.text()], [200, '2']);
    assert.equal((await push(node, sid, '3')).status, 200);
  }
});

scenario('engine.io: heartbeat, HTTP long-polling: should close the session upon ping timeout', async () => {
  const node = await shared.get();
  const sid = await open(node);
  await sleep(ping_interval_ms + ping_timeout_ms);
  assert.equal((await poll(node, sid)).status, 400);
});

scenario('engine.io: heartbeat, WebSocket: should send ping/pong packets', async (s) => {
  const ws = await connected(s, await shared.get());
  for (let i = 0; i < 3; i++) {
    assert.equal(await ws.next(), '2');
    ws.send('3');
  }
});

scenario('engine.io: heartbeat, WebSocket: should close the session upon ping timeout, at exactly the sum', async (s) => {
  const ws = await connected(s, await shared.get());
  const began = performance.now();
  await within(5_000, 'the close', ws.closes);
  const took = performance.now() - began;
  assert.ok(took > ping_interval_ms + ping_timeout_ms - 50, `closed after ${took} ms`);
  assert.ok(took < ping_interval_ms + ping_timeout_ms + 400 * patience, `closed after ${took} ms`);
});

// --- close

scenario('engine.io: close, HTTP long-polling: should forcefully close the session', async () => {
  const node = await shared.get();
  const sid = await open(node);
  const pending = poll(node, sid);
  await sleep(20);
  const pushed = await push(node, sid, '1');
  assert.deepEqual([pushed.status, await pushed.text()], [200, 'ok']);
  assert.deepEqual([(await pending).status, await (await pending).text()], [200, '6']);
  assert.equal((await poll(node, sid)).status, 400);
});

scenario('engine.io: close, WebSocket: should forcefully close the session', async (s) => {
  const ws = await connected(s, await shared.get());
  ws.send('1');
  await within(2_000, 'the close', ws.closes);
});

// --- upgrade

async function upgraded(s, node, sid) {
  const ws = socket(s, node, `EIO=4&transport=websocket&sid=${sid}`);
  await ws.opens;
  ws.send('2probe');
  assert.equal(await ws.next(), '3probe');
  ws.send('5');
  return ws;
}

scenario('engine.io: upgrade: should successfully upgrade from HTTP long-polling to WebSocket', async (s) => {
  const node = await shared.get();
  const ws = await upgraded(s, node, await open(node));
  ws.send('4hello');
  assert.equal(await ws.next(), '4hello');
});

scenario('engine.io: upgrade: should ignore HTTP requests with same sid after upgrade', async (s) => {
  const node = await shared.get();
  const sid = await open(node);
  const ws = await upgraded(s, node, sid);
  ws.send('4hello');
  assert.equal(await ws.next(), '4hello');
  await refusal(await poll(node, sid), 400, 3, 'Bad request');
  ws.send('4still');
  assert.equal(await ws.next(), '4still');
});

scenario('engine.io: upgrade: should ignore WebSocket connection with same sid after upgrade', async (s) => {
  const node = await shared.get();
  const sid = await open(node);
  const ws = await upgraded(s, node, sid);
  ws.send('4hello');
  assert.equal(await ws.next(), '4hello');
  assert.equal(await refused_socket(socket(s, node, `EIO=4&transport=websocket&sid=${sid}`)), 400);
  ws.send('4still');
  assert.equal(await ws.next(), '4still');
});

scenario('engine.io: upgrade: releases the pending GET with a noop, and loses and repeats no packet', async (s) => {
  const node = await shared.get();
  for (let round = 0; round < 10; round++) {
    const sid = await open(node);
    const got = [];
    const pending = poll(node, sid).then((response) => response.text());
    await sleep(5);
    await push(node, sid, '4a\x1e4b');
    const first = await pending;
    got.push(...first.split('\x1e'));
    const ws = socket(s, node, `EIO=4&transport=websocket&sid=${sid}`);
    await ws.opens;
    const waiting = poll(node, sid).then((response) => response.text());
    await push(node, sid, '4c\x1e4d');
    ws.send('2probe');
    assert.equal(await ws.next(), '3probe');
    got.push(...(await waiting).split('\x1e'));
    await push(node, sid, '4e\x1e4f');
    ws.send('5');
    ws.send('4g');
    while (!got.includes('4g')) got.push(await ws.next());
    assert.deepEqual(
      got.filter((packet) => packet[0] === '4'),
      ['4a', '4b', '4c', '4d', '4e', '4f', '4g'],
    );
    ws.close();
  }
});

scenario('engine.io: upgrade: a probe that says something else, or goes, leaves the session polling', async (s) => {
  const node = await shared.get();
  const sid = await open(node);
  for (const wrong of ['5', '4hello', '2', '3probe']) {
    const ws = socket(s, node, `EIO=4&transport=websocket&sid=${sid}`);
    await ws.opens;
    ws.send(wrong);
    await within(2_000, 'the close', ws.closes);
  }
  await eventually(async () => assert.equal((await push(node, sid, '4hello')).status, 200));
  assert.match(await (await poll(node, sid)).text(), /4hello/);
});

// --- what the document says beyond the suite

scenario('engine.io: an unknown sid is refused with code 1, wherever it comes', async (s) => {
  const node = await shared.get();
  for (const sid of ['abc', '0.abc', '1.abc', '99.abc', '.', '-1.x']) {
    await refusal(await poll(node, sid), 400, 1, 'Session ID unknown');
    await refusal(await push(node, sid, '4hello'), 400, 1, 'Session ID unknown');
    assert.equal(await refused_socket(socket(s, node, `EIO=4&transport=websocket&sid=${sid}`)), 400);
  }
});

scenario('engine.io: a POST above maxPayload is refused with 413, a WebSocket message closes', async (s) => {
  const node = await shared.get();
  const sid = await open(node);
  assert.equal((await push(node, sid, '4' + 'x'.repeat(max_payload))).status, 413);
  assert.equal((await push(node, sid, '4' + 'x'.repeat(max_payload - 1))).status, 200);
  const ws = await connected(s, node);
  ws.send('4' + 'x'.repeat(max_payload));
  assert.equal(await within(2_000, 'the close', ws.closes), 1009);
});

scenario('engine.io: a POST of octets is refused, for version 4 sends them as base64', async () => {
  const node = await shared.get();
  const sid = await open(node);
  const response = await push(node, sid, '4hello', { 'Content-Type': 'application/octet-stream' });
  assert.equal(response.status, 400);
});

scenario('engine.io: a session is reached from any shard', async () => {
  const node = await shared.get();
  // Each request on a connection of its own: the kernel gives them to either shard.
  const headers = { Connection: 'close' };
  const sid = await open(node);
  for (let i = 0; i < 40; i++) {
    assert.equal((await push(node, sid, `4n${i}\x1e3`, headers)).status, 200);
    assert.match(await (await poll(node, sid, { headers })).text(), /4n/);
  }
});

scenario('engine.io: pages of allowed origins may poll, with credentials; others are refused with code 4', async (s) => {
  const node = await s.node({ config: `[access]\nallowed_origins = ["https://app.example"]\n` });
  const path = `${node.http}/socket.io/?EIO=4&transport=polling`;
  const good = await fetch(path, { headers: { Origin: 'https://app.example' } });
  assert.equal(good.status, 200);
  assert.equal(good.headers.get('access-control-allow-origin'), 'https://app.example');
  assert.equal(good.headers.get('access-control-allow-credentials'), 'true');
  assert.equal(good.headers.get('vary'), 'Origin');
  const asked = await fetch(path, {
    method: 'OPTIONS',
    headers: {
      Origin: 'https://app.example',
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'content-type',
    },
  });
  assert.equal(asked.status, 204);
  assert.match(asked.headers.get('access-control-allow-methods'), /POST/);
  assert.equal(asked.headers.get('access-control-allow-headers'), 'content-type');
  await refusal(await fetch(path, { headers: { Origin: 'https://evil.example' } }), 403, 4, 'Forbidden');
});

shared.stops();
