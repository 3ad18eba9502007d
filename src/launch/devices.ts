import type { Policy } from '../policy/policy.ts';
import type { PathGrant } from './landlock.ts';
import { PROGRAM_MINIMUM } from './minimum.ts';
import { RIGHT_KEPT, RIGHT_READ, RIGHT_WRITE } from './operations.ts';

export type CardKind = 'nvidia' | 'amd';

/** A graphics card of the host, with the nodes that are its own. */
export interface Card {
  readonly kind: CardKind;
  /** As the driver counts them: the minor number for NVIDIA, the order of the render nodes for AMD. */
  readonly number: number;
  readonly nodes: readonly string[];
}

interface Driver {
  /** Nodes without which no card of the kind can be used, and which do not choose a card. */
  readonly shared: readonly string[];
  /** Files and folders of the driver that its libraries read. */
  readonly read: readonly string[];
  /** Written, for a reason. */
  readonly write: readonly { readonly path: string; readonly why: string }[];
}

/**
 * What the drivers' libraries open. A card's own node is the boundary between cards, so that no folder of nodes is ever
 * granted; display nodes (`nvidia-modeset`, `/dev/dri/card*`) are not for computing. Sources: the lists of nono, sandlock and
 * OpenShell, which agree on these; not yet seen on a machine with a card.
 */
export const DRIVERS: Readonly<Record<CardKind, Driver>> = {
  nvidia: {
    shared: ['/dev/nvidiactl', '/dev/nvidia-uvm', '/dev/nvidia-uvm-tools'],
    read: [
      '/proc/driver/nvidia',
      '/proc/driver/nvidia-uvm',
      '/proc/devices',
      '/sys/bus/pci/devices',
      '/sys/devices/pci0000:00',
      '/sys/module/nvidia',
      '/sys/module/nvidia_uvm',
      '/run/nvidia-persistenced',
    ],
    write: [
      {
        path: '/proc/self/task',
        why: 'from version 570 on cuInit names its threads there; the rule is made in the child, so it is the child’s own',
      },
    ],
  },
  amd: {
    shared: ['/dev/kfd'],
    read: [
      '/sys/class/kfd',
      '/sys/devices/virtual/kfd',
      '/sys/class/drm',
      '/sys/bus/pci/devices',
      '/sys/devices/pci0000:00',
      '/sys/module/amdgpu',
      '/usr/share/libdrm',
      '/opt/rocm/lib',
    ],
    write: [],
  },
};

export interface Devices {
  readonly grants: readonly PathGrant[];
  readonly cards: readonly Card[];
  /** For the user, one line each. */
  readonly warnings: readonly string[];
}

const NONE: Devices = { grants: [], cards: [], warnings: [] };

/**
 * The nodes and files of the cards that the policy grants. Empty for `gpu: none`. The driver's libraries are those of the
 * system, so that its folders of libraries may be read as for a program of the system.
 * @param present the cards of this host.
 */
export function deviceGrants(devices: Policy['devices'], present: readonly Card[]): Devices {
  if (devices.gpu === 'none') return NONE;
  const fitting = present.filter(({ kind }) => devices.gpu === 'auto' || kind === devices.gpu);
  const cards = fitting.filter(({ number }) => devices.cards?.includes(number) ?? true);
  const warnings = missing(devices, fitting, cards);
  if (cards.length === 0) return { ...NONE, warnings };
  const kinds = [...new Set(cards.map(({ kind }) => kind))];
  const drivers = kinds.map((kind) => DRIVERS[kind]);
  const nodes = [...drivers.flatMap(({ shared }) => shared), ...cards.flatMap((card) => card.nodes)];
  return {
    cards,
    warnings,
    grants: [
      ...nodes.map((path) => ({ path, rights: RIGHT_READ | RIGHT_WRITE | RIGHT_KEPT, deviceControl: true })),
      ...drivers.flatMap(({ read }) => read.map((path) => ({ path, rights: RIGHT_READ }))),
      ...drivers.flatMap(({ write }) =>
        write.map(({ path }) => ({ path, rights: RIGHT_READ | RIGHT_WRITE })),
      ),
      ...PROGRAM_MINIMUM.map(({ path, rights }) => ({ path, rights })),
    ],
  };
}

function missing(
  { gpu, cards: asked }: Policy['devices'],
  fitting: readonly Card[],
  cards: readonly Card[],
): string[] {
  if (fitting.length === 0) {
    const kind = gpu === 'auto' ? 'graphics card' : `card of kind ${gpu}`;
    return [`the policy grants a graphics card, and no ${kind} was found here`];
  }
  const absent = (asked ?? []).filter((number) => !cards.some((card) => card.number === number));
  if (absent.length === 0) return [];
  const there = fitting.map(({ number }) => number).join(', ');
  return [`the policy grants card ${absent.join(', ')}, which is not here: there is ${there}`];
}
