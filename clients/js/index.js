/** A client of Greenroom nodes for browsers, Node and bundlers. README.md has the API and what it promises. */
export { Greenroom, socket_url } from './client.js';
export { GreenroomError, RpcError, codes } from './errors.js';
export { Ext } from './binary.js';
export { make_id } from './ids.js';
