import { type Attack, call, type Place } from '../attack.ts';

const canary = ({ world }: Place) => ({ canary: world.canary });

/** Namespaces, mounts, and interfaces of the kernel that no model needs. */
export const KERNEL_ATTACKS: readonly Attack[] = [
  ...(
    [
      ['a user namespace', 'unshare-user', 'namespace'],
      ['a mount namespace', 'unshare-mount', 'namespace'],
      ['a network namespace', 'unshare-network', 'namespace'],
      ['a child in a user namespace', 'clone-user', 'namespace'],
      ['a child in a user namespace by clone3', 'clone3-user', 'fallback'],
      ['the supervisor’s namespace', 'enter-parent', 'namespace'],
      ['mount', 'mount-tmpfs', 'mount'],
      ['fsopen', 'mount-new-interface', 'mount'],
      ['open_tree', 'copy-tree', 'mount'],
      ['chroot', 'change-root', 'mount'],
      ['pivot_root', 'pivot-root', 'mount'],
      ['a seccomp listener of its own', 'seccomp-listener', 'seccomp'],
      ['userfaultfd', 'page-faults', 'kernel'],
      ['load BPF', 'load-bpf', 'kernel'],
      ['performance counters', 'count-events', 'kernel'],
      ['the user’s keyring', 'session-keys', 'kernel'],
      ['plant a key', 'plant-key', 'kernel'],
      ['the kernel log', 'read-kernel-log', 'kernel'],
      ['rename the host', 'rename-host', 'kernel'],
      ['I/O ports', 'port-level', 'kernel'],
      ['fixed addresses', 'fixed-addresses', 'kernel'],
      ['load a module', 'load-module', 'kernel'],
      ['secret memory', 'secret-memory', 'memfd'],
      ['System V shared memory', 'shared-memory', 'ipc'],
      ['a System V message queue', 'message-queue', 'ipc'],
      ['a POSIX message queue', 'posix-queue', 'ipc'],
    ] as const
  ).map(([name, attempt, label]) => call(name, attempt, label)),
  {
    ...call('System V shared memory of the host', 'host-memory', 'ipc'),
    parameters: ({ listeners }) => ({ memory: listeners.memory }),
  },
  { ...call('read a private key through io_uring', 'uring-open', 'io_uring'), parameters: canary },
  {
    ...call('raise a limit', 'raise-limit', 'kernel'),
    seen: { nothing: 'the limit is a hard one, and the kernel keeps it' },
  },
  ...(
    [
      ['x32 getpid', 'x32-getpid'],
      ['x32 open', 'x32-open'],
      ['i386 getpid', 'i386-getpid'],
      ['i386 open', 'i386-open'],
      ['i386 socketcall', 'i386-socketcall'],
    ] as const
  ).map(
    ([name, attempt]): Attack => ({
      ...call(name, attempt, 'foreign'),
      parameters: canary,
      ends: 'either',
    }),
  ),
  {
    ...call('a call of the future', 'unknown-call', 'unknown'),
    seen: { nothing: 'what the kernel does not know either is answered as such' },
  },
];
