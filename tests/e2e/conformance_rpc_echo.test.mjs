// JSON-RPC 2.0 at /rpc-ws of examples/conformance: the examples of the specification, as JSON and as MessagePack; and plain
// WebSocket messages at /echo and /echo-1m: kinds, sizes, fragments, permessage-deflate.
import assert from 'node:assert/strict';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { decode, encode } from '@msgpack/msgpack';
import { sharedConformance, socket_at } from './conformance.mjs';
import { scenario, within } from './harness.mjs';
import { Raw, frame } from './raw.mjs';

const shared = sharedConformance();
const mib = 1_048_576;
const at = async (s, path, options) => {
  const node = await shared.get();
  const ws = socket_at(s, node.http.replace('http', 'ws') + path, { perMessageDeflate: false, ...options });
  await ws.opens;
  return ws;
};

// --- JSON-RPC

/** A connection that says one encoding: `ask` sends anything and takes the next message, `says` what came to nothing. */
async function rpc(s, kind) {
  const ws = await at(s, '/rpc-ws');
  const pack = kind === 'msgpack' ? encode : JSON.stringify;
  const unpack = (got) => {
    assert.equal(Buffer.isBuffer(got), kind === 'msgpack', 'answers come in the kind of their request');
    return kind === 'msgpack' ? decode(got) : JSON.parse(got);
  };
  const send = (what) => ws.send(typeof what === 'string' || Buffer.isBuffer(what) ? what : pack(what));
  return {
    ws,
    send,
    ask: async (what) => (send(what), unpack(await ws.next())),
    /** Nothing came: the next answer is that of this call. */
    async is_silent() {
      send({ jsonrpc: '2.0', method: 'echo', params: ['silent'], id: 'silent' });
      assert.deepEqual(unpack(await ws.next()), { jsonrpc: '2.0', result: 'silent', id: 'silent' });
    },
  };
}
const call = (method, params, id) => ({
  jsonrpc: '2.0',
  method,
  ...(params && { params }),
  ...(id !== undefined && { id }),
});
const result = (value, id) => ({ jsonrpc: '2.0', result: value, id });
const fails = (got, code, id) => {
  assert.deepEqual([got.jsonrpc, got.error?.code, got.id, got.result], ['2.0', code, id, undefined]);
  assert.equal(typeof got.error.message, 'string');
};

