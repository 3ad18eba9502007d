import { type Attack, NOT_THERE, type Place, prompting } from '../attack.ts';

const canary = ({ world }: Place) => ({ canary: world.canary });
const folder = ({ world }: Place) => ({ folder: `${world.home}/.ssh` });
const victim = ({ world }: Place) => ({ victim: world.victim, outside: world.outside, caller: world.caller });
const readable = ({ world }: Place) => ({ readable: world.readable, canary: world.canary });
const self = ({ world }: Place) => ({ self: world.llamafile });

/** A home that may be read, but for the keys. */
const HIDING = 'apiVersion: paddock/v1\nextends: default\nfiles: { read: ["~"], hide: ["~/.ssh"] }\n';

/** Reading and changing files outside the grant. */
export const FILE_ATTACKS: readonly Attack[] = [
  read('a private key in the home', 'read-canary'),
  {
    ...read('a private key so often that the record drowns', 'read-canary-often'),
    seen: { event: 'dropped' },
  },
  {
    ...write('create a file whose name speaks to a terminal and to a log', 'read-speaking-name'),
  },
  read('a private key through a link in TMPDIR', 'read-symlink'),
  { ...read('a private key by a second name for it', 'read-hardlink'), seen: { refused: 'write' } },
  { ...read('a private key with openat2', 'read-openat2'), seen: { refused: 'fallback' } },
  read('a private key through an O_PATH descriptor', 'read-reopened'),
  read('a private key through its own root', 'read-own-root'),
  { ...read('a private key through the launcher’s root', 'read-launcher-root'), seenInside: NOT_THERE },
  {
    ...read('a private key by file handle', 'read-by-handle'),
    control: 'depends',
    seen: { refused: 'kernel' },
  },
  {
    ...read('a private key in place of a granted file while that is opened', 'race-open'),
    parameters: readable,
    arguments: prompting,
  },
  { ...read('the names in ~/.ssh', 'list-folder'), parameters: folder },
  { ...read('a hidden private key in a granted home', 'read-canary'), policy: HIDING },
  { ...read('a hidden private key in a granted home, through a link', 'read-symlink'), policy: HIDING },
  {
    ...read('the names in a hidden folder of a granted home', 'list-folder'),
    parameters: folder,
    policy: HIDING,
  },
  {
    ...read('the events of ~/.ssh by inotify', 'watch-folder-inotify'),
    parameters: folder,
    seen: { refused: 'metadata' },
  },
  {
    ...read('the events of ~/.ssh by fanotify', 'watch-folder-fanotify'),
    parameters: folder,
    control: 'depends',
    seen: { refused: 'metadata' },
  },
  { ...read('the launcher’s environment', 'read-launcher-environment'), seenInside: NOT_THERE },
  read('the supervisor’s environment', 'read-parent-environment'),
  { ...read('the launcher’s memory map', 'read-launcher-maps'), seenInside: NOT_THERE },
  {
    ...read('the launcher’s memory', 'read-launcher-memory'),
    control: 'depends',
    seen: { refused: 'write' },
  },
  {
    ...read('weights of the same name beside the caller', 'shadow-weights'),
    seen: { nothing: 'its working directory is empty' },
  },

  write('create a file outside', 'create-outside'),
  write('create a file outside with creat', 'create-with-creat'),
  write('create a file in the caller’s folder', 'create-in-callers-folder'),
  write('append to a file', 'append-to-victim'),
  write('truncate a file', 'truncate-victim'),
  write('truncate a file while opening it for reading', 'truncate-while-reading'),
  write('rename a file', 'rename-victim'),
  write('move a file of its own out', 'rename-into-outside'),
  write('exchange a file for its own', 'exchange-with-victim'),
  write('delete a file', 'unlink-victim'),
  write('link a file of its own outside', 'link-outside'),
  write('plant a symbolic link', 'symlink-outside'),
  write('make a folder', 'mkdir-outside'),
  { ...write('make a FIFO', 'fifo-outside'), seen: { refused: 'metadata' } },
  write('an unnamed file, linked into place', 'unnamed-outside'),

  shorten('truncate', 'truncate-victim'),
  shorten('an open with O_TRUNC', 'truncate-while-reading'),
  metadata('chmod', 'chmod-readable'),
  metadata('fchmod', 'fchmod-readable'),
  { ...metadata('fchmodat2', 'fchmodat2-readable'), control: 'depends' },
  metadata('chown', 'chown-readable'),
  metadata('utime', 'utime-readable'),
  metadata('utimensat', 'utimensat-readable'),
  {
    ...metadata('attributes', 'set-flags-readable'),
    control: 'depends',
    seen: { nothing: 'the filter answers this ioctl by itself' },
  },
  { ...metadata('setxattr', 'setxattr-readable'), control: 'depends' },

  { ...write('change the judged file', 'overwrite-self'), parameters: self },
  { ...write('change the judged file through its descriptor', 'overwrite-descriptor'), parameters: self },
  { ...write('delete the judged file', 'replace-self'), parameters: self },
  // An APE file is data to the kernel, which would not mind its being written while it runs.
  { ...write('change the judged file, as APE', 'overwrite-self'), parameters: self, form: 'ape' },
  {
    ...write('change the judged file through its descriptor, as APE', 'overwrite-descriptor'),
    parameters: self,
    form: 'ape',
  },
  { ...read('a private key, as APE', 'read-canary'), form: 'ape' },
  {
    ...write('leave the control group', 'leave-control-group'),
    parameters: () => ({ group: '/sys/fs/cgroup/memory/tasks' }),
    control: 'depends',
  },
  {
    ...write('make the launcher the first to die', 'write-launcher-score'),
    parameters: undefined,
    seenInside: NOT_THERE,
  },
];

function read(what: string, attempt: string): Attack {
  return { name: `read ${what}`, attempt, parameters: canary, control: 'always', seen: { refused: 'read' } };
}

function write(name: string, attempt: string): Attack {
  return { name, attempt, parameters: victim, control: 'always', seen: { refused: 'write' } };
}

function metadata(name: string, attempt: string): Attack {
  return {
    name: `${name} on a file granted for reading`,
    attempt,
    parameters: readable,
    arguments: prompting,
    control: 'always',
    seen: { refused: 'metadata' },
  };
}

/** Where opening for reading is granted, and with it, on an older Landlock, all that does not write. */
function shorten(how: string, attempt: string): Attack {
  return {
    ...write(`cut a file short that is granted for reading, with ${how}`, attempt),
    parameters: ({ world }) => ({ victim: world.readable }),
    arguments: prompting,
  };
}
