// A set of positions as sorted ranges that do not touch. Positions come nearly in order, so that one range is the rule.
export class Ranges {
  #all = []; // [first, last]

  add(first, last = first) {
    const all = this.#all;
    let at = all.length;
    while (at > 0 && all[at - 1][1] >= first - 1) --at; // the first one that touches, or all.length
    let upto = at;
    for (; upto < all.length && all[upto][0] <= last + 1; ++upto) {
      first = Math.min(first, all[upto][0]);
      last = Math.max(last, all[upto][1]);
    }
    all.splice(at, upto - at, [first, last]);
  }

  has(position) {
    for (let at = this.#all.length; at-- > 0;) {
      const [first, last] = this.#all[at];
      if (position > last) return false;
      if (position >= first) return true;
    }
    return false;
  }

  /** What of first … last is not in the set, as ranges. */
  *missing(first, last) {
    for (const [from, to] of this.#all) {
      if (to < first) continue;
      if (from > last) break;
      if (from > first) yield [first, from - 1];
      first = to + 1;
    }
    if (first <= last) yield [first, last];
  }

  [Symbol.iterator]() {
    return this.#all[Symbol.iterator]();
  }
}
