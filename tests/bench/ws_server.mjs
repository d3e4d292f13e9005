// A small broadcast server with npm's ws: `{"join":ROOM}`, `{"publish":ROOM,"payload":…}`, `{"echo":…}`, each answered. What
// it sends to a room is encoded once. Prints `ready` as the node does; what `./dev bench --peers` measures as `ws`.
import { WebSocketServer } from '../e2e/node_modules/ws/wrapper.mjs';

const rooms = new Map();
const ok = Buffer.from('{"ok":1}');
const as_text = { binary: false };

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, backlog: 4_096 });
server.on('connection', (socket) => {
  let mine;
  socket.on('message', (bytes) => {
    const said = JSON.parse(bytes);
    if (said.publish !== undefined) {
      const message = Buffer.from(JSON.stringify({ room: said.publish, payload: said.payload }));
      for (const member of rooms.get(said.publish) ?? []) member.send(message, as_text);
    } else if (said.join !== undefined) {
      mine = rooms.get(said.join) ?? new Set();
      rooms.set(said.join, mine.add(socket));
    } else if (said.echo !== undefined) {
      socket.send(JSON.stringify({ echo: said.echo }));
      return;
    }
    socket.send(ok, as_text);
  });
  socket.on('close', () => mine?.delete(socket));
});
server.on('listening', () => console.log(`ready http://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
