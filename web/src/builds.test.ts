import { expect, test } from 'vitest';
import { BuildList } from './builds';
import { parseBuild, parseBuilds } from './model';
import type { Build, Status } from './model';

function build(id: number, status: Status, line: string): Build {
  return { id, channel: `private-build-${id}`, command: 'make', status, started: id, finished: null, exitCode: null, line };
}

const lines = (list: BuildList) => list.all().map((b) => `${b.id} ${b.status} ${b.line}`);

test('the newest build comes first', () => {
  const list = new BuildList();
  list.fetched([build(1, 'passed', ''), build(3, 'passed', ''), build(2, 'passed', '')]);
  expect(list.all().map((b) => b.id)).toEqual([3, 2, 1]);
});

test('an update that came before the answer is kept', () => {
  const list = new BuildList();
  list.beginFetch();
  list.update(build(1, 'running', 'new'));
  list.fetched([build(1, 'running', 'old'), build(2, 'running', 'two')]);
  expect(lines(list)).toEqual(['2 running two', '1 running new']);
});

test('an answer replaces what was known before it was asked for', () => {
  const list = new BuildList();
  list.update(build(1, 'running', 'old'));
  list.beginFetch();
  list.fetched([build(1, 'passed', 'new')]);
  expect(lines(list)).toEqual(['1 passed new']);
});

test('a build that has ended does not run again', () => {
  const list = new BuildList();
  list.update(build(1, 'failed', 'end'));
  list.update(build(1, 'running', 'late'));
  list.beginFetch();
  list.fetched([build(1, 'running', 'old')]);
  expect(lines(list)).toEqual(['1 failed end']);
});

test('a list without a build takes it away, unless it has started meanwhile', () => {
  const list = new BuildList();
  list.fetched([build(1, 'passed', ''), build(2, 'passed', '')]);
  list.beginFetch();
  list.update(build(3, 'running', ''));
  list.fetched([build(2, 'passed', '')]);
  expect(list.all().map((b) => b.id)).toEqual([3, 2]);
});

test('a backend that has begun anew numbers other builds alike', () => {
  const list = new BuildList();
  list.fetched([build(1, 'passed', 'old')]);
  list.update({ ...build(1, 'running', 'new'), started: 2 });
  expect(lines(list)).toEqual(['1 running new']);
});

test('the list is bounded and keeps the newest', () => {
  const list = new BuildList();
  for (let id = 1; id <= 300; id++) list.update(build(id, 'passed', ''));
  expect(list.all()).toHaveLength(100);
  expect(list.all()[0]!.id).toBe(300);
});

test('builds that are not as documented are left out', () => {
  expect(parseBuild({ id: 1, status: 'exploded' })).toBeUndefined();
  expect(parseBuild({ id: '1', status: 'passed' })).toBeUndefined();
  expect(parseBuild({ id: -1, status: 'passed' })).toBeUndefined();
  expect(parseBuild(null)).toBeUndefined();
  expect(parseBuild({ id: 1, status: 'passed', line: 7, finished: 'x' })).toMatchObject({ line: '', finished: null });
  expect(parseBuilds({ builds: [null, { id: 1, status: 'passed' }] })).toHaveLength(1);
  expect(parseBuilds({ builds: 'x' })).toBeUndefined();
  expect(parseBuilds([])).toBeUndefined();
});
