/**
 * MessagePack, as much of it as Greenroom speaks: nil, booleans, integers to 64 bits (BigInt where a number would lose some),
 * floats, texts, bytes (Uint8Array), arrays, maps with text keys, and exts, which pass as they are. Everything is written in
 * its shortest form; floats are 64 bits wide.
 *
 * What JSON leaves out is left out here, too: members that are undefined or functions; toJSON() is asked (a Date becomes a
 * text). Ill-formed input throws, and nothing is allocated for a length before the bytes are there.
 */
import { Ext, check_bigint, to_bytes } from './binary.js';

const depth_max = 100;
const first_bytes = 256;
const short_text = 32; // bytes up to which texts are cheaper by hand than by TextDecoder
const utf8_in = new TextEncoder();
const utf8_out = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function encode(value) {
  const writer = new Writer();
  writer.put(left_out(value) ? null : value, 0);
  return writer.taken();
}

export function decode(data) {
  const reader = new Reader(to_bytes(data) ?? new Uint8Array(data));
  const value = reader.take(0);
  reader.end();
  return value;
}

const left_out = (value) => value === undefined || typeof value === 'function' || typeof value === 'symbol';

class Writer {
  #bytes = new Uint8Array(first_bytes);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  taken() {
    return this.#bytes.slice(0, this.#at);
  }

  /** Makes place for `n` more bytes; where they begin. */
  #place(n) {
    const at = this.#at;
    this.#at += n;
    if (this.#at > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#at, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
  #byte(b) {
    const at = this.#place(1);
    this.#bytes[at] = b;
  }
  #raw(bytes) {
    const at = this.#place(bytes.length);
    this.#bytes.set(bytes, at);
  }
  /** A marker and `n` behind it, in 1, 2 or 4 bytes. */
  #marked(marker, n, width) {
    const at = this.#place(1 + width);
    this.#bytes[at] = marker;
    if (width === 1) this.#bytes[at + 1] = n;
    else if (width === 2) this.#view.setUint16(at + 1, n);
    else this.#view.setUint32(at + 1, n);
  }
  /** A length: in the marker itself where `short` says so, else behind one of three markers. */
  #length(n, [short, short_max], [one, two, four]) {
    if (n <= short_max) this.#byte(short | n);
    else if (one && n <= 0xff) this.#marked(one, n, 1);
    else if (n <= 0xffff) this.#marked(two, n, 2);
    else this.#marked(four, n, 4);
  }

  put(value, depth) {
    if (depth > depth_max) throw new RangeError(`nested deeper than ${depth_max}`);
    switch (typeof value) {
      case 'string':
        return this.#text(value);
      case 'number':
        return Number.isSafeInteger(value) ? this.#integer(value) : this.#real(value);
      case 'boolean':
        return this.#byte(value ? 0xc3 : 0xc2);
      case 'bigint':
        return this.#big(value);
      default:
        return value === null || left_out(value) ? this.#byte(0xc0) : this.#object(value, depth);
    }
  }

  #text(text) {
    const bytes = utf8_in.encode(text);
    this.#length(bytes.length, [0xa0, 31], [0xd9, 0xda, 0xdb]);
    this.#raw(bytes);
  }

  #integer(n) {
    if (n >= 0) {
      if (n <= 0x7f) this.#byte(n);
      else if (n <= 0xff) this.#marked(0xcc, n, 1);
      else if (n <= 0xffff) this.#marked(0xcd, n, 2);
      else if (n <= 0xffffffff) this.#marked(0xce, n, 4);
      else this.#wide(0xcf, BigInt(n));
    } else if (n >= -0x20) this.#byte(n);
    else if (n >= -0x80) this.#marked(0xd0, n, 1);
    else if (n >= -0x8000) this.#marked(0xd1, n, 2);
    else if (n >= -0x80000000) this.#marked(0xd2, n, 4);
    else this.#wide(0xd3, BigInt(n));
  }
  #big(n) {
    check_bigint(n);
    if (n >= Number.MIN_SAFE_INTEGER && n <= Number.MAX_SAFE_INTEGER) this.#integer(Number(n));
    else this.#wide(n < 0n ? 0xd3 : 0xcf, n);
  }
  #wide(marker, n) {
    const at = this.#place(9);
    this.#bytes[at] = marker;
    this.#view.setBigUint64(at + 1, BigInt.asUintN(64, n));
  }
  #real(d) {
    if (!Number.isFinite(d)) throw new TypeError(`${d} cannot be sent`);
    const at = this.#place(9);
    this.#bytes[at] = 0xcb;
    this.#view.setFloat64(at + 1, d);
  }

  #object(value, depth) {
    if (Array.isArray(value)) {
      this.#length(value.length, [0x90, 15], [0, 0xdc, 0xdd]);
      for (let i = 0; i < value.length; ++i) this.put(value[i], depth + 1); // holes, too
      return undefined;
    }
    if (value instanceof Ext) return this.#ext(value);
    const bytes = to_bytes(value);
    if (bytes) return this.#bin(bytes);
    if (typeof value.toJSON === 'function') return this.put(value.toJSON(), depth + 1);
    return this.#map(value instanceof Map ? [...value] : Object.entries(value), depth);
  }
  #map(entries, depth) {
    const members = entries.filter(([, value]) => !left_out(value));
    this.#length(members.length, [0x80, 15], [0, 0xde, 0xdf]);
    for (const [key, value] of members) {
      if (typeof key !== 'string') throw new TypeError('the keys of a map are texts');
      this.#text(key);
      this.put(value, depth + 1);
    }
  }
  #bin(bytes) {
    this.#length(bytes.length, [0, -1], [0xc4, 0xc5, 0xc6]);
    this.#raw(bytes);
  }
  #ext({ type, data }) {
    const fixed = [1, 2, 4, 8, 16].indexOf(data.length);
    if (fixed >= 0) this.#byte(0xd4 + fixed);
    else this.#length(data.length, [0, -1], [0xc7, 0xc8, 0xc9]);
    this.#byte(type);
    this.#raw(data);
  }
}

