// Who takes part in the load beside those who send: members that come and go, readers of history, users with an inbox.
import { hashOf } from './journal.mjs';
import { Participant, pause } from './participant.mjs';

/** A member that leaves, is cut off or forgets its session, stays away for a while and comes back with its position. */
export class Comer extends Participant {
  here = true; // stays
  #out = false;
  async live() {
    while (!this.world.over) {
      await pause(100 + this.pick(500));
      if (this.here || !this.ready) continue;
      const rooms = [...this.wanted];
      const how = this.pick(3);
      if (how === 0) this.cut();
      else if (how === 1) this.forget();
      else await this.#away(rooms);
    }
  }
  async #away(rooms) {
    const { connection } = this;
    this.#out = true;
    for (const room of rooms) await this.leave(room, connection);
    await pause(this.pick(400));
    for (const room of rooms) this.wanted.add(room);
    const now = this.connection;
    if (this.ready)
      for (const room of rooms) if (!this.inside.has(room)) await this.join(room, now).catch(() => now.cut());
    this.#out = false;
  }
  has(heads) {
    return !this.#out && super.has(heads);
  }
}

/** Pages through the history of rooms, from anywhere to the end. */
export class Reader extends Participant {
  idle = true;
  async live(rooms) {
    while (!this.world.over) {
      await pause(50 + this.pick(200));
      if (this.idle || !this.ready) continue;
      const room = rooms[this.pick(rooms.length)];
      const head = await this.page(room, { limit: 1 });
      if (head?.last > 0) await this.read(room, this.pick(head.last), { pages: 5, limit: 1 + this.pick(200) });
    }
  }
  /** Reads on from `after`; resolves with the last page, or undefined where the connection went. */
  async read(room, after, { pages = Infinity, limit = 1_000, final = false } = {}) {
    let page;
    for (; pages > 0; --pages) {
      page = await this.page(room, { after, limit, final });
      if (!page || page.messages.length === 0) break;
      after = page.messages.at(-1).seq;
      if (after >= page.last) break;
    }
    return page;
  }
  async page(room, { after, limit, final }) {
    const { result } = await this.connection.ask('room.history', {
      room,
      limit,
      ...(after !== undefined && { after }),
    });
    if (!result) return undefined;
    const { epoch, first, last } = result;
    const messages = result.messages.map(({ seq, id, payload }) => [seq, id, hashOf(payload)]);
    // the newest page begins where it does: that is no gap
    this.write('page', {
      room,
      epoch,
      first,
      last,
      after: after ?? (messages[0]?.[0] ?? 1) - 1,
      messages,
      ...(final && { final }),
    });
    return result;
  }
}

/** A session of a user with an inbox; acknowledges what it has, at once or later, each only when it is in the journal. */
export class Mailbox extends Participant {
  last_n = 0; // the newest that this connection brought
  #waiting = false;

  on_gone() {
    this.last_n = 0;
  }
  on_mail(message) {
    super.on_mail(message);
    this.last_n = message.n;
    if (this.#waiting) return;
    this.#waiting = true;
    setTimeout(() => {
      this.#waiting = false;
      this.acknowledge();
    }, this.pick(60));
  }
  /** Acknowledges what came on this connection; how many are left, or undefined. */
  async acknowledge() {
    const { connection, last_n: upto } = this;
    await this.world.journal.sync();
    if (!this.ready || this.connection !== connection) return undefined;
    const { result } = await connection.ask('inbox.ack', { upto });
    if (!result) return undefined;
    this.write('mail_ack', { user: this.user, upto, left: result.left });
    return result.left;
  }
  /** Alternates between here and away. */
  async live() {
    while (!this.world.over) {
      await pause(200 + this.pick(800));
      if (this.comes_and_goes && !this.held) this.be(this.world.random() < 0.6);
    }
  }
  be(here) {
    this.away = !here;
    if (this.away) this.cut();
  }
  /** Resolves when nothing waits any more. */
  async empty(end) {
    this.be(true);
    while (Date.now() < end) {
      if (this.ready && (await this.acknowledge()) === 0) return true;
      await pause(20);
    }
    return false;
  }
}
