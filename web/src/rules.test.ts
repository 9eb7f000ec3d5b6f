// What no source of the page may do, whoever writes it.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const FORBIDDEN =
  /\b(innerHTML|outerHTML|insertAdjacentHTML|setHTML\w*|createContextualFragment|DOMParser|srcdoc|document\.write|eval|new Function|javascript:)\b/;
const MAX_LINES = 400;

const root = import.meta.dirname;
const sources = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(ts|css)$/.test(name));

describe.each(sources)('%s', (name) => {
  const text = readFileSync(join(root, name), 'utf8');

  if (!name.endsWith('.test.ts') && !name.startsWith('testing')) {
    test('never turns text into markup or code', () => {
      expect(FORBIDDEN.exec(text)?.[0]).toBeUndefined();
    });
  }

  test('is of readable length', () => {
    expect(text.split('\n').length).toBeLessThanOrEqual(MAX_LINES);
  });
});
