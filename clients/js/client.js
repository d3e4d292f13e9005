/**
 * GREENROOM is one session with a node, across the connections that come and go. README.md says what it promises.
 *
 * Parts: the link (link.js) has the socket, calls (calls.js) what waits for an answer, rooms (room.js) positions and
 * recovery, inbox.js, presence.js and requests.js the rest. What is here: options, the opening of the session, and where each
 * frame goes.
 */
import * as json from './json.js';
import * as msgpack from './msgpack.js';
import { Calls } from './calls.js';
import { Emitter } from './emitter.js';
import { GreenroomError, codes } from './errors.js';
import { Inbox } from './inbox.js';
import { Link } from './link.js';
import { Presence } from './presence.js';
import { Requests } from './requests.js';
import { Room } from './room.js';
import { make_id } from './ids.js';

const encodings = {
  json: { subprotocol: 'greenroom.json.1', encode: json.encode },
  msgpack: { subprotocol: 'greenroom.msgpack.1', encode: msgpack.encode },
};
const positions_max = 128; // of one session.open
const farewell_ms = 2_000;
const kept_max = 1_000;

/** What may be sent twice. Those with an id have one effect; the others say the same the second time. */
const with_id = new Set(['room.publish', 'user.send']);
const repeatable = new Set([
  ...['room.join', 'room.leave', 'room.history', 'room.members', 'rpc.discover'],
  ...['presence.set', 'presence.get', 'presence.watch', 'presence.unwatch', 'presence.online'],
]);
/** Errors of session.open after which another attempt may do better. */
const passing = new Set([codes.draining, codes.unavailable, codes.internal, codes.timed_out, codes.rate_limited]);

const system_clock = {
  now: () => Date.now(),
  setTimeout: (body, ms) => setTimeout(body, ms),
  clearTimeout: (timer) => clearTimeout(timer),
};

/** `ws://host:port/ws` of a URL that may leave out the path, say http, or stand beside a page's own. */
export function socket_url(url, base = globalThis.location?.href) {
  const full = new URL(url, base);
  full.protocol = full.protocol.replace(/^http/, 'ws');
  if (full.pathname === '/') full.pathname = '/ws';
  full.hash = '';
  return full.href;
}

export class Greenroom extends Emitter {
  stats = { connections: 0, resumed: 0, fresh: 0, retries: 0, duplicates: 0, ignored: 0, dropped: 0 };
  rooms = new Map();
  #options;
  #codec;
  #link;
  #calls;
  #host;
  #inbox;
  #requests;
  #session; // {session, token}: what a resume needs
  #limits;
  #user;
  #connection = 0; // grows with each that is lost
  #heard = 0;
  #probe;
  #last = { state: 'idle' };
  #offline;

