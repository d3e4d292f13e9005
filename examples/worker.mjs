// A remote worker: it answers two methods for whoever calls them, wherever they connect. Start as many as you like, kill
// one: `math.sum` goes to another, as it may be repeated; `order.place` may not, and its callers are told.
//
//   npm install ws                # Node 22 and newer need none
//   node worker.mjs one           # and another: node worker.mjs two, python3 worker.py three
//   greenroom call math.sum '{"numbers": [1, 2, 3]}'
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { Greenroom, RpcError } from '../clients/js/index.js';

const [user = 'worker', url = 'ws://127.0.0.1:8080/ws'] = process.argv.slice(2);
const capacity = 16;
let orders = 0;

const methods = [
  {
    name: 'math.sum',
    summary: 'Adds numbers; `ms` makes it hard work.',
    idempotent: true, // where a worker is lost with it, another one is given it
    params: {
      type: 'object',
      properties: { numbers: { type: 'array', items: { type: 'number' } }, ms: { type: 'integer' } },
      required: ['numbers'],
    },
    result: { type: 'object', properties: { sum: { type: 'number' }, by: { type: 'string' } } },
  },
  { name: 'order.place', summary: 'Places an order, once.' },
];

const client = new Greenroom(url, { user, client: 'worker.mjs', WebSocket });

client.answer('math.sum', async ({ numbers, ms = 0 }) => {
  if (!Array.isArray(numbers)) throw new RpcError({ code: -32602, message: 'numbers must be a list' });
  await sleep(ms);
  return { sum: numbers.reduce((sum, each) => sum + each, 0), by: user };
});
client.answer('order.place', async ({ item, ms = 0 }, { from }) => {
  await sleep(ms);
  orders += 1;
  return { order: `${user}-${orders}`, item, for: from.user, by: user };
});

// A registration ends with its connection: each new one needs another.
client.on('state', ({ state }) => {
  if (state !== 'open') return;
  client.call('service.register', { methods, capacity }).then(
    ({ worker }) => console.log(`${user} works as ${worker}`),
    ({ message }) => console.log(`not registered: ${message}`),
  );
});

// Asked to end, it takes nothing new, finishes what it has, and goes.
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, async () => {
    await client.call('service.unregister').catch(() => {});
    await client.close();
    console.log(`${user} has placed ${orders} orders`);
    process.exit(0);
  });
}