for (const kind of ['json', 'msgpack']) {
  scenario(`JSON-RPC 2.0, ${kind}: rpc call with positional parameters`, async (s) => {
    const { ask } = await rpc(s, kind);
    assert.deepEqual(await ask(call('subtract', [42, 23], 1)), result(19, 1));
    assert.deepEqual(await ask(call('subtract', [23, 42], 2)), result(-19, 2));
  });

  scenario(`JSON-RPC 2.0, ${kind}: rpc call with named parameters`, async (s) => {
    const { ask } = await rpc(s, kind);
    assert.deepEqual(await ask(call('subtract', { subtrahend: 23, minuend: 42 }, 3)), result(19, 3));
    assert.deepEqual(await ask(call('subtract', { minuend: 42, subtrahend: 23 }, 4)), result(19, 4));
  });

  scenario(`JSON-RPC 2.0, ${kind}: a notification, known or not, is not answered`, async (s) => {
    const { send, is_silent } = await rpc(s, kind);
    for (const what of [call('update', [1, 2, 3, 4, 5]), call('foobar'), call('subtract', ['x'])]) send(what);
    await is_silent();
  });

  scenario(`JSON-RPC 2.0, ${kind}: rpc call of non-existent method`, async (s) => {
    fails(await (await rpc(s, kind)).ask(call('foobar', undefined, '1')), -32601, '1');
  });

  scenario(`JSON-RPC 2.0, ${kind}: rpc call with invalid ${kind === 'json' ? 'JSON' : 'MessagePack'}`, async (s) => {
    const { ask, is_silent } = await rpc(s, kind);
    const broken =
      kind === 'json'
        ? [
            '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
            '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"]',
            '',
          ]
        : [Buffer.from([0x81]), Buffer.from([0xc1]), Buffer.from(encode(call('sum', [1], 1)).subarray(0, -1))];
    for (const bytes of broken) fails(await ask(bytes), -32700, null);
    await is_silent();
  });

  scenario(`JSON-RPC 2.0, ${kind}: rpc call with invalid Request object`, async (s) => {
    const { ask } = await rpc(s, kind);
    fails(await ask({ jsonrpc: '2.0', method: 1, params: 'bar' }), -32600, null);
    for (const what of [1, 'text', null, {}, { foo: 'boo' }, true]) fails(await ask(JSON_or(kind, what)), -32600, null);
  });

  scenario(`JSON-RPC 2.0, ${kind}: rpc call with an empty Array`, async (s) => {
    fails(await (await rpc(s, kind)).ask([]), -32600, null);
  });

  scenario(`JSON-RPC 2.0, ${kind}: rpc call with an invalid Batch (but not empty)`, async (s) => {
    const { ask } = await rpc(s, kind);
    for (const batch of [[1], [1, 2, 3]]) {
      const got = await ask(batch);
      assert.equal(got.length, batch.length);
      for (const each of got) fails(each, -32600, null);
    }
  });

  scenario(`JSON-RPC 2.0, ${kind}: rpc call Batch`, async (s) => {
    const { ask } = await rpc(s, kind);
    const got = await ask([
      call('sum', [1, 2, 4], '1'),
      call('notify_hello', [7]),
      call('subtract', [42, 23], '2'),
      { foo: 'boo' },
      call('foo.get', { name: 'myself' }, '5'),
      call('get_data', undefined, '9'),
    ]);
    assert.equal(got.length, 5);
    const of = (id) => got.find((each) => each.id === id);
    assert.deepEqual(of('1'), result(7, '1'));
    assert.deepEqual(of('2'), result(19, '2'));
    fails(of(null), -32600, null);
    fails(of('5'), -32601, '5');
    assert.deepEqual(of('9'), result(['hello', 5], '9'));
  });

  scenario(`JSON-RPC 2.0, ${kind}: rpc call Batch (all notifications)`, async (s) => {
    const { send, is_silent } = await rpc(s, kind);
    send([call('notify_sum', [1, 2, 4]), call('notify_hello', [7])]);
    await is_silent();
  });

  scenario(`JSON-RPC 2.0, ${kind}: ids are texts, numbers or null, and come back as they were`, async (s) => {
    const { ask } = await rpc(s, kind);
    for (const id of [0, -1, 1.5, 'text', '', null, 9_007_199_254_740_991, 'ü"\\'])
      assert.deepEqual(await ask({ jsonrpc: '2.0', method: 'sum', params: [1, 2], id }), result(3, id));
  });

  scenario(`JSON-RPC 2.0, ${kind}: invalid params are -32602`, async (s) => {
    const { ask } = await rpc(s, kind);
    for (const params of [['x', 1], { minuend: 1 }, { minuend: 'x', subtrahend: 2 }, [1]])
      fails(await ask(call('subtract', params, 1)), -32602, 1);
    fails(await ask(call('sum', [1, 'x'], 2)), -32602, 2);
  });

  scenario(`JSON-RPC 2.0, ${kind}: sum of none, of many, and echo of anything`, async (s) => {
    const { ask } = await rpc(s, kind);
    assert.deepEqual(await ask(call('sum', [], 1)), result(0, 1));
    assert.deepEqual(await ask(call('sum', Array.from({ length: 1000 }, (_, i) => i), 2)), result(499_500, 2)); // prettier-ignore
    const values = [null, true, 0, -1.5, 'ü', [], {}, [1, { a: [null] }], { deep: { er: ['x'] } }];
    if (kind === 'msgpack') values.push(new Uint8Array([0, 255]), { bytes: new Uint8Array(3) });
    for (const value of values) {
      const got = (await ask(call('echo', [value], 3))).result;
      assert.deepEqual(plain(got), plain(value));
    }
    assert.deepEqual(await ask(call('echo', { named: 1 }, 4)), result({ named: 1 }, 4));
  });

  scenario(`JSON-RPC 2.0, ${kind}: a message of 1 MiB is answered`, async (s) => {
    const { ask, ws } = await rpc(s, kind);
    const size = (text) =>
      (kind === 'msgpack' ? encode(call('echo', [text], 1)) : Buffer.from(JSON.stringify(call('echo', [text], 1))))
        .length;
    const around = size('x'.repeat(70_000)) - 70_000;
    const text = 'x'.repeat(mib - around);
    assert.equal(size(text), mib);
    assert.ok((await ask(call('echo', [text], 1))).result === text);
    ws.send(
      kind === 'msgpack'
        ? encode(call('echo', ['x'.repeat(mib + 4096)], 1))
        : JSON.stringify(call('echo', ['x'.repeat(mib + 4096)], 1)),
    );
    assert.equal(await within(5_000, 'the close', ws.closes), 1009);
  });
}
const JSON_or = (kind, what) => (kind === 'json' ? JSON.stringify(what) : Buffer.from(encode(what)));
const plain = (value) =>
  value instanceof Uint8Array ? { bytes: [...value] }
  : Array.isArray(value) ? value.map(plain)
  : value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]))
  : value; // prettier-ignore

