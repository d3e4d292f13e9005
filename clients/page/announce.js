/**
 * What a screen reader is told, in one live region for the whole page: the two panes show the same messages, and each is said
 * once. What comes close together is said together, and of many the newest.
 */
const region = document.getElementById('announcer');
const pause_ms = 700;
const said_max = 3; // in one breath
const known_max = 200;

let waiting = [];
let timer;
const known = new Set();

/** `once`: a name of what is said; the same again is not. */
export function announce(text, once) {
  if (once !== undefined) {
    if (known.has(once)) return;
    known.add(once);
    if (known.size > known_max) known.delete(known.values().next().value);
  }
  waiting.push(text);
  timer ??= setTimeout(() => {
    timer = undefined;
    const more = waiting.length - said_max;
    region.textContent = (more > 0 ? `${more} more, then: ` : '') + waiting.slice(-said_max).join('. ');
    waiting = [];
  }, pause_ms);
}
