// Starts the page: configuration, connection, and the view that the address names.

import { fetchConfig } from './api';
import { Builds } from './builds';
import type { Config } from './config';
import { Identity } from './identity';
import { Relay } from './transport';
import './style/base.css';
import './style/list.css';
import './style/build.css';
import './style/log.css';
import './style/people.css';
import type { App, View } from './view/app';
import { BuildView } from './view/build';
import { ListView } from './view/list';
import { Shell } from './view/shell';
import { ThemeChoice } from './view/theme';

const CONFIG_PAUSE = 3000;

async function start(): Promise<void> {
  const theme = new ThemeChoice();
  const shell = new Shell(theme);
  const identity = new Identity(() => localStorage, window);
  const relay = new Relay(await loadConfig(shell), identity);
  relay.onLink((link) => shell.setLink(link));
  shell.setLink(relay.link);
  const builds = new Builds();
  builds.start((channel, handlers) => relay.open(channel, handlers));
  route({ relay, builds, identity, theme, shell, now: () => builds.now() });
}

/** The configuration; tried until it comes, as the backend may just be starting. */
async function loadConfig(shell: Shell): Promise<Config> {
  for (;;) {
    try {
      return await fetchConfig();
    } catch {
      shell.setLink('offline');
      await new Promise((resolve) => setTimeout(resolve, CONFIG_PAUSE));
    }
  }
}

function route(app: App): void {
  let view: View | undefined;
  const show = () => {
    view?.close();
    view = viewFor(app, location.hash);
    app.shell.outlet.replaceChildren(view.element);
    view.mounted();
  };
  window.addEventListener('hashchange', show);
  show();
}

/** #/builds/7 is a build, everything else the list. */
function viewFor(app: App, hash: string): View {
  const found = /^#\/builds\/(\d{1,15})$/.exec(hash);
  return found ? new BuildView(app, Number(found[1])) : new ListView(app);
}

void start();