scenario('JSON-RPC 2.0: a hundred calls in a row are all answered, a call of one kind in that kind', async (s) => {
  const ws = await at(s, '/rpc-ws');
  for (let i = 0; i < 100; ++i)
    ws.send(i % 2 ? JSON.stringify(call('sum', [i, 1], i)) : encode(call('sum', [i, 1], i)));
  const got = new Map();
  for (let i = 0; i < 100; ++i) {
    const one = await ws.next();
    const { id, result } = Buffer.isBuffer(one) ? decode(one) : JSON.parse(one);
    assert.equal(Buffer.isBuffer(one), id % 2 === 0);
    got.set(id, result);
  }
  for (let i = 0; i < 100; ++i) assert.equal(got.get(i), i + 1);
});

// --- /echo

scenario('echo: text as text, binary as binary, empty ones, in their order', async (s) => {
  const ws = await at(s, '/echo');
  const messages = [
    'hello',
    Buffer.from([0, 1, 255]),
    '',
    Buffer.alloc(0),
    'ü\u{1f600}\u0000',
    '{"jsonrpc":"2.0"}',
    Buffer.from('text as bytes'),
  ];
  for (const each of messages) ws.send(each);
  for (const each of messages) assert.deepEqual(await ws.next(), each);
});

scenario('echo: a ping is answered with a pong of the same bytes, and 1000 with 1000', async (s) => {
  const ws = await at(s, '/echo');
  const pong = new Promise((resolve) => ws.once('pong', resolve));
  ws.ping('are you there');
  assert.equal((await within(2_000, 'the pong', pong)).toString(), 'are you there');
  ws.close(1000);
  assert.equal(await within(2_000, 'the close', ws.closes), 1000);
});

scenario('echo: text that is not UTF-8 closes with 1007, in one frame or cut within a letter', async (s) => {
  for (const parts of [[Buffer.from([0xce, 0xba, 0xe1, 0xbd, 0xff])], [Buffer.from([0xce]), Buffer.from([0xce])]]) {
    const ws = await at(s, '/echo');
    parts.forEach((part, i) => ws.send(part, { binary: false, fin: i === parts.length - 1 }));
    assert.equal(await within(2_000, 'the close', ws.closes), 1007);
  }
  const ws = await at(s, '/echo');
  const letters = Buffer.from('\u{1f600}ü');
  letters.forEach((_, i) => ws.send(letters.subarray(i, i + 1), { binary: false, fin: i === letters.length - 1 }));
  assert.equal(await ws.next(), '\u{1f600}ü');
});

for (const [kind, binary] of [
  ['binary', true],
  ['text', false],
]) {
  scenario(`echo: a ${kind} message of 16 MiB comes back, one byte more closes with 1009`, async (s) => {
    const ws = await at(s, '/echo', { maxPayload: 64 * mib });
    const bytes = Buffer.alloc(16 * mib, 'greenroom');
    ws.send(bytes, { binary });
    const got = await ws.next(30_000);
    assert.equal(Buffer.isBuffer(got), binary);
    assert.ok(Buffer.from(got).equals(bytes));
    ws.send(Buffer.alloc(16 * mib + 1, 'greenroom'), { binary });
    assert.equal(await within(10_000, 'the close', ws.closes), 1009);
  });

  for (const size of [0, 1, 4, 256]) {
    scenario(`echo: a ${kind} message of 65,536 fragments of ${size} bytes comes back`, async (s) => {
      const ws = await at(s, '/echo', { maxPayload: 64 * mib });
      const count = 65_536;
      const part = Buffer.alloc(size, 'x');
      for (let i = 0; i < count; ++i) ws.send(part, { binary, fin: i === count - 1 });
      const got = await ws.next(30_000);
      assert.equal(Buffer.isBuffer(got), binary);
      assert.equal(got.length, count * size);
      ws.send('still');
      assert.equal(await ws.next(), 'still');
    });
  }
}

scenario('echo: control frames between the fragments are answered at once', async (s) => {
  const ws = await at(s, '/echo');
  ws.send('one ', { fin: false });
  const pong = new Promise((resolve) => ws.once('pong', resolve));
  ws.ping('now');
  await within(2_000, 'the pong', pong);
  ws.send('message', { fin: true });
  assert.equal(await ws.next(), 'one message');
});

scenario('echo: /echo-1m takes 1 MiB, and closes with 1009 above it, whole or in fragments', async (s) => {
  for (const binary of [true, false]) {
    for (const parts of [1, 4, 1024]) {
      const ws = await at(s, '/echo-1m', { maxPayload: 64 * mib });
      const send = (size) => {
        const bytes = Buffer.alloc(size, 'x');
        for (let i = 0; i < parts; ++i)
          ws.send(bytes.subarray((i * size) / parts, ((i + 1) * size) / parts), { binary, fin: i === parts - 1 });
      };
      send(mib);
      assert.equal((await ws.next(10_000)).length, mib);
      send(mib + parts);
      assert.equal(await within(5_000, 'the close', ws.closes), 1009);
    }
  }
});

