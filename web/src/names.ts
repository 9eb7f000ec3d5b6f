// What people are called. Others choose their names, so a name is hostile text: it is
// made one short printable line here, and shown as text only.

import { plain } from './invisible';

/** Characters of a name; the backend refuses more. */
export const MAX_NAME = 40;

/** What a name may not hold: the backend signs printable text and the two joiners. */
const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} \u200c\u200d]/gu;
/** What stands before the first letter of a word. */
const DECORATION = /^[^\p{L}\p{N}]+(?=[\p{L}\p{N}])/u;
/** More is not even looked at. */
const MOST = 1000;

/** The text as a name, '' if nothing of it can be one. */
export function cleanName(text: string): string {
  const line = plain(text.slice(0, MOST).normalize('NFC').replace(/\s+/gu, ' ').replace(UNPRINTABLE, ''));
  const name = Array.from(line.trim()).slice(0, MAX_NAME).join('').trim();
  return /[^\p{M}\s\u200c\u200d]/u.test(name) ? name : '';
}

/** A name for somebody who has none yet, such as "Calm Otter". */
export function randomName(): string {
  return `${any(QUALITIES)} ${any(ANIMALS)}`;
}

/** One or two letters that stand for a name. */
export function initials(name: string): string {
  const words = name.split(' ').filter((word) => word !== '');
  const first = words.slice(0, 1).concat(words.length > 1 ? words.slice(-1) : []);
  return first.map((word) => firstCharacter(word.replace(DECORATION, '')).toUpperCase()).join('');
}

/** What a reader takes for one character: letters keep their accents, emoji their parts. */
function firstCharacter(word: string): string {
  if (!('Segmenter' in Intl)) return Array.from(word)[0] ?? '';
  for (const { segment } of new Intl.Segmenter().segment(word)) return segment;
  return '';
}

function any(words: readonly string[]): string {
  return words[Math.floor(Math.random() * words.length)]!;
}

const QUALITIES: readonly string[] =
  'Able Agile Amber Blithe Bold Brave Breezy Bright Calm Candid Clever Cosy Crisp Curious Deft Eager Fair Fond Frank Gentle Glad Golden Happy Hazel Honest Humble Jolly Keen Kind Lively Lucky Mellow Merry Mild Neat Nimble Noble Patient Plucky Polite Proud Quick Quiet Ready Rosy Silver Smart Snug Steady Sunny Swift Tidy Trusty Upbeat Warm Witty'.split(
    ' ',
  );

const ANIMALS: readonly string[] =
  'Alpaca Badger Beaver Bison Bittern Bobcat Condor Crane Curlew Dolphin Dormouse Egret Falcon Ferret Finch Gazelle Gecko Heron Hoopoe Ibex Jackdaw Kestrel Kingfisher Kiwi Koala Lapwing Lark Lemur Lynx Marmot Marten Mole Moose Newt Ocelot Osprey Otter Owl Panda Pelican Penguin Plover Puffin Quokka Raven Robin Seal Sparrow Squirrel Starling Stork Swallow Tapir Toucan Turtle Walrus Wombat Wren'.split(
    ' ',
  );
