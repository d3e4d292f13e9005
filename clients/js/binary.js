/** What JSON cannot say by itself: bytes, exts, integers to 64 bits. */

/** MessagePack's application types, passed through: a type from -128 to 127 and its bytes. */
export class Ext {
  constructor(type, data) {
    if (!Number.isInteger(type) || type < -128 || type > 127) throw new RangeError(`no type of an ext: ${type}`);
    this.type = type;
    this.data = to_bytes(data);
    if (!this.data) throw new TypeError('the data of an ext are bytes');
  }
}

const uint64_max = 2n ** 64n - 1n;
const int64_min = -(2n ** 63n);

export function check_bigint(n) {
  if (n < int64_min || n > uint64_max) throw new RangeError(`an integer beyond 64 bits: ${n}`);
}

/** The bytes of a Uint8Array, another view or an ArrayBuffer, without a copy; nothing for anything else. */
export function to_bytes(value) {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return undefined;
}

const chunk = 0x8000; // arguments of one call

export function to_base64(bytes) {
  let text = '';
  for (let i = 0; i < bytes.length; i += chunk) text += String.fromCharCode(...bytes.subarray(i, i + chunk));
  return btoa(text);
}

const padded_base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Nothing where that is no padded base64 of RFC 4648 section 4. */
export function from_base64(text) {
  if (typeof text !== 'string' || !padded_base64.test(text)) return undefined;
  const chars = atob(text);
  const bytes = new Uint8Array(chars.length);
  for (let i = 0; i < chars.length; ++i) bytes[i] = chars.charCodeAt(i);
  return bytes;
}
