"""What `tools.pages` asks a page in the browser: JavaScript that returns one line a problem."""

MATH = """async () => {
  const formulas = [...document.querySelectorAll('.math')];
  if (!formulas.length) return [];
  if (!window.MathJax?.startup?.promise) return [`no MathJax for ${formulas.length} formulas`];
  await MathJax.startup.promise;
  const wrong = formulas.filter(formula => !formula.querySelector('mjx-container'))
    .map(formula => `formula left as TeX: ${formula.textContent}`);
  for (const {root, math} of MathJax.startup.document.math) root.walkTree(node => {
    const unknown = node.isKind('mtext') && node.attributes.get('mathcolor') === 'red';
    if (node.isKind('merror')) wrong.push(`${node.attributes.get('data-mjx-error')} in ${math}`);
    else if (unknown) wrong.push(`unknown macro ${node.childNodes[0].getText()} in ${math}`);
  });
  return wrong;
}"""

# An init script: where all that is in the window stands when the page is read, before its scripts.
PLACE = """document.addEventListener('readystatechange', () => {
  window.placed = [...document.querySelectorAll('main *')].map(element => [element,
    element.getBoundingClientRect()]).filter(([, {top, height}]) => height && top < innerHeight);
}, {once: true})"""

# How far it has moved since, in heights of the window: a bound of Chromium's layout shift, which
# web.dev calls good up to 0.1, but without its clock, so that a busy machine says the same.
SHIFT = """() => {
  const moved = placed.filter(([element]) => element.getClientRects().length)
    .map(([element, {top}]) => [Math.abs(element.getBoundingClientRect().top - top), element]);
  const [most, mover] = moved.reduce((a, b) => b[0] > a[0] ? b : a, [0]);
  const share = most / innerHeight;
  const text = () => mover.textContent.trim().slice(0, 40);
  return share <= 0.15 ? [] : [`moves by ${share.toFixed(2)} as it loads: ${text()}`];
}"""

WIDTH = """() => {
  const page = document.scrollingElement, style = element => getComputedStyle(element);
  if (page.scrollWidth <= page.clientWidth) return [];
  const name = e => e.id ? `#${e.id}` : [e.localName, ...e.classList].join('.');
  const fixed = e => style(e).position === 'fixed';
  const boxed = e => e && e !== document.body
    && (style(e).overflowX !== 'visible' || fixed(e) || boxed(e.parentElement));
  const right = e => e.getBoundingClientRect().right;
  const widest = [...document.body.querySelectorAll('*')]
    .filter(e => !fixed(e) && !boxed(e.parentElement))
    .reduce((a, b) => right(b) >= right(a) ? b : a);
  const path = `${name(widest.parentElement)} > ${name(widest)}`;
  return [`scrolls sideways by ${page.scrollWidth - page.clientWidth} px: ${path}`];
}"""

# the theme hides what an inline formula has beyond the line's end
CUT = """() => [...window.MathJax?.startup?.document?.math ?? []].filter(({typesetRoot}) => {
  const box = typesetRoot.parentElement, right = e => e.getBoundingClientRect().right;
  return getComputedStyle(box).overflowX === 'hidden' && right(typesetRoot) > right(box) + 1;
}).map(({math}) => `formula cut off: ${math}`)"""

# A bar is needed where more than a pixel lies beyond the edge, or half a line below it; a formula's
# second self for screen readers, which no one sees, is no reason. On paper no bar is of any use.
BARS = """() => {
  const paper = matchMedia('print').matches, found = new Map(), hidden = new CSSStyleSheet();
  hidden.replaceSync('mjx-assistive-mml { display: none !important }');
  const name = e => [e.localName, ...e.classList].join('.');
  const across = e => e.offsetHeight - e.clientHeight - e.clientTop > 5;
  const down = e => e.offsetWidth - e.clientWidth - e.clientLeft > 5;
  const scrolls = e => /auto|scroll/.test(getComputedStyle(e).overflow) && e.clientWidth > 0;
  const boxes = [...document.body.querySelectorAll('*')].filter(e => scrolls(e))
    .filter(e => across(e) || down(e));
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, hidden];
  const needed = e => across(e) && e.scrollWidth > e.clientWidth + 1
    || down(e) && e.scrollHeight > e.clientHeight + 8;
  for (const e of boxes.filter(e => paper || !needed(e)))
    found.set(name(e), (found.get(name(e)) ?? 0) + 1);
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter(sheet => sheet !== hidden);
  return [...found].map(([name, times]) => `scroll bar without need: ${times} × ${name}`);
}"""

