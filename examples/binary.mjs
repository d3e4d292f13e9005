// MessagePack on the same rooms: publishes bytes and prints what arrives, whoever sent it in whichever format.
//
//   npm install ws @msgpack/msgpack
//   node binary.mjs
import { decode, encode } from '@msgpack/msgpack';
import WebSocket from 'ws';

const [room = 'lobby', url = 'ws://127.0.0.1:8080/ws'] = process.argv.slice(2);
const socket = new WebSocket(url, 'greenroom.msgpack.1');
const send = (id, method, params) => socket.send(encode({ id, method, params }));

socket.on('open', () => {
  send(1, 'room.join', { room });
  send(2, 'room.publish', { room, event: 'sample', payload: { at: Date.now(), bytes: Uint8Array.of(1, 2, 3) } });
});
socket.on('message', (data) => {
  const message = decode(data);
  if (message.error) console.error(message.error.message);
  if (message.method === 'room.message') console.log(message.params.seq, message.params.from, message.params.payload);
});
socket.on('error', (why) => console.error(why.message));
