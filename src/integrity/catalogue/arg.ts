import { type Checks, REBUILD } from './check.ts';

const OVERRIDE = 'ask the publisher to leave it out, or run these weights with a release of your own (`-m`)';

/** ARG: the arguments that the file brings along. */
export const ARG = {
  'ARG-001': {
    stage: 'judging',
    severity: 'deny',
    title: '.args is not plain text of at most 64 KiB',
    why: 'programs read such a file in different ways, so nobody can say with which arguments it would start',
    remedy: REBUILD,
  },
  'ARG-003': {
    stage: 'judging',
    severity: 'warn',
    title: '.args uses environment variables',
    why: 'a file could take a secret of your environment, or choose a path by it',
    remedy: 'the environment inside the fence is scrubbed; `paddock run --dry-run` shows what is left',
  },
  'ARG-004': {
    stage: 'judging',
    severity: 'warn',
    title: '.args has “...” where it does not do what it seems to',
    why: 'arguments behind it win over yours, and old releases take it for an argument of three dots',
    remedy:
      '`paddock inspect` shows the command line that comes of it; a clean `.args` has one “...”, at its end',
  },
  'ARG-010': {
    stage: 'judging',
    severity: 'deny',
    title: '.args has a flag that no file may bring along',
    why: 'such flags switch off the program’s own care, start programs, or fetch what nobody judged',
    remedy: OVERRIDE,
  },
  'ARG-011': {
    stage: 'judging',
    severity: 'deny',
    title: '.args names a file outside of the archive',
    why: 'the program would read, serve or write a file of yours that the publisher chose',
    remedy: OVERRIDE,
  },
  'ARG-012': {
    stage: 'judging',
    severity: 'deny',
    title: '.args makes the server reachable from other machines',
    why: 'anybody in your network could use the model, and every fault of the server with it',
    remedy:
      'give `--host 127.0.0.1` behind the file name, which overrides it, or list the address in `network.listen` of your policy',
  },
  'ARG-013': {
    stage: 'judging',
    severity: 'info',
    title: '.args asks for the GPU',
    why: 'with a GPU the program raises no sandbox of its own, and compiles or loads libraries',
    remedy: 'nothing to do: without the GPU it runs on the CPU; `--gpu disable` says so from the start',
  },
  'ARG-014': {
    stage: 'judging',
    severity: 'warn',
    title: '.args has a flag that its release does not know',
    why: 'the program ends with an error, or the file was made for another runtime than the one that is in it',
    remedy: 'ask the publisher for a clean build, or run these weights with a release of your own (`-m`)',
  },
  'ARG-015': {
    stage: 'judging',
    severity: 'warn',
    title: '.args asks for something that is yours to grant',
    why: 'it would write files, show a folder, or decide who may talk to the server',
    remedy: 'the fence grants none of it by itself; grant it only if you know why the model needs it',
  },
  'ARG-020': {
    stage: 'judging',
    severity: 'deny',
    title: '.args has the last word over your policy',
    why: 'arguments that your policy appends are to win, and those behind “...” in .args come after them',
    remedy:
      'ask the publisher for an `.args` that ends with “...”, or take the arguments out of `arguments.force`',
  },
} as const satisfies Checks;
