import type { ClosureId } from '../../src/launch/matrix.ts';

/** Attempts for each protection that is held by something else, or by less, on an older Landlock. */
export const MOVED: Readonly<Partial<Record<ClosureId, readonly string[]>>> = {
  move: ['rename-into-outside', 'exchange-with-victim', 'link-outside', 'read-hardlink', 'rename-victim'],
  truncate: ['truncate-victim', 'truncate-while-reading'],
  devices: ['drive-device'],
  connect: [
    'connect-ipv4',
    'connect-nonblocking',
    'fast-open-sendto',
    'fast-open-sendmsg',
    'fast-open-option',
  ],
  listen: [
    'bind-other-port',
    'bind-any-address',
    'bind-ephemeral',
    'listen-unbound',
    'race-bind-port',
    'race-listener',
  ],
  unix: ['unix-abstract', 'unix-path', 'unix-pair-sendto'],
  signals: [
    ...['kill-launcher', 'tgkill-launcher', 'tkill-launcher', 'sigqueue-launcher', 'pidfd-signal-launcher'],
    ...['signal-by-owner', 'signal-group', 'signal-group-by-descriptor', 'kill-parent'],
  ],
};

/** Attempts that the filter answers by itself where Landlock does not, and so unseen; up to this ABI. */
export const UNSEEN_UP_TO: Readonly<Record<string, number>> = {
  'signal-group': 5,
  'truncate-while-reading': 2,
};
