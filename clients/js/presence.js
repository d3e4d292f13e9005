/**
 * PRESENCE of users: this session's own status, and those of users that it watches. What was set and who is watched are told
 * to the node again after a loss; what changed meanwhile is then a `changed` event like any other.
 *
 * Bounds: `watched_max` users.
 */
import { Emitter } from './emitter.js';
import { GreenroomError } from './errors.js';
import { encode } from './json.js';

const watched_max = 1_000; // as the node's own bound, and what one call may name

export class Presence extends Emitter {
  #host;
  #own; // what was set last
  #watched = new Map(); // user → what is known of it; undefined before the node has answered

  constructor(host) {
    super();
    this.#host = host;
  }

  set(status, { location, meta, ...options } = {}) {
    const own = { status, location, meta };
    const apply = (result) => {
      this.#own = own;
      return result;
    };
    return this.#host.call('presence.set', own, { ...options, apply });
  }
  async get(users, options) {
    return (await this.#host.call('presence.get', { users }, options)).users;
  }
  online({ after, limit, ...options } = {}) {
    return this.#host.call('presence.online', { after, limit }, options);
  }

  /** {USER: what is known now}; from here on `changed` tells of them. */
  async watch(users, options) {
    const more = new Set(users.filter((user) => !this.#watched.has(user)));
    if (this.#watched.size + more.size > watched_max)
      throw new GreenroomError('too_many_watched', `at most ${watched_max} users are watched`);
    for (const user of more) this.#watched.set(user, undefined);
    const answer = await this.#host.call('presence.watch', { users }, options);
    for (const [user, known] of Object.entries(answer.users ?? {})) this.#watched.set(user, known);
    return answer.users;
  }
  unwatch(users, options) {
    for (const user of users) this.#watched.delete(user);
    return this.#host.call('presence.unwatch', { users }, options);
  }

  // --- what the client tells

  on_changed({ user, ...known }) {
    if (this.#watched.has(user)) this.#watched.set(user, known);
    this.emit('changed', { user, ...known });
  }

  /** A fresh session knows nothing of what was set and watched; a resumed one does, and says by itself what has changed. */
  async renew() {
    const bound = { bound: true };
    const users = [...this.#watched].filter(([, known]) => known).map(([user]) => user); // the others' call waits
    try {
      if (this.#own) await this.#host.call('presence.set', this.#own, bound);
      if (users.length)
        await this.#host.call(
          'presence.watch',
          { users },
          { ...bound, apply: (answer) => this.#compare(answer.users) },
        );
    } catch (error) {
      if (error.reason === 'refused') this.#host.trouble(error);
    }
  }

  #compare(users) {
    for (const [user, known] of Object.entries(users))
      if (this.#watched.has(user) && shown(known) !== shown(this.#watched.get(user)))
        this.on_changed({ user, ...known });
  }
}

/** What counts as a change: while a user is online, the time at which it was last seen is only the time of the question. */
const shown = ({ last_seen, ...more }) => encode(more.online ? more : { last_seen, ...more });
