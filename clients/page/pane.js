/**
 * PANE is one client on the page: its connection's state, who is in the room, the messages, and what cuts it off.
 *
 * What was typed stands in the log at once, as waiting, and takes its place when the room has given it one. Bounds: the log
 * keeps `lines_max` lines, the list of members shows `members_max`.
 */
import { Greenroom, make_id } from '../greenroom/index.js';
import { encode } from '../greenroom/json.js';

const lines_max = 200;
const members_max = 8;
const history = 15;
const away_ms = 10_000;
const backoff = { min_ms: 250, max_ms: 4_000 };
const first_names = {
  json: ['ada', 'ben', 'cleo', 'dan', 'eva', 'finn'],
  msgpack: ['gwen', 'hugo', 'ines', 'jon', 'kim', 'leo'],
};

const plural = (n, one) => `${n} ${one}${n === 1 ? '' : 's'}`;
const text_of = (payload) => (typeof payload === 'string' ? payload : encode(payload));

/** A name that a reload finds again. */
function remembered_name(key, names) {
  const made = `${names[Math.floor(Math.random() * names.length)]}-${Math.floor(10 + Math.random() * 90)}`;
  try {
    const name = localStorage.getItem(key) ?? made;
    localStorage.setItem(key, name);
    return name;
  } catch {
    return made; // storage is off
  }
}
function remember_name(key, name) {
  try {
    localStorage.setItem(key, name);
  } catch {
    // storage is off: the name lasts as long as the page
  }
}

function element(tag, classes, text) {
  const made = document.createElement(tag);
  made.className = classes;
  made.textContent = text;
  return made;
}

export class Pane {
  #client;
  #room;
  #waiting = new Map(); // id → the line of a message that has no place yet
  #ticking;
  #resumes = 0;

  constructor({ codec, encoding, room, announce }) {
    this.codec = codec;
    this.encoding = encoding;
    this.room_name = room;
    this.announce = announce;
    this.key = `greenroom.name.${encoding}`;
    this.name = remembered_name(this.key, first_names[encoding]);
    this.element = document.getElementById('pane').content.firstElementChild.cloneNode(true);
    this.parts = Object.fromEntries(
      [
        'who',
        'codec',
        'state-text',
        'name-input',
        'here',
        'members',
        'log',
        'say',
        'text',
        'cut',
        'reconnect',
        'session',
      ].map((name) => [name, this.element.querySelector(`.${name}`)]),
    );
    this.#label();
    this.#listen();
    this.#connect();
  }

