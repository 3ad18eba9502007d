import { denied, ENOSYS, flag, type Rule } from './rule.ts';

// clone(2): CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. (NEWTIME exists for clone3 alone: its
// bit lies in the exit signal of clone.)
const CLONE_NEW =
  0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000;

/** Namespaces and mounts. */
export const NAMESPACE_RULES: readonly Rule[] = [
  {
    ...denied,
    calls: ['unshare', 'setns'],
    label: 'namespace',
    why: 'a user namespace gives every capability over new kernel objects',
  },
  {
    ...denied,
    calls: ['clone'],
    when: [flag(0, CLONE_NEW)],
    label: 'namespace',
    why: 'the same by way of clone; plain clone makes threads and stays',
  },
  {
    ...denied,
    calls: ['clone3'],
    errno: ENOSYS,
    family: 'none',
    label: 'fallback',
    why: 'its flags lie in memory; a C library falls back to clone',
  },
  {
    ...denied,
    calls: [
      'mount',
      'umount2',
      'pivot_root',
      'chroot',
      'fsopen',
      'fsconfig',
      'fsmount',
      'fspick',
      'open_tree',
      'move_mount',
      'mount_setattr',
    ],
    label: 'mount',
    why: 'changes what a path means',
  },
];
