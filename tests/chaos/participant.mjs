// A client of the load that lives as long as the run: it connects again whenever its connection ends, resumes its session
// with its token and positions, and joins its rooms where that failed. Everything that it sends or sees is in the journal.
import { Connection } from './connection.mjs';
import { hashOf } from './journal.mjs';

const back_off_ms = { first: 20, most: 500 };

export const pause = (ms) => new Promise((go) => setTimeout(go, ms));

export class Participant {
  positions = new Map(); // room → {epoch, seq}: what it has
  wanted = new Set(); // rooms that it means to be in
  away = false; // stays without a connection
  inside = new Set(); // rooms that it is in, on this connection
  ready = false; // connected, and in its rooms
  #serial = 0;

  /**
   * @param world {url, journal, random(), over}: `over` ends it. @param options.shows: how it names its positions when it
   * resumes: 'always', or 'sometimes' not at all and sometimes as a bare seq.
   */
  constructor(world, { name, user = name, kind = 'json', rooms = [], shows = 'always' }) {
    Object.assign(this, { world, name, user, kind, shows });
    for (const room of rooms) this.wanted.add(room);
  }

  write(e, more) {
    this.world.journal.write({ e, who: this.name, conn: this.conn, ...more });
  }
  pick(most) {
    return Math.floor(this.world.random() * most);
  }

  /** Until the world is over: connected, or on the way to it. */
  async run() {
    let failures = 0;
    while (!this.world.over) {
      let asked = 0;
      if (this.away) {
        await pause(20);
        continue;
      }
      try {
        await this.#connect();
        failures = 0;
        this.on_ready();
        await this.connection.closed;
      } catch (error) {
        asked = error.retry_after_ms ?? 0;
      }
      this.ready = false;
      this.inside.clear();
      this.on_gone();
      const most = Math.min(back_off_ms.most, back_off_ms.first * 2 ** failures++);
      if (!this.world.over) await pause(Math.max(asked, most * (0.5 + this.world.random() / 2)));
    }
    this.connection?.cut();
  }
  on_ready() {}
  on_gone() {}
  /** Ends the connection without a word. */
  cut() {
    this.connection?.cut();
  }
  /** Forgets its session, as a client does that is started again; its positions stay. */
  forget() {
    this.session = undefined;
    this.cut();
  }

  async #connect() {
    await this.world.journal.sync(); // what it says that it has
    const connection = await Connection.open(this.world.url, this.kind, (method, params) =>
      this.on_notification(method, params),
    );
    const conn = `${this.name}/${++this.#serial}`;
    const positions = this.session ? this.#shown() : null;
    const { session: id, token } = this.session ?? {};
    const resume = this.session && { session: id, token, ...(positions && { positions }) };
    this.world.journal.write({ e: 'opening', conn, user: this.user });
    const opened = new Promise((resolve, reject) => {
      connection.call('session.open', { user: this.user, ...(resume && { resume }) }, (result, error) => {
        if (!result) return reject(Object.assign(new Error('session.open'), error?.data));
        this.conn = conn; // from here on what comes is this session's
        this.#attached(result, id, positions);
        resolve();
      });
    });
    try {
      await opened;
      await this.#join_all(connection); // sets `ready`
    } catch (error) {
      connection.cut();
      throw error;
    }
  }

  #shown() {
    if (this.shows === 'sometimes' && this.world.random() < 0.4) return null;
    const bare = this.shows === 'sometimes' && this.world.random() < 0.5;
    return Object.fromEntries(
      [...this.positions].filter(([room]) => this.wanted.has(room)).map(([room, at]) => [room, bare ? at.seq : at]),
    );
  }
  #attached(result, resuming, positions) {
    const { session, user, resumed, reason, rooms, resume_token: token } = result;
    this.session = { session, token };
    this.write('attach', {
      user,
      session: resuming ?? session,
      resuming: resuming !== undefined,
      resumed,
      reason,
      positions,
      rooms,
    });
    if (!resumed) return;
    for (const { room, epoch, seq, recovered, reason: why } of rooms) {
      if (recovered || why === 'epoch_changed' || why === 'expired') this.inside.add(room);
      const knows = recovered && this.positions.has(room); // else the answer to its join was lost
      if (this.inside.has(room) && !knows) this.positions.set(room, { epoch, seq });
    }
  }
  async #join_all(connection) {
    for (;;) {
      const room = [...this.wanted, ...this.inside].find((each) => this.wanted.has(each) !== this.inside.has(each));
      if (room === undefined) break;
      if (this.wanted.has(room)) await this.join(room, connection);
      else await this.leave(room, connection);
    }
    this.connection = connection;
    this.ready = true;
  }

  /** Joins where it was before; throws where there is no answer or a refusal. */
  join(room, connection = this.connection) {
    this.wanted.add(room);
    const since = this.positions.get(room);
    return new Promise((resolve, reject) => {
      connection.call('room.join', { room, ...(since && { since }) }, (result, error) => {
        if (!result) return reject(Object.assign(new Error(`room.join ${error?.code}`), error?.data));
        const { epoch, seq, recovered, reason, missed = [] } = result;
        this.write('join', { room, since, epoch, seq, recovered, reason });
        this.inside.add(room);
        this.positions.set(room, recovered ? since : { epoch, seq });
        for (const message of missed) this.#on_message(message);
        resolve();
      });
    });
  }
  async leave(room, connection = this.connection) {
    this.wanted.delete(room);
    this.write('leave', { room });
    await connection.ask('room.leave', { room });
    this.inside.delete(room);
  }

  on_notification(method, params) {
    if (method === 'room.message') this.#on_message(params);
    else if (method === 'inbox.message') this.on_mail(params);
    else if (method === 'room.notice') this.#on_notice(params);
  }
  #on_message({ room, epoch, seq, id, payload }) {
    this.write('got', { room, epoch, seq, id, hash: hashOf(payload) });
    const at = this.positions.get(room);
    if (at?.epoch !== epoch || seq > at.seq) this.advance(room, { epoch, seq });
  }
  advance(room, to) {
    this.positions.set(room, to);
  }
  #on_notice({ room, code, from, to }) {
    this.write('notice', { room, code, from, to });
    if (code === 'dropped' && this.positions.has(room)) this.positions.get(room).seq = to;
    if (code === 'closed') this.cut(); // and joins again
  }
  /** Also where none is sent to: then it is another user's. */
  on_mail({ n, id, from, payload }) {
    this.write('mail', { user: this.user, n, id, from, hash: hashOf(payload) });
  }

  /** Whether it has everything of its rooms up to `heads`: Map(room → {epoch, seq}). */
  has(heads) {
    if (!this.ready) return false;
    for (const room of this.wanted) {
      const at = this.positions.get(room);
      const head = heads.get(room);
      if (head && (at?.epoch !== head.epoch || at.seq < head.seq)) return false;
    }
    return true;
  }
}
