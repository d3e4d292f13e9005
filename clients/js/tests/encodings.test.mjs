// MessagePack and JSON: golden bytes, limits, and that both carry the same documents.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ext } from '../binary.js';
import * as json from '../json.js';
import * as msgpack from '../msgpack.js';

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const bytes = (text) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const filled = (n) => new Uint8Array(n).fill(0x61);

// What the specification says, byte by byte: marker, length, content.
const golden = [
  [null, 'c0'],
  [false, 'c2'],
  [true, 'c3'],
  [0, '00'],
  [127, '7f'],
  [128, 'cc 80'],
  [255, 'cc ff'],
  [256, 'cd 0100'],
  [65535, 'cd ffff'],
  [65536, 'ce 00010000'],
  [4294967295, 'ce ffffffff'],
  [4294967296, 'cf 0000000100000000'],
  [Number.MAX_SAFE_INTEGER, 'cf 001fffffffffffff'],
  [2n ** 53n, 'cf 0020000000000000'],
  [2n ** 64n - 1n, 'cf ffffffffffffffff'],
  [-1, 'ff'],
  [-32, 'e0'],
  [-33, 'd0 df'],
  [-128, 'd0 80'],
  [-129, 'd1 ff7f'],
  [-32768, 'd1 8000'],
  [-32769, 'd2 ffff7fff'],
  [-2147483648, 'd2 80000000'],
  [-2147483649, 'd3 ffffffff7fffffff'],
  [Number.MIN_SAFE_INTEGER, 'd3 ffe0000000000001'],
  [-(2n ** 63n), 'd3 8000000000000000'],
  [0.5, 'cb 3fe0000000000000'],
  [-1.25, 'cb bff4000000000000'],
  ['', 'a0'],
  ['a', 'a1 61'],
  ['ü', 'a2 c3bc'],
  ['😀', 'a4 f09f9880'],
  ['a'.repeat(31), `bf ${'61'.repeat(31)}`],
  ['a'.repeat(32), `d9 20 ${'61'.repeat(32)}`],
  ['a'.repeat(256), `da 0100 ${'61'.repeat(256)}`],
  ['a'.repeat(65536), `db 00010000 ${'61'.repeat(65536)}`],
  [filled(0), 'c4 00'],
  [filled(3), 'c4 03 616161'],
  [filled(256), `c5 0100 ${'61'.repeat(256)}`],
  [filled(65536), `c6 00010000 ${'61'.repeat(65536)}`],
  [[], '90'],
  [[1, 'a', null], '93 01 a161 c0'],
  [Array(16).fill(0), `dc 0010 ${'00'.repeat(16)}`],
  [Array(65536).fill(0), `dd 00010000 ${'00'.repeat(65536)}`],
  [{}, '80'],
  [{ a: 1, b: [true] }, '82 a161 01 a162 91 c3'],
  [
    Object.fromEntries(Array.from({ length: 16 }, (_, i) => [String.fromCharCode(97 + i), i])),
    `de 0010 ${Array.from({ length: 16 }, (_, i) => `a1${(97 + i).toString(16)}0${i.toString(16)}`).join('')}`,
  ],
  [new Ext(1, filled(1)), 'd4 01 61'],
  [new Ext(-1, filled(4)), 'd6 ff 61616161'],
  [new Ext(5, filled(8)), `d7 05 ${'61'.repeat(8)}`],
  [new Ext(127, filled(16)), `d8 7f ${'61'.repeat(16)}`],
  [new Ext(2, filled(3)), 'c7 03 02 616161'],
  [new Ext(-128, filled(0)), 'c7 00 80'],
  [new Ext(3, filled(256)), `c8 0100 03 ${'61'.repeat(256)}`],
];

test('msgpack: golden bytes, there and back', () => {
  for (const [value, text] of golden) {
    const wanted = text.replaceAll(' ', '');
    const name = `${typeof value} ${String(value).slice(0, 20)} ${wanted.slice(0, 20)}`;
    assert.equal(hex(msgpack.encode(value)), wanted, name);
    assert.deepEqual(msgpack.decode(bytes(text)), value, name);
  }
});

test('msgpack: longer forms than needed are understood', () => {
  for (const [text, value] of [
    ['cc 05', 5],
    ['cd 0005', 5],
    ['ce 00000005', 5],
    ['cf 0000000000000005', 5],
    ['d0 05', 5],
    ['d1 0005', 5],
    ['d2 00000005', 5],
    ['d3 0000000000000005', 5],
    ['d3 ffffffffffffffff', -1],
    ['ca 3f000000', 0.5],
    ['d9 01 61', 'a'],
    ['dc 0001 05', [5]],
    ['de 0001 a161 05', { a: 5 }],
    ['df 00000001 a161 05', { a: 5 }],
    ['c7 01 07 61', new Ext(7, filled(1))],
    ['c9 00000001 07 61', new Ext(7, filled(1))],
  ])
    assert.deepEqual(msgpack.decode(bytes(text)), value, text);
});

