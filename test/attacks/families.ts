/** What is attacked. The suite has attempts of each. */
export const FAMILIES = [
  'files',
  'processes',
  'network',
  'sockets',
  'terminal',
  'memory',
  'namespaces',
  'devices',
  'procfs-sysfs',
  'kernel',
  'time-of-check',
  'resources',
  'supervision',
  'gate',
  'inheritance',
  'phases',
] as const;

export type Family = (typeof FAMILIES)[number];

/** Attempts that stand in a table of another family, because they look like their neighbours there. */
export const FAMILY_OF: Readonly<Record<string, Family>> = {
  ...of('memory', [
    ...[
      'read-launcher-memory',
      'read-launcher-maps',
      'read-launcher-vm',
      'read-parent-vm',
      'write-parent-vm',
    ],
    ...[
      'page-faults',
      'secret-memory',
      'shared-memory',
      'execute-memory',
      'memory-bomb',
      'memory-bomb-shared-out',
    ],
    ...['fixed-addresses'],
  ]),
  ...of('procfs-sysfs', [
    ...['read-launcher-environment', 'read-parent-environment', 'read-launcher-root', 'read-own-root'],
    ...['leave-control-group', 'write-launcher-score'],
  ]),
  ...of('time-of-check', ['race-open', 'race-execute', 'race-bind-port', 'race-bind-address']),
  ...of('gate', [
    ...['trace-parent', 'take-parent-descriptor', 'compare-with-parent', 'limit-parent', 'kill-parent'],
    ...['command-supervisor', 'enter-parent', 'seccomp-listener', 'read-canary-often', 'read-speaking-name'],
    ...['overwrite-self', 'overwrite-descriptor', 'replace-self', 'write-judged-descriptor'],
  ]),
  ...of('namespaces', [
    ...['unshare-user', 'unshare-mount', 'unshare-network', 'clone-user', 'clone3-user'],
    ...['mount-tmpfs', 'mount-new-interface', 'copy-tree', 'change-root', 'pivot-root'],
  ]),
  ...of('sockets', [
    ...['unix-path', 'unix-abstract', 'unix-pair-sendto', 'unix-abstract-listen', 'netlink-routes'],
    ...[
      'packet-socket',
      'raw-socket',
      'crypto-socket',
      'vsock-socket',
      'sctp-socket',
      'xdp-socket',
      'join-group',
    ],
  ]),
  ...of('resources', [
    ...['fork-bomb', 'thread-bomb', 'file-bomb', 'sparse-bomb', 'descriptor-bomb', 'raise-limit'],
  ]),
  ...of('terminal', [
    ...[
      'type-key',
      'type-key-high-bits',
      'paste-selection',
      'take-console',
      'change-discipline',
      'open-terminal',
    ],
    ...[
      'open-any-terminal',
      'take-terminal',
      'set-clipboard',
      'ask-title-back',
      'ask-answer-back',
      'reset-terminal',
    ],
  ]),
  ...of('inheritance', ['find-descriptors', 'read-inherited', 'reopen-stream', 'find-variable']),
};

function of(family: Family, attempts: readonly string[]): Record<string, Family> {
  return Object.fromEntries(attempts.map((attempt) => [attempt, family]));
}
