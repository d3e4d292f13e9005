// Engine.IO v4 at /engine.io/ of examples/conformance: the cases of the published suite under their names, with what they
// presume (one poll has the whole echo, one GET after the probe is the noop), then what the document says beyond it.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'node:http';
import { Polling, conformance, max_payload, ping_interval_ms, ping_timeout_ms } from './conformance.mjs';
import { refused_status, sharedConformance, socket_at, websocket_url_of } from './conformance.mjs';
import { eventually, patience, scenario, within } from './harness.mjs';

const shared = sharedConformance();
const path = '/engine.io/';
const polling = async () => Polling.at(await shared.get(), path);
const socket = (s, node, query) => socket_at(s, websocket_url_of(node, path, query));
async function connected(s) {
  const ws = socket(s, await shared.get(), 'EIO=4&transport=websocket');
  assert.match(await ws.next(), /^0\{/);
  return ws;
}
async function refused(response, status, code, message) {
  assert.equal(response.status, status);
  assert.deepEqual(await response.json(), { code, message });
}
const sums_up = (text, upgrades) => {
  assert.equal(text[0], '0');
  const { sid, ...rest } = JSON.parse(text.substring(1));
  assert.equal(typeof sid, 'string');
  assert.deepEqual(rest, {
    upgrades,
    pingInterval: ping_interval_ms,
    pingTimeout: ping_timeout_ms,
    maxPayload: max_payload,
  });
};

// --- handshake

scenario('engine.io handshake, HTTP long-polling: successfully opens a session', async () => {
  const response = await (await polling()).get('EIO=4&transport=polling');
  assert.equal(response.status, 200);
  sums_up(await response.text(), ['websocket']);
});

scenario("engine.io handshake, HTTP long-polling: fails with an invalid 'EIO' query parameter", async () => {
  const at = await polling();
  for (const query of [
    'transport=polling',
    'EIO=abc&transport=polling',
    'EIO=3&transport=polling',
    'EIO=&transport=polling',
  ])
    await refused(await at.get(query), 400, 5, 'Unsupported protocol version');
});

scenario("engine.io handshake, HTTP long-polling: fails with an invalid 'transport' query parameter", async () => {
  const at = await polling();
  for (const query of ['EIO=4', 'EIO=4&transport=abc', 'EIO=4&transport='])
    await refused(await at.get(query), 400, 0, 'Transport unknown');
});

scenario('engine.io handshake, HTTP long-polling: fails with an invalid request method', async () => {
  const at = await polling();
  for (const method of ['POST', 'PUT', 'DELETE'])
    await refused(await at.get('EIO=4&transport=polling', { method }), 400, 2, 'Bad handshake method');
});

scenario('engine.io handshake, WebSocket: successfully opens a session', async (s) => {
  sums_up(await socket(s, await shared.get(), 'EIO=4&transport=websocket').next(), []);
});

scenario("engine.io handshake, WebSocket: fails with an invalid 'EIO' query parameter", async (s) => {
  const node = await shared.get();
  for (const query of ['transport=websocket', 'EIO=abc&transport=websocket']) {
    const ws = socket(s, node, query);
    assert.equal(await refused_status(ws), 400);
    await ws.closes;
  }
});

scenario("engine.io handshake, WebSocket: fails with an invalid 'transport' query parameter", async (s) => {
  const node = await shared.get();
  for (const query of ['EIO=4', 'EIO=4&transport=abc']) assert.equal(await refused_status(socket(s, node, query)), 400);
});

scenario('engine.io handshake: a plain GET for the transport websocket opens no session', async () => {
  await refused(await (await polling()).get('EIO=4&transport=websocket'), 400, 3, 'Bad request');
});

// --- message

const echoes = async (body) => {
  const at = await polling();
  for (let round = 0; round < 20; ++round) {
    const sid = await at.open();
    const pushed = await at.push(sid, body);
    assert.deepEqual([pushed.status, await pushed.text()], [200, 'ok']);
    const polled = await at.poll(sid);
    assert.deepEqual([polled.status, await polled.text()], [200, body]);
  }
};
scenario('engine.io message, HTTP long-polling: sends and receives a payload containing one plain text packet', () =>
  echoes('4hello'),
);
scenario(
  'engine.io message, HTTP long-polling: sends and receives a payload containing several plain text packets',
  () => echoes('4test1\x1e4test2\x1e4test3'),
);
scenario(
  'engine.io message, HTTP long-polling: sends and receives a payload containing plain text and binary packets',
  () => echoes('4hello\x1ebAQIDBA=='),
);
scenario('engine.io message, HTTP long-polling: text keeps every letter, and an empty message is one', () =>
  echoes(`4gr\u00fc\u00df \u{1f600}\x1e4\x1e4${'\u20ac'.repeat(1000)}\x1eb\x1ebAA==`),
);

scenario('engine.io message, HTTP long-polling: closes the session upon invalid packet format', async () => {
  const at = await polling();
  for (const body of ['abc', '', '7', '4a\x1e', '\x1e4a', '4a\x1e\x1e4b', 'b%%%', 'bAQ']) {
    const sid = await at.open();
    assert.equal((await at.push(sid, body)).status, 400, JSON.stringify(body));
    await refused(await at.poll(sid), 400, 1, 'Session ID unknown');
  }
});

scenario(
  'engine.io message, HTTP long-polling: closes the session upon a packet that only the server sends',
  async () => {
    const at = await polling();
    for (const body of ['0', '2']) {
      const sid = await at.open();
      await at.push(sid, body);
      await eventually(async () => assert.equal((await at.poll(sid)).status, 400));
    }
  },
);

scenario('engine.io message, HTTP long-polling: closes the session upon duplicate poll requests', async () => {
  const at = await polling();
  const sid = await at.open();
  const first = at.poll(sid);
  await sleep(5);
  const second = await at.poll(`${sid}&t=burst`);
  assert.deepEqual([(await first).status, await (await first).text()], [200, '1']);
  assert.equal(second.status, 400);
  assert.equal((await at.poll(sid)).status, 400);
});

scenario('engine.io message, HTTP long-polling: closes the session upon cancelled polling request', async () => {
  const at = await polling();
  const sid = await at.open();
  const cancel = new AbortController();
  at.poll(sid, { signal: cancel.signal }).catch(() => {});
  await sleep(5);
  cancel.abort();
  assert.equal((await at.poll(sid)).status, 400);
});

scenario('engine.io message, WebSocket: sends and receives a plain text packet', async (s) => {
  const ws = await connected(s);
  for (const text of ['4hello', '4', `4gr\u00fc\u00df \u{1f600}`]) {
    ws.send(text);
    assert.equal(await ws.next(), text);
  }
});

scenario('engine.io message, WebSocket: sends and receives a binary packet', async (s) => {
  const ws = await connected(s);
  for (const bytes of [Buffer.from([1, 2, 3, 4]), Buffer.alloc(0), Buffer.alloc(100_000, 7)]) {
    ws.send(bytes);
    assert.deepEqual(await ws.next(), bytes);
  }
});

scenario('engine.io message, WebSocket: closes the session upon invalid packet format', async (s) => {
  for (const bad of ['abc', '', '7', '0', '2', '5']) {
    const ws = await connected(s);
    ws.send(bad);
    await within(2_000, `the close after ${JSON.stringify(bad)}`, ws.closes);
  }
});

// --- heartbeat

scenario('engine.io heartbeat, HTTP long-polling: sends ping/pong packets', async () => {
  const at = await polling();
  const sid = await at.open();
  for (let i = 0; i < 3; i++) {
    assert.equal(await at.text(sid), '2');
    assert.equal((await at.push(sid, '3')).status, 200);
  }
});

scenario('engine.io heartbeat, HTTP long-polling: closes the session upon ping timeout', async () => {
  const at = await polling();
  for (let round = 0; round < 3; ++round) {
    const sid = await at.open();
    await sleep(ping_interval_ms + ping_timeout_ms);
    assert.equal((await at.poll(sid)).status, 400);
  }
});

scenario(
  'engine.io heartbeat, HTTP long-polling: a ping that was fetched and not answered ends the session, too',
  async () => {
    const at = await polling();
    const sid = await at.open();
    assert.equal(await at.text(sid), '2');
    const last = at.poll(sid);
    const began = performance.now();
    const response = await last;
    assert.ok([200, 400].includes(response.status));
    assert.ok(performance.now() - began < ping_timeout_ms + 300 * patience);
    assert.equal((await at.poll(sid)).status, 400);
  },
);

scenario('engine.io heartbeat, WebSocket: sends ping/pong packets', async (s) => {
  const ws = await connected(s);
  for (let i = 0; i < 3; i++) {
    assert.equal(await ws.next(), '2');
    ws.send('3');
  }
});

scenario('engine.io heartbeat, WebSocket: closes the session upon ping timeout', async (s) => {
  const ws = await connected(s);
  const began = performance.now();
  await within(5_000, 'the close', ws.closes);
  const took = performance.now() - began;
  assert.ok(took > ping_interval_ms + ping_timeout_ms - 50, `closed after ${took} ms`);
  assert.ok(took < ping_interval_ms + ping_timeout_ms + 400 * patience, `closed after ${took} ms`);
});

// --- close

scenario('engine.io close, HTTP long-polling: forcefully closes the session', async () => {
  const at = await polling();
  for (let round = 0; round < 10; ++round) {
    const sid = await at.open();
    const [polled, pushed] = await at.close(sid);
    assert.deepEqual([pushed.status, await pushed.text()], [200, 'ok']);
    assert.deepEqual([polled.status, await polled.text()], [200, '6']);
    assert.equal((await at.poll(sid)).status, 400);
  }
});

scenario('engine.io close, WebSocket: forcefully closes the session', async (s) => {
  const ws = await connected(s);
  ws.send('1');
  await within(2_000, 'the close', ws.closes);
});

// --- upgrade

async function probed(s, node, sid) {
  const ws = socket(s, node, `EIO=4&transport=websocket&sid=${sid}`);
  await ws.opens;
  ws.send('2probe');
  assert.equal(await ws.next(), '3probe');
  return ws;
}

scenario('engine.io upgrade: successfully upgrades from HTTP long-polling to WebSocket', async (s) => {
  const at = await polling();
  for (let round = 0; round < 10; ++round) {
    const sid = await at.open();
    const ws = await probed(s, at.node, sid);
    assert.equal(await at.text(sid), '6');
    ws.send('5');
    ws.send('4hello');
    assert.equal(await ws.next(), '4hello');
  }
});

scenario('engine.io upgrade: a GET that waits during the probe is ended with a noop', async (s) => {
  const at = await polling();
  const sid = await at.open();
  const waiting = at.text(sid);
  await sleep(20);
  const ws = await probed(s, at.node, sid);
  assert.equal(await waiting, '6');
  ws.send('5');
  ws.send('4hello');
  assert.equal(await ws.next(), '4hello');
});

scenario('engine.io upgrade: ignores HTTP requests with same sid after upgrade', async (s) => {
  const at = await polling();
  for (let round = 0; round < 10; ++round) {
    const sid = await at.open();
    const ws = await probed(s, at.node, sid);
    ws.send('5');
    assert.equal((await at.poll(sid)).status, 400);
    assert.equal((await at.push(sid, '4not me')).status, 400);
    ws.send('4hello');
    assert.equal(await ws.next(), '4hello');
  }
});

scenario('engine.io upgrade: ignores WebSocket connection with same sid after upgrade', async (s) => {
  const at = await polling();
  for (let round = 0; round < 10; ++round) {
    const sid = await at.open();
    const ws = await probed(s, at.node, sid);
    ws.send('5');
    await within(2_000, 'the second one to close', socket(s, at.node, `EIO=4&transport=websocket&sid=${sid}`).closes);
    ws.send('4hello');
    assert.equal(await ws.next(), '4hello');
  }
});

scenario('engine.io upgrade: the heartbeat goes on over the WebSocket', async (s) => {
  const at = await polling();
  const ws = await probed(s, at.node, await at.open());
  ws.send('5');
  for (let i = 0; i < 3; i++) {
    assert.equal(await ws.next(), '2');
    ws.send('3');
  }
  assert.equal(await ws.next(), '2');
  await within(ping_timeout_ms + 400, 'the close without a pong', ws.closes);
});

scenario('engine.io upgrade: no packet is lost or repeated, whatever is sent meanwhile', async (s) => {
  const at = await polling();
  for (let round = 0; round < 10; round++) {
    const sid = await at.open();
    const got = [];
    await at.push(sid, '4a\x1e4b');
    got.push(...(await at.text(sid)).split('\x1e'));
    const ws = socket(s, at.node, `EIO=4&transport=websocket&sid=${sid}`);
    await ws.opens;
    await at.push(sid, '4c\x1e4d');
    ws.send('2probe');
    assert.equal(await ws.next(), '3probe');
    got.push(...(await at.text(sid)).split('\x1e'));
    await at.push(sid, '4e\x1e4f');
    ws.send('5');
    ws.send('4g');
    while (!got.includes('4g')) got.push(await ws.next());
    assert.deepEqual(
      got.filter((packet) => packet[0] === '4'),
      ['4a', '4b', '4c', '4d', '4e', '4f', '4g'],
    );
    ws.terminate();
  }
});

// --- what the document says beyond the suite

scenario('engine.io: an unknown sid is refused with code 1, wherever it comes', async (s) => {
  const at = await polling();
  for (const sid of ['abc', '0.abc', '1.abc', '99.abc', '.', '-1.x', 'x'.repeat(1000)]) {
    await refused(await at.poll(sid), 400, 1, 'Session ID unknown');
    await refused(await at.push(sid, '4hello'), 400, 1, 'Session ID unknown');
    assert.equal(await refused_status(socket(s, at.node, `EIO=4&transport=websocket&sid=${sid}`)), 400);
  }
});

scenario(
  'engine.io: maxPayload bounds a POST with 413 and a WebSocket message with the close, and is itself allowed',
  async (s) => {
    const at = await polling();
    const longest = `4${'x'.repeat(max_payload - 1)}`;
    const sid = await at.open();
    assert.equal((await at.push(sid, longest)).status, 200);
    assert.ok((await at.text(sid)) === longest, 'it comes back whole');
    assert.equal((await at.push(await at.open(), `${longest}x`)).status, 413);
    const ws = await connected(s);
    ws.send(longest);
    assert.ok((await ws.next()) === longest, 'it comes back whole');
    ws.send(`${longest}x`);
    assert.equal(await within(2_000, 'the close', ws.closes), 1009);
  },
);

scenario('engine.io: several polls share what is more than maxPayload together', async () => {
  const at = await polling();
  const sid = await at.open();
  const part = `4${'y'.repeat(300_000)}`;
  const count = 9;
  for (let i = 0; i < count; i += 3) assert.equal((await at.push(sid, Array(3).fill(part).join('\x1e'))).status, 200);
  const got = [];
  while (got.length < count) {
    const text = await at.text(sid);
    assert.ok(text.length <= max_payload, `a payload of ${text.length} bytes`);
    got.push(...text.split('\x1e').filter((packet) => packet !== '2'));
  }
  assert.ok(got.every((packet) => packet === part));
});

scenario('engine.io: pages of this machine may poll, and their preflight is answered; others hear code 4', async () => {
  const at = await polling();
  const origin = at.node.http;
  const opened = await at.get('EIO=4&transport=polling', { headers: { Origin: origin } });
  assert.equal(opened.status, 200);
  assert.equal(opened.headers.get('access-control-allow-origin'), origin);
  assert.equal(opened.headers.get('access-control-allow-credentials'), 'true');
  const asked = await at.get('EIO=4&transport=polling', {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'content-type,x-own',
    },
  });
  assert.equal(asked.status, 204);
  assert.equal(asked.headers.get('access-control-allow-origin'), origin);
  assert.match(asked.headers.get('access-control-allow-methods'), /POST/);
  assert.equal(asked.headers.get('access-control-allow-headers'), 'content-type,x-own');
  const evil = { Origin: 'https://evil.example' };
  await refused(await at.get('EIO=4&transport=polling', { headers: evil }), 403, 4, 'Forbidden');
});

