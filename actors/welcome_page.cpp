#include "actors/welcome_page.hpp"

namespace greenroom {

const std::string_view welcome_page_policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self' ws: wss:; base-uri "
    "'none'; form-action 'none'; "
    "frame-ancestors 'none'";

const std::string_view welcome_page = R"html(<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Greenroom</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem; color: #1c2b22; }
  h1 { color: #1d7a46; } code, pre { background: #eef4f0; border-radius: 4px; padding: .1rem .3rem; }
  #log { border: 1px solid #c9d8cf; border-radius: 6px; height: 16rem; overflow: auto; padding: .5rem; }
  form { display: flex; gap: .5rem; margin-top: .5rem; } input { flex: 1; font: inherit; padding: .4rem; } button { font: inherit; }
  #state { color: #5b6b62; }
</style>
<h1>Greenroom</h1>
<p id="state">connecting …</p>
<div id="log"></div>
<form id="say"><input id="text" placeholder="Say something to the room “lobby”" autocomplete="off"><button>Send</button></form>
<p>The same room from a terminal:</p>
<pre>greenroom sub lobby
greenroom pub lobby say '"hello"'</pre>
<p>This node: <a href="/status">status</a>, <a href="/metrics">metrics</a>, <a href="/health">health</a>.</p>
<script>
  const $ = id => document.getElementById(id), log = line => { const p = document.createElement("div"); p.textContent = line; $("log").append(p); $("log").scrollTop = 1e9; };
  let next = 1, socket, last;
  const waiting = new Map();
  const call = (method, params) => new Promise(done => { waiting.set(next, done); socket.send(JSON.stringify({ jsonrpc: "2.0", id: next++, method, params })); });
  const show = m => { last = { epoch: m.epoch, seq: m.seq }; log(`${m.seq}  ${m.from}: ${typeof m.payload === "string" ? m.payload : JSON.stringify(m.payload)}`); };
  const connect = () => {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`, "greenroom.json.1");
    socket.onmessage = ({ data }) => { const m = JSON.parse(data); if (m.id !== undefined && !m.method) { waiting.get(m.id)?.(m); waiting.delete(m.id); } else if (m.method === "room.message") show(m.params); };
    socket.onopen = async () => {
      const open = await call("session.open", { client: "welcome page" });
      if (open.error) { $("state").textContent = open.error.message; return; }
      const joined = await call("room.join", { room: "lobby", ...(last ? { since: last } : {}) });
      if (joined.error) { $("state").textContent = joined.error.message; return; }
      if (!last) (await call("room.history", { room: "lobby", limit: 20 })).result?.messages.forEach(show);
      (joined.result.missed ?? []).forEach(show);
      $("state").textContent = `connected as ${open.result.user}, ${joined.result.members} in the room`;
    };
    socket.onclose = () => { $("state").textContent = "connection lost, trying again …"; setTimeout(connect, 1000 + Math.random() * 1000); };
  };
  $("say").onsubmit = event => { event.preventDefault(); if ($("text").value) call("room.publish", { room: "lobby", event: "say", payload: $("text").value }); $("text").value = ""; };
  connect();
</script>
</html>
)html";

}  // namespace greenroom
