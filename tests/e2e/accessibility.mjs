// What can be computed of a page's accessibility, run inside the page: names, headings, landmarks, contrast, focus. Each
// gives a list of what is wrong.

/** Elements that are there for the eye. */
function visible(element) {
  const style = getComputedStyle(element);
  const { width, height } = element.getBoundingClientRect();
  return style.visibility !== 'hidden' && width > 1 && height > 1 && !element.closest('.skip');
}

/** WCAG 1.4.3: text against what is behind it, 4.5 to 1, or 3 to 1 where it is large. */
function contrast_problems() {
  const channel = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parts = (color) => {
    const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = ([r, g, b, a], [r2, g2, b2]) => [r * a + r2 * (1 - a), g * a + g2 * (1 - a), b * a + b2 * (1 - a), 1];
  const behind = (element) => {
    if (!element) return [255, 255, 255, 1];
    const own = parts(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, behind(element.parentElement));
  };
  const problems = [];
  let looked_at = 0;
  for (const element of document.body.querySelectorAll('*')) {
    const text = [...element.childNodes]
      .filter((node) => node.nodeType === 3)
      .map((node) => node.data)
      .join('')
      .trim();
    const shown = text || (element.matches('input') ? element.value || element.placeholder : '');
    if (!shown || !visible(element) || element.closest('.unseen, noscript, template')) continue;
    ++looked_at;
    const style = getComputedStyle(element);
    const back = behind(element);
    const [one, two] = [luminance(over(parts(style.color), back)), luminance(back)].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (two + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) problems.push(`${ratio.toFixed(2)}: "${shown.slice(0, 40)}"`);
  }
  return looked_at < 20 ? [`only ${looked_at} texts were looked at`] : problems;
}

function structure_problems() {
  const problems = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const text_of = (id) => document.getElementById(id)?.textContent.trim();
  const name_of = (element) =>
    element.getAttribute('aria-label') ??
    (element.getAttribute('aria-labelledby') ?? '').split(' ').map(text_of).join(' ').trim();
  for (const input of all('input, button, a, [role=button]')) {
    const labels = [...(input.labels ?? [])].map((label) => label.textContent.trim()).join('');
    if (!name_of(input) && !labels && !input.textContent.trim())
      problems.push(`no name: ${input.outerHTML.slice(0, 80)}`);
  }
  for (const button of all('button[aria-label]'))
    if (!button.getAttribute('aria-label').toLowerCase().startsWith(button.textContent.trim().toLowerCase()))
      problems.push(`the name does not begin with what is written: ${button.outerHTML}`);
  for (const list of all('.log, .members, pre, article, section'))
    if (!name_of(list)) problems.push(`no name: ${list.className || list.tagName}`);
  for (const image of all('img')) if (!image.hasAttribute('alt')) problems.push(`no alt: ${image.src}`);
  let level = 0;
  for (const heading of all('h1, h2, h3, h4')) {
    const here = Number(heading.tagName[1]);
    if (here > level + 1) problems.push(`from h${level} to h${here}: ${heading.textContent}`);
    level = here;
  }
  if (all('h1').length !== 1) problems.push(`${all('h1').length} h1`);
  for (const landmark of ['main', 'nav', 'header', 'footer'])
    if (!all(landmark).length) problems.push(`no ${landmark}`);
  if (!document.documentElement.lang) problems.push('no language');
  const ids = all('[id]').map(({ id }) => id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) problems.push(`twice: #${id}`);
  if (all('[aria-live], [role=status], [role=alert], [role=log]').length !== 1) problems.push('not one live region');
  if (all('[tabindex]').some(({ tabIndex }) => tabIndex > 0)) problems.push('a tabindex above 0');
  for (const { outerHTML, offsetHeight } of all('button, input'))
    if (offsetHeight && offsetHeight < 24) problems.push(`smaller than 24 px: ${outerHTML.slice(0, 60)}`); // WCAG 2.5.8
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) problems.push(`wider than the window: ${scrollWidth} > ${clientWidth}`); // WCAG 1.4.10
  return problems;
}

/** Whether what has the focus shows it. */
function focus_shows() {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
}

const inside = (page, body) => page.evaluate(`(() => { ${visible}; return (${body})(); })()`);
export const contrast = (page) => inside(page, contrast_problems);
export const structure = (page) => inside(page, structure_problems);
export const focus_is_seen = (page) => inside(page, focus_shows);
