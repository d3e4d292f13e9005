// A chat in the terminal that survives a lost connection: it resumes its session and gets what it missed, in order. Try it:
// stop the node, type, start the node again.
//
//   npm install ws               # Node 22 and newer need none
//   node chat.mjs ann            # in two terminals, with two names
import readline from 'node:readline';
import WebSocket from 'ws';
import { Greenroom } from '../clients/js/index.js';

const [user = 'guest', name = 'lobby', url = 'ws://127.0.0.1:8080/ws'] = process.argv.slice(2);
const text_of = (payload) => (typeof payload === 'string' ? payload : JSON.stringify(payload));
const lines = readline.createInterface({ input: process.stdin, output: process.stdout, prompt: '' });

const client = new Greenroom(url, { user, client: 'chat.mjs', WebSocket });
client.on('state', ({ state, resumed, delay_ms, reason, error }) => {
  if (state === 'open') console.log(resumed ? '(resumed)' : `(in ${name} as ${client.user})`);
  if (state === 'reconnecting') console.log(`(connection lost, again in ${Math.ceil(delay_ms)} ms)`);
  if (state === 'closed') console.log(`(closed: ${error?.message ?? reason})`);
});
client.on('notice', ({ code, text }) => console.log(`(${text ?? code})`));
client.on('inbox', ({ from, payload }, ack) => {
  console.log(`${from} to you: ${text_of(payload)}`);
  ack();
});

const room = await client.join(name, { history: 10 });
room.on('message', ({ from, payload }, { source }) =>
  console.log(`${source === 'live' ? '' : `[${source}] `}${from}: ${text_of(payload)}`),
);
room.on('notice', ({ code, from, to }) =>
  console.log(code === 'dropped' ? `(#${from} to #${to} are gone)` : `(${code})`),
);

lines.on('line', (text) => {
  if (!text) return;
  // It waits while the connection is lost; its id makes it one message, however often it is sent.
  room
    .publish('say', text)
    .catch(({ message, unknown }) => console.log(`(${unknown ? 'unsure' : 'not sent'}: ${message})`));
});
lines.on('close', () => client.close());
