// Members that stop reading: what their room's policy does to them, and that nobody else notices.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fresh, patience, scenario, sharedNode } from './harness.mjs';
import { RawWebSocket, frame } from './raw.mjs';

const payload = 'x'.repeat(12_000);
const window = 10; // messages at a time: under the outbox's bound, so that a reader is never slow
const count = 1_500; // 18 MB: more than the kernel takes for a socket that nobody reads, plus the outbox

const shared = sharedNode({
  config: [
    'gateway.message_bytes_max = "16KiB"',
    'outbox.bytes_max = "256KiB"',
    '[namespace.spill]',
    'history_count = 5000',
    'slow_members = "spill"',
    'join = "anyone"',
    'publish = "anyone"',
    'read = "anyone"',
    '',
  ].join('\n'),
});

/** A member of `room` that does not read, a reader beside it, and a publisher. */
async function three(s, room) {
  const node = await shared.get();
  const slow = await RawWebSocket.connect(node);
  s.defer(() => slow.end());
  slow.text({ jsonrpc: '2.0', id: 1, method: 'session.open', params: { user: fresh('slow') } });
  slow.text({ jsonrpc: '2.0', id: 2, method: 'room.join', params: { room } });
  while ((await slow.json()).id !== 2) continue;
  const reader = await s.client(node, { user: fresh('reader') });
  await reader.join(room);
  slow.raw.socket.pause();
  return { node, slow, reader, publisher: await s.client(node, { user: fresh('pub') }) };
}

/** Publishes everything; the reader sees it whole, in order, and promptly although another member does not read. */
async function flood({ reader, publisher }, room) {
  let slowest = 0;
  for (let i = 1; i <= count; ++i) {
    const before = performance.now();
    publisher.notify('room.publish', { room, event: 'e', payload });
    if (i % window !== 0) continue;
    const got = await reader.take('room.message', window);
    slowest = Math.max(slowest, performance.now() - before);
    assert.deepEqual(
      got.map(({ seq }) => seq),
      Array.from({ length: window }, (_, k) => i - window + 1 + k),
    );
  }
  assert.ok(slowest < 2_000 * patience, `${window} messages took the reader ${slowest} ms`);
}

/** All notifications that the slow one reads at last, until `enough`; {notes, close}. */
async function read_all(slow, enough) {
  const notes = [];
  slow.raw.socket.resume();
  for (;;) {
    const got = await slow.next(20_000);
    if (!got) return { notes, close: 1006 };
    if (got.opcode === 8)
      return { notes, close: got.payload.readUInt16BE(0), reason: got.payload.subarray(2).toString() };
    if (got.opcode !== 1) continue;
    notes.push(JSON.parse(got.payload.toString()));
    if (enough(notes.at(-1))) return { notes };
  }
}
const seqs = (notes) => notes.filter(({ method }) => method === 'room.message').map(({ params }) => params.seq);
const memory_kb = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);

scenario(
  'disconnect: a slow member is closed with 1013 slow_consumer, the others notice nothing, memory is bounded',
  async (s) => {
    const room = fresh();
    const all = await three(s, room);
    const before = memory_kb(all.node.pid);
    await flood(all, room);
    assert.ok(memory_kb(all.node.pid) - before < 64 * 1024, 'the node did not keep what nobody reads');
    const { notes, close, reason } = await read_all(all.slow, () => false);
    assert.deepEqual([close, reason], [1013, 'slow_consumer']);
    const seen = seqs(notes);
    assert.deepEqual(
      seen,
      Array.from({ length: seen.length }, (_, i) => i + 1),
      'what came before was whole',
    );
    assert.ok(seen.length < count);
    const metrics = await (await fetch(`${all.node.http}/metrics`)).text();
    assert.match(metrics, /greenroom_\w*\{[^}]*slow_consumer[^}]*\} [1-9]/, 'the drop has a counter and a reason');
  },
);

scenario(
  'latest: older frames give way, positions only grow, a notice names each gap, the newest arrives',
  async (s) => {
    const room = `feed:${fresh()}`;
    const all = await three(s, room);
    await flood(all, room);
    const { notes, close } = await read_all(
      all.slow,
      ({ method, params }) => method === 'room.message' && params.seq === count,
    );
    assert.equal(close, undefined);
    const seen = seqs(notes);
    assert.ok(seen.length < count, 'something was dropped');
    assert.ok(seen.every((seq, i) => i === 0 || seq > seen[i - 1]));
    let expected = 1;
    for (const { method, params } of notes) {
      // every gap is named before the frame after it
      if (method === 'room.notice' && params.code === 'dropped') {
        assert.ok(params.from >= expected && params.to >= params.from, JSON.stringify(params));
        assert.equal(params.from, expected);
        expected = params.to + 1;
      } else if (method === 'room.message') {
        assert.equal(params.seq, expected, 'a gap without a notice');
        expected = params.seq + 1;
      }
    }
  },
);

scenario('spill: a slow member goes back to catching up and gets everything, in order', async (s) => {
  const room = `spill:${fresh()}`;
  const all = await three(s, room);
  await flood(all, room);
  const { notes, close } = await read_all(
    all.slow,
    ({ method, params }) => method === 'room.message' && params.seq === count,
  );
  assert.equal(close, undefined);
  assert.deepEqual(
    seqs(notes),
    Array.from({ length: count }, (_, i) => i + 1),
  );
});

scenario('disconnect: a burst that fits an outbox makes no member slow, also when it comes in one turn', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const reader = await s.client(node, { user: fresh('reader') });
  await reader.join(room);
  const publisher = await RawWebSocket.connect(node);
  s.defer(() => publisher.end());
  const params = { room, event: 'e', payload: 'x'.repeat(100) };
  const call = frame({ payload: JSON.stringify({ jsonrpc: '2.0', method: 'room.publish', params }) });
  const burst = 700; // under 1,000 frames and, at about 300 bytes each, under 256 KiB
  for (let sent = 0; sent < 10 * burst; sent += burst) {
    publisher.send(Buffer.concat(Array(burst).fill(call)));
    const got = await reader.take('room.message', burst);
    assert.deepEqual([got[0].seq, got.at(-1).seq], [sent + 1, sent + burst]);
  }
});

scenario('replies: a client that asks and does not read is bounded, the node answers others', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const ann = await s.client(node, { user: fresh('ann') });
  for (let i = 0; i < 50; ++i) await ann.publish(room, payload);
  const greedy = await RawWebSocket.connect(node);
  s.defer(() => greedy.end());
  greedy.raw.socket.pause();
  const before = memory_kb(node.pid);
  for (let i = 0; i < 400; ++i) greedy.text({ jsonrpc: '2.0', id: i, method: 'room.history', params: { room } }); // 600 KB an answer
  for (let i = 0; i < 50; ++i) await ann.publish(room, 'still there');
  assert.ok(memory_kb(node.pid) - before < 96 * 1024, 'what is asked for and not read is bounded');
});

shared.stops();
