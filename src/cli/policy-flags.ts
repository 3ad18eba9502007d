import { type Command, Option } from 'commander';
import { PRESETS } from '../policy/preset-names.ts';
import {
  collect,
  collectCards,
  duration,
  memory,
  niceness,
  positive,
  size,
  weight,
  whole,
} from './options.ts';

/** The options of `run` that make a layer of the policy, and those that name policies. */
export function policyFlags(command: Command): Command {
  return command
    .option('--policy <file>', 'a policy on top of the system’s and your own', collect)
    .option('--preset <name>', PRESETS.join(', '))
    .option('--memory <size>', 'limit for the whole session, e.g. 8GiB', memory)
    .option('--swap <size>', 'swap space beside the memory; 0 for none', size)
    .option('--cpus <number>', 'CPUs the session may use, e.g. 2.5', positive)
    .option(
      '--cpu-weight <number>',
      'share of the CPUs when others want them: 1 to 10000, all have 100',
      weight,
    )
    .option('--processes <number>', 'limit of processes and threads', whole)
    .option('--open-files <number>', 'limit of open files of each process', whole)
    .option('--file-size <size>', 'the largest file that may be written', size)
    .option('--disk <size>', 'what the private folders may hold together', size)
    .option('--time <duration>', 'wall-clock limit, e.g. 30m', duration)
    .option('--idle <duration>', 'end it when it has been idle for so long', duration)
    .option('--output-limit <size>', 'what it may write to its output and errors together', size)
    .option('--nice <number>', 'how far it stands back for others: 0 to 19', niceness)
    .option('--io-weight <number>', 'share of the disks: 1 to 10000, all have 100', weight)
    .option('--read <path>', 'grant reading a file or folder', collect)
    .option('--write <path>', 'grant writing a file or folder', collect)
    .option('--exec <path>', 'grant executing a program or folder', collect)
    .option('--env <name>', 'pass an environment variable on: NAME or NAME=VALUE', collect)
    .addOption(
      new Option('--gpu <kind>', 'graphics cards within reach').choices(['none', 'auto', 'nvidia', 'amd']),
    )
    .option('--card <number>', 'only this card, as the driver counts it', collectCards)
    .addOption(new Option('--network <mode>', 'sockets').choices(['auto', 'none', 'serve']))
    .addOption(
      new Option('--namespaces <when>', 'a layer beside the fence').choices(['auto', 'require', 'off']),
    )
    .addOption(
      new Option('--engine <whose>', 'trusted: a known engine runs, and the file is only read').choices([
        'own',
        'trusted',
      ]),
    )
    .option('--engine-release <name>', 'of which learned release; default: that of the file')
    .option('--private-copy', 'judge and run a copy that nobody else can write to');
}
