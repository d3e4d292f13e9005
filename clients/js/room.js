/**
 * ROOM is one room that the client wants to be in, however often its connection is lost.
 *
 *   joining ──joined──▶ joined ──▶ left: by leave(), by close(), sent out, or not let in again
 *                        │   ▲
 *     a connection lost, │   │ resumed, or joined again with `since`
 *     the room given up  ▼   │
 *                       (still wanted)
 *
 * Messages are delivered once and in the order of their positions. After a loss what was missed comes first: from the resume,
 * from the join's `missed`, or, where the node says that neither can (too_far, expired, epoch_changed), from the room's
 * history as far as that goes. What is gone is a `notice` {code: 'dropped', from, to}, never a silence. While history is read,
 * live messages are held.
 *
 * Bounds: `kept_max` messages wait for the first listener (then the oldest goes, counted), `held_max` while history is read
 * (then its rest is given up, with a notice), `recover_max` messages are read from history, `rejoins_max` attempts to join.
 */
import { Emitter } from './emitter.js';
import { codes } from './errors.js';
import { Members } from './members.js';
import { Position } from './positions.js';

const kept_max = 1_000;
const held_max = 1_000;
const page_max = 1_000; // messages of one answer
const rejoins_max = 6;
const rejoin_pause_ms = 500; // doubles

/** Reasons of a resume that leave the member in the room, live from its newest message on. */
const still_in = new Set(['epoch_changed', 'expired']);
/** Errors of a join that may be over soon. */
const passing = new Set([codes.unavailable, codes.internal, codes.timed_out, codes.rate_limited]);

export class Room extends Emitter {
  state = 'joining';
  entered = false; // whether the first join was answered
  #host;
  #position;
  #presence;
  #members;
  #held; // while history is read: [{seq of a message, again: what to do then}]
  #missed_to; // what a resume brings ends here

  constructor(host, name, { since, presence, members = true }) {
    super();
    this.name = name;
    this.#host = host;
    this.#position = new Position(since);
    this.#presence = presence;
    if (members) this.#members = new Members(host, name, (change) => this.emit('presence', change));
    this.keep('message', kept_max, ([message]) => {
      ++host.stats.dropped;
      this.#notice({ code: 'dropped', from: message.seq, to: message.seq });
    });
  }

  /** {epoch, seq} of the newest message that was delivered: what `since` of a later join may say. */
  get position() {
    return this.#position.since;
  }
  get members() {
    return this.#members?.list ?? [];
  }
  get total() {
    return this.#members?.total ?? 0;
  }

  publish(event, payload, { id, ack, echo, ...options } = {}) {
    return this.#host.call('room.publish', { room: this.name, event, payload, id, ack, echo }, options);
  }
  history({ before, after, limit, ...options } = {}) {
    return this.#host.call('room.history', { room: this.name, before, after, limit }, options);
  }

  async leave(options) {
    if (this.state === 'left') return;
    this.end('left');
    try {
      await this.#host.call('room.leave', { room: this.name }, options);
    } catch (error) {
      if (error.code !== codes.not_found) throw error; // a repeat finds that it has left
    }
  }

  // --- what the client tells its rooms

