// The plots of what was measured, as SVG: a curve where something grows, bars where servers stand side by side.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { title_of, value_of } from './tables.mjs';

const size = { width: 720, height: 360, left: 70, right: 130, top: 44, bottom: 52 };
const colours = ['#1a7f37', '#6e7781', '#0969da', '#bc4c00', '#8250df', '#cf222e'];
const escaped = (text) => String(text).replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]);
const text = (x, y, words, more = '') =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped(words)}</text>`;

function sheet(title, inside, height = size.height) {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" font-family="sans-serif" font-size="12" ` +
    `fill="#1f2328" role="img" aria-label="${escaped(title)}">\n<rect width="${size.width}" height="${height}" fill="#fff"/>\n` +
    `${text(size.left, 24, title, 'font-size="14" font-weight="bold"')}\n${inside.join('\n')}\n</svg>\n`
  );
}

/** Round numbers from 0 to at least `most`. */
function steps_to(most) {
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((each) => each >= rough);
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step);
}

/** `series`: name → [[x, y], …]. */
export function curves(title, x_title, y_title, series, logarithmic) {
  const points = Object.values(series).flat();
  const along = (x) => (logarithmic ? Math.log10(x) : x);
  const [first, last] = [Math.min(...points.map(([x]) => x)), Math.max(...points.map(([x]) => x))];
  const steps = steps_to(Math.max(...points.map(([, y]) => y)));
  const [inner_width, inner_height] = [size.width - size.left - size.right, size.height - size.top - size.bottom];
  const at_x = (x) => size.left + (inner_width * (along(x) - along(first))) / (along(last) - along(first) || 1);
  const at_y = (y) => size.height - size.bottom - (inner_height * y) / steps.at(-1);
  const drawn = steps.flatMap((y) => [
    `<line x1="${size.left}" x2="${size.width - size.right}" y1="${at_y(y).toFixed(1)}" y2="${at_y(y).toFixed(1)}" stroke="#d0d7de"/>`,
    text(size.left - 8, at_y(y) + 4, value_of(y), 'text-anchor="end"'),
  ]);
  for (const x of new Set(points.map(([each]) => each)))
    drawn.push(text(at_x(x), size.height - size.bottom + 18, value_of(x), 'text-anchor="middle"'));
  drawn.push(
    text(size.left + inner_width / 2, size.height - 12, x_title, 'text-anchor="middle"'),
    text(-size.top - inner_height / 2, 16, y_title, 'text-anchor="middle" transform="rotate(-90)"'),
  );
  Object.entries(series).forEach(([name, line], i) => {
    const colour = colours[i % colours.length];
    const path = line.map(([x, y]) => `${at_x(x).toFixed(1)},${at_y(y).toFixed(1)}`);
    drawn.push(`<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const point of path) {
      const [x, y] = point.split(',');
      drawn.push(`<circle cx="${x}" cy="${y}" r="3" fill="${colour}"/>`);
    }
    drawn.push(text(size.width - size.right + 10, size.top + 14 + 18 * i, name, `fill="${colour}"`));
  });
  return sheet(title, drawn);
}

/** `groups`: name → {server: value}; bars on a logarithmic scale, since peers are tens of times apart. */
export function bars(title, x_title, groups) {
  const values = Object.values(groups).flatMap((each) => Object.values(each));
  const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
  const [left, bar, gap] = [250, 16, 14];
  const inner = size.width - left - 90;
  const length = (value) => (inner * (Math.log10(value) - low)) / (high - low || 1);
  const drawn = [];
  const servers = [...new Set(Object.values(groups).flatMap((each) => Object.keys(each)))];
  let y = size.top + 4;
  for (const [name, group] of Object.entries(groups)) {
    drawn.push(text(12, y + 11, name, 'font-weight="bold"'));
    for (const [server, value] of Object.entries(group)) {
      const colour = colours[servers.indexOf(server) % colours.length];
      drawn.push(
        text(left - 8, y + 12, server, 'text-anchor="end"'),
        `<rect x="${left}" y="${y}" width="${Math.max(1, length(value)).toFixed(1)}" height="${bar - 3}" fill="${colour}"/>`,
        text(left + length(value) + 6, y + 11, value_of(value)),
      );
      y += bar;
    }
    y += gap;
  }
  drawn.push(text(left + inner / 2, y + 10, x_title, 'text-anchor="middle"'));
  return sheet(title, drawn, y + 24);
}

/** Of the cases NAME-N of a workload: server → [[N, value], …]. */
function series_of(cases, name, key, rename = (server) => server) {
  const series = {};
  for (const [each, { medians }] of Object.entries(cases)) {
    const found = each.match(/^(.*)-(\d+)$/);
    if (found?.[1] !== name) continue;
    for (const [server, numbers] of Object.entries(medians))
      if (numbers[key] !== undefined) (series[rename(server)] ??= []).push([Number(found[2]), numbers[key]]);
  }
  return series;
}

function side_by_side(cases, key) {
  const groups = {};
  for (const [name, { medians }] of Object.entries(cases)) {
    const values = Object.entries(medians).map(([server, numbers]) => [server, numbers[key]]);
    if (values.length > 2 && values.every(([, value]) => value > 0)) groups[name] = Object.fromEntries(values);
  }
  return groups;
}

const enough = (series) => Object.values(series).some((line) => line.length > 1);

/** file → SVG, of what a report has. */
export function drawings({ workloads }) {
  const made = {};
  const { grow = {}, fanout = {}, echo = {}, paced = {}, sustain = {} } = workloads;
  for (const [name, key, what, x_title] of [
    ['members', 'cpu_us_per_delivery', 'One room that grows, 32 messages at a time', 'members of the room'],
    ['rooms', 'cpu_us_per_delivery', 'More rooms of one member, 32 messages at a time', 'rooms'],
    ['sessions', 'cpu_us_per_session', 'What it takes to open one session among so many', 'sessions'],
  ]) {
    const series = series_of(grow, name, key);
    if (enough(series)) made[`grow-${name}.svg`] = curves(what, x_title, title_of(key), series, true);
  }
  const memory = series_of(grow, 'sessions', 'bytes_per_session');
  if (enough(memory))
    made['grow-memory.svg'] = curves(
      'Memory of an idle session',
      'sessions',
      title_of('bytes_per_session'),
      memory,
      true,
    );
  for (const [file, title, key, cases] of [
    ['fanout.svg', 'Fan-out: server CPU a delivery', 'cpu_us_per_delivery', fanout],
    ['echo.svg', 'Calls: server CPU a round trip', 'cpu_us_per_round_trip', echo],
    ['paced.svg', 'Open loop: p99 from publish to receipt', 'p99_us', paced],
  ]) {
    const groups = side_by_side(cases, key);
    if (Object.keys(groups).length) made[file] = bars(title, `${title_of(key)} (logarithmic)`, groups);
  }
  for (const { samples } of Object.values(sustain))
    if (samples?.length > 1)
      made['sustain.svg'] = curves(
        '1,000 messages and 10,000 deliveries a second',
        'minutes',
        'p95 in µs; memory in MiB',
        {
          'p95, µs': samples.map(({ second, p95_us }) => [second / 60, p95_us]),
          'memory, MiB': samples.map(({ second, resident_mib }) => [second / 60, resident_mib]),
        },
      );
  return made;
}

/** Writes the plots of a report; the files' names. */
export function plot(report, dir) {
  const files = Object.entries(drawings(report));
  if (files.length) mkdirSync(dir, { recursive: true });
  return files.map(([name, svg]) => {
    writeFileSync(join(dir, name), svg);
    return join(dir, name);
  });
}
