// WebSocket frames, JSON and MessagePack that no client would send: each row of the tables in docs/protocol.md.
import assert from 'node:assert/strict';
import { encode } from '@msgpack/msgpack';
import { RpcError } from './client.mjs';
import { fresh, scenario, sharedNode } from './harness.mjs';
import { RawWebSocket, frame } from './raw.mjs';

const shared = sharedNode();
const [text, binary, close, ping, pong] = [1, 2, 8, 9, 10];
const connect = async (s, options) => {
  const socket = await RawWebSocket.connect(await shared.get(), options);
  s.defer(() => socket.end());
  return socket;
};
const call = (method, params = {}, id = 1) => JSON.stringify({ jsonrpc: '2.0', id, method, params });
/** The connection still answers. */
const stands = async (socket) => {
  socket.text(call('rpc.discover', {}, 'still'));
  for (;;) {
    const answer = await socket.json();
    assert.ok(answer, 'the connection stands');
    if (answer.id === 'still') return;
  }
};

const protocol_errors = {
  'a frame without a mask': frame({ payload: call('rpc.discover'), masked: false }),
  'a reserved bit': frame({ payload: 'x', rsv: 4 }),
  'an unknown data opcode': frame({ opcode: 3, payload: 'x' }),
  'an unknown control opcode': frame({ opcode: 11 }),
  'a fragmented ping': frame({ opcode: ping, fin: false }),
  'a ping of 126 bytes': frame({ opcode: ping, payload: 'x'.repeat(126) }),
  'a continuation of nothing': frame({ opcode: 0, payload: 'x' }),
  'a new message inside a fragmented one': Buffer.concat([
    frame({ payload: 'a', fin: false }),
    frame({ payload: 'b' }),
  ]),
  'a length in more bytes than it needs': frame({ payload: 'x'.repeat(10), long_form: 16 }),
  'a 64-bit length in more bytes than it needs': frame({ payload: 'x'.repeat(200), long_form: 64 }),
  'a close frame of one byte': frame({ opcode: close, payload: Buffer.from([3]) }),
  'a close code that is never sent (1005)': frame({ opcode: close, payload: Buffer.from([0x03, 0xed]) }),
  'a close code below 1000': frame({ opcode: close, payload: Buffer.from([0x03, 0xe7]) }),
};
for (const [what, bytes] of Object.entries(protocol_errors)) {
  scenario(`1002: ${what}`, async (s) => {
    const socket = await connect(s);
    socket.send(bytes);
    assert.equal((await socket.close_of()).code, 1002);
  });
}

scenario('frames: the node’s own are unmasked, whole, without reserved bits', async (s) => {
  const socket = await connect(s);
  socket.text(call('rpc.discover'));
  const { fin, rsv, masked, opcode } = await socket.next();
  assert.deepEqual([fin, rsv, masked, opcode], [true, 0, false, text]);
});

scenario(
  'frames: a message in fragments with pings between them is one message, and each ping is answered',
  async (s) => {
    const socket = await connect(s);
    const message = Buffer.from(call('rpc.discover', {}, 'ü'));
    const cut = message.indexOf(0xc3) + 1; // inside a character
    socket.send(frame({ payload: message.subarray(0, cut), fin: false }));
    socket.send(frame({ opcode: ping, payload: 'are you there' }));
    const answer = await socket.next();
    assert.deepEqual([answer.opcode, answer.payload.toString()], [pong, 'are you there']);
    socket.send(frame({ opcode: 0, payload: '', fin: false }));
    socket.send(frame({ opcode: 0, payload: message.subarray(cut) }));
    assert.equal((await socket.json()).id, 'ü');
  },
);