  /** Joins, or joins again with other presence. */
  join({ history = 0, presence = this.#presence, timeout_ms, signal } = {}) {
    this.#presence = presence;
    return this.#host.call('room.join', this.#join_params(), {
      timeout_ms,
      signal,
      retry: true,
      apply: (answer) => {
        this.#entered(answer, 'joined', history);
        return this;
      },
    });
  }

  lost() {
    this.#members?.forget();
    this.#held = this.#missed_to = undefined; // the node sends everything after the position again
  }

  /** The session was resumed; `entry` is what its answer says of this room. */
  resumed(entry) {
    if (!entry || (!entry.recovered && !still_in.has(entry.reason))) return this.rejoin();
    const { epoch, seq, recovered, reason } = entry;
    if (recovered) {
      this.#missed_to = { epoch, seq };
      this.emit('resync', { how: 'resumed', recovered, missed: seq - this.#position.seq });
    } else {
      this.#not_recovered({ epoch, seq }, 'resumed', reason);
    }
    this.#members?.expect();
    return undefined;
  }

  /** Joins again from the position, a few times where that fails. */
  async rejoin(attempt = 0) {
    const { connection } = this.#host;
    try {
      await this.#host.call('room.join', this.#join_params(), {
        bound: true,
        apply: (answer) => this.#entered(answer, 'rejoined'),
      });
    } catch (error) {
      if (connection !== this.#host.connection || error.code === codes.draining) return; // the next connection sees to it
      const passes = error.reason === 'timed_out' || passing.has(error.code);
      if (passes && attempt < rejoins_max) this.#rejoin_later(attempt, error.data?.retry_after_ms);
      else this.end(error.reason ?? 'refused', error);
    }
  }

  on_message(message) {
    if (this.state !== 'joined') return; // a join's answer brings what is before it
    if (this.#held) return this.#hold(message.seq, () => this.on_message(message));
    const { epoch } = this.#position;
    if (message.epoch !== epoch) this.#notice({ code: 'epoch_changed', epoch: message.epoch });
    const missed = this.#missed_to?.epoch === message.epoch && message.seq <= this.#missed_to.seq;
    this.#deliver(message, missed ? 'missed' : 'live');
  }

  on_notice(notice) {
    if (this.state !== 'joined') return;
    if (this.#held) return this.#hold(undefined, () => this.on_notice(notice));
    this.#notice(notice);
    const { code, to, epoch } = notice;
    if (code === 'dropped') this.#position.move({ epoch: this.#position.epoch, seq: to });
    if (code === 'epoch_changed' && epoch) this.#position.move({ epoch, seq: to ?? 0 });
    if (code === 'closed') {
      this.state = 'joining'; // the room was given up; one of that name may be joined again
      this.#rejoin_later(0);
    }
    if (code === 'removed' || code === 'forbidden') this.end(code);
  }

  on_push({ event, payload }) {
    if (this.state === 'joined') this.emit('push', { event, payload });
  }

  on_presence(params) {
    this.#members?.apply(params);
  }

  /** Not wanted any more. */
  end(reason, error) {
    if (this.state === 'left') return;
    this.state = 'left';
    this.#held = undefined;
    this.#members?.forget();
    this.#host.gone(this);
    this.emit('left', { reason, error });
  }

  // --- inside

  #join_params() {
    return { room: this.name, since: this.#position.since, presence: this.#presence };
  }

  #notice(notice) {
    this.emit('notice', { room: this.name, ...notice });
  }

  #rejoin_later(attempt, pause_ms = rejoin_pause_ms * 2 ** attempt) {
    const { connection, clock } = this.#host;
    clock.setTimeout(() => {
      if (connection === this.#host.connection && this.state !== 'left') this.rejoin(attempt + 1);
    }, pause_ms);
  }

  /** A join was answered: from here on every later message follows. */
  #entered({ epoch, seq, recovered, reason, missed = [] }, how, history = 0) {
    if (this.state === 'left') return;
    this.state = 'joined';
    this.entered = true;
    this.#members?.expect();
    if (!this.#position.known) {
      this.#position.move({ epoch, seq: Math.max(0, seq - history) });
      if (history > 0) this.#read_history({ epoch, seq }, 'history');
    } else if (recovered) {
      this.emit('resync', { how, recovered, missed: missed.length });
      for (const message of missed) this.#deliver(message, 'missed');
      this.#position.move({ epoch, seq });
    } else {
      this.#not_recovered({ epoch, seq }, how, reason);
    }
  }

  #not_recovered({ epoch, seq }, how, reason) {
    const { recover_max } = this.#host;
    this.emit('resync', { how, recovered: false, reason, missed: undefined });
    if (epoch !== this.#position.epoch) {
      this.#notice({ code: 'epoch_changed', epoch });
      this.#position.move({ epoch, seq: Math.max(0, seq - recover_max) });
    } else {
      this.#skip_to(seq - recover_max);
    }
    this.#read_history({ epoch, seq }, 'missed');
  }

  /** Delivers what history has from the position up to `to`, then what was held meanwhile. */
  async #read_history(to, source) {
    const held = (this.#held = []);
    try {
      while (held === this.#held && this.#position.seq < to.seq && (await this.#read_page(to, source, held)));
    } catch {
      // not allowed, not available, or lost with the connection: what is missing is said below
    }
    if (held === this.#held) this.#let_go(to, source);
  }

  /** Whether there may be more. */
  #read_page(to, source, held) {
    const { name } = this;
    const after = this.#position.seq;
    const limit = Math.min(page_max, to.seq - after);
    return this.#host.call(
      'room.history',
      { room: name, after, before: to.seq + 1, limit },
      {
        bound: true,
        apply: ({ epoch, messages }) => {
          if (held !== this.#held || epoch !== to.epoch || !messages.length) return false;
          for (const message of messages) {
            if (source !== 'history') this.#skip_to(message.seq - 1);
            this.#deliver(message, source);
          }
          return true;
        },
      },
    );
  }

  /** Says which messages will not come, and goes on behind them. */
  #skip_to(seq) {
    if (seq <= this.#position.seq) return;
    this.#notice({ code: 'dropped', from: this.#position.seq + 1, to: seq });
    this.#position.move({ epoch: this.#position.epoch, seq });
  }

  #hold(seq, again) {
    this.#held.push({ seq, again });
    if (this.#held.length <= held_max) return;
    const first = this.#held.find((each) => each.seq !== undefined);
    this.#let_go({ epoch: this.#position.epoch, seq: (first?.seq ?? 0) - 1 }, 'missed');
  }

  #let_go({ epoch, seq }, source) {
    const held = this.#held;
    this.#held = undefined;
    if (epoch === this.#position.epoch) {
      if (source === 'history') this.#position.move({ epoch, seq });
      else this.#skip_to(seq);
    }
    for (const { again } of held) again();
  }

  #deliver(message, source) {
    if (!this.#position.take(message)) ++this.#host.stats.duplicates;
    else this.emit('message', message, { source });
  }
}
