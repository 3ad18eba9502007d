import { type Attack, call } from '../attack.ts';
import type { ReferenceId } from '../reference.ts';

/** Calls of which only the permission is tried: number and harmless arguments are in programs/calls.c. */
const DOORS: readonly (readonly [name: string, label: string, closes?: ReferenceId])[] = [
  ['process_vm_readv', 'trace', 'call-process-vm'],
  ['process_vm_writev', 'trace', 'call-process-vm'],
  ['kcmp', 'trace', 'call-kcmp'],
  ['pidfd_getfd', 'trace', 'call-pidfd-getfd'],
  ['process_madvise', 'trace'],
  ['process_mrelease', 'trace'],
  ['swapon', 'kernel', 'call-swap'],
  ['swapoff', 'kernel', 'call-swap'],
  ['reboot', 'kernel', 'call-reboot'],
  ['kexec_load', 'kernel', 'call-kexec'],
  ['kexec_file_load', 'kernel', 'call-kexec'],
  ['init_module', 'kernel', 'call-modules'],
  ['delete_module', 'kernel', 'call-modules'],
  ['quotactl', 'kernel', 'call-quota'],
  ['quotactl_fd', 'kernel', 'call-quota'],
  ['open_by_handle_at', 'kernel', 'call-handles'],
  ['name_to_handle_at', 'kernel', 'call-handles'],
  ['lookup_dcookie', 'kernel', 'call-dcookie'],
  ['keyctl', 'kernel', 'call-keys'],
  ['request_key', 'kernel', 'call-keys'],
  ['umount2', 'mount', 'call-mount'],
  ['fsconfig', 'mount', 'call-mount-new'],
  ['fsmount', 'mount', 'call-mount-new'],
  ['fspick', 'mount', 'call-mount-new'],
  ['move_mount', 'mount', 'call-mount-new'],
  ['mount_setattr', 'mount', 'call-mount-new'],
  ['io_uring_enter', 'io_uring', 'call-io-uring'],
  ['io_uring_register', 'io_uring', 'call-io-uring'],
  ['acct', 'kernel'],
  ['settimeofday', 'kernel'],
  ['clock_settime', 'kernel'],
  ['adjtimex', 'kernel'],
  ['clock_adjtime', 'kernel'],
  ['setdomainname', 'kernel'],
  ['fanotify_mark', 'metadata'],
  ['semget', 'ipc'],
  ['shmat', 'ipc'],
  ['msgsnd', 'ipc'],
  ['lsm_set_self_attr', 'kernel'],
  ...(process.arch === 'x64'
    ? ([
        ['ioperm', 'kernel'],
        ['modify_ldt', 'kernel'],
        ['ustat', 'kernel'],
        ['uselib', 'kernel'],
        ['inotify_init', 'metadata'],
      ] as const)
    : []),
];

/** CLONE_NEW* of linux/sched.h. */
const KINDS = [
  ['control group', 0x0200_0000],
  ['host name', 0x0400_0000],
  ['message', 0x0800_0000],
  ['process', 0x2000_0000],
] as const;

export const DOOR_ATTACKS: readonly Attack[] = DOORS.map(([name, label, closes]) => ({
  ...call(`reach ${name}`, 'reach-call', label),
  parameters: () => ({ call: name }),
  ...(closes === undefined ? {} : { closes: [closes] }),
}));

export const NAMESPACE_KIND_ATTACKS: readonly Attack[] = KINDS.flatMap(([kind, flags]): Attack[] => [
  {
    ...call(`a ${kind} namespace of its own`, 'unshare-kind', 'namespace'),
    parameters: () => ({ flags }),
    closes: ['call-unshare'],
  },
  {
    ...call(`a child in a ${kind} namespace`, 'clone-kind', 'namespace'),
    parameters: () => ({ flags }),
    closes: ['call-clone'],
  },
]);
