// socket.io-client against examples/conformance, over each transport and both parsers: every event of the program, and
// recovery after a cut and after `kill -9`.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import msgpack_parser from 'socket.io-msgpack-parser';
import { ask, beside, client, conformance, connects, next, once, sharedConformance } from './conformance.mjs';
import { eventually, fresh, patience, scenario, within } from './harness.mjs';

const shared = sharedConformance();
const packed = { path: '/msgpack/socket.io/', parser: msgpack_parser };
const ways = [
  ['polling only', { transports: ['polling'] }],
  ['WebSocket only', { transports: ['websocket'] }],
  ['polling, then the upgrade', {}],
  ['polling only, msgpack parser', { ...packed, transports: ['polling'] }],
  ['WebSocket only, msgpack parser', { ...packed, transports: ['websocket'] }],
  ['the upgrade, msgpack parser', packed],
];
/** Sockets that are connected and greeted. */
async function sockets(s, how, ...namespaces) {
  const node = await shared.get();
  return Promise.all(
    namespaces.map(async (nsp) => {
      const socket = await connects(client(s, node, { ...how, nsp }));
      await next(socket, 'auth');
      return socket;
    }),
  );
}
/** What came under `event` until now: an ack is behind everything that was sent to this socket before. */
async function heard(socket, event) {
  await ask(socket, 'message-with-ack');
  await sleep(50); // what others caused comes by another way than the ack
  return socket.heard.filter((each) => each.event === event).map(({ args }) => args);
}
const nested = () => [
  1,
  'two',
  { three: [4, { five: Buffer.from([6, 0, 255]) }] },
  Buffer.alloc(3_000, 7),
  [Buffer.alloc(0), null],
  true,
];

