// A chat in the terminal that survives a lost connection: it resumes its session and gets what it missed, in order.
//
//   npm install ws
//   node chat.mjs ann            # in two terminals, with two names
import { randomUUID } from 'node:crypto';
import readline from 'node:readline';
import WebSocket from 'ws';

const [name = 'guest', room = 'lobby', url = 'ws://127.0.0.1:8080/ws'] = process.argv.slice(2);
const reconnect_ms = 1_000;
const lines = readline.createInterface({ input: process.stdin, output: process.stdout, prompt: '' });

let socket;
let next_id = 1;
let waiting = new Map(); // id of a call → what its answer settles
let session; // {session, token}: what a resume needs
let seen; // {epoch, seq} of the newest message that was shown

function call(method, params) {
  return new Promise((resolve, reject) => {
    const id = next_id++;
    waiting.set(id, { resolve, reject });
    socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
  });
}

function show({ epoch, seq, from, payload }) {
  if (seen && seen.epoch === epoch && seq <= seen.seq) return; // a repeat
  seen = { epoch, seq };
  console.log(`${from}: ${typeof payload === 'string' ? payload : JSON.stringify(payload)}`);
}

function on_frame(text) {
  const message = JSON.parse(text);
  if (message.method === 'room.message') return show(message.params);
  if (message.method === 'session.notice') return console.log(`(${message.params.text ?? message.params.code})`);
  const open = waiting.get(message.id);
  if (!open) return;
  waiting.delete(message.id);
  if (message.error) open.reject(new Error(message.error.message));
  else open.resolve(message.result);
}

async function start() {
  const resume = session && { ...session, positions: seen && { [room]: seen } };
  const opened = await call('session.open', { client: 'chat.mjs', user: name, resume });
  session = { session: opened.session, token: opened.resume_token };
  if (!opened.resumed) {
    // `since` asks for everything after what was shown; where that is gone, history has what is left.
    const joined = await call('room.join', { room, since: seen });
    const missed = joined.missed ?? (await call('room.history', { room, limit: 10 })).messages;
    missed.forEach(show);
  }
  console.log(`(${opened.resumed ? 'resumed' : `in ${room} as ${opened.user}`})`);
}

function connect() {
  socket = new WebSocket(url, 'greenroom.json.1');
  socket.on('open', () => start().catch((why) => console.log(`(${why.message})`)));
  socket.on('message', (data) => on_frame(data.toString()));
  socket.on('error', () => {}); // `close` follows
  socket.on('close', (code, reason) => {
    for (const { reject } of waiting.values()) reject(new Error('connection lost'));
    waiting = new Map();
    console.log(`(connection lost: ${code} ${reason})`);
    setTimeout(connect, reconnect_ms);
  });
}

lines.on('line', (text) => {
  if (!text) return;
  // With an id of its own the message may be sent again after a lost answer, and has one effect.
  call('room.publish', { room, event: 'say', payload: text, id: randomUUID() })
    .catch((why) => console.log(`(not sent: ${why.message})`));
});
lines.on('close', () => process.exit());
connect();
