// The frame around every view: name, connection state, theme.

import type { Link } from '../transport';
import { button, el, setText } from './dom';
import { brandMark, icon } from './icons';
import type { Theme, ThemeChoice } from './theme';

const LINK_TEXT: Readonly<Record<Link, string>> = {
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  'catching-up': 'Catching up…',
  stale: 'Redis is away',
  offline: 'Offline',
};

const LINK_HINT: Readonly<Record<Link, string>> = {
  connecting: 'Connecting to the relay',
  live: 'Connected: everything on this page is up to date',
  reconnecting: 'The connection was lost and is being made again',
  'catching-up': 'Connected: older output is on its way',
  stale: 'The relay has lost sight of Redis: newer output may be missing until it is back',
  offline: 'The relay cannot be reached; this page keeps trying',
};

const THEME_TEXT: Readonly<Record<Theme, string>> = {
  auto: 'Theme: as the system',
  light: 'Theme: light',
  dark: 'Theme: dark',
};

export class Shell {
  readonly outlet = el('main.outlet', { id: 'main' });
  private readonly linkText = el('span', {});
  private readonly link = el('div.link', { role: 'status', 'data-connection': 'connecting' }, el('span.link-dot'), this.linkText);
  private readonly spoken = el('div.unseen', { 'aria-live': 'polite' });

  constructor(private readonly theme: ThemeChoice) {
    const brand = el('a.brand', { href: '#/', 'aria-label': 'buildrelay, all builds' }, brandMark(), el('span', {}, 'buildrelay'));
    const themes = button('', [], () => this.theme.next());
    const showTheme = () => this.showTheme(themes);
    this.theme.onChange(showTheme);
    showTheme();
    this.setLink('connecting');
    document.body.replaceChildren(
      el('header.top', {}, brand, el('div.top-end', {}, this.link, themes)),
      this.outlet,
      this.spoken,
    );
  }

  setLink(link: Link): void {
    this.link.dataset['connection'] = link;
    this.link.title = LINK_HINT[link];
    setText(this.linkText, LINK_TEXT[link]);
  }

  /** Says something to people who use a screen reader. */
  announce(text: string): void {
    setText(this.spoken, text);
  }

  private showTheme(node: HTMLButtonElement): void {
    node.replaceChildren(icon(this.theme.theme));
    node.title = THEME_TEXT[this.theme.theme];
    node.setAttribute('aria-label', node.title);
  }
}
