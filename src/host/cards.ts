import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Card } from '../launch/devices.ts';

/** Vendor of a PCI device (pci.ids): AMD. */
const AMD = '0x1002';

/**
 * The graphics cards of this host, by their nodes. Nothing is opened.
 * @param root of the file system; tests bring their own.
 */
export function findCards(root = '/'): Card[] {
  return [...nvidiaCards(root), ...amdCards(root)];
}

// Partitions of a card (MIG) are reached through capability nodes, of which /dev/nvidia-caps has one for each.
function nvidiaCards(root: string): Card[] {
  const numbers = namesIn(join(root, 'dev'))
    .map((name) => /^nvidia(\d{1,3})$/.exec(name)?.[1])
    .filter((number) => number !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
  return numbers.map((number) => ({ kind: 'nvidia', number, nodes: [`/dev/nvidia${number}`] }));
}

function amdCards(root: string): Card[] {
  const nodes = namesIn(join(root, 'dev/dri'))
    .filter((name) => /^renderD\d{1,4}$/.test(name))
    .filter((name) => textOf(join(root, 'sys/class/drm', name, 'device/vendor')) === AMD)
    .sort((a, b) => Number(a.slice(7)) - Number(b.slice(7)));
  return nodes.map((name, number) => ({ kind: 'amd', number, nodes: [`/dev/dri/${name}`] }));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // no such folder, no such cards
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return ''; // a node without a device behind it
  }
}
