// What is wrong with the structure of a page, and which of its texts are too faint.
// The value of this file is a list of sentences.
(() => {
const structure = () => {
  const faults = [];
  const seen = (e) => e.getClientRects().length > 0;
  const levels = [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].filter(seen);
  if (levels.filter((h) => h.tagName === 'H1').length !== 1) faults.push('not one h1');
  levels.map((h) => Number(h.tagName[1])).reduce((last, level) => {
    if (level > last + 1) faults.push(`h${level} after h${last}`);
    return level;
  }, 0);
  for (const one of ['main', 'body > header', 'body > footer']) {
    if (document.querySelectorAll(one).length !== 1) faults.push(`not one ${one}`);
  }
  if (!document.documentElement.lang) faults.push('no language');
  if (!document.title) faults.push('no title');
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  if (new Set(ids).size !== ids.length) faults.push('an id stands twice');
  for (const th of document.querySelectorAll('th:not([scope])')) faults.push(`no scope: ${th.innerText}`);
  for (const e of document.querySelectorAll('.scroll')) {
    if (e.tabIndex < 0) faults.push('a part that scrolls cannot be reached by keyboard');
  }
  const wide = document.documentElement.scrollWidth - window.innerWidth;
  if (wide > 0) faults.push(`${wide} pixels wider than the window`);
  return faults;
};

const contrast = () => {
  const parsed = (text) => {
    const m = text.match(/[\d.]+/g).map(Number);
    return [...m.slice(0, 3), m.length > 3 ? m[3] : 1];
  };
  const over = (top, under) => {
    const [a] = [top[3]];
    return [0, 1, 2].map((i) => top[i] * a + under[i] * (1 - a)).concat(1);
  };
  const ground = (e) => {
    const layers = [];
    for (let at = e; at; at = at.parentElement ?? at.getRootNode().host) {
      layers.push(parsed(getComputedStyle(at).backgroundColor));
    }
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255, 1]);
  };
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const faults = new Set();
  const look = (root) => {
    for (const e of root.querySelectorAll('*')) {
      if (e.shadowRoot) look(e.shadowRoot);
      const isText = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
      const style = getComputedStyle(e);
      if (!isText || !e.getClientRects().length || style.visibility === 'hidden') continue;
      if (e.closest(':disabled, [aria-disabled]') || e.closest('.unseen, .skip, noscript')) continue;
      const under = ground(e);
      const colour = e instanceof SVGElement ? style.fill : style.color;
      let opacity = 1;
      for (let at = e; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
      const ink = parsed(colour);
      ink[3] *= opacity;
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const found = ratio(over(ink, under), under);
      if (found < (large ? 3 : 4.5)) {
        faults.add(`contrast ${found.toFixed(2)}: ${e.tagName}.${e.getAttribute('class')} ${e.textContent.trim().slice(0, 30)}`);
      }
    }
  };
  look(document);
  return [...faults];
};

return [...structure(), ...contrast()];
})();