scenario('frames: a message byte by byte is one message', async (s) => {
  const socket = await connect(s);
  socket.raw.socket.setNoDelay(true);
  for (const byte of frame({ payload: call('room.leave', { room: 'x' }, 7) })) {
    socket.send(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  assert.equal((await socket.json()).id, 7);
});

scenario('frames: what comes with the handshake’s last byte is not lost', async (s) => {
  const { Raw } = await import('./raw.mjs');
  const node = await shared.get();
  const raw = await Raw.connect(node);
  s.defer(() => raw.end());
  raw.write(
    Buffer.concat([
      Buffer.from(
        'GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
      ),
      frame({ payload: call('rpc.discover', {}, 'early') }),
    ]),
  );
  await raw.until((bytes) => bytes.includes('"early"') || undefined, 'the answer to the early call');
  assert.match(raw.received.toString(), /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i);
});

scenario('close: the client’s close is answered with its code, then the connection ends', async (s) => {
  const socket = await connect(s);
  socket.send(frame({ opcode: close, payload: Buffer.from([0x03, 0xe8]) }));
  assert.equal((await socket.close_of()).code, 1000);
  await socket.raw.closed;
  const empty = await connect(s);
  empty.send(frame({ opcode: close }));
  assert.ok([1000, 1005].includes((await empty.close_of()).code));
});

scenario('1009: a message over 64 KiB is refused at its header, before its bytes come', async (s) => {
  const socket = await connect(s);
  socket.send(frame({ payload: '', length: 65_537 }));
  assert.equal((await socket.close_of()).code, 1009);
});

scenario('1009: a length of 2^63 - 1 costs nothing', async (s) => {
  const socket = await connect(s);
  const bytes = frame({ payload: '', length: 70_000 });
  bytes.writeBigUInt64BE(2n ** 63n - 1n, 2);
  socket.send(bytes);
  assert.equal((await socket.close_of()).code, 1009);
});

scenario('1009: fragments that together are over 64 KiB', async (s) => {
  const socket = await connect(s);
  socket.send(frame({ payload: 'x'.repeat(40_000), fin: false }));
  socket.send(frame({ opcode: 0, payload: 'x'.repeat(40_000) }));
  assert.equal((await socket.close_of()).code, 1009);
});

scenario('1009: more than 128 fragments', async (s) => {
  const request = Buffer.from(call('rpc.discover', {}, 'many'.padEnd(140, '.')));
  const pieces = (count) =>
    Array.from({ length: count }, (_, i) =>
      frame({
        opcode: i === 0 ? text : 0,
        fin: i === count - 1,
        payload: i === count - 1 ? request.subarray(i) : request.subarray(i, i + 1),
      }),
    );
  const fits = await connect(s);
  fits.send(Buffer.concat(pieces(128)));
  assert.ok((await fits.json()).result);
  const over = await connect(s);
  over.send(Buffer.concat(pieces(129)));
  assert.equal((await over.close_of()).code, 1009);
});

for (const [what, bytes] of Object.entries({
  'a lone continuation byte': [0x22, 0x80, 0x22],
  'an overlong form': [0x22, 0xc0, 0xaf, 0x22],
  'a surrogate': [0x22, 0xed, 0xa0, 0x80, 0x22],
  'beyond U+10FFFF': [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22],
  'a cut-off character': [0x22, 0xc3],
})) {
  scenario(`1007: a text frame that is no UTF-8: ${what}`, async (s) => {
    const socket = await connect(s);
    socket.send(frame({ payload: Buffer.from(bytes) }));
    assert.equal((await socket.close_of()).code, 1007);
  });
}

scenario('1007: MessagePack that declares more than the limits, before anything is allocated for it', async (s) => {
  const head = Buffer.from(encode({ id: 1, method: 'room.publish' })).subarray(1);
  const declared = {
    'an array of 2^32 - 1': Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]),
    'a map of 2^32 - 1': Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]),
    'a string of 4 GiB': Buffer.from([0xdb, 0xff, 0xff, 0xff, 0xff]),
    'bytes of 4 GiB': Buffer.from([0xc6, 0xff, 0xff, 0xff, 0xff]),
    'an ext of 4 GiB': Buffer.from([0xc9, 0xff, 0xff, 0xff, 0xff, 1]),
    '10,001 elements': Buffer.concat([Buffer.from([0xdc, 0x27, 0x11]), Buffer.alloc(10_001, 0xc0)]),
    '33 levels': Buffer.concat([Buffer.alloc(32, 0x91), Buffer.from([0xc0])]),
  };
  for (const [what, value] of Object.entries(declared)) {
    const socket = await connect(s, { protocol: 'greenroom.msgpack.1' });
    const params = Buffer.concat([Buffer.from([0xa6]), Buffer.from('params'), value]);
    socket.send(frame({ opcode: binary, payload: Buffer.concat([Buffer.from([0x83]), head, params]) }));
    assert.equal((await socket.close_of()).code, 1007, what);
  }
});