for (const [name, how] of ways) {
  scenario(`conformance, ${name}: auth gives the CONNECT payload back, {} where there is none`, async (s) => {
    const node = await shared.get();
    for (const nsp of ['/', '/custom']) {
      assert.deepEqual(await next(client(s, node, { ...how, nsp }), 'auth'), [{}]);
      const auth = { token: 'abc', deep: [{ n: 1 }] };
      assert.deepEqual(await next(client(s, node, { ...how, nsp, auth }), 'auth'), [auth]);
    }
  });

  scenario(`conformance, ${name}: message comes back with the same arguments, bytes among them`, async (s) => {
    const [socket] = await sockets(s, how, '/');
    for (const args of [[], [null], [{}], [[]], [{ only: 'one' }], ['text'], [Buffer.from([1])], nested()]) {
      socket.emit('message', ...args);
      assert.deepEqual(await next(socket, 'message-back'), args);
      assert.deepEqual(await ask(socket, 'message-with-ack', ...args), args);
    }
  });

  scenario(`conformance, ${name}: many at once come back complete and in order`, async (s) => {
    const [socket] = await sockets(s, how, '/custom');
    const count = 300;
    for (let i = 0; i < count; ++i) socket.emit('message', i, Buffer.from([i & 255]));
    for (let i = 0; i < count; ++i) assert.deepEqual(await next(socket, 'message-back'), [i, Buffer.from([i & 255])]);
    const acks = await Promise.all(Array.from({ length: count }, (_, i) => ask(socket, 'message-with-ack', i)));
    assert.deepEqual(
      acks,
      Array.from({ length: count }, (_, i) => [i]),
    );
  });

  scenario(
    `conformance, ${name}: join, to-room but the sender, all-room, leave; each namespace has its own rooms`,
    async (s) => {
      const [ann, bob, carl] = await sockets(s, how, '/', '/', '/');
      const other = beside(s, ann, '/custom');
      await connects(other);
      const room = fresh();
      for (const each of [ann, bob, other]) assert.deepEqual(await ask(each, 'join', room), ['joined']);
      ann.emit('to-room', room, ...nested());
      assert.deepEqual(await next(bob, 'room-msg'), [room, ...nested()]);
      ann.emit('all-room', room, { n: 2 });
      for (const each of [ann, bob]) assert.deepEqual(await next(each, 'room-msg'), [room, { n: 2 }]);
      carl.emit('to-room', room, 'from outside');
      for (const each of [ann, bob]) assert.deepEqual(await next(each, 'room-msg'), [room, 'from outside']);
      assert.deepEqual(await ask(bob, 'leave', room), ['left']);
      assert.deepEqual(await ask(bob, 'leave', room), ['left']); // who is not in it has left it
      ann.emit('all-room', room);
      assert.deepEqual(await next(ann, 'room-msg'), [room]);
      for (const each of [ann, bob, carl, other]) assert.deepEqual(await heard(each, 'room-msg'), []);
    },
  );

  scenario(`conformance, ${name}: broadcast reaches all others of the namespace`, async (s) => {
    const [ann, bob, carl, elsewhere] = await sockets(s, how, '/', '/', '/', '/custom');
    const args = [fresh('broadcast'), ...nested()];
    ann.emit('broadcast', ...args);
    for (const each of [bob, carl]) assert.deepEqual(await next(each, 'broadcast-msg'), args);
    for (const each of [ann, bob, carl, elsewhere]) assert.deepEqual(await heard(each, 'broadcast-msg'), []);
  });

  scenario(`conformance, ${name}: volatile comes back to a client that can take it`, async (s) => {
    const [socket] = await sockets(s, how, '/');
    await eventually(async () => {
      socket.emit('volatile', 'now', { n: [1] });
      assert.deepEqual(await next(socket, 'volatile-back', 300), ['now', { n: [1] }]);
    });
  });

  scenario(`conformance, ${name}: ask-me asks back, and acknowledges with what was answered`, async (s) => {
    const [socket] = await sockets(s, how, '/');
    socket.on('question', (...args) => args.pop()(...args.reverse()));
    for (const args of [[], ['why'], [{ a: 1 }], nested()])
      assert.deepEqual(await ask(socket, 'ask-me', ...args), ['answered', ...args.toReversed()]);
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(socket, 'ask-me', i)));
    assert.deepEqual(
      all,
      Array.from({ length: 20 }, (_, i) => ['answered', i]),
    );
  });

  scenario(`conformance, ${name}: ask-me gives up after 2 s with timeout`, async (s) => {
    const [socket] = await sockets(s, how, '/custom');
    const began = performance.now();
    assert.deepEqual(await ask(socket, 'ask-me', 'why'), ['timeout']);
    const took = performance.now() - began;
    assert.ok(took > 1_900 && took < 2_000 + 1_500 * patience, `after ${took} ms`);
    const [question, ack] = await next(socket, 'question');
    assert.equal(question, 'why');
    ack('too late'); // and hurts nobody
    assert.deepEqual(await ask(socket, 'message-with-ack', 1), [1]);
  });

  scenario(`conformance, ${name}: /auth refuses with data, unknown namespaces are invalid, others go on`, async (s) => {
    const node = await shared.get();
    const root = await connects(client(s, node, how));
    const admitted = beside(s, root, '/auth');
    for (const auth of [{ token: 'wrong' }, { token: 1 }, { token: 'secret' }]) {
      const [why] = await once(admitted, 'connect_error');
      assert.deepEqual([why.message, why.data], ['unauthorized', { code: 401, hint: 'token' }]);
      admitted.auth = auth;
      admitted.connect();
    }
    const [unknown] = await once(beside(s, root, '/nowhere'), 'connect_error');
    assert.equal(unknown.message, 'Invalid namespace');
    await connects(admitted);
    assert.deepEqual(await next(admitted, 'auth'), [{ token: 'secret' }]);
    assert.deepEqual(await ask(admitted, 'message-with-ack', 1), [1]);
    assert.deepEqual(await ask(root, 'message-with-ack', 2), [2]);
  });

  scenario(`conformance, ${name}: leave-namespace ends only that; kick ends client and connection`, async (s) => {
    const [root] = await sockets(s, how, '/');
    const custom = await connects(beside(s, root, '/custom'));
    const left = once(custom, 'disconnect');
    custom.emit('leave-namespace');
    assert.equal((await left)[0], 'io server disconnect');
    assert.deepEqual(await ask(root, 'message-with-ack', 1), [1]);
    custom.connect();
    await connects(custom);
    assert.deepEqual(await ask(custom, 'message-with-ack', 2), [2]);

    const ends = [once(root, 'disconnect'), once(custom, 'disconnect')];
    const engine = once(root.io.engine, 'close');
    custom.emit('kick');
    for (const [reason] of await Promise.all(ends)) assert.equal(reason, 'io server disconnect');
    await engine;
    assert.equal(root.active, false, 'a client that was sent away stays away');
  });

  scenario(`conformance, ${name}: a client may leave a namespace and come back at once, again and again`, async (s) => {
    const [root] = await sockets(s, how, '/');
    const custom = await connects(beside(s, root, '/custom'));
    for (let round = 0; round < 10; ++round) {
      const before = custom.id;
      custom.auth = { round };
      custom.disconnect().connect();
      await connects(custom);
      assert.notEqual(custom.id, before);
      assert.deepEqual(await ask(custom, 'message-with-ack', round), [round]);
    }
    assert.deepEqual(await ask(root, 'message-with-ack', 'still'), ['still']);
  });

  scenario(`conformance, ${name}: drop closes the transport without a packet, and the client comes back`, async (s) => {
    const [socket] = await sockets(s, how, '/');
    const before = socket.id;
    const gone = once(socket, 'disconnect');
    socket.emit('drop');
    assert.match((await gone)[0], /^transport (close|error)$/);
    await connects(socket);
    assert.notEqual(socket.id, before);
    assert.ok(!socket.recovered);
    assert.deepEqual(await ask(socket, 'message-with-ack', 1), [1]);
  });

  scenario(`conformance, ${name}: an event that nobody knows is not acknowledged`, async (s) => {
    const [socket] = await sockets(s, how, '/');
    await assert.rejects(socket.timeout(300).emitWithAck('no-such-event', 1), /timed out/);
    assert.ok(socket.connected);
  });
}

