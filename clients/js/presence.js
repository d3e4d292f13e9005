/**
 * PRESENCE of users: this session's own status, and those of users that it watches. What was set and who is watched are told
 * to the node again after a loss; what changed meanwhile is then a `changed` event like any other.
 *
 * Bounds: `watched_max` users.
 */
import { Emitter } from './emitter.js';
import { GreenroomError } from './errors.js';
import { encode } from './json.js';

const watched_max = 1_000;
const users_of_a_call = 100;

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

  /** A session is open again; `fresh`: it knows nothing of what was set. */
  async opened({ fresh }) {
    const apply = ({ users }) => this.#compare(users ?? {});
    const bound = { bound: true };
    try {
      if (fresh && this.#own) await this.#host.call('presence.set', this.#own, bound);
      const users = [...this.#watched].filter(([, known]) => known).map(([user]) => user); // the others' call waits
      for (let i = 0; i < users.length; i += users_of_a_call)
        await this.#host.call('presence.watch', { users: users.slice(i, i + users_of_a_call) }, { ...bound, apply });
    } catch (error) {
      if (error.reason === 'refused') this.#host.trouble(error);
    }
  }

  #compare(users) {
    for (const [user, known] of Object.entries(users))
      if (this.#watched.has(user) && encode(known) !== encode(this.#watched.get(user)))
        this.on_changed({ user, ...known });
  }
}