scenario('-32700: truncated or ill-formed MessagePack has a null id, and the connection stays', async (s) => {
  const { decode } = await import('@msgpack/msgpack');
  const socket = await connect(s, { protocol: 'greenroom.msgpack.1' });
  const whole = Buffer.from(encode({ id: 1, method: 'rpc.discover', params: {} }));
  for (const bytes of [
    whole.subarray(0, whole.length - 1),
    whole.subarray(0, 5),
    Buffer.from([0xc1]),
    Buffer.concat([whole, whole]),
    Buffer.alloc(0),
  ]) {
    socket.send(frame({ opcode: binary, payload: bytes }));
    const { opcode, payload } = await socket.next();
    assert.equal(opcode, binary);
    const { id, error } = decode(payload);
    assert.deepEqual([id, error.code], [null, -32700], bytes.toString('hex'));
  }
  socket.send(frame({ opcode: binary, payload: whole }));
  assert.ok(decode((await socket.next()).payload).result);
});

scenario('-32700: ill-formed JSON has a null id, and the connection stays', async (s) => {
  const socket = await connect(s);
  for (const bad of [
    '',
    ' ',
    '{',
    '{"a":}',
    '[1,]',
    '{"a" 1}',
    '01',
    '1.',
    '.5',
    '+1',
    'NaN',
    'Infinity',
    "{'a':1}",
    '"\n"',
    '"\\x"',
    '"\\ud800',
    '{"a":1}{',
    'nul',
    '\ufeff{}',
  ]) {
    socket.text(bad);
    const answer = await socket.json();
    assert.deepEqual([answer.id, answer.error.code], [null, -32700], JSON.stringify(bad));
  }
  await stands(socket);
});

scenario('-32006: JSON deeper than 32 or with more than 10,000 values, and the connection stays', async (s) => {
  const socket = await connect(s);
  const publish = (payload) =>
    `{"jsonrpc":"2.0","id":1,"method":"room.publish","params":{"room":"${fresh()}","event":"e","payload":${payload}}}`;
  const nested = (depth) => '['.repeat(depth) + ']'.repeat(depth);
  const values = (count) => `[${Array(count).fill(0).join(',')}]`;
  for (const [payload, good] of [
    [nested(30), true],
    [nested(31), false],
    [values(9_000), true],
    [values(10_001), false],
    [nested(30_000), false],
  ]) {
    socket.text(publish(payload));
    const answer = await socket.json();
    if (good) assert.ok(answer.result, payload.slice(0, 50));
    else assert.deepEqual([answer.id, answer.error.code], [null, -32006], payload.slice(0, 50));
  }
  await stands(socket);
});

