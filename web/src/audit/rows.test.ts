// @vitest-environment happy-dom
// What the page makes of records, whatever somebody is called.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { INVISIBLE } from '../invisible';
import { forAll, hostileText } from '../testing/output';
import { parseAnswer } from './record';
import { Rows } from './rows';

const ELEMENTS = new Set(['LI', 'DETAILS', 'SUMMARY', 'SPAN', 'BDI', 'TIME', 'PRE', 'svg', 'path']);
const ATTRIBUTES = /^(class|data-outcome|dir|datetime|title|tabindex|role|aria-label|aria-hidden|viewBox|d|open)$/;

const entity = fc.record({ id: hostileText, type: hostileText, name: hostileText });
const record = fc.record({
  action: fc.oneof(hostileText, fc.constantFrom('relay.subscription.grant', 'relay.subscription.deny', 'relay.audit.gap')),
  occurred_at: fc.oneof(hostileText, fc.constant('2026-08-01T10:00:00Z')),
  actor: entity,
  target: entity,
  scope: entity,
  payload: fc.dictionary(hostileText, hostileText, { maxKeys: 3 }),
  metadata: fc.record({ ip_address: hostileText, user_agent: hostileText }),
  success: fc.boolean(),
});

test('a record is text, in whatever is written in it', { timeout: 120_000 }, () => {
  forAll(record, (whole) => {
    const rows = new Rows();
    rows.draw(parseAnswer({ records: [{ record: whole, chain: 'a', seq: 1 }], state: {} })!.records);
    const details = rows.element.querySelector('details')!;
    details.open = true;
    details.dispatchEvent(new Event('toggle'));
    expect(rows.element.querySelector('pre')).not.toBeNull();
    for (const element of rows.element.querySelectorAll('*')) {
      expect(ELEMENTS).toContain(element.tagName);
      for (const { name } of element.attributes) expect(name).toMatch(ATTRIBUTES);
    }
    expect(rows.element.textContent).not.toMatch(/(?!\n)[\p{Cc}\p{Cs}]/u);
    expect(rows.element.textContent.match(INVISIBLE)).toBeNull();
  });
});
