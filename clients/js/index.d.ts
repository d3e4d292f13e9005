/** A client of Greenroom nodes for browsers, Node and bundlers. README.md has what it promises. */

export type Json = null | boolean | number | bigint | string | Uint8Array | Ext | Json[] | { [key: string]: Json };

export interface Position {
  epoch: string;
  seq: number;
}

export interface Message<Payload = unknown> extends Position {
  room: string;
  /** The sender's own name for it. */
  id: string;
  event: string;
  payload: Payload;
  from: string;
  /** Milliseconds since 1970 by the node's clock. */
  at: number;
}

export interface InboxMessage<Payload = unknown> {
  n: number;
  id: string;
  from: string;
  event: string;
  payload: Payload;
  at: number;
}

export interface Member {
  user: string;
  since: number;
  /** One for each session of the user; `meta` is what its join gave as presence. */
  entries: { session: string; meta?: unknown }[];
}

export interface UserPresence {
  online: boolean;
  status?: string | null;
  location?: unknown;
  meta?: unknown;
  last_seen?: number | null;
}

/** MessagePack's application types; in JSON {"$ext": [type, base64]}. */
export class Ext {
  constructor(type: number, data: Uint8Array | ArrayBuffer | ArrayBufferView);
  type: number;
  data: Uint8Array;
}

export type Reason =
  | 'refused' // the node's own error answer: an RpcError
  | 'connection_lost' // sent, not answered, and not safe to send again
  | 'timed_out'
  | 'too_many_calls'
  | 'too_large' // for the node's message_bytes_max
  | 'closed'
  | 'no_token'
  | 'bad_frame'
  | 'too_many_watched';

export class GreenroomError extends Error {
  reason: Reason;
  /** The call may have had its effect all the same. */
  unknown: boolean;
  method?: string;
}

export class RpcError extends GreenroomError {
  code: number;
  data?: { path?: string; reason?: string; trace?: string; retry_after_ms?: number; [key: string]: unknown };
}

/** The numbers of docs/protocol.md, by name. */
export const codes: Readonly<{
  parse: -32700;
  invalid_request: -32600;
  method_not_found: -32601;
  invalid_params: -32602;
  internal: -32603;
  unauthenticated: -32001;
  forbidden: -32002;
  rate_limited: -32003;
  not_found: -32004;
  conflict: -32005;
  too_large: -32006;
  queue_full: -32007;
  unavailable: -32008;
  timed_out: -32009;
  draining: -32010;
}>;

/** A UUIDv7: what a message is named by where the application gives no id. */
export function make_id(): string;

/** `ws://host:port/ws` of a URL that may leave out the path, say http, or stand beside a page's own. */
export function socket_url(url: string | URL, base?: string): string;

type Off = () => void;

interface Emitter<Events extends { [event: string]: unknown[] }> {
  /** Returns what takes the listener away again. */
  on<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): Off;
  once<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): Off;
  off<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): void;
}

export type State =
  | { state: 'connecting'; attempt: number }
  | {
      state: 'open';
      session: string;
      user: string;
      /** The session of before; else a fresh one, and `reason` where the old one was asked for. */
      resumed: boolean;
      reason?: 'unknown_session' | 'bad_token' | 'other_user' | 'unavailable';
      limits: { message_bytes_max: number; rooms_max: number; in_flight_max: number };
      time: number;
    }
  | { state: 'reconnecting'; attempt: number; delay_ms: number; code: number; reason: string; error?: Error }
  | { state: 'closed'; code?: number; reason: string; error?: Error };

export interface CallOptions {
  /** For the whole life of the call, waiting and retries included. */
  timeout_ms?: number;
  signal?: AbortSignal;
  /** A repeat of it has no second effect: it may be sent again after a loss. */
  retry?: boolean;
}

export interface Published extends Position {
  id: string;
  ack: 'accepted' | 'durable';
  duplicate?: true;
}

export interface PublishOptions extends CallOptions {
  /** 1 to 64 printable ASCII characters; a UUIDv7 where none is given. */
  id?: string;
  ack?: 'accepted' | 'durable';
  /** false: not to this session. */
  echo?: boolean;
}

export interface History {
  epoch: string;
  first: number;
  last: number;
  messages: Message[];
}

export interface JoinOptions {
  /** What the others see of this member. */
  presence?: unknown;
  /** What the application has: what came after it is delivered first. */
  since?: Position;
  /** How many of the newest messages are delivered before the first live one. */
  history?: number;
  /** false: `members` is not kept. */
  members?: boolean;
  timeout_ms?: number;
  signal?: AbortSignal;
}

export interface PresenceChange {
  joined: Member[];
  left: { user: string }[];
  updated: Member[];
  total: number;
}

export type Notice =
  | { room: string; code: 'dropped'; from: number; to: number }
  | { room: string; code: 'epoch_changed'; epoch: string }
  | { room: string; code: 'closed' }
  | { room: string; code: 'removed'; text?: string }
  | { room: string; code: 'forbidden' }
  | { room: string; code: string; from?: number; to?: number; epoch?: string };

