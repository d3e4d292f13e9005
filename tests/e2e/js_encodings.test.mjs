// clients/js' MessagePack and types beside other people's: npm's @msgpack/msgpack reads what it writes and the other way
// round, and the TypeScript compiler holds its types against programs that must and must not compile.
import assert from 'node:assert/strict';
import { ExtData, decode, encode } from '@msgpack/msgpack';
import ts from 'typescript';
import { fileURLToPath } from 'node:url';
import { Ext } from '../../clients/js/binary.js';
import * as own from '../../clients/js/msgpack.js';
import { random, scenario } from './harness.mjs';

const seed = Number(process.env.GREENROOM_TEST_SEED ?? Date.now() % 1_000_000);
const theirs = { useBigInt64: true };

/** A document; its numbers lie near every border of MessagePack's forms. */
function document(chance, depth = 0) {
  const kinds = depth > 4 ? 9 : 11;
  const pick = (n) => Math.floor(chance() * n);
  const near = () => 2 ** pick(53) * (chance() < 0.5 ? -1 : 1) + pick(3) - 1;
  const text = () => Array.from({ length: pick(80) }, () => 'aü€😀'.at(pick(3))).join('') + '😀'.repeat(pick(2));
  switch (pick(kinds)) {
    case 0:
      return null;
    case 1:
      return chance() < 0.5;
    case 2:
    case 3:
      return near();
    case 4:
      return (chance() - 0.5) * 10 ** pick(300);
    case 5:
    case 6:
      return text();
    case 7:
      return Uint8Array.from({ length: pick(70) * pick(8) }, () => pick(256));
    case 8:
      return (chance() < 0.5 ? 1n : -1n) * (2n ** 54n + BigInt(pick(2 ** 30)) * 2n ** BigInt(pick(30)));
    case 9:
      return Array.from({ length: pick(20) }, () => document(chance, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: pick(20) }, (_, i) => [`${i}${text()}`, document(chance, depth + 1)]),
      );
  }
}
/** As @msgpack/msgpack gives 64-bit integers: all of them as BigInts. */
const narrowed = (value) => {
  if (typeof value === 'bigint' && value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER)
    return Number(value);
  if (Array.isArray(value)) return value.map(narrowed);
  if (value?.constructor === Object)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, narrowed(each)]));
  return value;
};

scenario('msgpack: 1,000 random documents, written by each and read by both', async () => {
  const chance = random(seed);
  for (let i = 0; i < 1_000; ++i) {
    const value = document(chance);
    const why = `seed ${seed}, document ${i}`;
    const bytes = own.encode(value);
    assert.deepEqual(own.decode(bytes), value, why);
    assert.deepEqual(narrowed(decode(bytes, theirs)), value, why);
    assert.deepEqual(own.decode(encode(value, theirs)), value, why);
  }
});

scenario('msgpack: exts pass between both', async () => {
  for (const length of [0, 1, 2, 3, 4, 8, 15, 16, 17, 255, 256, 70_000]) {
    const data = new Uint8Array(length).fill(9);
    assert.deepEqual(own.decode(encode(new ExtData(42, data))), new Ext(42, data));
    assert.deepEqual(decode(own.encode(new Ext(42, data))), new ExtData(42, data));
  }
});

const here = fileURLToPath(new URL('../../clients/js/', import.meta.url));
/** What the compiler says of a program that imports the module. */
function complaints(program) {
  const name = `${here}a_program.ts`;
  const options = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const [read, exists] = [host.getSourceFile, host.fileExists];
  host.fileExists = (path) => path === name || exists(path);
  host.getSourceFile = (path, ...more) =>
    path === name ? ts.createSourceFile(path, program, options.target) : read.call(host, path, ...more);
  const all = ts.getPreEmitDiagnostics(ts.createProgram([name], options, host));
  return all.map(({ file, start, messageText }) => ({
    line: file?.getLineAndCharacterOfPosition(start).line,
    text: ts.flattenDiagnosticMessageText(messageText, '\n'),
  }));
}
const program = (body) => `
  import { Greenroom, GreenroomError, RpcError, Ext, codes } from 'greenroom';
  import { decode, encode } from 'greenroom/msgpack';
  const client = new Greenroom('ws://127.0.0.1:8080', { user: 'ann', encoding: 'msgpack', backoff: { max_ms: 5_000 } });
  async function main() { ${body} }
  export { GreenroomError, RpcError, Ext, codes, decode, encode, main };`;

scenario('types: a program of everything compiles', async () => {
  const body = `
    client.on('state', (now) => {
      if (now.state === 'open') console.log(now.resumed, now.user);
      else if (now.state === 'reconnecting') console.log(now.delay_ms.toFixed());
    });
    client.on('inbox', async (message, ack) => { if (message.n > 1) { const sure: boolean = await ack(); void sure; } });
    const off: () => void = client.answer('add', ({ a, b }, { signal }) => signal.aborted || a + b);
    off();
    const room = await client.join('lobby', { presence: { colour: 'red' }, history: 20, since: { epoch: 'e', seq: 1 } });
    room.on('message', ({ seq, payload, from }, { source }) => console.log(seq.toFixed(), payload.text, from, source === 'missed'));
    room.on('notice', (notice) => console.log(notice.code));
    room.on('presence', ({ joined, left }) => console.log(joined[0]?.entries[0]?.meta, left[0]?.user, room.members.length));
    const { seq, duplicate } = await room.publish('say', { big: 2n ** 60n, bytes: encode(new Ext(1, new Uint8Array(2))) }, { id: 'm-1', echo: false });
    console.log(seq, duplicate, (await room.history({ limit: 5 })).messages.length, (await client.call<{ left: number }>('inbox.ack', { upto: 0 })).left);
    try { await client.send('bob', 'alarm', 1, { ttl_s: 60, timeout_ms: 500, signal: new AbortController().signal }); }
    catch (error) { if (error instanceof RpcError && error.code === codes.queue_full) console.log(error.data?.retry_after_ms, error.unknown); }
    const { bob } = await client.presence.watch(['bob']);
    console.log(bob?.online, client.rooms.get('lobby')?.position?.seq, client.stats.retries);
    client.presence.on('changed', ({ user, online }) => console.log(user, online));
    await room.leave(); client.cut(500); client.reconnect(); await client.ready(); await client.close();`;
  // Node's and the DOM's names are not part of the module's types: the program brings what it uses.
  assert.deepEqual(complaints(program(body)), []);
});

scenario('types: each line that is wrong does not compile', async () => {
  const wrong = [
    `client.on('stat', () => {});`,
    `client.on('state', (now) => console.log(now.delay_ms));`,
    `new Greenroom('ws://x', { encoding: 'xml' });`,
    `(await client.join('lobby')).publish('say');`,
    `(await client.join('lobby')).members = [];`,
    `(await client.join('lobby')).on('message', ({ sequence }) => console.log(sequence));`,
    `client.send('bob', 'alarm', 1, { ttl: 60 });`,
  ];
  const found = complaints(program(wrong.join('\n')));
  const first = Math.min(...found.map(({ line }) => line));
  assert.deepEqual([...new Set(found.map(({ line }) => line - first))], [...wrong.keys()]);
});