scenario(
  '-32602: what one format has and the other cannot take is refused where it enters, with its path',
  async (s) => {
    const node = await shared.get();
    const json = await s.client(node, { user: fresh('ann') });
    const packed = await s.client(node, { kind: 'msgpack', user: fresh('bin') });
    const room = fresh();
    const refused = (error) =>
      error instanceof RpcError && error.code === -32602 && error.data.path.startsWith('params.payload');
    const raw_json = (payload) =>
      new Promise((resolve, reject) => {
        json.frames.length = 0;
        json.send(
          `{"jsonrpc":"2.0","id":"raw","method":"room.publish","params":{"room":"${room}","event":"e","payload":${payload}}}`,
        );
        json
          .until(() => json.frames.find(({ message }) => message.id === 'raw'), 'the answer')
          .then(
            ({ message }) => (message.error ? reject(new RpcError(message.error)) : resolve(message.result)),
            reject,
          );
      });
    for (const big of [
      '18446744073709551616',
      '-9223372036854775809',
      '{"a":[1,123456789012345678901234567890]}',
      '1e400',
    ])
      await assert.rejects(raw_json(big), refused, big);
    for (const fits of ['18446744073709551615', '-9223372036854775808', '1e308']) assert.ok(await raw_json(fits));
    for (const payload of [NaN, Infinity, -Infinity, { a: [NaN] }])
      await assert.rejects(packed.publish(room, payload), refused);
    const with_payload = (value) => {
      const rest = Buffer.from(encode({ room, event: 'e' })).subarray(1);
      return Buffer.concat([
        Buffer.from([0x83]),
        Buffer.from(encode('id')),
        Buffer.from(encode('raw')),
        Buffer.from(encode('method')),
        Buffer.from(encode('room.publish')),
        Buffer.from(encode('params')),
        Buffer.from([0x83]),
        rest,
        Buffer.from(encode('payload')),
        value,
      ]);
    };
    for (const value of [Buffer.from([0x81, 0x01, 0x02]), Buffer.from([0x81, 0xc0, 0x01]), Buffer.from([0xa1, 0xff])]) {
      packed.frames.length = 0;
      packed.send(with_payload(value));
      const { message } = await packed.until(() => packed.frames.find((f) => f.message.id === 'raw'), 'the answer');
      assert.equal(message.error?.code, -32602, value.toString('hex'));
    }
    assert.ok(await packed.publish(room, 'fine'));
  },
);

scenario(
  'hostile bytes: 2,000 seeded mutations of good calls end no connection without a word, and the node stands',
  async (s) => {
    const { random } = await import('./harness.mjs');
    const seed = Number(process.env.GREENROOM_TEST_SEED ?? Date.now() % 1_000_000);
    const dice = random(seed);
    const node = await shared.get();
    const good = [
      call('room.publish', { room: 'fuzz', event: 'e', payload: { a: [1, 'x', null] } }),
      call('room.join', { room: 'fuzz', since: { epoch: 'e', seq: 1 } }),
      call('session.open', { resume: { session: 's', token: 't', positions: { a: 1 } } }),
      `[${call('room.leave', { room: 'fuzz' })}]`,
    ];
    let socket = await connect(s);
    for (let i = 0; i < 2_000; ++i) {
      const packed = dice() < 0.5;
      const pick = good[Math.floor(dice() * good.length)];
      const bytes = Buffer.from(packed ? encode(JSON.parse(pick)) : pick);
      for (let n = 1 + Math.floor(dice() * 3); n > 0; --n)
        bytes[Math.floor(dice() * bytes.length)] = Math.floor(dice() * 256);
      socket.send(frame({ opcode: packed ? binary : text, payload: bytes }));
      if (i % 20 !== 19) continue;
      socket.text(call('rpc.discover', {}, 'still'));
      for (;;) {
        const got = await socket.next();
        assert.ok(got, `seed ${seed}, round ${i}: the connection ended without a close frame`);
        if (got.opcode === close) {
          // 1007 is an answer too: declared too much, or no UTF-8
          assert.equal(got.payload.readUInt16BE(0), 1007, `seed ${seed}, round ${i}`);
          await socket.end();
          socket = await connect(s);
          break;
        }
        if (got.opcode === text && got.payload.includes('"still"')) break;
      }
    }
    assert.equal((await fetch(`${node.http}/health`)).status, 200);
  },
);

shared.stops();