export interface Resync {
  how: 'joined' | 'resumed' | 'rejoined';
  recovered: boolean;
  /** How many messages follow as missed; undefined where they have to be read from history. */
  missed: number | undefined;
  reason?: 'too_far' | 'expired' | 'epoch_changed';
}

export interface Delivery {
  /** live; missed: it came while this client was away; history: it was there before the first join. */
  source: 'live' | 'missed' | 'history';
}

export class Room {
  private constructor();
  readonly name: string;
  readonly state: 'joining' | 'joined' | 'left';
  readonly position: Position | undefined;
  /** In the order of their names; of a big room the first 1,000. */
  readonly members: Member[];
  readonly total: number;
  publish(event: string, payload: unknown, options?: PublishOptions): Promise<Published>;
  history(options?: CallOptions & { before?: number; after?: number; limit?: number }): Promise<History>;
  leave(options?: CallOptions): Promise<void>;
  on: Emitter<RoomEvents>['on'];
  once: Emitter<RoomEvents>['once'];
  off: Emitter<RoomEvents>['off'];
}

export type RoomEvents = {
  message: [message: Message<any>, delivery: Delivery];
  presence: [change: PresenceChange];
  notice: [notice: Notice];
  push: [said: { event: string; payload: any }];
  resync: [what: Resync];
  left: [why: { reason: string; error?: Error }];
};

export type PresenceEvents = { changed: [user: { user: string } & UserPresence] };

export interface Presence extends Emitter<PresenceEvents> {
  set(status: string, options?: CallOptions & { location?: unknown; meta?: unknown }): Promise<object>;
  get(users: string[], options?: CallOptions): Promise<{ [user: string]: UserPresence }>;
  watch(users: string[], options?: CallOptions): Promise<{ [user: string]: UserPresence }>;
  unwatch(users: string[], options?: CallOptions): Promise<object>;
  online(
    options?: CallOptions & { after?: string; limit?: number },
  ): Promise<{ total: number; users: string[]; next?: string }>;
}

export interface Options {
  /** The name that an anonymous client gives itself, where the node lets it. */
  user?: string;
  /** Or a function that gives one, asked before each opening. */
  token?: string | (() => string | Promise<string>);
  /** What the client says of itself. */
  client?: string;
  encoding?: 'json' | 'msgpack';
  /** npm's `ws`, where there is no global one. */
  WebSocket?: new (url: string, protocol: string) => any;
  backoff?: { min_ms?: number; max_ms?: number; factor?: number; stable_ms?: number; attempts_max?: number };
  connect_timeout_ms?: number;
  call_timeout_ms?: number;
  /** After so long a silence the node is asked whether it is there; 0: never. */
  probe_ms?: number;
  /** And so long it may take to answer. */
  silence_ms?: number;
  /** Calls without an answer, waiting and sent. */
  calls_max?: number;
  /** Messages that are read from a room's history after a loss that could not be recovered. */
  recover_max?: number;
  /** Goes on with the session of another client: its `session`. */
  resume?: { session: string; token: string };
  /** false: connect() begins. */
  connect?: boolean;
  /** For tests. */
  clock?: { now(): number; setTimeout(body: () => void, ms: number): any; clearTimeout(timer: any): void };
  random?: () => number;
}

export type ClientEvents = {
  state: [state: State];
  inbox: [message: InboxMessage<any>, ack: () => Promise<boolean>];
  inbox_acked: [{ upto: number }];
  notice: [{ code: string; text?: string }];
  notification: [{ method: string; params: unknown }];
  error: [error: Error];
};

export class Greenroom {
  constructor(url: string | URL, options?: Options);
  readonly state: State['state'] | 'idle';
  readonly user: string | undefined;
  readonly session: { session: string; token: string } | undefined;
  readonly rooms: ReadonlyMap<string, Room>;
  readonly presence: Presence;
  readonly stats: Readonly<{
    connections: number;
    resumed: number;
    fresh: number;
    retries: number;
    duplicates: number;
    ignored: number;
    dropped: number;
  }>;
  connect(): void;
  ready(): Promise<this>;
  reconnect(): void;
  cut(ms?: number): void;
  close(): Promise<void>;
  join(room: string, options?: JoinOptions): Promise<Room>;
  call<Result = any>(method: string, params?: object, options?: CallOptions): Promise<Result>;
  send(
    user: string,
    event: string,
    payload: unknown,
    options?: CallOptions & { id?: string; ttl_s?: number },
  ): Promise<{ id: string; ack: 'accepted' | 'durable'; duplicate?: true }>;
  answer(
    method: string,
    handler: (
      params: any,
      request: { method: string; from?: { user: string; session?: string }; signal: AbortSignal },
    ) => unknown,
  ): () => void;
  on: Emitter<ClientEvents>['on'];
  once: Emitter<ClientEvents>['once'];
  off: Emitter<ClientEvents>['off'];
}
