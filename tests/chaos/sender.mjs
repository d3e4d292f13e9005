// A participant that sends: it keeps up to 64 messages in flight, each in the journal before it leaves, and sends again
// with the same id what was not answered, in its order, until there is an answer that says what became of it.
import { hashOf } from './journal.mjs';
import { Participant, pause } from './participant.mjs';

const in_flight_max = 64;
const retry = new Set([-32603, -32009, -32008, -32010, -32003]); // unknown, or refused for now
const text = 'The quick brown fox jumps over the lazy dog. ';

export class Sender extends Participant {
  open = new Map(); // id → message: not answered for good
  stopped = true; // makes no new messages
  own = new Map(); // room and epoch → positions of its own that do not come (echo: false) and are not yet counted as had
  #queue = []; // to be journaled and sent, in this order
  #sending = false;
  #count = 0;

  /** @param options.make(sender, n): the next message {method, to, ttl_ms?, quiet?}. */
  constructor(world, options) {
    super(world, options);
    this.make = options.make;
    this.#produce();
  }

  async #produce() {
    while (!this.world.over) {
      if (!this.stopped)
        for (let batch = 1 + this.pick(16); batch > 0 && this.open.size < in_flight_max; --batch) this.add();
      this.#flush();
      await pause(10 + this.pick(50));
    }
  }
  /** One more message; it leaves with the next flush. */
  add(more) {
    const n = ++this.#count;
    const payload = {
      s: this.name,
      n,
      text: text.repeat(this.pick(40) === 0 ? 300 : 1 + this.pick(5)),
      flags: [true, null, n / 3],
    };
    const message = {
      id: `${this.name}-${n}`,
      n,
      payload,
      hash: hashOf(payload),
      size: JSON.stringify(payload).length,
      ...this.make(this, n),
      ...more,
    };
    this.open.set(message.id, message);
    this.#queue.push(message);
  }

  on_ready() {
    this.#queue = [...this.open.values()]; // in their order; what was in flight is unknown
    this.#flush();
  }
  on_gone() {
    this.#queue = [];
  }

  /** Journals what waits, then sends it; one batch at a time, so that the order holds. */
  async #flush() {
    if (this.#sending) return;
    this.#sending = true;
    while (this.ready && this.#queue.length > 0) {
      const { conn, connection } = this;
      const batch = this.#queue.splice(0);
      for (const message of batch) this.#write_attempt(message);
      await this.world.journal.sync();
      for (const message of batch) this.#send(message, conn, connection);
    }
    this.#sending = false;
  }
  #write_attempt({ id, n, kind, to, hash, size, quiet, ttl_ms }) {
    const { session } = this.session;
    this.write('attempt', { id, kind, to, from: this.name, user: this.user, session, n, hash, size, quiet, ttl_ms });
  }
  #send(message, conn, connection) {
    const { id, kind, to, payload, quiet, ttl_ms } = message;
    const [method, target] =
      kind === 'publish'
        ? ['room.publish', { room: to, ...(quiet && { echo: false }) }]
        : ['user.send', { to, ...(ttl_ms && { ttl_s: ttl_ms / 1_000 }) }];
    connection.call(method, { ...target, event: 'chaos', payload, id }, (result, error) => {
      if (result) {
        const { ack, epoch, seq, duplicate } = result;
        this.open.delete(id);
        this.write('ack', { id, conn, ack, epoch, seq, duplicate });
        if (quiet) this.#count_own(to, epoch, seq);
      } else if (error) {
        this.write('error', { id, conn, code: error.code });
        if (!retry.has(error.code)) this.open.delete(id);
        else setTimeout(() => this.#again(message, connection), error.data?.retry_after_ms ?? 50 + this.pick(100));
      } // without an answer the connection is over, and the next one sends it again
    });
  }
  #count_own(room, epoch, seq) {
    const key = `${room}\n${epoch}`;
    if (!this.own.has(key)) this.own.set(key, new Set());
    this.own.get(key).add(seq);
    const at = this.positions.get(room);
    if (at?.epoch === epoch) this.advance(room, at);
  }
  /** What follows without a gap and is its own has been had, too. */
  advance(room, { epoch, seq }) {
    const own = this.own.get(`${room}\n${epoch}`);
    while (own?.delete(seq + 1)) ++seq;
    super.advance(room, { epoch, seq });
  }
  #again(message, connection) {
    if (connection !== this.connection || !this.open.has(message.id)) return;
    this.#queue.push(message);
    this.#flush();
  }
}