scenario(
  'conformance: clients of every transport and parser are in one room and hear the same in one order',
  async (s) => {
    const all = (await Promise.all(ways.map(([, how]) => sockets(s, how, '/')))).flat();
    const room = fresh();
    for (const each of all) assert.deepEqual(await ask(each, 'join', room), ['joined']);
    const rounds = 5;
    for (let i = 0; i < rounds; ++i)
      for (const [at, each] of all.entries()) each.emit('all-room', room, i * all.length + at, nested());
    const orders = [];
    for (const each of all) {
      const order = [];
      for (let i = 0; i < rounds * all.length; ++i) {
        const [where, n, payload] = await next(each, 'room-msg');
        assert.equal(where, room);
        assert.deepEqual(payload, nested());
        order.push(n);
      }
      orders.push(order);
    }
    for (const each of orders) assert.deepEqual(each, orders[0]);
    assert.deepEqual(orders[0].toSorted((a, b) => a - b), Array.from({ length: rounds * all.length }, (_, i) => i)); // prettier-ignore
  },
);

scenario('conformance: at /socket.io/ there is no recovery, whatever the client keeps', async (s) => {
  const [socket] = await sockets(s, { transports: ['websocket'] }, '/');
  const before = socket.id;
  socket.io.engine.close();
  await once(socket, 'connect');
  assert.ok(!socket.recovered);
  assert.notEqual(socket.id, before);
});

// --- recovery