// --- permessage-deflate

const compressible = (n) => Buffer.from(Array.from({ length: n }, (_, i) => `${i} compress me, `).join('')); // no short period
for (const path of ['/echo', '/echo-1m'])
  scenario(
    `echo: permessage-deflate with every window and no_context_takeover that a client may offer, ${path}`,
    async (s) => {
      const flags = [undefined, true];
      const windows = [undefined, 8, 9, 10, 11, 12, 13, 14, 15];
      for (const serverNoContextTakeover of flags)
        for (const clientNoContextTakeover of flags)
          for (const bits of windows) {
            const perMessageDeflate = {
              serverNoContextTakeover,
              clientNoContextTakeover,
              serverMaxWindowBits: bits,
              clientMaxWindowBits: bits === 8 ? 9 : bits,
              threshold: 0,
            };
            const ws = await at(s, path, { perMessageDeflate });
            for (const message of [
              compressible(5_000).toString(),
              compressible(5_000),
              'short',
              '',
              compressible(5_000),
            ]) {
              ws.send(message);
              assert.deepEqual(await ws.next(), message, JSON.stringify(perMessageDeflate));
            }
            ws.terminate();
          }
    },
  );

/** The handshake's answer to an offer, and the bytes behind it. */
async function offered(s, offer) {
  const node = await shared.get();
  const raw = await Raw.connect(node);
  s.defer(() => raw.end());
  raw.write(
    `GET /echo HTTP/1.1\r\nHost: ${node.host}:${node.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: ${offer}\r\n\r\n`,
  );
  const size = await raw.until(
    (bytes) => (bytes.indexOf('\r\n\r\n') + 1 ? bytes.indexOf('\r\n\r\n') + 4 : undefined),
    'a handshake',
  );
  const head = raw.received.subarray(0, size).toString();
  raw.received = raw.received.subarray(size);
  assert.match(head, /^HTTP\/1.1 101/);
  return { raw, extensions: head.match(/^sec-websocket-extensions: (.*)\r$/im)?.[1] };
}
const tail = Buffer.from([0, 0, 0xff, 0xff]);
const deflated = (bytes, windowBits) =>
  deflateRawSync(bytes, { windowBits, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

scenario('echo: the answer has the window that was asked for, and what comes fits into it', async (s) => {
  for (let bits = 9; bits <= 15; ++bits) {
    const { raw, extensions } = await offered(
      s,
      `permessage-deflate; server_max_window_bits=${bits}; client_max_window_bits`,
    );
    assert.match(extensions, /^permessage-deflate/);
    assert.match(extensions, new RegExp(`server_max_window_bits=${bits}(;|$)`));
    for (let round = 0; round < 3; ++round) {
      const message = compressible(3_000 + round);
      raw.write(frame({ opcode: 2, rsv: 4, payload: deflated(message, bits) }));
      const got = await raw.until(whole_frame, 'the echo');
      raw.received = raw.received.subarray(got.size);
      const inflated = got.compressed
        ? inflateRawSync(Buffer.concat([got.payload, tail]), { windowBits: bits, finishFlush: constants.Z_SYNC_FLUSH })
        : got.payload;
      assert.ok(inflated.equals(message));
      assert.ok(got.compressed, 'it is worth compressing');
    }
  }
});
function whole_frame(bytes) {
  if (bytes.length < 4) return undefined;
  const length =
    bytes[1] < 126
      ? bytes[1]
      : bytes[1] === 126
        ? bytes.readUInt16BE(2)
        : bytes.length < 10
          ? Infinity
          : Number(bytes.readBigUInt64BE(2));
  const at = bytes[1] < 126 ? 2 : bytes[1] === 126 ? 4 : 10;
  if (bytes.length < at + length) return undefined;
  return { compressed: (bytes[0] & 0x40) !== 0, payload: bytes.subarray(at, at + length), size: at + length };
}

scenario('echo: what inflates to more than the limit closes with 1009', async (s) => {
  const ws = await at(s, '/echo-1m', { perMessageDeflate: { threshold: 0 } });
  ws.send(Buffer.alloc(mib, 0));
  assert.equal((await ws.next(10_000)).length, mib);
  ws.send(Buffer.alloc(mib + 1, 0));
  assert.equal(await within(5_000, 'the close', ws.closes), 1009);
});

shared.stops();
