// The mixed load: everybody who takes part, how they come to rest, and what is read at the end. It survives the node's
// death: each participant comes back by itself.
import { patience, random } from '../e2e/harness.mjs';
import { Participant, pause } from './participant.mjs';
import { Comer, Mailbox, Reader } from './roles.mjs';
import { Sender } from './sender.mjs';

export const inbox_messages_max = 200; // of the node under load, so that senders meet the quota
const ttls_ms = [1_000, 2_000, 60_000];

const publishing = (rooms, quiet) => (sender) => ({ kind: 'publish', to: rooms[sender.pick(rooms.length)], quiet });
const sending =
  (...users) =>
  (sender) => ({
    kind: 'send',
    to: users[sender.pick(users.length)],
    ttl_ms: sender.pick(4) === 0 ? ttls_ms[sender.pick(ttls_ms.length)] : undefined,
  });

/** Who takes part in a run under load. */
export function crowd(world, rooms) {
  return {
    senders: [
      new Sender(world, { name: 'ann', make: publishing(rooms) }),
      new Sender(world, { name: 'ben', make: publishing(rooms), kind: 'msgpack', rooms, shows: 'sometimes' }),
      new Sender(world, { name: 'cat', make: publishing(rooms, true), rooms }),
      new Sender(world, { name: 'dan', make: publishing(rooms, true), kind: 'msgpack' }),
      new Sender(world, { name: 'eva', make: sending('mia', 'noa') }),
      new Sender(world, { name: 'fay', make: sending('mia', 'noa', 'oli'), kind: 'msgpack' }),
    ],
    members: [
      new Participant(world, { name: 'ida', rooms }),
      new Participant(world, { name: 'jon', kind: 'msgpack', rooms, shows: 'sometimes' }),
      new Participant(world, { name: 'kim', rooms, shows: 'sometimes' }),
    ],
    comers: [new Comer(world, { name: 'lea', rooms }), new Comer(world, { name: 'lou', kind: 'msgpack', rooms })],
    mailboxes: [
      new Mailbox(world, { name: 'mia' }),
      new Mailbox(world, { name: 'mia2', user: 'mia', kind: 'msgpack' }),
      Object.assign(new Mailbox(world, { name: 'noa', kind: 'msgpack' }), { comes_and_goes: true }),
      Object.assign(new Mailbox(world, { name: 'oli' }), { away: true }), // whose inbox fills
    ],
    readers: [new Reader(world, { name: 'ray' }), new Reader(world, { name: 'rex', kind: 'msgpack' })],
  };
}

/** One of each, who do only what they are told: Sender.add(). */
export function handful(world, [room]) {
  return {
    senders: [
      new Sender(world, { name: 'ann', make: () => ({ kind: 'publish', to: room }) }),
      new Sender(world, { name: 'eva', make: () => ({ kind: 'send', to: 'mia' }), kind: 'msgpack' }),
    ],
    members: [new Participant(world, { name: 'ida', rooms: [room] })],
    comers: [],
    mailboxes: [new Mailbox(world, { name: 'mia' })],
    readers: [new Reader(world, { name: 'ray' })],
  };
}

export class Load {
  /** @param options.http the node's address; @param options.rooms how many rooms; @param options.cast who takes part. */
  constructor(journal, { url, http, seed, rooms = 4, cast = crowd }) {
    this.world = { url, http, journal, random: random(seed), over: false };
    this.rooms = Array.from({ length: rooms }, (_, i) => `durable:chaos-${i + 1}`);
    Object.assign(this, cast(this.world, this.rooms));
    this.everyone = [...this.senders, ...this.members, ...this.comers, ...this.mailboxes, ...this.readers];
    this.busy = false;
  }

  start() {
    this.running = this.everyone.map((one) => one.run());
    const lives = [...this.comers, ...this.readers, ...this.mailboxes].map((one) => one.live(this.rooms));
    this.running.push(...lives, this.#cut());
  }
  /** Connections end under whoever it hits. */
  async #cut() {
    while (!this.world.over) {
      await pause(50 + this.world.random() * 300);
      if (this.busy) this.everyone[Math.floor(this.world.random() * this.everyone.length)].cut();
    }
  }
  /** New messages, members that come and go; or none of it. */
  set busy(yes) {
    this.is_busy = yes;
    for (const one of this.senders) one.stopped = !yes;
    for (const one of this.comers) one.here = !yes;
    for (const one of this.readers) one.idle = !yes;
    for (const one of this.mailboxes) one.held = !yes;
  }
  get busy() {
    return this.is_busy;
  }

  /**
   * Comes to rest: every message has its answer, every member everything, every inbox of who is there is empty. Says who
   * was not done in time, `ms` for a patience of 1.
   */
  async drain(ms, { all = false } = {}) {
    this.busy = false;
    if (all) for (const one of this.mailboxes) one.be(true);
    const end = Date.now() + ms * patience;
    const late = [];
    const soon = async (what, ready) => {
      while (!ready()) {
        if (Date.now() > end) return late.push(what);
        await pause(10);
      }
    };
    for (const one of this.senders) await soon(`${one.name} waits for answers`, () => one.ready && one.open.size === 0);
    const heads = await this.#heads(end);
    if (!heads) late.push('the newest positions cannot be read');
    else
      for (const one of this.everyone)
        if (!one.away) await soon(`${one.name} has not everything`, () => one.has(heads));
    if (late.length === 0) await this.#empty(end, late);
    this.world.journal.write({ e: 'drained', ok: late.length === 0, text: late.join(', ') });
    await this.world.journal.sync();
    return late;
  }
  async #empty(end, late) {
    for (const user of new Set(this.mailboxes.map((one) => one.user))) {
      const sessions = this.mailboxes.filter((one) => one.user === user && !one.away);
      for (const one of sessions) if (!(await one.empty(end))) late.push(`the inbox of ${one.name} is not empty`);
      if (sessions.length > 0 && late.length === 0) this.world.journal.write({ e: 'emptied', user });
    }
  }
  async #heads(end) {
    const heads = new Map();
    while (Date.now() < end) {
      const [reader] = this.readers;
      for (const room of this.rooms) {
        const page = reader.ready && (await reader.page(room, { limit: 1 }));
        if (page) heads.set(room, { epoch: page.epoch, seq: page.last });
      }
      if (heads.size === this.rooms.length) return heads;
      await pause(20);
    }
    return undefined;
  }

  /** After a drain of all: reads every room from its first message, and what the node counts of inboxes. */
  async read_all() {
    const [reader] = this.readers;
    for (const room of this.rooms) {
      const read = await reader.read(room, 0, { final: true });
      if (!read) this.world.journal.write({ e: 'drained', ok: false, text: `the history of ${room} cannot be read` });
    }
    const metrics = await (await fetch(`${this.world.http}/metrics`)).text();
    const gauge = (name) => Number(metrics.match(new RegExp(`^${name} (\\S+)$`, 'm'))?.[1]);
    this.world.journal.write({
      e: 'dead',
      letters: gauge('greenroom_dead_letters'),
      queued: gauge('greenroom_inbox_queued'),
    });
    await this.world.journal.sync();
  }

  async stop() {
    this.world.over = true;
    for (const one of this.everyone) one.cut();
    await Promise.all(this.running);
  }
}