  constructor(url, options = {}) {
    super();
    const { encoding = 'json', WebSocket = globalThis.WebSocket, clock = system_clock, random = Math.random } = options;
    if (!encodings[encoding]) throw new TypeError(`no encoding is named ${encoding}: json or msgpack`);
    if (typeof WebSocket !== 'function')
      throw new TypeError("there is no WebSocket here: give one, as {WebSocket} of npm's ws");
    this.#options = {
      connect_timeout_ms: 10_000,
      call_timeout_ms: 30_000,
      probe_ms: 30_000,
      silence_ms: 15_000,
      ...options,
    };
    this.#options = { calls_max: 1_000, recover_max: 1_000, ...this.#options, clock, random };
    this.#codec = encodings[encoding];
    this.#session = options.resume && { session: options.resume.session, token: options.resume.token };
    this.keep('inbox', kept_max, () => ++this.stats.dropped);
    this.#make_parts(socket_url(url), WebSocket);
    if (options.connect !== false) queueMicrotask(() => this.connect());
  }

  #make_parts(url, WebSocket) {
    const { clock, random, calls_max, call_timeout_ms: timeout_ms, recover_max } = this.#options;
    const { encode, subprotocol } = this.#codec;
    const client = this;
    const trouble = (error) => this.emit('error', error);
    this.#calls = new Calls({
      ...{ encode, calls_max, timeout_ms, clock, random, stats: this.stats },
      send: (frame) => this.#link.send(frame),
      bytes_max: () => this.#limits?.message_bytes_max ?? Infinity,
    });
    this.#link = new Link(
      { ...this.#options, url, subprotocol, WebSocket },
      {
        open: () => this.#open_session(),
        frame: (data) => this.#on_frame(data),
        lost: (why) => this.#on_lost(why),
        state: (state) => this.#on_state(state),
      },
    );
    this.#host = {
      ...{ clock, recover_max, trouble, stats: this.stats },
      call: (method, params, options) => this.call(method, params, options),
      gone: (room) => this.rooms.get(room.name) === room && this.rooms.delete(room.name),
      get connection() {
        return client.#connection;
      },
    };
    this.#inbox = new Inbox(this.#host, (message, ack) => this.emit('inbox', message, ack));
    this.#requests = new Requests({ trouble });
    this.presence = new Presence(this.#host);
  }

  // --- the connection

  /** idle, connecting, open, reconnecting or closed. */
  get state() {
    return this.#link.state;
  }
  /** Who the session belongs to, as the node says; undefined before the first opening. */
  get user() {
    return this.#user;
  }
  /** What another client needs to go on with this session: `options.resume`. The token works once. */
  get session() {
    return this.#session && { ...this.#session };
  }

  /** Begins; of itself at the end of the turn that made the client, but for `connect: false`. */
  connect() {
    if (this.state !== 'idle') return;
    globalThis.window?.addEventListener?.('online', (this.#offline = () => this.#link.retry()));
    this.#link.start();
  }

  /** Resolves when the session is open, now or the next time. */
  ready() {
    if (this.state === 'open') return Promise.resolve(this);
    if (this.state === 'closed') return Promise.reject(this.#end_error());
    return new Promise((resolve, reject) => {
      const off = this.on('state', ({ state }) => {
        if (state !== 'open' && state !== 'closed') return;
        off();
        if (state === 'open') resolve(this);
        else reject(this.#end_error());
      });
    });
  }

  /** Connects again now: ends a wait, or gives up the connection that there is, which its session survives. */
  reconnect() {
    if (this.state === 'open') this.#link.drop({ reason: 'reconnect', delay_ms: 0 });
    else if (this.state === 'idle') this.connect();
    else this.#link.retry();
  }
  /** Drops the connection as if it had been lost, and stays away for so long, or until reconnect(). */
  cut(ms) {
    this.#link.drop({ reason: 'cut', delay_ms: ms });
  }

  /** Ends the session: it leaves its rooms, and cannot be resumed. Calls that wait are rejected. */
  async close() {
    if (this.state === 'closed') return;
    const end = () => this.#link.stop({ code: 1000, reason: 'closed' });
    if (this.state === 'open')
      await this.#calls
        .call('session.close', undefined, { bound: true, timeout_ms: farewell_ms, apply: end })
        .catch(() => {});
    end();
  }

  // --- calls

  /**
   * Resolves with the result. `retry: true` says that a repeat has no second effect; publishing and sending are made so by an
   * id of the client's, where none is given.
   */
  call(method, params, options = {}) {
    if (with_id.has(method)) {
      const { clock, random } = this.#options;
      params = { ...params, id: params?.id ?? make_id(clock.now(), random) };
    }
    return this.#calls.call(method, params, { retry: with_id.has(method) || repeatable.has(method), ...options });
  }
  send(user, event, payload, { id, ttl_s, ...options } = {}) {
    return this.call('user.send', { to: user, event, payload, id, ttl_s }, options);
  }
  /** Answers the node's requests of that method; what it returns takes the handler away again. */
  answer(method, handler) {
    return this.#requests.answer(method, handler);
  }

  /** Resolves with the room when the session is in it; from then on the client keeps it there. */
  async join(name, options = {}) {
    const known = this.rooms.get(name);
    const room = known ?? new Room(this.#host, name, options);
    this.rooms.set(name, room);
    try {
      return await room.join(options);
    } catch (error) {
      if (!known) room.end('refused', error);
      throw error;
    }
  }

  // --- the session

  async #open_session() {
    const { client = 'greenroom.js/0.1', user } = this.#options;
    const connection = this.#connection;
    try {
      const token = await this.#token();
      if (connection !== this.#connection) return;
      const resume = this.#session && { ...this.#session, positions: this.#positions() };
      const params = { client, user, token, resume };
      await this.#calls.call('session.open', params, { bound: true, apply: (opened) => this.#opened(opened) });
    } catch (error) {
      if (connection === this.#connection) this.#not_opened(error);
    }
  }

  async #token() {
    const { token } = this.#options;
    if (typeof token !== 'function') return token;
    try {
      return await token();
    } catch (error) {
      throw Object.assign(new GreenroomError('no_token', `there is no token: ${error.message}`), { cause: error });
    }
  }

  #positions() {
    const known = [...this.rooms.values()].filter((room) => room.state === 'joined' && room.position);
    return Object.fromEntries(known.slice(-positions_max).map((room) => [room.name, room.position]));
  }

  #opened({ session, user, resume_token: token, resumed, reason, rooms, limits, time }) {
    this.#session = token ? { session, token } : undefined;
    this.#limits = limits;
    this.#user = user;
    ++this.stats[resumed ? 'resumed' : 'fresh'];
    const again = [...this.rooms.values()].filter((room) => room.entered);
    this.#link.ready({ session, user, resumed, reason, limits, time });
    const entries = new Map(rooms.map((entry) => [entry.room, entry]));
    for (const room of again) {
      if (resumed) room.resumed(entries.get(room.name));
      else room.rejoin();
    }
    if (!resumed) this.presence.renew();
    this.#calls.release();
    this.#watch();
  }

  #not_opened(error) {
    const { code, reason, data } = error;
    if (passing.has(code) || reason === 'timed_out' || reason === 'no_token')
      this.#link.drop({ reason: 'session_refused', again: 'later', delay_ms: data?.retry_after_ms, error });
    else this.#link.stop({ reason: 'session_refused', error });
  }

  /** A connection on which nothing comes is asked a question; where that is not answered either, it is given up. */
  #watch() {
    const { clock, probe_ms, silence_ms } = this.#options;
    const connection = this.#connection;
    if (!probe_ms) return;
    this.#probe = clock.setTimeout(async () => {
      if (clock.now() - this.#heard >= probe_ms)
        await this.#calls
          .call('inbox.ack', { upto: 0 }, { bound: true, timeout_ms: silence_ms })
          .catch(({ reason }) => {
            if (reason === 'timed_out' && connection === this.#connection) this.#link.drop({ reason: 'silent' });
          });
      if (connection === this.#connection) this.#watch();
    }, probe_ms);
  }

  // --- what the link says

  #on_state(state) {
    if (state.state === 'connecting') ++this.stats.connections;
    this.#last = state;
    this.emit('state', state);
  }

  #on_lost({ code, reason, final }) {
    ++this.#connection;
    this.#options.clock.clearTimeout(this.#probe);
    this.#requests.lost();
    for (const room of this.rooms.values()) room.lost();
    this.#calls.lost({ code, reason });
    if (!final) return;
    globalThis.window?.removeEventListener?.('online', this.#offline);
    this.#calls.end(`the client is closed (${code ?? ''} ${reason})`);
    for (const room of [...this.rooms.values()]) room.end('closed');
  }

  #end_error() {
    const { code, reason, error } = this.#last;
    return error ?? new GreenroomError('closed', `the client is closed (${code ?? ''} ${reason})`);
  }

  #on_frame(data) {
    this.#heard = this.#options.clock.now();
    let document;
    try {
      document = typeof data === 'string' ? json.decode(data) : msgpack.decode(data);
    } catch (error) {
      return this.emit(
        'error',
        new GreenroomError('bad_frame', `a frame of the node's is not well-formed: ${error.message}`),
      );
    }
    for (const message of Array.isArray(document) ? document : [document]) this.#on_message(message);
    return undefined;
  }

  #on_message(message) {
    const { id, method, params, error } = message;
    if (method === undefined) {
      if (this.#calls.answered(message)) return;
      ++this.stats.ignored;
      if (id === null && error) this.emit('error', new GreenroomError('refused', error.message, error));
    } else if (id !== undefined) {
      this.#requests.on_request(message, (to, outcome) =>
        this.#link.send(this.#codec.encode({ jsonrpc: '2.0', id: to, ...outcome })),
      );
    } else {
      this.#on_notification(method, params ?? {});
    }
  }

  #on_notification(method, params) {
    const room = this.rooms.get(params.room);
    switch (method) {
      case 'room.message':
        return room ? room.on_message(params) : ++this.stats.ignored;
      case 'room.presence':
        return room ? room.on_presence(params) : ++this.stats.ignored;
      case 'room.push':
        return room ? room.on_push(params) : ++this.stats.ignored;
      case 'room.notice':
        return room ? room.on_notice(params) : ++this.stats.ignored;
      case 'inbox.message':
        return this.#inbox.on_message(params);
      case 'inbox.acked':
        return this.emit('inbox_acked', params);
      case 'presence.changed':
        return this.presence.on_changed(params);
      case 'session.notice':
        return this.emit('notice', params);
      default:
        return this.emit('notification', { method, params });
    }
  }
}
