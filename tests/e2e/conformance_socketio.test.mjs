// Socket.IO v5 at /socket.io/ of examples/conformance, by raw WebSockets: the cases of the published suite under their
// names, by clients that listen anew for each packet as that suite does, then what the document says beyond it.
import assert from 'node:assert/strict';
import { Polling, connect_timeout_ms, heard_anew, ping_interval_ms, ping_timeout_ms } from './conformance.mjs';
import { refused_status, sharedConformance, socket_at, websocket_url_of } from './conformance.mjs';
import { patience, scenario, within } from './harness.mjs';

const shared = sharedConformance();
const path = '/socket.io/';
const polling = async () => Polling.at(await shared.get(), path);
const engine = (s, node, query = 'EIO=4&transport=websocket') => socket_at(s, websocket_url_of(node, path, query));
const bytes = (...values) => Buffer.from(values);

/** A WebSocket after Engine.IO's handshake. */
async function opened(s) {
  const ws = engine(s, await shared.get());
  assert.match(await heard_anew(ws), /^0\{/);
  return ws;
}
/** In the main namespace, each packet heard by itself. */
async function connected(s) {
  const ws = await opened(s);
  ws.send('40');
  assert.match(await heard_anew(ws), /^40\{"sid":/);
  assert.equal(await heard_anew(ws), '42["auth",{}]');
  return ws;
}
/** The next packet that is no ping, pings answered; from here on all are kept. */
function keeps(ws) {
  ws.heard.length = 0;
  ws.skips = (one) => one === '2' && (ws.send('3'), true);
  return ws;
}
/** In the main namespace, by a client that misses nothing. */
async function joined(s) {
  const ws = keeps(engine(s, await shared.get()));
  assert.match(await ws.next(), /^0\{/);
  ws.send('40');
  assert.match(await ws.next(), /^40\{"sid":/);
  assert.equal(await ws.next(), '42["auth",{}]');
  return ws;
}
const closes = (ws, what = 'the close') => within(2_000, what, ws.closes);

// --- the published suite: Engine.IO at Socket.IO's path

scenario('engine.io under socket.io, handshake: should successfully open a session', async (s) => {
  const response = await (await polling()).get('EIO=4&transport=polling');
  const text = await response.text();
  const expected = { pingInterval: ping_interval_ms, pingTimeout: ping_timeout_ms, maxPayload: 1_000_000 };
  const { sid, ...rest } = JSON.parse(text.substring(1));
  assert.deepEqual([text[0], typeof sid, rest], ['0', 'string', { upgrades: ['websocket'], ...expected }]);
  const first = await engine(s, await shared.get()).next();
  const { sid: other, ...more } = JSON.parse(first.substring(1));
  assert.deepEqual([first[0], typeof other, more], ['0', 'string', { upgrades: [], ...expected }]);
});

scenario(
  "engine.io under socket.io, handshake: should fail with an invalid 'EIO' or 'transport', or an invalid method",
  async (s) => {
    const at = await polling();
    for (const query of ['transport=polling', 'EIO=abc&transport=polling', 'EIO=4', 'EIO=4&transport=abc'])
      assert.equal((await at.get(query)).status, 400);
    for (const method of ['POST', 'PUT'])
      assert.equal((await at.get('EIO=4&transport=polling', { method })).status, 400);
    for (const query of ['transport=websocket', 'EIO=abc&transport=websocket', 'EIO=4', 'EIO=4&transport=abc'])
      assert.equal(await refused_status(engine(s, at.node, query)), 400);
  },
);

scenario('engine.io under socket.io, heartbeat: should send ping/pong packets', async (s) => {
  const ws = await opened(s);
  ws.send('40');
  keeps(ws).skips = undefined;
  for (let pings = 0; pings < 3;) if ((await ws.next()) === '2') (++pings, ws.send('3'));
});

scenario('engine.io under socket.io, heartbeat, HTTP long-polling: should send ping/pong packets', async () => {
  const at = await polling();
  const sid = await at.open();
  for (let i = 0; i < 3; i++) {
    assert.equal(await at.text(sid), '2');
    assert.equal((await at.push(sid, '3')).status, 200);
  }
});

scenario(
  'engine.io under socket.io, heartbeat, HTTP long-polling: should close the session upon ping timeout',
  async () => {
    const at = await polling();
    const sid = await at.open();
    await new Promise((resolve) => setTimeout(resolve, ping_interval_ms + ping_timeout_ms));
    assert.equal((await at.poll(sid)).status, 400);
  },
);

scenario('engine.io under socket.io, heartbeat, WebSocket: should close the session upon ping timeout', async (s) => {
  await closes(await connected(s));
});

scenario('engine.io under socket.io, close: should forcefully close the session', async (s) => {
  const at = await polling();
  const sid = await at.open();
  const [polled] = await at.close(sid);
  assert.deepEqual([polled.status, await polled.text()], [200, '6']);
  assert.equal((await at.poll(sid)).status, 400);
  const ws = await opened(s);
  ws.send('1');
  await closes(ws);
});

scenario(
  'engine.io under socket.io, upgrade: should ignore HTTP requests and WebSockets with same sid after upgrade',
  async (s) => {
    const at = await polling();
    for (let round = 0; round < 5; ++round) {
      const sid = await at.open();
      const ws = engine(s, at.node, `EIO=4&transport=websocket&sid=${sid}`);
      await ws.opens;
      ws.send('2probe');
      ws.send('5'); // without a look at the answer
      assert.equal(await ws.next(), '3probe');
      assert.equal((await at.poll(sid)).status, 400);
      await closes(engine(s, at.node, `EIO=4&transport=websocket&sid=${sid}`));
      ws.send('40');
      assert.match(await ws.next(), /^40\{/);
    }
  },
);

// --- the published suite: connect

for (const [name, nsp] of [
  ['the main namespace', ''],
  ['a custom namespace', '/custom,'],
]) {
  for (const [with_it, payload] of [
    ['', ''],
    [' with a payload', '{"token":"123"}'],
  ]) {
    scenario(`socket.io connect: should allow connection to ${name}${with_it}`, async (s) => {
      for (let round = 0; round < 10; ++round) {
        const ws = await opened(s);
        ws.send(`40${nsp}${payload}`);
        const packet = await heard_anew(ws);
        assert.ok(packet.startsWith(`40${nsp}{`), packet);
        const handshake = JSON.parse(packet.substring(2 + nsp.length));
        assert.deepEqual(Object.keys(handshake), ['sid']);
        assert.equal(typeof handshake.sid, 'string');
        assert.equal(await heard_anew(ws), `42${nsp}["auth",${payload || '{}'}]`);
        ws.terminate();
      }
    });
  }
}

scenario('socket.io connect: a namespace may come without its comma where nothing follows', async (s) => {
  const ws = await opened(s);
  ws.send('40/custom');
  assert.match(await heard_anew(ws), /^40\/custom,\{"sid":/);
  assert.equal(await heard_anew(ws), '42/custom,["auth",{}]');
});

scenario('socket.io connect: should disallow connection to an unknown namespace', async (s) => {
  const ws = await opened(s);
  ws.send('40/random');
  assert.equal(await heard_anew(ws), '44/random,{"message":"Invalid namespace"}');
});

scenario('socket.io connect: should disallow connection with an invalid handshake', async (s) => {
  const ws = await opened(s);
  ws.send('4abc');
  await closes(ws);
});

scenario('socket.io connect: should close the connection if no handshake is received', async (s) => {
  const ws = keeps(await opened(s));
  const began = performance.now();
  await within(3_000, 'the close', ws.closes);
  const took = performance.now() - began;
  assert.ok(took > connect_timeout_ms - 100 && took < connect_timeout_ms + 600 * patience, `closed after ${took} ms`);
});

scenario('socket.io connect: a refused namespace does not count as a handshake', async (s) => {
  const ws = keeps(await opened(s));
  ws.send('40/random');
  assert.equal(await ws.next(), '44/random,{"message":"Invalid namespace"}');
  await within(3_000, 'the close', ws.closes);
});

scenario(
  'socket.io connect: the sids of two namespaces on one connection are two, and neither is Engine.IO’s',
  async (s) => {
    const ws = engine(s, await shared.get());
    const sids = [JSON.parse((await ws.next()).substring(1)).sid];
    for (const nsp of ['', '/custom,']) {
      ws.send(`40${nsp}`);
      sids.push(JSON.parse((await ws.next()).substring(2 + nsp.length)).sid);
      assert.equal(await ws.next(), `42${nsp}["auth",{}]`);
    }
    assert.equal(new Set(sids).size, 3);
  },
);

// --- the published suite: disconnect

scenario('socket.io disconnect: should disconnect from the main namespace', async (s) => {
  const ws = await connected(s);
  ws.send('41');
  assert.equal(await heard_anew(ws), '2');
});

scenario('socket.io disconnect: should connect then disconnect from a custom namespace', async (s) => {
  const ws = await connected(s);
  assert.equal(await heard_anew(ws), '2');
  ws.send('40/custom');
  assert.match(await heard_anew(ws), /^40\/custom,/);
  assert.equal(await heard_anew(ws), '42/custom,["auth",{}]');
  ws.send('41/custom');
  ws.send('42["message","message to main namespace"]');
  assert.equal(await heard_anew(ws), '42["message-back","message to main namespace"]');
});

scenario('socket.io disconnect: a namespace may be joined again after it', async (s) => {
  const ws = await joined(s);
  for (let i = 0; i < 3; ++i) {
    ws.send('40/custom,{"n":1}');
    assert.match(await ws.next(), /^40\/custom,\{"sid":/);
    assert.equal(await ws.next(), '42/custom,["auth",{"n":1}]');
    ws.send('41/custom,');
  }
  ws.send('421["message-with-ack"]');
  assert.equal(await ws.next(), '431[]');
});

// --- the published suite: message

scenario('socket.io message: should send a plain-text packet', async (s) => {
  const ws = await connected(s);
  ws.send('42["message",1,"2",{"3":[true]}]');
  assert.equal(await heard_anew(ws), '42["message-back",1,"2",{"3":[true]}]');
});

const two = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';
scenario('socket.io message: should send a packet with binary attachments', async (s) => {
  const ws = await joined(s);
  ws.send(`452-["message",${two}]`);
  ws.send(bytes(1, 2, 3));
  ws.send(bytes(4, 5, 6));
  assert.equal(await ws.next(), `452-["message-back",${two}]`);
  assert.deepEqual([await ws.next(), await ws.next()], [bytes(1, 2, 3), bytes(4, 5, 6)]);
});

scenario('socket.io message: should send a plain-text packet with an ack', async (s) => {
  const ws = await connected(s);
  ws.send('42456["message-with-ack",1,"2",{"3":[false]}]');
  assert.equal(await heard_anew(ws), '43456[1,"2",{"3":[false]}]');
});

scenario('socket.io message: should send a packet with binary attachments and an ack', async (s) => {
  const ws = await joined(s);
  ws.send(`452-789["message-with-ack",${two}]`);
  ws.send(bytes(1, 2, 3));
  ws.send(bytes(4, 5, 6));
  assert.equal(await ws.next(), `462-789[${two}]`);
  assert.deepEqual([await ws.next(), await ws.next()], [bytes(1, 2, 3), bytes(4, 5, 6)]);
});

for (const [name, packet] of [
  ['unknown packet type', '4abc'],
  ['invalid payload format', '42{}'],
  ['invalid ack id', '42abc["message-with-ack",1,"2",{"3":[false]}]'],
])
  scenario(`socket.io message: should close the connection upon invalid format (${name})`, async (s) => {
    const ws = await connected(s);
    ws.send(packet);
    await closes(ws);
  });

// --- what the document says beyond the suite

scenario('socket.io packets: every malformed one closes that connection and hurts no other', async (s) => {
  const bystander = await joined(s);
  const one = '{"_placeholder":true,"num":0}';
  for (const bad of [
    ['4'],
    ['47["a"]'],
    ['42'],
    ['42"a"'],
    ['42[]'],
    ['42[{}]'],
    ['42["a"'],
    ['42["connect"]'],
    ['42["disconnect"]'],
    ['42["connect_error"]'],
    ['40'], // a second time
    ['40/custom,[1]'],
    ['40/custom,"text"'],
    ['42/custom,["a"]'], // not joined
    ['41{}'],
    ['44{}'], // the server's
    ['45["a"]'],
    [`4511-["a",${one}]`], // more attachments than clients take
    [`451-["a",${one}]`, '42["b"]'],
    [`451-["a",{"_placeholder":true,"num":7}]`, bytes(1)],
    [`451-["a",{"_placeholder":true,"num":"0"}]`, bytes(1)],
    [bytes(1)],
  ]) {
    const ws = await joined(s);
    for (const part of bad) ws.send(part);
    await closes(ws, `the close after ${bad[0]}`);
  }
  bystander.send('421["message-with-ack","still"]');
  assert.equal(await bystander.next(), '431["still"]');
});

scenario('socket.io packets: an ack of a packet that nobody waits for is ignored', async (s) => {
  const ws = await joined(s);
  ws.send('4399[1]');
  ws.send('421["message-with-ack"]');
  assert.equal(await ws.next(), '431[]');
});

scenario('socket.io events: an unknown event is not answered and harms nothing', async (s) => {
  const ws = await joined(s);
  ws.send('421["no-such-event",1]');
  ws.send('422["message-with-ack"]');
  assert.equal(await ws.next(), '432[]');
});

scenario(
  'socket.io events: arguments come back as they were, numbers, escapes, deep ones and none at all',
  async (s) => {
    const ws = await joined(s);
    for (const args of [
      '',
      'null',
      '{}',
      '[]',
      '[[]]',
      '""',
      'true,false,null',
      '-0.5,1e21,9007199254740993',
      '"\\u0000\\"\\\\\\ud83d\\ude00 \u00fc"',
      `${'['.repeat(20)}${']'.repeat(20)}`,
      '{"a":{"b":[{"c":null}]}},"last"',
    ]) {
      ws.send(`42["message"${args && ','}${args}]`);
      const back = await ws.next();
      assert.match(back, /^42\["message-back"/);
      assert.deepEqual(JSON.parse(back.substring(2)).slice(1), JSON.parse(`[${args}]`));
      ws.send(`427["message-with-ack"${args && ','}${args}]`);
      const ack = await ws.next();
      assert.match(ack, /^437\[/);
      assert.deepEqual(JSON.parse(ack.substring(3)), JSON.parse(`[${args}]`));
    }
  },
);

scenario('socket.io events: an ack id may have any number of digits that fit 64 bits, and zero is one', async (s) => {
  const ws = await joined(s);
  for (const id of ['0', '7', '4294967296', '9007199254740991']) {
    ws.send(`42${id}["message-with-ack",${id}]`);
    assert.equal(await ws.next(), `43${id}[${id}]`);
  }
});

scenario('socket.io events: ten attachments in any order and place, empty ones and repeated ones', async (s) => {
  const ws = await joined(s);
  const placed = (n) => `{"_placeholder":true,"num":${n}}`;
  const data = Array.from({ length: 10 }, (_, i) => Buffer.alloc(i * 100, i));
  ws.send(`4510-1["message-with-ack",[${data.map((_, i) => placed(i)).join(',')}],{"x":"y"}]`);
  for (const each of data) ws.send(each);
  const ack = await ws.next();
  assert.match(ack, /^4610-1\[/);
  const got = [];
  while (got.length < 10) got.push(await ws.next());
  const [list, last] = JSON.parse(ack.substring(6));
  assert.deepEqual(list.map(({ num }) => got[num]), data); // prettier-ignore
  assert.deepEqual(last, { x: 'y' });
});

scenario('socket.io events: a thousand in one go are answered in their order', async (s) => {
  const ws = await joined(s);
  for (let i = 0; i < 1_000; ++i) ws.send(`42${i}["message-with-ack",${i}]`);
  for (let i = 0; i < 1_000; ++i) assert.equal(await ws.next(), `43${i}[${i}]`);
});

scenario('socket.io events: what the server emits before it acknowledges comes before the ack', async (s) => {
  const ws = await joined(s);
  for (let i = 0; i < 200; ++i) {
    ws.send(`42["message",${i}]`);
    ws.send(`42${i}["message-with-ack",${i}]`);
  }
  const came = [];
  while (came.length < 400) came.push(await ws.next());
  for (let i = 0; i < 200; ++i) {
    const [emitted, ack] = [came.indexOf(`42["message-back",${i}]`), came.indexOf(`43${i}[${i}]`)];
    assert.ok(emitted >= 0 && emitted < ack, `the ${i}th: ${emitted}, ${ack}`);
  }
});

scenario('socket.io events: one of maxPayload bytes comes back, one more closes with 1009', async (s) => {
  const ws = await joined(s);
  const head = '42["message","';
  const text = 'x'.repeat(1_000_000 - head.length - 2);
  ws.send(`${head}${text}"]`);
  assert.ok((await ws.next()) === `42["message-back","${text}"]`, 'it comes back whole');
  ws.send(`${head}${text}x"]`);
  assert.equal(await closes(ws), 1009);
});

scenario('socket.io connect_error: /auth says why with data, and admits who has the token', async (s) => {
  const ws = await joined(s);
  for (const payload of ['', '{"token":"wrong"}', '{"token":7}', '{"token":"secret "}']) {
    ws.send(`40/auth,${payload}`);
    assert.equal(await ws.next(), '44/auth,{"message":"unauthorized","data":{"code":401,"hint":"token"}}');
  }
  ws.send('40/auth,{"token":"secret","more":[1]}');
  assert.match(await ws.next(), /^40\/auth,\{"sid":"[^"]+"\}$/);
  assert.equal(await ws.next(), '42/auth,["auth",{"token":"secret","more":[1]}]');
});

scenario('socket.io by polling: CONNECT and auth, events and attachments come as one payload', async () => {
  const at = await polling();
  const sid = await at.open();
  assert.equal((await at.push(sid, '40')).status, 200);
  const until = async (count) => {
    const got = [];
    while (got.length < count) {
      for (const packet of (await at.text(sid)).split('\x1e')) {
        if (packet !== '2') got.push(packet);
        else await at.push(sid, '3');
      }
    }
    return got;
  };
  const [connect, auth] = await until(2);
  assert.match(connect, /^40\{"sid":"[^"]+"\}$/);
  assert.equal(auth, '42["auth",{}]');
  assert.equal((await at.push(sid, `452-["message",${two}]\x1ebAQID\x1ebBAUG`)).status, 200);
  assert.deepEqual(await until(3), [`452-["message-back",${two}]`, 'bAQID', 'bBAUG']);
  assert.equal((await at.push(sid, '421["message-with-ack","a"]\x1e422["message-with-ack","b"]')).status, 200);
  assert.deepEqual(await until(2), ['431["a"]', '432["b"]']);
});

scenario(
  'socket.io recovery: its path answers CONNECT with a pid, and a room’s message ends with an offset',
  async (s) => {
    const ws = socket_at(s, websocket_url_of(await shared.get(), '/recovery/socket.io/', 'EIO=4&transport=websocket'));
    ws.skips = (one) => one === '2' && (ws.send('3'), true);
    assert.match(await ws.next(), /^0\{/);
    ws.send('40');
    const { sid, pid } = JSON.parse((await ws.next()).substring(2));
    assert.deepEqual([typeof sid, typeof pid], ['string', 'string']);
    assert.equal(await ws.next(), '42["auth",{}]');
    ws.send('421["join","offsets"]');
    assert.equal(await ws.next(), '431["joined"]');
    ws.send('42["all-room","offsets",{"n":1}]');
    const [event, room, payload, offset] = JSON.parse((await ws.next()).substring(2));
    assert.deepEqual([event, room, payload, typeof offset], ['room-msg', 'offsets', { n: 1 }, 'string']);
    assert.ok(offset.length > 0);
  },
);

shared.stops();