class Reader {
  #bytes;
  #view;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  end() {
    if (this.#at !== this.#bytes.length) throw new RangeError(`${this.#bytes.length - this.#at} bytes behind the end`);
  }

  /** Steps over `n` bytes; where they began. */
  #step(n) {
    const at = this.#at;
    if (n > this.#bytes.length - at) throw new RangeError('the end is missing');
    this.#at += n;
    return at;
  }
  #natural(width) {
    const at = this.#step(width);
    if (width === 1) return this.#bytes[at];
    return width === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }
  #wide(big) {
    return big >= Number.MIN_SAFE_INTEGER && big <= Number.MAX_SAFE_INTEGER ? Number(big) : big;
  }

  take(depth) {
    if (depth > depth_max) throw new RangeError(`nested deeper than ${depth_max}`);
    const marker = this.#natural(1);
    if (marker <= 0x7f) return marker;
    if (marker >= 0xe0) return marker - 0x100;
    if (marker <= 0x8f) return this.#map(marker & 0x0f, depth);
    if (marker <= 0x9f) return this.#array(marker & 0x0f, depth);
    if (marker <= 0xbf) return this.#text(marker & 0x1f);
    return this.#marked(marker, depth);
  }

  #marked(marker, depth) {
    switch (marker) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#bin(this.#natural(1 << (marker - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#ext(this.#natural(1 << (marker - 0xc7)));
      case 0xca:
        return this.#view.getFloat32(this.#step(4));
      case 0xcb:
        return this.#view.getFloat64(this.#step(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#natural(1 << (marker - 0xcc));
      case 0xcf:
        return this.#wide(this.#view.getBigUint64(this.#step(8)));
      case 0xd0:
        return this.#view.getInt8(this.#step(1));
      case 0xd1:
        return this.#view.getInt16(this.#step(2));
      case 0xd2:
        return this.#view.getInt32(this.#step(4));
      case 0xd3:
        return this.#wide(this.#view.getBigInt64(this.#step(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#ext(1 << (marker - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#natural(1 << (marker - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#natural(2 << (marker - 0xdc)), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#natural(2 << (marker - 0xde)), depth);
      default:
        throw new RangeError(`0x${marker.toString(16)} begins no value`);
    }
  }

  #text(length) {
    const at = this.#step(length);
    if (length <= short_text) {
      let text = '';
      for (let i = at; i < at + length; ++i) {
        const byte = this.#bytes[i];
        if (byte > 0x7f) return utf8_out.decode(this.#bytes.subarray(at, at + length));
        text += String.fromCharCode(byte);
      }
      return text;
    }
    return utf8_out.decode(this.#bytes.subarray(at, at + length));
  }
  #bin(length) {
    const at = this.#step(length);
    return this.#bytes.slice(at, at + length);
  }
  #ext(length) {
    const at = this.#step(1 + length);
    return new Ext(this.#view.getInt8(at), this.#bytes.slice(at + 1, at + 1 + length));
  }
  #array(length, depth) {
    const items = [];
    for (let i = 0; i < length; ++i) items.push(this.take(depth + 1));
    return items;
  }
  #map(length, depth) {
    const map = {};
    for (let i = 0; i < length; ++i) {
      const key = this.take(depth + 1);
      if (typeof key !== 'string') throw new TypeError('a key of a map is no text');
      const value = this.take(depth + 1);
      if (key === '__proto__')
        Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
      else map[key] = value;
    }
    return map;
  }
}