test('msgpack: ill-formed input throws, wherever it is cut, and allocates nothing for what it declares', () => {
  const whole = msgpack.encode({
    a: [1, 'text', filled(40), new Ext(1, filled(5)), 2.5, 2n ** 60n, -70000],
    b: { c: 'ü'.repeat(40) },
  });
  for (let i = 0; i < whole.length; ++i)
    assert.throws(() => msgpack.decode(whole.subarray(0, i)), RangeError, `cut at ${i}`);
  for (const text of [
    '',
    'c1',
    '00 00',
    'db ffffffff',
    'dd ffffffff',
    'df ffffffff',
    'c6 ffffffff 00',
    'c9 ffffffff 01',
  ])
    assert.throws(() => msgpack.decode(bytes(text)), RangeError, text);
  assert.throws(() => msgpack.decode(bytes('81 01 02')), /a key of a map is no text/);
  assert.throws(() => msgpack.decode(bytes('a1 ff')), TypeError, 'no UTF-8');
  assert.throws(() => msgpack.decode(bytes('91'.repeat(200) + '00')), /nested deeper/);
  let deep = 0;
  for (let i = 0; i < 200; ++i) deep = [deep];
  assert.throws(() => msgpack.encode(deep), /nested deeper/);
});

test('msgpack: decodes from the middle of a buffer, and gives bytes of their own', () => {
  const buffer = bytes('ff ff 92 c4 02 0102 01 ff').buffer;
  const [data] = msgpack.decode(new Uint8Array(buffer, 2, 6));
  assert.deepEqual(data, Uint8Array.of(1, 2));
  new Uint8Array(buffer).fill(0);
  assert.deepEqual(data, Uint8Array.of(1, 2));
});

test('msgpack: __proto__ is a key like any other', () => {
  const map = msgpack.decode(bytes('81 a9 5f5f70726f746f5f5f 81 a161 01'));
  assert.deepEqual(Object.keys(map), ['__proto__']);
  assert.equal(map.a, undefined);
});

test('both: what JSON leaves out is left out, toJSON is asked, Maps are maps', () => {
  const value = {
    a: undefined,
    f: () => {},
    at: new Date(0),
    m: new Map([['k', [undefined, 1]]]),
    v: new Uint16Array([1]),
  };
  const wanted = { at: '1970-01-01T00:00:00.000Z', m: { k: [null, 1] }, v: Uint8Array.of(1, 0) };
  assert.deepEqual(msgpack.decode(msgpack.encode(value)), wanted);
  assert.deepEqual(json.decode(json.encode(value)), wanted);
  assert.equal(json.encode(undefined), 'null');
  assert.equal(hex(msgpack.encode(undefined)), 'c0');
});

test('both: what the node would refuse throws here', () => {
  for (const { encode } of [json, msgpack]) {
    for (const value of [NaN, Infinity, [-Infinity], { a: NaN }]) assert.throws(() => encode(value), TypeError);
    for (const value of [2n ** 64n, -(2n ** 63n) - 1n]) assert.throws(() => encode(value), RangeError);
    assert.throws(() => encode(new Map([[1, 2]])), /keys of a map/);
  }
});

test('json: bytes and exts, as the node spells them', () => {
  assert.equal(json.encode({ b: Uint8Array.of(1, 2, 3) }), '{"b":{"$bytes":"AQID"}}');
  assert.equal(json.encode([new Ext(7, Uint8Array.of(255))]), '[{"$ext":[7,"/w=="]}]');
  assert.deepEqual(json.decode('{"b":{"$bytes":"AQID"},"e":[{"$ext":[-1,""]}]}'), {
    b: Uint8Array.of(1, 2, 3),
    e: [new Ext(-1, filled(0))],
  });
  for (const text of [
    '{"$bytes":"AQ"}',
    '{"$bytes":5}',
    '{"$bytes":"AQID","more":1}',
    '{"$ext":[200,""]}',
    '{"$ext":[1]}',
    '{"$ext":[1.5,""]}',
  ])
    assert.deepEqual(json.decode(text), JSON.parse(text), text);
});

test('json: integers to 64 bits, and texts that look like them', () => {
  const big = {
    a: 2n ** 64n - 1n,
    b: -(2n ** 63n),
    c: [9007199254740993n],
    text: '12345678901234567890',
    '98765432109876543210': 'key',
  };
  assert.deepEqual(json.decode(json.encode(big)), big);
  assert.deepEqual(
    json.decode('[9007199254740991, -9007199254740991, 1234567890123456e2, 0.12345678901234567]'),
    [9007199254740991, -9007199254740991, 123456789012345600, 0.12345678901234567],
  );
  assert.equal(json.decode('"\\"12345678901234567890"'), '"12345678901234567890');
});

test('json: everything that JSON.stringify knows, as it spells it', () => {
  for (const value of [
    null,
    true,
    'a"\\\n\u2028\ud800',
    -0,
    1e21,
    5e-7,
    [],
    [[]],
    {},
    { '': { __proto__x: [1, { a: null }] } },
  ])
    assert.equal(json.encode(value), JSON.stringify(value));
});