/** What goes to a room that the client has joined, and what goes to all of its namespace. */
const said_to = {
  'a room': { emit: 'all-room', heard: 'room-msg' },
  'all others': { emit: 'broadcast', heard: 'broadcast-msg' },
};
/** A reader, through `lose`, and a writer: what the reader hears is whole and once. */
async function recovers(s, node, how, { emit, heard }, lose) {
  const room = fresh();
  const reader = client(s, node, { ...how, path: '/recovery/socket.io/' });
  const got = [];
  reader.on(heard, (which, n) => which === room && got.push(n));
  await connects(reader);
  assert.ok(!reader.recovered);
  assert.deepEqual(await ask(reader, 'join', room), ['joined']);
  const say = async (at, ...numbers) => {
    const writer = await connects(client(s, at, { transports: ['websocket'] }));
    assert.deepEqual(await ask(writer, 'join', room), ['joined']);
    for (const n of numbers) writer.emit(emit, room, n, 'text', { n });
    await ask(writer, 'message-with-ack');
    writer.disconnect();
  };
  await say(node, 1, 2);
  await eventually(() => assert.deepEqual(got, [1, 2]));
  const [id, pid] = [reader.id, reader._pid];
  const back = once(reader, 'connect', 20_000);
  await lose(reader, say);
  await back;
  assert.equal(reader.recovered, true);
  assert.deepEqual([reader.id, reader._pid], [id, pid]);
  await eventually(() => assert.ok(got.includes(5)));
  const now = { ...node, http: reader.io.uri.replace(/\/$/, '') };
  await say(now, 6);
  await eventually(() => assert.ok(got.includes(6)));
  assert.deepEqual(got, [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(await ask(reader, 'leave', room), ['left']);
}

for (const [name, how] of [
  ['WebSocket only', { transports: ['websocket'] }],
  ['polling only', { transports: ['polling'] }],
  ['polling, then the upgrade', {}],
]) {
  scenario(
    `conformance recovery, ${name}: after a cut the client is who it was, and hears what it missed once, in order`,
    async (s) => {
      const node = await shared.get();
      for (let round = 0; round < 4; ++round)
        await recovers(s, node, how, said_to[round % 2 ? 'all others' : 'a room'], async (reader, say) => {
          reader.io.reconnectionDelay(400);
          const cut = once(reader, 'disconnect');
          reader.io.engine.close();
          await cut;
          await say(node, 3, 4, 5);
        });
    },
  );

  scenario(`conformance recovery, ${name}: after kill -9 and a restart on the same data, too`, async (s) => {
    let node = await s.node(conformance);
    await recovers(s, node, how, said_to[how.transports ? 'all others' : 'a room'], async (reader, say) => {
      const cut = once(reader, 'disconnect');
      await node.kill('SIGKILL');
      await cut;
      reader.io.reconnection(false);
      await sleep(50);
      node = await s.node({ ...conformance, listen: `127.0.0.1:${node.port}`, dir: node.dir });
      await say(node, 3, 4, 5);
      reader.io.reconnection(true);
      reader.connect();
      reader.io.connect();
    });
  });
}

scenario('conformance recovery: drop is recovered from, kick and leave-namespace are not', async (s) => {
  const node = await shared.get();
  const path = '/recovery/socket.io/';
  const socket = await connects(client(s, node, { path, transports: ['websocket'] }));
  await next(socket, 'auth');
  const { id } = socket;
  const back = once(socket, 'connect');
  socket.emit('drop');
  await back;
  assert.deepEqual([socket.recovered, socket.id], [true, id]);
  for (const event of ['leave-namespace', 'kick']) {
    const gone = once(socket, 'disconnect');
    socket.emit(event);
    await gone;
    socket.connect();
    await connects(socket);
    assert.ok(!socket.recovered, event);
    assert.notEqual(socket.id, id);
  }
});

scenario('conformance recovery: a pid that nobody had is a new client', async (s) => {
  const node = await shared.get();
  const auth = { pid: 'abc.def', offset: 'x:1:y' };
  const socket = await connects(client(s, node, { path: '/recovery/socket.io/', auth, transports: ['websocket'] }));
  assert.ok(!socket.recovered);
  assert.deepEqual(await ask(socket, 'message-with-ack', 1), [1]);
});

shared.stops();
