// Raw sockets: for bytes that no client would send, and for a client that stops reading.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { patience, within } from './harness.mjs';

const answer_timeout_ms = 5_000;

/** A TCP connection to the node that keeps what came. */
export class Raw {
  received = Buffer.alloc(0);
  #waiting = [];

  static async connect(node) {
    const raw = new Raw();
    raw.socket = connect(node.port, node.host.replace(/[[\]]/g, ''));
    raw.socket.on('error', () => {});
    raw.socket.on('data', (bytes) => {
      raw.received = Buffer.concat([raw.received, bytes]);
      raw.#wake();
    });
    raw.closed = new Promise((resolve) =>
      raw.socket.on('close', () => {
        raw.over = true;
        raw.#wake();
        resolve();
      }),
    );
    await new Promise((resolve, reject) => {
      raw.socket.once('connect', resolve);
      raw.socket.once('error', reject);
    });
    return raw;
  }
  #wake() {
    for (const wake of this.#waiting.splice(0)) wake();
  }
  write(bytes) {
    this.socket.write(bytes);
  }
  /** Waits until `parse(received)` gives something. Undefined where the connection ended before. */
  async until(parse, what, ms = answer_timeout_ms) {
    const end = Date.now() + ms * patience;
    for (;;) {
      const found = parse(this.received);
      if (found !== undefined) return found;
      if (this.over) return undefined;
      await within(Math.max(1, end - Date.now()) / patience, what, new Promise((wake) => this.#waiting.push(wake)));
    }
  }
  end() {
    this.socket.destroy();
    return this.closed;
  }
}

function parse_response(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [line, ...fields] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(
    fields.map((field) => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    }),
  );
  const length = Number(headers['content-length'] ?? 0);
  const whole = end + 4 + length;
  if (bytes.length < whole) return undefined;
  return {
    status: Number(line.split(' ')[1]),
    line,
    headers,
    body: bytes.subarray(end + 4, whole).toString(),
    rest: bytes.subarray(whole),
  };
}

/** Sends these bytes as one HTTP request: {status, headers, body, closes}; `closes`: the node ended the connection. */
export async function exchange(node, bytes, { wait_close_ms = 300, ms } = {}) {
  const raw = await Raw.connect(node);
  try {
    raw.write(bytes);
    const response = await raw.until(parse_response, 'an HTTP answer', ms);
    if (!response) return { status: undefined, closes: true, headers: {}, body: raw.received.toString() };
    const closes =
      response.headers.connection?.toLowerCase() === 'close'
        ? await within(
            answer_timeout_ms,
            'the announced close',
            raw.closed.then(() => true),
          )
        : await Promise.race([
            raw.closed.then(() => true),
            new Promise((resolve) => setTimeout(() => resolve(false), wait_close_ms)),
          ]);
    return { ...response, closes };
  } finally {
    await raw.end();
  }
}

/** A client's frame, right or wrong: each part can be chosen. */
export function frame({ opcode = 1, payload = '', fin = true, rsv = 0, masked = true, length, long_form } = {}) {
  const body = Buffer.isBuffer(payload) ? payload : Buffer.from(payload);
  const declared = length ?? body.length;
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const bit = masked ? 0x80 : 0;
  let head;
  if (long_form === 64 || (!long_form && declared > 0xffff)) {
    head = Buffer.alloc(10);
    head[1] = bit | 127;
    head.writeBigUInt64BE(BigInt(declared), 2);
  } else if (long_form === 16 || declared > 125) {
    head = Buffer.alloc(4);
    head[1] = bit | 126;
    head.writeUInt16BE(declared, 2);
  } else {
    head = Buffer.from([0, bit | declared]);
  }
  head[0] = first;
  if (!masked) return Buffer.concat([head, body]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, body.map((byte, i) => byte ^ mask[i % 4])]);
}

function parse_frame(bytes) {
  if (bytes.length < 2) return undefined;
  let length = bytes[1] & 0x7f;
  let at = 2;
  if (length === 126) {
    if (bytes.length < 4) return undefined;
    length = bytes.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return undefined;
    length = Number(bytes.readBigUInt64BE(2));
    at = 10;
  }
  if (bytes.length < at + length) return undefined;
  return {
    fin: bytes[0] >> 7 === 1,
    rsv: (bytes[0] >> 4) & 7,
    opcode: bytes[0] & 15,
    masked: bytes[1] >> 7 === 1,
    payload: bytes.subarray(at, at + length),
    size: at + length,
  };
}

/** A WebSocket connection whose frames a test writes by hand. */
export class RawWebSocket {
  static async connect(node, { protocol = 'greenroom.json.1', path = '/ws' } = {}) {
    const made = new RawWebSocket();
    made.raw = await Raw.connect(node);
    made.raw.write(
      `GET ${path} HTTP/1.1\r\nHost: ${node.host}:${node.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n` +
        (protocol ? `Sec-WebSocket-Protocol: ${protocol}\r\n` : '') +
        '\r\n',
    );
    const response = await made.raw.until((bytes) => {
      const end = bytes.indexOf('\r\n\r\n');
      return end < 0 ? undefined : { head: bytes.subarray(0, end).toString('latin1'), size: end + 4 };
    }, 'the handshake');
    if (!response?.head.startsWith('HTTP/1.1 101')) throw new Error(`no upgrade: ${response?.head}`);
    made.raw.received = made.raw.received.subarray(response.size);
    return made;
  }
  send(bytes) {
    this.raw.write(bytes);
  }
  text(message) {
    this.send(frame({ payload: typeof message === 'string' ? message : JSON.stringify(message) }));
  }
  /** The next frame, undefined when the connection ended. */
  async next(ms) {
    const got = await this.raw.until(parse_frame, 'a frame', ms);
    if (got) this.raw.received = this.raw.received.subarray(got.size);
    return got;
  }
  /** The next message that is JSON text. */
  async json(ms) {
    const got = await this.next(ms);
    return got && JSON.parse(got.payload.toString());
  }
  /** Reads until the close frame: {code, reason}; code 1006 where the connection ended without one. */
  async close_of(ms) {
    for (;;) {
      const got = await this.next(ms);
      if (!got) return { code: 1006, reason: '' };
      if (got.opcode === 8)
        return {
          code: got.payload.length >= 2 ? got.payload.readUInt16BE(0) : 1005,
          reason: got.payload.subarray(2).toString(),
        };
    }
  }
  end() {
    return this.raw.end();
  }
}
