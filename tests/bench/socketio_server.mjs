// npm's socket.io as a server of the same rooms: `join ROOM ack`, `publish ROOM PAYLOAD ack`, `echo PAYLOAD ack`. Prints
// `ready` as the node does; what `./dev bench --peers` measures as `socket.io`.
import { createServer } from 'node:http';
import { Server } from '../e2e/node_modules/socket.io/wrapper.mjs';

const http = createServer();
const io = new Server(http, { pingInterval: 3_600_000, transports: ['websocket'] });
io.on('connection', (socket) => {
  socket.on('join', (room, ack) => {
    socket.join(room);
    ack();
  });
  socket.on('publish', (room, payload, ack) => {
    io.to(room).emit('bench', payload);
    ack();
  });
  socket.on('echo', (payload, ack) => ack(payload));
});
http.listen(0, '127.0.0.1', 4_096, () => console.log(`ready http://127.0.0.1:${http.address().port}`));
process.on('SIGTERM', () => process.exit(0));
