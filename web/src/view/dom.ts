// Elements are built from tags, attributes and text; nothing on this page ever
// parses markup.

type Child = Node | string;
type Attributes = Readonly<Record<string, string>>;

const SVG = 'http://www.w3.org/2000/svg';

/** An element; `tag` may carry classes: "span.status.big". */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K | `${K}.${string}`,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const [name, ...classes] = tag.split('.');
  const node = document.createElement(name as K);
  if (classes.length > 0) node.className = classes.join(' ');
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** A button with a text or icon as its content and a spoken name. */
export function button(name: string, content: Child[], onClick: () => void): HTMLButtonElement {
  const node = el('button.button', { type: 'button', title: name, 'aria-label': name }, ...content);
  node.addEventListener('click', onClick);
  return node;
}

/** A decorative drawing on a 16 × 16 grid, from path data. */
export function drawing(className: string, ...paths: string[]): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', className);
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('aria-hidden', 'true');
  for (const d of paths) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}

/** Sets a node's text, and touches the document only when it differs. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets an attribute, and touches the document only when it differs. */
export function setAttribute(node: Element, name: string, value: string): void {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}
