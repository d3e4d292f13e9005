// Names and texts that other programs stumble over: what is a name comes back byte for byte, over a restart, too; what
// is none is refused wherever it enters.
import assert from 'node:assert/strict';
import { scenario, scratch } from './harness.mjs';
import { answer, connect, join, refused } from './phoenix.mjs';
import { call, client as socketio, connects } from './socketio_client.mjs';

const tricks = [
  "'; DROP TABLE messages; --",
  "' OR '1'='1",
  '../../etc/passwd',
  '..\\..\\windows\\system32',
  '%00',
  '%2e%2e%2f',
  'quote " and \\ backslash \' and `',
  '${user} {{x}} <b>&amp;',
  '*',
  '%_[]^',
  'null',
  '0x00',
  ' leading and trailing ',
  '\u{1f600}\u{1f469}\u200d\u{1f467}',
  '\u00e9\u6f22\u5b57',
  '\ue000\u{10fffd}',
];
const plain_text = ['\u0000\u0001\u001f\u007f', 'e\u0301', '\u202eevil', '\u2028\u2029', '\ud7ff\ufffd', '\u{10ffff}'];

scenario('names: what looks like an attack is a name, and comes back byte for byte, after a restart, too', async (s) => {
  const dir = scratch();
  const first = await s.node({ dir });
  const sender = await s.client(first);
  const positions = {};
  for (const [i, trick] of tricks.entries()) {
    const room = `durable:${trick}`;
    const me = await s.client(first, { kind: i % 2 ? 'msgpack' : 'json' });
    assert.equal((await me.open({ user: trick })).user, trick);
    assert.equal((await me.join(room, { presence: { [trick]: trick } })).room, room);
    const payload = { [trick]: [trick, ...plain_text], nested: { '': trick } };
    const id = `id-${i}-'; DROP --`;
    const sent = await me.call('room.publish', { room, event: trick, payload, id });
    positions[room] = sent.seq;
    const heard = await me.next('room.message');
    assert.deepEqual(
      [heard.room, heard.event, heard.from, heard.id, heard.payload],
      [room, trick, trick, id, payload],
    );
    const { members } = await sender.call('room.members', { room });
    assert.deepEqual([members[0].user, members[0].entries[0].meta ?? members[0].entries[0].presence], [trick, { [trick]: trick }]);
    await me.call('presence.set', { status: trick.trim(), location: trick });
    const { users } = await sender.call('presence.get', { users: [trick] });
    assert.deepEqual(Object.keys(users), [trick]);
    assert.equal(users[trick].location, trick);
    await me.end();
    await sender.call('user.send', { to: trick, event: trick, payload, id: `to-${i}` });
  }
  await first.stop();

  const second = await s.node({ dir });
  const reader = await s.client(second);
  for (const [i, trick] of tricks.entries()) {
    const room = `durable:${trick}`;
    const { messages } = await reader.call('room.history', { room });
    assert.equal(messages.length, 1, trick);
    const [{ room: in_room, event, from, id, payload, seq }] = messages;
    const expected = { [trick]: [trick, ...plain_text], nested: { '': trick } };
    assert.deepEqual([in_room, event, from, id, payload, seq], [room, trick, trick, `id-${i}-'; DROP --`, expected, 1]);
    const me = await s.client(second);
    await me.open({ user: trick });
    const kept = await me.next('inbox.message');
    assert.deepEqual([kept.event, kept.id, kept.payload], [trick, `to-${i}`, expected]);
    await me.call('inbox.ack', { upto: kept.n });
  }
});

const refused_names = {
  'a control character': 'a\u0000b',
  'a line end': 'a\nb',
  'a C1 control': 'a\u0085b',
  'a line separator': 'a\u2028b',
  'a bidi control': '\u202egnp.exe',
  'a noncharacter': '\ufdd0',
  'an unassigned one': '\u0378',
  'é in two code points': 'e\u0301',
  'an empty one': '',
  'a long one': 'x'.repeat(256),
};

scenario('names: what is none is refused wherever it enters, in every protocol', async (s) => {
  const node = await s.node();
  const client = await s.client(node, { kind: 'msgpack' });
  const io = socketio(s, node);
  await connects(io);
  const socket = await connect(s, node);
  const room = await join(socket, 'lobby');
  for (const [what, name] of Object.entries(refused_names)) {
    const bad = { code: -32602 };
    await assert.rejects(client.call('room.join', { room: name }), bad, what);
    await assert.rejects(client.call('room.publish', { room: 'r', event: name, payload: 1 }), bad, what);
    await assert.rejects(client.call('user.send', { to: name, event: 'e', payload: 1 }), bad, what);
    await assert.rejects(client.call(name, {}), { code: -32600 }, what);
    assert.equal((await call(io, 'room.join', { room: name })).error.code, -32602, what);
    if (name !== '') {
      assert.equal((await call(io, name, {})).error.code, -32602, what);
      await assert.rejects(answer(socket.channel(name).join()), refused({ code: -32602 }), what);
      await assert.rejects(answer(room.push(name, {})), refused({ code: -32602 }), what);
    }
  }
  // The composed form is a room like any other.
  assert.equal((await client.join('\u00e9')).room, '\u00e9');
});
