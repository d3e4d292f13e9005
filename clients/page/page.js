/** The start page: two panes in one room, the snippets with this node's address, and a word of the node itself. */
import { announce } from './announce.js';
import { Pane } from './pane.js';

const by_id = (id) => document.getElementById(id);
const room = new URLSearchParams(location.search).get('room') || 'lobby';
by_id('room').textContent = room;

for (const [codec, encoding] of [
  ['JSON', 'json'],
  ['MessagePack', 'msgpack'],
])
  by_id('panes').append(new Pane({ codec, encoding, room, announce }).element);

/** The snippets name the node that served them, and this room, where its name needs no quotes. */
const written = '127.0.0.1:8080';
const room_written = 'lobby';
for (const code of document.querySelectorAll('.snippet code[id]')) {
  const secure = location.protocol === 'https:';
  code.textContent = code.textContent
    .replaceAll(written, location.host)
    .replaceAll(`ws://${location.host}`, `${secure ? 'wss' : 'ws'}://${location.host}`)
    .replaceAll(`http://${location.host}`, location.origin)
    .replaceAll(room_written, /^[\w.:-]+$/.test(room) ? room : room_written);
  add_copy_button(code);
}

function add_copy_button(code) {
  const snippet = code.closest('.snippet');
  const title = snippet.querySelector('h3').textContent;
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = 'Copy';
  button.setAttribute('aria-label', `Copy: ${title}`);
  button.addEventListener('click', async () => {
    const done = await copy(code);
    button.textContent = done ? 'Copied' : 'Selected';
    announce(done ? `${title} is copied` : `${title} is selected: copy it by hand`);
    setTimeout(() => (button.textContent = 'Copy'), 2_000);
  });
  snippet.querySelector('h3').after(button);
}

/** Where the browser gives no clipboard (a page that is not from this machine, without TLS) the text is selected. */
async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return false;
  }
}

async function show_node() {
  try {
    const { version, shards } = await (await fetch('/status')).json();
    by_id('node').textContent =
      `${location.host} · version ${version} · ${shards} ${shards === 1 ? 'shard' : 'shards'}`;
  } catch {
    by_id('node').textContent = location.host;
  }
}
show_node();
