/** MessagePack as Greenroom speaks it. */
export function encode(value: unknown): Uint8Array;
export function decode(data: Uint8Array | ArrayBuffer | ArrayBufferView): any;