  /** Names for what has none to see. */
  #label() {
    const { element, parts, codec, encoding } = this;
    const title = element.querySelector('h2');
    title.id = `pane-${encoding}`;
    element.setAttribute('aria-labelledby', title.id);
    parts.codec.textContent = codec;
    parts.text.id = `say-${encoding}`;
    const label = element.querySelector('.say label');
    label.htmlFor = parts.text.id;
    label.textContent = `Message, sent as ${codec}`;
    parts['name-input'].value = this.name;
    parts['name-input'].setAttribute('aria-label', `Name in the ${codec} client`);
    parts.members.setAttribute('aria-label', `In the room, as the ${codec} client sees it`);
    parts.log.setAttribute('aria-label', `Messages of the ${codec} client`);
    element.querySelector('.say button').setAttribute('aria-label', `Send as ${codec}`);
    parts.cut.setAttribute('aria-label', `Cut off the ${codec} client`);
    parts.reconnect.setAttribute('aria-label', `Reconnect the ${codec} client`);
  }

  #listen() {
    const { parts } = this;
    parts.say.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#say();
    });
    parts['name-input'].addEventListener('change', () => this.#rename());
    parts.cut.addEventListener('click', () => this.#client.cut(away_ms));
    parts.reconnect.addEventListener('click', () => this.#reconnect());
    addEventListener('pagehide', ({ persisted }) => persisted || this.#client.close());
  }

  #connect() {
    const client = new Greenroom('/ws', { user: this.name, client: 'start page', encoding: this.encoding, backoff });
    this.#client = client;
    this.#resumes = 0;
    this.parts.who.textContent = this.name;
    this.parts.members.replaceChildren();
    const mine =
      (handle) =>
      (...args) =>
        client === this.#client && handle(...args);
    client.on(
      'state',
      mine((state) => this.#show_state(state)),
    );
    client.on(
      'notice',
      mine(({ code, text }) => this.#event(text ?? `the node says: ${code}`)),
    );
    client.on(
      'inbox',
      mine((message, ack) => this.#show_direct(message, ack)),
    );
    client.join(this.room_name, { history }).then(
      mine((room) => this.#joined(room, mine)),
      mine((error) => this.#event(`not in the room: ${error.message}`)),
    );
  }

  #joined(room, mine) {
    this.#room = room;
    room.on(
      'message',
      mine((message, delivery) => this.#show_message(message, delivery)),
    );
    room.on(
      'presence',
      mine(() => this.#show_members()),
    );
    room.on(
      'resync',
      mine((what) => this.#show_resync(what)),
    );
    room.on(
      'notice',
      mine((notice) => this.#show_notice(notice)),
    );
    room.on(
      'left',
      mine(({ reason, error }) => this.#event(`out of the room: ${error?.message ?? reason}`)),
    );
    this.#show_members();
    if (!room.position?.seq) this.#event('nothing has been said here yet');
  }

  // --- what the person does

  #say() {
    const { text } = this.parts;
    const payload = text.value.trim();
    if (!payload) return;
    const direct = payload.match(/^@(\S+)\s+(.+)$/s);
    if (direct) return this.#send(direct[1], direct[2]);
    if (!this.#room) return this.#event('not in the room yet');
    text.value = '';
    const id = make_id();
    const line = this.#line('mine waiting', this.name, payload, 'waiting');
    this.#waiting.set(id, line);
    this.#room.publish('say', payload, { id }).catch((error) => {
      this.#waiting.delete(id);
      line.classList.replace('waiting', 'failed');
      line.lastElementChild.textContent = error.unknown ? `unsure: ${error.message}` : `not sent: ${error.message}`;
    });
  }

  /** To one user, who may be away: it waits on disk until it is acknowledged. */
  #send(to, payload) {
    this.parts.text.value = '';
    const line = this.#line('mine direct waiting', this.name, payload, `to ${to}`);
    const settle = (how, place) => {
      line.classList.replace('waiting', how);
      line.lastElementChild.textContent = place;
    };
    this.#client.send(to, 'say', payload).then(
      () => settle('stored', `to ${to}, stored`),
      (error) => settle('failed', error.unknown ? `unsure: ${error.message}` : `not sent: ${error.message}`),
    );
  }

  #rename() {
    const name = this.parts['name-input'].value.trim() || this.name;
    this.parts['name-input'].value = name;
    if (name === this.name) return;
    this.name = name;
    remember_name(this.key, name);
    this.#start_again(`now as ${name}`);
  }

  #reconnect() {
    if (this.#client.state === 'closed') this.#start_again('connecting again');
    else this.#client.reconnect();
  }

  #start_again(why) {
    const old = this.#client;
    this.#room = undefined;
    this.parts.log.replaceChildren();
    this.#waiting.clear();
    this.#event(why);
    this.#connect();
    old.close();
  }

  // --- what the client says

  #show_state(now) {
    const { state } = now;
    this.element.dataset.state = state;
    clearInterval(this.#ticking);
    this.parts.cut.setAttribute('aria-disabled', String(state !== 'open'));
    if (state === 'connecting') this.#say_state('Connecting …');
    if (state === 'open') this.#show_open(now);
    if (state === 'reconnecting') this.#show_lost(now);
    if (state === 'closed') {
      this.#say_state('Closed');
      this.#event(`closed: ${now.error?.message ?? now.reason}`);
      this.announce(`${this.codec} client: closed`);
    }
  }

  #say_state(text) {
    this.parts['state-text'].textContent = text;
  }

  #show_open({ resumed, session }) {
    this.#say_state('Connected');
    if (resumed) ++this.#resumes;
    const times = this.#resumes ? `, resumed ${plural(this.#resumes, 'time')}` : '';
    this.parts.session.textContent = `session ${session.slice(0, 6)}…${times}`;
    this.announce(`${this.codec} client: ${resumed ? 'connected again, session resumed' : 'connected'}`);
  }

  #show_lost({ delay_ms, reason, code }) {
    const due = Date.now() + delay_ms;
    const tick = () => {
      const left = Math.max(0, Math.ceil((due - Date.now()) / 1_000));
      this.#say_state(left > 1 ? `Reconnecting in ${left} s` : 'Reconnecting …');
    };
    tick();
    this.#ticking = setInterval(tick, 250);
    if (reason === 'reconnect') return;
    const lost = reason === 'cut' ? 'cut off' : `connection lost (${code}${reason ? ` ${reason}` : ''})`;
    if (this.parts.log.lastElementChild?.dataset.event !== lost) this.#event(lost).dataset.event = lost;
    this.announce(`${this.codec} client: connection lost, reconnecting`, `${this.codec} ${due}`);
  }

  #show_resync({ how, recovered, missed, reason }) {
    const again = how === 'resumed' ? 'session resumed' : 'a fresh session, in the room again';
    const why = { too_far: 'too much was missed', expired: 'what was missed is older than the history' }[reason];
    const rest = recovered ? (missed ? `${plural(missed, 'message')} missed` : 'nothing missed') : why;
    this.#event(rest ? `${again}: ${rest}` : again);
  }

  #show_notice({ code, from, to, text }) {
    if (code === 'dropped') this.#event(`#${from} to #${to} will not come`);
    if (code === 'epoch_changed') this.#event('the room’s history was lost with the node: it begins again at #1');
    if (code === 'closed') this.#event('the room failed and was given up');
    if (code === 'removed') this.#event(`sent out of the room${text ? `: ${text}` : ''}`);
  }

  #show_message({ id, from, payload, epoch, seq }, { source }) {
    const waiting = this.#waiting.get(id);
    if (waiting && from === this.#client.user) {
      this.#waiting.delete(id);
      waiting.remove();
    }
    const own = from === this.#client.user;
    const place = source === 'missed' ? `missed #${seq}` : `#${seq}`;
    this.#line(`${own ? 'mine' : ''} ${source}`, from, text_of(payload), place);
    if (source !== 'history') this.announce(`${from}: ${text_of(payload)}`, `${epoch} ${seq}`);
  }

  #show_direct({ n, from, payload }, ack) {
    this.#line('direct', from, text_of(payload), 'to you');
    this.announce(`${from} to ${this.name}: ${text_of(payload)}`, `inbox ${this.name} ${n}`);
    ack();
  }

  #show_members() {
    const { members, total } = this.#room;
    const shown = members.slice(0, members_max).map(({ user }) => {
      const own = user === this.#client.user;
      return element('li', own ? 'you' : '', own ? `${user} (you)` : user);
    });
    const rest = total - shown.length;
    if (rest > 0) shown.push(element('li', 'more', `and ${rest} more`));
    this.parts.members.replaceChildren(...shown);
  }

  // --- the log

  #line(classes, from, what, place) {
    const line = element('li', classes, '');
    line.append(element('span', 'from', from), element('span', 'what', what), element('span', 'place', place));
    return this.#append(line);
  }

  #event(text) {
    return this.#append(element('li', 'event', text));
  }

  /** Follows the end of the log, unless somebody has scrolled up to read. */
  #append(line) {
    const { log } = this.parts;
    const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(line);
    while (log.children.length > lines_max) log.firstElementChild.remove();
    if (follows) log.scrollTop = log.scrollHeight;
    return line;
  }
}