/** One request over a connection that is kept; `new Agent({keepAlive: true, maxSockets: 1})` is one connection. */
const over = (agent, node, query, { method = 'GET', body } = {}) =>
  new Promise((resolve, reject) => {
    const sent = request(`${node.http}${path}?${query}`, { agent, method }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () =>
        resolve({ status: response.statusCode, text: Buffer.concat(parts).toString(), port: sent.socket?.localPort }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });

scenario(
  'engine.io: one session is reached over several connections that are kept, whichever shard they came to',
  async (s) => {
    const node = await shared.get();
    const agents = Array.from({ length: 6 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    s.defer(() => agents.forEach((agent) => agent.destroy()));
    for (let round = 0; round < 4; ++round) {
      const opened = await over(agents[round], node, 'EIO=4&transport=polling');
      const { sid } = JSON.parse(opened.text.substring(1));
      const query = `EIO=4&transport=polling&sid=${sid}`;
      for (let i = 0; i < 12; ++i) {
        const pushed = await over(agents[i % 6], node, query, { method: 'POST', body: `4n${i}\x1e3` });
        assert.deepEqual([pushed.status, pushed.text], [200, 'ok']);
        const polled = await over(agents[(i + 1 + round) % 6], node, query);
        assert.equal(polled.status, 200);
        assert.ok(polled.text.split('\x1e').includes(`4n${i}`), polled.text);
      }
    }
  },
);

scenario('engine.io: many sessions at once each hear their own echo', async () => {
  const at = await polling();
  await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const sid = await at.open();
      assert.equal((await at.push(sid, `4mine ${i}`)).status, 200);
      let text = await at.text(sid);
      if (text === '2') text = await at.text(sid);
      assert.match(text, new RegExp(`4mine ${i}(\\x1e2)?$`));
    }),
  );
});

scenario('engine.io: sessions whose client went without a word are gone with their ping', async (s) => {
  const node = await s.node(conformance);
  const open_now = async () => {
    const text = await (await fetch(`${node.http}/metrics`)).text();
    const lines = [...text.matchAll(/^greenroom_sessions(?:\{.*\})? (\d+)$/gm)];
    assert.notEqual(lines.length, 0);
    return lines.reduce((sum, [, each]) => sum + Number(each), 0);
  };
  const at = Polling.at(node, path);
  await Promise.all(Array.from({ length: 20 }, () => at.open()));
  assert.equal(await open_now(), 20);
  await eventually(async () => assert.equal(await open_now(), 0));
});

shared.stops();
