// Connection state recovery with socket.io-client: cuts, kill -9, a node that stops.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, fresh, patience, scenario, sharedNode, within } from './harness.mjs';
import { call, client, config, connects, next, once, raw } from './socketio_client.mjs';

const shared = sharedNode({ config });

async function recovery(s, node, lose) {
  const room = fresh();
  const how = { transports: ['websocket'], path: '/recovering/' };
  const reader = client(s, node, how);
  const got = [];
  reader.on('n', (payload) => got.push(payload));
  await connects(reader);
  assert.equal(reader.recovered, false);
  await call(reader, 'room.join', { room: `durable:${room}` });
  const publish = async (n) => {
    const writer = await s.client(node, { user: fresh('writer') });
    await writer.call('room.publish', { room: `durable:${room}`, event: 'n', payload: n, ack: 'durable' });
    await writer.end();
  };
  await publish(1);
  await publish(2);
  await eventually(() => assert.deepEqual(got, [1, 2]));
  await sleep(700 * patience); // a ping has proven them, and the session is stored
  const sid = reader.id;
  await lose(reader, publish);
  await within(15_000, 'the recovery', (async () => {
    while (!reader.connected) await once(reader, 'connect', 15_000);
  })());
  assert.equal(reader.recovered, true);
  assert.equal(reader.id, sid);
  await eventually(() => assert.ok(got.includes(3)));
  await publish(4);
  await eventually(() => assert.ok(got.includes(4)));
  assert.deepEqual(got, [1, 2, 3, 4]);
}

scenario('recovery: after a cut the session is the same, nothing is lost and nothing repeated', async (s) => {
  const node = await shared.get();
  await recovery(s, node, async (reader, publish) => {
    reader.io.reconnectionDelay(300);
    const cut = once(reader, 'disconnect');
    reader.io.engine.close();
    await cut;
    await publish(3);
    if (!reader.active) reader.connect();
    reader.io.engine?.readyState === 'closed' && reader.connect();
  });
});

scenario('recovery: after kill -9 and a restart too, which Socket.IO itself does not offer', async (s) => {
  const listen = `127.0.0.1:${22_000 + (process.pid % 10_000)}`;
  let node = await s.node({ config, listen });
  await recovery(s, node, async (reader, publish) => {
    const cut = once(reader, 'disconnect');
    await node.kill('SIGKILL');
    await cut;
    const again = await s.node({ config, listen, dir: node.dir });
    Object.assign(node, { url: again.url, http: again.http });
    await publish(3);
  });
});

scenario('recovery: a node that stops sends its clients away so that they come back by themselves, over either transport', async (s) => {
  const listen = `127.0.0.1:${12_000 + (process.pid % 10_000)}`;
  const node = await s.node({ config, listen });
  const room = `durable:${fresh()}`;
  const how = { path: '/recovering/', reconnectionDelay: 100, reconnectionDelayMax: 300 };
  const clients = [client(s, node, { ...how, transports: ['polling'] }), client(s, node, { ...how, transports: ['websocket'] })];
  for (const each of clients) {
    await connects(each);
    await call(each, 'room.join', { room });
  }
  await sleep(700 * patience); // a ping has proven them, and the session is stored
  const sids = clients.map((each) => each.id);
  const gone = clients.map((each) => once(each, 'disconnect', 10_000));
  const back = clients.map((each) => once(each, 'connect', 20_000));
  await node.stop();
  for (const each of gone) assert.match((await each)[0], /^transport (close|error)$/);
  const again = await s.node({ config, listen, dir: node.dir });
  await Promise.all(back);
  assert.deepEqual(
    clients.map((each) => [each.recovered, each.id]),
    sids.map((sid) => [true, sid]),
  );
  const writer = await s.client(again, { user: fresh('writer') });
  await writer.call('room.publish', { room, event: 'back', payload: 1 });
  for (const each of clients) assert.equal((await next(each, 'back'))[0], 1);
});

scenario('recovery off: CONNECT is answered with sid alone, and events carry no offset', async (s) => {
  const node = await shared.get();
  const ws = await raw(s, node);
  ws.send('40');
  assert.deepEqual(Object.keys(JSON.parse((await ws.next()).substring(2))), ['sid']);
});

shared.stops();