# what a fold hides has its width, too
CODE = """() => {
  return [...document.querySelectorAll('pre')].filter(e => e.scrollWidth > e.clientWidth + 1)
    .map(e => [e.scrollWidth - e.clientWidth, e.textContent.split('\\n')])
    .map(([by, lines]) => [by, lines.reduce((a, b) => b.length > a.length ? b : a).trim()])
    .map(([by, line]) => `code cut off by ${by} px: ${line.slice(0, 50)}`);
}"""

STOPS = """() => {
  const scrolls = e => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1;
  const stops = [...document.querySelectorAll('mjx-container[tabindex="0"]')];
  const idle = stops.filter(e => !scrolls(e)).length;
  return idle ? [`tab stops that are formulas: ${idle}`] : [];
}"""

IMAGES = """() => [...document.querySelectorAll('article img')]
  .filter(e => !(e.hasAttribute('width') && e.hasAttribute('height')))
  .map(e => `image without width and height: ${e.getAttribute('src')}`)"""

_LINES = """violations.filter(({impact}) => ['serious', 'critical'].includes(impact))
    .map(({id, help, nodes}) => {
      const {target, any, all, none} = nodes[0], more = nodes.length - 1;
      const why = [...any, ...all, ...none][0]?.message ?? help;
      return `axe ${id}: ${target.flat().join(' ')}${more ? ` and ${more} more` : ''}: ${why}`;
    })"""

# Takes out what is inside some elements and returns what puts it back: axe's time grows with the
# page's elements, of which formulas and long API entries have thousands. A word at the right end
# stands for it, so that what scrolled goes on scrolling.
_EMPTY = """const empty = elements => {
    const before = elements.map(e => [e, [...e.childNodes], e.scrollWidth]);
    for (const [e, , width] of before) {
      const same = document.createElement('span');
      same.style.cssText = `display: inline-block; width: ${width}px; text-align: right`;
      same.textContent = 'x';
      e.replaceChildren(same);
    }
    return () => before.forEach(([e, nodes]) => e.replaceChildren(...nodes));
  };"""

# all but contrast, or the rules named; what is inside a formula is MathJax's affair
AXE = f"""async rules => {{
  {_EMPTY}
  const refill = empty([...document.querySelectorAll('mjx-container')]);
  const {{violations}} = await axe.run(document, {{
    resultTypes: ['violations'], preload: false,
    ...rules ? {{runOnly: rules}} : {{rules: {{'color-contrast': {{enabled: false}}}}}},
  }});
  refill();
  return {_LINES};
}}"""

# One text of each look (colour, size, weight, ground), and all that holds none of them emptied: axe
# compares each text with whatever lies behind it, for minutes on the longest pages.
CONTRAST = f"""async () => {{
  {_EMPTY}
  const seen = new Map(), kept = new Set();
  const visible = {{opacityProperty: true, visibilityProperty: true}};
  const clear = /^(transparent|rgba\\(.*, 0\\))$/, style = e => getComputedStyle(e);
  const ground = e => !e ? '' : clear.test(style(e).backgroundColor) ? ground(e.parentElement)
    : style(e).backgroundColor;
  for (const e of document.body.querySelectorAll(':not(mjx-container, mjx-container *)')) {{
    const speaks = [...e.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!speaks || !e.checkVisibility(visible)) continue;
    const {{color, fontSize, fontWeight}} = style(e);
    const look = [color, fontSize, fontWeight, ground(e)].join();
    if (!seen.has(look)) seen.set(look, e);
  }}
  const texts = [...seen.values()];
  if (!texts.length) return [];
  for (const text of texts) for (let e = text; e; e = e.parentElement) kept.add(e);
  const refill = empty([...kept].flatMap(e => [...e.children]).filter(e => !kept.has(e)
    && e.firstElementChild && !e.closest('svg, head')));
  const {{violations}} = await axe.run({{include: texts}},
    {{resultTypes: ['violations'], preload: false, runOnly: ['color-contrast']}});
  refill();
  return {_LINES};
}}"""

# a colour half way between two themes belongs to neither
NO_MOTION = "*, *::before, *::after { transition: none !important; animation: none !important }"
